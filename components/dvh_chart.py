"""The drawing of a dose-volume histogram: curves of one or two plans, bands, a line to pick."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from abscope.core.geometry import FloatArray
from abscope.figures import screen_dvh
from abscope.figures.dvh import DvhBand, DvhCurve, Kind, VolumeUnit, dvh_figure
from abscope.figures.dvh_samples import common_doses, drawn_doses, drawn_volumes
from abscope.figures.text import for_plotly
from abscope.workflows.dose_evaluation import DoseEvaluation, StructureDose
from components import charts

#: Height of the drawing in CSS pixels.
HEIGHT_PX = 430


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is drawn, and in which unit; `marked_gy` is the dose of an upright line."""

    shown: frozenset[str]
    unit: VolumeUnit = "%"
    kind: Kind = "cumulative"
    marked_gy: float | None = None


class Spread(Protocol):
    """How far the curve of a structure may be off."""

    @property
    def name(self) -> str:
        """Name of the structure."""

    @property
    def plan(self) -> int:
        """Number of the plan, from 0."""

    def volumes(self, doses_gy: FloatArray, unit: VolumeUnit) -> tuple[FloatArray, FloatArray]:
        """Return lowest and highest volume at or above each dose, shapes (n,)."""


def figure(
    evaluations: Sequence[DoseEvaluation], look: Look, bands: Sequence[Spread] = ()
) -> tuple[Any, FloatArray]:
    """Return the Plotly figure, and the doses (Gy) that a click on it can pick.

    The second plan's curves are dashed in the color of the first.
    """
    items = [
        (number, item)
        for number, evaluation in enumerate(evaluations)
        for item in evaluation.structures
        if item.dvh is not None and item.name in look.shown
    ]
    plans = len(evaluations)
    doses = common_doses(
        max((float(i.dvh.bin_edges_gy[-1]) for _, i in items if i.dvh), default=1.0)
    )
    curves = [_curve(item, number, _label(item.name, number, plans), doses, look)
              for number, item in items]  # fmt: skip
    drawn = screen_dvh.dvh(
        dvh_figure(
            curves, look.unit, kind=look.kind,
            bands=[_band(b, _label(b.name, b.plan, plans), doses, look.unit) for b in bands
                   if look.kind == "cumulative" and b.name in look.shown],
        ),
        charts.theme(), height_px=HEIGHT_PX, marked_gy=look.marked_gy,
    )  # fmt: skip
    drawn.update_layout(
        legend={"orientation": "h", "yanchor": "top", "y": -0.2, "x": 0}, margin={"t": 10}
    )
    if plans > 1:
        _plan_legend(drawn, {_label(i.name, n, plans): i.name for n, i in items})
    picked = drawn_doses(doses, look.kind)
    screen_dvh.add_picker(drawn, picked)
    return drawn, picked


def _label(name: str, plan: int, plans: int) -> str:
    return name if plans == 1 else f"{name} ({'AB'[plan]})"


def _curve(item: StructureDose, plan: int, label: str, doses: FloatArray, look: Look) -> DvhCurve:
    assert item.dvh is not None
    values = drawn_volumes(
        item.dvh.volumes_at_least(doses), doses, look.kind, look.unit, item.dvh.covered_volume_cm3
    )
    drawn = np.flatnonzero(values > 0)
    end = min(int(drawn[-1]) + 2, len(values)) if drawn.size else 1
    return DvhCurve(
        name=label,
        dose_gy=drawn_doses(doses, look.kind)[:end].astype(np.float32),
        volume=values[:end].astype(np.float32),
        tone=charts.tone_of(item),
        dash="dash" if plan else "solid",
    )


def _band(spread: Spread, label: str, doses: FloatArray, unit: VolumeUnit) -> DvhBand:
    low, high = spread.volumes(doses, unit)
    return DvhBand(
        name=label,
        dose_gy=doses.astype(np.float32),
        low=low.astype(np.float32),
        high=high.astype(np.float32),
    )


def _plan_legend(drawn: Any, names: Mapping[str, str]) -> None:
    """Name each structure once, and say which plan is solid and which is dashed."""
    plain = {for_plotly(label): for_plotly(name) for label, name in names.items()}
    seen: set[str] = set()
    for trace in drawn.data:
        name = plain[trace.name]
        curve = trace.hoverinfo != "skip"  # not a band
        trace.update(legendgroup=name, showlegend=curve and name not in seen, name=name)
        if curve:
            seen.add(name)
    for label, dash in (("Plan A: solid", "solid"), ("Plan B: dashed", "dash")):
        drawn.add_scatter(
            x=[None], y=[None], mode="lines", name=label, line={"color": "gray", "dash": dash}
        )
