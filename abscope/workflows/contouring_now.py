"""Auto-contours while the caller waits, at the command line; what came to nothing is kept, too."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping

from abscope.contour import registry
from abscope.contour.engine import Point, Report
from abscope.core.errors import AbscopeError
from abscope.core.names import standard_name
from abscope.store.job_table import CANCELLED
from abscope.workflows.context import Actor, Context
from abscope.workflows.contouring import CONTOUR_JOB, Contoured, contour_case


def contour_now(
    context: Context,
    actor: Actor,
    case_id: str,
    *,
    engine: str = "anatomical",
    structures: tuple[str, ...] = (),
    seed_mm: Point | None = None,
    box_mm: tuple[Point, Point] | None = None,
    report: Report = lambda share, message: None,
) -> Contoured:
    """Run `contour_case`; note a run that is refused, fails or is interrupted as a job does.

    Of what was typed only names of engines and TG-263 names are noted: any other word may be a
    patient's.

    Raises
    ------
    NotFoundError
        Without such a case; nothing is noted then, as there is nothing to note it with.
    RefusedError
        See `contour_case`.
    """
    context.cases.get(case_id)
    asked = {
        "engine": engine if engine in registry.engines() else "unknown",
        "structures": [s if standard_name(s) == s else "unknown" for s in structures],
        "seed_mm": list(seed_mm) if seed_mm else None,
        "box_mm": [list(corner) for corner in box_mm] if box_mm else None,
        "actor": actor.name,
    }
    started = context.archive.clock.now().isoformat(timespec="microseconds")
    try:
        return contour_case(
            context, actor, case_id, engine=engine, structures=structures, seed_mm=seed_mm,
            box_mm=box_mm, report=report,
        )  # fmt: skip
    except AbscopeError as error:
        _note(context, case_id, asked, started, error)
        raise
    except KeyboardInterrupt:
        _note(context, case_id, asked, started, None)
        raise


def _note(
    context: Context,
    case_id: str,
    asked: Mapping[str, object],
    started: str,
    error: AbscopeError | None,
) -> None:
    """Keep that the run came to nothing; when even that cannot be stored, say only what failed."""
    with contextlib.suppress(AbscopeError):
        context.jobs.add_ended_job(
            case_id=case_id,
            function=CONTOUR_JOB,
            parameters=json.dumps(asked),
            state="cancelled" if error is None else "failed",
            started=started,
            message=CANCELLED if error is None else "",
            error="" if error is None else str(error),
        )
