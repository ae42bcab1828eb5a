"""Shared by all tests, and in which order and on which worker they run."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from tests.fixtures.shared import demonstration_files as demonstration_files
from tests.fixtures.shared import made_once as made_once

#: Scripts that tests start; they are no tests and do not import on their own.
collect_ignore = ["browser/viewer_app.py"]

HERE = pathlib.Path(__file__).parent
#: What takes long, in the order in which it is given to the workers: a long file that begins last
#: would leave the other worker idle. The first one makes the archive that all of `pages` copies.
FIRST = ("pages/test_access.py", "browser/", "reference/", "pages/", "faults/", "contracts/")
#: Files that share the contours of LUNG1-001, which take 20 s: they stay on one worker.
ON_ONE_WORKER = (
    "reference/test_contour_robustness.py", "reference/test_heart_real.py",
    "reference/test_lungs_real.py", "reference/test_rtstruct_export.py",
)  # fmt: skip


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first; within a file nothing changes its place."""
    items.sort(key=lambda item: _rank(_name(item.path)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep a file on one worker, so that what its tests share is made once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return "lung1" if file.removeprefix("tests/") in ON_ONE_WORKER else file

    config.option.loadscopereorder = False
    return ByFile(config, log)


def _name(path: pathlib.Path) -> str:
    return path.relative_to(HERE).as_posix() if path.is_relative_to(HERE) else ""


def _rank(name: str) -> tuple[int, bool]:
    place = next((n for n, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))
    return place, name not in ON_ONE_WORKER
