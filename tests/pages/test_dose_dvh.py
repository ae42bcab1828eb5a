"""The DVH section of the dose page: curves, the picked isodose, metrics."""

from __future__ import annotations

import dataclasses
import json

import pytest

from abscope.core.stored_dvh import StoredDvh
from abscope.workflows.stored_dvh import STORED_DVH
from components.dose_metrics import DEFAULT
from tests.pages.conftest import ACTOR

DEMO = "demonstration"


def _drawing(shown) -> dict:
    return json.loads(shown.widget("dose.dvh").proto.spec)


def _line(shown) -> str:
    return str(shown.widget("dose.viewer.wish").proto)


def test_readout_differential_isodose_and_hints(page):
    """One visit to the section, as each page run takes seconds."""
    shown = page("dose", DEMO)
    drawn = _drawing(shown)
    assert drawn["layout"]["hovermode"] == "x unified"
    assert drawn["layout"]["yaxis"]["title"]["text"] == "Volume (%)"
    assert drawn["data"][-1]["name"] == "dose", "a click selects a point of the last trace"
    assert "from the DVH" not in _line(shown)
    assert shown.widget("dose.metrics").value == DEFAULT

    shown.widget("dose.kind").set_value("Differential")
    shown.widget("dose.isodose").set_value(20.0)
    shown.choose("dose.metrics", "mean, V2")
    assert _drawing(shown)["layout"]["yaxis"]["title"]["text"] == "Volume per gray (%/Gy)"
    assert _drawing(shown)["layout"]["shapes"][0]["x0"] == pytest.approx(20.0)
    assert "from the DVH" in _line(shown)
    assert "Did you mean V2Gy or V2%Rx?" in shown.words()
    shown.widget("dose.isodose.clear").click()
    shown.choose("dose.metrics.hint", "V20Gy")
    assert shown.widget("dose.metrics").value == "mean, V20Gy"
    assert "from the DVH" not in _line(shown)
    shown.choose("dose.metrics.add", "D2cm3")
    assert shown.widget("dose.metrics").value == "mean, V20Gy, D2cm3"
    assert shown.has_table("Structure", "D2cm3 (Gy)")


def test_a_band_is_drawn_and_gives_metrics_a_range(page):
    shown = page("dose", DEMO)
    assert "came without stored DVHs" in shown.words()
    assert shown.has("dose.export.curves")
    assert not shown.has_table("Metric", "Lowest", "Highest")
    curves = len(_drawing(shown)["data"])
    shown.choose("dose.band", "Lungs-GTV")
    assert "size of a usual error of contouring" in shown.words()
    assert len(_drawing(shown)["data"]) == curves + 2
    contour = shown.table("Metric", "Lowest", "Highest")
    shown.choose("dose.band.cause", "Dose grid")
    assert "every second voxel" in shown.words()
    grid = shown.table("Metric", "Lowest", "Highest")
    for table in (contour, grid):
        assert (table["Lowest"] <= table["Value"] + 1e-9).all()
        assert (table["Value"] <= table["Highest"] + 1e-9).all()


def test_stored_dvhs_stand_beside_ours_with_what_differs(page, context):
    dose = context.cases.get("planned").doses[0]
    stored = StoredDvh(
        roi_number=1, volume_cm3=1000.0, min_gy=1.0, max_gy=60.0, mean_gy=20.0,
        dose_gy=(0.0, 60.0), volume=(1000.0, 0.0),
    )  # fmt: skip
    content = {"dose_uid": dose.uid, "dvhs": [dataclasses.asdict(stored)]}
    context.documents.add("planned", STORED_DVH, content, ACTOR.entry("edit", "planned"))
    shown = page("dose", "planned")
    (row,) = shown.table("Structure", "Differs in").to_dict("records")
    assert row["Differs in"] == "volume and mean"
    assert row["Volume stored (cm³)"] == 1000.0
    assert "No reason is known" in shown.words()
