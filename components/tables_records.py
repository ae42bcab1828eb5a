"""Tables of what is kept: scenarios, board packs, models, engines, jobs, audit rows."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from abscope.core.ports import Job
from abscope.predict.registry import Registry
from abscope.store.audit import AuditRow
from abscope.store.documents import Document
from components import navigation
from components.words import short_title


def scenarios(documents: Sequence[Document]) -> None:
    """Draw the saved scenarios."""
    if not documents:
        return
    st.subheader("Saved scenarios", anchor=False)
    st.dataframe(
        [
            {
                "Name": d.content.get("name", ""),
                "Dose (Gy)": (d.content.get("scenario") or {}).get("total_dose_gy"),
                "Fractions": (d.content.get("scenario") or {}).get("fractions"),
                "Saved (UTC)": d.created[:16].replace("T", " "),
            }
            for d in documents
        ],
        hide_index=True,
        key="what_if.saved",
        placeholder="",
        column_config={"Dose (Gy)": st.column_config.NumberColumn(format="%.1f")},
    )
    navigation.link("board", "Put a scenario on the slides")


def choose_scenario(documents: Sequence[Document], key: str) -> str | None:
    """Return the id of the scenario for the slides, None when there is none."""
    if not documents:
        return None
    names = {d.id: f"{d.content.get('name', '')} ({d.created[:10]})" for d in documents}
    return str(st.selectbox("Scenario", list(names), format_func=names.__getitem__, key=key))


def board_history(documents: Sequence[Document]) -> None:
    """Draw which files were made, with what they rest on."""
    if not documents:
        return
    st.subheader("Made before", anchor=False)
    st.dataframe(
        [
            {
                "Made (UTC)": d.created[:16].replace("T", " "),
                "Form": {"pptx": "Slides", "pdf": "PDF"}.get(str(d.content.get("form")), ""),
                "Names": "hidden" if d.content.get("names_hidden") else "shown",
                "Data": str(d.content.get("data_hash", ""))[:12],
                "Models": ", ".join(d.content.get("models", [])),
            }
            for d in documents
        ],
        hide_index=True,
        key="board.history",
        placeholder="",
        column_config={
            "Data": st.column_config.TextColumn(
                help="Start of the hash over all data that the pages rest on"
            )
        },
    )


def model_cards(models: Registry) -> None:
    """Draw the list of models and the card text of the chosen one."""
    cards = {m.card.id: m.card for m in models}
    st.dataframe(
        [
            {
                "Model": short_title(c),
                "Endpoint": c.endpoint,
                "Patients": c.n_training,
                "Version": c.version,
                "Id": c.id,
            }
            for c in cards.values()
        ],
        hide_index=True,
        key="admin.models",
        height="content",
        placeholder="",
        column_config={
            "Endpoint": st.column_config.TextColumn(width="medium"),
            "Patients": st.column_config.NumberColumn(help="Patients the model was made from"),
        },
    )
    chosen = st.selectbox(
        "Card of", list(cards), format_func=lambda i: cards[i].title, key="admin.card"
    )
    with st.container(border=True):
        st.markdown(models.card_text(str(chosen)).replace("# ", "### ", 1))


def job_rows(jobs: Sequence[Job]) -> None:
    """Draw the background jobs, newest first."""
    if not jobs:
        st.info("No background job has run yet.")
        return
    st.dataframe(
        [
            {
                "Job": j.id,
                "Case": j.case_id,
                "What": j.function.rpartition(":")[2],
                "State": "cancelling" if j.is_being_cancelled else j.state,
                "Progress": j.progress,
                "Message": j.error or j.message,
                "Updated": j.updated[:19].replace("T", " "),
            }
            for j in jobs
        ],
        hide_index=True,
        key="admin.jobs",
        placeholder="",
        column_config={"Progress": st.column_config.ProgressColumn(min_value=0, max_value=1)},
    )


def audit_rows(rows: Sequence[AuditRow]) -> None:
    """Draw the newest audit rows."""
    st.dataframe(
        [
            {
                "No.": r.sequence,
                "Time (UTC)": r.time[:19].replace("T", " "),
                "Who": r.actor,
                "What": r.action,
                "Case": r.case_id,
                "Detail": r.detail,
            }
            for r in rows
        ],
        hide_index=True,
        key="admin.audit",
        placeholder="",
    )
