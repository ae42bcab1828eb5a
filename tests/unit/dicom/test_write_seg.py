"""SEG and RTDOSE out: what is written comes back, and an independent checker finds no fault."""

from __future__ import annotations

import dataclasses
import io
import pathlib
import shutil
import subprocess

import numpy as np
import pydicom
import pytest

from abscope.core.errors import InputError
from abscope.core.ids import uid_from
from abscope.core.rasterise import region_mask
from abscope.core.structures import Region
from abscope.dicom.rtdose import read_dose
from abscope.dicom.seg import parse_segmentation
from abscope.dicom.write_common import save
from abscope.dicom.write_rtdose import rtdose_dataset
from abscope.dicom.write_seg import seg_dataset
from tests import phantoms
from tests.unit.dicom.uploads import as_bytes, codes, read_one

needs_checker = pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy: dicom3tools")


def _structures():
    heart = dataclasses.replace(phantoms.sphere_roi(7), standard_name="Heart", name="Heart")
    left = dataclasses.replace(phantoms.annulus_roi(9), standard_name="Lung_L", name="Lt Lung")
    empty = dataclasses.replace(phantoms.sphere_roi(11), contours=())
    return phantoms.structure_set([heart, left, empty])


def _seg(**changes):
    structures = dataclasses.replace(_structures(), **changes)
    reference = phantoms.image_reference()
    return seg_dataset(structures, phantoms.header("SEG"), reference, uid_from("seg out"))


def _faults(path: pathlib.Path) -> list[str]:
    """Return the errors that dciodvfy finds."""
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]


def test_a_segmentation_gives_the_same_voxels_back():
    written = pydicom.dcmread(io.BytesIO(as_bytes(_seg())))
    made, _, findings = parse_segmentation(written)
    assert findings == ()
    grid = phantoms.STANDARD_GRID
    sources = [roi for roi in _structures().rois if roi.closed]
    assert [(r.number, r.name, r.standard_name) for r in made.rois] == [
        (1, "Heart", "Heart"), (2, "Lt Lung", "Lung_L"),
    ]  # fmt: skip
    for before, after in zip(sources, made.rois, strict=True):
        np.testing.assert_array_equal(
            region_mask(Region.of(after), grid), region_mask(Region.of(before), grid)
        )
        assert np.abs(np.array(after.color) - before.color).max() <= 2


def test_written_again_it_is_the_same_and_joins_its_image():
    draft = read_one(phantoms.ct_series(), [_seg()])
    (structures,) = draft.structure_sets
    assert structures.series_uid == draft.series[0][0].uid
    again = seg_dataset(
        structures, phantoms.header("SEG"), phantoms.image_reference(), uid_from("seg out")
    )
    assert again.PixelData == _seg().PixelData
    assert codes(draft.findings, "error") == set()


def test_frames_of_an_odd_number_of_pixels_come_back():
    grid = phantoms.Grid.regular(
        origin_mm=(-30, -40, -24), spacing_zyx_mm=(4, 2.5, 3), shape_zyx=(13, 31, 23)
    )
    reference = dataclasses.replace(phantoms.image_reference(), grid=grid, slice_uids=())
    written = seg_dataset(_structures(), phantoms.header("SEG"), reference, uid_from("odd"))
    made, _, _ = parse_segmentation(pydicom.dcmread(io.BytesIO(as_bytes(written))))
    for before, after in zip(_structures().rois, made.rois, strict=False):
        np.testing.assert_array_equal(
            region_mask(Region.of(after), grid), region_mask(Region.of(before), grid)
        )


def test_nothing_inside_the_image_is_refused():
    with pytest.raises(InputError) as caught:
        _seg(rois=(phantoms.sphere_roi(centre_mm=(900.0, 0.0, 0.0)),))
    assert caught.value.code == "seg-nothing-to-write"


@needs_checker
@pytest.mark.parametrize("source", ["clinical", "auto:anatomical"])
def test_the_independent_checker_finds_no_fault_in_a_segmentation(tmp_path, source):
    assert _faults(save(_seg(source=source), tmp_path / "seg.dcm")) == []


@needs_checker
def test_the_independent_checker_finds_no_fault_in_a_dose(tmp_path):
    written = rtdose_dataset(phantoms.dose_of(), phantoms.header("RTDOSE"), bits=16)
    assert _faults(save(written, tmp_path / "dose.dcm")) == []


@pytest.mark.parametrize("bits", [16, 32])
def test_a_dose_comes_back_within_half_a_step(bits):
    dose = phantoms.dose_of()
    written = rtdose_dataset(dose, phantoms.header("RTDOSE"), bits=bits)
    found = read_dose(pydicom.dcmread(io.BytesIO(as_bytes(written))))
    step = float(written.DoseGridScaling)
    apart = np.abs(found.volume.array_zyx.astype(float) - dose.volume.array_zyx).max()
    assert apart <= step / 2 + np.spacing(np.float32(dose.volume.array_zyx.max()))
    assert found.volume.grid.same_geometry(dose.volume.grid)
