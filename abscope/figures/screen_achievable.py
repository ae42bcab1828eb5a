"""A plan's DVH beside the estimate of what similar anatomy got: line, dashed median, band."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import plotly.graph_objects as go

from abscope.core.geometry import FloatArray
from abscope.figures.dvh import DvhCurve
from abscope.figures.palette import Theme
from abscope.figures.screen import base_figure, shade
from abscope.figures.text import for_plotly


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EstimatedCurve:
    """One organ.

    Parameters
    ----------
    plan : DvhCurve
        As it is, volume in per cent.
    dose_gy : ndarray, shape (n,)
    volume_percent : ndarray, shape (3, n)
        Estimated: 10th percentile, median, 90th.
    """

    plan: DvhCurve
    dose_gy: FloatArray
    volume_percent: FloatArray


def estimated_dvh(
    curves: Sequence[EstimatedCurve], theme: Theme, height_px: int = 430
) -> go.Figure:
    """Draw the plan's DVHs solid, the estimates dashed in a band from 10 to 90 %."""
    drawn = base_figure(height_px)
    widest = 1.0
    for curve in curves:
        name, tone = for_plotly(curve.plan.name), curve.plan.tone
        low, middle, high = curve.volume_percent
        kept = slice(0, int((high > 0.05).sum()) + 1)
        dose = curve.dose_gy[kept]
        widest = max(widest, float(dose[-1]), float(curve.plan.dose_gy[-1]))
        drawn.add_scatter(
            x=[*dose, *dose[::-1]], y=[*high[kept], *low[kept][::-1]], fill="toself",
            fillcolor=shade(tone, theme, 0.18), line={"width": 0}, hoverinfo="skip",
            legendgroup=name, showlegend=False, mode="lines",
        )  # fmt: skip
        drawn.add_scatter(
            x=curve.plan.dose_gy, y=curve.plan.volume, mode="lines", name=f"{name}: this plan",
            line={"color": tone.on(theme), "width": 2}, legendgroup=name,
            hovertemplate=f"{name}, this plan<br>%{{x:.1f}} Gy: %{{y:.1f}} %<extra></extra>",
        )  # fmt: skip
        drawn.add_scatter(
            x=dose, y=middle[kept], mode="lines", name=f"{name}: estimate, 10-90 %",
            line={"color": tone.on(theme), "width": 2, "dash": "dash"}, legendgroup=name,
            customdata=list(zip(low[kept], high[kept], strict=True)),
            hovertemplate=f"{name}, estimate<br>%{{x:.1f}} Gy: %{{y:.1f}} % "
            "(%{customdata[0]:.1f} to %{customdata[1]:.1f} %)<extra></extra>",
        )  # fmt: skip
    drawn.update_xaxes(title="Physical dose (Gy)", range=[0, widest * 1.02])
    drawn.update_yaxes(title="Volume (%)", range=[0, 102])
    drawn.update_layout(
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0}, margin={"t": 10}
    )
    return drawn
