"""The click engine: the made tumor grows from its middle, a click elsewhere is refused."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.contour.compare import compare
from abscope.contour.engine import Request, silent
from abscope.contour.engines.click import ENGINE
from abscope.contour.outlines import roi_from_mask
from abscope.core.errors import EngineError
from tests.unit.contour.thorax import GRID, TUMOR, masks, thorax

pytestmark = pytest.mark.slow  # grows regions on a whole phantom chest


def test_tumor_grows_to_its_border() -> None:
    z, y, x = np.meshgrid(*(np.arange(n) for n in GRID.shape_zyx), indexing="ij")
    points = GRID.to_mm(np.stack([z, y, x], axis=-1).reshape(-1, 3))
    inside = np.linalg.norm(points - np.array(TUMOR[0]), axis=1) <= TUMOR[1]
    true = inside.reshape(GRID.shape_zyx) & masks()["External"]
    result = ENGINE.run(thorax(), Request(seed_mm=(112.0, -8.0, -402.0)), silent)
    found = result.roi("GTV_Click")
    assert found.interpreted_type == "GTV"
    assert compare(found, roi_from_mask(true, GRID, number=2, name="GTV")).dice > 0.9


@pytest.mark.parametrize(
    "seed",
    [
        None,  # no click
        (0.0, 84.0, -400.0),  # spinal canal
        (-85.0, 5.0, -400.0),  # healthy lung
        (999.0, 0.0, -400.0),  # outside the image
    ],
)
def test_a_click_elsewhere_is_refused(seed: tuple[float, float, float] | None) -> None:
    with pytest.raises(EngineError) as refused:
        ENGINE.run(thorax(), Request(seed_mm=seed), silent)
    assert refused.value.code == "engine-seed-unusable"
