"""The viewer in Chromium against the engine's numbers and an analytic phantom.

HU and dose are linear in x, y and z, so trilinear interpolation is exact; structures are cylinders.
"""

from __future__ import annotations

import dataclasses
import re
import time

import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright

from abscope.core.geometry import Grid, Volume, canonical
from abscope.core.resample import sample_at
from abscope.core.structures import Contour, Roi
from benchmarks.viewer import CHROMIUM, serve
from components.viewer.scene import Scene, SceneStructure, pack

pytestmark = pytest.mark.browser

#: Row and column directions of ImageOrientationPatient for each patient position.
POSITIONS = {
    "HFS": ((1, 0, 0), (0, 1, 0)), "HFP": ((-1, 0, 0), (0, -1, 0)),
    "HFDR": ((0, -1, 0), (1, 0, 0)), "HFDL": ((0, 1, 0), (-1, 0, 0)),
    "FFS": ((-1, 0, 0), (0, 1, 0)), "FFP": ((1, 0, 0), (0, -1, 0)),
    "FFDR": ((0, -1, 0), (-1, 0, 0)), "FFDL": ((0, 1, 0), (1, 0, 0)),
}  # fmt: skip
HU_PER_MM = np.array([2.0, -3.0, 1.0])
GY_PER_MM = np.array([0.2, 0.05, -0.1])
RADIUS_MM = 30.0
EVIL = "<img src=x onerror=\"globalThis.pwned=1\"> & 'GTV'"


def hu_at(mm):
    return np.asarray(mm) @ HU_PER_MM + 40


def gy_at(mm):
    return np.asarray(mm) @ GY_PER_MM + 30


def turned_grid(position, shape, spacing, centre, offsets=None):
    """Return a grid in the orientation of a patient position whose middle lies at `centre`."""
    row, column = (np.array(v, dtype=float) for v in POSITIONS[position])
    axes = np.stack([row, column, np.cross(row, column)])
    offsets = np.arange(shape[0]) * spacing[0] if offsets is None else np.asarray(offsets, float)
    half = np.array([(shape[2] - 1) * spacing[2], (shape[1] - 1) * spacing[1], offsets[-1]]) / 2
    return Grid(
        origin_mm=np.asarray(centre) - half @ axes,
        axes=axes,
        spacing_yx_mm=(spacing[1], spacing[2]),
        plane_offsets_mm=offsets,
        size_yx=shape[1:],
    )


def filled(grid, function, unit, dtype):
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape_zyx), indexing="ij"), axis=-1)
    values = function(grid.to_mm(index.reshape(-1, 3))).reshape(grid.shape_zyx)
    values = np.rint(values) if dtype == np.int16 else values
    return Volume(array_zyx=values.astype(dtype), grid=grid, unit=unit)


def cylinder(z_all, radius=RADIUS_MM, x=0.0, y=0.0):
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    ring = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)
    return tuple(Contour(points_mm=np.column_stack([ring, np.full(720, z)])) for z in z_all)


def orientation_scene(position):
    offsets = [0, 3, 6, 12, 15, 17, 20, 23] if position in ("HFP", "FFDL") else None
    image = turned_grid(position, (8, 24, 30), (3.0, 2.0, 2.5), (5.0, -8.0, 100.0), offsets)
    dose = turned_grid(position, (6, 12, 10), (3.5, 3.0, 4.0), (6.3, -7.1, 98.9))
    return Scene(
        image=filled(image, hu_at, "HU", np.int16), dose=filled(dose, gy_at, "Gy", np.float32)
    )


def suv_at(mm):
    return np.asarray(mm) @ np.array([0.02, -0.01, 0.03]) + 6.0


PET_GRID = Grid.regular(
    origin_mm=(-40.3, -38.1, -30.2), spacing_zyx_mm=(3.27, 4.7, 4.7), shape_zyx=(18, 16, 17)
)


def pet_scene():
    return Scene(image=filled(PET_GRID, suv_at, "g/mL", np.float32))


def fused_scene():
    image = Grid.regular(
        origin_mm=(-39.5, -39.5, -30), spacing_zyx_mm=(3, 1, 1), shape_zyx=(20, 80, 80)
    )
    return Scene(
        image=filled(image, hu_at, "HU", np.int16), pet=filled(PET_GRID, suv_at, "g/mL", np.float32)
    )


def mr_scene():
    grid = turned_grid("HFP", (8, 24, 30), (3.0, 2.0, 2.5), (5.0, -8.0, 100.0))
    return Scene(image=filled(grid, lambda mm: hu_at(mm) + 500, "", np.float32))


def main_scene():
    """Return 40 planes of 340 x 340 voxels: more than goes into one message."""
    grid = Grid.regular(
        origin_mm=(-169.5, -169.5, -60), spacing_zyx_mm=(3, 1, 1), shape_zyx=(40, 340, 340)
    )
    z, y, x = np.meshgrid(
        -60 + 3.0 * np.arange(40), *(np.arange(340) - 169.5,) * 2, indexing="ij"
    )  # fmt: skip
    hu = np.where((x / 165) ** 2 + (y / 120) ** 2 < 1, 0.0, -1000.0)
    hu[(x + 80) ** 2 + (y + 50) ** 2 + (z - 30) ** 2 < 15**2] = 900  # right, front, towards head
    dose = Grid.regular(
        origin_mm=(-51.3, -40.7, -31.9), spacing_zyx_mm=(2.5, 2.5, 2.5), shape_zyx=(28, 33, 41)
    )
    z_all = -60 + 3.0 * np.arange(10, 30)
    rois = (
        Roi(number=1, name="Cylinder", contours=cylinder(z_all), color=(255, 0, 255)),
        Roi(number=2, name=EVIL, contours=cylinder(z_all, 20.0), color=(0, 255, 255)),
    )
    return Scene(
        image=Volume(array_zyx=hu.astype(np.int16), grid=grid, unit="HU"),
        structures=(
            SceneStructure(roi=rois[0], group="Clinical"),
            SceneStructure(roi=rois[1], group="Auto: anatomical", dashed=True),
        ),
        dose=filled(dose, gy_at, "Gy", np.float32),
        second_dose=filled(dose, lambda mm: gy_at(mm) - 2.0, "Gy", np.float32),
        prescribed_gy=30.0,
        focus_mm=(0.5, 0.5, 0.0),
    )


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("blobs")
    scene = main_scene()
    (folder / "main.bin").write_bytes(pack(scene))
    fewer = dataclasses.replace(scene, structures=scene.structures[:1])
    (folder / "other.bin").write_bytes(pack(fewer))
    for name, other in (("pet", pet_scene()), ("fused", fused_scene()), ("mr", mr_scene())):
        (folder / f"{name}.bin").write_bytes(pack(other))
    for position in POSITIONS:
        (folder / f"{position}.bin").write_bytes(pack(orientation_scene(position)))
    server, url = serve(folder / "main.bin")
    yield url
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )


class Shown:
    """A page with the viewer, and short words for what the tests do with it."""

    def __init__(self, page, url):
        self.page, self.errors, self.sent, self.received = page, [], [], []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("websocket", self._watch)
        page.goto(url)
        page.wait_for_selector(".abv[data-ready][data-full]", timeout=20_000)
        self.root = page.locator(".abv")

    def _watch(self, socket):
        socket.on("framesent", lambda frame: self.sent.append(frame))
        socket.on("framereceived", lambda frame: self.received.append(frame))

    def api(self, call):
        return self.root.evaluate(f"(root) => root.__abscope.{call}")

    def state(self):
        return self.api("state()")

    def pane(self, name):
        return self.page.locator(f'[data-pane="{name}"] canvas')

    def at(self, name, mm):
        """Return where a patient position lies on the page."""
        box = self.pane(name).bounding_box()
        x, y = self.api(f"pixelOf('{name}', {mm[0]}, {mm[1]}, {mm[2]})")
        return box["x"] + x, box["y"] + y

    def color(self, name, mm, reach=0):
        """Return the pixel at a patient position; of several the most coloured one."""
        return self.root.evaluate(
            """(root, [name, mm, reach]) => {
            root.__abscope.redraw();
            const c = root.querySelector(`[data-pane="${name}"] canvas`);
            const [x, y] = root.__abscope.pixelOf(name, ...mm).map((v) => v * devicePixelRatio);
            const n = 2 * reach + 1, left = Math.round(x) - reach, top = Math.round(y) - reach;
            const d = c.getContext('2d').getImageData(left, top, n, n).data;
            let best = [0, 0, 0], most = -1;
            for (let i = 0; i < d.length; i += 4) {
                const p = [d[i], d[i + 1], d[i + 2]], s = Math.max(...p) - Math.min(...p);
                if (s > most) { most = s; best = p; }
            }
            return best; }""",
            [name, list(mm), reach],
        )

    def readout(self):
        return self.page.locator("[data-readout]").text_content()

    def cursor_mm(self):
        found = re.findall(r"[xyz] ([−\d.]+)", self.readout())
        return tuple(float(value.replace("−", "-")) for value in found)


@pytest.fixture(scope="module")
def viewer(browser, address):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    shown = Shown(page, address)
    yield shown
    assert shown.errors == []
    page.close()


def grey(color):
    return max(color) - min(color) <= 6


@pytest.mark.parametrize("position", POSITIONS)
def test_values_are_the_engines_in_every_patient_position(browser, address, position):
    scene = orientation_scene(position)
    image, dose = canonical(scene.image), canonical(scene.dose)
    rng = np.random.default_rng(3)
    low = image.grid.origin_mm - 2.0
    high = image.grid.to_mm([np.array(image.grid.shape_zyx) - 1])[0] + 2.0
    points = rng.uniform(low, high, (200, 3))
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    shown = Shown(page, f"{address}/?blob={position}.bin")
    read = shown.root.evaluate(
        "(root, points) => points.map((p) => root.__abscope.valueAt(...p))", points.tolist()
    )
    hu = np.array([np.nan if r["hu"] is None else r["hu"] for r in read])
    gy = np.array([np.nan if r["gy"] is None else r["gy"] for r in read])
    np.testing.assert_allclose(hu, sample_at(image, points), atol=1e-3)
    np.testing.assert_allclose(gy, sample_at(dose, points), atol=1e-3)
    np.testing.assert_allclose(gy, sample_at(scene.dose, points), atol=1e-3)
    inside = np.isfinite(hu)
    assert 50 < inside.sum() < 200
    np.testing.assert_allclose(hu[inside], hu_at(points[inside]), atol=0.51)
    letters = page.locator('[data-pane="axial"] .abv-letter').all_text_contents()
    assert letters == ["A", "L", "P", "R"]
    assert shown.errors == []
    page.close()


def test_hovering_reads_hu_and_gy_under_the_pointer(viewer):
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


def test_scrolling_and_keys_send_nothing(viewer):
    viewer.api("goto(0.5, 0.5, 0)")
    page, before = viewer.page, viewer.state()["index"]
    page.mouse.move(*viewer.at("axial", (60, 20, 0)))
    sent, received = len(viewer.sent), len(viewer.received)
    for _ in range(5):
        page.mouse.wheel(0, -100)
    viewer.root.evaluate("() => new Promise((done) => setTimeout(done, 100))")
    assert viewer.state()["index"] == [*before[:2], before[2] + 5]
    viewer.pane("axial").focus()
    for key, expected in (
        ("ArrowDown", 24), ("ArrowUp", 25), ("PageDown", 15), ("PageUp", 25),
        ("Home", 0), ("End", 39),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert viewer.state()["index"][2] == expected, key
    viewer.pane("coronal").focus()
    y = viewer.state()["index"][1]
    page.keyboard.press("ArrowUp")
    assert viewer.state()["index"][1] == y + 1
    page.keyboard.press("1")
    assert (viewer.state()["width"], viewer.state()["level"]) == (1500, -600)
    page.keyboard.press("2")
    time.sleep(0.4)
    assert (len(viewer.sent), len(viewer.received)) == (sent, received)


def test_drags_set_window_zoom_and_pan_and_double_click_resets(viewer):
    page = viewer.page
    x, y = viewer.at("axial", (0, 0, 0))
    page.get_by_role("button", name="Mediastinum").click()
    for button, held in (("right", None), ("left", "Shift")):
        page.mouse.move(x, y)
        if held:
            page.keyboard.down(held)
        page.mouse.down(button=button)
        page.mouse.move(x + 40, y - 20, steps=4)
        page.mouse.up(button=button)
        if held:
            page.keyboard.up(held)
        state = viewer.state()
        assert state["width"] > 440, button
        assert state["level"] < 25, button
        page.get_by_role("button", name="Mediastinum").click()
        assert (viewer.state()["width"], viewer.state()["level"]) == (400, 40)
    page.mouse.move(x + 30, y + 10)
    held_mm = viewer.cursor_mm()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.mouse.move(x + 30, y + 10)
    assert viewer.state()["panes"][0]["zoom"] > 1.2
    assert viewer.cursor_mm() == pytest.approx(held_mm, abs=0.3)  # it stays under the pointer
    page.mouse.down(button="middle")
    page.mouse.move(x + 60, y + 30)
    page.mouse.up(button="middle")
    assert viewer.state()["panes"][0]["pan"] != [0, 0]
    page.mouse.dblclick(x, y)
    assert viewer.state()["panes"][0] == {"zoom": 1, "pan": [0, 0]}


def test_names_from_files_are_text(viewer):
    assert viewer.page.locator(".abv-text").all_text_contents() == ["Cylinder", EVIL]
    assert viewer.page.evaluate("globalThis.pwned") is None
    assert viewer.page.locator(".abv img").count() == 0


def test_axial_only_fills_the_stage(viewer):
    viewer.page.get_by_role("button", name="Axial only").click()
    expect(viewer.pane("coronal")).to_be_hidden()
    wide = viewer.pane("axial").bounding_box()["width"]
    viewer.page.get_by_role("button", name="Three planes").click()
    expect(viewer.pane("coronal")).to_be_visible()
    assert wide > 1.5 * viewer.pane("axial").bounding_box()["width"]


def test_released_crosshair_reaches_python_and_a_rerun_changes_nothing(viewer):
    page = viewer.page
    viewer.api("goto(0.5, 0.5, 9)")
    time.sleep(0.2)
    page.mouse.click(*viewer.at("axial", (21.5, -14.5, 9.0)))
    expect(page.get_by_text(f"crosshair={tuple(map(float, viewer.state()['mm']))}")).to_be_visible()
    assert viewer.state()["mm"] == pytest.approx([21.5, -14.5, 9.0], abs=1.01)
    page.get_by_role("button", name="Bone").click()
    page.mouse.move(5, 5)
    time.sleep(0.5)
    before, received = viewer.state(), len(viewer.received)
    page.get_by_role("button", name="Unrelated").click()
    expect(page.get_by_text("page runs=2")).to_be_visible()
    time.sleep(0.3)
    assert viewer.state() == before
    size = sum(len(frame) for frame in viewer.received[received:])
    assert size < 100_000  # the voxels do not travel again
    page.get_by_role("button", name="Mediastinum").click()


def test_seed_is_handed_over_once(viewer):
    page = viewer.page
    page.get_by_role("button", name="Pick seed").click()
    page.mouse.click(*viewer.at("coronal", (-20.0, viewer.state()["mm"][1], 15.0)))
    expect(page.get_by_text(re.compile(r"seed=\("))).to_be_visible()
    text = page.get_by_text(re.compile(r"seed=\(")).text_content()
    seed, picked = (
        [float(v) for v in re.findall(r"-?\d+\.?\d*", part)] for part in text.split("picked=")
    )
    assert seed == picked == pytest.approx([-20.0, viewer.state()["mm"][1], 15.0], abs=1.0)
    assert viewer.state()["picking"] is False
    page.get_by_role("button", name="Unrelated").click()
    expect(page.get_by_text(re.compile("seed=None picked="))).to_be_visible()


def test_show_me_moves_the_crosshair_once_and_keeps_the_rest(viewer):
    page = viewer.page
    viewer.api("goto(0.5, 0.5, 0)")
    page.get_by_role("button", name="Bone").click()
    before, received = viewer.state(), len(viewer.received)
    page.get_by_role("button", name="Show me").click()
    expect(page.get_by_text("crosshair=(-79.5, -49.5, 30.0)")).to_be_visible()
    after = viewer.state()
    assert after["mm"] == pytest.approx([-80, -50, 30], abs=0.51)
    same = ("sceneId", "width", "level", "panes", "mode", "complete")
    assert [after[k] for k in same] == [before[k] for k in same]
    assert sum(len(frame) for frame in viewer.received[received:]) < 50_000
    page.mouse.click(*viewer.at("axial", (21.5, -14.5, 30.0)))  # the person moves on
    expect(page.get_by_text(re.compile(r"crosshair=\(2[12]\."))).to_be_visible()
    moved = viewer.state()["mm"]
    page.get_by_role("button", name="Unrelated").click()
    page.get_by_role("button", name="Elsewhere").click()  # another case's place
    time.sleep(0.4)
    assert viewer.state()["mm"] == moved
    page.get_by_role("button", name="Show me").click()  # asked again: followed again
    expect(page.get_by_text("crosshair=(-79.5, -49.5, 30.0)")).to_be_visible()
    page.get_by_role("button", name="Mediastinum").click()


def test_canvases_say_what_they_show(viewer):
    viewer.api("goto(0.5, 0.5, 0)")
    expect(viewer.pane("axial")).to_have_attribute(
        "aria-label", re.compile(r"Axial plane at z 0\.0 mm, 21 of 40\..* 0 HU, .*Cylinder")
    )
    assert viewer.pane("axial").get_attribute("tabindex") == "0"


def test_new_structures_keep_the_view_and_do_not_resend_the_image(viewer):
    page = viewer.page
    viewer.api("goto(10.5, -20.5, 12)")
    page.get_by_role("button", name="Lung").click()
    before, received = viewer.state(), len(viewer.received)
    page.get_by_text("Other structures").click()
    expect(page.locator(".abv-text")).to_have_count(1)
    expect(viewer.root).to_have_attribute("data-full", re.compile(r"\d+"))
    after = viewer.state()
    assert after["complete"]
    assert after["sceneId"] != before["sceneId"]
    same = ("index", "width", "level", "panes", "mode")
    assert [after[k] for k in same] == [before[k] for k in same]
    size = sum(len(frame) for frame in viewer.received[received:])
    assert size < 1_500_000  # head and doses; the image alone is 7 MB
    assert viewer.api("valueAt(-80.5, -50.5, 30)")["hu"] == pytest.approx(900)


def test_a_viewer_shown_again_gets_all_its_voxels(viewer):
    page = viewer.page
    page.get_by_text("Hide", exact=True).click()
    expect(viewer.root).to_have_count(0)
    page.get_by_text("Hide", exact=True).click()
    page.wait_for_selector(".abv[data-ready][data-full]", timeout=10_000)
    assert viewer.api("valueAt(-80.5, -50.5, 30)")["hu"] == pytest.approx(900)
    assert viewer.api("valueAt(3, 4, 5)")["gy"] == pytest.approx(gy_at((3, 4, 5)), abs=2e-3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_page_wraps_and_text_is_readable(browser, address, scheme):
    page = browser.new_page(viewport={"width": 1000, "height": 900}, color_scheme=scheme)
    shown = Shown(page, f"{address}/?sidebar=1")
    over = shown.root.evaluate(
        """(root) => {
        const right = root.getBoundingClientRect().right + 1, skip = 'dl, dl *, .abv-pane *';
        return [...root.querySelectorAll('*')].filter((n) => !n.matches(skip)
            && n.getBoundingClientRect().right > right).map((n) => n.className); }"""
    )
    assert over == []
    low = shown.root.evaluate(
        """(root) => {
        const c = document.createElement('canvas').getContext('2d');
        const lum = (color) => { c.fillStyle = '#000'; c.fillStyle = color; c.fillRect(0, 0, 1, 1);
            const p = [...c.getImageData(0, 0, 1, 1).data].slice(0, 3)
                .map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2]; };
        const back = (n) => { for (; n; n = n.parentNode ?? n.host) {
            const b = n instanceof Element && getComputedStyle(n).backgroundColor;
            if (b && !/, 0\\)|transparent|\\/ 0\\)/.test(b)) return b; } return '#fff'; };
        return [...root.querySelectorAll('button, label, h3, h4, .abv-cursor, .abv-level')]
            .filter((n) => n.textContent && !n.disabled).map((n) => {
                const [a, b] = [lum(getComputedStyle(n).color), lum(back(n))];
                return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), n.textContent]; })
            .filter(([ratio]) => ratio < 4.5); }"""
    )
    assert low == []
    assert shown.errors == []
    page.close()


def opened(browser, address, name):
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    return Shown(page, f"{address}/?blob={name}.bin")


def read_at(shown, points, what):
    read = shown.root.evaluate(
        "(root, points) => points.map((p) => root.__abscope.valueAt(...p))", points.tolist()
    )
    return np.array([np.nan if r[what] is None else r[what] for r in read])


def test_suv_under_the_cursor_of_a_pet_is_the_engines(browser, address):
    volume = pet_scene().image
    points = np.random.default_rng(4).uniform((-45, -42, -34), (42, 38, 30), (200, 3))
    shown = opened(browser, address, "pet")
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
    assert shown.errors == []
    shown.page.close()


def test_a_pet_over_the_ct_gives_hu_and_suv_under_the_cursor(browser, address):
    scene = fused_scene()
    points = np.random.default_rng(6).uniform((-45, -42, -34), (42, 38, 30), (200, 3))
    shown = opened(browser, address, "fused")
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
    assert shown.errors == []
    shown.page.close()


def test_an_mr_has_a_window_of_its_own_numbers_and_no_unit(browser, address):
    scene = mr_scene()
    shown = opened(browser, address, "mr")
    points = np.array([[5.0, -8.0, 108.0], [0.0, 0.0, 104.5]])
    values = read_at(shown, points, "image")
    np.testing.assert_allclose(values, sample_at(scene.image, points), atol=0.01)
    state = shown.state()
    low, high = np.quantile(scene.image.array_zyx, [0.005, 0.995])
    assert state["level"] - state["width"] / 2 == pytest.approx(low, abs=2)
    assert state["width"] == pytest.approx(high - low, abs=3)
    assert "HU" not in shown.readout()
    assert shown.errors == []
    shown.page.close()
