"""The real door for the faults: an archive of its own, the command line, and uploads into it.

All of this folder is left to `make test`: it goes through the whole program, and the unit tests of
`make check` hold the same rules at their source.
"""

from __future__ import annotations

import pathlib

import pytest

from abscope.dicom.write_common import save_all
from tests.reference.command import Command

HERE = pathlib.Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(name="home")
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    return tmp_path / "home"


@pytest.fixture(name="run")
def _run(home, capsys):
    return Command(capsys)


@pytest.fixture(name="upload")
def _upload(run, tmp_path):
    """Return a function that imports objects or (name, bytes) from a fresh folder.

    ``case`` names the case, ``patient`` the number of one of several patients.
    """
    numbers = iter(range(1000))

    def upload(*objects, accept=(), refused=False, case=None, patient=None):
        folder = tmp_path / f"upload{next(numbers)}"
        folder.mkdir()
        save_all([o for o in objects if not isinstance(o, tuple)], folder, "o")
        for name, data in (o for o in objects if isinstance(o, tuple)):
            (folder / name).write_bytes(data)
        words = ["import", folder, *(["--accept", *accept] if accept else [])]
        words += ["--case", case] if case else []
        words += ["--patient", patient] if patient else []
        return run.refused(*words) if refused else run.done(*words)

    return upload


def nothing_is_stored(run) -> None:
    """Assert that the archive has neither a case nor an audit row."""
    assert run.done("cases") == {"cases": []}
    assert run.done("audit")["rows"] == []
