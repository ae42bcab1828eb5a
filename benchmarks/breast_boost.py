"""A clinical breast boost: our DVHs against those that the planning system stored with the dose.

Prints volume and mean dose of all structures, and for those that do not compare the reason.

Run: ``python -m benchmarks.breast_boost``
"""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pydicom

from abscope.core.errors import RefusedError
from abscope.core.plan import Dose
from abscope.core.structures import Region, Roi, StructureSet, slabs_of
from abscope.dicom.rtdose import read_dose
from abscope.dicom.rtstruct import read_structure_set
from abscope.dose.dvh import compute_dvh, region_volume_cm3
from abscope.dose.histogram import Dvh
from benchmarks.real_cases import data_path, datasets

#: Structures whose numbers have to agree.
COMPARED = ("Heart", "Lt Lung", "Breast")
END_CAPS = "on few planes: the planning system draws from the first to the last, without end caps"
#: Why the others differ; `tests/reference/test_breast_boost.py` holds each reason to the numbers.
REASONS = {
    "BODY": "the stored histogram lacks what receives hardly any dose; above 0.5 Gy both agree",
    "Areola": "no contours: refused by name",
    "Borders": END_CAPS,
    "Nodes": END_CAPS,
    "Tumor Bed": END_CAPS,
    "Tumor Bed Block": END_CAPS,
    "Scar": "a strip narrower than a dose voxel, of which voxels keep only a part",
}


@dataclasses.dataclass(frozen=True)
class Boost:
    """The case: dose, structures and the stored histograms."""

    dose: Dose
    structures: StructureSet
    stored: pydicom.Sequence

    def ours(self, name: str) -> Dvh:
        """Our DVH of a structure."""
        return compute_dvh(self.dose, Region.of(self.structures.roi(name)))

    def theirs(self, name: str) -> Dvh | None:
        """Return the stored histogram: cumulative, 0.01 Gy a bin; the first has the volume."""
        number = self.structures.roi(name).number
        for item in self.stored:
            if item.DVHReferencedROISequence[0].ReferencedROINumber == number:
                widths, volumes = np.asarray(item.DVHData, dtype=float).reshape(-1, 2).T
                scaled = widths * float(item.DVHDoseScaling)
                middles = np.cumsum(scaled) - scaled / 2
                return Dvh.from_dose_points(name, middles, -np.diff(np.append(volumes, 0.0)))
        return None


def boost() -> Boost | None:
    """Return the case, None when the data is not here."""
    archive = data_path("breast-boost.zip")
    if archive is None:
        return None
    objects = datasets(archive, "rt")
    return Boost(
        dose=read_dose(objects["rtdose.dcm"]),
        structures=read_structure_set(objects["rtss.dcm"]),
        stored=objects["rtdose.dcm"].DVHSequence,
    )


def end_caps_cm3(roi: Roi) -> float:
    """Return what lies beyond the first and the last plane of a structure (cm3)."""
    ends = (slabs_of(roi)[0], slabs_of(roi)[-1])
    total = 0.0
    for slab in ends:
        flat = [c for c in roi.closed if abs(c.points_mm[0, 2] - slab.position_mm) < 0.1]
        one = dataclasses.replace(roi, contours=tuple(flat))
        total += region_volume_cm3(Region.of(one), usual_gap_mm=slab.thickness_mm / 2)
    return total


def main() -> int:
    case = boost()
    if case is None:
        print("The data set is not here: set ABSCOPE_TEST_DATA.")
        return 1
    print(f"{'structure':<16}{'cm3 stored':>11}{'ours':>11}{'no caps':>11}"
          f"{'mean Gy':>9}{'ours':>8}  reason")  # fmt: skip
    for roi in case.structures.rois:
        reason = REASONS.get(roi.name, "agrees")
        theirs = case.theirs(roi.name)
        try:
            ours = case.ours(roi.name)
        except RefusedError as refused:
            print(f"{roi.name:<16}{refused.code:>22}  {reason}")
            continue
        assert theirs is not None
        bare = ours.volume_cm3 - end_caps_cm3(roi)
        print(f"{roi.name:<16}{theirs.volume_cm3:>11.3f}{ours.volume_cm3:>11.3f}{bare:>11.3f}"
              f"{theirs.mean_gy:>9.3f}{ours.mean_gy:>8.3f}  {reason}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
