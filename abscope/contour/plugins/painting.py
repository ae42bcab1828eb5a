"""Results of a model on the image's voxels, one bit a structure, and structures from those."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from abscope.contour.engine import Report
from abscope.contour.outlines import roi_from_mask
from abscope.contour.plugins.description import Labels
from abscope.contour.plugins.grids import Float32, between
from abscope.core.geometry import Grid
from abscope.core.structures import Roi

#: A channel that stands for itself is drawn where its probability is above this.
HALF = 0.5
#: Below this a network's mean probability is worth a sentence.
LOW = 0.8

#: How far a network engine is when it begins to draw outlines.
OUTLINES_SHARE = 0.92


class Painting:
    """Voxels of an image by structure: bit ``i`` stands for ``names[i]``.

    Parameters
    ----------
    image : Grid
    labels : mapping of int to tuple of str
        Channel or label value -> structures.
    names : tuple of str
        Which of them are drawn.
    """

    def __init__(self, image: Grid, labels: Labels, names: tuple[str, ...]) -> None:
        self.image = image
        self.names = names
        self._channels = {n: [i for i, labeled in labels.items() if n in labeled] for n in names}
        width = next(w for w in (8, 16, 32, 64) if len(names) <= w)
        self._bits = np.zeros(image.shape_zyx, dtype=f"uint{width}")
        self._sum = dict.fromkeys(names, 0.0)
        self._count = dict.fromkeys(names, 0)

    def probabilities(self, plane: int, values: Float32, *, exclusive: bool) -> None:
        """Take a plane's probabilities, shape (channels, rows, columns).

        With `exclusive` a voxel belongs to its most probable channel, otherwise to each channel
        above one half.
        """
        best = values.argmax(axis=0) if exclusive else None
        for bit, name in enumerate(self.names):
            channels = self._channels[name]
            if best is None:
                highest = values[channels].max(axis=0)
                mask = highest > HALF
            else:
                mask = np.isin(best, channels)
                highest = values[channels].sum(axis=0)
            self._set(plane, bit, mask)
            self._sum[name] += float(highest[mask].sum(dtype=np.float64))
            self._count[name] += int(np.count_nonzero(mask))

    def label_plane(self, plane: int, values: npt.NDArray[np.generic]) -> None:
        """Take a plane of a label map."""
        for bit, name in enumerate(self.names):
            self._set(plane, bit, np.isin(values, self._channels[name]))

    def rate(self, labels: npt.NDArray[np.generic], probabilities: Float32) -> None:
        """Take the probabilities, shape (channels, ...), of a label map that was drawn."""
        for name, channels in self._channels.items():
            mask = np.isin(labels, channels)
            for channel in channels:
                self._sum[name] += float(probabilities[channel][mask].sum(dtype=np.float64))
            self._count[name] = int(np.count_nonzero(mask))

    def _set(self, plane: int, bit: int, mask: npt.NDArray[np.bool_]) -> None:
        self._bits[plane][mask] |= self._bits.dtype.type(1 << bit)

    def confidence(self, name: str) -> float | None:
        """Return the mean of the model's probability within a structure; None without any.

        Warnings
        --------
        Not calibrated: networks are as a rule surer than they are right (Guo et al. 2017,
        arXiv:1706.04599).
        """
        return round(self._sum[name] / self._count[name], 2) if self._count[name] else None

    def rois(self, structures: tuple[str, ...], report: Report) -> Iterator[Roi]:
        """Yield the structures that have an outline; numbers follow the engine's card."""
        for bit, name in enumerate(self.names):
            report(OUTLINES_SHARE + (0.99 - OUTLINES_SHARE) * bit / len(self.names), name)
            mask = (self._bits & self._bits.dtype.type(1 << bit)) != 0
            confidence = self.confidence(name)
            roi = roi_from_mask(
                mask,
                self.image,
                number=1 + structures.index(name),
                name=name,
                confidence=confidence,
            )
            if not roi.contours:
                continue
            if confidence is not None and confidence < LOW:
                reason = "The network's own probabilities are low here; they are not calibrated."
                roi = dataclasses.replace(roi, confidence_reason=reason)
            yield roi


def paint_probabilities(
    painting: Painting, planes: Iterator[Float32], source: Grid, *, exclusive: bool
) -> None:
    """Bring probabilities from a model's grid to the image, plane by plane, and decide there."""
    z, y, x = between(source, painting.image)
    held: dict[int, Float32] = {}
    next_plane = 0
    for k, (low, high, share) in enumerate(zip(z.low, z.high, z.share, strict=True)):
        needed = int(high) if share > 0 else int(low)
        while next_plane <= needed:
            values = next(planes)
            if next_plane >= low:
                held[next_plane] = x.apply(y.apply(values, 1), 2)
            next_plane += 1
        for old in [i for i in held if i < low]:
            del held[old]
        plane = held[int(low)]
        if share > 0:
            plane = plane + share * (held[int(high)] - plane)
        painting.probabilities(k, plane, exclusive=exclusive)
    for _ in planes:  # let the last patches be counted
        pass


def paint_labels(painting: Painting, labels_zyx: npt.NDArray[np.generic], source: Grid) -> None:
    """Take a label map whose rows and columns are the image's; planes are the nearest ones."""
    planes = source.plane_offsets_mm + source.origin_mm[2]
    for k, offset in enumerate(painting.image.plane_offsets_mm + painting.image.origin_mm[2]):
        painting.label_plane(k, labels_zyx[int(np.argmin(np.abs(planes - offset)))])
