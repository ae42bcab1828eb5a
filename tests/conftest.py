"""Shared by all tests."""

from __future__ import annotations

#: Scripts that tests start; they are no tests and do not import on their own.
collect_ignore = ["browser/viewer_app.py"]
