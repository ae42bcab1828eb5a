"""The viewer's numbers against the engine's, in all eight patient positions and for PET and MR."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from abscope.core.geometry import canonical
from abscope.core.resample import sample_at
from abscope.core.structures import slabs_of
from tests.browser.viewer_page import grey, read_at
from tests.browser.viewer_scenes import (
    OFF_CENTRE_MM,
    OFF_CENTRE_RADIUS_MM,
    fused_scene,
    gy_at,
    hu_at,
    mr_scene,
    orientation_scene,
    pet_scene,
    suv_at,
)
from tests.phantoms import ORIENTATIONS

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def turned(viewer):
    """The page, showing the patient positions and other scenes one after the other."""
    return viewer


@pytest.fixture(scope="module", params=ORIENTATIONS)
def position(turned, request):
    """A patient position, shown; pytest runs both tests of one before it shows the next."""
    turned.choose(request.param)
    return request.param


def test_values_are_the_engines_in_every_patient_position(turned, position):
    scene = orientation_scene(position)
    image, dose = canonical(scene.image), canonical(scene.dose)
    low = image.grid.origin_mm - 2.0
    high = image.grid.to_mm([np.array(image.grid.shape_zyx) - 1])[0] + 2.0
    points = np.random.default_rng(3).uniform(low, high, (200, 3))
    hu, gy = read_at(turned, points, "hu"), read_at(turned, points, "gy")
    np.testing.assert_allclose(hu, sample_at(image, points), atol=1e-3)
    np.testing.assert_allclose(gy, sample_at(dose, points), atol=1e-3)
    np.testing.assert_allclose(gy, sample_at(scene.dose, points), atol=1e-3)
    inside = np.isfinite(hu)
    assert 50 < inside.sum() < 200
    np.testing.assert_allclose(hu[inside], hu_at(points[inside]), atol=0.51)


def test_letters_contours_and_places_are_the_patients_in_every_position(turned, position):
    scene, (x, y), radius = orientation_scene(position), OFF_CENTRE_MM, OFF_CENTRE_RADIUS_MM
    roi, grid = scene.structures[0].roi, canonical(scene.image).grid
    slabs = slabs_of(roi, None, grid.plane_spacing_mm)
    letters = {
        name: turned.page.locator(f'[data-pane="{name}"] .abv-letter').all_text_contents()
        for name in ("axial", "coronal", "sagittal")
    }
    assert letters == {"axial": list("ALPR"), "coronal": list("HLFR"), "sagittal": list("HPFA")}
    z_mm = float(grid.origin_mm[2] + grid.plane_offsets_mm[3])
    turned.api(f"goto({x}, {y}, {z_mm})")
    turned.api("redraw()")
    assert turned.state()["mm"][2] == pytest.approx(z_mm, abs=1e-6)
    place = turned.page.locator('[data-pane="axial"] .abv-place').text_content()
    assert place == f"z {z_mm:.1f} mm   4 / {grid.shape_zyx[0]}"
    ring = np.array(turned.api("contourAt(0, 'axial')")[0]).reshape(-1, 2)
    np.testing.assert_allclose(np.hypot(*(ring - [x, y]).T), radius, atol=1e-4)
    for name, axis, middle in (("coronal", 1, x), ("sagittal", 0, y)):
        rects = np.array(turned.api(f"contourAt(0, '{name}')")["rects"])
        at = turned.state()["mm"][axis] - (y if axis == 1 else x)
        half = np.sqrt(radius**2 - at**2)
        ends = [[middle - half, middle + half, s.low_mm, s.high_mm] for s in slabs]
        np.testing.assert_allclose(rects, ends, atol=0.02)
    turned.page.locator("[data-wash]").uncheck()
    turned.page.locator("[data-isodose]").uncheck()
    for direction in (0.7, 2.5, 4.0):
        at = (x + radius * np.cos(direction), y + radius * np.sin(direction), z_mm)
        red, green, blue = turned.color("axial", at, reach=2)
        assert min(red, blue) - green > 80, direction


def test_hovering_reads_hu_and_gy_under_the_pointer(viewer):
    viewer.choose("main")
    mm = (12.0, -7.5, 0.0)
    viewer.api("goto(0.5, 0.5, 0)")
    viewer.page.mouse.move(*viewer.at("axial", mm))
    text = viewer.readout()
    x, y, z = viewer.cursor_mm()
    assert (x, y, z) == pytest.approx(mm, abs=1.0)  # a whole pixel
    shown_gy = float(re.search(r"([\d.]+) Gy", text)[1])
    assert shown_gy == pytest.approx(gy_at((x, y, z)), abs=0.05)
    assert "0 HU" in text
    viewer.page.mouse.move(*viewer.at("axial", (-100.0, 0.0, 0.0)))
    assert "no dose here" in viewer.readout()


def test_suv_under_the_cursor_of_a_pet_is_the_engines(turned):
    volume = pet_scene().image
    points = np.random.default_rng(4).uniform((-45, -42, -34), (42, 38, 30), (200, 3))
    shown = turned
    shown.choose("pet")
    suv = read_at(shown, points, "image")
    np.testing.assert_allclose(suv, sample_at(volume, points), atol=1e-3)
    assert 50 < np.isfinite(suv).sum() < 200
    assert np.isnan(read_at(shown, points, "hu")).all()
    mm = (10.5, -3.5, 2.5)
    shown.api("goto(0, 0, 2.5)")
    shown.page.mouse.move(*shown.at("axial", mm))
    found = float(re.search(r"([\d.]+) g/mL SUV", shown.readout())[1])
    assert found == pytest.approx(suv_at(shown.cursor_mm()), abs=0.02)
    assert "HU" not in shown.readout()
    presets = shown.page.locator(".abv-seg[aria-label='Window presets'] button")
    assert presets.all_text_contents() == ["PET 0-10 SUV", "PET 0-5 SUV", "PET 0-20 SUV"]
    assert (shown.state()["width"], shown.state()["level"]) == (10, 5)
    presets.nth(1).click()
    assert (shown.state()["width"], shown.state()["level"]) == (5, 2.5)
    presets.nth(2).click()  # inverse grey: high is dark
    assert max(shown.color("axial", (30, -30, 2.5))) < min(shown.color("axial", (-35, 30, 2.5)))


def test_a_pet_over_the_ct_gives_hu_and_suv_under_the_cursor(turned):
    scene = fused_scene()
    points = np.random.default_rng(6).uniform((-45, -42, -34), (42, 38, 30), (200, 3))
    shown = turned
    shown.choose("fused")
    suv, hu = read_at(shown, points, "pet"), read_at(shown, points, "hu")
    np.testing.assert_allclose(suv, sample_at(scene.pet, points), atol=1e-3)
    np.testing.assert_allclose(hu, sample_at(scene.image, points), atol=1e-3)
    shown.api("goto(0, 0, 3)")
    shown.page.mouse.move(*shown.at("axial", (10, -3, 3)))
    text, mm = shown.readout(), shown.cursor_mm()
    assert float(re.search(r"([\d.]+) g/mL SUV", text)[1]) == pytest.approx(suv_at(mm), abs=0.02)
    assert re.search(r"\d HU", text)
    shown.page.mouse.move(5, 5)
    assert not grey(shown.color("axial", (20, -20, 3)))
    shown.page.locator("[data-pet]").uncheck()
    assert grey(shown.color("axial", (20, -20, 3)))
    shown.page.locator("[data-pet]").check()
    assert not grey(shown.color("coronal", (20, 0, 10)))


def test_an_mr_has_a_window_of_its_own_numbers_and_no_unit(turned):
    scene = mr_scene()
    shown = turned
    shown.choose("mr")
    points = np.array([[5.0, -8.0, 108.0], [0.0, 0.0, 104.5]])
    values = read_at(shown, points, "image")
    np.testing.assert_allclose(values, sample_at(scene.image, points), atol=0.01)
    state = shown.state()
    low, high = np.quantile(scene.image.array_zyx, [0.005, 0.995])
    assert state["level"] - state["width"] / 2 == pytest.approx(low, abs=2)
    assert state["width"] == pytest.approx(high - low, abs=3)
    assert "HU" not in shown.readout()


#: Keeps what arrives after the head away from the viewer until `arrive` is called.
HELD_BACK = """
const all = (kind, name) => class extends kind {
    [name](...a) { return globalThis.let_go ? super[name](...a) : [].values(); } };
globalThis.__abscopeParts = {
    parts: new (all(Map, "values"))(), listeners: new (all(Set, Symbol.iterator))() };
globalThis.arrive = () => {
    globalThis.let_go = true;
    for (const part of __abscopeParts.parts.values())
        for (const tell of __abscopeParts.listeners) tell(part);
};
"""


def test_a_dose_that_has_not_arrived_is_loading_not_missing(chromium, viewer_address):
    page = chromium.new_page(viewport={"width": 1000, "height": 800})
    page.add_init_script(HELD_BACK)
    page.goto(viewer_address)
    page.wait_for_selector(".abv[data-ready]")
    page.wait_for_function("globalThis.__abscopeParts.parts.size > 2")
    readout = page.locator("[data-readout]")
    expect(readout).to_contain_text("dose loading")
    assert "no dose here" not in readout.text_content()
    progress = page.locator(".abv-progress")
    expect(progress).to_contain_text("loading full resolution")
    root = page.locator(".abv")
    api = "(root) => root.__abscope."
    assert root.evaluate(api + "valueAt(3, 4, 5)")["gy"] is None
    assert root.evaluate(api + "isodoseAt(28.5, 'axial')") == []
    assert root.evaluate(api + "valueAt(0, 0, 0)")["hu"] == 0  # the overview is there at once
    page.evaluate("arrive()")
    page.wait_for_selector(".abv[data-full]")
    expect(readout).to_contain_text(" Gy")
    gy = root.evaluate(api + "valueAt(3, 4, 5)")["gy"]
    assert gy == pytest.approx(gy_at((3, 4, 5)), abs=2e-3)
    expect(progress).to_be_empty()
    page.close()
