"""The synthetic patient's calendar, blood values and clinical facts. All invented."""

from __future__ import annotations

import csv
import datetime
import io
import json

from abscope.core.case import Patient

PATIENT = Patient(
    id="SYNTHETIC-001", name="SYNTHETIC^Thorax", birth_date="1956-05-14", sex="M", synthetic=True
)
#: The calendar, ISO 8601.
CT_DATE, PLAN_DATE = "2024-01-15", "2024-01-22"
RT_START, RT_END = "2024-01-29", "2024-03-08"
ICI_START, FOLLOWUP_DATE, SYMPTOM_DATE = "2024-03-22", "2024-05-27", "2024-05-24"
ICI_CYCLES, ICI_INTERVAL_DAYS = 3, 28

#: Test, unit, reference low and high, as a laboratory prints them.
_TESTS = (
    ("WBC", "10^9/L", "4.0", "10.0"), ("Neutrophils", "10^9/L", "1.8", "7.5"),
    ("Lymphocytes", "10^9/L", "1.0", "4.0"), ("Platelets", "10^9/L", "150", "400"),
    ("Hemoglobin", "g/L", "130", "170"), ("Albumin", "g/L", "35", "50"),
    ("LDH", "U/L", "135", "250"), ("CRP", "mg/L", "0", "5"),
)  # fmt: skip
#: Date and values in the order of `_TESTS`: lymphocytes fall during radiotherapy and half recover.
_VALUES = (
    ("2024-01-22", "7.9", "5.5", "1.65", "288", "139", "41", "205", "7"),
    ("2024-02-12", "6.0", "4.3", "0.98", "251", "131", "39", "211", "9"),
    ("2024-02-26", "5.1", "3.8", "0.66", "224", "124", "38", "224", "13"),
    ("2024-03-08", "4.6", "3.4", "0.54", "218", "121", "37", "229", "12"),
    ("2024-03-21", "5.3", "3.6", "0.86", "246", "124", "38", "218", "7"),
    ("2024-04-19", "6.0", "4.0", "1.02", "259", "128", "39", "214", "6"),
    ("2024-05-17", "6.6", "4.6", "1.06", "263", "129", "39", "231", "11"),
    ("2024-05-27", "8.2", "6.3", "0.92", "281", "127", "36", "274", "46"),
)


def labs_csv() -> str:
    """Return the blood values as CSV text, a row a value.

    Examples
    --------
    >>> labs_csv().splitlines()[1]
    'SYNTHETIC-001,2024-01-22,WBC,7.9,10^9/L,4.0,10.0'
    """
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(
        ("patient_id", "date", "test", "value", "unit", "reference_low", "reference_high")
    )
    for date, *values in _VALUES:
        for (test, unit, low, high), value in zip(_TESTS, values, strict=True):
            table.writerow((PATIENT.id, date, test, value, unit, low, high))
    return out.getvalue()


def ici_dates() -> tuple[str, ...]:
    """Return the dates of the durvalumab infusions, ISO 8601.

    Examples
    --------
    >>> ici_dates()
    ('2024-03-22', '2024-04-19', '2024-05-17')
    """
    first = datetime.date.fromisoformat(ICI_START)
    step = datetime.timedelta(days=ICI_INTERVAL_DAYS)
    return tuple((first + cycle * step).isoformat() for cycle in range(ICI_CYCLES))


def clinical_facts() -> dict[str, float | int | str]:
    """Return the facts of the case by the field names of ``abscope.core.facts``."""
    return {
        "age_years": 67,
        "sex": "M",
        "ecog": 1,
        "smoking": "former",
        "histology": "adenocarcinoma",
        "stage": "IIIA",
        "ct_stage": "T2",
        "tumor_location": "middle",
        "cancer_type": "NSCLC",
        "pulmonary_comorbidity": 0,
        "ild": 0,
        "prior_thoracic_rt": 0,
        "sequential_chemo": 0,
        "concurrent_chemo": 1,
        "prior_systemic_therapy": 1,
        "rt_start": RT_START,
        "rt_end": RT_END,
        "ici_agent": "durvalumab",
        "ici_regimen": "1500 mg Q4W",
        "ici_start": ICI_START,
        "symptom_date": SYMPTOM_DATE,
        "symptom_grade": 2,
        "pdl1_tps_percent": 60,
        "tmb_mut_per_mb": 8,
        "ldh_uln_u_per_l": 250,
    }


def clinical_json() -> str:
    """Return the facts as JSON text; keys that start with an underscore are remarks."""
    remarks = {
        "_note": "Synthetic, made by code. No such person exists.",
        "_ici_doses": list(ici_dates()),
    }
    return json.dumps({**remarks, **clinical_facts()}, indent=1) + "\n"
