"""What the anatomical engine knows of an image so far: each step adds to it, later steps read it.

All masks of a step lie on the working grid unless their docstring says otherwise. A step that has
not run, or found nothing, leaves its empty value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from abscope.contour.engines.airways import NO_AIRWAYS, Airways
from abscope.contour.engines.aorta import Aorta, draw_aorta
from abscope.contour.engines.lungs import NO_LUNGS, Lungs
from abscope.contour.engines.rating import Check, Rating
from abscope.contour.engines.soft_tissue import shift_hu
from abscope.contour.engines.spine import NO_CANAL, Canal
from abscope.contour.engines.vertebrae import Column, draw_column
from abscope.contour.engines.working import BoolArray, Spacing, Working
from abscope.core.geometry import Grid, Volume


@dataclasses.dataclass(slots=True, kw_only=True, eq=False)
class Scene:
    """The image and the anatomy found in it.

    Parameters
    ----------
    image : Volume
        In HU, axial, with planes put between wide ones.
    grid : Grid
        Of the image as it came.
    planes_per : int
        Planes of `image` for one of `grid`.
    work : Working
        The image on the working grid.
    image_checks : tuple of Check
        What is amiss with the image itself; part of every structure's rating.
    noise_hu : float
        Standard deviation of the noise in soft tissue.
    body : ndarray of bool or None
        Filled, on the working grid.
    middle_mm : float
        x of the patient's middle, mm from the first column's outer edge.
    level : Working or None
        The working grid with HU moved so that this patient's soft tissue reads as usual.
    shift_hu : float
        By how much they were moved down; known once ``leveled`` was called.
    reduced : tuple of ndarray, or None
        What ``sides`` returns, once it was called.
    tubes : dict of str to ndarray
        What ``column_mask`` and ``aorta_mask`` return, once they were called.
    """

    image: Volume
    grid: Grid
    work: Working
    planes_per: int = 1
    image_checks: tuple[Check, ...] = ()
    noise_hu: float = 0.0
    body: BoolArray | None = None
    middle_mm: float = 0.0
    airways: Airways = NO_AIRWAYS
    lungs: Lungs = NO_LUNGS
    canal: Canal = NO_CANAL
    level: Working | None = None
    shift_hu: float = 0.0
    reduced: tuple[BoolArray, BoolArray] | None = None
    column: Column | None = None
    aorta: Aorta | None = None
    tubes: dict[str, BoolArray] = dataclasses.field(default_factory=dict)

    @property
    def spacing(self) -> Spacing:
        """Distances between planes (median), rows and columns of the image, mm."""
        grid = self.image.grid
        return (grid.plane_spacing_mm or 1.0, *grid.spacing_yx_mm)

    @property
    def own_spacing(self) -> Spacing:
        """The same of the image as it came."""
        return (self.grid.plane_spacing_mm or 1.0, *self.grid.spacing_yx_mm)

    def leveled(self) -> Working:
        """Return the working grid on the patient's own scale of HU: a shift changes nothing."""
        if self.level is None:
            work = self.work
            self.shift_hu = 0.0 if self.body is None else shift_hu(work.hu_zyx[self.body])
            moved = work.hu_zyx - np.float32(self.shift_hu)
            self.level = dataclasses.replace(work, hu_zyx=moved)
        return self.level

    def sides(self) -> tuple[BoolArray, BoolArray] | None:
        """Return the air of left and right lung on the working grid; None when one is missing."""
        left, right = self.lungs.left, self.lungs.right
        if left is None or right is None:
            return None
        if self.reduced is None:
            self.reduced = (self.work.reduce(left), self.work.reduce(right))
        return self.reduced

    def column_mask(self) -> BoolArray | None:
        """Return the vertebral column on the image's voxels, None where it was not found."""
        if self.column is None:
            return None
        if "column" not in self.tubes:
            self.tubes["column"] = draw_column(self.column, self.work)
        return self.tubes["column"]

    def aorta_mask(self) -> BoolArray | None:
        """Return the aorta on the image's voxels, None where it was not found."""
        if self.aorta is None:
            return None
        if "aorta" not in self.tubes:
            self.tubes["aorta"] = draw_aorta(self.aorta, self.work)
        return self.tubes["aorta"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """One structure: its mask on the image's own voxels (None when not found) and its rating.

    A landmark has no mask but `point_zyx`, a fractional index into the image.
    """

    mask: BoolArray | None
    rating: Rating
    point_zyx: tuple[float, float, float] | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One step of the anatomical order.

    Parameters
    ----------
    id : str
    draws : tuple of str
        TG-263 names, in the order in which they are reported.
    needs : tuple of str
        Steps that run before it, whether their structures are asked for or not.
    seconds : float
        How long it takes on a planning CT, outlines included; for the progress bar only.
    find : callable
        Writes what later steps need into the scene, and returns a function per structure that
        makes its mask, called only for structures that are asked for.
    """

    id: str
    draws: tuple[str, ...]
    needs: tuple[str, ...]
    seconds: float
    find: Callable[[Scene], Mapping[str, Callable[[], Drawn]]]


def in_order(steps: tuple[Step, ...], names: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the steps that draw one of the names, and those that they need, in their order.

    Examples
    --------
    >>> def step(id, draws, *needs):
    ...     return Step(id=id, draws=draws, needs=needs, seconds=1.0, find=lambda scene: {})
    >>> order = (step("body", ("External",)), step("lungs", ("Lung_L",), "body"))
    >>> [s.id for s in in_order(order, ("Lung_L",))]
    ['body', 'lungs']
    """
    wanted = {step.id for step in steps if set(step.draws) & set(names)}
    for step in reversed(steps):
        if step.id in wanted:
            wanted |= set(step.needs)
    return tuple(step for step in steps if step.id in wanted)
