"""Tests of the viewer on one page, which a package's tests share."""
