"""Two plans of a case against each other: difference of dose, and the gamma index."""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.core.case import Case, DoseInfo, StructureSetInfo
from abscope.core.errors import DoseError
from abscope.core.geometry import Volume
from abscope.core.rasterise import region_weights
from abscope.core.resample import resample_to
from abscope.core.structures import Region
from abscope.dose.gamma import Criteria, Gamma, gamma_index
from abscope.workflows.context import Context
from abscope.workflows.dose_evaluation import choose_dose, delivered_prescription

#: A structure with less of its volume above the cut-off than this gets no pass rate (cm3).
LEAST_CM3 = 0.1


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DoseDifference:
    """Plan B less plan A.

    Parameters
    ----------
    volume : Volume
        B - A in Gy on the grid of A; NaN where B is unknown.
    largest_gy, smallest_gy : float or None
        Most that B gives more, and most that it gives less (negative); None without a common point.
    """

    volume: Volume
    largest_gy: float | None
    smallest_gy: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StructurePass:
    """Gamma within a structure: `compared_cm3` of it lie above the cut-off on both grids."""

    name: str
    compared_cm3: float
    pass_percent: float | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GammaComparison:
    """A gamma map, pass rates by structure, and what 100 per cent is."""

    gamma: Gamma
    structures: tuple[StructurePass, ...]
    normalization: str


def dose_difference(context: Context, case: Case, a_uid: str, b_uid: str) -> DoseDifference:
    """Return plan B less plan A, trilinear in patient millimetres on the grid of A.

    Raises
    ------
    DoseError
        ``frames-differ``, ``dose-types-differ``.
    """
    a, b = _pair(case, a_uid, b_uid)
    first, second = context.cases.volume(a), context.cases.volume(b)
    same = second.grid.same_geometry(first.grid)
    other = second if same else resample_to(second, first.grid)
    values = np.asarray(other.array_zyx - first.array_zyx, dtype=np.float32)
    known = values[np.isfinite(values)]
    return DoseDifference(
        volume=Volume(array_zyx=values, grid=first.grid, unit="Gy"),
        largest_gy=float(known.max()) if known.size else None,
        smallest_gy=float(known.min()) if known.size else None,
    )


def dose_gamma(
    context: Context,
    case: Case,
    a_uid: str,
    b_uid: str,
    criteria: Criteria,
    structure_set: StructureSetInfo | None = None,
) -> GammaComparison:
    """Return the gamma index of plan B at the points of plan A.

    100 per cent is A's prescription where it is known, else A's highest dose.

    Parameters
    ----------
    structure_set : StructureSetInfo, optional
        For pass rates by structure, by covered fractions of A's voxels.

    Raises
    ------
    DoseError
        As `dose_difference`, and ``gamma-no-dose``.
    """
    a, b = _pair(case, a_uid, b_uid)
    prescribed = delivered_prescription(case, a).total_gy
    found = gamma_index(context.cases.volume(a), context.cases.volume(b), criteria, prescribed)
    said = "prescription of plan A" if prescribed is not None else "highest dose of plan A"
    return GammaComparison(
        gamma=found,
        structures=_by_structure(context, found, structure_set),
        normalization=f"{said}, {found.normalization_gy:.2f} Gy",
    )


def _by_structure(
    context: Context, found: Gamma, info: StructureSetInfo | None
) -> tuple[StructurePass, ...]:
    frame = found.volume.grid.frame_of_reference_uid
    if info is None or (frame and info.frame_of_reference_uid not in ("", frame)):
        return ()
    grid, gamma = found.volume.grid, found.volume.array_zyx
    known, passed = np.isfinite(gamma), gamma <= 1.0
    voxel_cm3 = grid.voxel_volumes_cm3()[:, None, None]
    rows = []
    for roi in context.cases.structure_set(info).rois:
        if not roi.closed:
            continue
        weights = region_weights(Region.of(roi), grid)
        volumes = weights * voxel_cm3
        compared, share = float(volumes[known].sum()), float(volumes[passed].sum())
        enough = compared >= LEAST_CM3
        rows.append(
            StructurePass(
                name=roi.name,
                compared_cm3=compared,
                pass_percent=100.0 * share / compared if enough else None,
            )
        )
    return tuple(rows)


def _pair(case: Case, a_uid: str, b_uid: str) -> tuple[DoseInfo, DoseInfo]:
    a, b = choose_dose(case, a_uid), choose_dose(case, b_uid)
    frames = {d.grid.frame_of_reference_uid for d in (a, b)}
    if len(frames - {""}) > 1:
        raise DoseError(
            "frames-differ",
            "The two doses lie in different frames of reference.",
            where="comparison of doses",
            expected="one frame of reference for both doses",
            remedy="Compare plans of one planning CT; a registration is not applied silently.",
        )
    if a.dose_type != b.dose_type:
        raise DoseError(
            "dose-types-differ",
            "The two doses are of different types.",
            where="comparison of doses",
            expected="doses of one DoseType, such as PHYSICAL",
            remedy="Choose two physical doses, or two of one other type.",
        )
    return a, b
