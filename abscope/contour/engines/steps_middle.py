"""The anatomical order between the lungs: vertebral bodies, aorta, heart."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from abscope.contour.engines.aorta import find_aorta
from abscope.contour.engines.diaphragm import lung_base_mm
from abscope.contour.engines.heart import HEIGHT_MM, TOP_MM, find_heart
from abscope.contour.engines.rating import Rating, rate_airways
from abscope.contour.engines.rating_heart import (
    check_planes,
    check_shift,
    rate_aorta,
    rate_column,
    rate_heart,
)
from abscope.contour.engines.scene import Drawn, Scene, Step
from abscope.contour.engines.vertebrae import find_column
from abscope.contour.engines.working import BoolArray

#: From this plausibility of the trachea on, its fork is taken for the carina.
SURE_TRACHEA = 0.4

Makers = Mapping[str, Callable[[], Drawn]]


def carina_mm(scene: Scene) -> float | None:
    """Return the height of the carina, mm from the lowest plane's outer edge; None if not sure.

    A short piece of windpipe may as well be a bronchus above its own fork.
    """
    plane = scene.airways.carina_plane
    trachea, _ = rate_airways(scene.airways, scene.spacing)
    if plane is None or trachea.plausibility < SURE_TRACHEA:
        return None
    return (plane + 0.5) * scene.spacing[0]


def _without(mask: BoolArray, other: BoolArray | None) -> BoolArray:
    """Return a mask less what belongs to another structure."""
    return mask if other is None else mask & ~other


def _column(scene: Scene) -> Makers:
    column = scene.column = find_column(scene.leveled(), scene.canal)
    if column is None:
        return {}

    def draw() -> Drawn:
        whole = scene.column_mask()
        mask = None if whole is None else _without(whole, scene.canal.mask)
        return Drawn(mask=mask, rating=rate_column(column))

    return {"VB": draw}


def _aorta(scene: Scene) -> Makers:
    top_mm, sides = carina_mm(scene), scene.sides()
    if top_mm is None and sides is not None:
        top_mm = lung_base_mm(sides, scene.work.spacing_zyx_mm) + HEIGHT_MM + TOP_MM
    column = scene.column
    if column is None or top_mm is None:
        return {}
    aorta = scene.aorta = find_aorta(scene.leveled(), column, top_mm)
    if aorta is None:
        return {}

    def draw() -> Drawn:
        whole = scene.aorta_mask()
        mask = None if whole is None else _without(whole, scene.column_mask())
        more = (check_planes(scene.spacing[0]), check_shift(scene.shift_hu))
        rating = Rating.of(*rate_aorta(aorta).checks, *more)
        return Drawn(mask=mask, rating=rating)

    return {"A_Aorta": draw}


def _heart(scene: Scene) -> Makers:
    lungs, sides, column = scene.lungs, scene.sides(), scene.column
    if sides is None or column is None:
        return {}
    filled = [part for part in (lungs.filled_left, lungs.filled_right) if part is not None]
    heart = find_heart(
        scene.image.array_zyx,
        scene.leveled(),
        sides,
        column,
        scene.aorta,
        carina_mm(scene),
        np.logical_or.reduce(filled) if filled else None,
        shift_hu=scene.shift_hu,
    )
    if heart is None:
        return {}

    def draw() -> Drawn:
        rating = Rating.of(*rate_heart(heart).checks, check_shift(scene.shift_hu))
        return Drawn(mask=_without(heart.mask, scene.aorta_mask()), rating=rating)

    return {"Heart": draw}


MIDDLE_STEPS: tuple[Step, ...] = (
    Step(id="column", draws=("VB",), needs=("body", "canal"), seconds=1.0, find=_column),
    Step(
        id="aorta",
        draws=("A_Aorta",),
        needs=("body", "airways", "lungs", "canal", "column"),
        seconds=0.8,
        find=_aorta,
    ),
    Step(
        id="heart",
        draws=("Heart",),
        needs=("body", "airways", "lungs", "canal", "column", "aorta"),
        seconds=3.0,
        find=_heart,
    ),
)
