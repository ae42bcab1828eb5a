"""Runs of engines: what is kept, what the next one may take, and the command line."""

from __future__ import annotations

import dataclasses
import json

import pytest

from abscope.cli.main import main
from abscope.contour import registry
from abscope.contour.manifest import Asked, Image, RunManifest, Surroundings
from abscope.contour.steps_told import Step, StepsTold
from abscope.core.errors import ConflictError, JobCancelledError
from abscope.core.ports import Job
from abscope.core.structures import StructureSet
from abscope.store.cases import Additions
from abscope.workflows import contouring, runs
from abscope.workflows.context import Actor, open_context
from abscope.workflows.contouring import contour_case
from abscope.workflows.importing import save
from abscope.workflows.job_progress import steps_of, steps_text
from abscope.workflows.rows import structure_info
from tests.durability import slow_engine
from tests.durability.worker import phantom
from tests.fixtures.archives import settings_of
from tests.phantoms import sphere_roi

NAMES = ("Lung_L", "Lung_R", "Heart")
RUN = RunManifest(
    engine="anatomical", engine_title="Anatomical", engine_version="2.0",
    asked=Asked(structures=NAMES, seed_mm=(1.0, -2.5, 3.0),
                box_mm=((0.0, -10.0, 0.0), (5.0, 5.0, 5.0)), pet_sha256="ab"),
    image=Image(series_uid="1.2", sha256="cd", shape_zyx=(100, 10, 10),
                spacing_zyx_mm=(3.0, 1.0, 1.0)),
    surroundings=Surroundings.now(), seconds=12.0,
    structures=(Step(name="Lung_L", state="done", seconds=4.5),
                Step(name="Heart", state="not found", seconds=0.5)),
    author="kim", started="2026-03-01T10:00:00+00:00", finished="2026-03-01T10:00:12+00:00",
    structure_set_uid="1.3", job_id="job-1",
)  # fmt: skip
VOXELS = RUN.image.voxels


def timed(*seconds: float, **changes: object) -> list[RunManifest]:
    return [dataclasses.replace(RUN, seconds=s, **changes) for s in seconds]


def test_a_manifest_is_read_as_it_was_written():
    assert RunManifest.from_json(json.loads(json.dumps(RUN.as_json()))) == RUN
    assert {"numpy"} <= set(RUN.as_json()["libraries"])
    assert (RUN.not_found, RUN.as_json()["abscope_version"]) == (("Heart",), "0.1.0")


def test_no_estimate_before_the_first_run_of_an_engine():
    assert runs.estimate([], "anatomical", NAMES, VOXELS) is None
    assert runs.estimate([RUN], "click", ("GTV_Click",), VOXELS) is None


def test_estimate_is_the_median_scaled_by_voxels():
    found = runs.estimate(timed(30.0, 10.0, 12.0), "anatomical", NAMES, 2 * VOXELS)
    assert found == runs.Estimate(seconds=24.0, low_s=24.0, high_s=24.0, runs=3)
    assert found.words == "about 25 s"


def test_estimate_is_scaled_by_structures_where_no_run_had_the_same_ones():
    found = runs.estimate(timed(12.0), "anatomical", ("Heart",), VOXELS)
    assert found is not None
    assert found.seconds == pytest.approx(4.0)
    same = dataclasses.replace(RUN, asked=Asked(structures=("Heart",)), seconds=7.0)
    found = runs.estimate([*timed(12.0), same], "anatomical", ("Heart",), VOXELS)
    assert found is not None
    assert (found.seconds, found.runs) == (7.0, 1)


def test_estimate_rests_on_the_newest_version_of_the_engine():
    old = timed(100.0, engine_version="1.0")
    found = runs.estimate([*timed(12.0), *old], "anatomical", NAMES, VOXELS)
    assert found is not None
    assert (found.seconds, found.runs) == (12.0, 1)


def test_estimate_of_many_runs_is_a_range():
    found = runs.estimate(timed(10.0, 12.0, 20.0, 28.0, 30.0), "anatomical", NAMES, VOXELS)
    assert found is not None
    assert (found.low_s, found.seconds, found.high_s) == (12.0, 20.0, 28.0)
    assert found.words == "between 10 s and 30 s"
    assert [found.left(s) for s in (3.0, 27.0, 60.0)] == [
        "about 25 s left", "nearly done", "longer than the earlier runs",
    ]  # fmt: skip


def test_steps_follow_the_names_that_an_engine_says():
    told = StepsTold(["Lung_L", "Lung_R", "Heart"])
    said = ["External", "Lung_L", "Lung_L", "Lung_R", "Saving the contours"]
    shown = [told.tell(message, 10.0 * n) for n, message in enumerate(said)]
    assert shown == ["Preparing: External", *said[1:]]
    assert [(s.state, s.seconds) for s in told.steps] == [
        ("done", 20.0), ("done", 10.0), ("waiting", 0.0),
    ]  # fmt: skip
    assert [s.state for s in told.end(["Lung_L", "Lung_R"], 50.0)] == ["done", "done", "not found"]


def test_a_lone_structure_takes_all_messages():
    told = StepsTold(["GTV_Click"])
    told.tell("Lung_L", 1.0)
    told.tell("Looking around the point", 4.0)
    (step,) = told.steps
    assert (step.state, step.seconds_at(6.0)) == ("running", 5.0)


def _job(**changes: str) -> Job:
    return Job(
        id="job-1", case_id="one", function="f", parameters='{"structures":["Heart"]}',
        state="waiting", progress=0.0, message="", result="", error="",
        created="2026-03-01T10:00:00+00:00", updated="2026-03-01T10:00:30+00:00", **changes,
    )  # fmt: skip


def test_steps_of_a_job_are_those_asked_for_before_it_begins():
    assert steps_of(_job()) == (Step(name="Heart"),)
    steps = (Step(name="Heart", state="running", seconds=1.5, since_s=7.0),)
    assert steps_of(_job(steps=steps_text(steps))) == steps


def test_a_job_knows_its_time_and_place_in_the_queue():
    job = _job(started="2026-03-01T10:00:10+00:00")
    assert runs.seconds_of(job) == 20.0
    assert runs.seconds_of(_job()) is None
    first = dataclasses.replace(job, id="job-0", created="2026-03-01T09:00:00+00:00")
    assert (runs.jobs_ahead([first, job], job), runs.jobs_ahead([first, job], first)) == (1, 0)


@pytest.fixture(name="home")
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    monkeypatch.setattr(registry, "_installed", registry._installed)
    slow_engine.install(0.0)
    return tmp_path / "home"


def test_the_command_line_tells_how_contours_were_made_and_who_approved_them(home, capsys):
    context = open_context(settings_of(home))
    save(context, Actor(name="kim"), phantom(), case_id="one")
    context.archive.close()

    def run(*words: str) -> dict:
        assert main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    drawn = run("contour", "one", "--engine", "slow")
    made = drawn["run"]
    assert (made["engine"], made["author"], made["job_id"]) == ("slow", "command line", None)
    assert [s["state"] for s in made["structures"]] == ["done", "done", "not found"]
    (row,) = run("runs", "one")["runs"]
    assert (row["outcome"], row["run"]) == ("2 of 3 structures", made)
    uid = drawn["structure_set_uid"]
    approved = run("approve", "one", "--set", uid, "--structure", "Heart", "1")
    assert [s["approved_by"] for s in approved["structures"]] == ["command line"] * 2
    version = approved["version"]
    again = run("approve", "one", "--set", "auto", "--structure", "Heart")
    assert again["version"] == version  # as before: nothing is stored
    back = run("approve", "one", "--set", uid, "--structure", "Heart", "--withdraw")
    assert [s["approved_by"] for s in back["structures"]] == [None]
    shown = run("show", "one")["structure_sets"][1]["rois"]
    assert [bool(r["approved"]) for r in shown] == [True, False]


def test_estimates_look_at_the_runs_of_all_cases(home):
    context = open_context(settings_of(home))
    save(context, Actor(name="kim"), phantom(), case_id="one")
    contour_case(context, Actor(name="kim"), "one", engine="slow")
    assert [r.engine for r in runs.earlier_runs(context)] == ["slow"]
    context.archive.close()


def test_the_same_run_twice_at_once_leaves_one_set(home):
    """While one run draws, another of the same image and request begins and ends."""
    context = open_context(settings_of(home))
    save(context, Actor(name="kim"), phantom(), case_id="one")
    others = []

    def meanwhile(_share: float, message: str) -> None:
        if message == "Heart" and not others:
            others.append(contour_case(context, Actor(name="lee"), "one", engine="slow"))

    done = contour_case(context, Actor(name="kim"), "one", engine="slow", report=meanwhile)
    (other,) = others
    assert done.structure_set == other.structure_set
    assert (other.run.is_repeat, done.run.is_repeat) == (False, True)
    uids = [s.uid for s in context.cases.get("one").structure_sets]
    assert uids.count(done.structure_set.uid) == 1
    assert len(runs.runs_of_case(context, "one")) == 2
    context.archive.close()


def _running_job(context) -> str:
    job = context.jobs.add_job(
        case_id="one", function=contouring.CONTOUR_JOB, parameters="{}", owner="this server"
    )
    assert context.jobs.start_job(job.id, "this server")
    return job.id


def test_a_repeated_run_and_the_end_of_its_job_are_stored_together_or_not_at_all(home):
    """The database fails just as the job is to be marked as done; then it works again."""
    context = open_context(settings_of(home))
    save(context, Actor(name="kim"), phantom(), case_id="one")
    contour_case(context, Actor(name="kim"), "one", engine="slow")
    job_id = _running_job(context)
    before = (len(runs.runs_of_case(context, "one")), len(context.archive.audit_rows()))
    with context.archive.writing() as db:
        db.exec_driver_sql(
            "create trigger fail before update on jobs when new.state = 'done' "
            "begin select raise(abort, 'injected'); end"
        )
    with pytest.raises(ConflictError):
        contour_case(context, Actor(name="kim"), "one", engine="slow", job_id=job_id)
    assert context.jobs.get_job(job_id).state == "running"
    after = (len(runs.runs_of_case(context, "one")), len(context.archive.audit_rows()))
    assert after == before
    with context.archive.writing() as db:
        db.exec_driver_sql("drop trigger fail")
    contour_case(context, Actor(name="kim"), "one", engine="slow", job_id=job_id)
    assert context.jobs.get_job(job_id).state == "done"
    # by kind, not by time: both may end within one tick of the clock
    first, newest = sorted(runs.runs_of_case(context, "one"), key=lambda run: run.is_repeat)
    assert (newest.is_repeat, newest.job_id, first.is_repeat) == (True, job_id, False)
    context.archive.close()


def test_a_repeated_run_whose_job_was_cancelled_leaves_nothing(home):
    context = open_context(settings_of(home))
    save(context, Actor(name="kim"), phantom(), case_id="one")
    contour_case(context, Actor(name="kim"), "one", engine="slow")
    job_id = _running_job(context)
    context.jobs.cancel_job(job_id)
    with pytest.raises(JobCancelledError):
        contour_case(context, Actor(name="kim"), "one", engine="slow", job_id=job_id)
    assert len(runs.runs_of_case(context, "one")) == 1
    context.archive.close()


@pytest.mark.parametrize(
    ("states", "outlines", "words", "of_asked"),
    [
        (["done"], 3, "1 structure and 2 alternatives", "1 of 1 structure and 2 alternatives"),
        (["done"], 2, "1 structure and 1 alternative", "1 of 1 structure and 1 alternative"),
        (["done", "done", "not found"], 2, "2 structures", "2 of 3 structures"),
        (["done", "not found"], 0, "1 structure", "1 of 2 structures"),  # its set is not known
    ],
)
def test_alternatives_of_a_structure_are_counted_beside_it(states, outlines, words, of_asked):
    steps = tuple(Step(name=f"S{n}", state=state) for n, state in enumerate(states))
    run = dataclasses.replace(RUN, structures=steps)
    assert runs.drawn_words(run, outlines) == words
    assert runs.drawn_words(run, outlines, of_asked=True) == of_asked


def test_the_history_counts_the_outlines_of_a_click(home):
    context = open_context(settings_of(home))
    save(context, Actor(name="kim"), phantom(), case_id="one")
    case = context.cases.get("one")
    rois = tuple(sphere_roi(n, f"GTV_Click{end}") for n, end in enumerate(("", "_T", "_L"), 1))
    drawn = StructureSet(
        uid="1.3", label="Click", source="auto:click", frame_of_reference_uid="", rois=rois
    )
    info = structure_info(drawn, case.series[0].grid, context.cases.put_contours(rois))
    run = dataclasses.replace(RUN, structures=(Step(name="GTV_Click", state="done"),))
    add = Additions(structure_sets=[info], documents=[(runs.RUN, run.as_json())])
    context.cases.extend("one", case.version, add, Actor(name="kim").entry("contour", "one"))
    (row,) = runs.history(context, "one")
    assert row.outcome == "1 of 1 structure and 2 alternatives"
    context.archive.close()
