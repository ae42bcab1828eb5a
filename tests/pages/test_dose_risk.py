"""The lung-risk section: derivative of the model's estimate, and what it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from abscope.core.errors import RefusedError
from abscope.predict.model import Feature
from abscope.workflows.features import case_features
from abscope.workflows.lung_risk import lung_risk

DEMO = "demonstration"


def test_slope_and_parts_are_those_of_the_model(home, context):
    case = context.cases.get(DEMO)
    found = lung_risk(context, case)
    features, _ = case_features(context, case)
    model = context.models.get(found.card.id)
    mean = float(features["mld_iso35_gy"].value)

    def risk(gray: float) -> float:
        named = {k: features[k] for k in features}
        moved = dataclasses.replace(features, items_by_name=named | {
            "mld_iso35_gy": Feature(name="mld_iso35_gy", value=gray, unit="Gy")
        })  # fmt: skip
        return model.predict(moved).probability or 0.0

    wanted = (risk(mean + 0.01) - risk(mean - 0.01)) / 0.02
    assert found.slope.per_gy == pytest.approx(wanted, rel=1e-4)
    low, high = found.slope.interval
    assert low < found.slope.per_gy < high
    assert sum(p.mean_iso_gy for p in found.parts) == pytest.approx(mean, rel=0.03)
    values = found.volume.array_zyx
    assert np.isfinite(values).any()
    assert np.nanmin(values) > 0


def test_section_shows_the_table(page):
    shown = page("dose", DEMO).choose("dose.section", "Lung risk")
    table = shown.table("Part", "Points per Gy")
    assert next(iter(table["Part"])) == "Left lung, upper third"
    assert "Research use only. Not for clinical decisions." in shown.words()
    assert shown.at.exception == []


def test_missing_inputs_are_named(home, context):
    with pytest.raises(RefusedError) as caught:
        lung_risk(context, context.cases.get("planned"))
    assert caught.value.code == "lung-risk-lungs"


def test_section_says_what_is_missing(page):
    shown = page("dose", "planned").choose("dose.section", "Lung risk")
    assert "has no lungs" in shown.words()
    assert shown.at.exception == []
