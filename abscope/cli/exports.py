"""Commands that write files: board pack and structures; and the demonstration case."""

from __future__ import annotations

import argparse
import pathlib
import sys

from abscope.cli import eqd2
from abscope.cli.shared import ACTOR, Result
from abscope.core.case import Case
from abscope.core.errors import InputError, UsageError
from abscope.workflows import board, views
from abscope.workflows.context import Context
from abscope.workflows.deidentified import ACCEPT_BURNED_IN, export_folder
from abscope.workflows.demonstration import demonstration_case
from abscope.workflows.dose_evaluation import choose_dose
from abscope.workflows.exporting import (
    export_rtdose,
    export_rtstruct,
    export_seg,
    set_to_export,
)
from abscope.workflows.fractionation import set_for


def export(context: Context, given: argparse.Namespace) -> Result:
    """``export``."""
    case = context.cases.get(given.case)
    converts = given.rtdose is not None and (given.eqd2 or given.bed)
    if (given.eqd2 or given.bed) and not converts:
        raise UsageError(
            "conversion-of-a-dose-only",
            "Only a dose can be converted to BED or EQD2.",
            where="command line",
            expected="--rtdose beside --eqd2 or --bed",
            remedy="Name the file with --rtdose, or leave --eqd2 out.",
        )
    eqd2.check_options(given, converts=converts)
    if given.deidentified is not None:
        accepted = frozenset(given.accept)
        found = export_folder(context, ACTOR, case, given.deidentified, accepted=accepted)
        return {"case_id": case.id, "directory": str(given.deidentified), **found.as_json()}
    if given.rtstruct is not None or given.seg is not None:
        return _structures(context, given, case)
    if given.rtdose is not None:
        return _dose(context, given, case, converts)
    options = board.BoardOptions(
        names_hidden=given.hide_names,
        dose_uid=given.dose,
        show_burned_in=ACCEPT_BURNED_IN in given.accept,
    )
    pack = board.compose(context, ACTOR, case, options)
    form = "pptx" if given.pptx is not None else "pdf"
    data = board.export(context, ACTOR, pack, "pptx" if form == "pptx" else "pdf")
    return {"case_id": case.id, **_written(given.pptx or given.pdf, data)}


def _dose(context: Context, given: argparse.Namespace, case: Case, converts: bool) -> Result:
    """Export a dose: as it is, or as BED or EQD2, and then say how it was made."""
    asked = None
    if converts:
        info = set_for(case, choose_dose(case, given.dose), given.structure_set)
        asked = eqd2.conversion(given, info, "BED" if given.bed else "EQD2")
    data = export_rtdose(
        context, ACTOR, case, given.dose, 16 if given.bits == 16 else 32,
        conversion=asked, structure_set_uid=given.structure_set if converts else None,
    )  # fmt: skip
    about = {"quantity": asked.quantity, "dose_type": "EFFECTIVE"} if asked else {}
    return {"case_id": case.id, **_written(given.rtdose, data), **about}


def _structures(context: Context, given: argparse.Namespace, case: Case) -> Result:
    """Export one structure set and say which: on standard error, too, where none was named."""
    info = set_to_export(case, given.structure_set)
    kind = "automatic" if info.is_auto else "edited" if info.is_edited else "clinical"
    count = len(info.rois)
    if given.structure_set is None:
        print(
            f"Structure set: the {kind} one …{info.uid[-8:]} with {count} "
            f"structure{'s' if count != 1 else ''}. "
            "Name another one with --structure-set.",
            file=sys.stderr,
        )
    if given.rtstruct is not None:
        target = given.rtstruct
        data = export_rtstruct(context, ACTOR, case, info.uid, holes=given.holes, names=given.names)
    else:
        target, data = given.seg, export_seg(context, ACTOR, case, info.uid)
    chosen = {"uid": info.uid, "label": info.label, "kind": kind, "source": info.source}
    return {"case_id": case.id, **_written(target, data), "structure_set": chosen}


def _written(target: pathlib.Path, data: bytes) -> Result:
    """Write a file and return its name and size; raises InputError."""
    try:
        target.write_bytes(data)
    except OSError:
        raise InputError(
            "file-not-written",
            "The file cannot be written.",
            where="export",
            expected="a file name in an existing folder",
            remedy="Choose another place.",
        ) from None
    return {"file": str(target), "bytes": len(data)}


def demo(context: Context, given: argparse.Namespace) -> Result:
    """``demo``."""
    del given
    return views.case_json(demonstration_case(context, ACTOR))
