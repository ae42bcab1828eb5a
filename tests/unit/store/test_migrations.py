"""Archives of earlier schemas stay readable, whatever later releases add."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.workflows.context import open_context
from abscope.workflows.dose_evaluation import evaluate_dose
from abscope.workflows.views import case_json
from tests.fixtures.archives import CASE_ID, archive_of_schema


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
