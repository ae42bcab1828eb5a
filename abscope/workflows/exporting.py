"""Objects of a case written back as DICOM, for the planning system."""

from __future__ import annotations

import dataclasses
import io
from typing import Literal

from pydicom.dataset import Dataset

from abscope.contour.handover import Holes, Names, changed_names, for_planning_system
from abscope.core.case import Case, Series, StructureSetInfo
from abscope.core.errors import InputError, NotFoundError
from abscope.core.ids import uid_from
from abscope.core.plan import Dose
from abscope.core.structures import StructureSet
from abscope.dicom.write_common import Header, ImageReference, safe_text
from abscope.dicom.write_rtdose import rtdose_dataset
from abscope.dicom.write_rtstruct import rtstruct_dataset
from abscope.dicom.write_seg import seg_dataset
from abscope.workflows.comparing import HABITATS, draws_organs, find_set
from abscope.workflows.context import Actor, Context
from abscope.workflows.dose_evaluation import choose_dose, image_of
from abscope.workflows.editing import original_label
from abscope.workflows.fractionation import Conversion, effect_map

#: Most characters of ImageComments (LT).
LONGEST_COMMENT = 10240
#: Written into everything that is not a clinic's own.
RESEARCH_NOTE = "Not approved. Research use only. Not for clinical decisions."


def set_to_export(case: Case, key: str | None = None) -> StructureSetInfo:
    """Return the set that is named, or else the one that an export takes.

    That is the newest set of an engine that draws organs; without one the newest clinical, then
    the newest edited one, then a clicked tumor. Habitats are parts of a tumor, and are exported
    only when they are named.

    Parameters
    ----------
    key : str, optional
        As in `comparing.find_set`.

    Raises
    ------
    NotFoundError
    """
    if key is not None:
        return find_set(case, key)
    full = [s for s in case.structure_sets if s.source != HABITATS]
    for chosen in (
        [s for s in full if s.is_auto and draws_organs(s)],
        [s for s in full if s.is_clinical],
        [s for s in full if s.is_edited],
        full,
    ):
        if chosen:
            return chosen[-1]
    raise NotFoundError(
        "structure-set-not-found",
        "There is no structure set to export"
        + (" but habitats, which are exported only when named." if case.structure_sets else "."),
        where="structure set",
        expected="the UID of a structure set of this case",
        remedy="List them with `python -m abscope show CASE`.",
    )


def export_rtstruct(
    context: Context,
    actor: Actor,
    case: Case,
    structure_set_uid: str | None = None,
    *,
    holes: Holes = "keyhole",
    names: Names = "source",
) -> bytes:
    """Return a structure set as an RTSTRUCT file; that of `set_to_export` when none is named.

    The object is a new one, with a UID of its own. It names as its predecessor the clinical set it
    is a copy of, or the set that was edited; the label of a version begins with "Edited".

    Parameters
    ----------
    holes, names : str
        See `handover.for_planning_system`.

    Raises
    ------
    NotFoundError
        When the case has no such set.
    """
    info = set_to_export(case, structure_set_uid)
    series = image_of(case, info)
    header = _header(context, case, series, "structure set", info.uid, info.label, info.source)
    drawn = context.cases.structure_set(info)
    ready = for_planning_system(drawn, holes=holes, names=names)
    uid = uid_from("structures of", info.uid, header.date, header.time, holes, names)
    dataset = rtstruct_dataset(
        dataclasses.replace(ready, uid=uid, label=_written_label(info) or ready.label),
        dataclasses.replace(header, comment=_remarks(drawn, ready)),
        ImageReference.of(series) if series else None,
        predecessor_uid=info.uid if info.source == "clinical" else info.parent_uid,
    )
    context.archive.record(actor.entry("export", case.id, form="rtstruct", set=info.uid))
    return _file(dataset)


def export_seg(
    context: Context, actor: Actor, case: Case, structure_set_uid: str | None = None
) -> bytes:
    """Return a structure set as a BINARY segmentation on its image's planes.

    The set is that of `set_to_export`. Every export is a new object with a UID of its own.

    Raises
    ------
    NotFoundError
        When the case has no such set.
    InputError
        ``seg-without-image``: the image of the set is not in the case.
    """
    info = set_to_export(case, structure_set_uid)
    series = image_of(case, info)
    if series is None:
        raise InputError(
            "seg-without-image",
            "A segmentation needs the image on which its structures were drawn.",
            where=f"structure set {info.label[:32]}",
            expected="the image series in this case",
            remedy="Import the image, or export the set as RTSTRUCT.",
        )
    header = _header(context, case, series, "segmentation", info.uid, info.label, info.source)
    uid = uid_from("segmentation of", info.uid, header.date, header.time)
    dataset = seg_dataset(context.cases.structure_set(info), header, ImageReference.of(series), uid)
    context.archive.record(actor.entry("export", case.id, form="seg", set=info.uid))
    return _file(dataset)


def export_rtdose(
    context: Context,
    actor: Actor,
    case: Case,
    dose_uid: str | None = None,
    bits: Literal[16, 32] = 32,
    *,
    conversion: Conversion | None = None,
    structure_set_uid: str | None = None,
) -> bytes:
    """Return a dose as an RTDOSE file; the first plan dose when none is named.

    The object is a new one, with a UID of its own, as its bytes are not those of the source. An
    effective dose says in DoseComment (64 characters) and in ImageComments how it was made.

    Parameters
    ----------
    conversion : Conversion, optional
        Write BED or EQD2, of type EFFECTIVE, in place of the physical dose.
    structure_set_uid : str, optional
        Structures that give places their alpha/beta; those of the plan when left out.

    Raises
    ------
    NotFoundError
        When the case has no such dose or set.
    DoseError
        When it holds values that RTDOSE cannot, or cannot be converted.
    """
    info = choose_dose(case, dose_uid)
    frame = info.grid.frame_of_reference_uid
    same_frame = [s for s in case.series if frame and s.grid.frame_of_reference_uid == frame]
    series = same_frame[0] if same_frame else None
    dose = context.cases.dose(info)
    if conversion is not None:
        dose = _converted(context, case, dose, conversion, structure_set_uid)
    kind = conversion.quantity if conversion else "Dose"
    short, _, long = dose.description.partition("\n")
    header = _header(context, case, series, "dose", info.uid, kind, "Abscope")
    dataset = rtdose_dataset(dose, dataclasses.replace(header, comment=short), bits=bits)
    if dose.description:
        dataset.ImageComments = safe_text(f"{long or short} {RESEARCH_NOTE}", LONGEST_COMMENT)
    uid = ["dose of", info.uid, header.date, header.time, str(bits), dose.description]
    dataset.SOPInstanceUID = uid_from(*filter(None, uid))
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    about = {"effective": short} if conversion else {}
    context.archive.record(actor.entry("export", case.id, form="rtdose", dose=info.uid, **about))
    return _file(dataset)


def _converted(
    context: Context, case: Case, dose: Dose, conversion: Conversion, set_uid: str | None
) -> Dose:
    """Return BED or EQD2 of a dose; it refers to what the physical dose refers to."""
    found = effect_map(context, case, conversion, dose_uid=dose.uid, structure_set_uid=set_uid)
    return dataclasses.replace(
        dose, volume=found.volume, dose_type="EFFECTIVE", description=found.description
    )


def _written_label(info: StructureSetInfo) -> str:
    """Return the label of a version, of which 16 characters are seen; empty for other sets."""
    if not info.is_edited:
        return ""
    return f"Edited {original_label(info.label)}" if info.parent_uid else "Drawn by hand"


def _remarks(drawn: StructureSet, written: StructureSet) -> str:
    """Return what the reader of an exported set has to know of it."""
    remarks = [drawn.label]
    if drawn.source != "clinical":
        remarks.append(RESEARCH_NOTE)
    if drawn.created:
        remarks.append(f"Made {drawn.created} by {drawn.author}.")
    renamed = changed_names(drawn.rois, written.rois)
    if renamed:
        remarks.append(f"Renamed: {', '.join(renamed)}.")
    return " ".join(remarks)


def _header(
    context: Context,
    case: Case,
    series: Series | None,
    kind: str,
    uid: str,
    description: str,
    model: str,
) -> Header:
    now = context.archive.now()
    return Header(
        patient=case.patient,
        study_uid=series.study_uid if series else uid_from("study", uid),
        series_uid=uid_from(f"series of {kind}", uid),
        study_date=series.date if series else "",
        date=now[:10],
        time=now[11:19].replace(":", ""),
        series_description=description,
        model=model,
    )


def _file(dataset: Dataset) -> bytes:
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()
