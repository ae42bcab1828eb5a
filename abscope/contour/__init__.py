"""Contouring: engines that draw structures on an image, outlines, comparison."""
