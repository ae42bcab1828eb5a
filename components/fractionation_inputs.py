"""Inputs of the section "Fractionation": alpha/beta by structure, and fractions on one day.

The ratios are kept for the session only. The map in the viewer is made before the table is drawn,
so what was edited is read from the table's own state.
"""

from __future__ import annotations

import json

import streamlit as st

from abscope.dose.alpha_beta import LATE_TISSUE
from abscope.dose.eqd2_map import Quantity
from abscope.workflows.alpha_betas import HIGHEST_GY, LOWEST_GY, AlphaBetas, ChosenRatio
from abscope.workflows.fractionation import Conversion
from components import state
from components.dose_view import DoseView

EQD2, BED, PHYSICAL = "EQD2", "BED", "Physical dose"
#: Key of the choice of what the viewer shows.
SHOWN = "dose.fractionation.shown"
_PER_DAY, _INTERVAL = "dose.fractionation.per_day", "dose.fractionation.interval"
_HALF_TIME = "dose.fractionation.half_time"
_VALUE, _LOW, _HIGH = "α/β (Gy)", "Low (Gy)", "High (Gy)"
_OTHER = "Everything else"
_HALF_TIME_HELP = (
    "Half-time in which tissue repairs the damage of a fraction. The number is from memory, not "
    "verified: late-reacting tissue takes longer than tumors, 1.5 to 4 h and more."
)

Row = dict[str, object]


def quantity() -> Quantity:
    """Return what the table converts to: that of the viewer, EQD2 while it shows the dose."""
    return "BED" if state.component_state(SHOWN) == BED else "EQD2"


def conversion(view: DoseView, *, for_map: bool = False) -> Conversion:
    """Return what is chosen now; raises InputError for a ratio that is not plausible.

    For the map the ranges are left out, which do not change it.
    """
    rows = _now(view)
    defaults = _defaults(view)
    chosen = tuple(
        ChosenRatio(
            name=str(row["Structure"]),
            value_gy=_number(row, _VALUE),
            low_gy=None if for_map else _number(row, _LOW),
            high_gy=None if for_map else _number(row, _HIGH),
        )
        for row, default in zip(rows[:-1], defaults[:-1], strict=True)
        if any(row[c] != default[c] for c in ((_VALUE,) if for_map else (_VALUE, _LOW, _HIGH)))
    )
    betas = AlphaBetas(chosen=chosen, other_gy=_number(rows[-1], _VALUE), families=False)
    return Conversion(
        quantity=quantity(),
        betas=betas,
        per_day=int(_stated(_PER_DAY, 1)),
        interval_hours=_stated(_INTERVAL, 6.0),
        half_time_hours=_stated(_HALF_TIME, 1.5),
    )


def show_shown() -> None:
    """Draw the choice of what the viewer shows, and of the fractions on one day."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Shown in the viewer", [EQD2, BED, PHYSICAL], default=EQD2, required=True, key=SHOWN,
            persist_state="page",
        )  # fmt: skip
        per_day = st.selectbox(
            "Fractions a day", [1, 2, 3], key=_PER_DAY, width=130, persist_state="page",
            help="With several fractions on one day part of the damage is not repaired in between.",
        )  # fmt: skip
        if per_day > 1:
            st.number_input(
                "Hours between them", 1.0, 12.0, 6.0, 0.5, key=_INTERVAL, width=150,
                persist_state="page",
            )  # fmt: skip
            st.number_input(
                "Repair half-time (h)", 0.2, 10.0, 1.5, 0.1, key=_HALF_TIME, width=160,
                persist_state="page", help=_HALF_TIME_HELP,
            )  # fmt: skip


def show_ratios(view: DoseView) -> None:
    """Draw the table in which the ratios are edited."""
    key = _editor(view)
    if not state.is_drawn(key):
        state.remember(_base_name(view), json.dumps(_numbers(_now(view))))
    rows = _with(_defaults(view), _stored(_base_name(view)))
    edited = st.data_editor(
        rows,
        hide_index=True,
        key=key,
        disabled=["Structure", "Effect", "Source"],
        column_config={
            name: st.column_config.NumberColumn(
                format="%g", min_value=LOWEST_GY, max_value=HIGHEST_GY, required=True, step=0.1
            )
            for name in (_VALUE, _LOW, _HIGH)
        },
        placeholder="",
        height="content",
    )
    state.remember(_values_name(view), json.dumps(_numbers(edited)))
    st.caption(
        "Low and high are the range over which the numbers in brackets go; the ranges offered are "
        "from memory, not verified. These ratios hold for "
        "this session and are not stored with the case; files and sums that are made here say "
        "which ratios they have."
    )


def _now(view: DoseView) -> list[Row]:
    """Return the rows as the person sees them."""
    key, defaults = _editor(view), _defaults(view)
    if not state.is_drawn(key):
        return _with(defaults, _stored(_values_name(view)))
    rows = _with(defaults, _stored(_base_name(view)))
    said = state.component_state(key)
    changes = said.get("edited_rows", {}) if isinstance(said, dict) else {}
    for place, cells in changes.items():
        if int(place) < len(rows):
            known = {n: v for n, v in cells.items() if n in (_VALUE, _LOW, _HIGH) and v is not None}
            rows[int(place)] |= known
    return rows


def _defaults(view: DoseView) -> list[Row]:
    """Return a row a structure that has a DVH, and one for everything else."""
    betas = AlphaBetas()
    rows: list[Row] = []
    names = {}
    for item in view.evaluations[0].structures:
        if item.dvh is not None:
            names.setdefault(item.name, betas.ratio(item.name, item.standard_name))
    for name, ratio in [*names.items(), (_OTHER, LATE_TISSUE)]:
        rows.append(
            {
                "Structure": name,
                _VALUE: ratio.value_gy,
                _LOW: ratio.low_gy,
                _HIGH: ratio.high_gy,
                "Effect": ratio.endpoint,
                "Source": ratio.source.partition(" (")[0],
            }
        )
    return rows


def _with(rows: list[Row], numbers: list[list[float]] | None) -> list[Row]:
    if numbers is None or len(numbers) != len(rows):
        return [dict(row) for row in rows]
    return [
        row
        | dict(zip((_VALUE, _LOW, _HIGH), own, strict=True))
        | ({} if _numbers([row]) == [own] else {"Source": "chosen by the user"})
        for row, own in zip(rows, numbers, strict=True)
    ]


def _numbers(rows: list[Row]) -> list[list[float]]:
    return [[_number(row, name) for name in (_VALUE, _LOW, _HIGH)] for row in rows]


def _number(row: Row, name: str) -> float:
    return float(str(row[name]))


def _stated(key: str, default: float) -> float:
    said = state.component_state(key)
    return float(said) if isinstance(said, int | float) else default


def _stored(name: str) -> list[list[float]] | None:
    text = state.recall(name)
    return json.loads(text) if text else None


def _editor(view: DoseView) -> str:
    return f"dose.fractionation.ratios.{view.case.id}.{view.evaluations[0].structure_set.uid[-16:]}"


def _base_name(view: DoseView) -> str:
    return f"{_editor(view)}.base"


def _values_name(view: DoseView) -> str:
    return f"{_editor(view)}.values"
