"""Body-weight SUV of a PET series: computed only when every number it needs is there.

Source: QIBA FDG-PET/CT profile, SUV pseudo-code; DICOM PS3.3 C.8.9. SUV in g/mL is

* Units BQML: value x weight / dose at the reference of the decay correction. START: the dose is
  decayed from injection to the start of the scan; ADMIN: it is taken as given.
* Units CNTS: value x Philips SUV factor (7053,1000), else value x (7053,1009) in Bq/mL as above;
  only where the private creator is that of Philips.
* Units GML: the value itself, unless it is an SUV by another measure than body weight.

What cannot be computed is refused, and the refusal names the tag. Activity left in the syringe is
not subtracted (it is in no standard element).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import pydicom

from abscope.core.case import Finding
from abscope.core.errors import InputError
from abscope.core.suv import SuvScale
from abscope.dicom import header
from abscope.dicom.pet_times import NoSuvError, injection, scan_start

PHILIPS_GROUP, PHILIPS_CREATOR = 0x7053, "Philips PET Private Group"
#: Elements within the block of that creator, (7053,1000) and (7053,1009) where it is the first.
PHILIPS_SUV_FACTOR = 0x00
PHILIPS_ACTIVITY_FACTOR = 0x09
#: Plausible ranges: weight (kg), dose (Bq: a value in MBq falls below), half-life (s).
WEIGHT_KG = (0.5, 400.0)
DOSE_BQ = (1e5, 1e11)
HALF_LIFE_S = (10.0, 1e7)
#: What all slices of a series must agree on.
_SAME = (
    ("DecayCorrection", "(0054,1102)"),
    ("CorrectedImage", "(0028,0051)"),
    ("PatientWeight", "(0010,1030)"),
    ("SeriesDate", "(0008,0021)"),
    ("SeriesTime", "(0008,0031)"),
)
_SAME_OF_TRACER = (
    ("RadionuclideTotalDose", "(0018,1074)"),
    ("RadionuclideHalfLife", "(0018,1075)"),
    ("RadiopharmaceuticalStartTime", "(0018,1072)"),
    ("RadiopharmaceuticalStartDateTime", "(0018,1078)"),
)
#: After this many half-lives from injection the times cannot be right.
MOST_HALF_LIVES = 10.0


@dataclasses.dataclass(slots=True)
class _Sheet:
    """The header values in use, written down while they are read."""

    inputs: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    weight_kg: float | None = None
    dose_bq: float | None = None
    half_life_s: float | None = None
    injected: str = ""
    started: str = ""

    def note(self, name: str, value: object) -> None:
        self.inputs.append((name, str(value)))


def suv_scale(slices: Sequence[pydicom.Dataset]) -> SuvScale:
    """Return the SUV factor of a PET series, or the reason why there is none.

    Parameters
    ----------
    slices : sequence of Dataset
        All slices of one series.
    """
    sheet = _Sheet()
    decay = header.text(slices[0], "DecayCorrection").upper()
    try:
        factor, formula = _factor(slices, decay, sheet)
    except NoSuvError as reason:
        return SuvScale(
            refusal=f"no SUV: {reason}", inputs=tuple(sheet.inputs), decay_correction=decay
        )
    return SuvScale(
        factor=factor,
        formula=formula,
        inputs=tuple(sheet.inputs),
        decay_correction=decay,
        weight_kg=sheet.weight_kg,
        dose_bq=sheet.dose_bq,
        half_life_s=sheet.half_life_s,
        injected=sheet.injected,
        started=sheet.started,
    )


def decayed_dose_bq(dose_bq: float, seconds: float, half_life_s: float) -> float:
    """Return what is left of a dose.

    Examples
    --------
    >>> round(decayed_dose_bq(370e6, 3600.0, 6586.2) / 1e6, 3)
    253.314
    """
    return float(dose_bq * 2.0 ** (-seconds / half_life_s))


def suv_findings(scale: SuvScale, where: str) -> list[Finding]:
    """Return the factor and its formula, or the refusal, as a line of the report."""
    if scale.is_known:
        return [
            Finding(
                code="suv-factor",
                severity="info",
                where=where,
                message=f"{scale.formula}.",
            )
        ]
    return [
        Finding(
            code="suv-not-computable",
            severity="warning",
            where=where,
            message=f"{scale.refusal[:1].upper()}{scale.refusal[1:]}. The PET is shown in its own "
            "unit.",
            expected="weight, dose, half-life, injection and scan times, decay and attenuation "
            "correction",
            remedy="Send the original series from the scanner; values that a person types are not "
            "taken.",
        )
    ]


def _factor(slices: Sequence[pydicom.Dataset], decay: str, sheet: _Sheet) -> tuple[float, str]:
    first = slices[0]
    unit = header.text(first, "Units").upper()
    sheet.note("Units (0054,1001)", unit or "absent")
    if not unit:
        raise NoSuvError("Units (0054,1001) is absent")
    _check_agreement(slices)
    _check_corrections(first, decay, sheet)
    if unit == "GML":
        return _of_suv(first, sheet)
    if unit == "BQML":
        factor, formula = _of_activity(slices, decay, sheet)
        return (
            factor,
            f"SUV (body weight) = value in Bq/mL x {factor:.6g} (g/mL for 1 Bq/mL), from {formula}",
        )
    if unit != "CNTS":
        raise NoSuvError(f"Units (0054,1001) is {unit[:16]}, neither BQML, CNTS nor GML")
    ready = _private(slices, PHILIPS_SUV_FACTOR, "Philips SUV factor (7053,1000)", sheet)
    if ready is not None:
        return (
            ready,
            f"SUV (body weight) = counts x {ready:.6g}, the Philips SUV factor (7053,1000)",
        )
    name = "Philips activity factor (7053,1009)"
    activity = _private(slices, PHILIPS_ACTIVITY_FACTOR, name, sheet)
    if activity is None:
        raise NoSuvError(
            "Units (0054,1001) is CNTS and neither (7053,1000) nor (7053,1009) holds a factor of "
            f"the private creator {PHILIPS_CREATOR}"
        )
    per_bqml, formula = _of_activity(slices, decay, sheet)
    factor = activity * per_bqml
    words = f"counts x {factor:.6g}, from {activity:.6g} Bq/mL a count (7053,1009) and {formula}"
    return factor, f"SUV (body weight) = {words}"


def _check_agreement(slices: Sequence[pydicom.Dataset]) -> None:
    """Refuse when slices contradict each other in what the factor is made of."""
    for keyword, tag in _SAME:
        if len({header.text(s, keyword) for s in slices}) > 1:
            raise NoSuvError(f"{keyword} {tag} differs between slices")
    tracers = [header.items(s, "RadiopharmaceuticalInformationSequence") for s in slices]
    for keyword, tag in _SAME_OF_TRACER:
        if len({tuple(header.text(item, keyword) for item in held) for held in tracers}) > 1:
            raise NoSuvError(f"{keyword} {tag} differs between slices")


def _check_corrections(first: pydicom.Dataset, decay: str, sheet: _Sheet) -> None:
    try:
        value = first.get("CorrectedImage") or ()
        done = {str(v).strip().upper() for v in ([value] if isinstance(value, str) else value)}
    except Exception:  # a broken element says nothing
        done = set()
    sheet.note("CorrectedImage (0028,0051)", "\\".join(sorted(done)) or "absent")
    sheet.note("DecayCorrection (0054,1102)", decay or "absent")
    if "ATTN" not in done:
        raise NoSuvError("CorrectedImage (0028,0051) does not say ATTN, attenuation corrected")
    if not done & {"DECY", "DECAY"}:
        raise NoSuvError("CorrectedImage (0028,0051) does not say DECY, decay corrected")
    if decay not in ("START", "ADMIN"):
        raise NoSuvError(
            f"DecayCorrection (0054,1102) is {decay[:16] or 'absent'}, neither START nor ADMIN"
        )


def _of_suv(first: pydicom.Dataset, sheet: _Sheet) -> tuple[float, str]:
    kind = header.text(first, "SUVType").upper()
    sheet.note("SUVType (0054,1006)", kind or "absent, which means BW")
    if kind not in ("", "BW"):
        raise NoSuvError(f"SUVType (0054,1006) is {kind[:16]}, not body weight (BW)")
    return 1.0, "SUV (body weight) = value x 1, as the file is in g/mL (Units GML)"


def _of_activity(slices: Sequence[pydicom.Dataset], decay: str, sheet: _Sheet) -> tuple[float, str]:
    """Return SUV a Bq/mL and the numbers it comes from."""
    first = slices[0]
    weight = _within(first, "PatientWeight", "(0010,1030)", "kg", WEIGHT_KG, sheet)
    items = header.items(first, "RadiopharmaceuticalInformationSequence")
    name = "RadiopharmaceuticalInformationSequence (0054,0016)"
    if len(items) != 1:
        raise NoSuvError(f"{name} is absent" if not items else f"{name} names {len(items)} tracers")
    dose = _within(items[0], "RadionuclideTotalDose", "(0018,1074)", "Bq", DOSE_BQ, sheet)
    sheet.weight_kg, sheet.dose_bq = weight, dose
    grams = weight * 1000
    if decay == "ADMIN":
        return grams / dose, f"{weight:g} kg / {dose / 1e6:.1f} MBq (weight / injected dose)"
    half_life = _within(items[0], "RadionuclideHalfLife", "(0018,1075)", "s", HALF_LIFE_S, sheet)
    scan = scan_start(slices, half_life)
    injected = injection(first, items[0], scan)
    sheet.half_life_s = half_life
    sheet.started, sheet.injected = scan[0].isoformat(), injected[0].isoformat()
    sheet.note(f"start of scan: {scan[1]}", scan[0].isoformat(" "))
    sheet.note(f"injection: {injected[1]}", injected[0].isoformat(" "))
    seconds = (scan[0] - injected[0]).total_seconds()
    if seconds < 0:
        raise NoSuvError(f"{injected[1]} is later than the start of the scan")
    if seconds > MOST_HALF_LIVES * half_life:
        raise NoSuvError(
            f"{injected[1]} lies {seconds:.0f} s before the scan, more than {MOST_HALF_LIVES:g} "
            "half-lives"
        )
    return grams / decayed_dose_bq(dose, seconds, half_life), (
        f"{weight:g} kg / ({dose / 1e6:.1f} MBq x 2^(-{seconds / 60:.1f} min / "
        f"{half_life / 60:.1f} min)): weight / dose injected at {injected[0]:%H:%M:%S}, decayed to "
        f"the start of the scan at {scan[0]:%H:%M:%S} with the half-life"
    )


def _within(
    dataset: pydicom.Dataset,
    keyword: str,
    tag: str,
    unit: str,
    limits: tuple[float, float],
    sheet: _Sheet,
) -> float:
    try:
        value = header.number(dataset, keyword)
    except InputError:
        raise NoSuvError(f"{keyword} {tag} is unreadable") from None
    if value is None:
        raise NoSuvError(f"{keyword} {tag} is absent")
    sheet.note(f"{keyword} {tag}", f"{value:.10g} {unit}")
    if not limits[0] <= value <= limits[1]:
        raise NoSuvError(
            f"{keyword} {tag} is {value:g} {unit}, outside {limits[0]:g} to {limits[1]:g} {unit}"
        )
    return value


def _private(
    slices: Sequence[pydicom.Dataset], offset: int, name: str, sheet: _Sheet
) -> float | None:
    """Return a private factor that all slices share, None when there is none above zero."""
    found = {_private_number(s, offset) for s in slices}
    if len(found) > 1:
        raise NoSuvError(f"{name} differs between slices")
    value = found.pop()
    if value is None or not math.isfinite(value) or value <= 0:
        return None
    sheet.note(name, f"{value:.10g}")
    return value


def _private_number(dataset: pydicom.Dataset, offset: int) -> float | None:
    try:
        return float(header.private_text(dataset, PHILIPS_GROUP, PHILIPS_CREATOR, offset))
    except ValueError:  # absent, or no number: no factor
        return None
