"""What the viewer draws, and where, read back from its canvases."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.viewer_page import grey
from tests.browser.viewer_scenes import DOUBT, EVIL, RADIUS_MM, gy_at

pytestmark = pytest.mark.browser


def test_bright_ball_on_the_patients_right_front_and_head_side(viewer):
    viewer.api("goto(-80, -50, 30)")
    for name, left, upper in (("axial", 1, 1), ("coronal", 1, 1), ("sagittal", 1, 1)):
        box = viewer.pane(name).bounding_box()
        x, y = viewer.at(name, (-80, -50, 30))
        assert (x < box["x"] + box["width"] / 2) == bool(left), name
        assert (y < box["y"] + box["height"] / 2) == bool(upper), name
        assert min(viewer.color(name, (-74, -44, 36))) > 240, name
        assert max(viewer.color(name, (80, 50, -30))) < 150, name


def test_polygons_and_sections_lie_where_the_cylinder_is(viewer):
    viewer.api("goto(0.5, 12.5, 0)")
    ring = np.array(viewer.api("contourAt(0, 'axial')")[0]).reshape(-1, 2)
    np.testing.assert_allclose(np.hypot(*ring.T), RADIUS_MM, atol=1e-4)
    section = viewer.api("contourAt(0, 'coronal')")
    half = np.sqrt(RADIUS_MM**2 - 12.5**2)
    rects = np.array(section["rects"])
    np.testing.assert_allclose(rects[:, :2], [[-half, half]] * len(rects), atol=0.01)
    assert (rects[:, 2].min(), rects[:, 3].max()) == (-31.5, 28.5)
    assert len(section["lines"]) == 1  # one closed outline, nothing between touching slabs
    corners = np.array(section["lines"][0]).reshape(-1, 2)
    np.testing.assert_allclose(np.ptp(corners, axis=0), [2 * half, 60.0], atol=0.02)
    viewer.api("goto(0.5, 0.5, 36)")
    assert viewer.api("contourAt(0, 'axial')") == []


def test_corners_left_out_of_a_path_cannot_be_seen(viewer):
    viewer.api("goto(0.5, 0.5, 0)")
    ring = np.array(viewer.api("contourAt(0, 'axial')")[0]).reshape(-1, 2)
    wanted = [viewer.api(f"pixelOf('axial', {x}, {y}, 0)") for x, y in ring[::10]]
    path = np.array(viewer.api("pathOf(0)")[0])  # one device pixel is one CSS pixel here
    assert 8 < len(path) < len(ring) / 10
    start, step = path, np.roll(path, -1, axis=0) - path
    for point in wanted:
        along = np.clip(((point - start) * step).sum(1) / (step**2).sum(1), 0, 1)
        assert np.linalg.norm(start + along[:, None] * step - point, axis=1).min() < 0.16


def test_a_pane_is_drawn_again_only_where_its_plane_changes(viewer):
    viewer.api("goto(0.5, 0.5, 0)")
    viewer.api("redraw()")
    before = viewer.state()["painted"]
    viewer.api("goto(0.5, 0.5, 6)")
    viewer.root.evaluate("() => new Promise((done) => setTimeout(done, 60))")
    after = viewer.state()["painted"]
    assert [a - b for a, b in zip(after, before, strict=True)] == [1, 0, 0, 0]
    x, y = viewer.at("coronal", (-60.0, 0.5, 6.0))  # the crosshair moved there, too
    box = viewer.pane("coronal").bounding_box()
    rows = viewer.root.evaluate(
        """(root, [x, y]) => [-1, 0, 1].map((d) => [...root.querySelector(
        '[data-pane="coronal"] canvas').getContext('2d').getImageData(x, y + d, 1, 1).data])""",
        [x - box["x"], y - box["y"]],
    )
    assert any(red - blue > 60 for red, _, blue, _ in rows)


def test_toggles_show_and_hide(viewer):
    viewer.api("goto(0.5, 0.5, 0)")
    viewer.page.mouse.move(5, 5)
    wash, isodose = viewer.page.locator("[data-wash]"), viewer.page.locator("[data-isodose]")
    wash.uncheck()
    isodose.uncheck()
    at = (RADIUS_MM * np.cos(2.0), RADIUS_MM * np.sin(2.0), 0.0)
    red, green, blue = viewer.color("axial", at, reach=2)
    assert min(red, blue) - green > 80
    box = viewer.page.locator('[data-structure="0"]')
    box.uncheck()
    assert grey(viewer.color("axial", at, reach=2))
    box.check()
    inside = (25.0, 5.0, 0.0)
    assert grey(viewer.color("axial", inside))
    viewer.page.locator("[data-fill]").check()
    assert not grey(viewer.color("axial", inside))
    viewer.page.locator("[data-fill]").uncheck()
    wash.check()
    assert not grey(viewer.color("axial", inside))
    isodose.check()


def test_nothing_is_drawn_outside_the_dose_grid(viewer):
    viewer.page.locator("[data-isodose]").uncheck()
    viewer.api("goto(0.5, 0.5, 0)")
    for inside, outside in (((-50, 30, 0), (-53.5, 30, 0)), ((40, 38, 0), (40, 41.5, 0))):
        assert not grey(viewer.color("axial", inside)), inside
        assert grey(viewer.color("axial", outside)), outside
    assert not grey(viewer.color("coronal", (40, 0.5, 34)))
    assert grey(viewer.color("coronal", (40, 0.5, 38)))
    viewer.page.locator("[data-isodose]").check()


def test_isodose_lines_lie_where_the_gradient_says(viewer):
    viewer.api("goto(0.5, 0.5, 0)")
    viewer.api("redraw()")
    for name, fixed in (("axial", 2), ("coronal", 1), ("sagittal", 0)):
        lines = np.array(viewer.api(f"isodoseAt(28.5, '{name}')"))
        assert len(lines) > 5, name
        ends = np.concatenate([lines[:, :2], lines[:, 2:]])
        mm = np.insert(ends, fixed, viewer.state()["mm"][fixed], axis=1)
        np.testing.assert_allclose(gy_at(mm), 28.5, atol=2e-3, err_msg=name)
    labels = [level["label"] for level in viewer.state()["levels"]]
    assert labels[0] == "105 %  31.5 Gy"
    shown = viewer.page.locator("[data-legend] .abv-level").all_text_contents()
    assert shown == labels


def test_levels_can_be_typed_in_gray(viewer):
    viewer.page.locator("[data-unit]").select_option("Gy")
    viewer.page.locator("[data-levels]").fill("20, 35; 10 nonsense")
    viewer.page.locator("[data-levels]").press("Tab")
    shown = viewer.page.locator("[data-legend] .abv-level").all_text_contents()
    assert shown == ["35 Gy", "20 Gy", "10 Gy"]
    viewer.page.locator("[data-unit]").select_option("%")
    assert viewer.page.locator("[data-legend] .abv-level").count() == 6


def test_difference_of_two_plans(viewer):
    viewer.api("goto(0.5, 0.5, 0)")
    viewer.page.locator('[data-source="difference"]').click()
    assert viewer.api("valueAt(3, 4, 5)")["gy"] == pytest.approx(2.0, abs=2e-3)
    viewer.page.mouse.move(5, 5)
    viewer.api("redraw()")
    assert "Δ +2.00 Gy" in viewer.readout()
    viewer.page.locator('[data-source="dose_b"]').click()
    assert viewer.api("valueAt(3, 4, 5)")["gy"] == pytest.approx(gy_at((3, 4, 5)) - 2, abs=2e-3)
    viewer.page.locator('[data-source="dose_a"]').click()


def test_names_from_files_are_text(viewer):
    assert viewer.page.locator(".abv-text").all_text_contents() == ["Cylinder", EVIL]
    assert viewer.page.evaluate("globalThis.pwned") is None
    assert viewer.page.locator(".abv img").count() == 0


def test_long_names_wrap_and_are_not_cut_off(viewer):
    name = viewer.page.locator(".abv-text").first
    before = name.text_content()
    name.evaluate("(e) => { e.textContent = 'GTV_Click_Tighter_' + 'x'.repeat(60); }")
    overflow = name.evaluate("(e) => getComputedStyle(e).textOverflow")
    height = name.evaluate("(e) => e.getBoundingClientRect().height")
    fits = name.evaluate("(e) => e.scrollWidth <= e.clientWidth + 1")
    name.evaluate("(e, text) => { e.textContent = text; }", before)
    assert overflow == "clip"
    assert height > 30
    assert fits


RING = (RADIUS_MM * np.cos(2.0), RADIUS_MM * np.sin(2.0), 0.0)


def test_each_structure_has_a_color_line_and_fill_of_its_own(viewer):
    page = viewer.page
    viewer.api("goto(0.5, 0.5, 0)")
    page.mouse.move(5, 5)
    for box in ("[data-wash]", "[data-isodose]"):
        page.locator(box).uncheck()
    page.locator('[data-look="0"]').click()
    page.locator('[data-color="0"]').fill("#00ff00")
    red, green, blue = viewer.color("axial", RING, reach=2)
    assert green - max(red, blue) > 80
    page.locator('[data-fill-of="0"]').select_option("yes")
    between = (25.0, 5.0, 0.0)  # in the first cylinder, outside the second
    assert not grey(viewer.color("axial", between))
    assert viewer.state()["styles"][1]["fill"] is None
    page.locator("[data-fill]").check()
    page.locator('[data-fill-of="0"]').select_option("no")
    assert grey(viewer.color("axial", between))
    assert not grey(viewer.color("axial", (5.0, 5.0, 0.0)))  # the second follows the switch
    page.locator("[data-fill]").uncheck()
    page.locator('[data-line="0"]').select_option("none")
    assert grey(viewer.color("axial", RING, reach=2))
    page.locator('[data-line="0"]').select_option("dotted")
    page.get_by_text("Other structures").click()
    expect(page.locator(".abv-text")).to_have_count(1)
    kept = {"color": "#00ff00", "line": "dotted", "fill": False}
    assert viewer.state()["styles"] == [kept]  # a choice outlives the scene
    page.get_by_text("Other structures").click()
    expect(page.locator(".abv-text")).to_have_count(2)


def gaps(viewer, name, radius):
    """Return the share of a circle on the axial plane where no line is."""
    angles = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    colors = [
        viewer.color(name, (radius * np.cos(a), radius * np.sin(a), 0.0), reach=0)
        for a in angles[::4]
    ]
    return np.mean([grey(c) for c in colors])


def test_people_draw_solid_and_engines_dashed_and_the_legend_says_so(viewer):
    viewer.choose("pairs")
    viewer.api("goto(60.5, 60.5, 0)")  # no crosshair near
    viewer.page.mouse.move(5, 5)
    heads = viewer.page.locator(".abv-list h4").all_text_contents()
    assert heads == ["Clinicalsolid", "Autodashed"]
    expect(viewer.page.locator("[data-convention]")).to_have_text(
        "Solid: drawn by people. Dashed: drawn by an engine."
    )
    assert gaps(viewer, "axial", 30.0) < 0.1
    assert 0.2 < gaps(viewer, "axial", 24.0) < 0.6


def test_solo_shows_one_organ_of_every_set_and_gives_the_others_back(viewer):
    viewer.choose("pairs")
    viewer.api("goto(60.5, 60.5, 0)")  # no crosshair near
    viewer.page.mouse.move(5, 5)
    cord = (4.24, 4.24, 0.0)
    assert not grey(viewer.color("axial", cord, reach=2))
    viewer.page.locator('[data-structure="2"]').uncheck()
    viewer.page.locator('[data-solo="0"]').click()
    assert grey(viewer.color("axial", cord, reach=2))
    assert gaps(viewer, "axial", 24.0) < 0.6  # the other set's heart too, hidden or not
    expect(viewer.page.locator(".abv-solo-note")).to_contain_text("Only heart clin is shown.")
    viewer.page.locator("[data-solo-off]").click()
    assert not grey(viewer.color("axial", cord, reach=2))
    assert viewer.state()["visible"] == [True, True, False, True]
    viewer.page.locator('[data-structure="2"]').check()


def test_two_sets_side_by_side_on_one_linked_slice(viewer):
    viewer.choose("pairs")
    page = viewer.page
    page.get_by_role("button", name="Side by side").click()
    expect(viewer.pane("coronal")).to_be_hidden()
    viewer.api("goto(60.5, 60.5, 0)")  # no crosshair near
    page.mouse.move(5, 5)
    clinical, automatic = (4.24, 4.24, 0.0), (6.36, 6.36, 0.0)
    drawn = {
        name: [not grey(viewer.color(name, mm, reach=1)) for mm in (clinical, automatic)]
        for name in ("axial", "compare")
    }
    assert drawn == {"axial": [True, False], "compare": [False, True]}
    assert not grey(viewer.color("axial", (30.0, 0.0, 0.0), reach=2))
    assert grey(viewer.color("compare", (30.0, 0.0, 0.0), reach=2))
    page.mouse.move(*viewer.at("compare", (10.0, 10.0, 0.0)))
    page.mouse.wheel(0, -100)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    views = viewer.state()["panes"]
    assert views[0] == views[3]
    assert views[0]["zoom"] > 1.2
    places = page.locator(".abv-axial .abv-place, .abv-compare .abv-place").all_text_contents()
    assert places[0] == places[1]
    assert places[0].startswith("z 3.0 mm")
    page.locator('[data-side="0"]').select_option("Auto")
    viewer.api("goto(60.5, 60.5, 0)")  # no crosshair near
    assert grey(viewer.color("axial", (30.0, 0.0, 0.0), reach=2))
    viewer.choose("main")  # two plans: a plan a side
    page.mouse.move(*viewer.at("compare", (10.0, 10.0, 0.0)))
    text, gy = viewer.readout(), gy_at(viewer.cursor_mm())
    sides = [float(v) for v in re.findall(r"Plan [AB] ([\d.]+) Gy", text)]
    assert sides == pytest.approx([gy, gy - 2.0], abs=0.02)
    fields = [np.array(viewer.api(f"isodoseAt(28.5, '{n}')"))[:, :2] for n in ("axial", "compare")]
    for xy, expected in zip(fields, (28.5, 30.5), strict=True):
        mm = np.insert(xy, 2, viewer.state()["mm"][2], axis=1)
        np.testing.assert_allclose(gy_at(mm), expected, atol=2e-3)
    page.get_by_role("button", name="Three planes").click()
    page.get_by_role("button", name="Reset view").click()


def test_doubt_of_an_engine_is_marked_with_its_reason(viewer):
    viewer.choose("main")
    doubts = viewer.page.locator("[data-doubt]")
    expect(doubts).to_have_count(1)
    expect(doubts).to_have_attribute("title", f"Low confidence 0.31: {DOUBT}")
    doubts.click()
    expect(viewer.page.locator('[data-style="1"] .abv-reason')).to_have_text(
        f"Low confidence 0.31: {DOUBT}"
    )
    doubts.click()
