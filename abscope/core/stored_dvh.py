"""A dose-volume histogram that a planning system stored with its dose."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

StoredUnit = Literal["cm3", "%"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredDvh:
    """What an item of DVHSequence says (PS3.3 C.8.8.4), in gray.

    Parameters
    ----------
    roi_number : int
        Of the structure in the dose's structure set; -1 where the item names no single one.
    reason : str
        Why nothing of it can be compared; the numbers are then None and the curve is empty.
    volume_unit : {"cm3", "%"}
        Of `volume`. In per cent no volume is known.
    volume_cm3 : float or None
    min_gy, max_gy, mean_gy : float or None
        Of its own curve: middles of the bins.
    stated_mean : float or None
        DVHMeanDose as written; some systems write it in per cent of the prescription.
    dose_gy, volume : tuple of float
        The cumulative curve, thinned to a few hundred points: volume at or above each dose.
    """

    roi_number: int
    reason: str = ""
    volume_unit: StoredUnit = "cm3"
    volume_cm3: float | None = None
    min_gy: float | None = None
    max_gy: float | None = None
    mean_gy: float | None = None
    stated_mean: float | None = None
    dose_gy: tuple[float, ...] = ()
    volume: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> StoredDvh:
        """Read what `dataclasses.asdict` gave."""
        curve = {name: tuple(content[name]) for name in ("dose_gy", "volume")}
        return cls(**{**content, **curve})
