"""Tables and choosers of the pages. Names from files go into data frames, which show them as is."""

from __future__ import annotations

from components.tables_case import (
    choose_dose,
    choose_doses,
    choose_pair,
    choose_scene,
    choose_version,
)
from components.tables_numbers import (
    HIDDEN_CURVES,
    dose_refusals,
    has_uncovered,
    metrics,
    shap_differences,
    what_if_estimates,
    what_if_metrics,
)
from components.tables_records import (
    audit_rows,
    board_history,
    choose_scenario,
    job_rows,
    model_cards,
    scenarios,
)

__all__ = [
    "HIDDEN_CURVES",
    "audit_rows",
    "board_history",
    "choose_dose",
    "choose_doses",
    "choose_pair",
    "choose_scenario",
    "choose_scene",
    "choose_version",
    "dose_refusals",
    "has_uncovered",
    "job_rows",
    "metrics",
    "model_cards",
    "scenarios",
    "shap_differences",
    "what_if_estimates",
    "what_if_metrics",
]
