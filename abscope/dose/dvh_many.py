"""DVHs of many regions under one dose, side by side on the machine's cores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy.typing as npt

from abscope.core.errors import RefusedError
from abscope.core.plan import Dose
from abscope.core.structures import Between, Region
from abscope.dose.dvh import compute_dvh
from abscope.dose.histogram import Dvh

#: More threads than this gain nothing: what is not compiled runs one at a time.
MOST_THREADS = 4


def compute_dvhs(
    dose: Dose,
    regions: Sequence[Region],
    *,
    axes: npt.ArrayLike | None = None,
    usual_gap_mm: float | None = None,
    between: Between = "skipped",
    accept_partial: bool = False,
    threads: int | None = None,
) -> tuple[Dvh | RefusedError, ...]:
    """Return the DVH of every region, or why it has none, in the order given.

    The numbers are those of `abscope.dose.dvh.compute_dvh`, whose parameters these are; the
    compiled loops let other threads run.

    Parameters
    ----------
    threads : int, optional
        One for each core, at most `MOST_THREADS`, when left out.
    """

    def one(region: Region) -> Dvh | RefusedError:
        try:
            return compute_dvh(
                dose,
                region,
                axes=axes,
                usual_gap_mm=usual_gap_mm,
                between=between,
                accept_partial=accept_partial,
            )
        except RefusedError as refused:
            return refused

    workers = min(threads or os.cpu_count() or 1, MOST_THREADS, max(len(regions), 1))
    if workers == 1:
        return tuple(one(region) for region in regions)
    # the longest first, so that no thread is left alone with it at the end
    order = sorted(range(len(regions)), key=lambda i: -_size(regions[i]))
    with ThreadPoolExecutor(workers, thread_name_prefix="dvh") as pool:
        found = dict(zip(order, pool.map(one, (regions[i] for i in order)), strict=True))
    return tuple(found[i] for i in range(len(regions)))


def _size(region: Region) -> float:
    """Return a rough measure of the work: the sum of the contours' bounding boxes (mm2)."""
    boxes = (c.points_mm.max(axis=0) - c.points_mm.min(axis=0)
             for roi in region.include for c in roi.closed)  # fmt: skip
    return float(sum(box[0] * box[1] for box in boxes))
