"""The dose page's section for fractionation: BED and EQD2 by structure, as a map and as a file."""

from __future__ import annotations

import streamlit as st

from abscope.core.errors import AbscopeError
from abscope.dose.eqd2_map import BAND_ABOVE_GY, LQL_NOTE, WARN_ABOVE_GY, Schedule
from abscope.dose.metrics import parse_metrics
from abscope.workflows.alpha_betas import OVERLAP_RULE
from abscope.workflows.exporting import export_rtdose
from abscope.workflows.fractionation import (
    Conversion,
    MetricEffect,
    StructureEffect,
    fractions_of,
    structure_effects,
)
from components import cached_dose, fractionation_inputs, notices, runtime, state, tumor_time
from components.dose_view import DoseView
from components.safe import literal
from components.viewer.dose_map import DoseMap


def shown_map(view: DoseView) -> DoseMap | None:
    """Return EQD2 or BED for the viewer, None while it shows the physical dose."""
    if state.component_state(fractionation_inputs.SHOWN) == fractionation_inputs.PHYSICAL:
        return None
    asked = fractionation_inputs.conversion(view, for_map=True)
    set_uid = view.evaluations[0].structure_set.uid
    found = cached_dose.effect_map(view.case.id, view.case.version, view.dose_uid, set_uid, asked)
    return DoseMap(
        key=f"{view.dose_uid}|{set_uid}|{asked!r}", title=found.quantity, volume=found.volume
    )


def show(view: DoseView) -> None:
    """Draw the choices, the table by structure, the ratios, and the tumor through time."""
    evaluation = view.evaluations[0]
    fractions = fractions_of(view.case, evaluation.dose)
    fractionation_inputs.show_shown()
    asked = fractionation_inputs.conversion(view)
    schedule = asked.schedule(fractions)
    _show_table(view, schedule, asked)
    st.subheader("Alpha/beta by structure", anchor=False)
    fractionation_inputs.show_ratios(view)
    tumor_time.show(view, schedule, asked)
    _show_export(view, asked)


def _show_table(view: DoseView, schedule: Schedule, asked: Conversion) -> None:
    name = asked.quantity
    st.subheader(f"Physical dose and {name} by structure", anchor=False)
    text = st.text_input(
        "Metrics", "mean, D2%, V20Gy", key="dose.fractionation.metrics", width=420,
        persist_state="page", help="The same words as in the section DVH.",
    )  # fmt: skip
    try:
        metrics = parse_metrics(text)
    except AbscopeError as problem:
        notices.error(problem)
        return
    effects = structure_effects(view.evaluations[0], schedule, asked, metrics)
    rows = [_row(effect, name) for effect in effects]
    numbers = [f"{m.name} ({m.unit})" for effect in effects[:1] for m in effect.metrics]
    st.dataframe(
        rows, hide_index=True, key="dose.fractionation.table", placeholder="", height="content",
        column_order=_columns(rows),
        column_config={"Structure": st.column_config.TextColumn(pinned=True)}
        | {name: st.column_config.NumberColumn(format="%.2f") for name in numbers},
    )  # fmt: skip
    _say(schedule, effects, name)


def _columns(rows: list[dict[str, object]]) -> list[str]:
    """Return the columns in order: LQ-L beside LQ, the notes last, and only where there are any."""
    fullest = max(rows, key=len, default={})
    return [n for n in fullest if n != "Note" or any(row[n] for row in rows)]


def _row(effect: StructureEffect, quantity: str) -> dict[str, object]:
    ratio = effect.ratio
    row: dict[str, object] = {
        "Structure": effect.item.name,
        "α/β (Gy)": _span(ratio.value_gy, ratio.low_gy, ratio.high_gy, ".3g"),
    }
    for metric in effect.metrics:
        row[f"{metric.name} ({metric.unit})"] = metric.physical
        row[f"{metric.name}, {quantity} ({metric.unit})"] = _effect_text(metric)
        if metric.lql is not None:
            row[f"{metric.name}, LQ-L ({metric.unit})"] = f"{metric.lql:.2f}"
    notes = [] if ratio.verified else ["α/β not verified"]
    if effect.item.dvh is not None and effect.item.dvh.partial:
        notes.append(f"grid covers {effect.item.dvh.coverage:.1%} only")
    row["Note"] = ", ".join(notes)
    return row


def _effect_text(metric: MetricEffect) -> str:
    if metric.effect is None or metric.low is None or metric.high is None:
        return ""
    return _span(metric.effect, metric.low, metric.high, ".2f")


def _span(value: float, low: float, high: float, form: str) -> str:
    text, ends = f"{value:{form}}", (f"{low:{form}}", f"{high:{form}}")
    return text if ends == (text, text) else f"{text} ({ends[0]} to {ends[1]})"


def _say(schedule: Schedule, effects: tuple[StructureEffect, ...], quantity: str) -> None:
    """Say what the numbers rest on, and where the model is not to be trusted."""
    steep = [e.item.name for e in effects if e.highest_per_fraction_gy > WARN_ABOVE_GY]
    if steep:
        highest = max(e.highest_per_fraction_gy for e in effects)
        st.warning(
            f"Up to {highest:.1f} Gy per fraction in {literal(', '.join(steep), 300)}. Above "
            f"{WARN_ABOVE_GY:g} Gy per fraction neither LQ nor LQ-L is established: do not compare "
            "with limits of conventional fractionation.",
            icon=":material/warning:",
        )
    lines = [
        f"{quantity} by the linear-quadratic model (LQ), plan A, {schedule.words()}. In brackets: "
        "over the range of α/β. Each structure is converted bin by bin, as a whole, with its own "
        f"α/β; the mean of {quantity} is not {quantity} of the mean dose.",
        f"The map in the viewer has the α/β of the structure at each place. {OVERLAP_RULE} It "
        "jumps where α/β changes. Helper structures without a known tissue are not on the map.",
    ]
    if any(e.has_band for e in effects):
        lines.append(
            f"Above {BAND_ABOVE_GY:g} Gy per fraction read LQ and LQ-L as the two ends of a band. "
            + LQL_NOTE
        )
    elif schedule.per_day > 1:
        lines.append(
            "LQ-L is not defined for several fractions a day. The repair half-time is not verified."
        )
    reasons = {m.reason for e in effects for m in e.metrics if m.reason}
    lines += [f"No value: {reason}" for reason in sorted(reasons)]
    st.caption("  \n".join(literal(line, 500) for line in lines))


def _show_export(view: DoseView, asked: Conversion) -> None:
    context, case, actor = runtime.context(), view.case, view.actor
    st.download_button(
        f"Export {asked.quantity} (RTDOSE)",
        data=lambda: export_rtdose(
            context, actor, case, view.dose_uid, conversion=asked,
            structure_set_uid=view.evaluations[0].structure_set.uid,
        ),
        file_name=f"{case.id}-{asked.quantity.lower()}.dcm",
        key="dose.fractionation.export",
        on_click="ignore",
        icon=":material/download:",
        help="The map as a DICOM dose of type EFFECTIVE. Its comments say fractions and α/β. Do "
        "not use it in place of a physical dose.",
    )  # fmt: skip
