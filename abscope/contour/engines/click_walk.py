"""Random walker with priors: how likely a walk from a voxel ends in the tumor's core.

Grady's random walker (2006, doi:10.1109/TPAMI.2006.233) on the lattice graph, with the priors of
Grady (2005, doi:10.1109/CVPR.2005.239) as edges to a tumor and a background terminal. With
Laplacian ``L`` of the edge weights, the probability ``p`` of the voxels without label solves

    (L + F + B) p = w_core + F

where ``F`` and ``B`` are the conductances to the two terminals and ``w_core`` the summed weights
to core voxels. It is one sparse, symmetric, positive definite system; conjugate gradients with a
diagonal preconditioner solve it. Lung is no voxel of the graph: a walk is thrown back at it, so
that a lobe surrounded by lung is not lost for being thin.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import cg

from abscope.contour.engines.working import BoolArray, HuArray

#: Weight of an edge across the sharpest border: never zero, so that every voxel is reached.
LEAST_WEIGHT = 1e-4
#: Relative residual at which the solution counts, and the most steps to it.
TOLERANCE = 1e-4
MOST_STEPS = 800


def walk(
    hu: HuArray,
    scale_hu: float,
    core: BoolArray,
    tissue: BoolArray,
    to_core: npt.NDArray[np.floating],
    to_background: npt.NDArray[np.floating],
) -> HuArray:
    """Return the probability of the tumor for each voxel: 1 in the core, 0 outside the tissue.

    Parameters
    ----------
    hu : ndarray, float32
        Neighbours are joined with the weight ``exp(-(difference / scale_hu)^2)``.
    scale_hu : float
    core : ndarray of bool
        Voxels that belong to the tumor.
    tissue : ndarray of bool
        Voxels to walk on, the core among them.
    to_core, to_background : ndarray
        Conductance of each voxel to the two terminals, not negative; infinite is not allowed.

    Examples
    --------
    A chain whose last voxel is tied to the background falls linearly:

    >>> chain = np.zeros((1, 1, 5), dtype=np.float32)
    >>> core = np.array([[[True, False, False, False, False]]])
    >>> ground = np.array([[[0, 0, 0, 0, 1e9]]])
    >>> walk(chain, 50.0, core, chain == 0, 0 * ground, ground).ravel().round(2).tolist()
    [1.0, 0.75, 0.5, 0.25, 0.0]
    """
    result = core.astype(np.float32)
    free = tissue & ~core
    n = int(np.count_nonzero(free))
    if n == 0:
        return result
    number = np.full(hu.shape, -1, dtype=np.int64)
    number[free] = np.arange(n)
    forward = np.asarray(to_core, dtype=np.float64)[free]
    diagonal = forward + np.asarray(to_background, dtype=np.float64)[free] + 1e-9
    right = forward
    rows, columns, entries = [], [], []
    for axis in range(3):
        a, b, weights = _edges(hu, scale_hu, tissue, axis)
        i, j = number.ravel()[a], number.ravel()[b]
        for one, other in ((i, j), (j, i)):
            mine = one >= 0
            diagonal += np.bincount(one[mine], weights[mine], minlength=n)
            to_label = mine & (other < 0)
            right = right + np.bincount(one[to_label], weights[to_label], minlength=n)
            both = mine & (other >= 0)
            rows.append(one[both])
            columns.append(other[both])
            entries.append(-weights[both])
    rows.append(np.arange(n))
    columns.append(np.arange(n))
    entries.append(diagonal)
    where = (np.concatenate(rows), np.concatenate(columns))
    matrix = sparse.csr_matrix((np.concatenate(entries), where), shape=(n, n))
    guess, _ = cg(matrix, right, rtol=TOLERANCE, maxiter=MOST_STEPS, M=sparse.diags(1.0 / diagonal))
    result[free] = np.clip(guess, 0.0, 1.0)
    return result


def _edges(
    hu: HuArray, scale_hu: float, tissue: BoolArray, axis: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return both ends (flat indices) and weights of the edges along an axis."""
    flat = np.arange(hu.size, dtype=np.int64).reshape(hu.shape)
    ahead = np.take(flat, np.arange(1, hu.shape[axis]), axis=axis)
    behind = np.take(flat, np.arange(hu.shape[axis] - 1), axis=axis)
    there = tissue.ravel()[ahead] & tissue.ravel()[behind]
    a, b = behind[there], ahead[there]
    steps = (hu.ravel()[a].astype(np.float64) - hu.ravel()[b]) / scale_hu
    return a, b, np.maximum(np.exp(-(steps**2)), LEAST_WEIGHT)
