"""The files of a de-identified case, one after another: (neutral path, bytes)."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset

from abscope.core.case import Case, DoseInfo, Series, StructureSetInfo
from abscope.core.errors import RefusedError
from abscope.core.geometry import Grid
from abscope.dicom.deidentify import Pseudonyms, age_on, put_marks
from abscope.dicom.write_common import Header, ImageReference
from abscope.dicom.write_image import IMAGE_CLASSES, image_datasets
from abscope.dicom.write_pet import pet_elements
from abscope.dicom.write_rtdose import rtdose_dataset
from abscope.dicom.write_rtplan import rtplan_dataset
from abscope.dicom.write_rtstruct import rtstruct_dataset
from abscope.workflows.context import Context
from abscope.workflows.deidentified_tables import File, Written, table_files, terms

#: Defined terms (PS3.3 C.8.8.3): any other word in these places is free text.
SUMMATIONS = terms(
    "PLAN MULTI_PLAN PLAN_OVERVIEW FRACTION BEAM BRACHY FRACTION_SESSION BEAM_SESSION "
    "BRACHY_SESSION CONTROL_POINT RECORD"
)
DOSE_TYPES = terms("PHYSICAL EFFECTIVE ERROR")
README = """De-identified case, written by Abscope from the archived values. No file was copied.

Patient name and ID are a pseudonym. UIDs are replaced consistently; all dates are moved by one
number of days that is not given here; times of day are kept. Birth date, free text and private
elements are not written. Ages over 89 are written as 90.

Not checked by anybody: text burned into pixels, and faces that could be rebuilt from a head scan.
Research use only.
"""


def files_of(context: Context, case: Case, new: Pseudonyms, written: Written) -> Iterator[File]:
    """Yield every file of the export; `case` must have neutral names already."""
    yield from _images(context, case, new, written)
    yield from _structure_sets(context, case, new, written)
    yield from _doses(context, case, new, written)
    for number, plan in enumerate(case.plans, 1):
        moved = dataclasses.replace(
            plan,
            uid=new.uid(plan.uid),
            structure_set_uid=new.uid(plan.structure_set_uid),
            frame_of_reference_uid=new.uid(plan.frame_of_reference_uid),
        )
        ds = rtplan_dataset(moved, _rt_header(case, new, plan.uid, moved.label))
        written.plans += 1
        yield f"RTPLAN-{number}/RP000001.dcm", _bytes(ds, case)
        if plan.beams:
            written.leave_out(
                f"beams of plan {number}", "the archive keeps their number only, not their setup"
            )
    yield from table_files(case, new, written)
    yield "README.txt", README.encode()


# --------------------------------------------------------------------------------------- images
def _images(context: Context, case: Case, new: Pseudonyms, written: Written) -> Iterator[File]:
    for number, series in enumerate(case.series, 1):
        folder = f"{_modality(series) or 'IMAGE'}-{number}"
        volume = context.cases.volume(series)
        if not _modality(series):
            written.leave_out(f"image {number}", "it is no CT, MR or PET image")
            continue
        if volume.array_zyx.dtype.kind == "f" and not np.isfinite(volume.array_zyx).all():
            written.leave_out(folder, "it holds values that are not numbers")
            continue
        volume = dataclasses.replace(
            volume,
            grid=_moved(volume.grid, case, new),
        )
        header = dataclasses.replace(
            _header(case, new, series),
            series_uid=new.uid(series.uid),
            series_number=number,
            series_description=series.description,
        )
        steps: list[float] = []
        planes = image_datasets(
            volume,
            header,
            modality=_modality(series),
            slice_uids=_slice_uids(series, new),
            rescale=series.rescale if len(series.rescale) == len(volume.array_zyx) else (),
            extra=_pet(series, new, written),
        )
        count = 0
        for count, plane in enumerate(planes, 1):
            steps += [] if plane.exact else [plane.step]
            yield f"{folder}/IM{count:06d}.dcm", _bytes(plane.dataset, case, series)
        written.series.append(
            {
                "folder": folder,
                "modality": _modality(series),
                "files": count,
                "values": f"within {max(steps) / 2:.3g}" if steps else "identical",
            }
        )


def _pet(series: Series, new: Pseudonyms, written: Written) -> Dataset | None:
    """Return what a PET must say for its SUV, None for other images."""
    if series.modality != "PT":
        return None
    scale = series.suv
    if scale is not None and scale.factor is not None and series.unit not in ("BQML", "GML"):
        written.leave_out("SUV of a PET in counts", "its factor stands in a private element")
        scale = None
    return pet_elements(series.unit, scale, series.date, series.grid.shape_zyx[0], new.date)


def _modality(series: Series) -> str:
    if series.modality in IMAGE_CLASSES:
        return series.modality
    return "CT" if series.unit == "HU" else ""


def _slice_uids(series: Series, new: Pseudonyms) -> tuple[str, ...]:
    """Return the new SOPInstanceUID of every plane, also where planes had none of their own."""
    planes = series.grid.shape_zyx[0]
    own = series.slice_uids
    if len(own) != planes or len(set(own) - {""}) != planes:
        own = tuple(f"{series.uid} plane {index}" for index in range(planes))
    return tuple(new.uid(uid) for uid in own)


def _frame(uid: str, case: Case, new: Pseudonyms) -> str:
    """Return the new frame of reference; one for all where no object of the case names any.

    Where only some name none, those stay without: who said nothing is not made to say something.
    """
    frames = {s.grid.frame_of_reference_uid for s in case.series}
    frames |= {s.frame_of_reference_uid for s in case.structure_sets}
    frames |= {d.grid.frame_of_reference_uid for d in case.doses}
    return new.uid(uid or ("" if frames - {""} else f"frame of {case.id}"))


def _moved(grid: Grid, case: Case, new: Pseudonyms) -> Grid:
    frame = _frame(grid.frame_of_reference_uid, case, new)
    return dataclasses.replace(grid, frame_of_reference_uid=frame)


# --------------------------------------------------------------------------- structures and dose
def _structure_sets(
    context: Context, case: Case, new: Pseudonyms, written: Written
) -> Iterator[File]:
    for number, info in enumerate(case.structure_sets, 1):
        series = next((s for s in case.series if s.uid == info.series_uid), None)
        image = _reference(series, case, new) if series and _modality(series) else None
        structures = context.cases.structure_set(info)
        structures = dataclasses.replace(
            structures,
            uid=new.uid(info.uid),
            series_uid=image.series_uid if image else "",
            frame_of_reference_uid=_frame(info.frame_of_reference_uid, case, new),
            source=_source(info),
            author="",
            created="",
            parent_uid="",
        )
        header = dataclasses.replace(
            _rt_header(case, new, info.uid, info.label, series), model=structures.source
        )
        ds = rtstruct_dataset(structures, header, image, exact_points=True)
        written.structure_sets += 1
        yield f"RTSTRUCT-{number}/RS000001.dcm", _bytes(ds, case)


def _source(info: StructureSetInfo) -> str:
    """Return ``edited``, or ``auto:<engine>`` for names that are words of the program.

    Of a model from a folder (``onnx:<name>``) only the kind stays, as a person named the folder.
    """
    known = re.fullmatch(r"(edited|auto:[a-z][a-z0-9-]{0,30})(:.*)?", info.source)
    return known.group(1) if known else "clinical"


def _reference(series: Series, case: Case, new: Pseudonyms) -> ImageReference:
    moved = dataclasses.replace(
        series,
        uid=new.uid(series.uid),
        study_uid=_study(series, new),
        modality=_modality(series),
        grid=_moved(series.grid, case, new),
        slice_uids=_slice_uids(series, new),
    )
    return ImageReference.of(moved)


def _doses(context: Context, case: Case, new: Pseudonyms, written: Written) -> Iterator[File]:
    for number, info in enumerate(case.doses, 1):
        folder = f"RTDOSE-{number}"
        try:
            ds = _dose(context, case, info, new)
        except RefusedError as error:
            written.leave_out(folder, error.what)
            continue
        step = float(ds.DoseGridScaling)
        written.doses.append({"folder": folder, "values_within_gy": step / 2})
        yield f"{folder}/RD000001.dcm", _bytes(ds, case)


def _dose(context: Context, case: Case, info: DoseInfo, new: Pseudonyms) -> Dataset:
    dose = context.cases.dose(info)
    grid = _moved(dose.volume.grid, case, new)
    moved = dataclasses.replace(
        dose,
        uid=new.uid(dose.uid),
        volume=dataclasses.replace(dose.volume, grid=grid),
        summation=dose.summation if dose.summation in SUMMATIONS else "",
        dose_type=dose.dose_type if dose.dose_type in DOSE_TYPES else "PHYSICAL",
        plan_uid=new.uid(dose.plan_uid),
        structure_set_uid=new.uid(dose.structure_set_uid),
    )
    return rtdose_dataset(moved, _rt_header(case, new, info.uid, "Dose"))


# -------------------------------------------------------------------------------------- headers
def _header(case: Case, new: Pseudonyms, series: Series | None) -> Header:
    date = new.date(series.date) if series else ""
    return Header(
        patient=new.patient(case.patient),
        study_uid=_study(series, new) if series else new.uid(f"study of {case.id}"),
        series_uid="",
        study_date=date,
        date=date,
    )


def _rt_header(
    case: Case, new: Pseudonyms, uid: str, words: str, series: Series | None = None
) -> Header:
    """Return the header of an RT object: in the study of its image, without a date of its own."""
    image = series or case.planning_series()
    return dataclasses.replace(
        _header(case, new, image),
        series_uid=new.uid(f"series of {uid}"),
        date="",
        series_description=words,
    )


def _study(series: Series, new: Pseudonyms) -> str:
    return new.uid(series.study_uid or f"study of {series.uid}")


def _age_years(case: Case, series: Series | None) -> float | None:
    image = series or case.planning_series()
    known = age_on(case.patient.birth_date, image.date if image else "")
    entered = case.facts.number("age_years")
    return known if known is not None else entered


def _bytes(ds: Dataset, case: Case, series: Series | None = None) -> bytes:
    burned_in = series.burned_in if series else ""
    put_marks(ds, age_years=_age_years(case, series), burned_in=burned_in)
    target = io.BytesIO()
    ds.save_as(target, enforce_file_format=True)
    return target.getvalue()
