"""D: image series that are broken, odd or mixed. Wrong millimetres are refused, never guessed."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.geometry import Grid
from abscope.core.resample import sample_at
from abscope.dicom.write_common import copy_of
from components.viewer.blob import read_header
from components.viewer.scene import Scene, pack
from tests import phantoms
from tests.faults.conftest import nothing_is_stored
from tests.image_phantoms import ENHANCED_MR_CLASS, enhanced_of, mr_series, pet_series
from tests.unit.dicom.uploads import codes, read_one

GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(14, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(content=phantoms.linear_hu, grid=GRID)
FEW = CT[4:9]
RT = [phantoms.rtstruct([phantoms.cylinder_roi()]), phantoms.rtplan(), phantoms.rtdose()]
SCOUT = {
    "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SOPInstanceUID": "1.2.3",
    "ImageOrientationPatient": [1, 0, 0, 0, 0, -1],
}  # fmt: skip


def _copied(ds):
    """Return a copy whose elements can be set one by one; what lies in sequences is shared."""
    made = copy_of(ds)
    made.file_meta = ds.file_meta
    return made


def with_values(slices, at=None, **values):
    """Return copies of all slices, or of those at the given places, with other values."""
    copies = [_copied(ds) for ds in slices]
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


# ------------------------------------------------------------------ refused whole, the rest usable
REFUSED = {
    "d3-position-twice": (
        "duplicate-positions",
        with_values(CT, [4], ImagePositionPatient=CT[5].ImagePositionPatient),
    ),
    "d5-tilt": (
        "gantry-tilt",
        with_values(CT, ImageOrientationPatient=[1, 0, 0, 0, 0.96592583, 0.25881905]),
    ),
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


# ------------------------------------------------------------------------------ D1, D2: distances
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


# -------------------------------------------------------------------------------- D3: phases
@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("AcquisitionNumber", (1, 2)),
        ("TemporalPositionIdentifier", (1, 2)),
        ("TriggerTime", (0.0, 350.5)),
        ("EchoTime", (4.6, 9.2)),
        ("ConvolutionKernel", ("B30f", "B70f")),
    ],
)
def test_d3_phases_under_one_series_become_series_of_their_own(keyword, values):
    """Two phases, acquisitions, echoes or kernels share one SeriesInstanceUID, so that every
    position is held twice. Each becomes a series with a UID of its own, and a warning names them so
    that the person chooses."""
    first = with_values(FEW, **{keyword: values[0]})
    second = phase_of(1, keyword, values[1], FEW, shift_hu=100)
    mixed = [ds for pair in zip(second, first, strict=True) for ds in pair]
    draft = read_one(mixed)
    assert len({s.uid for s, _ in draft.series} | {FEW[0].SeriesInstanceUID}) == 3
    (finding,) = [f for f in draft.findings if f.code == "series-split"]
    assert finding.severity == "warning"
    assert keyword in finding.message
    assert all(str(values[n]) in finding.message for n in (0, 1))
    (one, low), (other, high) = draft.series
    assert keyword in one.description
    assert one.description != other.description
    assert is_right(low)
    assert np.array_equal(high.array_zyx, low.array_zyx + 100)
    again = read_one(list(reversed(mixed)))
    assert [s.uid for s, _ in again.series] == [s.uid for s, _ in draft.series]


def test_d3_a_structure_set_finds_the_phase_it_was_drawn_on():
    """Contours were drawn on the second of two phases. They are tied to that phase by the slices
    they name."""
    whole = phantoms.ct_series()
    first = phase_of(1, "AcquisitionNumber", 1, whole)
    second = with_values(whole, AcquisitionNumber=2)  # the slices that the RTSTRUCT names
    draft = read_one(first, second, [RT[0]])
    names = {s.uid: s.description for s, _ in draft.series}
    assert names[draft.structure_sets[0].series_uid].endswith("AcquisitionNumber 2")


def test_d3_copies_that_nothing_tells_apart_are_refused():
    """Every position is held twice and no attribute tells the slices apart. The series is refused
    by name."""
    draft = read_one(CT, phase_of(1, "AcquisitionNumber", 1))
    assert draft.series == ()
    assert codes(draft.errors()) == {"duplicate-positions"}


def test_d3_phases_with_holes_are_not_split():
    """Slices of two acquisitions, each without a slice in the middle, share positions. They are not
    split into incomplete stacks; the series is refused."""
    first = with_values(CT, AcquisitionNumber=1)
    second = phase_of(1, "AcquisitionNumber", 2)
    draft = read_one(first[:5] + first[6:], second[:8] + second[9:])
    assert codes(draft.errors()) == {"duplicate-positions"}


# ---------------------------------------------------------------------- D4, D6, D7: mixed, turned
def test_d4_a_scout_in_the_series_is_left_out_with_a_note():
    """A coronal scout carries the SeriesInstanceUID of the axial CT. The axial slices are read and
    the scout is left out with a note."""
    scout = with_values(CT[:1], **SCOUT)
    _, volume, found = only_series(scout, CT)
    assert found == {"scout-left-out"}
    assert is_right(volume)


def test_d4_scout_axial_and_two_kernels_under_one_series_come_apart():
    """A scout, a soft and a sharp reconstruction share one SeriesInstanceUID. The scout is left
    out, and the reconstructions become two series that carry their kernel in the name."""
    soft = with_values(CT, ConvolutionKernel="B30f")
    draft = read_one(with_values(CT[:1], **SCOUT), soft, phase_of(1, "ConvolutionKernel", "B70f"))
    assert [s.description[-4:] for s, _ in draft.series] == ["B30f", "B70f"]
    assert {"scout-left-out", "series-split", "ct-acquisition-unusual"} == codes(draft.findings)


def test_d4_stacks_of_other_spacing_are_series_of_their_own():
    """Two stacks of unlike pixel spacing and size share one SeriesInstanceUID. Each becomes a
    series."""
    fine = Grid.regular(
        origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 1.5, 1), shape_zyx=(14, 20, 30),
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    other = phantoms.ct_series(content=phantoms.linear_hu, grid=fine)
    for n, ds in enumerate(other):
        ds.SOPInstanceUID = f"1.2.8.{n}"
    draft = read_one(CT, other)
    assert sorted(s.grid.size_yx for s, _ in draft.series) == [(20, 30), (29, 44)]
    assert len({s.uid for s, _ in draft.series}) == 2
    assert all(is_right(volume) for _, volume in draft.series)


def test_d4_one_slice_of_another_size_is_never_left_out_in_silence(upload):
    """One slice of the series has another size. The import is refused until the person accepts to
    leave it out."""
    odd = with_values(CT, [13], Rows=2, Columns=2, PixelData=bytes(8))
    assert upload(*odd, refused=True)["error"]["code"] == "slice-of-another-size"
    assert upload(*odd, accept=["slice-of-another-size"])["series"][0]["dims_zyx"] == [13, 29, 44]


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


# ------------------------------------------------------------------------ D8, D9, D15, D16: values
def raw_values(slices, intercept=0.0):
    """Return the same stored values with slope 1 and another intercept."""
    return with_values(slices, RescaleSlope=1, RescaleIntercept=intercept)


@pytest.mark.parametrize("intercept", [0.0, -2048.0])
def test_d8_air_that_is_not_near_minus_1000_is_doubted(intercept):
    """A CT whose rescale says slope 1 and intercept 0 (raw numbers, air at 24) or takes the offset
    twice (air at -2024). It is read with a warning that these are probably not Hounsfield units."""
    draft = read_one(raw_values(phantoms.ct_series(), intercept))
    assert codes(draft.findings, "warning") == {"hu-implausible"}
    (finding,) = draft.findings
    assert f"lies at {24 + intercept:.0f} HU" in finding.message


def test_d8_plausible_cropped_and_odd_scans_are_not_doubted():
    """A phantom in air, one cropped to the inside of the body, one cropped to lung, a soft one with
    a dense insert, and one of random numbers. None of them is doubted."""
    rng = np.random.default_rng(5)
    whole = phantoms.ct_series()
    inside = Grid.regular(
        origin_mm=(-20.0, -20.0, -20.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(6, 14, 20),
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    contents = {
        "inside": phantoms.landmarks_hu,
        "lung": lambda p: np.where(np.hypot(p[:, 0], p[:, 1]) < 8, 40.0, -850.0),
        "soft": lambda p: np.where(np.hypot(p[:, 0], p[:, 1]) < 8, 700.0, 40.0),
        "noise": lambda p: rng.normal(0, 300, len(p)),
    }
    assert codes(read_one(whole).findings) == set()
    for content in contents.values():
        draft = read_one(phantoms.ct_series(content=content, grid=inside))
        assert codes(draft.findings) == set()


def test_d8_values_that_the_file_says_are_not_hounsfield_units_are_refused():
    """RescaleType of a spectral CT says effective atomic number. The series is refused as HU."""
    assert codes(read_one(with_values(FEW, RescaleType="Z_EFF")).errors()) == {"rescale-not-hu"}


def test_d9_each_slice_has_its_own_rescale():
    """Slope, intercept and sign of the stored numbers change from slice to slice, as PET writes
    them. Every slice is scaled by its own values and the HU are the same; of a CT it is said."""
    slices = with_values(FEW)
    choices = [(1, 0, "<i2"), (1, -1024, "<u2"), (0.5, -1024.5, "<u2"), (-1, 5, "<i2")]
    for n, ds in enumerate(slices):
        slope, intercept, kind = choices[n % len(choices)]
        hu = np.frombuffer(ds.PixelData, "<i2") * ds.RescaleSlope + ds.RescaleIntercept
        ds.PixelData = np.rint((hu - intercept) / slope).astype(kind).tobytes()
        ds.PixelRepresentation = int(kind == "<i2")
        ds.RescaleSlope, ds.RescaleIntercept = slope, intercept
    _, volume, found = only_series(slices)
    assert found == {"slices-disagree"}
    assert is_right(volume)


def test_d15_unlike_pixel_spacing_keeps_a_circle_round():
    """Rows lie 3 mm and columns 2 mm apart. A cylinder keeps its round shape, its center and its
    area in millimetres, which a swap of the two would stretch."""
    grid = Grid.regular(
        origin_mm=(-60.0, -60.0, 0.0), spacing_zyx_mm=(4, 1.5, 1.0), shape_zyx=(3, 80, 120),
        frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    _, volume, _ = only_series(phantoms.ct_series(content=phantoms.cylinder_hu, grid=grid))
    points = volume.grid.to_mm(np.argwhere(volume.array_zyx > -500))
    wide, high = np.ptp(points[:, 0]), np.ptp(points[:, 1])
    assert abs(wide - high) <= 2.5
    assert np.allclose(points.mean(axis=0)[:2], [3.0, -2.0], atol=0.5)
    area = len(points) / 3 * 1.5 * 1.0
    assert area == pytest.approx(np.pi * 45.0**2, rel=0.01)


def padded(value, declared, slices=None):
    """Return slices whose first two columns and last row hold one stored value."""
    copies = with_values(slices or phantoms.ct_series())
    for ds in copies:
        stored = np.frombuffer(ds.PixelData, "<i2").reshape(ds.Rows, ds.Columns).copy()
        stored[:, :2] = stored[-1] = value
        ds.PixelData = stored.tobytes()
        if declared:
            ds.add_new("PixelPaddingValue", "SS", value)
    return copies


@pytest.mark.parametrize(
    ("value", "declared", "code"),
    [(-2000, True, "padding-masked"), (-2000, False, "values-below-air")],
)
def test_d16_padding_never_reaches_the_numbers(value, declared, code):
    """Pixels outside the scanned field are stored as -2000 (-3024 HU), declared by
    PixelPaddingValue or not. They are set to -1024 HU and the report says how many; nothing else
    changes."""
    _, clean, _ = only_series(phantoms.ct_series())
    draft = read_one(padded(value, declared))
    ((_, volume),) = draft.series
    (finding,) = draft.findings
    assert finding.code == code
    assert f"{20 * (48 * 2 + 62)} voxels" in finding.message
    assert "-1024 HU" in finding.message
    assert volume.array_zyx.min() == -1024
    assert np.array_equal(volume.array_zyx[:, :-1, 2:], clean.array_zyx[:, :-1, 2:])


def test_d16_a_padding_value_that_tissue_can_have_masks_nothing():
    """PixelPaddingValue stands for 0 HU, as water does. Nothing is masked and the report warns."""
    slices = with_values(phantoms.ct_series())
    for ds in slices:
        ds.add_new("PixelPaddingValue", "SS", 1024)
    _, volume, found = only_series(slices)
    _, clean, _ = only_series(phantoms.ct_series())
    assert found == {"padding-like-tissue"}
    assert np.array_equal(volume.array_zyx, clean.array_zyx)


def test_d14_lossy_pixels_are_marked(upload):
    """The header of one slice says that pixels were compressed with loss. The series is read and
    marked as unfit for texture features."""
    found = upload(*with_values(CT, [7], LossyImageCompression="01"))
    assert [f["code"] for f in found["findings"]] == ["lossy-compression"]
    assert "texture" in found["findings"][0]["remedy"]


# ------------------------------------------------------------------------------- D10: enhanced
def test_d10_an_enhanced_ct_gives_the_volume_of_its_single_frame_twin():
    """The same CT comes as one enhanced multi-frame object, its frames shuffled, each with its own
    position and rescale. Volume, positions and values are those of the single-frame series."""
    slices = with_values(CT)
    for n, ds in enumerate(slices):
        hu = np.frombuffer(ds.PixelData, "<i2") * ds.RescaleSlope + ds.RescaleIntercept
        ds.RescaleIntercept = -1024 - 7 * n
        ds.PixelData = np.rint(hu - ds.RescaleIntercept).astype("<i2").tobytes()
    order = np.random.default_rng(3).permutation(len(CT)).tolist()
    single, expected, _ = only_series(slices)
    series, volume, found = only_series([enhanced_of(slices, order)])
    assert found == {"slices-disagree"}
    assert volume.grid.same_geometry(expected.grid)
    assert volume.grid.frame_of_reference_uid == expected.grid.frame_of_reference_uid
    assert np.array_equal(volume.array_zyx, expected.array_zyx)
    assert (series.n_files, len(series.slice_uids), series.uid) == (1, 14, single.uid)
    assert is_right(volume)


def test_d10_an_enhanced_mr_is_read_by_the_same_rules():
    """An MR comes as one enhanced object. It gives the volume of its single-frame twin,
    without a unit."""
    slices = mr_series(GRID)
    _, expected, _ = only_series(slices)
    order = list(reversed(range(len(slices))))
    series, volume, found = only_series([enhanced_of(slices, order, ENHANCED_MR_CLASS)])
    assert found == set()
    assert (series.modality, volume.unit) == ("MR", "")
    assert np.array_equal(volume.array_zyx, expected.array_zyx)


def test_d10_uneven_and_turned_enhanced_frames_are_judged_like_slices(upload):
    """Enhanced objects with a missing frame, a tilt, a frame without position, and feet first. The
    gate says the same as of single slices."""
    gap = [ds for n, ds in enumerate(CT) if n not in (5, 6)]
    assert upload(enhanced_of(gap), refused=True)["error"]["code"] == "missing-slices"
    tilted = enhanced_of(REFUSED["d5-tilt"][1])
    assert upload(tilted, refused=True)["error"]["code"] == "gantry-tilt"
    lost = enhanced_of(CT)
    del lost.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence
    assert upload(lost, refused=True)["error"]["code"] == "position-absent"
    turned = phantoms.ct_series("FFP", phantoms.linear_hu, GRID)
    assert is_right(only_series([enhanced_of(turned)])[1])


def test_d10_stacks_and_temporal_positions_of_an_enhanced_object_come_apart():
    """One enhanced object holds two temporal positions, and another one two stacks. Each becomes a
    series of its own."""
    both = enhanced_of([*CT, *phase_of(1, "AcquisitionNumber", 1, shift_hu=50)])
    for n, item in enumerate(both.PerFrameFunctionalGroupsSequence):
        item.FrameContentSequence[0].TemporalPositionIndex = 1 + n // len(CT)
    draft = read_one([both])
    assert "series-split" in codes(draft.findings)
    (_, first), (_, second) = draft.series
    assert np.array_equal(second.array_zyx, first.array_zyx + 50)
    stacks = enhanced_of(CT)
    for n, item in enumerate(stacks.PerFrameFunctionalGroupsSequence):
        item.FrameContentSequence[0].StackID = "1" if n < 6 else "2"
    draft = read_one([stacks])
    assert sorted(s.grid.shape_zyx[0] for s, _ in draft.series) == [6, 8]
    assert all(is_right(volume) for _, volume in draft.series)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"NumberOfFrames": 1_000_000}, "image-size-refused"),
        ({"NumberOfFrames": 15}, "pixel-data-truncated"),
        ({"NumberOfFrames": 13}, "frames-inconsistent"),
        ({"PerFrameFunctionalGroupsSequence": None}, "multi-frame-not-read"),
        ({"Rows": 60000}, "image-size-refused"),
    ],
)
def test_d10_an_enhanced_object_that_contradicts_itself_is_refused(values, code):
    """NumberOfFrames is a million, more or fewer than there are, or the frames do not say where
    they lie. The object is refused from its header, before memory is taken."""
    broken = with_values([enhanced_of(CT)], **values)
    assert codes(read_one(broken).errors()) == {code}


# ------------------------------------------------------------------- D17 to D22: PET and headers
def test_d17_a_pet_without_weight_is_kept_and_has_no_suv(upload, run):
    """A PET lacks the weight of the patient. It is imported in Bq/mL, and the report and the
    command line say that there is no SUV and which tag is absent."""
    case = upload(*pet_series(grid=GRID, PatientWeight=None))
    assert case["series"][0]["unit"] == "BQML"
    found = run.done("suv", case["case_id"])
    assert found["factor"] is None
    assert found["max"]["suv"] is None
    assert found["max"]["value"] > 20_000
    assert found["reason"] == "no SUV: PatientWeight (0010,1030) is absent"
    assert "suv-not-computable" in {f["code"] for f in case["findings"]}


def test_d17_suv_is_that_of_the_published_example(upload, run):
    """25 000 Bq/mL, 70 kg, 370 MBq of F-18 one hour before the scan. SUV is 6.9084 at that point,
    and formula and header values are in the report."""
    case = upload(*pet_series(grid=GRID))
    # 20000 + 100 x + 50 y - 80 z is 25 000 here; the stored steps of 1.5 to 2.25 round a little.
    found = run.done("suv", case["case_id"], "--at", "36,36,-20")
    assert found["at"]["value"] == pytest.approx(27_000, abs=2)
    assert found["at"]["suv"] == pytest.approx(27_000 * 6.9084 / 25_000, abs=1e-3)
    assert found["at"]["nearest_voxel"]["point_mm"] == [36.0, 36.0, -20.0]
    assert "370000000 Bq" in found["inputs"].values()
    assert "suv-factor" in {f["code"] for f in case["findings"]}


def test_d17_a_private_scan_time_after_the_acquisition_is_refused(upload, run):
    """SeriesTime is late and the GE scan time (0009,100D) lies hours after the acquisition. The PET
    is kept in Bq/mL, and the reason why there is no SUV names that tag."""
    slices = pet_series(grid=GRID, SeriesTime="235900")
    for ds in slices:
        ds.add_new((0x0009, 0x0010), "LO", "GEMS_PETD_01")
        ds.add_new((0x0009, 0x100D), "DT", "20240305235000")
    found = run.done("suv", upload(*slices)["case_id"])
    assert found["factor"] is None
    assert "(0009,100D)" in found["reason"]


def test_d17_a_private_factor_of_another_vendor_is_refused(upload, run):
    """Counts come with a number in (7053,1000) that another vendor than Philips wrote. It is not
    taken as the SUV factor of Philips, and the reason names the tag."""
    slices = pet_series(grid=GRID, Units="CNTS")
    for ds in slices:
        ds.add_new((0x7053, 0x0010), "LO", "SOME OTHER VENDOR")
        ds.add_new((0x7053, 0x1000), "DS", "0.0005")
    found = run.done("suv", upload(*slices)["case_id"])
    assert found["factor"] is None
    assert "(7053,1000)" in found["reason"]


def test_d17_a_start_of_scan_from_one_bed_is_refused(upload, run):
    """SeriesTime is late and only FrameReferenceTime of a single bed could tell the start. There is
    no SUV, as nothing confirms that start, and the reason names the tag."""
    late = {"SeriesTime": "180000", "AcquisitionTime": "101500"}
    frames = {"FrameReferenceTime": "486000", "ActualFrameDuration": "240000"}
    case = upload(*pet_series(grid=GRID, **late, **frames))
    found = run.done("suv", case["case_id"])
    assert found["factor"] is None
    assert "FrameReferenceTime (0054,1300)" in found["reason"]


def test_d18_an_unusual_acquisition_is_said():
    """A CT with contrast agent, 80 kV, a sharp kernel and 10 mm slices 4 mm apart. It is read, and
    the report says what is unlike the scans that the engines were checked on."""
    slices = with_values(
        FEW, ContrastBolusAgent="IODINE", KVP="80", ConvolutionKernel="B70f", SliceThickness="10"
    )
    draft = read_one(slices)
    assert codes(draft.findings, "info") == {"ct-acquisition-unusual", "thickness-not-spacing"}
    message = draft.findings[0].message
    for word in ("ContrastBolusAgent", "80 kV", "B70f", "10 mm"):
        assert word in message
    assert draft.series[0][1].grid.plane_spacing_mm == 4.0


@pytest.mark.parametrize(("age", "wrong"), [("065Y", False), ("064Y", False), ("045Y", True)])
def test_d19_an_age_that_contradicts_the_birth_date_is_said(age, wrong):
    """PatientAge says 45 years where birth date and study date give 64. The report warns; one year
    of difference is let pass."""
    found = codes(read_one(with_values(FEW, PatientAge=age)).findings)
    assert ("age-contradicts-birth-date" in found) == wrong


def test_d19_an_absent_birth_date_is_no_age():
    """The birth date is absent and PatientAge is given. The case has no birth date, and nothing is
    derived from it."""
    draft = read_one(with_values(FEW, PatientAge="065Y", PatientBirthDate=""))
    assert draft.patient.birth_date == ""
    assert "age-contradicts-birth-date" not in codes(draft.findings)


@pytest.mark.parametrize(
    ("charset", "name", "shown"),
    [
        ("ISO_IR 192", "Müller^Jörg", "Müller, Jörg"),
        ("ISO_IR 100", "Müller^Jörg^^Dr.", "Müller, Jörg"),
        (
            ["", "ISO 2022 IR 87"],
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
            "Yamada, Tarou (山田 太郎)",
        ),
    ],
)
def test_d20_names_of_other_alphabets_come_out_right(charset, name, shown):
    """Names in UTF-8, Latin-1 and Japanese with three component groups. They are stored whole and
    shown with the alphabetic name first and the ideographic one in brackets."""
    slices = with_values(CT[:1], SpecificCharacterSet=charset, PatientName=name)
    patient = read_one(slices).patient
    assert patient.name == name
    assert patient.shown_name == shown


def test_d21_absent_and_unlike_frames_of_reference_are_said():
    """A CT without frame of reference, and a PET of the same study in another frame than its CT.
    Both are read; the report says that positions cannot be checked, and that the images are never
    laid over each other."""
    assert "frame-absent" in codes(read_one(with_values(FEW, FrameOfReferenceUID=None)).findings)
    pet = with_values(pet_series(grid=GRID), FrameOfReferenceUID="1.2.3.4")
    assert "images-on-unlike-frames" in codes(read_one(FEW, pet).findings)
    assert "images-on-unlike-frames" not in codes(read_one(FEW, pet_series(grid=GRID)).findings)


@pytest.mark.parametrize("day", ["21990101", "19000101"])
def test_d22_dates_that_cannot_be_are_said(day):
    """StudyDate lies in the future or in 1900. The series is read and the report warns, because
    dates decide which labs and which scan come first."""
    found = read_one(with_values(FEW, StudyDate=day, AcquisitionDate=day)).findings
    assert "date-implausible" in codes(found, "warning")


# ------------------------------------------------------------------------- MR and the planning CT
def test_an_oblique_mr_is_shown_and_never_taken_for_the_planning_ct(upload, run):
    """A CT and an oblique MR of one patient are imported. The MR has no unit, contouring uses the
    CT, and an MR alone is refused for contouring by name."""
    angle = np.deg2rad(20)
    axes = [[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]]
    oblique = Grid.regular(
        origin_mm=(-40.0, -30.0, -20.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(5, 12, 12),
        axes=axes, frame_of_reference_uid=phantoms.FRAME_UID,
    )  # fmt: skip
    mr = mr_series(oblique)
    _, volume, _ = only_series(mr)
    assert np.allclose(volume.grid.axes, axes, atol=1e-6)
    assert "Oblique" in " ".join(read_header(pack(Scene(image=volume)))["notes"])
    case = upload(*mr, *CT)
    assert {(s["modality"], s["unit"]) for s in case["series"]} == {("CT", "HU"), ("MR", "")}
    alone = upload(
        *with_values(mr, PatientID="OTHER", StudyInstanceUID="1.2", SeriesInstanceUID="1.3")
    )
    found = run.refused("contour", alone["case_id"])
    assert "no CT" in found["error"]["what"]
