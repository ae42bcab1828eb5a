"""Agreement of two structures along the patient, on screen."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from abscope.contour.compare_planes import PlaneAgreement
from abscope.figures.palette import BLUE, GRAY, VERMILION, Theme
from abscope.figures.screen import base_figure


def agreement(
    planes: Sequence[PlaneAgreement], theme: Theme = "light", height_px: int = 420
) -> go.Figure:
    """Draw Dice, areas (cm2) and largest distance (mm) of each plane over its position (mm).

    The first structure is solid and the second dashed, as in the viewer.
    """
    drawn = base_figure(height_px)
    x = [round(p.offset_mm, 2) for p in planes]
    lines = (
        ("Dice", [p.dice for p in planes], "y", BLUE, "solid", ".2f", ""),
        ("Area, first", [p.area_a_cm2 for p in planes], "y2", GRAY, "solid", ".1f", " cm²"),
        ("Area, second", [p.area_b_cm2 for p in planes], "y2", GRAY, "dash", ".1f", " cm²"),
        ("Largest distance", [p.distance_mm for p in planes], "y3", VERMILION, "solid", ".1f",
         " mm"),
    )  # fmt: skip
    for name, values, axis, tone, dash, form, unit in lines:
        drawn.add_trace(
            go.Scatter(
                x=x,
                y=values,
                yaxis=axis,
                name=name,
                mode="lines+markers",
                marker={"size": 4},
                line={"color": tone.on(theme), "width": 2, "dash": dash},
                hovertemplate=f"{name} at %{{x:.1f}} mm: %{{y:{form}}}{unit}<extra></extra>",
            )
        )
    grid = drawn.layout.yaxis.gridcolor
    drawn.update_layout(
        xaxis={"title": "Position along the patient (mm)", "anchor": "y3"},
        yaxis={"title": "Dice", "domain": [0.70, 1.0], "range": [0, 1.05]},
        yaxis2={"title": "Area (cm²)", "domain": [0.36, 0.64], "gridcolor": grid,
                "rangemode": "tozero", "automargin": True, "anchor": "x"},
        yaxis3={"title": "Distance (mm)", "domain": [0.0, 0.30], "gridcolor": grid,
                "rangemode": "tozero", "automargin": True, "anchor": "x"},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        hovermode="closest",
    )  # fmt: skip
    return drawn
