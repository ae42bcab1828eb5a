"""Changes of a CT under which contours should stay, or doubt should show; and how far they stay.

Each gives another image of the same patient. Agreement is the Dice of the structure with that on
the unchanged image, on the coarser of both grids and where both images are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from abscope.core.geometry import Grid, Volume, canonical
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region, Roi

Change = Callable[[Volume], Volume]


def with_values(image: Volume, values: npt.NDArray[np.generic]) -> Volume:
    """Return the image with other HU."""
    array = np.clip(np.rint(values), -32768, 32767).astype(np.int16)
    return dataclasses.replace(image, array_zyx=array)


def noisy(sd_hu: float) -> Change:
    """Return a change that adds white noise."""

    def change(image: Volume) -> Volume:
        rng = np.random.default_rng(7)
        noise = rng.standard_normal(image.array_zyx.shape, dtype=np.float32) * np.float32(sd_hu)
        return with_values(image, image.array_zyx + noise)

    return change


def planes_of(gap_mm: float) -> Change:
    """Return a change to planes this far apart: interpolated, or averaged over the new gap."""

    def change(image: Volume) -> Volume:
        grid, old = image.grid, image.grid.plane_offsets_mm
        offsets = np.arange(0.0, old[-1] + 1e-6, gap_mm)
        values = image.array_zyx.astype(np.float32)
        sd = gap_mm / grid.plane_spacing_mm / np.sqrt(12.0)
        if sd > 0.3:
            values = ndimage.gaussian_filter1d(values, sd, axis=0, mode="nearest")
        at = np.interp(offsets, old, np.arange(old.size))
        low = np.minimum(at.astype(int), old.size - 2)
        share = (at - low).astype(np.float32)[:, None, None]
        array = values[low] * (1 - share) + values[low + 1] * share
        new = dataclasses.replace(grid, plane_offsets_mm=offsets)
        return Volume(array_zyx=np.rint(array).astype(np.int16), grid=new, unit=image.unit)

    return change


def pixels_of(factor: int) -> Change:
    """Return a change to pixels this many times as wide (block means)."""

    def change(image: Volume) -> Volume:
        n_y, n_x = (n - n % factor for n in image.grid.size_yx)
        array = image.array_zyx[:, :n_y, :n_x].astype(np.float32)
        shape = (array.shape[0], n_y // factor, factor, n_x // factor, factor)
        means = array.reshape(shape).mean(axis=(2, 4))
        dy, dx = image.grid.spacing_yx_mm
        grid = dataclasses.replace(
            image.grid,
            origin_mm=image.grid.to_mm([[0, (factor - 1) / 2, (factor - 1) / 2]])[0],
            spacing_yx_mm=(dy * factor, dx * factor),
            size_yx=(n_y // factor, n_x // factor),
        )
        return Volume(array_zyx=np.rint(means).astype(np.int16), grid=grid, unit=image.unit)

    return change


def cut(z: tuple[float, float] = (0, 1), x: tuple[float, float] = (0, 1)) -> Change:
    """Return a change that keeps shares of the planes (from below) and of the columns."""

    def change(image: Volume) -> Volume:
        n_z, n_y, n_x = image.grid.shape_zyx
        planes = slice(int(z[0] * n_z), int(np.ceil(z[1] * n_z)))
        columns = slice(int(x[0] * n_x), int(np.ceil(x[1] * n_x)))
        low, high = (planes.start, 0, columns.start), (planes.stop, n_y, columns.stop)
        grid = image.grid.part(low, high)
        array = np.ascontiguousarray(image.array_zyx[planes, :, columns])
        return Volume(array_zyx=array, grid=grid, unit=image.unit)

    return change


def turned(x: int, y: int, z: int) -> Change:
    """Return a change of voxel order by signs, as other patient positions store it, and back.

    Feet first prone is (1, -1, -1), head first prone (-1, -1, 1), feet first supine (-1, 1, -1).
    """

    def change(image: Volume) -> Volume:
        signs, array, origin = (x, y, z), image.array_zyx, image.grid.origin_mm.copy()
        shape = image.grid.shape_zyx
        far = image.grid.to_mm([[n - 1 for n in shape]])[0]
        for axis, sign in enumerate(signs):
            if sign < 0:
                array = np.flip(array, axis=2 - axis)
                origin[axis] = far[axis]
        offsets = image.grid.plane_offsets_mm
        grid = dataclasses.replace(
            image.grid,
            origin_mm=origin,
            axes=np.diag(np.array(signs, dtype=np.float64)),
            plane_offsets_mm=offsets if z > 0 else offsets[-1] - offsets[::-1],
        )
        return canonical(Volume(array_zyx=array, grid=grid, unit=image.unit))

    return change


def blurred(sd_mm: float) -> Change:
    """Return a change that smooths in all directions."""

    def change(image: Volume) -> Volume:
        spacing = (image.grid.plane_spacing_mm, *image.grid.spacing_yx_mm)
        values = image.array_zyx.astype(np.float32)
        return with_values(image, ndimage.gaussian_filter(values, [sd_mm / s for s in spacing]))

    return change


def shifted(offset_hu: float, slope: float = 1.0) -> Change:
    """Return a change of the CT numbers."""
    return lambda image: with_values(image, image.array_zyx * np.float32(slope) + offset_hu)


def metal(image: Volume) -> Volume:
    """Return the image with a steel rod in the chest wall and streaks from it in 8 cm of planes."""
    n_z, n_y, n_x = image.grid.shape_zyx
    gap, (dy, dx) = image.grid.plane_spacing_mm, image.grid.spacing_yx_mm
    y = (np.arange(n_y)[:, None] - 0.35 * n_y) * dy
    x = (np.arange(n_x)[None, :] - 0.45 * n_x) * dx
    radius, angle = np.hypot(y, x), np.arctan2(y, x)
    streaks = 250 * np.sin(18 * angle) * np.exp(-radius / 80.0)
    values = image.array_zyx.astype(np.float32)
    half = int(40 / gap)
    values[n_z // 2 - half : n_z // 2 + half] += streaks
    values[n_z // 2 - half : n_z // 2 + half, radius < 8] = 3000
    return with_values(image, values)


def table(image: Volume) -> Volume:
    """Return the image with a dense plate, 3 cm thick, against the patient's back."""
    values = image.array_zyx.copy()
    dense = values[values.shape[0] // 2] > -300
    rows = np.flatnonzero(dense.sum(axis=1) > 0.15 * dense.shape[1])
    thick = int(30 / image.grid.spacing_yx_mm[0])
    back = min(int(rows[-1]) + 1, values.shape[1] - thick)
    plate = values[:, back : back + thick]
    plate[plate < -300] = 150
    return with_values(image, values)


def contrast(image: Volume) -> Volume:
    """Return the image with soft tissue of 20 to 80 HU raised by 150, as an arterial phase has."""
    values = image.array_zyx.astype(np.float32)
    smooth = ndimage.uniform_filter(values, (1, 5, 5))
    return with_values(image, values + 150 * ((smooth > 20) & (smooth < 80)))


def without_lung(share: float, left: Roi) -> Change:
    """Return a change that fills the lowest share of the left lung with fluid."""

    def change(image: Volume) -> Volume:
        lung = region_mask(Region.of(left), image.grid)
        lung = ndimage.binary_dilation(lung, iterations=2)
        planes = np.flatnonzero(lung.any(axis=(1, 2)))
        lung[planes[0] + int(share * planes.size) :] = False
        return with_values(image, np.where(lung & (image.array_zyx < 0), 20, image.array_zyx))

    return change


#: Under these the contours must stay within one per cent (issue 4).
MUST_STAY: dict[str, Change] = {
    "planes 1 mm": planes_of(1.0),
    "planes 5 mm": planes_of(5.0),
    "feet first prone": turned(1, -1, -1),
    "head first prone": turned(-1, -1, 1),
    "noise 30 HU": noisy(30.0),
    "cut at the top": cut(z=(0.0, 0.62)),
    "cut at the bottom": cut(z=(0.4, 1.0)),
    "cut at the right": cut(x=(0.27, 1.0)),
}
#: Under these they may fail, and should say so.
MAY_FAIL: dict[str, Change] = {
    "noise 15 HU": noisy(15.0),
    "noise 60 HU": noisy(60.0),
    "noise 100 HU": noisy(100.0),
    "noise 200 HU": noisy(200.0),
    "noise 350 HU": noisy(350.0),
    "planes 8 mm": planes_of(8.0),
    "planes 12 mm": planes_of(12.0),
    "pixels 3 times": pixels_of(3),
    "blur 1.5 mm": blurred(1.5),
    "blur 4 mm": blurred(4.0),
    "blur 8 mm": blurred(8.0),
    "offset +60 HU": shifted(60.0),
    "offset -60 HU": shifted(-60.0),
    "offset +150 HU": shifted(150.0),
    "offset +300 HU": shifted(300.0),
    "half the slope": shifted(0.0, 0.5),
    "metal": metal,
    "table": table,
    "contrast": contrast,
    "cut at the left": cut(x=(0.0, 0.68)),
    "cut to a quarter": cut(z=(0.3, 0.55)),
    "cut hard at the side": cut(x=(0.0, 0.55)),
    "cut at both": cut(z=(0.2, 0.6), x=(0.2, 0.8)),
}


def agreement(
    first: Roi | None, second: Roi | None, grids: tuple[Grid, Grid], *, whole: bool = False
) -> float:
    """Return the Dice of a structure on the unchanged and on the changed image.

    Parameters
    ----------
    first, second : Roi or None
        None, not drawn, agrees with nothing.
    grids : tuple of Grid
        Of the unchanged and the changed image; the coarser one is used, where both are.
    whole : bool
        Whether what the changed image does not show counts as not drawn.
    """
    if first is None or second is None:
        return 0.0
    if whole:
        grids = (grids[0], grids[0])
    coarse = max(grids, key=lambda grid: (grid.plane_spacing_mm, grid.spacing_yx_mm))
    low = np.max([g.origin_mm for g in grids], axis=0) - 1e-3
    high = np.min([g.to_mm([[n - 1 for n in g.shape_zyx]])[0] for g in grids], axis=0) + 1e-3
    masks = [region_mask(Region.of(roi), coarse) for roi in (first, second)]
    z, y, x = (
        (centers >= low[axis]) & (centers <= high[axis])
        for axis, centers in (
            (2, coarse.origin_mm[2] + coarse.plane_offsets_mm),
            (1, coarse.origin_mm[1] + np.arange(coarse.size_yx[0]) * coarse.spacing_yx_mm[0]),
            (0, coarse.origin_mm[0] + np.arange(coarse.size_yx[1]) * coarse.spacing_yx_mm[1]),
        )
    )
    a, b = (mask[np.ix_(z, y, x)] for mask in masks)
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0
