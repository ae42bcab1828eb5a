"""Dose-volume histograms on screen: one readout for all curves at the cursor's dose.

Curves that are sampled at `abscope.figures.dvh_samples.common_doses` have their points in common,
so that the readout says every volume at one and the same dose. Others are read one by one.
"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from abscope.core.geometry import FloatArray
from abscope.figures.dvh import DvhBand, DvhFigure
from abscope.figures.palette import Theme, Tone
from abscope.figures.screen import base_figure, shade
from abscope.figures.text import for_plotly

#: Letters of a name in the readout.
SHORT = 28
_READOUT = {"light": ("#FFFFFF", "#16262E"), "dark": ("#1A262C", "#E4EDF0")}


def dvh(
    figure: DvhFigure, theme: Theme = "light", height_px: int = 460, marked_gy: float | None = None
) -> go.Figure:
    """Draw dose-volume histograms; hover tells the volumes of all curves at the cursor's dose.

    Parameters
    ----------
    figure : DvhFigure
    theme : {"light", "dark"}
    height_px : int
        In pixels.
    marked_gy : float, optional
        Dose of an upright line.
    """
    drawn = base_figure(height_px)
    unit = for_plotly(figure.value_unit)
    digits = ".1f" if figure.kind == "cumulative" else ".2f"
    tones = {curve.name: curve.tone for curve in figure.curves}
    together = _share_doses(figure)
    at = "" if together else "%{x:.1f} Gy, "
    for band in figure.bands:
        _add_band(drawn, band, tones.get(band.name), theme)
    for curve in figure.curves:
        name = for_plotly(curve.name)
        drawn.add_trace(
            go.Scatter(
                x=curve.dose_gy,
                y=curve.volume,
                mode="lines",
                name=name,
                legendgroup=name,
                line={"color": curve.tone.on(theme), "width": 2, "dash": curve.dash},
                hovertemplate=f"{for_plotly(curve.name, SHORT)}: {at}%{{y:{digits}}} {unit}"
                "<extra></extra>",
            )
        )
    if marked_gy is not None:
        drawn.add_vline(x=marked_gy, line={"color": "gray", "dash": "dot", "width": 1.5})
    paper, ink = _READOUT[theme]
    drawn.update_layout(
        hovermode="x unified" if together else "closest",
        hoverlabel={"bgcolor": paper, "bordercolor": "gray", "font": {"color": ink, "size": 12}},
    )
    drawn.update_xaxes(
        title=f"{for_plotly(figure.dose_label)} (Gy)",
        rangemode="tozero",
        unifiedhovertitle={"text": "At %{x:.2f} Gy"},
    )
    drawn.update_yaxes(title=for_plotly(figure.volume_label), range=[0, figure.max_volume * 1.02])
    return drawn


def _share_doses(figure: DvhFigure) -> bool:
    """Whether the points of all curves lie at the doses of the longest one."""
    longest = max((c.dose_gy for c in figure.curves), key=len, default=np.zeros(0))
    return all(np.array_equal(c.dose_gy, longest[: len(c.dose_gy)]) for c in figure.curves)


def add_picker(drawn: go.Figure, doses_gy: FloatArray) -> None:
    """Make a click anywhere in the drawing select the nearest of some doses (Gy), shape (n,).

    Lines cannot be selected by a click, so an unseen row of points along the axis can. Call it
    last: of points at the same dose, a click selects that of the last trace.
    """
    unseen = {"marker": {"opacity": 0}}
    drawn.add_trace(
        go.Scatter(
            x=np.asarray(doses_gy, dtype=np.float32),
            y=np.zeros(len(doses_gy), dtype=np.float32),
            mode="markers",
            marker={"opacity": 0, "size": 6},
            selected=unseen,
            unselected=unseen,
            hoverinfo="none",
            showlegend=False,
            name="dose",
        )
    )


def _add_band(drawn: go.Figure, band: DvhBand, tone: Tone | None, theme: Theme) -> None:
    color = shade(tone, theme, 0.25) if tone is not None else "rgba(128, 128, 128, 0.25)"
    for values, fill in ((band.low, None), (band.high, "tonexty")):
        drawn.add_trace(
            go.Scatter(
                x=band.dose_gy,
                y=values,
                mode="lines",
                line={"width": 0, "color": color},
                fill=fill,
                fillcolor=color,
                hoverinfo="skip",
                showlegend=False,
                legendgroup=for_plotly(band.name),
                name=for_plotly(band.name),
            )
        )
