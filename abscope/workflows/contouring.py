"""Auto-contours of a case, run as a job."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from abscope.contour import registry
from abscope.contour.engine import ContourEngine, EngineCard, Point, Report, Request, choose
from abscope.contour.manifest import Asked, Image, RunManifest, Surroundings
from abscope.contour.steps_told import Step, StepsTold
from abscope.core.case import Case, Series, StructureSetInfo
from abscope.core.errors import BusyError, ConflictError, EngineError, NotFoundError
from abscope.core.ids import uid_from
from abscope.core.ports import JobEnd
from abscope.core.structures import StructureSet
from abscope.jobs.patience import patiently
from abscope.store.cases import Additions
from abscope.workflows.context import Actor, Context, open_context
from abscope.workflows.job_progress import JobProgress
from abscope.workflows.pet import FramePet, suv_in_frame
from abscope.workflows.rows import structure_info
from abscope.workflows.runs import RUN, drawn_words

T = TypeVar("T")
#: The function that a worker process runs; see `contour_job`.
CONTOUR_JOB = "abscope.workflows.contouring:contour_job"
#: Storing what was drawn is tried for this long while another process writes to the archive.
STORE_SECONDS = 120.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contoured:
    """What an engine drew, as stored, and how."""

    structure_set: StructureSetInfo
    run: RunManifest

    @property
    def not_found(self) -> tuple[str, ...]:
        """The structures that were asked for and not found."""
        return self.run.not_found

    def as_json(self) -> dict[str, Any]:
        """Return the shape of the command line's JSON."""
        return {
            "structure_set_uid": self.structure_set.uid,
            "engine": self.run.engine,
            "version": self.run.engine_version,
            "seconds": round(self.run.seconds, 2),
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
            "run": self.run.as_json(),
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
    watch: Callable[[tuple[Step, ...]], None] = lambda steps: None,
    job_id: str = "",
) -> Contoured:
    """Run an engine on a case's planning image and store what it drew; idempotent per result.

    An engine that uses a PET is given the SUV of the one in the image's frame of reference. The
    set, how it was made, and that the job is done are stored together or not at all.

    Parameters
    ----------
    report, watch : callable
        Told the progress, and how far each structure is. They may raise to cancel the run.
    job_id : str
        The background job that this is; empty for none.

    Raises
    ------
    EngineError
        When the engine cannot run here, or found nothing.
    NotFoundError
        Without an image or for an unknown engine.
    JobCancelledError
        When the job was cancelled in the meantime; nothing is stored then.
    """
    case = context.cases.get(case_id)
    chosen = registry.engine(engine)
    _check_ready(chosen)
    _check_place(chosen.card, seed_mm, box_mm)
    series = _image(case, series_uid)
    told = StepsTold(choose(chosen.card, structures))

    def tell(share: float, message: str) -> None:
        words = told.tell(message, time.time())
        watch(told.steps)
        report(share, words)

    pet = suv_in_frame(context, case, series.uid) if chosen.card.uses_pet else FramePet()
    request = Request(
        structures=structures, seed_mm=seed_mm, box_mm=box_mm, pet=pet.volume, pet_note=pet.note
    )
    image, began = context.cases.volume(series), context.archive.now()
    started = time.perf_counter()
    drawn = chosen.run(image, request, tell)
    seconds = time.perf_counter() - started
    named = _named(case_id, series, chosen.card, drawn)
    tell(0.97, "Saving the contours")
    known = next((s for s in case.structure_sets if s.uid == named.uid), None)
    run = RunManifest(
        engine=engine,
        engine_title=chosen.card.title,
        engine_version=chosen.card.version,
        asked=Asked.of(request, chosen.card),
        image=Image.of(series.uid, image),
        surroundings=Surroundings.now(),
        seconds=seconds,
        structures=told.end((r.standard_name or r.name for r in drawn.rois), time.time()),
        author=actor.name,
        started=began,
        finished=context.archive.now(),
        structure_set_uid=named.uid,
        job_id=job_id,
        is_repeat=known is not None,
    )
    if known is not None:  # the same image and request: the same contours are there already
        done = Contoured(structure_set=known, run=run)
        _when_free(lambda: _store_run(context, actor, case_id, done))
        return done
    info = structure_info(named, series.grid, context.cases.put_contours(named.rois))
    done = Contoured(structure_set=info, run=run)
    return _when_free(lambda: _store(context, actor, case_id, done))


def _check_ready(engine: ContourEngine) -> None:
    needed = engine.missing()
    if needed:
        raise EngineError(
            "engine-not-ready",
            f"The engine {engine.card.id} cannot run here.",
            where="engine",
            expected="everything that it needs",
            remedy=" ".join(needed),
        )


def _check_place(
    card: EngineCard, seed_mm: Point | None, box_mm: tuple[Point, Point] | None
) -> None:
    """Refuse a seed or a box that the engine would not look at."""
    if card.needs_seed or (seed_mm is None and box_mm is None):
        return
    given = "seed" if seed_mm is not None else "box"
    raise EngineError(
        "engine-takes-no-seed",
        f"The engine {card.id} takes no {given}: it looks at the whole image.",
        where=given,
        expected="a seed or a box only for an engine that starts from a point",
        remedy=f"Leave the {given} out, or name the engine that outlines a tumor from one point "
        "(click).",
    )


def _named(case_id: str, series: Series, card: EngineCard, drawn: StructureSet) -> StructureSet:
    """Return what was drawn as a set of this case on this image; refuse an empty one."""
    if not drawn.rois:
        raise EngineError(
            "nothing-found",
            "The engine found none of the structures on this image.",
            where=f"engine {card.id}",
            expected="a thoracic CT",
            remedy="Check that the series is a CT of the chest, or contour by hand.",
        )
    return dataclasses.replace(
        drawn,
        uid=uid_from(case_id, series.uid, drawn.uid),
        source=f"auto:{card.id}",
        label=f"{card.title} {card.version}",
        series_uid=series.uid,
        frame_of_reference_uid=series.grid.frame_of_reference_uid,
    )


def contour_job(job_id: str, case_id: str, parameters: str) -> None:
    """Run `contour_case` in a worker process; parameters are its keywords as JSON."""
    given = json.loads(parameters)
    context = open_context()
    progress = JobProgress(context.jobs, job_id)
    try:
        contour_case(
            context,
            Actor(name=str(given.get("actor", "local"))),
            case_id,
            engine=given.get("engine", "anatomical"),
            structures=tuple(given.get("structures", ())),
            seed_mm=_point(given.get("seed_mm")),
            box_mm=_box(given.get("box_mm")),
            report=progress.report,
            watch=progress.watch,
            job_id=job_id,
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
    drawn = drawn_words(done.run, len(done.structure_set.rois))
    text = f"{drawn} in {done.run.seconds:.0f} s"
    if done.run.is_repeat:
        text += "; the same contours were there already"
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


def _end(done: Contoured) -> JobEnd | None:
    """Return how the job ends that this run is, None when it is none."""
    if not done.run.job_id:
        return None
    return JobEnd(job_id=done.run.job_id, message=_summary(done), result=json.dumps(done.as_json()))


def _when_free(store: Callable[[], T]) -> T:
    """Store what took minutes to draw, though the archive may be busy for a while."""
    return patiently(store, passing=BusyError, is_over=lambda tried_s: tried_s > STORE_SECONDS)


def _store(context: Context, actor: Actor, case_id: str, done: Contoured) -> Contoured:
    """Add the set to the case as it is now; an engine's run may outlast somebody's edit.

    Returns what is stored: the set of the same run elsewhere, when that was done first.
    """
    add = Additions(
        structure_sets=[done.structure_set],
        documents=[(RUN, done.run.as_json())],
        job=_end(done),
    )
    entry = actor.entry(
        "contour", case_id, engine=done.run.engine, version=done.run.engine_version,
        set=done.structure_set.uid,
    )  # fmt: skip
    for attempt in range(5):
        case = context.cases.get(case_id)
        known = next((s for s in case.structure_sets if s.uid == done.structure_set.uid), None)
        if known is not None:  # the same run elsewhere was done first
            run = dataclasses.replace(done.run, is_repeat=True)
            done = Contoured(structure_set=known, run=run)
            _store_run(context, actor, case_id, done)
            return done
        try:
            context.cases.extend(case_id, case.version, add, entry)
        except BusyError:
            raise
        except ConflictError:
            if attempt == 4:
                raise
        else:
            break
    return done


def _store_run(context: Context, actor: Actor, case_id: str, done: Contoured) -> None:
    """Note a run whose contours the case has already, and that its job is done."""
    entry = actor.entry("contour-again", case_id, set=done.structure_set.uid)
    context.documents.add(case_id, RUN, done.run.as_json(), entry, _end(done))
