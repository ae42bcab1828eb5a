"""Reading the DVHs that a planning system stored with its dose."""

from __future__ import annotations

import dataclasses
import json

import pydicom
import pytest
from pydicom.sequence import Sequence

from abscope.core.stored_dvh import StoredDvh
from abscope.dicom.rtdose_dvh import MAX_POINTS, read_stored_dvhs


def _item(data, *, kind="CUMULATIVE", units="CM3", scaling="1", dose_units="GY", rois=(1,)):
    item = pydicom.Dataset()
    item.DVHType, item.DoseUnits, item.DVHDoseScaling = kind, dose_units, scaling
    item.DVHVolumeUnits, item.DVHNumberOfBins, item.DVHData = units, len(data) // 2, data
    item.DVHMeanDose = "3"
    item.DVHReferencedROISequence = Sequence()
    for number in rois:
        roi = pydicom.Dataset()
        roi.ReferencedROINumber, roi.DVHROIContributionType = number, "INCLUDED"
        item.DVHReferencedROISequence.append(roi)
    return item


def _read(*items) -> tuple[StoredDvh, ...]:
    dataset = pydicom.Dataset()
    dataset.DVHSequence = Sequence(items)
    return read_stored_dvhs(dataset)


def test_cumulative_and_differential_say_the_same():
    (above,) = _read(_item([1, 10, 1, 10, 1, 4]))  # 6 cm3 at 1 to 2 Gy, 4 cm3 at 2 to 3 Gy
    (apart,) = _read(_item([1, 0, 1, 6, 1, 4], kind="DIFFERENTIAL"))
    for found in (above, apart):
        assert found.roi_number == 1
        assert found.reason == ""
        assert found.volume_cm3 == pytest.approx(10)
        assert (found.min_gy, found.max_gy) == (1.5, 2.5)
        assert found.mean_gy == pytest.approx(1.9)
        assert found.dose_gy == (0, 1, 2, 3)
        assert found.volume == (10, 10, 4, 0)
        assert found.stated_mean == 3
    assert StoredDvh.from_json(json.loads(json.dumps(dataclasses.asdict(above)))) == above


def test_dose_scaling_is_applied_and_volumes_in_per_cent_are_no_cm3():
    (found,) = _read(_item([1, 100, 1, 40], scaling="0.5", units="PERCENT"))
    assert found.volume_cm3 is None
    assert found.volume_unit == "%"
    assert found.mean_gy == pytest.approx(0.25 * 0.6 + 0.75 * 0.4)


def test_long_curves_are_thinned_and_numbers_are_not():
    data = [v for n in range(5000) for v in (0.01, 5000 - n)]
    (found,) = _read(_item(data))
    assert len(found.dose_gy) == MAX_POINTS
    assert found.mean_gy == pytest.approx(25.0)
    assert found.volume_cm3 == 5000


@pytest.mark.parametrize(
    ("item", "word"),
    [
        (_item([1, 10], dose_units="RELATIVE"), "RELATIVE units, not in gray"),
        (_item([1, 10], kind="NATURAL"), "type is NATURAL"),
        (_item([1, 10], units="PER_U"), "PER_U units"),
        (_item([1, 10], rois=(1, 2)), "several structures"),
        (_item([1, 10, 1, 12, 1, 2]), "cannot be read"),
        (_item([1, 10, 1]), "cannot be read"),
        (_item([]), "cannot be read"),
        (_item([1, 0, 1, 0]), "cannot be read"),
        (_item([1, 10], scaling="-1"), "cannot be read"),
    ],
)
def test_what_cannot_be_compared_says_why(item, word):
    (found,) = _read(item)
    assert word in found.reason
    assert found.mean_gy is None


def test_a_dose_without_them_has_none():
    assert read_stored_dvhs(pydicom.Dataset()) == ()
