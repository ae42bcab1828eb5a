"""LUNG1-001: two plans of one patient give no estimate; what is kept of one has its mean dose."""

from __future__ import annotations

import pathlib

import pytest

from abscope.core.errors import RefusedError
from abscope.workflows.achievable import achievable
from abscope.workflows.context import Actor, open_context
from abscope.workflows.dose_evaluation import choose_structure_set
from abscope.workflows.importing import check_reading, read_paths, save
from abscope.workflows.plan_shapes import KIND, stored_shape
from tests.fixtures.archives import settings_of
from tests.reference.command import lung1, needs_lung1

pytestmark = [pytest.mark.slow, pytest.mark.data, needs_lung1]

ACTOR = Actor(name="tester")
#: Of plan A (dvh-reference.csv).
LUNGS_MEAN_GY = 8.08


def test_two_plans_of_one_patient_give_no_estimate(tmp_path):
    context = open_context(settings_of(tmp_path / "home"))
    reading = read_paths(pathlib.Path(lung1(f"plan-{name}.zip")) for name in "ab")  # no CT
    draft = check_reading(reading, frozenset())
    case = save(context, ACTOR, draft, case_id="lung1", findings=reading.findings)
    with pytest.raises(RefusedError) as caught:
        achievable(context, ACTOR, case)
    assert caught.value.code == "achievable-too-few"
    assert caught.value.what.startswith("0 of 5 plans")
    dose = case.doses[0]
    shape = stored_shape(context, ACTOR, case, dose, choose_structure_set(case, dose))
    assert shape.technique == "conventional"
    mean = shape.organs["Lungs-GTV"].mean_dose * shape.prescribed_gy
    assert mean == pytest.approx(LUNGS_MEAN_GY, rel=0.01)
    assert len(context.documents.of_case(case.id, KIND)) == 1
    context.archive.close()
