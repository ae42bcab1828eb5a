"""By how much a patient's CT numbers are shifted: where muscle and organs lie on the scale."""

from __future__ import annotations

import numpy as np

from abscope.contour.engines.working import HuArray

#: Usual HU of muscle and organs; thresholds of the engines are written for it.
SOFT_HU = 40.0
#: A larger shift is not believed (HU).
MOST_SHIFT_HU = 200.0
#: Fat and soft tissue are looked for in this range (HU), moved with the shift found.
RANGE_HU = (-200.0, 150.0)
ROUNDS = 4
#: Fewer values say nothing.
FEWEST = 100
BINS = 100


def shift_hu(values: HuArray) -> float:
    """Return how far soft tissue lies above `SOFT_HU`, with the values of a body.

    The threshold that parts fat from soft tissue best (Otsu 1979) leaves soft tissue above it; its
    median is taken.

    Examples
    --------
    >>> body = np.repeat(np.array([-100.0, 100.0], dtype=np.float32), 500)
    >>> shift_hu(body)
    60.0
    """
    low, high = RANGE_HU
    shift = 0.0
    for _ in range(ROUNDS):
        part = values[(values > low + shift) & (values < high + shift)]
        if part.size < FEWEST:
            return 0.0
        soft = float(np.median(part[part > _otsu(part)]))
        shift = float(np.clip(soft - SOFT_HU, -MOST_SHIFT_HU, MOST_SHIFT_HU))
    return shift


def _otsu(values: HuArray) -> float:
    """Return the threshold with the largest variance between what lies below and above."""
    counts, edges = np.histogram(values, BINS)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = counts.sum() - below
    sums = np.cumsum(counts * middles)
    apart = sums[:-1] / below - (sums[-1] - sums[:-1]) / above
    return float(middles[int(np.argmax(below * above * apart**2))])
