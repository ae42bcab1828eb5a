"""The inputs of the models for one case, each with where it came from.

Rules of choice (product.md): labs for response are the latest on or before the first ICI dose, or
the latest there is when no ICI is planned; entered facts win over everything else; what is missing
stays missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from abscope.core.case import Case, DoseInfo
from abscope.core.differentials import with_derived_counts
from abscope.core.errors import DoseError, RefusedError
from abscope.core.facts import FIELDS
from abscope.core.indices import indices_of_day
from abscope.core.labs import LabResult, latest
from abscope.dose.alpha_beta import alpha_beta_for
from abscope.dose.fractionation import CERR_REFERENCE_FRACTIONS, isoeffective
from abscope.dose.histogram import Dvh
from abscope.predict.model import Feature, Features
from abscope.workflows.context import Context
from abscope.workflows.dose_evaluation import (
    LUNGS_MINUS_GTV,
    DoseEvaluation,
    choose_dose,
    choose_structure_set,
    evaluate_dose,
)
from abscope.workflows.findings import header_age_years

_NOTHING = Feature(name="", value=None)
#: Analyte -> (input of the models, its unit, divisor of the canonical unit).
_LAB_FEATURES = (
    ("albumin", "albumin_g_per_dl", "g/dL", 10.0),
    ("anc", "anc_10e9_per_l", "10^9/L", 1.0),
    ("wbc", "wbc_10e9_per_l", "10^9/L", 1.0),
    ("alc", "alc_10e9_per_l", "10^9/L", 1.0),
    ("ldh", "ldh_u_per_l", "U/L", 1.0),
    ("pdl1_tps", "pdl1_tps_percent", "%", 1.0),
    ("tmb", "tmb_mut_per_mb", "mut/Mb", 1.0),
)


def case_features(
    context: Context, case: Case, *, dose_uid: str | None = None
) -> tuple[Features, tuple[str, ...]]:
    """Return the features of a case, and sentences on what could not be computed and why."""
    found: dict[str, Feature] = {}
    notes: list[str] = []
    _add_labs(case, found, notes)
    _add_age_and_sex(case, found)
    if case.doses:
        try:
            _check_whole(choose_dose(case, dose_uid))
            evaluation = lung_evaluation(context, case, dose_uid)
        except RefusedError as error:
            notes.append(f"No dose feature: {error.what} {error.remedy}")
        else:
            dose_features, more = features_of_dose(evaluation)
            found.update(dose_features)
            notes.extend(more)
    for name in FIELDS:  # entered facts last: they win
        value = case.facts.get(name)
        if value is not None:
            found[name] = Feature(name=name, value=value, provenance="entered")
    if found.get("mld_gy", _NOTHING).provenance == "entered":
        found.pop("mld_iso35_gy", None)  # it was of the dose that the entered value replaces
    _add_derived_facts(found)
    return Features(items_by_name=found), tuple(notes)


def _check_whole(dose: DoseInfo) -> None:
    """Refuse a dose that is not physical, or of a part of the treatment, as a model's input."""
    if dose.dose_type != "PHYSICAL":
        raise DoseError(
            "dose-not-physical",
            f"The dose is of type {dose.dose_type[:16]}: what models take is the physical dose, "
            "and an effective dose would be converted twice.",
            where="RTDOSE DoseType",
            expected="PHYSICAL",
            remedy="Choose or import the physical dose of the plan.",
        )
    if dose.is_part:
        raise DoseError(
            "dose-is-part",
            f"The dose is of summation type {dose.summation}, not the dose of the treatment.",
            where="RTDOSE DoseSummationType",
            expected="the dose of a whole plan",
            remedy="Choose or import the dose of the whole plan.",
        )


def features_of_dose(evaluation: DoseEvaluation) -> tuple[dict[str, Feature], list[str]]:
    """Return the dose features of an evaluation that holds lungs minus GTV, heart, esophagus."""
    found: dict[str, Feature] = {}
    notes: list[str] = []
    where = f"dose {evaluation.dose.uid[-8:]}"
    for name, value in (
        ("fractions", evaluation.fractions),
        ("prescribed_gy", evaluation.prescribed_gy),
    ):
        if value is not None:
            found[name] = Feature(name=name, value=float(value), provenance="RTPLAN")
    for item in evaluation.structures:
        if item.refused is not None:
            notes.append(f"{item.name}: {item.refused.what} {item.refused.remedy}")
    lungs = evaluation.dvh_of(LUNGS_MINUS_GTV) or evaluation.dvh_of("Lungs")
    if lungs is None:
        notes.append("No lung dose: the structure set of the plan has no pair of lungs.")
    else:
        found.update(lung_features(lungs, evaluation.fractions, where))
    for field, structure in (
        ("mean_heart_dose_gy", "Heart"),
        ("mean_esophagus_dose_gy", "Esophagus"),
    ):
        dvh = evaluation.dvh_of(structure)
        if dvh is not None:
            found[field] = Feature(
                name=field, value=dvh.mean_gy, unit="Gy", provenance=f"{where}, {structure}"
            )
    return found, notes


def lung_features(lungs: Dvh, fractions: int | None, where: str) -> dict[str, Feature]:
    """Return the mean lung doses that the pneumonitis models take.

    ``mld_gy`` is the physical mean; ``mld_iso35_gy`` the mean of the isoeffective dose in 35
    fractions, bin by bin, alpha/beta 3 Gy (Appelt 2014 as coded in CERR). The second needs the
    number of fractions.
    """
    region = "lungs minus GTV" if lungs.name == LUNGS_MINUS_GTV else "lungs (no GTV in the set)"
    mean = Feature(
        name="mld_gy", value=lungs.mean_gy, unit="Gy", provenance=f"{where}, {region}, physical"
    )
    found = {"mld_gy": mean}
    if fractions:
        ratio_gy = alpha_beta_for("Lungs").value_gy
        iso = isoeffective(lungs, fractions, ratio_gy, CERR_REFERENCE_FRACTIONS)
        found["mld_iso35_gy"] = Feature(
            name="mld_iso35_gy",
            value=iso.mean_gy,
            unit="Gy",
            provenance=f"{where}, {region}, isoeffective in 35 fractions, "
            f"alpha/beta {ratio_gy:g} Gy",
        )
    return found


def lung_evaluation(context: Context, case: Case, dose_uid: str | None = None) -> DoseEvaluation:
    """Return the DVHs that models ask for: lungs minus GTV, heart and esophagus, as available."""
    rois = choose_structure_set(case, choose_dose(case, dose_uid)).rois
    organs: list[str | int] = [
        roi.number for roi in rois if roi.standard_name in ("Heart", "Esophagus") and roi.volume_cm3
    ]
    return evaluate_dose(context, case, dose_uid=dose_uid, structures=[LUNGS_MINUS_GTV, *organs])


def _add_labs(case: Case, found: dict[str, Feature], notes: list[str]) -> None:
    """Add laboratory values; a newest result that is a limit (``<0.6``) leaves its input missing.

    An older number does not stand in for it: the input is missing, and the note says why.
    """
    limit = case.facts.text("ici_start")
    labs = with_derived_counts(case.labs)
    for key, name, unit, divisor in _LAB_FEATURES:
        result = latest(labs, key, on_or_before=limit)
        if result is None:
            continue
        if not result.is_number:
            notes.append(
                f"{result.analyte.name} of {result.date} is {result.text} {result.analyte.unit}: "
                "a limit is not used as a number, so this input is missing."
            )
            continue
        found[name] = _lab(name, result.value / divisor, unit, result)
        if key == "ldh" and result.high is not None:
            found["ldh_uln_u_per_l"] = _lab("ldh_uln_u_per_l", result.high, "U/L", result)
    _add_nlr(labs, limit, found, notes)


def _add_nlr(
    labs: Sequence[LabResult], limit: str | None, found: dict[str, Feature], notes: list[str]
) -> None:
    """Add the NLR of the newest day that has both counts, or both percentages."""
    dates = sorted({r.date for r in labs if limit is None or r.date <= limit}, reverse=True)
    for date in dates:
        day = {r.key for r in labs if r.date == date}
        if not ({"anc", "alc"} <= day or {"neutrophil_percent", "lymphocyte_percent"} <= day):
            continue
        index = next(i for i in indices_of_day(labs, date) if i.rule.key == "nlr")
        if index.value is None:
            notes.append(f"No NLR of {date}: {index.reason}.")
            return
        derived = any(r.derived for r in labs if r.date == date and r.key in ("anc", "alc"))
        more = ", counts derived from percentages" if derived else ""
        if "(%)" in index.parts:
            more = ", ratio of percentages"
        found["nlr"] = Feature(
            name="nlr", value=index.value, unit="ratio", provenance=f"lab of {date}{more}"
        )
        return


def _lab(name: str, value: float, unit: str, source: LabResult) -> Feature:
    more = f", derived: {source.derived}" if source.derived else ""
    return Feature(name=name, value=value, unit=unit, provenance=f"lab of {source.date}{more}")


def _add_age_and_sex(case: Case, found: dict[str, Feature]) -> None:
    years = header_age_years(case, case.patient.birth_date)
    if years is not None:
        found["age_years"] = Feature(
            name="age_years", value=years, unit="years", provenance="birth date in DICOM"
        )
    if case.patient.sex in ("M", "F"):
        found["sex"] = Feature(name="sex", value=case.patient.sex, provenance="DICOM header")


def _add_derived_facts(found: dict[str, Feature]) -> None:
    """Add what follows from other facts by the definitions of product.md, and say so."""

    def yes(name: str) -> bool:
        feature = found.get(name)
        return feature is not None and feature.value == 1

    if "prior_systemic_therapy" not in found and (
        yes("concurrent_chemo") or yes("sequential_chemo")
    ):
        found["prior_systemic_therapy"] = Feature(
            name="prior_systemic_therapy",
            value=1,
            provenance="chemotherapy with this radiotherapy counts",
        )
    start, first_dose = found.get("rt_start"), found.get("ici_start")
    ici_first = bool(start and first_dose and str(first_dose.value) < str(start.value))
    if not yes("prior_thoracic_rt") and "mld_gy" in found and not ici_first:
        found["prior_thoracic_rt"] = Feature(
            name="prior_thoracic_rt", value=1, provenance="this course of thoracic radiotherapy"
        )
