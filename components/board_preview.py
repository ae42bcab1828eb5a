"""What the five board pages hold, drawn from the same pack that the files are written from."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from abscope.figures import screen, screen_dvh, screen_time
from abscope.figures.risk import domain_words
from abscope.figures.wording import difference, estimate_text, number
from abscope.report.pack import BoardPack
from components import charts, notices
from components.safe import literal

PAGES = ("1 Case", "2 Images", "3 DVH", "4 Estimates", "5 What-if")


def draw(pack: BoardPack, page: str) -> None:
    """Draw one page of `PAGES`."""
    parts: tuple[Callable[[BoardPack], None], ...] = (_case, _images, _dvh, _estimates, _what_if)
    with st.container(border=True):
        st.markdown(f"**{literal(pack.title)}** &ensp; {literal(pack.patient.line)}")
        parts[PAGES.index(page)](pack)
        st.caption(literal(pack.provenance.line, 400))


def _case(pack: BoardPack) -> None:
    st.dataframe(
        [{"Fact": line.label, "Value": line.text} for line in pack.lines], hide_index=True,
        key="board.lines", height="content",
    )  # fmt: skip
    for finding in pack.findings:
        st.markdown(f":material/warning: {literal(finding.message, 400)}")


def _images(pack: BoardPack) -> None:
    if pack.slices_missing:
        st.info(literal(pack.slices_missing, 400))
    for place, view in zip(st.columns(max(1, len(pack.slices))), pack.slices, strict=False):
        with place:
            drawn = screen_time.slice_view(view, height_px=330)
            drawn.update_layout(showlegend=False)
            drawn.update_xaxes(title=None, showticklabels=False)
            drawn.update_yaxes(title=None, showticklabels=False)
            charts.draw(drawn, f"board.slice.{view.caption}", view.caption)


def _dvh(pack: BoardPack) -> None:
    if pack.dvh is None:
        st.info(literal(pack.dose_missing, 400))
        return
    charts.draw(screen_dvh.dvh(pack.dvh, charts.theme(), 360), "board.dvh", "DVH of the slides")
    st.dataframe(
        [
            {
                "Structure": row.structure,
                "Metric": row.metric,
                "Value": number(row.value, row.unit),
                "Note": row.note,
            }
            for row in pack.metrics
        ],
        hide_index=True,
        key="board.metrics",
    )


def _estimates(pack: BoardPack) -> None:
    notices.research_use()
    st.dataframe(
        [
            {
                "Estimate": row.label,
                "As printed": f"no estimate: {row.withheld_reason}"
                if row.withheld
                else estimate_text(
                    row.probability, row.interval, row.level, row.interval_reason, row.reason
                ),
                "Population": domain_words(row.domain),
            }
            for row in pack.predictions
        ],
        hide_index=True,
        key="board.estimates",
        height="content",
    )
    for figure in pack.waterfalls:
        charts.draw(
            screen.waterfall(figure, charts.theme()), f"board.waterfall.{figure.model}",
            figure.summary,
        )  # fmt: skip


def _what_if(pack: BoardPack) -> None:
    if pack.scenario is None:
        st.info(literal(pack.scenario_missing, 400))
        return
    notices.research_use()
    st.markdown(f"**{literal(pack.scenario.name)}**")
    for text in (*pack.scenario.refusals, *pack.scenario.notes):
        st.caption(literal(text, 400))
    st.dataframe(
        [
            {
                "Quantity": row.metric,
                "Delivered": number(row.delivered, row.unit),
                "Scenario": number(row.scenario, row.unit),
                "Difference": difference(row.difference, row.unit),
                "Note": row.note,
            }
            for row in pack.scenario.rows
        ],
        hide_index=True,
        key="board.scenario_rows",
        height="content",
    )
