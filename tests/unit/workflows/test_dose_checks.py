"""The warning that a target's dose is far from the prescription."""

from __future__ import annotations

from abscope.core.case import Case, DoseInfo
from abscope.dose.histogram import Dvh
from abscope.workflows.dose_checks import prescription_findings
from tests import phantoms


def test_derived_lungs_are_no_target_of_a_plan_that_names_none():
    plan, dose = phantoms.plan_of(), phantoms.dose_of()
    info = DoseInfo(
        uid=dose.uid, summation="PLAN", dose_type="PHYSICAL", max_gy=60.0, grid=dose.volume.grid,
        plan_uid=plan.uid, structure_set_uid="",
    )  # fmt: skip
    case = Case(id="one", version=1, patient=phantoms.PATIENT, created="", plans=(plan,),
                doses=(info,))  # fmt: skip
    target = Dvh.from_dose_points("PTV", [60.0], [10.0])
    lungs = Dvh.from_dose_points("Lungs-GTV", [5.0, 20.0], [3000.0, 500.0])
    assert plan.target_roi_number is None
    found = prescription_findings(case, info, [(1, "PTV", target), (None, "Lungs-GTV", lungs)])
    assert found == ()
