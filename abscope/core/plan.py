"""Treatment plans and dose distributions, as far as the numbers downhill need them."""

from __future__ import annotations

import dataclasses

from abscope.core.geometry import Grid, Volume
from abscope.core.stored_dvh import StoredDvh

#: DoseSummationTypes of a part of a treatment, never of all of it (PS3.3 C.8.8.3).
PART_TYPES = frozenset(
    {"BEAM", "BEAM_SESSION", "FRACTION_SESSION", "BRACHY", "BRACHY_SESSION", "CONTROL_POINT"}
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FractionGroup:
    """A FractionGroupSequence item: its number, fractions (None unknown), treatment beams."""

    number: int
    fractions: int | None
    beams: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an RTPLAN says of prescription and fractions.

    Parameters
    ----------
    uid : str
        SOPInstanceUID.
    label : str
        RTPlanLabel.
    prescribed_gy : float or None
        TargetPrescriptionDose; None when the file has none.
    fractions : int or None
        NumberOfFractionsPlanned; None when the file does not say.
    beams : int
        Number of treatment beams.
    structure_set_uid, frame_of_reference_uid : str
        What the plan refers to; empty when it does not say.
    fraction_groups : tuple of FractionGroup
        Which beams are delivered together, and how often.
    target_roi_number : int or None
        ROINumber of the volume that is prescribed to; None when the plan does not say.
    """

    uid: str
    label: str
    prescribed_gy: float | None
    fractions: int | None
    beams: int = 0
    structure_set_uid: str = ""
    frame_of_reference_uid: str = ""
    fraction_groups: tuple[FractionGroup, ...] = ()
    target_roi_number: int | None = None

    @property
    def dose_per_fraction_gy(self) -> float | None:
        """Prescribed dose of one fraction, None when either number is unknown."""
        if self.prescribed_gy is None or not self.fractions:
            return None
        return self.prescribed_gy / self.fractions


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dose:
    """A dose distribution in gray.

    Parameters
    ----------
    uid : str
        SOPInstanceUID.
    volume : Volume
        Physical dose in Gy, float32, array order [z, y, x].
    summation : str
        DoseSummationType: ``PLAN``, ``FRACTION``, ``BEAM`` ...
    dose_type : str
        DoseType: ``PHYSICAL``, ``EFFECTIVE``, ``ERROR``.
    plan_uid, structure_set_uid : str
        What the dose refers to; empty when it does not say, or names several plans.
    beams : tuple of int
        Beam numbers of the plan whose dose it is, as far as it says.
    fraction_group : int or None
        Number of the plan's fraction group whose dose it is.
    parts : tuple of str
        UIDs of the doses that were summed to it; empty for a dose from a file.
    description : str
        Of an effective dose: how it was made. The first line is short enough for DoseComment.
    stored_dvhs : tuple of StoredDvh
        What the planning system stored with it.
    """

    uid: str
    volume: Volume
    summation: str
    dose_type: str = "PHYSICAL"
    plan_uid: str = ""
    structure_set_uid: str = ""
    beams: tuple[int, ...] = ()
    fraction_group: int | None = None
    parts: tuple[str, ...] = ()
    description: str = ""
    stored_dvhs: tuple[StoredDvh, ...] = ()

    @property
    def grid(self) -> Grid:
        """Where the voxel centres lie."""
        return self.volume.grid
