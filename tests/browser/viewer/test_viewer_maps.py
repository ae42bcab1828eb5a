"""A line that Python asks for, and a map that is shown in place of the dose."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.viewer_scenes import gy_at, risk_at

pytestmark = pytest.mark.browser


def legend(viewer):
    return viewer.page.locator("[data-legend]").inner_text()


def test_a_line_asked_for_is_drawn_named_and_put_away(viewer):
    page, before = viewer.page, len(viewer.received)
    viewer.api("goto(0.5, 0.5, 0)")
    page.locator("[data-isodose]").uncheck()
    page.get_by_role("button", name="Isodose", exact=True).click()
    asked = page.locator("[data-asked]")
    expect(asked).to_contain_text("29 Gy (96.7 %)  D50% of Cylinder")
    state = viewer.state()
    assert state["dose"]["source"] == "dose_b"  # whose curve it is
    assert [level["gy"] for level in state["levels"] if level.get("asked")] == [29.0]
    assert sum(len(frame) for frame in viewer.received[before:]) < 50_000
    line = np.array(viewer.api("isodoseAt(29.0, 'axial')"))[:, :2]
    assert gy_at(np.column_stack([line, np.zeros(len(line))])) - 2 == pytest.approx(29, abs=5e-3)
    x = float(np.interp(12.5, *line[np.argsort(line[:, 1])].T[::-1]))
    assert min(viewer.color("axial", (x, 12.5, 0.0))) > 200  # white, though the other lines are off
    page.locator('[data-source="dose_a"]').click()
    page.get_by_role("button", name="Unrelated").click()
    viewer.api("redraw()")
    assert viewer.state()["dose"]["source"] == "dose_a"  # a rerun leaves the person's choice
    expect(asked).to_be_visible()
    page.locator("[data-asked-off]").click()
    expect(asked).to_have_count(0)
    page.get_by_role("button", name="No isodose").click()
    page.get_by_role("button", name="Isodose", exact=True).click()
    expect(asked).to_be_visible()
    page.get_by_role("button", name="No isodose").click()
    expect(asked).to_have_count(0)
    page.locator('[data-source="dose_a"]').click()
    page.locator("[data-isodose]").check()


def test_a_map_has_its_own_values_unit_scale_and_lines(viewer):
    viewer.choose("mapped")
    assert viewer.state()["dose"]["source"] == "map"
    assert viewer.page.locator('[data-source="map"]').inner_text() == "Risk per Gy"
    for mm in [(3.3, -8.1, 4.2), (-31.0, 12.4, -9.9)]:
        read = viewer.api(f"valueAt({mm[0]}, {mm[1]}, {mm[2]})")
        assert read["map"] == pytest.approx(risk_at(mm), abs=1e-7)
        assert read["gy_a"] == pytest.approx(gy_at(mm), abs=1e-3)
    viewer.api("goto(20.5, 0.5, 0)")
    viewer.page.mouse.move(5, 5)
    x, y, z = viewer.state()["mm"]
    assert f"Risk per Gy +{risk_at((x, y, z)):.5f} %/Gy   ·   " in viewer.readout()
    assert "34.1" in viewer.readout()  # Gy, the dose under it
    assert "+0.0005 %/Gy" in legend(viewer)
    assert "−0.0005 %/Gy" in legend(viewer)
    line = np.array(viewer.api("isodoseAt(0.0005, 'axial')"))[:, :2]
    assert risk_at(np.column_stack([line, np.full(len(line), z)])) == pytest.approx(5e-4, abs=1e-7)
    viewer.page.locator("[data-isodose]").uncheck()
    viewer.page.locator("[data-wash]").check()
    red, _, blue = viewer.color("axial", (40.0, -20.0, z))
    assert red > blue + 20  # above zero
    red, _, blue = viewer.color("axial", (-40.0, 30.0, z))
    assert blue > red + 20  # below zero
    viewer.page.locator("[data-isodose]").check()
    viewer.page.locator('[data-source="dose_a"]').click()
    assert "%/Gy" not in legend(viewer)
    viewer.choose("main")
    assert viewer.state()["dose"]["source"] == "dose_a"
