"""Cases of one archive whose dose is a known function of the distance to their own target."""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.core.case import Patient, RoiInfo, StructureSetInfo
from abscope.core.geometry import Grid, Volume
from abscope.core.ids import uid_from
from abscope.core.plan import Dose, Plan
from abscope.core.structures import Roi, StructureSet
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, Context
from abscope.workflows.rows import dose_info
from tests import phantoms

ACTOR = Actor(name="tester")
FALL_MM = 25.0
GRID = Grid.regular(
    origin_mm=(-90, -60, -50), spacing_zyx_mm=(4, 4, 4), shape_zyx=(26, 31, 46),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip


def _tube(number: int, name: str, at_mm: tuple[float, float], radius_mm: float) -> Roi:
    planes = tuple(np.arange(-36.0, 37.0, 4.0).tolist())
    roi = phantoms.cylinder_roi(number, name, radius_mm, planes, at_mm)
    return dataclasses.replace(roi, standard_name=name)


def organs() -> list[Roi]:
    return [_tube(2, "Heart", (25.0, 0.0), 18.0), _tube(3, "SpinalCord", (0.0, 40.0), 6.0)]


def _without_volumes(structures: StructureSet, blob: str) -> StructureSetInfo:
    """Return the row of a set; volumes, which take half of the time, are left unknown."""
    rows = tuple(
        RoiInfo(number=r.number, name=r.name, standard_name=r.standard_name, interpreted_type="",
                color=r.color, volume_cm3=None)
        for r in structures.rois
    )  # fmt: skip
    return StructureSetInfo(
        uid=structures.uid, label=structures.label, source=structures.source, rois=rows, blob=blob,
        frame_of_reference_uid=structures.frame_of_reference_uid, series_uid="",
    )  # fmt: skip


def store_plan(
    context: Context,
    seed: int,
    *,
    patient_id: str | None = None,
    prescribed_gy: float = 60.0,
    fractions: int = 30,
    noise: float = 0.03,
    ptv_name: str = "PTV",
    synthetic: bool = False,
    falls_mm: float = FALL_MM,
) -> str:
    """Store a case without CT: PTV, heart, cord, plan and dose; return its id, ``plan-<seed>``.

    The dose is the prescription inside the target and falls exponentially outside; `noise` is the
    standard deviation of a factor on the whole plan.
    """
    random = np.random.default_rng(seed)
    centre, radius = np.array([-25.0, 0, 0]) + random.uniform(-5, 5, 3), 17 + random.uniform(-2, 2)
    ptv = phantoms.sphere_roi(1, ptv_name, float(radius), tuple(centre.tolist()), 4.0)
    rois = (dataclasses.replace(ptv, standard_name=ptv_name), *organs())
    uids = [uid_from("by distance", kind, str(seed)) for kind in ("set", "plan", "dose")]
    structures = StructureSet(
        uid=uids[0], label="plan", source="clinical", rois=rois,
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    plan = Plan(
        uid=uids[1], label="plan", prescribed_gy=prescribed_gy, fractions=fractions, beams=2,
        structure_set_uid=uids[0], frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    points = GRID.to_mm(np.stack(np.indices(GRID.shape_zyx), -1).reshape(-1, 3))
    outside = np.maximum(np.linalg.norm(points - centre, axis=1) - radius, 0.0)
    share = np.exp(-outside / falls_mm) * (1 + noise * random.standard_normal())
    gray = (prescribed_gy * share).reshape(GRID.shape_zyx).astype(np.float32)
    dose = Dose(
        uid=uids[2], volume=Volume(array_zyx=gray, grid=GRID, unit="Gy"), summation="PLAN",
        plan_uid=uids[1], structure_set_uid=uids[0],
    )  # fmt: skip
    case_id = f"plan-{seed}"
    patient = Patient(
        id=f"P{seed}" if patient_id is None else patient_id, name=f"Plan^{seed}",
        synthetic=synthetic,
    )  # fmt: skip
    blob = context.cases.put_contours(structures.rois)
    add = Additions(
        structure_sets=[_without_volumes(structures, blob)],
        doses=[dose_info(context, dose)], plans=[plan],
    )  # fmt: skip
    context.cases.create(case_id, patient, add, ACTOR.entry("import", case_id))
    return case_id
