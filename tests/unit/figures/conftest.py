"""Small phantoms with known places."""

import numpy as np
import pytest

from abscope.core.geometry import Grid, Volume
from abscope.core.structures import Contour, Roi, StructureSet


@pytest.fixture(scope="session")
def ramp() -> Volume:
    """Volume whose value is x + 1000 y + 1e6 z of the voxel centre, in mm; uneven voxel size."""
    grid = Grid.regular(
        origin_mm=(-20, -30, -12), spacing_zyx_mm=(3, 2, 1), shape_zyx=(9, 31, 41),
        frame_of_reference_uid="1.2",
    )  # fmt: skip
    index = np.indices(grid.shape_zyx).reshape(3, -1).T
    x, y, z = grid.to_mm(index).T
    values = (x + 100 * y + 10000 * z).reshape(grid.shape_zyx)
    return Volume(array_zyx=values.astype(np.float32), grid=grid, unit="HU")


def _box(number: int, name: str, low: tuple[float, ...], high: tuple[float, ...]) -> Roi:
    corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    contours = tuple(
        Contour(points_mm=np.array([(x, y, z) for x, y in corners]))
        for z in np.arange(low[2], high[2] + 0.1, 3.0)
    )
    return Roi(number=number, name=name, contours=contours)


@pytest.fixture(scope="session")
def boxes() -> StructureSet:
    """A box from x -8.5 to 6.5, y -10 to 10, drawn on z -6 to 6 (end caps to 7.5 mm)."""
    return StructureSet(
        uid="1", label="", source="clinical", frame_of_reference_uid="1.2",
        rois=(_box(1, "box", (-8.5, -10, -6), (6.5, 10, 6)),),
    )  # fmt: skip


HOSTILE = (
    "<b>x</b><a href='http://evil'>y</a>",
    "$\\frac{1}{0}$ %{x}",
    "_leading \U0001fac1 \ud800 \x00 \u202e",
    "y" * 300,
    "",
)


@pytest.fixture(params=HOSTILE, ids=[f"hostile{i}" for i in range(len(HOSTILE))])
def hostile(request: pytest.FixtureRequest) -> str:
    return str(request.param)
