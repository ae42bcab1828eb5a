"""faults.md, section S: what people at their browsers see of the archive's faults."""

from __future__ import annotations

import logging
import pathlib
import tomllib

import pytest
import streamlit as st

from abscope.core.case import Patient
from abscope.store.cases import Additions
from abscope.workflows import findings
from abscope.workflows.case_facts import set_facts
from abscope.workflows.context import Actor, open_context
from abscope.workflows.importing import save
from components import runtime
from tests.durability.worker import numbered, phantom
from tests.fixtures.archives import settings_of
from tests.pages.conftest import empty_home as empty_home
from tests.pages.shown import Shown
from tests.unit.jobs.memory import OTHER_SERVER

OTHER = Actor(name="kim")


@pytest.fixture(name="context")
def _context(empty_home):
    opened = open_context(settings_of(empty_home))
    for case_id, name in (("one", "ZZCANARY^One"), ("two", "OTHER^Two")):
        patient = Patient(id=f"ID-{case_id}", name=name)
        opened.cases.create(case_id, patient, Additions(), OTHER.entry("import", case_id))
    yield opened
    opened.archive.close()


def facts_form(case: str) -> Shown:
    return Shown.open("labs", case).choose("labs.view", "Clinical facts")


def test_s1_a_form_on_screen_shows_the_conflict_and_keeps_the_entries(context):
    """Somebody fills in the facts while another person changes one of the same fields.

    Saving shows who changed it, the stored value beside the own one, keeps all entries and stores
    nothing; saving again is then a decision and stores it.
    """
    shown = facts_form("one")
    shown.widget("labs.fact.one.ecog").set_value(2)
    shown.widget("labs.fact.one.smoking").set_value("never")
    set_facts(context, OTHER, "one", {"ecog": 1, "stage": "IIIA"})
    shown.press("labs.facts.save")
    assert "changed by kim" in shown.words()
    assert shown.table("Field", "Stored now", "Yours").values.tolist() == [
        ["ECOG performance status", "1", "2"], ["Smoking", "", "never"],
    ]  # fmt: skip
    assert shown.widget("labs.fact.one.ecog").value == 2
    assert dict(context.cases.get("one").facts.values) == {"ecog": 1, "stage": "IIIA"}
    shown.press("labs.facts.save")
    stored = dict(context.cases.get("one").facts.values)
    assert stored == {"ecog": 2, "smoking": "never", "stage": "IIIA"}
    assert shown.widget("labs.fact.one.stage").value == "IIIA"


def test_s1_a_form_on_screen_leaves_other_fields_standing(context):
    """Somebody fills in the facts while another person changes a field that is left alone here.

    Both changes are stored, the person is told, and the form then shows what is stored.
    """
    shown = facts_form("one")
    shown.widget("labs.fact.one.smoking").set_value("never")
    set_facts(context, OTHER, "one", {"ecog": 1})
    shown.press("labs.facts.save")
    assert dict(context.cases.get("one").facts.values) == {"ecog": 1, "smoking": "never"}
    assert shown.widget("labs.fact.one.ecog").value == 1


def test_s2_nothing_of_one_session_reaches_another(context):
    """Two sessions have different cases open and look at the same pages in turn.

    The marked name of the one is on no page of the other, on none of the screens and in no cache.
    """
    first, second = Shown.open("labs", "one"), Shown.open("labs", "two")
    for page in ("response", "labs", "board", "worklist", "labs"):
        words = first.go(page).words()
        assert page == "worklist" or "ZZCANARY" in words
        if page != "worklist":  # the worklist lists all cases, for everybody
            assert "ZZCANARY" not in second.go(page).words()


def test_s3_a_job_is_found_again_after_a_refresh(context):
    """The browser is refreshed while a contouring job is running in a worker.

    The new session finds the job by the database alone and shows how far it is.
    """
    save(context, OTHER, numbered(phantom(), 3), case_id="scan")
    Shown.open("contours", "scan")  # the server runs, and has taken up what there was
    job = context.jobs.add_job(
        case_id="scan", function="abscope.workflows.contouring:contour_job", parameters="{}",
        owner=OTHER_SERVER,
    )  # fmt: skip
    context.jobs.update_job(job.id, state="running", progress=0.4, message="Drawing the heart")
    shown = Shown.open("contours", "scan", by_address=True)
    beside_the_title, below = [e for e in shown.elements() if e.type == "progress"]
    assert "40" in str(beside_the_title.proto)
    assert "40" in str(below.proto)
    assert "Drawing the heart" in shown.words()
    context.jobs.update_job(job.id, state="failed", error="The worker stopped unexpectedly.")
    assert "stopped unexpectedly" in Shown.open("contours", "scan", by_address=True).words()


@pytest.mark.parametrize("page", ["worklist", "contours", "labs", "response", "board", "admin"])
def test_s5_a_read_only_archive_is_shown_and_says_so(context, monkeypatch, page):
    """An archive that cannot be written is looked at, page by page.

    Every page says that nothing is stored and shows what it can; none breaks.
    """
    save(context, OTHER, numbered(phantom(), 3), case_id="scan")
    monkeypatch.setattr(runtime.context().archive, "read_only", True)
    shown = Shown.open(page, None if page in ("worklist", "admin") else "scan")
    assert "The archive is read-only" in shown.words()
    assert len(list(shown.elements())) > 5


def test_s5_a_change_to_a_read_only_archive_is_refused_in_words(context, monkeypatch):
    """Facts are saved on a page while the archive cannot be written.

    The page says so in words; nothing is stored.
    """
    shown = facts_form("one")
    monkeypatch.setattr(runtime.context().archive, "read_only", True)
    shown.widget("labs.fact.one.ecog").set_value(2)
    shown.press("labs.facts.save")
    assert "can be read, not changed" in shown.words()
    assert context.cases.get("one").version == 1


def test_s10_an_unexpected_error_shows_a_number_only(context, monkeypatch, caplog):
    """A page stops at an error of the program whose text quotes a patient and a path.

    The screen shows an incident number; the log has the number, the kind of error and the line of
    code; neither has the text, and Streamlit is configured to show no traceback either.
    """

    def broken(*_: object) -> None:
        raise ValueError("ZZCANARY in /home/zzowner/scan.dcm")

    save(context, OTHER, numbered(phantom(), 3), case_id="scan")
    shown = Shown.open("labs", "scan")
    monkeypatch.setattr(findings, "all_findings", broken)
    with caplog.at_level(logging.ERROR):
        shown.at.switch_page("pages/contours.py")
        shown.at.run()
    (error,) = shown.at.error
    incident = str(error.value).split("incident ")[1].split(")")[0]
    assert len(incident) == 8
    assert incident in caplog.text
    for text in (shown.words(), caplog.text):
        assert "CANARY" not in text
        assert "zzowner" not in text
        assert "Traceback" not in text
    config = pathlib.Path(__file__).parents[2] / ".streamlit" / "config.toml"
    assert tomllib.loads(config.read_text())["client"]["showErrorDetails"] == "none"


def test_s10_an_archive_that_cannot_be_opened_is_said_in_words(empty_home):
    """The database file of the archive is no database.

    Every page shows what is wrong and what to do; there is no traceback.
    """
    empty_home.mkdir(exist_ok=True)
    database = empty_home / "abscope.sqlite"
    database.write_bytes(b"no database at all" * 100)
    try:
        assert "The database refused to answer" in Shown.open("worklist").words()
    finally:
        database.unlink()
        st.cache_resource.clear()


def test_s12_a_deleted_case_is_gone_from_an_open_session(context):
    """A case is deleted while another session has it open.

    The next step in that session says that it is no longer there; nothing of it is shown.
    """
    shown = Shown.open("response", "one")
    assert "ZZCANARY" in shown.words()
    context.cases.delete("one", OTHER.entry("delete", "one"))
    for page in ("response", "labs", "worklist"):
        assert "ZZCANARY" not in shown.go(page).words()
