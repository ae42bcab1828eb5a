"""Jobs on the contours page: by structure, cancelled, stopped, tried again; and approvals."""

from __future__ import annotations

import json

import pytest

from abscope.contour.steps_told import Step
from abscope.jobs.runner import JobRunner
from abscope.workflows.approving import approve_structures
from abscope.workflows.contouring import CONTOUR_JOB
from abscope.workflows.job_progress import steps_text
from tests.pages.conftest import ACTOR
from tests.unit.jobs.memory import OTHER_SERVER

CASE = "ct-only"
STEPS = (
    Step(name="Lung_L", state="done", seconds=4.0), Step(name="Heart", state="running"),
    Step(name="VB"),
)  # fmt: skip


@pytest.fixture(name="jobs")
def _jobs(context, monkeypatch):
    monkeypatch.setattr(JobRunner, "_enqueue", lambda self, job_id: None)  # nothing runs here
    return context.jobs


def _add(jobs, engine="anatomical"):
    return jobs.add_job(
        case_id=CASE, function=CONTOUR_JOB, owner=OTHER_SERVER,
        parameters=json.dumps({"engine": engine, "structures": [], "actor": "kim"}),
    )  # fmt: skip


def test_a_job_is_shown_by_structure_cancelled_and_tried_again(page, jobs):
    job, waiting = _add(jobs), _add(jobs, "click")
    jobs.start_job(job.id, OTHER_SERVER)
    jobs.update_job(job.id, progress=0.4, message="Heart", steps=steps_text(STEPS))
    shown = page("contours", CASE)
    words = shown.words()
    for text in ("Drawing contours", "Heart", "no estimate yet", "Lung_L 4 s", "VB"):
        assert text in words
    assert "Waiting: 1 other job is first" in words.replace("*", "")
    (line,) = [e.text for e in shown.elements() if getattr(e, "type", "") == "progress"][:1]
    assert line.replace("\\", "") == "Contours: Heart, 40 % · 1 more waiting"  # by the title
    shown.press(f"contours.cancel.{waiting.id}")
    assert jobs.get_job(waiting.id).state == "cancelled"
    shown.run().press(f"contours.cancel.{job.id}")
    assert jobs.get_job(job.id).is_being_cancelled
    assert "Cancelling" in shown.words()
    jobs.end_job(job.id, "failed", error="The image is too small. Where: engine. Try another.")
    shown.run()
    jobs.cancel_job(waiting.id)
    assert not shown.has("contours.cancel.")


@pytest.mark.parametrize(
    ("state", "error", "text"),
    [
        ("failed", "The image is too small. Take another.", "failed. The image is too small."),
        ("cancelled", "", "was cancelled. Nothing was stored."),
        ("stopped", "x", "stopped when the server stopped. Nothing of it was stored."),
    ],
)
def test_what_became_of_a_job_is_said_and_it_can_be_tried_again(page, jobs, state, error, text):
    job = _add(jobs)
    jobs.end_job(job.id, state, error=error)
    shown = page("contours", CASE)
    assert f"Contouring {text}" in shown.words()
    shown.press(f"contours.again.{job.id}")
    (again,) = jobs.unfinished_jobs()
    assert json.loads(again.parameters) == json.loads(job.parameters) | {"actor": "local"}
    assert "Waiting for a worker" in shown.words()


def test_structures_are_approved_one_by_one(page, context):
    shown = page("contours", "dose-only").choose("contours.section", "Approve")
    key = shown.widget("contours.approved.").key
    shown.at.session_state[key] = {
        "edited_rows": {0: {"Approved": True}}, "added_rows": [], "deleted_rows": [],
    }  # fmt: skip
    shown.press("contours.approvals.save")
    first, second = context.cases.get("dose-only").structure_sets[0].rois
    assert (first.approved_by, second.approved_by) == ("local", "")
    table = shown.table("Name in file", "Approved")
    assert table["Approved"].tolist() == [f"local, {first.approved[:10]}", ""]
    uid = context.cases.get("dose-only").structure_sets[0].uid
    approve_structures(context, ACTOR, "dose-only", {(uid, second.number): True})
    shown.run().press("contours.approvals.save")  # somebody else's approval is left alone
    assert context.cases.get("dose-only").structure_sets[0].rois[1].approved_by == ACTOR.name
