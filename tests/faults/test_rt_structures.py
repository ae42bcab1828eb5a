"""R, structures: whatever planning systems draw becomes the right volume, or is named."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

from abscope.core.geometry import Grid
from abscope.core.rasterise import region_weights
from abscope.core.structures import Contour, Region, Roi
from abscope.workflows.context import open_context
from tests import phantoms

pytestmark = pytest.mark.slow
#: 2 mm planes at even numbers of millimeters.
GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -30.0), spacing_zyx_mm=(2, 3, 2), shape_zyx=(31, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
PLAN, DOSE = phantoms.rtplan(), phantoms.rtdose()
#: A cylinder of 20 mm radius on the planes from -20 to 20 mm: area times its slabs (cm3).
AREA_CM2 = np.pi * 4.0
ANNULUS_CM3 = np.pi * (3.0**2 - 1.5**2) * 4.4
MEAN_GY = 30.2


def drawn(upload, run, *rois, slices=CT):
    """Import CT, structures, plan and dose; return the case and its DVH rows by name."""
    case = upload(*slices, phantoms.rtstruct(rois), PLAN, DOSE)
    rows = run.done("dvh", case["case_id"], "--accept", "dose-grid-coverage")["structures"]
    return case, {row["name"]: row for row in rows}


def finding(case, code):
    (found,) = [f for f in case["findings"] if f["code"] == code]
    return found


def codes(case) -> set[str]:
    absent = {"structures-on-absent-slices"}  # the phantom's sets name the slices of another grid
    return {f["code"] for f in case["findings"]} - absent


def volume_cm3(case, name) -> float:
    return next(r["volume_cm3"] for r in case["structure_sets"][0]["rois"] if r["name"] == name)


# --------------------------------------------------------------------------- holes, islands, order
@pytest.mark.parametrize("form", ["hole", "keyhole", "exclusive-or"])
def test_r1_a_hole_is_a_hole_however_it_is_drawn(upload, run, form):
    """A tube is drawn with its hole as a contour of its own, by a keyhole, and by exclusive or.
    Every form has the volume of the tube within 0.5 % in the table and in the DVH."""
    roi = phantoms.annulus_roi(keyhole=form == "keyhole")
    if form == "exclusive-or":
        joined = (dataclasses.replace(c, geometric_type="CLOSEDPLANAR_XOR") for c in roi.contours)
        roi = dataclasses.replace(roi, contours=tuple(joined))
    case, rows = drawn(upload, run, roi, slices=phantoms.ct_series())
    assert volume_cm3(case, "Annulus") == pytest.approx(ANNULUS_CM3, rel=5e-3)
    assert rows["Annulus"]["volume_cm3"] == pytest.approx(ANNULUS_CM3, rel=5e-3)
    assert "contours-cross-themselves" not in codes(case)


def test_r2_islands_of_one_slice_add_up(upload, run):
    """A structure has two islands on every slice. Its volume is the sum of both."""
    contours = tuple(
        Contour(points_mm=phantoms.circle((x, 0.0), 8.0, z))
        for z in (-4.0, -2.0, 0.0, 2.0)
        for x in (-16.0, 16.0)
    )
    case, rows = drawn(upload, run, Roi(number=1, name="Two", contours=contours))
    assert volume_cm3(case, "Two") == pytest.approx(2 * np.pi * 0.64 * 0.8, rel=5e-3)
    assert rows["Two"]["metrics"]["mean"] == pytest.approx(30.2, abs=0.01)


def test_r3_the_winding_of_a_contour_does_not_matter(upload, run):
    """Outer contours run clockwise, inner ones counterclockwise, and the other way round. Volume
    and DVH are the same."""
    roi = phantoms.annulus_roi()
    turned = tuple(
        dataclasses.replace(c, points_mm=c.points_mm[::-1]) if n % 2 else c
        for n, c in enumerate(roi.contours)
    )
    both = [roi, dataclasses.replace(roi, number=4, name="Turned", contours=turned)]
    _, rows = drawn(upload, run, *both, slices=phantoms.ct_series())
    first, second = ({k: rows[n][k] for k in ("volume_cm3", "metrics")} for n in rows)
    assert first == second


# ------------------------------------------------------------------------- contours and the image
def test_r4_contours_every_3_mm_on_a_2_mm_ct_stay_on_their_own_planes(upload, run):
    """A cylinder is contoured every 3 mm on a CT of 2 mm slices. Every contour is used on its own
    plane with its own thickness, and the report says how far they are off the image planes."""
    roi = phantoms.cylinder_roi(z_mm=range(-21, 22, 3))
    case, rows = drawn(upload, run, roi)
    assert volume_cm3(case, "Cylinder") == pytest.approx(AREA_CM2 * 4.5, rel=2e-3)
    assert rows["Cylinder"]["metrics"]["mean"] == pytest.approx(MEAN_GY, abs=0.01)
    found = finding(case, "contours-off-image-planes")
    assert "1.00 mm off" in found["message"]
    assert found["where"] == "structure number 1"


def test_r4_contours_0_4_mm_off_the_planes_are_used_and_said(upload, run):
    """All contours lie 0.4 mm above the image planes, as after rounding or a couch shift. They are
    used where they lie; none is dropped, and the 0.4 mm are reported."""
    case, rows = drawn(upload, run, phantoms.cylinder_roi(z_mm=np.arange(-20, 21, 2) + 0.4))
    assert volume_cm3(case, "Cylinder") == pytest.approx(AREA_CM2 * 4.2, rel=2e-3)
    shifted = MEAN_GY - 0.2 * 0.4
    assert rows["Cylinder"]["metrics"]["mean"] == pytest.approx(shifted, abs=5e-3)
    assert "0.40 mm off" in finding(case, "contours-off-image-planes")["message"]


def test_r5_a_single_gap_is_named_and_not_filled(upload, run):
    """One contour is missing in the middle of a structure that is drawn on every slice. The gap is
    not filled, and the report names the structure and the millimeters on both sides."""
    z = [float(v) for v in range(-20, 21, 2) if v != 4]
    case, _ = drawn(upload, run, phantoms.cylinder_roi(z_mm=z))
    assert volume_cm3(case, "Cylinder") == pytest.approx(AREA_CM2 * 4.0, rel=2e-3)
    found = finding(case, "structure-has-gap")
    assert "2.0 and 6.0 mm" in found["message"]
    assert found["where"] == "structure number 1"


def test_r4_r5_contours_on_every_plane_raise_no_finding(upload, run):
    """A structure is drawn on every plane of its CT. Nothing is said of it."""
    case, _ = drawn(upload, run, phantoms.cylinder_roi(z_mm=range(-20, 21, 2)))
    assert codes(case) == set()


def test_r4_structures_that_come_before_their_ct_are_checked_when_it_comes(upload):
    """The structure set is imported first and its CT later. The check of the contours against the
    image planes is made then, once."""
    shifted = phantoms.rtstruct([phantoms.cylinder_roi(z_mm=np.arange(-20, 21, 2) + 0.4)])
    assert "contours-off-image-planes" not in codes(upload(shifted, case="one"))
    case = upload(*CT, case="one")
    assert "0.40 mm off" in finding(case, "contours-off-image-planes")["message"]
    assert case["structure_sets"][0]["series_uid"] == case["series"][0]["uid"]


# -------------------------------------------------------------------------------- odd contours
def test_r6_points_lines_and_empty_structures_are_listed_without_volume(upload, run):
    """A set holds an empty structure, a point and an open line beside a cylinder. All four are
    listed, three of them without a volume and with a note; only the cylinder has a DVH."""
    line = np.array([[0.0, 0, 0], [5, 0, 0], [5, 5, 0]])
    rois = [
        phantoms.cylinder_roi(z_mm=range(-20, 21, 2)),
        Roi(number=2, name="Empty", contours=()),
        Roi(number=3, name="Mark", contours=(Contour(points_mm=line[:1], geometric_type="POINT"),)),
        Roi(
            number=4, name="Line", contours=(Contour(points_mm=line, geometric_type="OPEN_PLANAR"),)
        ),
    ]
    case, rows = drawn(upload, run, *rois)
    assert list(rows) == ["Cylinder"]
    assert [volume_cm3(case, name) for name in ("Empty", "Mark", "Line")] == [None] * 3
    noted = [f["where"] for f in case["findings"] if f["code"] == "structure-without-volume"]
    assert noted == [f"structure number {n}" for n in (2, 3, 4)]


@pytest.mark.parametrize(
    "points", [[], [(0, 0, 0)], [(0, 0, 0), (9, 0, 0)], [(0, 0, 0), (9, 0, 0), (0, 0, 0)]]
)
def test_r7_a_contour_of_fewer_than_three_points_is_left_out_and_said(upload, points):
    """One contour of a structure has no point, one, two, or two that are repeated. It is left out,
    which is said, and the others make up the volume."""
    ds = phantoms.rtstruct([phantoms.cylinder_roi(z_mm=range(-20, 21, 2))])
    item = copy.deepcopy(ds.ROIContourSequence[0].ContourSequence[0])
    item.ContourData = [float(v) for point in points for v in point]
    ds.ROIContourSequence[0].ContourSequence.append(item)
    case = upload(*CT, ds)
    assert finding(case, "contour-unreadable")["severity"] == "warning"
    assert volume_cm3(case, "Cylinder") == pytest.approx(AREA_CM2 * 4.2, rel=2e-3)


def test_r7_repeated_points_change_nothing_and_are_noted(upload, run):
    """Every third point of a contour is there twice. Volume and DVH are those of the clean
    contour, and a note counts the points."""
    clean = phantoms.cylinder_roi(z_mm=range(-20, 21, 2))
    double = tuple(
        dataclasses.replace(c, points_mm=np.repeat(c.points_mm, [1, 1, 2] * 60, axis=0))
        for c in clean.contours
    )
    twin = dataclasses.replace(clean, number=2, name="Twin", contours=double)
    case, rows = drawn(upload, run, clean, twin)
    assert rows["Twin"]["metrics"] == rows["Cylinder"]["metrics"]
    assert "1260 points" in finding(case, "contour-points-repeated")["message"]


def test_r7_a_contour_that_crosses_itself_is_measured_and_said(upload, run):
    """A contour is drawn as a figure of eight. Both loops count as inside, and the report names
    the structure so that somebody looks."""
    eight = [(-15, -15), (15, 15), (15, -15), (-15, 15)]
    contours = tuple(
        Contour(points_mm=np.array([(x, y, float(z)) for x, y in eight])) for z in range(-4, 5, 2)
    )
    case, rows = drawn(upload, run, Roi(number=1, name="Eight", contours=contours))
    assert rows["Eight"]["volume_cm3"] == pytest.approx(2 * 0.5 * 3.0 * 1.5 * 1.0, rel=0.01)
    assert (
        "5 contours of 1 structure cross" in finding(case, "contours-cross-themselves")["message"]
    )


def test_r7_a_contour_beyond_the_image_is_clipped_in_masks_and_said(upload, run):
    """A cylinder reaches 20 mm beyond the side of the CT. Masks end with the image, volume and
    coverage are those of the contour as drawn, and the report says how far it reaches."""
    roi = phantoms.cylinder_roi(1, "Side", 15.0, range(-20, 21, 2), (-36.0, 0.0))
    case, rows = drawn(upload, run, roi)
    found = finding(case, "contours-beyond-image")
    assert "10.0 mm beyond the image" in found["message"]
    assert volume_cm3(case, "Side") == pytest.approx(np.pi * 2.25 * 4.2, rel=2e-3)
    assert rows["Side"]["coverage"] < 1.0
    context = open_context()
    stored = context.cases.get(case["case_id"])
    kept = context.cases.structure_set(stored.structure_sets[0]).rois[0]
    weights = region_weights(Region.of(kept), stored.series[0].grid)
    context.archive.close()
    assert weights.shape == GRID.shape_zyx
    inside_cm3 = float(weights.sum()) * 2 * 3 * 2 / 1000
    assert inside_cm3 < 0.85 * volume_cm3(case, "Side")


def test_r7_contours_across_the_slices_are_refused_by_name(upload, run):
    """A structure is drawn on sagittal planes. It is listed without a volume, with the reason, and
    the other structures are not affected."""
    plate = np.array([(0.0, 0, -8), (0, 20, -8), (0, 20, 8), (0, 0, 8)])
    across = Roi(number=2, name="Across", contours=(Contour(points_mm=plate),))
    case, rows = drawn(upload, run, phantoms.cylinder_roi(z_mm=range(-20, 21, 2)), across)
    assert finding(case, "contours-not-in-planes")["where"] == "structure number 2"
    assert rows["Across"]["refused"]["code"] == "contours-not-in-planes"
    assert rows["Cylinder"]["metrics"]["mean"] == pytest.approx(MEAN_GY, abs=0.01)


def test_r10_structures_drawn_on_slices_that_are_not_here_keep_their_millimeters(upload, run):
    """The structure set names slices that were not sent. It is used by its millimeters alone, the
    DVH is right, and a warning counts the absent slices."""
    slices = phantoms.ct_series()
    case, rows = drawn(upload, run, phantoms.cylinder_roi(), slices=slices[:-3])
    found = finding(case, "structures-on-absent-slices")
    assert found["message"].startswith("3 of the 20 slices")
    assert found["expected"]
    assert rows["Cylinder"]["metrics"]["mean"] == pytest.approx(MEAN_GY, abs=0.01)


def test_r10_structures_and_dose_without_any_ct_give_a_dvh(upload, run):
    """Structure set, plan and dose come without a CT. The DVH is right, and the report says that
    the image is not here."""
    case, rows = drawn(upload, run, phantoms.cylinder_roi(), slices=())
    assert codes(case) == {"structures-without-image"}
    assert rows["Cylinder"]["metrics"]["mean"] == pytest.approx(MEAN_GY, abs=0.01)
