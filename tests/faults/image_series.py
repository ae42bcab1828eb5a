"""What the files about image series share: a small CT, changed copies, and how they are read."""

from __future__ import annotations

import numpy as np

from abscope.core.geometry import Grid
from tests import phantoms
from tests.unit.dicom.uploads import codes, copied, read_one

GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(14, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(content=phantoms.linear_hu, grid=GRID)
FEW = CT[4:9]
RT = [phantoms.rtstruct([phantoms.cylinder_roi()]), phantoms.rtplan(), phantoms.rtdose()]


def with_values(slices, at=None, **values):
    """Return copies of all slices, or of those at the given places, with other values."""
    copies = [copied(ds) for ds in slices]
    for ds in copies if at is None else [copies[i] for i in at]:
        for keyword, value in values.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)
    return copies


def phase_of(number, keyword, value, slices=CT, shift_hu=0):
    """Return a second acquisition of the same positions, its values shifted."""
    copies = with_values(slices, **{keyword: value})
    for n, ds in enumerate(copies):
        ds.SOPInstanceUID = f"1.2.9.{number}.{n + 1}"
        ds.RescaleIntercept = float(ds.RescaleIntercept) + shift_hu
    return copies


def only_series(*groups, accepted=()):
    """Return series and volume of an upload that must hold one, and the findings' codes."""
    draft = read_one(*groups, accepted=accepted)
    ((series, volume),) = draft.series
    return series, volume, codes(draft.findings)


def is_right(volume) -> bool:
    """Whether every voxel holds the value of the field at its own millimetres."""
    index = np.argwhere(np.ones(volume.grid.shape_zyx, dtype=bool))
    expected = phantoms.linear_hu(volume.grid.to_mm(index)).reshape(volume.grid.shape_zyx)
    return bool(np.allclose(expected, volume.array_zyx, atol=0.51))


TILTED = with_values(CT, ImageOrientationPatient=[1, 0, 0, 0, 0.96592583, 0.25881905])
