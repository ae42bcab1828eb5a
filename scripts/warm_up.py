"""Compiles the numba kernels into their cache, so that the first case does not wait for it."""

from __future__ import annotations

import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from abscope.contour.engines.working import fill_planes, open_in_plane, working_grid
from abscope.core.geometry import Grid, Volume
from abscope.core.plan import Dose
from abscope.core.rasterise import crosses_itself
from abscope.core.resample import sample_at
from abscope.core.structures import Contour, Region, Roi
from abscope.dose.dvh import compute_dvh
from abscope.predict.explain import warm_up


def main() -> None:
    """Run each kernel once on a cube of a few voxels."""
    grid = Grid.regular(origin_mm=(0, 0, 0), spacing_zyx_mm=(2, 2, 2), shape_zyx=(8, 8, 8))
    volume = Volume(array_zyx=np.ones((8, 8, 8), dtype=np.float32), grid=grid, unit="Gy")
    hu = Volume(array_zyx=np.zeros((8, 8, 8), dtype=np.int16), grid=grid, unit="HU")
    work = working_grid(hu)
    dense = fill_planes(open_in_plane(work.hu_zyx > -1, 4.0, (2, 2, 2)), None, (2, 2, 2))
    work.reduce(work.expand(dense))
    sample_at(volume, [[1.0, 1.0, 1.0]])
    square = [(3.0, 3.0), (9.0, 3.0), (9.0, 9.0), (3.0, 9.0)]
    contours = tuple(
        Contour(points_mm=np.array([(x, y, z) for x, y in square])) for z in (4.0, 6.0, 8.0)
    )
    roi = Roi(number=1, name="cube", contours=contours)
    crosses_itself(np.array(square), 0.01)
    compute_dvh(Dose(uid="1", volume=volume, summation="PLAN"), Region.of(roi))
    warm_up()


if __name__ == "__main__":
    main()
