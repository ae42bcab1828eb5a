"""Planes close enough to search: wide ones get planes between them.

All steps then see much the same grid, whatever the planes of the scan (thin ones are averaged in
the working grid), so that where a tube divides or a dome begins hangs less on the reconstruction.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.core.geometry import Volume

#: Planes further apart than this get planes between them (mm), about `TARGET_MM` apart.
WIDE_MM = 4.0
TARGET_MM = 2.5


def with_planes_between(image: Volume) -> tuple[Volume, int]:
    """Return the image with linearly interpolated planes, and how many stand for one.

    Plane ``n`` of the image is plane ``n * count`` of the result. Thin planes stay as they are.

    Examples
    --------
    >>> from abscope.core.geometry import Grid
    >>> grid = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(5, 1, 1), shape_zyx=(3, 1, 1))
    >>> hu = np.array([0, 10, 30], np.int16)[:, None, None]
    >>> image = Volume(array_zyx=hu, grid=grid, unit="HU")
    >>> closer, count = with_planes_between(image)
    >>> count, closer.array_zyx.ravel().tolist(), closer.grid.plane_spacing_mm
    (2, [0, 5, 10, 20, 30], 2.5)
    """
    gap = image.grid.plane_spacing_mm
    if gap <= WIDE_MM or image.grid.shape_zyx[0] < 2:
        return image, 1
    count = max(2, round(gap / TARGET_MM))
    at = np.arange((image.grid.shape_zyx[0] - 1) * count + 1) / count
    old = image.grid.plane_offsets_mm
    offsets = np.interp(at, np.arange(old.size), old)
    low = np.minimum(at.astype(int), old.size - 2)
    array = np.empty((at.size, *image.grid.size_yx), dtype=image.array_zyx.dtype)
    for plane, (first, share) in enumerate(zip(low, at - low, strict=True)):
        pair = image.array_zyx[first : first + 2].astype(np.float32)
        mixed = pair[0] + np.float32(share) * (pair[1] - pair[0])
        array[plane] = np.rint(mixed) if array.dtype.kind in "iu" else mixed
    grid = dataclasses.replace(image.grid, plane_offsets_mm=offsets)
    return dataclasses.replace(image, array_zyx=array, grid=grid), count
