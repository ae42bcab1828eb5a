"""R5: contours on every second plane of their image. The planes between are interpolated, and said.

Shapes, doses and numbers are closed forms; everything goes in and out by the command line.
"""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread

from abscope.core.geometry import Grid
from abscope.core.structures import Contour, Roi
from tests import phantoms

pytestmark = pytest.mark.slow
CODE, OTHER_CODE = "contours-on-every-second-plane", "contours-skip-planes"
EVERY_SECOND_MM = tuple(float(z) for z in range(-20, 21, 4))
CT = phantoms.ct_series(
    grid=Grid.regular(
        origin_mm=(-40.0, -42.0, -30.0), spacing_zyx_mm=(2, 6, 4), shape_zyx=(31, 15, 22),
        frame_of_reference_uid=phantoms.FRAME_UID,
    )
)  # fmt: skip
DOSE_GRID = Grid.regular(
    origin_mm=(-29.0, -34.0, -25.0), spacing_zyx_mm=(2.5, 1, 1), shape_zyx=(21, 65, 65),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
#: A funnel: 24 mm radius up to z = -8 mm, 8 mm from 8 mm on, a cone between. Integrals over z of
#: the second and the fourth power of its radius (mm3, mm5), half-slice end caps included.
SQUARES = 14 * 24**2 + 14 * 8**2 + (24**3 - 8**3) / 3
FOURTHS = 14 * 24**4 + 14 * 8**4 + (24**5 - 8**5) / 5
FUNNEL_CM3 = np.pi * SQUARES / 1000


def distance_dose(points_mm: np.ndarray) -> np.ndarray:
    """10 Gy and 0.05 Gy for each square millimeter of the squared distance from the axis."""
    return 10 + 0.05 * ((points_mm[:, 0] - 3) ** 2 + (points_mm[:, 1] + 2) ** 2)


#: The mean of the squared distance over a disk is half its radius squared.
FUNNEL_GY = 10 + 0.05 * FOURTHS / (2 * SQUARES)
DOSE = phantoms.rtdose(phantoms.dose_of(distance_dose, grid=DOSE_GRID))


def funnel(z_mm=EVERY_SECOND_MM) -> Roi:
    contours = tuple(
        Contour(points_mm=phantoms.circle((3.0, -2.0), float(np.clip(16 - z, 8, 24)), z))
        for z in z_mm
    )
    return Roi(number=1, name="Funnel", contours=contours)


def measured(upload, run, *rois, ct=CT, name="one"):
    """Return the case, and volume (cm3) and mean dose (Gy) of each structure by name."""
    case = upload(
        *ct, phantoms.rtstruct(rois), phantoms.rtplan(), DOSE, case=name
    )  # fmt: skip
    rows = run.done("dvh", name)["structures"]
    listed = {r["name"]: r["volume_cm3"] for r in case["structure_sets"][0]["rois"]}
    for row in rows:
        assert listed[row["name"]] == pytest.approx(row["volume_cm3"], rel=2e-3)
    return case, {row["name"]: (row["volume_cm3"], row["metrics"]["mean"]) for row in rows}


def codes(case) -> set[str]:
    return {f["code"] for f in case["findings"]} & {CODE, OTHER_CODE}


def test_r5_a_cone_on_every_second_plane_comes_closer_to_its_closed_form(upload, run):
    """A funnel is contoured on every second slice, in a dose that grows from its axis. With the
    slices between interpolated, the errors of volume and mean dose against the closed forms are
    less than half of what they are without (the same files, but no CT that shows the gap)."""
    case, with_planes = measured(upload, run, funnel())
    assert codes(case) == {CODE}
    bare, without = measured(upload, run, funnel(), ct=(), name="two")
    assert codes(bare) == set()
    off, off_without = (
        (abs(volume - FUNNEL_CM3), abs(mean - FUNNEL_GY))
        for volume, mean in (with_planes["Funnel"], without["Funnel"])
    )
    assert off[0] < off_without[0] / 2
    assert off[1] < off_without[1] / 2
    assert off[0] < 1.5e-3 * FUNNEL_CM3


def test_r5_a_cylinder_and_a_tube_stay_as_they_are(upload, run):
    """A cylinder and a tube with a hole are contoured on every second slice. Their volumes and
    mean doses are the same to the last digit as without interpolation, holes included."""
    rois = phantoms.cylinder_roi(z_mm=EVERY_SECOND_MM), phantoms.annulus_roi(z_mm=EVERY_SECOND_MM)
    case, found = measured(upload, run, *rois)
    assert codes(case) == {CODE}
    _, without = measured(upload, run, *rois, ct=(), name="two")
    assert found == without


@pytest.mark.parametrize(
    ("z_mm", "expected"),
    [
        ((-20, -16, -12, -8, -6, -4, 0, 4, 8, 12, 16, 20), {OTHER_CODE}),
        (tuple(range(-18, 19, 6)), {OTHER_CODE}),
        (tuple(range(-21, 22, 3)), set()),
        (tuple(range(-20, 21, 2)), set()),
    ],
    ids=["irregular", "every third", "3 mm on 2 mm", "every plane"],
)
def test_r5_other_distances_are_not_interpolated(upload, run, z_mm, expected):
    """A funnel is contoured at changing distances, on every third slice, every 3 mm on 2 mm
    slices, and on every slice. Nothing is interpolated, and skipped slices are reported."""
    roi = funnel([float(z) for z in z_mm])
    case, found = measured(upload, run, roi)
    assert codes(case) == expected
    _, without = measured(upload, run, roi, ct=(), name="two")
    assert found == without


def test_r5_the_finding_says_what_is_done(upload, run):
    """A structure is contoured on every second slice. The report names it, says that the slices
    between are interpolated and that exports keep the contours as drawn."""
    case, _ = measured(upload, run, funnel())
    (found,) = [f for f in case["findings"] if f["code"] == CODE]
    assert "every 2nd image plane" in found["message"]
    assert "interpolated" in found["message"]
    assert found["where"] == "structure number 1"


def test_r5_an_export_has_the_contours_as_drawn(upload, run, tmp_path):
    """A structure set on every second slice is exported as RTSTRUCT. The file has the drawn
    contours and no interpolated one."""
    measured(upload, run, funnel())
    run.done("export", "one", "--rtstruct", tmp_path / "out.dcm")
    (item,) = dcmread(tmp_path / "out.dcm").ROIContourSequence
    planes = [float(contour.ContourData[2]) for contour in item.ContourSequence]
    assert sorted(planes) == list(EVERY_SECOND_MM)


def test_r5_a_ct_that_comes_later_brings_the_planes_between(upload, run):
    """The structure set comes first and its CT later. Volume and DVH are the same as when both
    come together."""
    _, together = measured(upload, run, funnel())
    measured(upload, run, funnel(), ct=(), name="two")
    case = upload(*CT, case="two")
    assert codes(case) == {CODE}
    (row,) = run.done("dvh", "two")["structures"]
    assert together["Funnel"] == (row["volume_cm3"], row["metrics"]["mean"])
    (roi,) = case["structure_sets"][0]["rois"]
    assert roi["volume_cm3"] == pytest.approx(row["volume_cm3"], rel=2e-3)
