"""D10: enhanced multi-frame objects are judged like single slices."""

from __future__ import annotations

import numpy as np
import pytest

from tests import phantoms
from tests.faults.image_series import CT, GRID, TILTED, is_right, only_series, phase_of, with_values
from tests.image_phantoms import ENHANCED_MR_CLASS, enhanced_of, mr_series
from tests.unit.dicom.uploads import codes, read_one


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
    tilted = enhanced_of(TILTED)
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
