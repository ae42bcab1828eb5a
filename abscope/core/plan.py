"""Treatment plans and dose distributions, as far as the numbers downhill need them."""

from __future__ import annotations

import dataclasses

from abscope.core.geometry import Grid, Volume


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
    """

    uid: str
    label: str
    prescribed_gy: float | None
    fractions: int | None
    beams: int = 0
    structure_set_uid: str = ""
    frame_of_reference_uid: str = ""

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
        What the dose refers to; empty when it does not say.
    """

    uid: str
    volume: Volume
    summation: str
    dose_type: str = "PHYSICAL"
    plan_uid: str = ""
    structure_set_uid: str = ""

    @property
    def grid(self) -> Grid:
        """Where the voxel centres lie."""
        return self.volume.grid
