"""Commands on contours: draw, compare, list the engines."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from abscope.cli.shared import ACTOR, Result, plain_card
from abscope.workflows.context import Context
from abscope.workflows.contouring import compare_rois, contour_case


def contour(context: Context, given: argparse.Namespace) -> Result:
    """``contour``."""
    wanted = tuple(name.strip() for name in given.structures.split(",") if name.strip())
    return contour_case(
        context,
        ACTOR,
        given.case,
        engine=given.engine,
        structures=wanted,
        seed_mm=given.seed,
        report=lambda share, message: print(f"{share:4.0%} {message}", file=sys.stderr),
    ).as_json()


def compare(context: Context, given: argparse.Namespace) -> Result:
    """``compare``."""
    case = context.cases.get(given.case)
    return dataclasses.asdict(
        compare_rois(context, case, given.a, given.b, without_targets=given.without_gtv)
    )


def engines(context: Context, given: argparse.Namespace) -> Result:
    """``engines``."""
    del given
    return {
        "engines": [
            plain_card(engine.card) | {"missing": list(engine.missing())}
            for engine in context.engines.values()
        ]
    }
