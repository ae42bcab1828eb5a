"""Dose-volume histograms, metrics and fractionation; knows contours and dose, no files."""
