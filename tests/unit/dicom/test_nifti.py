"""NIfTI: the same voxels at the same millimetres, however they are stored."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from abscope.core.geometry import Grid
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region
from abscope.dicom.label_maps import VOLUME_TOLERANCE, label_rois
from abscope.dicom.nifti import is_nifti, read_nifti
from abscope.dicom.nifti_header import parse_header
from abscope.dicom.reader import read_upload
from abscope.dose.dvh import region_volume_cm3
from tests import phantoms
from tests.unit.dicom.nifti_files import nifti_bytes, of_volume, source
from tests.unit.dicom.uploads import as_files, codes, read_one

CT = phantoms.volume_of(phantoms.landmarks_hu)
TURNED = Grid.regular(
    origin_mm=(-40, -30, 12), spacing_zyx_mm=(3, 2, 1.5), shape_zyx=(12, 20, 24),
    axes=[[0.96, 0.28, 0], [-0.28, 0.96, 0], [0, 0, 1]],
)  # fmt: skip


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(False, False, False), (True, True, False), (True, False, True)])
def test_stored_axes_in_any_order_give_the_volume_of_the_dicom_twin(axes, flips):
    twin = read_one(phantoms.ct_series()).series[0][1]
    data = nifti_bytes(*of_volume(CT, flips=flips, axes=axes))
    found = read_nifti(source(data)).volume
    assert found.unit == "HU"
    assert found.grid.same_geometry(twin.grid)
    np.testing.assert_array_equal(found.array_zyx, twin.array_zyx)


@pytest.mark.parametrize("kind", ["i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_number_formats_and_byte_orders(kind, order):
    data = nifti_bytes(*of_volume(CT, kind), order=order)
    found = read_nifti(source(data, "ct.nii")).volume
    assert found.array_zyx.dtype == np.int16
    np.testing.assert_array_equal(found.array_zyx, CT.array_zyx)


def test_an_independent_reader_sees_the_same_millimetres(tmp_path):
    volume = phantoms.volume_of(phantoms.linear_hu, TURNED)
    path = tmp_path / "turned.nii"
    path.write_bytes(nifti_bytes(*of_volume(volume, "f4")))
    image = sitk.ReadImage(str(path))
    found = read_nifti(source(path.read_bytes(), "turned.nii")).volume
    for index in [(0, 0, 0), (11, 0, 23), (5, 19, 3)]:
        point = image.TransformIndexToPhysicalPoint([index[2], index[1], index[0]])
        at = np.rint(found.grid.to_index(np.array([point]))[0]).astype(int)
        np.testing.assert_allclose(found.grid.to_mm(at[None])[0], point, atol=1e-3)
        assert found.array_zyx[tuple(at)] == pytest.approx(image[index[2], index[1], index[0]])


def test_a_file_of_the_independent_writer_is_read(tmp_path):
    image = sitk.GetImageFromArray(CT.array_zyx.astype(np.int16))
    image.SetOrigin(CT.grid.origin_mm.tolist())
    image.SetSpacing([*CT.grid.spacing_zyx_mm[::-1]])
    path = tmp_path / "itk.nii.gz"
    sitk.WriteImage(image, str(path))
    found = read_nifti(source(path.read_bytes(), "itk.nii")).volume
    assert found.grid.same_geometry(CT.grid)
    np.testing.assert_array_equal(found.array_zyx, CT.array_zyx)


def test_nifti_2_is_read():
    array, affine = of_volume(CT)
    head = np.zeros(544, np.uint8).tobytes()
    raw = bytearray(head)
    raw[0:4] = (540).to_bytes(4, "little")
    raw[4:12] = b"n+2\x00\r\n\x1a\n"
    raw[12:16] = np.array([4, 16], "<i2").tobytes()
    raw[16:80] = np.array([3, *array.shape, 1, 1, 1, 1], "<i8").tobytes()
    raw[168:176] = (544).to_bytes(8, "little")
    raw[176:192] = np.array([1.0, 0.0], "<f8").tobytes()
    raw[348:352] = (1).to_bytes(4, "little")
    raw[400:496] = affine[:3].astype("<f8").tobytes()
    raw[500:504] = (2).to_bytes(4, "little")
    data = bytes(raw) + array.astype("<i2").tobytes(order="F")
    assert is_nifti(data)
    found = read_nifti(source(data, "two.nii")).volume
    assert found.grid.same_geometry(CT.grid)
    np.testing.assert_array_equal(found.array_zyx, CT.array_zyx)


def test_a_quaternion_gives_the_same_grid_as_the_matrix():
    array, affine = of_volume(phantoms.volume_of(phantoms.linear_hu, TURNED), "f4")
    rotation = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    # A quarter turn and some about z: a = cos(t/2), d = sin(t/2); LPS to RAS turns by 180 degrees.
    angle = np.arctan2(rotation[1, 0], rotation[0, 0])
    data = nifti_bytes(
        array, affine, code="qform", qform_code=1, quatern=(0.0, 0.0, float(np.sin(angle / 2))),
        qoffset=tuple(affine[:3, 3]),
    )  # fmt: skip
    head = parse_header(data[:540])
    assert head.form == "qform"
    by_matrix = parse_header(nifti_bytes(array, affine)[:540])
    np.testing.assert_allclose(head.affine, by_matrix.affine, atol=1e-4)


@pytest.mark.parametrize(("unit", "factor"), [(1, 0.001), (3, 1000.0), (0, 1.0)])
def test_units_of_length_are_converted(unit, factor):
    array, affine = of_volume(CT)
    scaled = affine.copy()
    scaled[:3] *= factor
    found = read_nifti(source(nifti_bytes(array, scaled, xyzt_units=unit))).volume
    assert found.grid.same_geometry(CT.grid, tolerance_mm=0.01)


def test_an_image_that_is_no_ct_has_no_unit():
    volume = phantoms.volume_of(lambda p: np.abs(p[:, 0] * 3 + p[:, 1] * 7))
    found = read_nifti(source(nifti_bytes(*of_volume(volume, "f4"))))
    assert (found.volume.unit, codes(found.findings)) == ("", {"nifti-unit-unknown"})


def _blobs() -> np.ndarray:
    """Return labels 1 to 3: a ball with a hole and an island, a plank with a gap, one voxel."""
    z, y, x = np.indices((20, 48, 64))
    labels = np.zeros((20, 48, 64), np.uint8)
    far = np.sqrt(((z - 9) * 4) ** 2 + ((y - 20) * 3) ** 2 + ((x - 20) * 2) ** 2)
    labels[far < 30] = 1
    labels[9, 20, 20] = 0
    labels[9, 40, 10:12] = 1
    labels[2:5, 30:40, 45:60] = 2
    labels[9:12, 30:40, 45:60] = 2
    labels[17, 5, 50] = 3
    labels[14, 5, 50] = 3
    return labels


def test_labels_become_structures_that_give_the_voxels_back():
    labels = _blobs()
    rois = label_rois(labels, CT.grid, {1: "ball", 2: "plank", 3: "dots"})
    assert [r.number for r in rois] == [1, 2, 3]
    voxel_cm3 = float(CT.grid.voxel_volumes_cm3()[0])
    for roi in rois:
        mask = labels == roi.number
        np.testing.assert_array_equal(region_mask(Region.of(roi), CT.grid), mask)
        tolerance = VOLUME_TOLERANCE if mask.sum() >= 100 else 0.1
        volume = region_volume_cm3(Region.of(roi), axes=CT.grid.axes)
        assert volume == pytest.approx(mask.sum() * voxel_cm3, rel=tolerance)


def test_masks_of_one_grid_become_one_set_on_their_image():
    labels = _blobs()
    volume = phantoms.volume_of(phantoms.linear_hu)

    def mask(label, flips=(False, False, False)):
        part = type(volume)(array_zyx=(labels == label) * 1, grid=CT.grid, unit="")
        return nifti_bytes(*of_volume(part, "u1", flips=flips))

    files = [
        source(nifti_bytes(*of_volume(CT)), "ct.nii.gz"),
        source(mask(1, (True, True, False)), "heart.nii.gz"),
        source(mask(2), "lung_left.nii.gz"),
    ]
    (draft,) = read_upload(files).drafts
    (structures,) = draft.structure_sets
    (series, image), = draft.series  # fmt: skip
    assert (structures.series_uid, structures.source) == (series.uid, "nifti")
    assert structures.frame_of_reference_uid == image.grid.frame_of_reference_uid != ""
    assert [(r.number, r.name, r.standard_name) for r in structures.rois] == [
        (1, "heart", "Heart"), (2, "lung_left", "Lung_L"),
    ]  # fmt: skip
    np.testing.assert_array_equal(
        region_mask(Region.of(structures.rois[0]), image.grid), labels == 1
    )


def test_a_map_of_labels_joins_the_dicom_series_of_its_grid():
    part = type(CT)(array_zyx=_blobs(), grid=CT.grid, unit="")
    mask = source(nifti_bytes(*of_volume(part, "u1")), "all.nii.gz")
    (draft,) = read_upload([*as_files(phantoms.ct_series()), mask]).drafts
    (structures,) = draft.structure_sets
    assert structures.series_uid == draft.series[0][0].uid
    assert [r.name for r in structures.rois] == ["label 1", "label 2", "label 3"]
    assert draft.patient.id == phantoms.PATIENT.id


def test_unequal_grids_are_not_linked_and_say_so():
    crop = Grid.regular(
        origin_mm=CT.grid.origin_mm + 10, spacing_zyx_mm=(4, 3, 2), shape_zyx=(10, 20, 20)
    )
    labels = np.zeros(crop.shape_zyx, np.uint8)
    labels[3:6, 5:9, 5:9] = 1
    part = type(CT)(array_zyx=labels, grid=crop, unit="")
    mask = source(nifti_bytes(*of_volume(part, "u1")), "aorta.nii.gz")
    (draft,) = read_upload([*as_files(phantoms.ct_series()), mask]).drafts
    assert "mask-on-another-grid" in codes(draft.findings, "warning")
    far = type(CT)(
        array_zyx=labels,
        grid=Grid.regular(origin_mm=(2000, 0, 0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(10, 20, 20)),
        unit="",
    )
    mask = source(nifti_bytes(*of_volume(far, "u1")), "far.nii.gz")
    (draft,) = read_upload([*as_files(phantoms.ct_series()), mask]).drafts
    assert draft.structure_sets == ()
    assert "mask-elsewhere" in codes(draft.findings, "error")
