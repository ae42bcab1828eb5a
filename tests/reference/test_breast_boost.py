"""A clinical breast boost: our DVHs against those that the planning system stored with the dose."""

from __future__ import annotations

import dataclasses

import numpy as np
import pydicom
import pytest

from abscope.core.plan import Dose
from abscope.core.structures import Region, StructureSet
from abscope.dicom.rtdose import read_dose
from abscope.dicom.rtstruct import read_structure_set
from abscope.dose.dvh import Dvh, compute_dvh
from benchmarks.real_cases import data_path, datasets

ARCHIVE = data_path("breast-boost.zip")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.data,
    pytest.mark.skipif(ARCHIVE is None, reason="breast-boost.zip: set ABSCOPE_TEST_DATA"),
]


@dataclasses.dataclass(frozen=True)
class Boost:
    dose: Dose
    structures: StructureSet
    stored: pydicom.Sequence

    def ours(self, name: str) -> Dvh:
        return compute_dvh(self.dose, Region.of(self.structures.roi(name)))

    def theirs(self, name: str) -> Dvh:
        """The stored histogram: cumulative, bins of 0.01 Gy; volume is that of the first bin."""
        number = self.structures.roi(name).number
        item = next(
            i for i in self.stored if i.DVHReferencedROISequence[0].ReferencedROINumber == number
        )
        widths, volumes = np.asarray(item.DVHData, dtype=float).reshape(-1, 2).T
        scaled = widths * float(item.DVHDoseScaling)
        middles = np.cumsum(scaled) - scaled / 2
        return Dvh.from_dose_points(name, middles, -np.diff(np.append(volumes, 0.0)))


@pytest.fixture(scope="module", name="boost")
def _boost() -> Boost:
    assert ARCHIVE is not None
    objects = datasets(ARCHIVE, "rt")
    return Boost(
        dose=read_dose(objects["rtdose.dcm"]),
        structures=read_structure_set(objects["rtss.dcm"]),
        stored=objects["rtdose.dcm"].DVHSequence,
    )


@pytest.mark.parametrize(
    ("name", "volume_cm3", "mean_gy"),
    [("Heart", 437.5, 0.643), ("Lt Lung", 2009.0, 0.904), ("Breast", 396.2, 5.609)],
)
def test_against_the_planning_system(boost, name, volume_cm3, mean_gy):
    theirs, ours = boost.theirs(name), boost.ours(name)
    assert theirs.volume_cm3 == pytest.approx(volume_cm3, abs=0.06)
    assert theirs.mean_gy == pytest.approx(mean_gy, abs=0.0006)
    assert ours.volume_cm3 == pytest.approx(theirs.volume_cm3, rel=0.015)
    assert abs(ours.mean_gy - theirs.mean_gy) <= max(0.01 * theirs.mean_gy, 0.02)
    assert ours.max_gy == pytest.approx(theirs.max_gy, rel=0.01, abs=0.02)


@pytest.mark.parametrize("name", ["Heart", "Lt Lung", "Breast"])
def test_the_curves_agree(boost, name):
    """Share of the volume at 0.5, 1, 2, 5, 10 Gy within 1.5 percentage points."""
    theirs, ours = boost.theirs(name), boost.ours(name)
    for dose_gy in (0.5, 1.0, 2.0, 5.0, 10.0):
        expected = theirs.volume_at_least(dose_gy) / theirs.volume_cm3
        found = ours.volume_at_least(dose_gy) / ours.volume_cm3
        assert found == pytest.approx(expected, abs=0.015), dose_gy


def test_tumor_bed_is_small_and_close(boost):
    """12.8 cm3 on few planes: end caps make 3 per cent of the volume, the mean hardly moves."""
    ours = boost.ours("Tumor Bed")
    assert ours.mean_gy == pytest.approx(14.286, rel=0.01)
    assert ours.volume_cm3 == pytest.approx(12.81, rel=0.05)
