"""The anatomical order: which structure is found after which, and from what.

To add a structure, write a module that finds it, a function here (or there) that takes the
`Scene`, keeps what later steps need and returns how its masks are made, and a `Step` in `STEPS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from abscope.contour.engines.airways import find_airways
from abscope.contour.engines.body import find_body, middle_mm, refine_body
from abscope.contour.engines.filled import without_holes
from abscope.contour.engines.image_quality import image_checks, noise_hu
from abscope.contour.engines.lungs import find_lungs
from abscope.contour.engines.rating import (
    Rating,
    rate_airways,
    rate_body,
    rate_canal,
    rate_lungs,
)
from abscope.contour.engines.scene import Drawn, Scene, Step
from abscope.contour.engines.spine import find_canal
from abscope.contour.engines.steps_middle import MIDDLE_STEPS
from abscope.contour.engines.working import BoolArray
from abscope.core.errors import EngineError

Makers = Mapping[str, Callable[[], Drawn]]


def body_of(scene: Scene) -> BoolArray:
    """Return the body on the working grid, for steps that need one.

    Raises
    ------
    EngineError
        When there is none.
    """
    if scene.body is None or not scene.body.any():
        raise EngineError(
            "engine-found-nothing",
            "There is no body in the image.",
            where="engine anatomical",
            expected="a CT in HU with air around the patient",
            remedy="Check that the series is the planning CT of the chest.",
        )
    return scene.body


def made(mask: BoolArray | None, rating: Rating) -> Callable[[], Drawn]:
    """Return a maker of a mask that is there already."""
    return lambda: Drawn(mask=mask, rating=rating)


def _body(scene: Scene) -> Makers:
    scene.body = find_body(scene.work)
    body, work = body_of(scene), scene.work
    scene.middle_mm = middle_mm(body, work)
    scene.noise_hu = noise_hu(scene.image, work, body, scene.planes_per)
    gap_mm = scene.own_spacing[0]
    scene.image_checks = image_checks(scene.image, work, body, scene.noise_hu, gap_mm)
    return {
        "External": lambda: Drawn(
            mask=refine_body(scene.image.array_zyx, work, body), rating=rate_body(body, work)
        )
    }


def _airways(scene: Scene) -> Makers:
    found = find_airways(
        scene.image.array_zyx, scene.work, body_of(scene), scene.spacing, scene.middle_mm
    )
    scene.airways = found
    trachea, bronchi = rate_airways(found, scene.spacing)
    makers = {"Trachea": made(found.trachea, trachea), "Bronchus": made(found.bronchi, bronchi)}
    if found.trachea is not None and found.carina_plane is not None:
        makers["Carina"] = lambda: Drawn(mask=None, rating=trachea, point_zyx=_carina(scene))
    return makers


def _carina(scene: Scene) -> tuple[float, float, float]:
    """Return the middle of the trachea's lowest cross-section as a fractional index."""
    plane, trachea = scene.airways.carina_plane, scene.airways.trachea
    assert plane is not None
    assert trachea is not None
    rows, columns = np.nonzero(trachea[plane])
    return (
        float(plane),
        float(rows.min() + rows.max()) / 2,
        float(columns.min() + columns.max()) / 2,
    )


def _lungs(scene: Scene) -> Makers:
    airways, work = scene.airways, scene.work
    tubes = [m for m in (airways.trachea, airways.bronchi) if m is not None]
    lungs = find_lungs(
        scene.image.array_zyx,
        work,
        body_of(scene),
        work.reduce(np.logical_or.reduce(tubes)) if tubes else None,
        scene.middle_mm if airways.middle_mm is None else airways.middle_mm,
        None if airways.lumen is None else work.reduce(airways.lumen),
    )
    scene.lungs = lungs
    left, right = rate_lungs(lungs, work)
    makers: dict[str, Callable[[], Drawn]] = {
        "Lung_L": lambda: Drawn(mask=whole_lung(scene, "left"), rating=left),
        "Lung_R": lambda: Drawn(mask=whole_lung(scene, "right"), rating=right),
    }
    if lungs.left is not None and lungs.right is not None:
        worse = min(left, right, key=lambda rating: rating.plausibility)
        makers["Lungs"] = lambda: Drawn(mask=_both(scene), rating=worse)
    return makers


def whole_lung(scene: Scene, side: str) -> BoolArray | None:
    """Return the ``left`` or ``right`` lung with its filled parts, on the image's own voxels."""
    lungs = scene.lungs
    air, filled, other = (
        (lungs.left, lungs.filled_left, lungs.right)
        if side == "left"
        else (lungs.right, lungs.filled_right, lungs.left)
    )
    if air is None:
        return None
    whole = air
    if filled is not None and filled.any():
        whole = air | scene.work.expand(filled)
    tubes = [m for m in (scene.airways.trachea, scene.airways.bronchi) if m is not None]
    blocked = np.logical_or.reduce(tubes) if tubes else None
    whole = without_holes(whole, blocked, scene.spacing)
    return whole if other is None else whole & ~other


def _both(scene: Scene) -> BoolArray | None:
    left, right = whole_lung(scene, "left"), whole_lung(scene, "right")
    return None if left is None or right is None else left | right


def _canal(scene: Scene) -> Makers:
    canal = find_canal(scene.image.array_zyx, scene.leveled(), body_of(scene), scene.middle_mm)
    scene.canal = canal
    return {"SpinalCanal": made(canal.mask, rate_canal(canal))} if canal.mask is not None else {}


STEPS: tuple[Step, ...] = (
    Step(id="body", draws=("External",), needs=(), seconds=2.5, find=_body),
    Step(
        id="airways",
        draws=("Trachea", "Bronchus", "Carina"),
        needs=("body",),
        seconds=2.0,
        find=_airways,
    ),
    Step(
        id="lungs",
        draws=("Lung_L", "Lung_R", "Lungs"),
        needs=("body", "airways"),
        seconds=5.0,
        find=_lungs,
    ),
    Step(id="canal", draws=("SpinalCanal",), needs=("body",), seconds=1.0, find=_canal),
    *MIDDLE_STEPS,
)
