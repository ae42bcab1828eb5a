"""Commands on contours: draw, compare, list the engines."""

from __future__ import annotations

import argparse
import sys

from abscope.cli.shared import ACTOR, Result, plain_card
from abscope.workflows import views
from abscope.workflows.approving import approve_structures
from abscope.workflows.comparing import compare_sets, compare_structures, find_set
from abscope.workflows.context import Context
from abscope.workflows.contouring_now import contour_now
from abscope.workflows.naming import rename_structure
from abscope.workflows.quality import check_set
from abscope.workflows.runs import history


def contour(context: Context, given: argparse.Namespace) -> Result:
    """``contour``."""
    wanted = tuple(name.strip() for name in given.structures.split(",") if name.strip())
    return contour_now(
        context,
        ACTOR,
        given.case,
        engine=given.engine,
        structures=wanted,
        seed_mm=given.seed,
        box_mm=given.box,
        report=lambda share, message: print(f"{share:4.0%} {message}", file=sys.stderr),
    ).as_json()


def compare(context: Context, given: argparse.Namespace) -> Result:
    """``compare``: two structures, or two whole sets where no colon names a structure."""
    case = context.cases.get(given.case)
    options = {"without_targets": given.without_gtv, "tolerance_mm": given.tolerance_mm}
    if ":" in given.a or ":" in given.b:
        return compare_structures(context, case, given.a, given.b, **options).as_json()
    return compare_sets(context, case, given.a, given.b, **options).as_json()


def check(context: Context, given: argparse.Namespace) -> Result:
    """``check``."""
    return check_set(context, context.cases.get(given.case), given.set or "").as_json()


def rename(context: Context, given: argparse.Namespace) -> Result:
    """``rename``."""
    case = context.cases.get(given.case)
    case = rename_structure(
        context, ACTOR, given.case, case.version, given.set, given.roi, given.standard or None
    )
    rois = next(s.rois for s in case.structure_sets if s.uid == given.set)
    return {
        "case_id": case.id,
        "version": case.version,
        "structure_set_uid": given.set,
        **views.roi_json(next(r for r in rois if r.number == given.roi)),
    }


def approve(context: Context, given: argparse.Namespace) -> Result:
    """``approve``."""
    case = context.cases.get(given.case)
    info = find_set(case, given.set)
    contours = context.cases.structure_set(info)
    numbers = [contours.roi(key).number for key in given.structure]
    changes = {(info.uid, number): not given.withdraw for number in numbers}
    case = approve_structures(context, ACTOR, given.case, changes)
    rois = next(s.rois for s in case.structure_sets if s.uid == info.uid)
    return {
        "case_id": case.id,
        "version": case.version,
        "structure_set_uid": info.uid,
        "structures": [views.roi_json(r) for r in rois if r.number in numbers],
    }


def runs(context: Context, given: argparse.Namespace) -> Result:
    """List the ``runs`` of a case."""
    case = context.cases.get(given.case)
    return {"case_id": case.id, "runs": [row.as_json() for row in history(context, case.id)]}


def engines(context: Context, given: argparse.Namespace) -> Result:
    """``engines``."""
    del given
    return {
        "engines": [
            plain_card(engine.card) | {"ready": not lacking, "missing": list(lacking)}
            for engine, lacking in ((e, e.missing()) for e in context.engines.values())
        ]
    }
