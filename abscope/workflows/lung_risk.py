"""What drives the estimated risk of radiation pneumonitis where: a map, and thirds of each lung."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from abscope.core.case import Case
from abscope.core.errors import NotFoundError, RefusedError
from abscope.core.geometry import Grid, Volume
from abscope.core.rasterise import region_weights
from abscope.core.structures import Region, StructureSet
from abscope.dose.fractionation import isoeffective_gy
from abscope.dose.lung_regions import LungPart, iso_slope, lung_parts
from abscope.predict.model import Card, Prediction
from abscope.predict.slope import Slope, SlopeModel
from abscope.workflows.context import Context
from abscope.workflows.dose_evaluation import (
    choose_dose,
    choose_structure_set,
    closed_gtvs,
    closed_roi,
)
from abscope.workflows.features import case_features

#: The map says what one gray more to this much lung adds.
REFERENCE_CM3 = 100.0
UNIT = "points per Gy"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LungRisk:
    """Where dose to the lungs weighs how much in one model.

    Parameters
    ----------
    card, prediction, slope
        The model, its estimate for this plan, and how steep it is there.
    volume : Volume
        Percentage points of risk that one gray more to 100 cm3 of lung here would add, on the dose
        grid; NaN outside the lungs (less than half of a voxel) and where there is no dose.
    parts : tuple of LungPart
    lungs_cm3 : float
        Inside the dose grid; a plan whose grid covers less than 99 % has no mean lung dose.
    """

    card: Card
    prediction: Prediction
    slope: Slope
    volume: Volume
    parts: tuple[LungPart, ...]
    lungs_cm3: float

    def points_per_gy(self, part: LungPart) -> tuple[float, tuple[float, float]]:
        """Return what one gray more to all of a part adds, in percentage points, with limits."""
        low, high = (100.0 * limit * part.slope_share for limit in self.slope.interval)
        return 100.0 * self.slope.per_gy * part.slope_share, (low, high)


def lung_risk(context: Context, case: Case, dose_uid: str | None = None) -> LungRisk:
    """Return the derivative of the risk by dose, for the first model that has a slope.

    Raises
    ------
    RefusedError
        ``lung-risk-inputs``: the model lacks an input; ``lung-risk-domain``: the plan lies outside
        its population; ``lung-risk-lungs``: no lungs in the plan's structure set.
    """
    dose = choose_dose(case, dose_uid)
    contours = context.cases.structure_set(choose_structure_set(case, dose))
    regions = _sides(contours)
    model = next((m for m in context.models if isinstance(m, SlopeModel)), None)
    if model is None:
        raise NotFoundError(
            "model-unknown",
            "No model with a slope is installed.",
            where="models",
            expected="a model of mean lung dose",
            remedy="Look at the list of models on the Admin page.",
        )
    features, _ = case_features(context, case, dose_uid=dose.uid)
    prediction, slope = model.predict(features), model.slope(features)
    fractions = features["fractions"].value if "fractions" in features else None
    _check(model.card, prediction)
    if slope is None or not isinstance(fractions, (int, float)):
        raise _lacking("fractions")
    volume = context.cases.volume(dose)
    return _computed(volume, regions, int(fractions), model.card, prediction, slope)


def _computed(
    volume: Volume,
    regions: dict[str, Region],
    fractions: int,
    card: Card,
    prediction: Prediction,
    slope: Slope,
) -> LungRisk:
    grid = volume.grid
    weights = {side: region_weights(region, grid) for side, region in regions.items()}
    gray = np.asarray(volume.array_zyx, dtype=np.float32)
    wide = gray.astype(np.float64)
    given = fractions, slope.alpha_beta_gy, slope.reference_fractions
    iso = np.asarray(isoeffective_gy(wide, *given))
    steep = iso_slope(wide, *given)
    voxel = grid.voxel_volumes_cm3()[:, None, None]
    parts = lung_parts(weights, gray, _height_mm(grid), voxel, iso, steep)
    lungs_cm3 = sum(part.volume_cm3 for part in parts)
    whole = np.maximum.reduce(list(weights.values()))
    points = 100.0 * slope.per_gy * steep * REFERENCE_CM3 / lungs_cm3
    shown = np.where(whole >= 0.5, points, np.nan).astype(np.float32)
    return LungRisk(
        card=card,
        prediction=prediction,
        slope=slope,
        volume=Volume(array_zyx=shown, grid=grid, unit=UNIT),
        parts=parts,
        lungs_cm3=lungs_cm3,
    )


def _sides(contours: StructureSet) -> dict[str, Region]:
    """Return side -> lung less GTV; one region for a combined contour."""
    gtv = closed_gtvs(contours)
    left, right, both = (closed_roi(contours, n) for n in ("Lung_L", "Lung_R", "Lungs"))
    if left and right:
        return {
            "left": Region(name="Lung_L", include=(left,), exclude=gtv),
            "right": Region(name="Lung_R", include=(right,), exclude=gtv),
        }
    if both:
        return {"both": Region(name="Lungs", include=(both,), exclude=gtv)}
    raise RefusedError(
        "lung-risk-lungs",
        "The plan's structure set has no lungs.",
        where="structure set of the plan",
        expected="Lung_L and Lung_R, or Lungs",
        remedy="Draw them on the Contours page, or give the structures their TG-263 names there.",
    )


def _check(card: Card, prediction: Prediction) -> None:
    if prediction.missing and prediction.probability is None:
        labels = {i.name: i.label for i in card.inputs}
        raise _lacking(", ".join(labels.get(name, name) for name in prediction.missing))
    if prediction.domain == "out":
        raise RefusedError(
            "lung-risk-domain",
            f"The plan lies outside the population of the model: {prediction.domain_reasons[0]}",
            where=card.title,
            expected="a plan like those that the model was made of",
            remedy="The dose by thirds of the lungs is in the DVH metrics; there is no risk map.",
        )


def _lacking(what: str) -> RefusedError:
    return RefusedError(
        "lung-risk-inputs",
        f"The model lacks: {what}.",
        where="facts of the case",
        expected="all inputs of the model",
        remedy="Enter them on the page Labs and facts.",
    )


def _height_mm(grid: Grid) -> npt.NDArray[np.float64]:
    """Return the position of each voxel toward the head, in mm."""
    planes = grid.plane_offsets_mm[:, None, None] * grid.axes[2, 2]
    rows = (np.arange(grid.size_yx[0]) * grid.spacing_yx_mm[0] * grid.axes[1, 2])[None, :, None]
    columns = (np.arange(grid.size_yx[1]) * grid.spacing_yx_mm[1] * grid.axes[0, 2])[None, None, :]
    return np.asarray(grid.origin_mm[2] + planes + rows + columns, dtype=np.float64)
