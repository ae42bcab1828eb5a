"""Auto-contours of a case, run as a job."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Sequence
from typing import Any

from abscope.contour import registry
from abscope.contour.engine import Point, Report, Request, not_found
from abscope.core.case import Case, Series, StructureSetInfo
from abscope.core.errors import ConflictError, EngineError, NotFoundError
from abscope.core.ids import uid_from
from abscope.store.audit import AuditEntry
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, Context, open_context
from abscope.workflows.pet import FramePet, suv_in_frame
from abscope.workflows.rows import structure_info

#: The function that a worker process runs; see `contour_job`.
CONTOUR_JOB = "abscope.workflows.contouring:contour_job"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contoured:
    """What an engine drew, as stored."""

    structure_set: StructureSetInfo
    engine: str
    version: str
    seconds: float
    not_found: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the shape of the command line's JSON."""
        return {
            "structure_set_uid": self.structure_set.uid,
            "engine": self.engine,
            "version": self.version,
            "seconds": round(self.seconds, 2),
            "not_found": list(self.not_found),
            "structures": [
                {
                    "number": roi.number,
                    "name": roi.name,
                    "volume_cm3": roi.volume_cm3,
                    "confidence": roi.confidence,
                    "confidence_reason": roi.confidence_reason,
                }
                for roi in self.structure_set.rois
            ],
        }


def contour_case(
    context: Context,
    actor: Actor,
    case_id: str,
    *,
    engine: str = "anatomical",
    structures: tuple[str, ...] = (),
    seed_mm: Point | None = None,
    box_mm: tuple[Point, Point] | None = None,
    series_uid: str = "",
    report: Report = lambda share, message: None,
) -> Contoured:
    """Run an engine on a case's planning image and store what it drew; idempotent per result.

    An engine that uses a PET is given the SUV of the one in the image's frame of reference.

    Raises
    ------
    EngineError
        When the engine cannot run here, or found nothing.
    NotFoundError
        Without an image or for an unknown engine.
    """
    case = context.cases.get(case_id)
    chosen = registry.engine(engine)
    needed = chosen.missing()
    if needed:
        raise EngineError(
            "engine-not-ready",
            f"The engine {engine} cannot run here.",
            where="engine",
            expected="everything that it needs",
            remedy=" ".join(needed),
        )
    series = _image(case, series_uid)
    started = time.perf_counter()
    pet = suv_in_frame(context, case, series.uid) if chosen.card.uses_pet else FramePet()
    request = Request(
        structures=structures, seed_mm=seed_mm, box_mm=box_mm, pet=pet.volume, pet_note=pet.note
    )
    drawn = chosen.run(context.cases.volume(series), request, report)
    seconds = time.perf_counter() - started
    if not drawn.rois:
        raise EngineError(
            "nothing-found",
            "The engine found none of the structures on this image.",
            where=f"engine {engine}",
            expected="a thoracic CT",
            remedy="Check that the series is a CT of the chest, or contour by hand.",
        )
    named = dataclasses.replace(
        drawn,
        uid=uid_from(case_id, series.uid, drawn.uid),
        source=f"auto:{engine}",
        label=f"{chosen.card.title} {chosen.card.version}",
        series_uid=series.uid,
        frame_of_reference_uid=series.grid.frame_of_reference_uid,
    )
    lacking = not_found(structures or chosen.card.default_structures, drawn)
    known = next((s for s in case.structure_sets if s.uid == named.uid), None)
    if known is not None:  # the same image and request: the same contours are there already
        return Contoured(
            structure_set=known,
            engine=engine,
            version=chosen.card.version,
            seconds=seconds,
            not_found=lacking,
        )
    report(0.97, "Saving the contours")
    info = structure_info(named, series.grid, context.cases.put_contours(named.rois))
    entry = actor.entry(
        "contour", case_id, engine=engine, version=chosen.card.version, set=info.uid
    )
    _store(context, case_id, info, entry)
    return Contoured(
        structure_set=info,
        engine=engine,
        version=chosen.card.version,
        seconds=seconds,
        not_found=lacking,
    )


def contour_job(job_id: str, case_id: str, parameters: str) -> None:
    """Run `contour_case` in a worker process; parameters are its keywords as JSON."""
    given = json.loads(parameters)
    context = open_context()
    last = 0.0

    def report(share: float, message: str) -> None:
        nonlocal last
        if share >= last:
            last = share
            context.jobs.update_job(job_id, state="running", progress=share, message=message)

    try:
        done = contour_case(
            context,
            Actor(name=str(given.get("actor", "local"))),
            case_id,
            engine=given.get("engine", "anatomical"),
            structures=tuple(given.get("structures", ())),
            seed_mm=_point(given.get("seed_mm")),
            box_mm=_box(given.get("box_mm")),
            report=report,
        )
        context.jobs.update_job(
            job_id,
            state="done",
            progress=1.0,
            message=_summary(done),
            result=json.dumps(done.as_json()),
        )
    finally:
        context.archive.close()


def _point(numbers: Sequence[float] | None) -> Point | None:
    if numbers is None:
        return None
    x, y, z = numbers
    return (float(x), float(y), float(z))


def _box(corners: Sequence[Sequence[float]] | None) -> tuple[Point, Point] | None:
    low, high = (_point(corner) for corner in corners or (None, None))
    return (low, high) if low is not None and high is not None else None


def _summary(done: Contoured) -> str:
    text = f"{len(done.structure_set.rois)} structures in {done.seconds:.0f} s"
    return text + (f"; not found: {', '.join(done.not_found)}" if done.not_found else "")


def _image(case: Case, series_uid: str) -> Series:
    series = next((s for s in case.series if s.uid == series_uid), None)
    if not series_uid:
        planning = case.planning_series()
        series = planning if planning and planning.modality == "CT" else None
    if series is None:
        raise NotFoundError(
            "no-image",
            "The case has no CT to contour.",
            where="case",
            expected="an imported CT series",
            remedy="Import the planning CT on the upload page.",
        )
    return series


def _store(context: Context, case_id: str, info: StructureSetInfo, entry: AuditEntry) -> None:
    """Add the set to the case as it is now; an engine's run may outlast somebody's edit."""
    for attempt in range(5):
        case = context.cases.get(case_id)
        try:
            context.cases.extend(case_id, case.version, Additions(structure_sets=[info]), entry)
        except ConflictError:
            if attempt == 4:
                raise
        else:
            return
