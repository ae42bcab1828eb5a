"""The figure of a plan's DVH beside its estimate."""

from __future__ import annotations

import numpy as np

from abscope.figures.dvh import dvh_curve
from abscope.figures.palette import BLUE
from abscope.figures.screen_achievable import EstimatedCurve, estimated_dvh


def test_plan_is_solid_and_the_estimate_dashed_in_its_band():
    dose = np.linspace(0.0, 60.0, 121)
    middle = np.clip(100 - 2.5 * dose, 0, None)
    band = np.stack([0.9 * middle, middle, np.minimum(1.1 * middle, 100)])
    plan = dvh_curve("<b>Heart</b>", dose, np.clip(100 - 2 * dose, 0, None), BLUE)
    curve = EstimatedCurve(plan=plan, dose_gy=dose, volume_percent=band)
    shaded, solid, dashed = estimated_dvh([curve], "light").data
    assert (solid.line.dash, dashed.line.dash, shaded.fill) == (None, "dash", "toself")
    assert "estimate" in dashed.name
    assert "<b>" not in solid.name
    kept = len(dashed.x)
    assert dashed.x[-1] == 40.0  # where the band ends
    assert list(shaded.y[:kept]) == list(band[2][:kept])
    assert list(shaded.y[kept:]) == list(band[0][:kept][::-1])
