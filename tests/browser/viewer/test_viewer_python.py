"""What passes between the viewer and Python, and what does not."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.viewer_scenes import gy_at

pytestmark = pytest.mark.browser


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
    runs = int(page.get_by_text("page runs=").text_content().split("=")[1])
    page.get_by_role("button", name="Unrelated").click()
    expect(page.get_by_text(f"page runs={runs + 1}")).to_be_visible()
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
    page.get_by_text("Other structures").click()
    expect(page.locator(".abv-text")).to_have_count(2)


def test_a_viewer_shown_again_gets_all_its_voxels(viewer):
    page = viewer.page
    page.get_by_text("Hide", exact=True).click()
    expect(viewer.root).to_have_count(0)
    page.get_by_text("Hide", exact=True).click()
    page.wait_for_selector(".abv[data-ready][data-full]", timeout=10_000)
    assert viewer.api("valueAt(-80.5, -50.5, 30)")["hu"] == pytest.approx(900)
    assert viewer.api("valueAt(3, 4, 5)")["gy"] == pytest.approx(gy_at((3, 4, 5)), abs=2e-3)
