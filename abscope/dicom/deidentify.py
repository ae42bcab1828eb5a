"""Who a de-identified patient becomes: pseudonym, UIDs and dates, all from one secret.

Everything is a keyed hash (HMAC-SHA256) with a secret that stays in the archive. The same UID of
the same patient always gives the same new UID, so that every reference still holds; nobody can
compute the way back, or try out guesses, without the secret. Dates move by one number of whole
days; times of day are not touched, so that intervals (decay, days since the first dose) survive.

Objects are written from values (`write_image`, `write_rtstruct` ...), never copied: what is not
written on purpose is not there. That is a white list, as PS3.15 E.1 allows.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import hmac
import secrets

from pydicom.dataset import Dataset

from abscope import __version__
from abscope.core.case import Patient
from abscope.dicom.write_common import sequence

#: Days by which dates move back, at least and at most. Backwards, so that no date lies in the
#: future; at least a year, so that a known date of treatment does not give itself away.
SHORTEST_SHIFT_DAYS, LONGEST_SHIFT_DAYS = 365, 3650
#: Ages beyond this are written as this: 45 CFR 164.514(b)(2)(i)(C), "all ages over 89".
OLDEST_AGE_YEARS = 90
#: What is claimed: PS3.16 CID 7050. Nothing is claimed of burned-in text and of faces.
PROFILE: tuple[tuple[str, str], ...] = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113105", "Clean Descriptors Option"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    ("113108", "Retain Patient Characteristics Option"),
)


def new_secret() -> str:
    """Return 32 random bytes in hexadecimal."""
    return secrets.token_hex(32)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pseudonyms:
    """The new identity that a secret gives.

    Examples
    --------
    >>> new = Pseudonyms(secret="00" * 32)
    >>> new.uid("1.2.3") == new.uid("1.2.3") != new.uid("1.2.4")
    True
    >>> new.uid("")
    ''
    >>> new.date("2024-02-28") < new.date("2024-03-01") < "2024-03-01"
    True
    """

    secret: str = dataclasses.field(repr=False)

    def uid(self, original: str) -> str:
        """Return the UID that replaces another one, always the same; empty for empty."""
        if not original:
            return ""
        return f"2.25.{int.from_bytes(self._hash('uid', original)[:16], 'big')}"

    @property
    def name(self) -> str:
        """The pseudonym, used as PatientName and PatientID."""
        return "ANON-" + self._hash("patient", "")[:5].hex().upper()

    @property
    def shift_days(self) -> int:
        """By how many days dates move; negative."""
        span = LONGEST_SHIFT_DAYS - SHORTEST_SHIFT_DAYS + 1
        number = int.from_bytes(self._hash("days", "")[:16], "big")
        return -(SHORTEST_SHIFT_DAYS + number % span)

    def date(self, iso: str) -> str:
        """Return a moved date (ISO 8601); empty for what is no date."""
        try:
            day = datetime.date.fromisoformat(iso)
            return (day + datetime.timedelta(days=self.shift_days)).isoformat()
        except (ValueError, OverflowError):
            return ""

    def patient(self, patient: Patient) -> Patient:
        """Return the new patient: pseudonym and sex."""
        return Patient(id=self.name, name=self.name, sex=patient.sex, synthetic=patient.synthetic)

    def _hash(self, purpose: str, text: str) -> bytes:
        key = bytes.fromhex(self.secret)
        return hmac.new(key, f"{purpose}\x1f{text}".encode(), hashlib.sha256).digest()


def age_on(birth_date: str, date: str) -> float | None:
    """Return the age in whole years on a day, `OLDEST_AGE_YEARS` for all beyond; None if unknown.

    Examples
    --------
    >>> age_on("1960-05-01", "2024-04-30"), age_on("1920-01-01", "2024-01-01"), age_on("", "")
    (63.0, 90.0, None)
    """
    if not birth_date or not date:
        return None
    born, day = datetime.date.fromisoformat(birth_date), datetime.date.fromisoformat(date)
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return float(min(years, OLDEST_AGE_YEARS)) if years >= 0 else None


def put_marks(ds: Dataset, *, age_years: float | None = None, burned_in: str = "") -> Dataset:
    """Write that and how the object was de-identified, and the age; return the object.

    Parameters
    ----------
    age_years : float, optional
        Capped at `OLDEST_AGE_YEARS`.
    burned_in : str
        BurnedInAnnotation as the source said it; not written when it said nothing, as nobody
        looked.
    """
    if age_years is not None:
        ds.PatientAge = f"{int(min(age_years, OLDEST_AGE_YEARS)):03d}Y"
    ds.PatientIdentityRemoved = "YES"
    ds.DeidentificationMethod = f"Abscope {__version__}: written from values, PS3.15 Table E.1-1"
    ds.DeidentificationMethodCodeSequence = sequence(*(_code(*item) for item in PROFILE))
    ds.LongitudinalTemporalInformationModified = "MODIFIED"
    if burned_in in ("YES", "NO"):
        ds.BurnedInAnnotation = burned_in
    return ds


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = meaning
    return item
