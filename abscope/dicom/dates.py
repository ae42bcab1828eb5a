"""Dates and ages that cannot be: they decide which labs count and how old the patient is."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import pydicom

from abscope.core.case import Finding
from abscope.dicom import header

#: No CT, PET or MR study of a person is older.
EARLIEST = "1975-01-01"
#: PatientAge is written in whole units; more than this apart is a contradiction (years).
AGE_TOLERANCE_YEARS = 1.5
_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate")
_UNIT_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}


def date_findings(
    objects: Sequence[pydicom.Dataset], today: datetime.date | None = None
) -> list[Finding]:
    """Return findings on dates in the future or the far past, and on ages that contradict.

    Parameters
    ----------
    objects : sequence of Dataset
        All objects of one patient.
    today : date, optional
        The day up to which dates are possible; that of this machine, and one day more for other
        time zones.
    """
    last = (today or datetime.date.today()) + datetime.timedelta(days=1)
    found: list[Finding] = []
    for keyword in (*_DATES, "PatientBirthDate"):
        days = {day for ds in objects if (day := header.date(ds, keyword))}
        earliest = "1890-01-01" if keyword == "PatientBirthDate" else EARLIEST
        odd = sorted(day for day in days if not earliest <= day <= last.isoformat())
        if odd:
            found.append(_implausible(keyword, odd[0], earliest))
    mismatch = next((f for ds in objects if (f := _age(ds)) is not None), None)
    return [*found, *([mismatch] if mismatch else [])]


def age_years(text: str) -> float | None:
    """Return a PatientAge in years, None when it is none.

    Examples
    --------
    >>> age_years("065Y"), age_years("018M"), age_years("65")
    (65.0, 1.5, None)
    """
    match = re.fullmatch(r"(\d{1,3})([DWMY])", text.strip().upper())
    return int(match.group(1)) * _UNIT_YEARS[match.group(2)] if match else None


def _implausible(keyword: str, day: str, earliest: str) -> Finding:
    return Finding(
        code="date-implausible",
        severity="warning",
        where=keyword,
        message=f"A date in the files cannot be right: {day[:4]} is "
        + ("before such images were made." if day < earliest else "in the future."),
        expected=f"a day from {earliest} to today",
        remedy="Check the clock and the settings of the scanner; dates decide which labs and which "
        "scan come first.",
    )


def _age(dataset: pydicom.Dataset) -> Finding | None:
    """Return a warning when the written age is not the one that the birth date gives."""
    written = age_years(header.text(dataset, "PatientAge"))
    born, day = header.date(dataset, "PatientBirthDate"), header.date(dataset, "StudyDate")
    if written is None or not born or not day:
        return None
    days = (datetime.date.fromisoformat(day) - datetime.date.fromisoformat(born)).days
    derived = days / 365.25
    # An age of 65 is true until the day before the 66th birthday.
    if -AGE_TOLERANCE_YEARS <= derived - 0.5 - written <= AGE_TOLERANCE_YEARS:
        return None
    return Finding(
        code="age-contradicts-birth-date",
        severity="warning",
        where="PatientAge, PatientBirthDate",
        message=f"The files say an age of {written:.0f} years at the study, and a birth date that "
        f"gives {derived:.0f}.",
        expected="one age",
        remedy="Enter the right age among the clinical facts; models use it.",
    )
