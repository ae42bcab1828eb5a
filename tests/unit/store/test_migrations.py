"""Archives of earlier schemas stay readable, whatever later releases add."""

from __future__ import annotations

import contextlib
import sqlite3
import threading

import numpy as np
import pytest
from sqlalchemy import select

from abscope.store import migrations
from abscope.store.archive import Archive
from abscope.store.cases import CaseTable
from abscope.store.migrations import Step, Upgrade
from abscope.store.tables import SCHEMA_VERSION, cases, objects
from abscope.workflows.context import open_context
from abscope.workflows.dose_evaluation import evaluate_dose
from abscope.workflows.views import case_json
from tests.fixtures.archives import CASE_ID, archive_of_schema, settings_of


@pytest.fixture(name="old")
def _old(tmp_path):
    context = open_context(archive_of_schema(1, tmp_path / "home"))
    yield context
    context.archive.close()


def test_everything_in_an_archive_of_schema_1_is_read(old):
    case = old.cases.get(CASE_ID)
    assert (case.version, case.patient.id) == (3, "PHANTOM-001")
    assert [s.grid.shape_zyx for s in case.series] == [(7, 13, 16)]
    assert [r.name for r in case.structure_sets[0].rois] == ["Cylinder", "Lung_L"]
    assert (case.plans[0].prescribed_gy, case.plans[0].fractions) == (60.0, 30)
    assert {r.key: r.value for r in case.labs} == {
        "anc": 4.2, "alc": 1.1, "ldh": 210.0, "albumin": 40.0,
    }  # fmt: skip
    assert case.facts.text("ici_agent") == "durvalumab"
    assert case_json(case)["case_id"] == CASE_ID
    volume = old.cases.volume(case.series[0])
    assert volume.array_zyx.shape == (7, 13, 16)
    contours = old.cases.structure_set(case.structure_sets[0])
    assert len(contours.roi("Cylinder").contours) == 5
    dose = old.cases.dose(case.doses[0])
    assert float(np.max(dose.volume.array_zyx)) == pytest.approx(case.doses[0].max_gy)
    assert [d.kind for d in old.documents.of_case(CASE_ID, "scenario")] == ["scenario"]
    assert "loris-nsclc" in {
        d.content["model"] for d in old.documents.of_case(CASE_ID, "prediction")
    }
    assert sorted(j.state for j in old.jobs.jobs_of(CASE_ID)) == ["done", "failed"]
    assert old.archive.first_broken_audit_row() is None


def test_a_dose_of_schema_1_gives_its_dvh(old):
    (row,) = [
        item
        for item in evaluate_dose(old, old.cases.get(CASE_ID)).structures
        if item.name == "Cylinder"
    ]
    # The dose is linear and the cylinder is centred at (3, -2, 0): its mean is there.
    assert row.dvh is not None
    assert row.dvh.mean_gy == pytest.approx(30 + 0.3 - 0.1, abs=0.05)


def test_the_upgrade_is_said_audited_and_a_copy_is_kept(tmp_path):
    settings = archive_of_schema(1, tmp_path / "home")
    before = shape(tmp_path / "home" / "abscope.sqlite")
    archive = Archive(settings)
    assert archive.upgraded == Upgrade(
        before=1, after=SCHEMA_VERSION, copy="abscope.sqlite.schema-1"
    )
    assert "kept as abscope.sqlite.schema-1" in str(archive.upgraded)
    assert archive.audit_rows(limit=1)[0].action == "migrate"
    assert shape(tmp_path / "home" / "abscope.sqlite.schema-1") == before
    archive.close()
    again = Archive(settings)
    assert again.upgraded is None
    again.close()


def test_an_upgraded_archive_is_built_as_a_new_one_is(tmp_path):
    Archive(archive_of_schema(1, tmp_path / "old")).close()
    Archive(settings_of(tmp_path / "new")).close()
    old, new = (shape(tmp_path / name / "abscope.sqlite") for name in ("old", "new"))
    assert old == new


def test_what_schema_2_adds_is_filled_from_what_was_there(tmp_path):
    archive = Archive(archive_of_schema(1, tmp_path / "home"))
    with archive.reading() as db:
        pointing = dict(db.execute(select(objects.c.kind, objects.c.blob)
                                   .where(objects.c.blob != "")).all())  # fmt: skip
        updated = dict(db.execute(select(cases.c.id, cases.c.updated)).all())
    assert sorted(pointing) == ["dose", "series", "structures"]
    assert all(archive.blobs.check(key) == "whole" for key in pointing.values())
    last = archive.audit_rows(limit=1, case_id=CASE_ID)[0].time
    assert updated[CASE_ID] == last
    assert {s.id: s.updated for s in CaseTable(archive).summaries()} == updated
    archive.close()


def test_jobs_of_schema_2_belong_to_nobody(old):
    for job in old.jobs.jobs_of(CASE_ID):
        assert (job.owner, job.started, job.cancel, job.steps) == ("", "", "", "")


@pytest.mark.parametrize("stop", ["in the step", "before the number"])
def test_an_interrupted_upgrade_starts_again(tmp_path, monkeypatch, stop):
    settings = archive_of_schema(1, tmp_path / "home")
    step = migrations.STEPS[0]

    def interrupted(db):
        if stop == "before the number":
            step.run(db)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "STEPS", (Step(to=2, run=interrupted),))
        with pytest.raises(KeyboardInterrupt):
            Archive(settings)
    with contextlib.closing(sqlite3.connect(tmp_path / "home" / "abscope.sqlite")) as db:
        assert db.execute("SELECT version FROM schema").fetchall() == [(1,)]
    archive = Archive(settings)
    assert archive.upgraded is not None
    assert len(CaseTable(archive).get(CASE_ID).series) == 1
    archive.close()


def test_two_processes_upgrade_once(tmp_path):
    settings = archive_of_schema(1, tmp_path / "home")
    failures = []

    def work():
        try:
            Archive(settings).close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    archive = Archive(settings)
    assert archive.first_broken_audit_row() is None
    assert len(CaseTable(archive).get(CASE_ID).series) == 1
    archive.close()


def shape(file):
    """Return tables -> columns and indexes -> columns of a database file."""
    with contextlib.closing(sqlite3.connect(file)) as db:
        names = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        columns = {
            name: sorted(r[1:4] for r in db.execute(f"PRAGMA table_info({name})")) for name in names
        }
        indexes = {
            r[1]: [c[2] for c in db.execute(f"PRAGMA index_info({r[1]})")]
            for name in names
            for r in db.execute(f"PRAGMA index_list({name})")
        }
    return columns, indexes
