"""D: slices that are missing, uneven, doubled or turned. Wrong millimetres are refused."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.resample import sample_at
from components.viewer.blob import read_header
from components.viewer.scene import Scene, pack
from tests import phantoms
from tests.faults.conftest import nothing_is_stored
from tests.faults.image_series import CT, FEW, GRID, RT, TILTED, is_right, only_series, with_values
from tests.unit.dicom.uploads import codes, read_one

REFUSED = {
    "d3-position-twice": (
        "duplicate-positions",
        with_values(CT, [4], ImagePositionPatient=CT[5].ImagePositionPatient),
    ),
    "d5-tilt": ("gantry-tilt", TILTED),
    "d8-no-rescale": ("rescale-absent", with_values(CT, [3], RescaleSlope=None)),
    "d12-cut-off": ("pixel-data-truncated", with_values(CT, [3], PixelData=b"\0" * 100)),
    "position-absent": ("position-absent", with_values(CT, [3], ImagePositionPatient=None)),
    "orientation-absent": ("position-absent", with_values(CT, ImageOrientationPatient=None)),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_d3_d5_d8_d12_a_broken_series_is_refused_and_the_rest_stays_usable(upload, run, fault):
    """A CT with two slices at one place, gantry tilt, no rescale, a cut-off slice, or no position,
    together with structures, plan and dose. Nothing is stored; once the person accepts to leave the
    series out, the rest is imported and the report keeps the reason."""
    code, slices = REFUSED[fault]
    found = upload(*slices, *RT, refused=True)
    assert found["error"]["code"] == code
    (finding,) = [f for f in found["findings"] if f["severity"] == "error"]
    assert (finding["code"], finding["group"]) == (code, "CT series of 14 files")
    assert all(finding[key] for key in ("where", "message", "expected", "remedy"))
    nothing_is_stored(run)
    case = upload(*slices, *RT, accept=[code])
    assert (len(case["series"]), len(case["doses"])) == (0, 1)
    assert code in {f["code"] for f in case["findings"]}


def test_d1_missing_slices_are_refused_with_place_and_size_and_never_averaged(upload, run):
    """Two of fourteen slices are missing. The series is refused with the place and width of the
    gap; once accepted, every other slice stays at its true position and the case is marked."""
    gap = [ds for n, ds in enumerate(CT) if n not in (5, 6)]
    found = upload(*gap, refused=True)
    assert found["error"]["code"] == "missing-slices"
    assert "after slice 5 (12.00 mm); the usual distance is 4.00 mm" in found["error"]["what"]
    nothing_is_stored(run)
    _, volume, found_codes = only_series(gap, accepted=["missing-slices"])
    assert volume.grid.plane_offsets_mm.tolist() == [0, 4, 8, 12, 16, *range(28, 56, 4)]
    assert found_codes == {"missing-slices"}
    assert is_right(volume)


def test_d1_small_unevenness_is_kept_with_its_true_positions():
    """Slice distances between 3.9 and 4.1 mm. The series is read with each slice at its own
    position, and the report says so."""
    offsets = [0.0, 3.9, 8.0, 12.1, 16.0, 20.05]
    uneven = phantoms.ct_series(
        content=phantoms.linear_hu, grid=phantoms.uneven_grid(offsets, GRID)
    )
    _, volume, found = only_series(uneven)
    assert found == {"slightly-uneven-spacing"}
    assert np.allclose(volume.grid.plane_offsets_mm, offsets)
    assert is_right(volume)


def test_d2_uneven_distances_are_refused_until_accepted():
    """The distance of the slices changes from 4 to 5 mm within the series. It is refused; once
    accepted, every slice stays at its true position."""
    offsets = [0.0, 4.0, 8.0, 12.0, 16.0, 21.0, 26.0]
    uneven = phantoms.ct_series(
        content=phantoms.linear_hu, grid=phantoms.uneven_grid(offsets, GRID)
    )
    assert codes(read_one(uneven).errors()) == {"uneven-spacing"}
    _, volume, _ = only_series(uneven, accepted=["uneven-spacing"])
    assert np.allclose(volume.grid.plane_offsets_mm, offsets)
    assert is_right(volume)


@pytest.mark.parametrize("position", sorted(phantoms.ORIENTATIONS))
def test_d6_eight_positions_give_the_same_landmarks_and_side_letters(position):
    """The same patient is scanned in each of the eight positions, from head first supine to feet
    first decubitus. Landmarks lie at the same millimetres, and the viewer shows the same letters
    for left, right, front, back, head and feet."""
    _, volume, _ = only_series(phantoms.ct_series(position))
    for centre, radius, hu in phantoms.LANDMARKS:
        held = np.argwhere(np.abs(volume.array_zyx - hu) < 1)
        points = volume.grid.to_mm(held)
        assert np.abs(np.median(points, axis=0) - centre).max() < 2.01
        assert np.linalg.norm(points - np.asarray(centre), axis=1).max() <= radius
        assert sample_at(volume, [centre])[0] == hu
    letters = read_header(pack(Scene(image=volume)))["letters"]
    assert letters == {"x": ["R", "L"], "y": ["A", "P"], "z": ["F", "H"]}
    _, reference, _ = only_series(phantoms.ct_series("HFS"))
    assert volume.grid.same_geometry(reference.grid)
    assert np.array_equal(volume.array_zyx, reference.array_zyx)


@pytest.mark.parametrize("numbers", ["shuffled", "equal", "absent"])
def test_d7_instance_numbers_are_not_believed(numbers):
    """InstanceNumber is shuffled, the same in all slices, or absent, and the files come in any
    order. Slices are sorted by their position alone."""
    order = np.random.default_rng(7).permutation(len(FEW))
    slices = with_values(FEW)
    for ds, number in zip(slices, order, strict=True):
        ds.InstanceNumber = {"shuffled": int(number) + 1, "equal": 1, "absent": ""}[numbers]
    _, volume, found = only_series([slices[n] for n in order])
    assert found == set()
    assert is_right(volume)
