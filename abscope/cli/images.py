"""Commands on images: SUV of a PET."""

from __future__ import annotations

import argparse

from abscope.cli.shared import Result
from abscope.core.suv import SUV_UNIT, unit_words
from abscope.workflows.context import Context
from abscope.workflows.pet import PetReading, at_point, choose_pet, highest
from abscope.workflows.views import suv_json


def suv(context: Context, given: argparse.Namespace) -> Result:
    """``suv``."""
    case = context.cases.get(given.case)
    series = choose_pet(case, given.series)
    scale = suv_json(series) or {}
    result: Result = {
        "case_id": case.id,
        "series_uid": series.uid,
        "date": series.date,
        "unit": series.unit,
        "unit_words": unit_words(series.unit),
        "suv_unit": SUV_UNIT,
        **scale,
        "max": _reading(highest(context, series)),
        "at": None,
    }
    if given.at is not None:
        between, nearest = at_point(context, series, given.at)
        result["at"] = _reading(between) | {"nearest_voxel": _reading(nearest)}
    return result


def _reading(reading: PetReading) -> Result:
    return {"point_mm": list(reading.at_mm), "value": reading.value, "suv": reading.suv}
