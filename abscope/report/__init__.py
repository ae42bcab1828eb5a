"""The board pack: one set of pages, written as slides (PPTX) and as PDF."""
