"""Results of the dose page's sections, kept for the session: as `components.cached`."""

from __future__ import annotations

import streamlit as st

from abscope.dose.gamma import Criteria
from abscope.workflows.achievable import Achievable
from abscope.workflows.achievable import achievable as compute_achievable
from abscope.workflows.context import Actor
from abscope.workflows.fractionation import Conversion, EffectMap
from abscope.workflows.fractionation import effect_map as compute_effect_map
from abscope.workflows.immune_dose import ImmuneDose
from abscope.workflows.immune_dose import immune_dose as compute_immune_dose
from abscope.workflows.lung_risk import LungRisk
from abscope.workflows.lung_risk import lung_risk as compute_lung_risk
from abscope.workflows.plan_comparison import (
    DoseDifference,
    GammaComparison,
    dose_difference,
    dose_gamma,
)
from components import runtime
from components.progress import LateBar


@st.cache_resource(scope="session", max_entries=2, show_spinner="Subtracting the doses")
def plan_difference(case_id: str, version: int, a_uid: str, b_uid: str) -> DoseDifference:
    """Return plan B less plan A."""
    del version
    context = runtime.context()
    return dose_difference(context, context.cases.get(case_id), a_uid, b_uid)


@st.cache_resource(
    scope="session", max_entries=4, show_spinner="Computing the gamma index", show_time=True
)
def plan_gamma(
    case_id: str, version: int, a_uid: str, b_uid: str, set_uid: str, criteria: Criteria
) -> GammaComparison:
    """Return the gamma index of plan B at the points of plan A, by structure too."""
    del version
    context = runtime.context()
    case = context.cases.get(case_id)
    info = next((s for s in case.structure_sets if s.uid == set_uid), None)
    return dose_gamma(context, case, a_uid, b_uid, criteria, info)


@st.cache_resource(scope="session", max_entries=8, show_spinner="Computing the immune doses")
def immune_dose(
    case_id: str, version: int, dose_uid: str, set_uid: str, organs_from: str | None
) -> ImmuneDose:
    """Return organ means, EDIC and blood dose of a plan."""
    del version
    context = runtime.context()
    return compute_immune_dose(
        context, context.cases.get(case_id), dose_uid=dose_uid, structure_set_uid=set_uid,
        organs_from=organs_from,
    )  # fmt: skip


@st.cache_resource(scope="session", max_entries=4, show_spinner=False)
def achievable(
    case_id: str, version: int, archive: str, dose_uid: str, set_uid: str, _actor: Actor
) -> Achievable:
    """Return what plans of other patients would give; `archive` is `archive_stamp`."""
    del version, archive
    context = runtime.context()
    place = st.empty()
    with place:
        bar = LateBar()
        try:
            return compute_achievable(
                context, _actor, context.cases.get(case_id), dose_uid=dose_uid,
                structure_set_uid=set_uid, tell=bar.tell,
            )  # fmt: skip
        finally:
            place.empty()


@st.cache_resource(scope="session", max_entries=4, show_spinner="Mapping the lung risk")
def lung_risk(case_id: str, version: int, dose_uid: str) -> LungRisk:
    """Return the derivative of the pneumonitis risk by dose: a map, and thirds of the lungs."""
    del version
    context = runtime.context()
    return compute_lung_risk(context, context.cases.get(case_id), dose_uid)


@st.cache_resource(
    scope="session", max_entries=2, show_spinner="Converting the dose", show_time=True
)
def effect_map(
    case_id: str, version: int, dose_uid: str, set_uid: str, conversion: Conversion
) -> EffectMap:
    """Return BED or EQD2 by voxel."""
    del version
    context = runtime.context()
    case = context.cases.get(case_id)
    return compute_effect_map(
        context, case, conversion, dose_uid=dose_uid, structure_set_uid=set_uid
    )
