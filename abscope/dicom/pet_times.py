"""When a PET was injected and to which moment its activity is decay-corrected.

Source: QIBA FDG-PET/CT profile, SUV pseudo-code. Wrong times shift SUV by tens of per cent
(arXiv:2410.13348), so a moment that the file leaves open is refused, never assumed: a private scan
time counts only from its own vendor and not after the acquisition, and frame times only where beds
at different moments agree on the start.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence

import pydicom

from abscope.core.errors import InputError
from abscope.dicom import header

#: GE writes the true start of the scan here, (0009,100D): group, private creator, element.
GE_SCAN_TIME = (0x0009, "GEMS_PETD_01", 0x0D)
#: A scan starts at most this long before its first acquisition (hours).
MOST_SCAN_H = 24.0
#: Moments whose fractions of a second were cut may seem out of order by this much (seconds).
CUT_S = 1.0
#: A start time without a date may lie on the day before the scan by at most this (hours).
MOST_UPTAKE_OVER_MIDNIGHT_H = 6.0
#: Moments that slices of one series give for its start may differ by this much (seconds).
AGREEMENT_S = 60.0
#: Frames and their reference times last no longer (milliseconds: two days).
MOST_MS = 1.728e8

#: A date before this year is none of a scan.
EARLIEST_YEAR = 1900

Moment = tuple[datetime.datetime, str]


class NoSuvError(Exception):
    """Why there is no SUV: one clause that names the tag; never leaves this package."""


def moment_of(text: str) -> datetime.datetime | None:
    """Return a DICOM date and time (DT, or DA and TM joined), None when it is none.

    An offset from UTC at the end is left out: all times of a scanner are taken as local.

    Examples
    --------
    >>> str(moment_of("20240305235959.5")), moment_of("2024"), str(moment_of("202403051015+0100"))
    ('2024-03-05 23:59:59.500000', None, '2024-03-05 10:15:00')
    """
    text = text.replace(":", "").strip()
    for sign in "+-":
        text = text.split(sign)[0]
    whole, _, fraction = text.partition(".")
    if not whole.isdigit() or len(whole) not in (12, 14) or (fraction and not fraction.isdigit()):
        return None
    try:
        found = datetime.datetime.strptime(whole.ljust(14, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return None
    if found.year < EARLIEST_YEAR:
        return None
    return found + datetime.timedelta(seconds=float(f"0.{fraction or 0}"))


def scan_start(slices: Sequence[pydicom.Dataset], half_life_s: float) -> Moment:
    """Return the moment to which START corrects, and where it was taken from.

    Raises
    ------
    NoSuvError
        When SeriesTime is later than the acquisition and nothing else tells the start for sure.
    """
    series = _joined(slices[0], "Series")
    acquired = [m for s in slices if (m := _joined(s, "Acquisition")) is not None]
    if not acquired:
        raise NoSuvError("AcquisitionTime (0008,0032) is absent or unreadable")
    if series is not None and series <= min(acquired):
        return series, "SeriesDate and SeriesTime (0008,0031)"
    private = _ge_start(slices, min(acquired))
    if private is not None:
        return private, "GE scan date and time (0009,100D)"
    return _from_frames(slices, half_life_s), "AcquisitionTime less FrameReferenceTime (0054,1300)"


def injection(dataset: pydicom.Dataset, item: pydicom.Dataset, scan: Moment) -> Moment:
    """Return the moment of injection, and where it was taken from.

    Raises
    ------
    NoSuvError
        When it is absent, unreadable, or after the scan started.
    """
    offset = header.text(item, "RadiopharmaceuticalStartDateTime")
    if offset:
        name = "RadiopharmaceuticalStartDateTime (0018,1078)"
        found = moment_of(offset)
        if found is None:
            raise NoSuvError(f"{name} is unreadable")
        return _shifted(found, offset, dataset), name
    name = "RadiopharmaceuticalStartTime (0018,1072)"
    clock = header.text(item, "RadiopharmaceuticalStartTime")
    if not clock:
        raise NoSuvError(f"{name} is absent")
    found = moment_of(f"{scan[0]:%Y%m%d}{clock}")
    if found is None:
        raise NoSuvError(f"{name} is unreadable")
    if found > scan[0]:
        found -= datetime.timedelta(days=1)
        if (scan[0] - found).total_seconds() > MOST_UPTAKE_OVER_MIDNIGHT_H * 3600:
            raise NoSuvError(f"{name} is later than the start of the scan")
        name += ", on the day before the scan"
    return found, name


def _joined(dataset: pydicom.Dataset, kind: str) -> datetime.datetime | None:
    whole = header.text(dataset, "AcquisitionDateTime") if kind == "Acquisition" else ""
    day, clock = header.text(dataset, f"{kind}Date"), header.text(dataset, f"{kind}Time")
    return moment_of(day + clock) if day and clock else moment_of(whole)


def _ge_start(
    slices: Sequence[pydicom.Dataset], acquired: datetime.datetime
) -> datetime.datetime | None:
    """Return the start that GE wrote, None when it wrote none; refuse one that cannot be true."""
    texts = {header.private_text(s, *GE_SCAN_TIME) for s in slices}
    if texts == {""}:
        return None
    problem = "SeriesTime (0008,0031) is later than AcquisitionTime (0008,0032) and the GE scan "
    problem += "date and time (0009,100D) "
    found = moment_of(texts.pop()) if len(texts) == 1 else None
    if found is None:
        raise NoSuvError(f"{problem}is unreadable or differs between slices")
    before_s = (acquired - found).total_seconds()
    if before_s < -CUT_S:
        raise NoSuvError(f"{problem}is later too")
    if before_s > MOST_SCAN_H * 3600:
        raise NoSuvError(f"{problem}lies more than {MOST_SCAN_H:g} hours before it")
    return found


def _shifted(found: datetime.datetime, written: str, dataset: pydicom.Dataset) -> datetime.datetime:
    """Return a moment with an offset of its own in the time zone of the other times."""
    own, others = (
        _offset_minutes(written),
        _offset_minutes(header.text(dataset, "TimezoneOffsetFromUTC")),
    )
    if own is None or others is None:
        return found
    return found + datetime.timedelta(minutes=others - own)


def _offset_minutes(text: str) -> int | None:
    for sign, factor in (("+", 1), ("-", -1)):
        digits = text.rpartition(sign)[2]
        if sign in text and digits.isdigit() and len(digits) == 4:
            return factor * (int(digits[:2]) * 60 + int(digits[2:]))
    return None


def _from_frames(slices: Sequence[pydicom.Dataset], half_life_s: float) -> datetime.datetime:
    """Return the start that every slice gives by its own reference time (QIBA, last resort).

    FrameReferenceTime is the moment within the frame at which the mean count rate occurs, counted
    from the reference of the decay correction. GE counts from elsewhere (zero is the start of the
    first bed), which is minutes off; so at least two beds, acquired at different moments, must
    agree on the start, and it must not lie after the first of them.
    """
    problem = NoSuvError(
        "SeriesTime (0008,0031) is later than AcquisitionTime (0008,0032) and neither a GE scan "
        "time (0009,100D) of GEMS_PETD_01 nor FrameReferenceTime (0054,1300) of two "
        "or more beds tells for sure when the scan started"
    )
    starts, beds = [], []
    for dataset in slices:
        acquired = _joined(dataset, "Acquisition")
        try:
            reference = header.number(dataset, "FrameReferenceTime")
            duration = header.number(dataset, "ActualFrameDuration")
        except InputError:
            raise problem from None
        if acquired is None or reference is None or duration is None:
            raise problem
        if not 0 < duration <= MOST_MS or not 0 < reference <= MOST_MS:
            raise problem
        x = math.log(2) / half_life_s * duration / 1000
        mean_s = duration / 1000 * math.log(x / -math.expm1(-x)) / x
        beds.append(acquired)
        starts.append(acquired + datetime.timedelta(seconds=mean_s - reference / 1000))
    agree = (max(starts) - min(starts)).total_seconds() <= AGREEMENT_S
    checked = (max(beds) - min(beds)).total_seconds() > AGREEMENT_S
    if not agree or not checked or (min(starts) - min(beds)).total_seconds() > CUT_S:
        raise problem
    return min(starts)
