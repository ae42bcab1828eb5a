"""The ``doubt`` command."""

from __future__ import annotations

import argparse
import dataclasses

from abscope.cli.shared import Result
from abscope.dose.metrics import parse_metrics
from abscope.workflows.context import Context
from abscope.workflows.doubt import dose_bands, plausible


def doubt(context: Context, given: argparse.Namespace) -> Result:
    """``doubt``."""
    metrics = parse_metrics(given.metrics)
    case = context.cases.get(given.case)
    found = plausible(context, case, given.structure)
    result = found.as_json()
    if case.doses:
        bands = dose_bands(
            context, case, found, metrics, given.dose, accepted=frozenset(given.accept)
        )
        result["metrics"] = [dataclasses.asdict(band) for band in bands]
    return result
