"""The treatments of a case: a table, and a form that adds, changes and removes one."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json

import streamlit as st

from abscope.core.case import Case
from abscope.core.treatments import FIELDS, KINDS, MAX_AGENT, MAX_NOTE, Treatment
from components import state

_FIRST, _LAST = datetime.date(1950, 1, 1), datetime.date(2100, 12, 31)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What a person asked for: fields of a new or changed treatment, or its removal.

    ``seen`` is the treatment as it was on the screen, None for a new one.
    """

    fields: dict[str, object]
    seen: Treatment | None
    remove: bool = False


def table(case: Case) -> None:
    """Draw the entered treatments and those of the clinical facts by date."""
    rows = [
        {
            "Kind": KINDS[t.kind],
            "Agent or course": t.agent,
            "Start": t.start,
            "End": t.end or ("" if t.kind == "surgery" else "one day or open"),
            "Source": "entered here",
            "Note": t.note,
        }
        for t in case.treatments
    ]
    rows = sorted([*rows, *_of_facts(case)], key=lambda row: row["Start"] or row["End"])
    if not rows:
        st.caption("No treatment is known yet: enter one here, or dates in the clinical facts.")
        return
    st.dataframe(
        rows,
        hide_index=True,
        key="labs.treatments",
        height="content",
        placeholder="",
    )


def _of_facts(case: Case) -> list[dict[str, str]]:
    """Return the courses that the clinical facts know, which are changed there."""
    facts = case.facts
    courses = (
        ("rt", "", facts.text("rt_start"), facts.text("rt_end")),
        ("ici", facts.text("ici_agent"), facts.text("ici_start"), ""),
    )
    return [
        {
            "Kind": KINDS[kind],
            "Agent or course": agent or "",
            "Start": start or "",
            "End": end or "",
            "Source": "from clinical facts",
            "Note": "",
        }
        for kind, agent, start, end in courses
        if start or end
    ]


def form(case: Case) -> Entered | None:
    """Draw the form; return what was asked for when a button was pressed, None otherwise.

    It keeps to the treatment as it was first drawn, whatever others store meanwhile.
    """
    names = {"": "A new treatment"} | {t.id: f"{t.start} {t.label}" for t in case.treatments}
    chosen = st.selectbox(
        "Add or change", list(names), 0, format_func=names.__getitem__, key="labs.treatment.which"
    )
    stored = next((t for t in case.treatments if t.id == chosen), None)
    seen = _seen(case, stored)
    key = f"labs.treatment.{case.id}.{_mark(seen)}.{case.version if seen is None else ''}"
    with st.form("labs.treatment.form", border=True):
        fields = _fields(seen, key)
        with st.container(horizontal=True):
            saved = st.form_submit_button(
                "Add" if seen is None else "Save", type="primary", key="labs.treatment.save"
            )
            removed = seen is not None and st.form_submit_button(
                "Remove", key="labs.treatment.remove", icon=":material/delete:"
            )
    if not saved and not removed:
        return None
    return Entered(fields=fields, seen=seen, remove=removed)


def done(case: Case, entered: Entered) -> None:
    """Let the form be drawn afresh from what is stored."""
    if entered.seen is not None:
        state.remember(_seen_name(case, entered.seen.id), None)


def conflict(case: Case, entered: Entered) -> None:
    """Draw the stored treatment beside the person's own entry, so that nothing is lost."""
    assert entered.seen is not None
    stored = next((t for t in case.treatments if t.id == entered.seen.id), None)
    st.dataframe(
        [
            {
                "Field": words,
                "Stored now": "removed" if stored is None else str(getattr(stored, name)),
                "Yours": "removed" if entered.remove else str(entered.fields[name] or ""),
            }
            for name, words in FIELDS.items()
        ],
        hide_index=True,
        key="labs.treatment.conflict",
        placeholder="",
    )
    done(case, entered)


def _fields(seen: Treatment | None, key: str) -> dict[str, object]:
    kinds = list(KINDS)
    columns = (*st.columns(2), *st.columns([1, 1, 2]))
    return {
        "kind": columns[0].selectbox(
            "Kind", kinds, kinds.index(seen.kind) if seen else None, key=f"{key}.kind",
            format_func=KINDS.__getitem__, placeholder="choose",
        ),
        "agent": columns[1].text_input(
            "Agent or course", seen.agent if seen else "", key=f"{key}.agent", max_chars=MAX_AGENT,
            placeholder="durvalumab; cisplatin and etoposide; 60 Gy in 30",
        ),
        "start": columns[2].date_input(
            "Start", _day(seen.start) if seen else None, _FIRST, _LAST, key=f"{key}.start",
            format="YYYY-MM-DD",
        ),
        "end": columns[3].date_input(
            "End", _day(seen.end) if seen else None, _FIRST, _LAST, key=f"{key}.end",
            format="YYYY-MM-DD", help="Leave empty for a single day, or while it goes on.",
        ),
        "note": columns[4].text_input(
            "Note", seen.note if seen else "", key=f"{key}.note", max_chars=MAX_NOTE
        ),
    }  # fmt: skip


def _seen(case: Case, stored: Treatment | None) -> Treatment | None:
    if stored is None:
        return None
    name = _seen_name(case, stored.id)
    text = state.recall(name)
    if text is None:
        state.remember(name, json.dumps(dataclasses.asdict(stored)))
        return stored
    return Treatment(**json.loads(text))


def _seen_name(case: Case, treatment_id: str) -> str:
    return f"labs.treatment.{case.id}.{treatment_id}"


def _mark(seen: Treatment | None) -> str:
    """Return a word that differs for each content, so that a new one gets fresh widgets."""
    if seen is None:
        return "new"
    return hashlib.sha256(json.dumps(dataclasses.asdict(seen)).encode()).hexdigest()[:12]


def _day(text: str) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if text else None
