"""The anatomical order between the lungs: vertebral bodies, aorta, heart."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from abscope.contour.engines.aorta import draw_aorta, find_aorta
from abscope.contour.engines.heart import find_heart
from abscope.contour.engines.rating_heart import rate_aorta, rate_column, rate_heart
from abscope.contour.engines.scene import Drawn, Scene, Step
from abscope.contour.engines.vertebrae import draw_column, find_column

Makers = Mapping[str, Callable[[], Drawn]]


def carina_mm(scene: Scene) -> float | None:
    """Return the height of the carina, mm from the lowest plane's outer edge; None if not seen."""
    plane = scene.airways.carina_plane
    return None if plane is None else (plane + 0.5) * scene.spacing[0]


def _column(scene: Scene) -> Makers:
    column = scene.column = find_column(scene.work, scene.canal)
    if column is None:
        return {}
    return {"VB": lambda: Drawn(mask=draw_column(column, scene.work), rating=rate_column(column))}


def _aorta(scene: Scene) -> Makers:
    carina = carina_mm(scene)
    if scene.column is None or carina is None:
        return {}
    aorta = scene.aorta = find_aorta(scene.work, scene.column, carina)
    if aorta is None:
        return {}
    return {"A_Aorta": lambda: Drawn(mask=draw_aorta(aorta, scene.work), rating=rate_aorta(aorta))}


def _heart(scene: Scene) -> Makers:
    lungs, work, column = scene.lungs, scene.work, scene.column
    if lungs.left is None or lungs.right is None or column is None:
        return {}
    filled = [part for part in (lungs.filled_left, lungs.filled_right) if part is not None]
    heart = find_heart(
        scene.image.array_zyx,
        work,
        (work.reduce(lungs.left), work.reduce(lungs.right)),
        column,
        scene.aorta,
        carina_mm(scene),
        np.logical_or.reduce(filled) if filled else None,
    )
    if heart is None:
        return {}
    return {"Heart": lambda: Drawn(mask=heart.mask, rating=rate_heart(heart))}


MIDDLE_STEPS: tuple[Step, ...] = (
    Step(id="column", draws=("VB",), needs=("body", "canal"), seconds=1.0, find=_column),
    Step(
        id="aorta",
        draws=("A_Aorta",),
        needs=("body", "airways", "canal", "column"),
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
