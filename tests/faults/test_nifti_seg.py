"""faults.md U17 and R25: NIfTI files and DICOM segmentations that are odd or hostile."""

from __future__ import annotations

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from pydicom.dataset import Dataset

from abscope.core.errors import GeometryError, InputError
from abscope.core.geometry import Grid, Volume
from abscope.core.ids import uid_from
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region
from abscope.dicom.nifti import read_nifti
from abscope.dicom.reader import read_upload
from abscope.dicom.seg import parse_segmentation
from abscope.dicom.sources import SourceFile
from abscope.dicom.write_common import SEG_CLASS, new_object
from abscope.dose.dvh import region_volume_cm3
from tests import phantoms
from tests.unit.dicom.nifti_files import nifti_bytes, of_volume, source
from tests.unit.dicom.uploads import as_files, codes, read_one

CT = phantoms.volume_of(phantoms.landmarks_hu)
STORED, AFFINE = of_volume(CT)
FLOATS, _ = of_volume(CT, "f8")


def _codes(data, *accepted):
    """Return the error codes of an upload of one NIfTI file, and whether an image came of it."""
    reading = read_upload([source(data)], frozenset(accepted))
    (draft,) = reading.drafts
    return codes(draft.findings, "error"), bool(draft.series)


def test_u17_a_nifti_bomb_is_refused_before_it_inflates():
    """Uploads a .nii.gz of 2 kB whose header announces 1.9 GB, and one that announces more.
    Both are refused with archive-bomb or image-size-refused, and under 20 MB are ever held."""
    for sizes, code in (((1000, 1000, 1000), "archive-bomb"), ((8000,) * 3, "image-size-refused")):
        head = bytearray(nifti_bytes(STORED[:1, :1, :1], AFFINE))
        struct.pack_into("<4h", head, 40, 3, *sizes)
        bomb = gzip.compress(bytes(head) + bytes(2_000_000))
        tracemalloc.start()
        (draft,) = read_upload([source(bomb, "b.nii")]).drafts
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert codes(draft.findings, "error") == {code}
        assert peak < 20e6


def test_u17_a_header_that_promises_more_than_the_file_holds_is_refused():
    """Uploads truncated, damaged and half NIfTI files.
    Each is refused by name: nifti-truncated, nifti-damaged, nifti-pair."""
    data = nifti_bytes(STORED, AFFINE)
    packed = bytearray(gzip.compress(data))
    packed[len(packed) // 2] ^= 0xFF
    for file, code in (
        (source(data[:-100], "a.nii"), "nifti-truncated"),
        (source(bytes(packed), "a.nii"), "nifti-damaged"),
        (source(nifti_bytes(STORED, AFFINE, magic=b"ni1\x00")), "nifti-pair"),
    ):
        (draft,) = read_upload([file]).drafts
        assert codes(draft.findings, "error") == {code}
        assert draft.series == ()


def test_u17_sform_and_qform_that_disagree_are_pointed_out_and_sform_is_used():
    """Uploads an image whose sform and qform lie 5 mm apart, then one where they are equal.
    The first is placed by its sform with the warning nifti-forms-differ; the second has none."""
    # The phantom runs along L and P: half a turn about z in RAS, quaternion (0, 0, 1).
    form = {"qform_code": 1, "quatern": (0.0, 0.0, 1.0)}
    for shift, told in ((5.0, True), (0.0, False)):
        offset = (AFFINE[0, 3] + shift, AFFINE[1, 3], AFFINE[2, 3])
        found = read_nifti(source(nifti_bytes(STORED, AFFINE, **form, qoffset=offset)))
        assert ("nifti-forms-differ" in codes(found.findings, "warning")) == told
        assert found.volume.grid.same_geometry(CT.grid)


def test_u17_without_orientation_a_file_is_refused_unless_accepted():
    """Uploads images with no form code, and with a zero sform under a code.
    Both are refused with nifti-orientation-absent; accepted, the case is marked with a warning."""
    for fields in ({"code": "none"}, {"srow": (0.0,) * 12}):
        data = nifti_bytes(STORED, AFFINE, **fields)
        assert _codes(data) == ({"nifti-orientation-absent"}, False)
        (draft,) = read_upload([source(data)], frozenset({"nifti-orientation-absent"})).drafts
        assert len(draft.series) == 1
        assert "nifti-orientation-absent" in codes(draft.findings, "warning")


def test_u17_a_zero_sform_beside_a_good_qform_is_not_used():
    """Uploads an image with sform_code 1, a zero sform and a good qform.
    The image lies where its qform says."""
    data = nifti_bytes(
        STORED, AFFINE, srow=(0.0,) * 12, qform_code=1, quatern=(0.0, 0.0, 1.0),
        qoffset=tuple(AFFINE[:3, 3]),
    )  # fmt: skip
    assert read_nifti(source(data)).volume.grid.same_geometry(CT.grid)


def test_u17_four_dimensions_are_refused_and_one_volume_is_not():
    """Uploads a file of two volumes, then one with a fourth size of 1.
    The first is refused with nifti-4d, the second is read like any other."""
    series = np.stack([STORED, STORED], axis=-1)
    assert _codes(nifti_bytes(series, AFFINE)) == ({"nifti-4d"}, False)
    found = read_nifti(source(nifti_bytes(STORED[..., None], AFFINE)))
    np.testing.assert_array_equal(found.volume.array_zyx, CT.array_zyx)


def test_u17_double_numbers_and_a_zero_slope_give_the_stored_values():
    """Uploads 64-bit numbers with scl_slope 0 and an intercept of 7, then a slope that is NaN.
    Both ask for no scaling: the voxels are the stored numbers."""
    for slope in (0.0, float("nan")):
        data = nifti_bytes(FLOATS, AFFINE, scl_slope=slope, scl_inter=7.0)
        np.testing.assert_array_equal(read_nifti(source(data)).volume.array_zyx, CT.array_zyx)
    data = nifti_bytes(STORED, AFFINE, scl_slope=2.0, scl_inter=-24.0)
    scaled = read_nifti(source(data)).volume.array_zyx
    np.testing.assert_array_equal(scaled, CT.array_zyx * 2 - 24)


def test_u17_voxels_without_a_number_are_refused_unless_accepted():
    """Uploads an image with NaN and infinity, then one that is all NaN.
    Refused with nifti-not-a-number; accepted, they get the lowest value and the case is marked."""
    odd = FLOATS.copy()
    odd[0, 0, :3] = np.nan
    odd[5, 5, 5] = np.inf
    assert _codes(nifti_bytes(odd, AFFINE)) == ({"nifti-not-a-number"}, False)
    accepted = frozenset({"nifti-not-a-number"})
    found = read_nifti(source(nifti_bytes(odd, AFFINE)), accepted)
    assert "nifti-not-a-number" in codes(found.findings, "warning")
    assert np.isfinite(found.volume.array_zyx).all()
    assert found.volume.array_zyx[5, 5, 5] == CT.array_zyx.min()
    with pytest.raises(InputError, match="no number"):
        read_nifti(source(nifti_bytes(np.full_like(odd, np.nan), AFFINE)), accepted)


def test_u17_left_stays_left_whichever_way_the_voxels_are_stored():
    """Uploads one phantom stored toward left and toward right (LAS and RAS).
    Both give the DICOM twin's voxels: the sphere on the patient's left is at growing x."""
    twin = read_one(phantoms.ct_series()).series[0][1]
    for flips in ((False, False, False), (True, False, False), (True, True, True)):
        found = read_nifti(source(nifti_bytes(*of_volume(CT, flips=flips)))).volume
        np.testing.assert_array_equal(found.array_zyx, twin.array_zyx)
        sphere = np.argwhere(found.array_zyx == 300).mean(axis=0)
        assert found.grid.to_mm(sphere[None])[0] == pytest.approx((25, 0, -2), abs=2.0)


def test_u17_sheared_axes_and_absurd_voxels_are_refused():
    """Uploads an image with a sheared affine, one with voxels of 5 m, one of an unknown unit.
    Each is refused by name: nifti-sheared, nifti-spacing, nifti-units."""
    shear = AFFINE.copy()
    shear[0, 2] += 0.5
    for affine, fields, code in (
        (shear, {}, "nifti-sheared"),
        (AFFINE * 2500, {}, "nifti-spacing"),
        (AFFINE, {"xyzt_units": 5}, "nifti-units"),
    ):
        with pytest.raises(GeometryError) as caught:
            read_nifti(source(nifti_bytes(STORED, affine, **fields)))
        assert caught.value.code == code


#: Bytes of the header that say nothing on voxels or places: names, windows, times, text.
IDLE = {*range(4, 40), *range(56, 68), *range(74, 76), *range(124, 252), *range(328, 344)}


def test_u17_mutated_headers_never_move_an_image_in_silence():
    """Changes single bytes of the header, 352 times, at every place.
    Each file is refused by name or read; where the byte says nothing on voxels or places, the
    image is the same, and nothing but a refusal is ever raised."""
    data = nifti_bytes(STORED[::4, ::4, ::4], AFFINE)
    want = read_nifti(source(data, "m.nii")).volume
    read = 0
    for place in range(352):
        mutant = bytearray(data)
        mutant[place] ^= 0x15
        try:
            found = read_nifti(source(bytes(mutant), "m.nii")).volume
        except (InputError, GeometryError):
            assert place not in IDLE
            continue
        read += 1
        assert np.isfinite(found.array_zyx).all()
        if place in IDLE:
            np.testing.assert_array_equal(found.array_zyx, want.array_zyx)
            assert found.grid.same_geometry(want.grid)
    assert read >= len(IDLE)


def test_u17_the_unit_of_an_image_is_never_assumed_in_silence():
    """Uploads a CT, and an image that is none, as NIfTI.
    The CT is in HU with the warning nifti-assumed-hu; the other has no unit and says so."""
    found = read_nifti(source(nifti_bytes(STORED, AFFINE)))
    assert (found.volume.unit, codes(found.findings)) == ("HU", {"nifti-assumed-hu"})
    other = Volume(array_zyx=CT.array_zyx + 3000, grid=CT.grid, unit="")
    found = read_nifti(source(nifti_bytes(*of_volume(other))))
    assert (found.volume.unit, codes(found.findings)) == ("", {"nifti-unit-unknown"})


def test_u17_a_file_that_names_no_patient_says_so_or_joins_the_only_one():
    """Uploads a NIfTI alone, then beside one patient's DICOM.
    Alone it carries the warning identity-absent; beside a patient it joins them."""
    file = source(nifti_bytes(STORED, AFFINE))
    (alone,) = read_upload([file]).drafts
    assert "identity-absent" in codes(alone.findings, "warning")
    (joined,) = read_upload([*as_files(phantoms.ct_series()), file]).drafts
    assert joined.patient.id == phantoms.PATIENT.id
    assert [s.modality for s, _ in joined.series] == ["CT", "CT"]


# ------------------------------------------------------------------------------ R25, DICOM SEG
GRID = Grid.regular(
    origin_mm=(-30.0, -20.0, -12.0), spacing_zyx_mm=(3.0, 1.5, 2.0), shape_zyx=(9, 15, 17),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
OBLIQUE = Grid.regular(
    origin_mm=(5.0, 4.0, 3.0), spacing_zyx_mm=(3.0, 1.5, 2.0), shape_zyx=(9, 15, 17),
    axes=[[0, 1, 0], [0, 0, -1], [-1, 0, 0]], frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip


def _masks():
    """Return segment number -> mask on 15 x 17 pixels (an odd number of bits a frame)."""
    first = np.zeros(GRID.shape_zyx, bool)
    first[2:6, 3:11, 4:13] = True
    first[4, 6, 8] = False
    second = np.zeros_like(first)
    second[4:8, 8:14, 2:9] = True  # overlaps the first
    gappy = np.zeros_like(first)
    gappy[[0, 1, 6, 8], 1:4, 1:5] = True
    return {1: first, 2: second, 3: gappy}


def _seg(masks, grid=GRID, *, kind="BINARY", shuffled=False, **values):
    """Return a SEG object of masks; each frame lies where its functional groups say."""
    frames = [(n, z) for n, mask in masks.items() for z in np.flatnonzero(mask.any(axis=(1, 2)))]
    if shuffled:
        frames = [frames[i] for i in np.random.default_rng(3).permutation(len(frames))]
    ds = new_object(phantoms.header("SEG"), SEG_CLASS, uid_from("phantom", "seg"), "SEG")
    ds.FrameOfReferenceUID = grid.frame_of_reference_uid
    ds.SegmentationType = kind
    ds.NumberOfFrames, (ds.Rows, ds.Columns) = len(frames), grid.size_yx
    ds.SamplesPerPixel, ds.PixelRepresentation = 1, 0
    ds.PhotometricInterpretation = "MONOCHROME2"
    pixels = np.stack([masks[n][z] for n, z in frames])
    if kind == "BINARY":
        ds.BitsAllocated = ds.BitsStored = 1
        data = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    else:
        ds.BitsAllocated = ds.BitsStored = 8
        ds.MaximumFractionalValue = 200
        ds.SegmentationFractionalType = "PROBABILITY"
        data = np.where(pixels, 100, 99).astype(np.uint8).tobytes()
    ds.HighBit = ds.BitsStored - 1
    ds.add_new("PixelData", "OB", data + b"\x00" * (len(data) % 2))
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = grid.axes[:2].ravel().tolist()
    measures.PixelSpacing = list(grid.spacing_yx_mm)
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = [_frame(n, int(z), grid) for n, z in frames]
    ds.SegmentSequence = [_segment(n) for n in masks]
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def _frame(number, plane, grid):
    item, position, segment = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = grid.to_mm([[plane, 0, 0]])[0].tolist()
    segment.ReferencedSegmentNumber = number
    item.PlanePositionSequence, item.SegmentIdentificationSequence = [position], [segment]
    return item


def _segment(number):
    item, kind, side = Dataset(), Dataset(), Dataset()
    item.SegmentNumber = number
    item.SegmentLabel = {1: "Heart", 2: "Segment 2", 3: "Nodes"}[number]
    kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning = "39607008", "SCT", "Lung"
    side.CodeValue, side.CodingSchemeDesignator, side.CodeMeaning = "7771000", "SCT", "Left"
    if number == 2:
        kind.SegmentedPropertyTypeModifierCodeSequence = [side]
        item.SegmentedPropertyTypeCodeSequence = [kind]
    item.RecommendedDisplayCIELabValue = [34885, 53485, 50171]  # pure red
    return item


def _back(roi, grid):
    return region_mask(Region.of(roi), grid)


@pytest.mark.parametrize("grid", [GRID, OBLIQUE], ids=["axial", "sagittal"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_r25_overlapping_segments_with_gaps_keep_every_voxel(grid, shuffled):
    """Reads segments that overlap, with a hole and with missing planes, frames in any order, on
    axial and sagittal planes of an odd number of pixels.
    Each segment gives its own voxels back, and its volume is that of its voxels."""
    masks = _masks()
    made, found, _ = parse_segmentation(_seg(masks, grid, shuffled=shuffled))
    assert found.same_geometry(grid)
    assert [r.number for r in made.rois] == [1, 2, 3]
    voxel_cm3 = 3.0 * 1.5 * 2.0 / 1000
    for roi in made.rois:
        np.testing.assert_array_equal(_back(roi, grid), masks[roi.number])
        volume = region_volume_cm3(Region.of(roi), axes=grid.axes)
        tolerance = 0.005 if masks[roi.number].sum() >= 100 else 0.1
        assert volume == pytest.approx(masks[roi.number].sum() * voxel_cm3, rel=tolerance)


def test_r25_labels_codes_and_colors_are_taken_over():
    """Reads a segment labelled Heart and one whose code says left lung.
    Both get their TG-263 name, the code with the label kept; the CIELab color becomes red."""
    made, _, _ = parse_segmentation(_seg(_masks()))
    assert [(r.name, r.standard_name) for r in made.rois] == [
        ("Heart", "Heart"), ("Segment 2", "Lung_L"), ("Nodes", None),
    ]  # fmt: skip
    assert made.source == "seg"
    assert np.abs(np.array(made.rois[0].color) - (255, 0, 0)).max() <= 3


def test_r25_fractions_are_cut_at_one_half_and_say_so():
    """Reads a FRACTIONAL segmentation with values of 50 % and 49.5 % of its maximum.
    The voxels of 50 % are in, the others out, and the warning seg-fractional names the limit."""
    masks = _masks()
    made, _, findings = parse_segmentation(_seg(masks, kind="FRACTIONAL"))
    assert "seg-fractional" in codes(findings, "warning")
    np.testing.assert_array_equal(_back(made.rois[0], GRID), masks[1])


def test_r25_a_segmentation_joins_the_image_that_it_names():
    """Uploads a segmentation with its CT, and alone.
    With the CT it is a structure set on that series; alone it is kept, its image missing."""
    seg = _seg(_masks())
    draft = read_one(phantoms.ct_series(), [seg])
    (made,) = draft.structure_sets
    assert made.series_uid == draft.series[0][0].uid
    assert set(draft.objects) >= {seg.SOPInstanceUID}
    draft = read_one([seg])
    assert len(draft.structure_sets) == 1
    assert "structures-without-image" in codes(draft.findings, "warning")


def test_r25_malformed_segmentations_are_refused_by_name():
    """Uploads segmentations that lack pixels, frames, positions, segments or a known type.
    Each is refused by its own code and the rest of the upload is still usable."""

    def broken(change):
        seg = _seg(_masks())
        change(seg)
        return seg

    def one_turned(seg):
        turned = Dataset()
        turned.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        seg.PerFrameFunctionalGroupsSequence[2].PlaneOrientationSequence = [turned]

    for seg, code in (
        (_seg(_masks(), PixelData=b"\x00\x00"), "pixel-data-truncated"),
        (_seg(_masks(), SegmentationType="MAGIC"), "seg-type"),
        (_seg(_masks(), NumberOfFrames=3), "seg-frames"),
        (_seg(_masks(), SegmentSequence=[]), "seg-empty"),
        (_seg(_masks(), SegmentSequence=[_segment(1)]), "seg-frames"),
        (_seg(_masks(), SharedFunctionalGroupsSequence=[]), "position-absent"),
        (_seg(_masks(), Rows=60000), "image-size-refused"),
        (_seg(_masks(), BitsAllocated=8), "pixel-format-refused"),
        (broken(one_turned), "seg-several-orientations"),
    ):
        draft = read_one(phantoms.ct_series(), [seg])
        assert codes(draft.findings, "error") == {code}
        assert len(draft.series) == 1
        assert draft.structure_sets == ()


def test_r25_mutated_segmentations_are_read_or_refused():
    """Changes bytes of a segmentation's header at seeded places, 60 times.
    Each mutant is read or refused by name, and nothing else is raised."""
    data = bytearray(as_files([_seg(_masks(), shuffled=True)])[0].data)
    random = np.random.default_rng(25)
    seen = set()
    for _ in range(60):
        mutant = bytearray(data)
        for place in random.integers(132, len(data) - 400, 3):
            mutant[place] = random.integers(0, 256)
        reading = read_upload([SourceFile(label="m.dcm", data=bytes(mutant))])
        found = [*reading.findings, *(f for d in reading.drafts for f in d.findings)]
        usable = any(d.structure_sets for d in reading.drafts)
        assert usable or found
        seen.add(usable)
    assert True in seen
