"""Objects of a case written back as DICOM, for the planning system."""

from __future__ import annotations

import io

from abscope.core.case import Case
from abscope.core.errors import NotFoundError
from abscope.core.ids import uid_from
from abscope.dicom.write_common import Header, ImageReference
from abscope.dicom.write_rtstruct import rtstruct_dataset
from abscope.workflows.context import Actor, Context
from abscope.workflows.dose_evaluation import image_of


def export_rtstruct(
    context: Context, actor: Actor, case: Case, structure_set_uid: str | None = None
) -> bytes:
    """Return a structure set as an RTSTRUCT file; the newest automatic set when none is named.

    Raises
    ------
    NotFoundError
        When the case has no such set.
    """
    sets = [s for s in case.structure_sets if structure_set_uid in (None, s.uid)]
    chosen = [s for s in sets if s.is_auto] or sets
    if not chosen:
        raise NotFoundError(
            "structure-set-not-found",
            "There is no structure set to export.",
            where="structure set",
            expected="the UID of a structure set of this case",
            remedy="List them with `python -m abscope show CASE`.",
        )
    info = chosen[-1]
    series = image_of(case, info)
    now = context.archive.now()
    header = Header(
        patient=case.patient,
        study_uid=series.study_uid if series else uid_from("study", info.uid),
        series_uid=uid_from("series of structure set", info.uid),
        study_date=series.date if series else "",
        date=now[:10],
        time=now[11:19].replace(":", ""),
        series_description=info.label,
        model=info.source,
    )
    dataset = rtstruct_dataset(
        context.cases.structure_set(info), header, ImageReference.of(series) if series else None
    )
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    context.archive.record(actor.entry("export", case.id, form="rtstruct", set=info.uid))
    return target.getvalue()
