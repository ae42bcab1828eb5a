"""An engine that takes its time, and the job that runs it."""

from __future__ import annotations

import json
import time

import numpy as np

from abscope.contour import registry
from abscope.contour.engine import EngineCard, Report, Request, choose, drawn_set
from abscope.contour.outlines import roi_from_mask
from abscope.core.geometry import Volume
from abscope.core.structures import StructureSet
from abscope.workflows import contouring

HERE = "tests.durability.slow_engine"
NAMES = ("External", "Heart", "Esophagus")
CARD = EngineCard(
    id="slow", version="1.0", title="Slow", structures=NAMES, default_structures=NAMES,
    description="Draws a block.", licence="none", limits=("For tests.",),
)  # fmt: skip


class SlowEngine:
    """Draws blocks; `seconds` for each structure, of which it never finds the esophagus."""

    card = CARD

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def missing(self) -> tuple[str, ...]:
        return ()

    def run(self, image: Volume, request: Request, report: Report) -> StructureSet:
        names = choose(CARD, request.structures)
        report(0.01, "Reading the image")
        rois = []
        for count, name in enumerate(names):
            report((count + 0.1) / len(names), name)
            time.sleep(self._seconds)
            if name != "Esophagus":
                mask = np.zeros(image.grid.shape_zyx, dtype=np.bool_)
                mask[1:-1, 3:-3, 3 + count : -3] = True
                rois.append(roi_from_mask(mask, image.grid, number=count + 1, name=name))
        return drawn_set(CARD, image, names, tuple(rois), "slow")


def install(seconds: float) -> None:
    """Make the slow engine the only one."""
    registry._installed = lambda: ((HERE, SlowEngine(seconds)),)


def contour_job(job_id: str, case_id: str, parameters: str) -> None:
    """Run the contouring job with the slow engine; ``seconds`` of the parameters are its pace."""
    install(float(json.loads(parameters).get("seconds", 0.0)))
    contouring.contour_job(job_id, case_id, parameters)
