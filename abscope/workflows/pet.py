"""SUV of a case: at a point and the highest voxel, with the value in the file's own unit."""

from __future__ import annotations

import dataclasses

import numpy as np

from abscope.core.case import Case, Series
from abscope.core.errors import NotFoundError
from abscope.core.geometry import Volume
from abscope.core.resample import sample_at
from abscope.core.suv import SUV_UNIT
from abscope.workflows.context import Context

Point = tuple[float, float, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PetReading:
    """A value of a PET in the file's unit and as SUV (g/mL, None without a factor).

    ``at_mm`` is the LPS position that was read: the point itself, or the centre of a voxel.
    """

    at_mm: Point
    value: float
    suv: float | None


def shown_volume(context: Context, series: Series) -> Volume:
    """Return an image as a screen shows it: a PET with a factor as SUV, all else as stored."""
    volume = context.cases.volume(series)
    factor = series.suv.factor if series.suv else None
    if factor is None:
        return volume
    array = volume.array_zyx.astype(np.float32) * np.float32(factor)
    return Volume(array_zyx=array, grid=volume.grid, unit=SUV_UNIT)


def fusable_pets(case: Case, series_uid: str) -> tuple[Series, ...]:
    """Return the PETs that may be laid over an image: those in its frame, newest first."""
    image = next((s for s in case.series if s.uid == series_uid), None)
    frame = image.grid.frame_of_reference_uid if image else ""
    if image is None or not frame or image.modality == "PT":
        return ()
    pets = [s for s in case.series if s.modality == "PT"]
    held = [s for s in pets if s.grid.frame_of_reference_uid == frame]
    return tuple(sorted(held, key=lambda s: s.date, reverse=True))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FramePet:
    """The PET that an engine may use with an image (SUV), or one sentence why there is none.

    ``note`` is empty when `volume` is there, and when the case has no PET at all.
    """

    volume: Volume | None = None
    note: str = ""


def suv_in_frame(context: Context, case: Case, series_uid: str) -> FramePet:
    """Return the newest PET with an SUV in the frame of reference of an image.

    A PET in another frame, or whose header gives no SUV, is never used by guess: the note says so.
    """
    if not any(s.modality == "PT" for s in case.series):
        return FramePet()
    held = fusable_pets(case, series_uid)
    if not held:
        return FramePet(
            note="The PET was not used: it lies in another frame of reference than the CT."
        )
    for series in held:
        if series.suv is not None and series.suv.is_known:
            return FramePet(volume=shown_volume(context, series))
    refusal = held[0].suv.refusal if held[0].suv else ""
    return FramePet(
        note=f"The PET was not used: there is no SUV, as {refusal or 'its header gives none'}."
    )


def choose_pet(case: Case, uid: str | None) -> Series:
    """Return the PET of a UID, else the newest of the case.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    pets = [s for s in case.series if s.modality == "PT" and uid in (None, s.uid)]
    if not pets:
        raise NotFoundError(
            "no-pet",
            "The case has no such PET series." if uid else "The case has no PET.",
            where="--series" if uid else "case",
            expected="an imported PET series",
            remedy="Import the PET, or name one of the series that `show` lists.",
        )
    return max(pets, key=lambda s: s.date)


def highest(context: Context, series: Series) -> PetReading:
    """Return the highest voxel of a PET."""
    volume = context.cases.volume(series)
    index = np.unravel_index(int(np.argmax(volume.array_zyx)), volume.array_zyx.shape)
    return _at_voxel(series, volume, (int(index[0]), int(index[1]), int(index[2])))


def at_point(context: Context, series: Series, point_mm: Point) -> tuple[PetReading, PetReading]:
    """Return what a PET says at a point, trilinear, and in the voxel whose centre is nearest.

    Raises
    ------
    NotFoundError
        When the point lies outside the voxel centres.
    """
    volume = context.cases.volume(series)
    value = float(sample_at(volume, [point_mm])[0])
    if not np.isfinite(value):
        raise NotFoundError(
            "point-outside",
            "The point lies outside the PET.",
            where="--at",
            expected="a point in patient millimetres within the PET",
            remedy="Read a position from the viewer.",
        )
    between = PetReading(at_mm=point_mm, value=value, suv=_suv(series, value))
    z, y, x = np.rint(volume.grid.to_index([point_mm])[0]).astype(int).tolist()
    return between, _at_voxel(series, volume, (z, y, x))


def _at_voxel(series: Series, volume: Volume, index_zyx: tuple[int, int, int]) -> PetReading:
    limits = np.array(volume.grid.shape_zyx) - 1
    index = np.clip(index_zyx, 0, limits)
    x, y, z = volume.grid.to_mm([index])[0].tolist()
    value = float(volume.array_zyx[tuple(index)])
    return PetReading(at_mm=(x, y, z), value=value, suv=_suv(series, value))


def _suv(series: Series, value: float) -> float | None:
    factor = series.suv.factor if series.suv else None
    return None if factor is None else value * factor
