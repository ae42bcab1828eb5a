"""Mouse, keys, fingers and layout of the viewer."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.viewer_page import Shown

pytestmark = pytest.mark.browser


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


def test_axial_only_fills_the_stage(viewer):
    viewer.page.get_by_role("button", name="Axial only").click()
    expect(viewer.pane("coronal")).to_be_hidden()
    wide = viewer.pane("axial").bounding_box()["width"]
    viewer.page.get_by_role("button", name="Three planes").click()
    expect(viewer.pane("coronal")).to_be_visible()
    assert wide > 1.5 * viewer.pane("axial").bounding_box()["width"]


def test_canvases_say_what_they_show(viewer):
    viewer.api("goto(0.5, 0.5, 0)")
    expect(viewer.pane("axial")).to_have_attribute(
        "aria-label", re.compile(r"Axial plane at z 0\.0 mm, 21 of 40\..* 0 HU, .*Cylinder")
    )
    assert viewer.pane("axial").get_attribute("tabindex") == "0"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_page_wraps_and_text_is_readable(chromium, viewer_address, scheme):
    page = chromium.new_page(viewport={"width": 1000, "height": 900}, color_scheme=scheme)
    shown = Shown(page, f"{viewer_address}/?sidebar=1")
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


def test_two_fingers_zoom_and_pan_and_leave_the_crosshair(viewer):
    viewer.api("goto(0.5, 0.5, 0)")
    viewer.page.get_by_role("button", name="Reset view").click()
    before, (x, y) = viewer.state()["mm"], viewer.at("axial", (0, 0, 0))
    session = viewer.page.context.new_cdp_session(viewer.page)

    def touch(kind, *points):
        fingers = [{"x": at[0], "y": at[1], "id": i} for i, at in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    touch("touchStart", (x - 20, y), (x + 20, y))
    for apart in (30, 40, 50):
        touch("touchMove", (x - apart, y), (x + apart, y))
    touch("touchEnd")
    view = viewer.state()["panes"][0]
    assert view["zoom"] == pytest.approx(2.5, rel=0.1)
    assert viewer.at("axial", (0, 0, 0)) == pytest.approx((x, y), abs=3)
    touch("touchStart", (x - 20, y), (x + 20, y))
    touch("touchMove", (x + 20, y + 30), (x + 60, y + 30))
    touch("touchEnd")
    assert viewer.at("axial", (0, 0, 0)) == pytest.approx((x + 40, y + 30), abs=3)
    assert viewer.state()["panes"][0]["zoom"] == pytest.approx(view["zoom"], rel=0.02)
    assert viewer.state()["mm"] == pytest.approx(before, abs=21)  # set down, then not dragged
    viewer.page.get_by_role("button", name="Reset view").click()
