"""Commands that write files: board pack and structures; and the demonstration case."""

from __future__ import annotations

import argparse
import pathlib
import sys

from abscope.cli.shared import ACTOR, Result
from abscope.core.case import Case
from abscope.core.errors import InputError
from abscope.workflows import board, views
from abscope.workflows.context import Context
from abscope.workflows.deidentified import ACCEPT_BURNED_IN, export_folder
from abscope.workflows.demonstration import demonstration_case
from abscope.workflows.exporting import (
    export_rtdose,
    export_rtstruct,
    export_seg,
    set_to_export,
)


def export(context: Context, given: argparse.Namespace) -> Result:
    """``export``."""
    case = context.cases.get(given.case)
    if given.deidentified is not None:
        accepted = frozenset(given.accept)
        found = export_folder(context, ACTOR, case, given.deidentified, accepted=accepted)
        return {"case_id": case.id, "directory": str(given.deidentified), **found.as_json()}
    if given.rtstruct is not None or given.seg is not None:
        return _structures(context, given, case)
    if given.rtdose is not None:
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
    return {"case_id": case.id, **_written(target, data)}


def _structures(context: Context, given: argparse.Namespace, case: Case) -> Result:
    """Export one structure set and say which: on standard error, too, where none was named."""
    info = set_to_export(case, given.structure_set)
    kind = "automatic" if info.is_auto else "edited" if info.is_edited else "clinical"
    count = len(info.rois)
    if given.structure_set is None:
        print(
            f"Structure set: {info.label} ({kind}, {count} structure{'s' if count != 1 else ''}). "
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
