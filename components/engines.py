"""Which engine draws, and what: the list of engines with what each needs, may and cannot do."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import streamlit as st

from abscope.contour.engine import ContourEngine
from components.safe import literal


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the person chose to have drawn.

    Parameters
    ----------
    engine : str
        Its id.
    structures : tuple of str
        TG-263 names.
    ready : bool
        Whether it can run here and something is left to draw.
    """

    engine: str
    structures: tuple[str, ...]
    ready: bool


def choose(engines: Sequence[ContourEngine], key: str) -> Choice | None:
    """Draw the choice of an engine and of its structures; None when there is no engine.

    Engines that grow from a point are left out: the viewer's “Pick seed” starts those.

    Parameters
    ----------
    engines : sequence of ContourEngine
        The first is chosen to begin with.
    key : str
        Start of the widgets' keys: ``<key>.engine``, ``<key>.wanted.<engine id>``.
    """
    offered = {e.card.id: e for e in engines if not e.card.needs_seed}
    if not offered:
        return None
    lacking = {id: engine.missing() for id, engine in offered.items()}

    def label(id: str) -> str:
        return offered[id].card.title + (" (not ready)" if lacking[id] else "")

    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        chosen = str(
            st.selectbox(
                "Engine",
                list(offered),
                format_func=label,
                key=f"{key}.engine",
                persist_state="page",
                help="The program that draws. Those that are not ready say what they need.",
            )
        )
    engine, needs = offered.get(chosen, next(iter(offered.values()))), lacking.get(chosen, ())
    with right:
        about(engine)
    if needs:
        st.warning(literal(" ".join(needs), 900), icon=":material/block:")
    wanted: list[str] = []
    if engine.card.structures:
        wanted = st.multiselect(
            "Structures to draw",
            engine.card.structures,
            default=list(engine.card.default_structures),
            key=f"{key}.wanted.{engine.card.id}",
            disabled=bool(needs),
            persist_state="page",
        )
    return Choice(engine=engine.card.id, structures=tuple(wanted), ready=bool(wanted) and not needs)


def about(engine: ContourEngine) -> None:
    """Draw a button that opens what an engine does, its licence and its limits."""
    with st.popover("About", icon=":material/info:", width="stretch"):
        _card(engine)


def _card(engine: ContourEngine) -> None:
    """Draw an engine's card; its texts may come from a file, so they are shown literally."""
    card = engine.card
    st.markdown(f"**{literal(card.title)}** · {literal(card.id)} {literal(card.version)}")
    st.markdown(literal(card.description, 900))
    if card.structures:
        st.markdown("**Structures:** " + literal(", ".join(card.structures), 900))
    st.markdown("**What it cannot do**")
    st.markdown("\n".join(f"- {literal(limit, 400)}" for limit in card.limits))
    st.caption(f"License: {literal(card.licence, 400)}")


def overview(engines: Sequence[ContourEngine], key: str) -> None:
    """Draw all engines in one table, ready or not and why, and the card of a chosen one."""
    lacking = {e.card.id: e.missing() for e in engines}
    st.dataframe(
        [
            {
                "Engine": e.card.title,
                "Ready": not lacking[e.card.id],
                "What it needs": " ".join(lacking[e.card.id]),
                "Structures": len(e.card.structures),
                "Version": e.card.version,
                "Id": e.card.id,
            }
            for e in engines
        ],
        hide_index=True,
        key=key,
        height="content",
        placeholder="",
        column_config={
            "What it needs": st.column_config.TextColumn(width="large"),
            "Structures": st.column_config.NumberColumn(help="How many structures it can draw"),
        },
    )
    cards = {e.card.id: e for e in engines}
    chosen = st.selectbox(
        "Card of", list(cards), format_func=lambda i: cards[i].card.title, key=f"{key}.card"
    )
    with st.container(border=True):
        _card(cards[str(chosen)])
        if lacking[str(chosen)]:
            st.warning(literal(" ".join(lacking[str(chosen)]), 900), icon=":material/block:")
        else:
            st.badge("Ready", color="green", icon=":material/check:")
