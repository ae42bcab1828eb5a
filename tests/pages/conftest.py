"""An archive with a handful of cases, made once and copied for every test; and pages to run."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from abscope.core.case import Patient
from abscope.core.settings import Settings
from abscope.demo import DemoFiles
from abscope.predict.explain import warm_up
from abscope.workflows import demonstration
from abscope.workflows.context import Actor, Context, open_context
from abscope.workflows.importing import check_reading, read_paths, save
from tests import phantoms
from tests.browser.conftest import chromium as chromium  # the fixture, for the sign-in tests
from tests.fixtures.shared import Made
from tests.pages.shown import HOSTILE, Shown

ACTOR = Actor(name="tester")
HERE = pathlib.Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the pages to `make test`: each test runs the whole program."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


def settings_of(home: pathlib.Path) -> Settings:
    return Settings(home=home, database_url=f"sqlite:///{home / 'abscope.sqlite'}")


@pytest.fixture(scope="session")
def filled(made_once: Made, demonstration_files: DemoFiles) -> pathlib.Path:
    """Return an archive with the demonstration case, a CT alone, a dose without CT, a small plan,
    bad names.
    """
    warm_up()
    return made_once("cases", lambda folder: _fill(folder, demonstration_files)) / "home"


def _fill(folder: pathlib.Path, files: DemoFiles) -> None:
    context = open_context(settings_of(folder / "home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demonstration, "write_demo", lambda folder: files)
        demonstration.demonstration_case(context, ACTOR)
    ct = phantoms.write_folder(folder / "ct", phantoms.ct_series())
    rois = [phantoms.cylinder_roi(), phantoms.sphere_roi()]
    planned = phantoms.write_folder(
        folder / "rt", [phantoms.rtstruct(rois)], [phantoms.rtplan()], [phantoms.rtdose()]
    )
    named = [dataclasses.replace(phantoms.sphere_roi(n + 1), name=t) for n, t in enumerate(HOSTILE)]
    bad = phantoms.write_folder(folder / "bad", [phantoms.rtstruct(named)])
    dose = phantoms.write_folder(folder / "dose", [phantoms.rtplan()], [phantoms.rtdose()])
    _import(context, "ct-only", [ct])
    _import(context, "dose-only", [planned])
    _import(context, "planned", [ct, planned])
    for number, name in enumerate(HOSTILE):
        patient = Patient(id=name[:16], name=name, birth_date="", sex="")
        _import(context, f"hostile-{number}", [ct, bad, dose], patient)
    context.archive.close()


def _import(
    context: Context, case_id: str, paths: list[pathlib.Path], patient: Patient | None = None
) -> None:
    reading = read_paths(paths)
    draft = check_reading(reading, frozenset())
    if patient is not None:
        draft = dataclasses.replace(draft, patient=patient)
    save(context, ACTOR, draft, case_id=case_id, findings=reading.findings)


@pytest.fixture
def home(
    filled: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pathlib.Path]:
    """A copy of the archive for one test; the pages of the test use it."""
    target = tmp_path / "home"
    shutil.copytree(filled, target)
    yield from _used(target, monkeypatch)


@pytest.fixture
def empty_home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    """An archive without cases."""
    yield from _used(tmp_path / "home", monkeypatch)


def _used(home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    from components import runtime

    for name in ("ABSCOPE_DATABASE_URL", "ABSCOPE_REQUIRE_SIGN_IN", "ABSCOPE_ADMINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ABSCOPE_HOME", str(home))
    # Done once in `filled`: in a thread it would meet pytest's own handling of warnings. The timer
    # may outlast the test, so it is given another function, not one that is put back at the end.
    monkeypatch.setattr(runtime, "_warm", lambda opened: None)
    monkeypatch.setattr(PagesManager, "__init__", _as_after_the_first_visit(PagesManager.__init__))
    st.cache_resource.clear()
    yield home
    runtime.context().archive.close()
    st.cache_resource.clear()


def _as_after_the_first_visit(original: Callable[..., None]) -> Callable[..., None]:
    """Let app.py own the pages, as on a server on which it has run once.

    AppTest starts every run as a fresh server, where the folder pages/ wins (measured-facts 10);
    the detour over app.py would then drop what a test has just entered. tests/pages/test_access.py
    covers the fresh server with a real one.
    """

    def __init__(self: PagesManager, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    return __init__


@pytest.fixture
def page(home: pathlib.Path) -> Callable[..., Shown]:
    """Return what opens a page: ``page("dose", "demonstration")``."""
    return Shown.open


@pytest.fixture
def context(home: pathlib.Path) -> Iterator[Context]:
    """The archive as another process sees it."""
    opened = open_context(settings_of(home))
    yield opened
    opened.archive.close()
