"""The form of clinical facts, generated from the fields that the engine knows."""

from __future__ import annotations

import dataclasses
import datetime
import json

import streamlit as st

from abscope.core.case import Case
from abscope.core.facts import CHOICES, DATES, NUMBERS, WHOLE, YES_NO
from components import state

#: Words on screen for fields whose name is not a word.
LABELS: dict[str, str] = {
    "age_years": "Age", "sex": "Sex", "ecog": "ECOG performance status", "smoking": "Smoking",
    "histology": "Histology", "stage": "Stage", "ct_stage": "Clinical T stage",
    "tumor_location": "Tumor location", "cancer_type": "Cancer type",
    "pulmonary_comorbidity": "Pulmonary comorbidity (COPD or similar)",
    "ild": "Interstitial lung disease", "prior_thoracic_rt": "Earlier thoracic radiotherapy",
    "sequential_chemo": "Sequential chemotherapy", "concurrent_chemo": "Concurrent chemotherapy",
    "prior_systemic_therapy": "Systemic therapy before ICI (PSTH)", "rt_start": "RT start",
    "rt_end": "RT end", "fractions": "Fractions", "prescribed_gy": "Prescribed dose",
    "ici_agent": "ICI agent", "ici_regimen": "ICI regimen",
    "ici_start": "ICI start", "symptom_date": "Symptoms since",
    "symptom_grade": "Pneumonitis", "pdl1_tps_percent": "PD-L1 TPS",
    "tmb_mut_per_mb": "TMB", "driver_mutations": "Driver alterations",
}  # fmt: skip
HELP: dict[str, str] = {
    "tumor_location": "Third of the lung that holds the primary tumor; Appelt 2014 counts middle "
    "and lower as one risk level.",
    "prior_systemic_therapy": "Chemotherapy or targeted therapy for this cancer before the first "
    "ICI dose, concurrent chemoradiotherapy included.",
    "pdl1_tps_percent": "Tumor proportion score, 0 to 100 %.",
    "tmb_mut_per_mb": "Tumor mutational burden by panel, mutations per megabase.",
    "driver_mutations": "For example EGFR L858R, KRAS G12C, STK11, or: none of EGFR, ALK, ROS1, "
    "BRAF. Kept for the meeting; no model here uses it.",
    "fractions": "Where the plan does not say it, or says it wrongly. With several plans leave it "
    "empty: each plan has its own number.",
    "prescribed_gy": "Where the plan does not say it, or says it wrongly. With several plans leave "
    "it empty.",
    "ild": "Interstitial lung disease seen on CT before treatment.",
}
GROUPS: dict[str, tuple[str, ...]] = {
    "Person and disease": ("age_years", "sex", "ecog", "smoking", "histology", "stage", "ct_stage",
                           "tumor_location", "cancer_type", "pulmonary_comorbidity", "ild"),
    "Biomarkers": ("pdl1_tps_percent", "tmb_mut_per_mb", "driver_mutations"),
    "Treatment": ("prior_systemic_therapy", "concurrent_chemo", "sequential_chemo",
                  "prior_thoracic_rt", "rt_start", "rt_end", "fractions", "prescribed_gy",
                  "ici_agent", "ici_regimen", "ici_start"),
    "Symptoms": ("symptom_date", "symptom_grade"),
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SavedForm:
    """What a person entered, and the version of the case that was on the screen then."""

    changes: dict[str, object]
    version: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the form was drawn from; it stays while somebody is filling it in.

    ``drawn`` is the version at first, part of the widgets' keys; ``version`` moves on when a
    conflict was shown, so that saving again is a decision.
    """

    drawn: int
    version: int
    facts: dict[str, object]


def clinical_facts(case: Case) -> SavedForm | None:
    """Draw the form; return what was changed in it when it was saved, None otherwise.

    The form keeps to the version that it was first drawn from, whatever others store meanwhile.
    """
    seen = _seen(case)
    with st.form("labs.facts", border=False):
        entered: dict[str, object] = {}
        for group, fields in GROUPS.items():
            st.markdown(f"**{group}**")
            columns = st.columns(3)
            for place, field in enumerate(fields):
                with columns[place % 3]:
                    entered[field] = _field(case, field, seen)
        saved = st.form_submit_button("Save facts", type="primary", key="labs.facts.save")
    if not saved:
        return None
    changes = {f: v for f, v in entered.items() if _text(v) != _text(seen.facts.get(f))}
    return SavedForm(changes=changes, version=seen.version)


def facts_saved(case: Case) -> None:
    """Let the form be drawn afresh from what is stored."""
    state.remember(_seen_name(case), None)


def facts_in_conflict(case: Case, saved: SavedForm) -> None:
    """Draw the stored values beside the person's own; saving again is then a decision."""
    seen = dataclasses.replace(_seen(case), version=case.version)
    state.remember(_seen_name(case), json.dumps(dataclasses.asdict(seen)))
    rows = [
        {"Field": LABELS.get(f, f), "Stored now": _text(case.facts.get(f)), "Yours": _text(v)}
        for f, v in saved.changes.items()
        if _text(case.facts.get(f)) != _text(v)
    ]
    st.dataframe(rows, hide_index=True, key="labs.facts.conflict", placeholder="none")


def _seen_name(case: Case) -> str:
    return f"labs.facts.seen.{case.id}"


def _seen(case: Case) -> _Seen:
    text = state.recall(_seen_name(case))
    seen = _Seen(**json.loads(text)) if text else None
    if seen is not None and state.is_drawn(_fact_key(case, "age_years", seen)):
        return seen
    seen = _Seen(drawn=case.version, version=case.version, facts=dict(case.facts.values))
    state.remember(_seen_name(case), json.dumps(dataclasses.asdict(seen)))
    return seen


def _fact_key(case: Case, field: str, seen: _Seen) -> str:
    return f"labs.fact.{case.id}.{field}.{seen.drawn}"


def person_without_scans() -> tuple[str, str] | None:
    """Draw the form that starts a case from laboratory values alone; return PatientID and name."""
    with (
        st.expander("Start a case without scans", icon=":material/person_add:"),
        st.form("upload.person", border=False),
    ):
        st.caption("A case with laboratory values and facts only gets an estimate of response.")
        columns = st.columns(2)
        patient_id = columns[0].text_input("Patient ID", key="upload.person.id", max_chars=64)
        name = columns[1].text_input("Name or pseudonym", key="upload.person.name", max_chars=64)
        started = st.form_submit_button("Start the case", key="upload.person.start")
    if not started:
        return None
    if not patient_id.strip():
        st.warning("A case needs a patient ID, so that later files find their patient.")
        return None
    return patient_id.strip(), name.strip()


def _field(case: Case, field: str, seen: _Seen) -> object:
    value = seen.facts.get(field)
    label = LABELS.get(field, field)
    key, help_text = _fact_key(case, field, seen), HELP.get(field)
    if field in NUMBERS:
        unit, low, high = NUMBERS[field]
        shown = f"{label} ({unit})" if unit else label
        if field in WHOLE:
            return st.number_input(
                shown, int(low), int(high), None if value is None else int(value), step=1, key=key,
                help=help_text, placeholder="unknown",
            )  # fmt: skip
        return st.number_input(
            shown, float(low), float(high), None if value is None else float(value), key=key,
            help=help_text, placeholder="unknown", format="%g",
        )  # fmt: skip
    if field in YES_NO:
        words = ["yes", "no"]
        place = None if value is None else (0 if value == 1 else 1)
        answer = st.selectbox(label, words, place, key=key, help=help_text, placeholder="unknown")
        return None if answer is None else int(answer == "yes")
    if field in CHOICES:
        words = list(CHOICES[field])
        return st.selectbox(
            label, words, words.index(str(value)) if value in words else None, key=key,
            help=help_text, placeholder="unknown",
        )  # fmt: skip
    if field in DATES:
        date = datetime.date.fromisoformat(str(value)) if value else None
        chosen = st.date_input(
            label, date, key=key, help=help_text, format="YYYY-MM-DD",
            min_value=datetime.date(1990, 1, 1), max_value=datetime.date(2100, 12, 31),
        )  # fmt: skip
        return chosen.isoformat() if isinstance(chosen, datetime.date) else None
    return st.text_input(label, str(value or ""), key=key, help=help_text, max_chars=80)


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float | int) else str(value)
