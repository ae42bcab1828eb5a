"""Shared by all tests."""

from __future__ import annotations

import pathlib

import pytest

from tests.fixtures.shared import demonstration_files as demonstration_files
from tests.fixtures.shared import made_once as made_once

#: Scripts that tests start; they are no tests and do not import on their own.
collect_ignore = ["browser/viewer_app.py"]

HERE = pathlib.Path(__file__).parent
#: Folders whose files take long, in the order in which they are given to the workers: a long file
#: that begins last would leave the other worker idle.
FIRST = ("browser", "pages", "faults", "reference", "contracts")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take long first; within a file nothing changes its place."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: pathlib.Path) -> int:
    folder = path.relative_to(HERE).parts[0] if path.is_relative_to(HERE) else ""
    return FIRST.index(folder) if folder in FIRST else len(FIRST)
