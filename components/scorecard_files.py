"""The clinic's own scorecards: read one from a file, with its errors by line; remove one."""

from __future__ import annotations

import streamlit as st

from abscope.core.errors import AbscopeError
from abscope.dose.scorecard_file import Problem, read_card
from abscope.workflows.context import Actor
from abscope.workflows.scorecards import Cards, add_card, remove_card, template
from components import notices, runtime, state
from components.safe import literal

#: Name under which the card that was just stored is kept until it has been named on screen.
_LAST = "dose.scorecard.stored"


def show(actor: Actor, cards: Cards) -> None:
    """Draw what was stored last, files that cannot be read, and the form for administrators."""
    if (name := state.recall(_LAST)) is not None:
        st.success(f"Stored: **{literal(name)}**.", icon=":material/check_circle:")
        state.remember(_LAST, None)
    for card_id, problems in cards.unreadable:
        st.warning(
            f"The stored scorecard **{literal(card_id)}** cannot be read by this version and is "
            "not applied.",
            icon=":material/warning:",
        )
        _listed(problems, f"dose.scorecard.unreadable.{card_id}")
    with st.expander("The clinic's own scorecards", icon=":material/upload_file:"):
        st.caption(
            "A scorecard is a text file (TOML). It is stored for all cases of this installation, "
            "whole or not at all; docs/scorecards.md describes its format."
        )
        st.download_button(
            "Download a template", template, "scorecard-template.toml", "application/toml",
            icon=":material/download:", key="dose.scorecard.template", on_click="ignore",
        )  # fmt: skip
        if "admin" not in actor.roles:
            st.caption("An administrator of this server can add scorecards.")
            return
        _add(actor, cards)
        _own(actor, cards)


def _add(actor: Actor, cards: Cards) -> None:
    file = st.file_uploader("Scorecard file", ["toml"], key="dose.scorecard.file")
    if file is None:
        return
    data = file.getvalue()
    card, problems = read_card(data)
    if card is None:
        number = f"{len(problems)} error{'s' if len(problems) != 1 else ''}"
        st.error(f"Nothing is stored: the file has {number}.", icon=":material/error:")
        _listed(problems, "dose.scorecard.problems")
        return
    if any(stored.sha256 == card.sha256 for stored in cards.cards):
        st.caption(":material/check_circle: This file is stored.")
        return
    taken = any(stored.id == card.id for stored in cards.cards if stored.origin == "clinic")
    st.markdown(f"**{literal(card.name)}**: {len(card.rows)} rows, for {card.scheme}.")
    if st.button("Replace the stored one" if taken else "Store", key="dose.scorecard.store"):
        try:
            add_card(runtime.context(), actor, data)
        except AbscopeError as problem:
            notices.error(problem)
        else:
            state.remember(_LAST, card.name)
            st.rerun()


def _own(actor: Actor, cards: Cards) -> None:
    own = {card.id: card.name for card in cards.cards if card.origin == "clinic"}
    own |= {card_id: card_id for card_id, _ in cards.unreadable}
    for card_id, name in own.items():
        left, right = st.columns([4, 1], vertical_alignment="center")
        left.markdown(literal(name))
        if right.button("Remove", key=f"dose.scorecard.remove.{card_id}", width="stretch"):
            try:
                remove_card(runtime.context(), actor, card_id)
            except AbscopeError as problem:
                notices.error(problem)
            else:
                st.rerun()


def _listed(problems: tuple[Problem, ...], key: str) -> None:
    st.dataframe(
        [
            {"Line": p.line, "What is wrong": p.what, "There": p.found, "Expected": p.expected}
            for p in problems
        ],
        hide_index=True, height="content", placeholder="", key=key,
        column_config={
            "Line": st.column_config.NumberColumn(width="small"),
            "Expected": st.column_config.TextColumn(width="large"),
        },
    )  # fmt: skip
