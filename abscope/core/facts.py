"""Clinical facts that a person enters: the fields of ``set`` and of the case form.

A fact wins over a DICOM header. Absent is None and stays None; nothing is assumed.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping

from abscope.core.errors import InputError

#: Fields that hold a number: (unit, lowest, highest) that is biologically possible.
NUMBERS: dict[str, tuple[str, float, float]] = {
    "age_years": ("years", 18, 120),
    "ecog": ("", 0, 4),
    "symptom_grade": ("CTCAE grade", 1, 5),
    "pdl1_tps_percent": ("%", 0, 100),
    "tmb_mut_per_mb": ("mut/Mb", 0, 1000),
    "albumin_g_per_dl": ("g/dL", 1.0, 7.0),
    "nlr": ("ratio", 0.01, 500),
    "ldh_u_per_l": ("U/L", 20, 20000),
    "ldh_uln_u_per_l": ("U/L", 100, 1000),
    "anc_10e9_per_l": ("10^9/L", 0, 200),
    "wbc_10e9_per_l": ("10^9/L", 0.01, 500),
    "alc_10e9_per_l": ("10^9/L", 0, 100),
    "mld_gy": ("Gy", 0, 60),
    "mean_heart_dose_gy": ("Gy", 0, 80),
    "mean_esophagus_dose_gy": ("Gy", 0, 100),
    "fractions": ("", 1, 60),
    "prescribed_gy": ("Gy", 1, 120),
}
#: Fields that are whole numbers.
WHOLE = frozenset({"ecog", "symptom_grade", "fractions"})
#: Fields answered by yes (1) or no (0).
YES_NO = frozenset(
    {
        "pulmonary_comorbidity",
        "ild",
        "prior_thoracic_rt",
        "sequential_chemo",
        "concurrent_chemo",
        "prior_systemic_therapy",
    }
)
#: Fields with a closed list of answers.
CHOICES: dict[str, tuple[str, ...]] = {
    "sex": ("M", "F"),
    "smoking": ("never", "former", "current"),
    "tumor_location": ("upper", "middle", "lower", "mediastinal"),
    "ct_stage": ("T1", "T2", "T3", "T4"),
    "ici_agent": (
        "pembrolizumab",
        "nivolumab",
        "cemiplimab",
        "atezolizumab",
        "durvalumab",
        "avelumab",
        "ipilimumab+nivolumab",
    ),
}
#: Fields with a calendar date, ISO 8601.
DATES = frozenset({"ici_start", "rt_start", "rt_end", "symptom_date"})
#: Fields with free text (short).
TEXTS = frozenset({"histology", "stage", "cancer_type", "ici_regimen", "driver_mutations"})

#: All fields, in the order in which forms show them.
FIELDS: tuple[str, ...] = (
    "age_years", "sex", "ecog", "smoking", "histology", "stage", "ct_stage", "tumor_location",
    "cancer_type", "driver_mutations", "pulmonary_comorbidity", "ild", "prior_thoracic_rt",
    "sequential_chemo",
    "concurrent_chemo", "prior_systemic_therapy", "rt_start", "rt_end", "ici_agent",
    "ici_regimen", "ici_start", "symptom_date", "symptom_grade", "pdl1_tps_percent",
    "tmb_mut_per_mb", "albumin_g_per_dl", "nlr", "ldh_u_per_l", "ldh_uln_u_per_l",
    "anc_10e9_per_l", "wbc_10e9_per_l", "alc_10e9_per_l", "mld_gy", "mean_heart_dose_gy",
    "mean_esophagus_dose_gy", "fractions", "prescribed_gy",
)  # fmt: skip

PD1_AGENTS = frozenset({"pembrolizumab", "nivolumab", "cemiplimab"})
PDL1_AGENTS = frozenset({"atezolizumab", "durvalumab", "avelumab"})

FactValue = float | int | str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClinicalFacts:
    """The stored facts; a field that is not in `values` is unknown.

    Examples
    --------
    >>> facts = ClinicalFacts().updated({"age_years": "63", "smoking": "Former"})
    >>> facts.get("age_years"), facts.get("smoking"), facts.get("ild")
    (63.0, 'former', None)
    """

    values: Mapping[str, FactValue] = dataclasses.field(default_factory=dict)

    def get(self, field: str) -> FactValue | None:
        """Return the value, None when unknown.

        Raises
        ------
        KeyError
            For a word that is not one of `FIELDS`: a fault of the program.
        """
        if field not in FIELDS:
            raise KeyError(field)
        return self.values.get(field)

    def number(self, field: str) -> float | None:
        """Return the value of a numeric or yes/no field as float, None when unknown."""
        value = self.get(field)
        return None if value is None or isinstance(value, str) else float(value)

    def text(self, field: str) -> str | None:
        """Return the value of a field of words or dates, None when unknown."""
        value = self.get(field)
        return value if isinstance(value, str) else None

    def updated(self, changes: Mapping[str, object]) -> ClinicalFacts:
        """Return the facts with `changes` checked and applied; None or "" removes a fact.

        Raises
        ------
        InputError
            For an unknown field or a value that does not fit it.
        """
        values = dict(self.values)
        for field, raw in changes.items():
            parsed = parse_fact(field, raw)
            if parsed is None:
                values.pop(field, None)
            else:
                values[field] = parsed
        return ClinicalFacts(values=values)


def parse_fact(field: str, raw: object) -> FactValue | None:
    """Return the checked value of one field, None when `raw` is empty.

    Raises
    ------
    InputError
        With the expected form, when the field or the value is not understood.
    """
    if field not in FIELDS:
        raise _bad("", "There is no such field.", "one of " + ", ".join(FIELDS), label=field)
    text = "" if raw is None else str(raw).strip()
    if not text:
        return None
    if field in NUMBERS:
        return _number(field, text)
    if field in YES_NO:
        return _yes_no(field, text)
    if field in CHOICES:
        return _choice(field, text)
    if field in DATES:
        return _date(field, text)
    if len(text) > 80:
        raise _bad(field, "The text is too long.", "at most 80 characters")
    return text


def _yes_no(field: str, text: str) -> int:
    answers = {"1": 1, "0": 0, "yes": 1, "no": 0, "true": 1, "false": 0, "1.0": 1, "0.0": 0}
    if text.lower() not in answers:
        raise _bad(field, "The answer is not yes or no.", "1 or 0")
    return answers[text.lower()]


def _choice(field: str, text: str) -> str:
    for choice in CHOICES[field]:
        if text.casefold() == choice.casefold():
            return choice
    raise _bad(field, "The word is not one of the choices.", ", ".join(CHOICES[field]))


def _date(field: str, text: str) -> str:
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise _bad(field, "The date is not understood.", "YYYY-MM-DD") from None


def _number(field: str, text: str) -> float | int:
    unit, low, high = NUMBERS[field]
    try:
        value = float(text)
    except ValueError:
        raise _bad(
            field, "The value is not a number.", f"a number in {unit or 'its scale'}"
        ) from None
    if not low <= value <= high:
        raise _bad(
            field,
            f"The value {value:g} is outside what is possible.",
            f"{low:g} to {high:g} {unit}".strip(),
        )
    if field in WHOLE:
        if value != int(value):
            raise _bad(field, "The value is not a whole number.", "a whole number")
        return int(value)
    return value


def _bad(field: str, what: str, expected: str, label: str = "") -> InputError:
    return InputError(
        "fact-not-understood",
        what,
        where=f"field {field}".strip(),
        label=f"field {label[:40]}" if label else "",
        expected=expected,
        remedy="Correct the value and enter it again; the other fields are not affected.",
    )
