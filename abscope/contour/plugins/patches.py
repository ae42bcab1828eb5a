"""An image through a network, patch by patch, and the probabilities back plane by plane.

Planes are handed on as soon as no later patch touches them, so that what is held is one layer of
patches and never all classes of the whole image. Patches overlap with Gaussian weights (as in
nnU-Net, Isensee et al. 2021, doi:10.1038/s41592-020-01008-z).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from abscope.contour.engine import Report
from abscope.contour.plugins.description import Input, Output
from abscope.contour.plugins.grids import Float32
from abscope.core.errors import EngineError

#: A tensor, shape (1, 1, *axes), to what the model gives for it.
Predict = Callable[[Float32], npt.NDArray[np.generic]]
Shape = tuple[int, int, int]

#: Standard deviation of a patch's weights, as a share of its size.
SIGMA = 1 / 8
#: Weights at the corners of a patch, at least.
LEAST_WEIGHT = 1e-3
#: Probabilities of a voxel add up to 1 within this.
SUM_TOLERANCE = 0.02


def probability_planes(
    predict: Predict, hu_zyx: Float32, given: Input, output: Output, report: Report
) -> Iterator[Float32]:
    """Yield the probabilities of each plane, shape (channels, rows, columns), from plane 0 on.

    Parameters
    ----------
    predict : callable
    hu_zyx : ndarray, float32
        On the model's spacing, indices along +x, +y, +z.
    given, output : Input, Output
        As described beside the model.
    report : callable
        Told the share after every patch; it may raise to cancel.
    """
    patch = _patch_shape(hu_zyx.shape, given)
    rows = [_starts(n, p, given.overlap) for n, p in zip(hu_zyx.shape, patch, strict=True)]
    weights = _weights(patch, given.overlap)
    total = math.prod(len(starts) for starts in rows)
    held: Float32 | None = None  # sums of weighted probabilities of one layer of patches
    weight = np.zeros(
        (patch[0], max(hu_zyx.shape[1], patch[1]), max(hu_zyx.shape[2], patch[2])), np.float32
    )
    done = 0
    for z, after in itertools.pairwise([*rows[0], hu_zyx.shape[0]]):
        for y, x in itertools.product(rows[1], rows[2]):
            tensor = np.asarray(to_model(_cut(hu_zyx, (z, y, x), patch, given), given), np.float32)
            found = _probabilities(from_model(predict(tensor), given, patch), output)
            if held is None:
                held = np.zeros((found.shape[0], *weight.shape), np.float32)
            held[:, :, y : y + patch[1], x : x + patch[2]] += found * weights
            weight[:, y : y + patch[1], x : x + patch[2]] += weights
            done += 1
            report(done / total, f"Part {done} of {total}")
        assert held is not None
        ready = after - z
        for k in range(ready):
            plane = held[:, k] / weight[k]
            yield plane[:, : hu_zyx.shape[1], : hu_zyx.shape[2]]
        for array in (held, weight[None]):
            array[:, : patch[0] - ready] = array[:, ready:].copy()
            array[:, patch[0] - ready :] = 0


def _patch_shape(shape: tuple[int, ...], given: Input) -> Shape:
    if given.patch_zyx is not None:
        return given.patch_zyx
    z, y, x = (-(-n // m) * m for n, m in zip(shape, given.multiple_zyx, strict=True))
    return z, y, x


def _starts(size: int, patch: int, overlap: float) -> list[int]:
    """Return where patches begin along an axis, evenly spread.

    Examples
    --------
    >>> _starts(10, 4, 0.5), _starts(3, 4, 0.5)
    ([0, 2, 4, 6], [0])
    """
    if size <= patch:
        return [0]
    count = math.ceil((size - patch) / max(1, round(patch * (1 - overlap)))) + 1
    return [int(start) for start in np.linspace(0, size - patch, count).round()]


def _weights(patch: Shape, overlap: float) -> Float32:
    if overlap == 0:
        return np.ones(patch, np.float32)
    along = [np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (SIGMA * n)) ** 2) for n in patch]
    product = along[0][:, None, None] * along[1][:, None] * along[2]
    return np.maximum(product, LEAST_WEIGHT).astype(np.float32)


def _cut(hu_zyx: Float32, start: Shape, patch: Shape, given: Input) -> Float32:
    """Return a patch in the units of the model, padded with the lower end of the window."""
    part = hu_zyx[tuple(slice(s, s + p) for s, p in zip(start, patch, strict=True))]
    pad = [(0, p - n) for p, n in zip(patch, part.shape, strict=True)]
    low, high = given.window_hu
    padded = np.pad(part, pad, constant_values=low)
    values = np.clip(padded, low, high, out=padded)
    values *= given.scale
    values += given.offset
    return values


def to_model(patch_zyx: npt.NDArray[np.generic], given: Input) -> npt.NDArray[np.generic]:
    """Return a patch as the model's tensor, shape (1, 1, *axes).

    Examples
    --------
    >>> import dataclasses
    >>> plain = Input(spacing_zyx_mm=(1, 1, 1), axes="xyz", orientation="RPS", window_hu=(0, 1),
    ...     scale=1, offset=0, patch_zyx=None, overlap=0, multiple_zyx=(1, 1, 1))
    >>> to_model(np.arange(6).reshape(1, 2, 3), plain)[0, 0, :, :, 0].tolist()
    [[2, 5], [1, 4], [0, 3]]
    """
    flipped = patch_zyx[flips(given.orientation)]
    if len(given.axes) == 2:
        flipped = flipped[0]
    order = [("yx" if len(given.axes) == 2 else "zyx").index(axis) for axis in given.axes]
    return np.ascontiguousarray(flipped.transpose(order))[None, None]


def from_model(result: npt.NDArray[np.generic], given: Input, patch: Shape) -> Float32:
    """Return the model's result, shape (channels, z, y, x), as the patch lies in the image.

    Raises
    ------
    EngineError
        When it is not as large as the patch that went in.
    """
    sizes = tuple(patch["zyx".index(axis)] for axis in given.axes)
    if result.shape == (1, *sizes):
        result = result[:, None]
    if result.ndim != len(sizes) + 2 or result.shape[0] != 1 or result.shape[2:] != sizes:
        raise _unfit(
            f"The model gave an array of shape {result.shape}.",
            f"shape (1, channels, {', '.join(map(str, sizes))}), as large as the patch",
            "output",
        )
    names = "yx" if len(given.axes) == 2 else "zyx"
    back = result[0].transpose(0, *(1 + given.axes.index(axis) for axis in names))
    if len(given.axes) == 2:
        back = back[:, None]
    return np.asarray(back[(slice(None), *flips(given.orientation))])


def flips(orientation: str) -> tuple[slice, slice, slice]:
    """Return the slices, for z, y, x, that turn +x, +y, +z into the model's directions and back."""
    turned = [letter in "RAI" for letter in reversed(orientation)]
    z, y, x = (slice(None, None, -1) if turn else slice(None) for turn in turned)
    return z, y, x


def _probabilities(found: npt.NDArray[np.generic], output: Output) -> Float32:
    """Return probabilities, shape (channels, z, y, x), of what the model gave.

    Raises
    ------
    EngineError
        When the numbers are not what the description says.
    """
    if output.kind == "labels":
        return _one_hot(found, output)
    if found.shape[0] != len(output.labels):
        raise _unfit(
            f"The model gives {found.shape[0]} channels.",
            f"{len(output.labels)} channels, one for each label",
            "output.labels",
        )
    values = found.astype(np.float32)
    if not np.isfinite(values).all():
        raise _unfit("The model gave values that are no numbers.", "finite numbers", "output")
    if output.kind == "logits":
        return np.asarray(softmax(values, axis=0), dtype=np.float32)
    if output.kind == "sigmoid_logits":
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -80, 80))), dtype=np.float32)
    sums = values.sum(axis=0) if output.kind == "softmax" else np.ones(1)
    outside = values.min() < -SUM_TOLERANCE or values.max() > 1 + SUM_TOLERANCE
    if outside or np.abs(sums - 1).max() > SUM_TOLERANCE:
        raise _unfit(
            "The model's numbers are no probabilities.",
            'numbers from 0 to 1 that add up to 1 (for "softmax")',
            'output.kind (is it "logits"?)',
        )
    return values


def _one_hot(found: npt.NDArray[np.generic], output: Output) -> Float32:
    if found.shape[0] != 1:
        raise _unfit("The model gives several channels.", "one channel of labels", "output.kind")
    values = found[0].astype(np.float32)
    result = np.zeros((max(output.labels) + 1, *values.shape), np.float32)
    covered = np.zeros(values.shape, dtype=bool)
    for index in output.labels:
        result[index] = values == index
        covered |= values == index
    if not covered.all():
        raise _unfit(
            "The model gave a label that is not described.", "labels of the list", "labels"
        )
    return result


def _unfit(what: str, expected: str, where: str) -> EngineError:
    return EngineError(
        "engine-output",
        what,
        where=f"engine.json: {where}",
        expected=expected,
        remedy="Correct the description beside the model; nothing was drawn.",
    )
