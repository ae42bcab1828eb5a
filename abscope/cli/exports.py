"""Commands that write files: board pack and structures; and the demonstration case."""

from __future__ import annotations

import argparse

from abscope.cli.shared import ACTOR, Result
from abscope.core.errors import InputError
from abscope.workflows import board, views
from abscope.workflows.context import Context
from abscope.workflows.deidentified import ACCEPT_BURNED_IN, export_folder
from abscope.workflows.demonstration import demonstration_case
from abscope.workflows.exporting import export_rtdose, export_rtstruct, export_seg


def export(context: Context, given: argparse.Namespace) -> Result:
    """``export``."""
    case = context.cases.get(given.case)
    if given.deidentified is not None:
        accepted = frozenset(given.accept)
        found = export_folder(context, ACTOR, case, given.deidentified, accepted=accepted)
        return {"case_id": case.id, "directory": str(given.deidentified), **found.as_json()}
    if given.rtstruct is not None:
        data = export_rtstruct(
            context, ACTOR, case, given.structure_set, holes=given.holes, names=given.names
        )
        target = given.rtstruct
    elif given.seg is not None:
        data = export_seg(context, ACTOR, case, given.structure_set)
        target = given.seg
    elif given.rtdose is not None:
        data = export_rtdose(context, ACTOR, case, given.dose, 16 if given.bits == 16 else 32)
        target = given.rtdose
    else:
        options = board.BoardOptions(
            names_hidden=given.hide_names,
            dose_uid=given.dose,
            show_burned_in=ACCEPT_BURNED_IN in given.accept,
        )
        pack = board.compose(context, ACTOR, case, options)
        form = "pptx" if given.pptx is not None else "pdf"
        data = board.export(context, ACTOR, pack, "pptx" if form == "pptx" else "pdf")
        target = given.pptx or given.pdf
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
    return {"case_id": case.id, "file": str(target), "bytes": len(data)}


def demo(context: Context, given: argparse.Namespace) -> Result:
    """``demo``."""
    del given
    return views.case_json(demonstration_case(context, ACTOR))
