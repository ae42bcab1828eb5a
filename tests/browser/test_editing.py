"""Contours drawn in the browser, saved, and read back from the archive against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from abscope.contour.edit import EditedPlane
from abscope.core.distance import inside_outline
from abscope.core.settings import Settings
from abscope.workflows.context import Actor, open_context
from abscope.workflows.editing import ContourEdit, save_edit
from abscope.workflows.importing import check_reading, read_paths, save
from tests import phantoms
from tests.browser.served import PATIENCE, Visitor, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ACTOR = Actor(name="tester")
POSITIONS = ("HFS", "FFP")
PIXEL_MM = 0.1
#: Corner (x, y), pixel and size of the fine grid on which areas are compared.
FRAME = (np.array([-50.0, -50.0]), PIXEL_MM, (1000, 1000))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("editing")
    home = folder / "home"
    context = open_context(_settings(home))
    for position in POSITIONS:
        reading = read_paths([phantoms.write_case(folder / position, position)])
        save(context, ACTOR, check_reading(reading, frozenset()), case_id=position)
    context.archive.close()
    with serving(home) as running:
        yield running


def _settings(home):
    return Settings(home=home, database_url=f"sqlite:///{home / 'abscope.sqlite'}")


@pytest.fixture
def context(server):
    opened = open_context(_settings(server.home))
    yield opened
    opened.archive.close()


class Drawing:
    """The edit mode of the contours page of one case."""

    def __init__(self, chromium, server, case):
        self.visitor = Visitor(chromium, server)
        self.page, self.sent = self.visitor.page, []
        self.page.on("websocket", lambda s: s.on("framesent", lambda f: self.sent.append(f)))
        self.visitor.open(f"contours?case={case}")
        self.root = self.visitor.viewer()
        self.root.locator("[data-edit]").click()

    def choose(self, group, name):
        value = self.root.locator("[data-edit-structure]").evaluate(
            """(list, [group, name]) => [...list.querySelectorAll("option")].find((o) =>
            o.parentElement.label === group && o.textContent.startsWith(name)).value""",
            [group, name],
        )
        self.root.locator("[data-edit-structure]").select_option(value)

    def at(self, x_mm, y_mm, z_mm):
        self.root.evaluate("(root, mm) => root.__abscope.goto(...mm)", [x_mm, y_mm, z_mm])
        x, y = self.root.evaluate(
            "(root, mm) => root.__abscope.pixelOf('axial', ...mm)", [x_mm, y_mm, z_mm]
        )
        box = self.root.locator(".abv-axial canvas").bounding_box()
        return box["x"] + x, box["y"] + y

    def dab(self, tool, diameter_mm, *mm):
        self.root.locator(f"[data-tool={tool}]").click()
        self.root.locator("[data-brush]").fill(str(diameter_mm))
        self.root.locator("[data-brush]").press("Enter")
        self.page.mouse.click(*self.at(*mm))

    def press(self, name):
        self.root.locator(f"[data-{name}]").click()

    @property
    def note(self):
        return self.root.locator("[data-edit-note]")

    def says(self, text):
        expect(self.note).to_contain_text(text, timeout=PATIENCE)

    def choices_hold(self, group):
        """Wait until a heading is among the structures to edit."""
        label = self.root.locator(f'[data-edit-structure] optgroup[label^="{group}"]')
        expect(label).to_have_count(1, timeout=PATIENCE)

    def drawn(self):
        """Return the unsaved planes: number of the plane -> its outlines, bit for bit."""
        return self.page.evaluate(
            """() => Object.fromEntries([...globalThis.__abscopeDrafts.drafts.values()]
            .flatMap((draft) => [...draft.planes].map(([k, p]) => [k, p.polygons.map((q) => [...q])
            ])))"""
        )

    def plane(self):
        return str(self.root.evaluate("(root) => root.__abscope.state().index[2]"))

    def close(self):
        self.visitor.check()
        self.visitor.close()


def _polygons(roi, z_mm):
    return tuple(c.points_mm[:, :2] for c in roi.closed if abs(c.points_mm[0, 2] - z_mm) < 0.01)


def _mask(roi, z_mm):
    return inside_outline(_polygons(roi, z_mm), FRAME)


def _disc(x_mm, y_mm, radius_mm):
    at = FRAME[0][0] + PIXEL_MM * np.arange(1000)
    return np.hypot(at[None, :] - x_mm, at[:, None] - y_mm) <= radius_mm


def _dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.mark.parametrize("position", POSITIONS)
def test_a_painted_disc_is_stored_where_and_as_large_as_it_was_painted(
    chromium, server, context, position
):
    before = context.cases.get(position).structure_sets
    drawing = Drawing(chromium, server, position)
    drawing.choose("Clinical", "Cylinder")
    sent = len(drawing.sent)
    drawing.dab("brush", 16, 23.0, -2.0, 0.0)
    drawing.dab("erase", 10, 3.0, -2.0, 0.0)
    drawing.dab("erase", 30, 3.0, -2.0, 4.0)
    drawing.page.keyboard.press("Control+z")
    drawing.says("1 slice edited, not saved.")
    drawing.page.keyboard.press("Control+Shift+z")
    drawing.says("2 slices edited, not saved.")
    drawing.page.keyboard.press("Control+z")
    drawing.says("1 slice edited, not saved.")
    assert len(drawing.sent) == sent, "nothing is sent while somebody draws"
    drawing.press("savebutton")
    drawing.says("Saved as a new version: Cylinder")
    assert len(drawing.sent) == sent + 1
    # The page is drawn anew with the version in it: what was said and chosen stays.
    drawing.choices_hold("Edited")
    drawing.says("Saved as a new version: Cylinder")
    expect(drawing.root.locator("[data-edit]")).to_have_attribute("aria-pressed", "true")
    chosen = drawing.root.locator("[data-edit-structure] option:checked")
    expect(chosen).to_have_text("Cylinder")
    drawing.close()

    case = context.cases.get(position)
    assert case.structure_sets[: len(before)] == before
    version = case.structure_sets[-1]
    assert (version.is_edited, version.parent_uid) == (True, before[0].uid)
    old, new = (context.cases.structure_set(s) for s in (before[0], version))
    wanted = _disc(3.0, -2.0, 20.0) | _disc(23.0, -2.0, 8.0)
    wanted &= ~_disc(3.0, -2.0, 5.0)
    assert _dice(_mask(new.roi(1), 0.0), wanted) > 0.985
    assert len(_polygons(new.roi(1), 0.0)) == 2
    assert _mask(new.roi(1), 0.0).sum() == pytest.approx(wanted.sum(), rel=0.01)
    change_cm3 = (wanted.sum() * PIXEL_MM**2 - np.pi * 20.0**2) * 4.0 / 1000
    told = version.rois[0].volume_cm3 - before[0].rois[0].volume_cm3
    assert told == pytest.approx(change_cm3, abs=0.02 * before[0].rois[0].volume_cm3)
    for was, now in zip(old.rois, new.rois, strict=True):
        planes = {float(c.points_mm[0, 2]) for c in was.contours} - (
            {0.0} if was.number == 1 else set()
        )
        for z_mm in planes:
            kept = [p.tobytes() for p in _polygons(was, z_mm)]
            assert [p.tobytes() for p in _polygons(now, z_mm)] == kept


def test_a_cone_is_interpolated_between_two_painted_discs_and_an_area_is_cut(
    chromium, server, context
):
    drawing = Drawing(chromium, server, "HFS")
    drawing.choose("In a set of its own", "New structure")
    drawing.root.locator("[data-edit-name]").select_option("GTV")
    drawing.dab("brush", 20, 3.0, -2.0, -8.0)
    drawing.dab("brush", 40, 3.0, -2.0, 8.0)
    drawing.press("fillbetween")
    drawing.says("3 slices interpolated.")
    drawing.root.locator("[data-tool=cut]").click()
    for corner in ((-30, -30), (3, -30), (3, 30), (-30, 30)):
        drawing.page.mouse.click(*drawing.at(*corner, 8.0))
    drawing.page.keyboard.press("Enter")
    drawing.press("savebutton")
    drawing.says("Saved as a new version: GTV")
    drawing.close()
    made = context.cases.get("HFS").structure_sets[-1]
    roi = context.cases.structure_set(made).roi("GTV")
    for z_mm, radius_mm in ((-8, 10.0), (-4, 12.5), (0, 15.0), (4, 17.5)):
        wanted = _disc(3.0, -2.0, radius_mm)
        assert _dice(_mask(roi, z_mm), wanted) > 0.97
        assert _mask(roi, z_mm).sum() == pytest.approx(wanted.sum(), rel=0.01)
    half = _disc(3.0, -2.0, 20.0)
    half[:, : int((3.0 - FRAME[0][0]) / PIXEL_MM)] = False
    assert _dice(_mask(roi, 8.0), half) > 0.97
    assert (made.parent_uid, made.author) == ("", "local")


def test_keys_work_after_a_press_on_a_tool_and_a_line_stays_on_its_slice(chromium, server):
    drawing = Drawing(chromium, server, "HFS")
    drawing.choose("Clinical", "Cylinder")
    drawing.says("Cylinder · Clinical. Draw on the axial plane.")
    drawing.dab("brush", 16, 30.0, -2.0, 0.0)
    first = drawing.drawn()
    drawing.dab("erase", 10, 3.0, -2.0, 0.0)
    second, at = drawing.drawn(), drawing.plane()
    assert list(first) == list(second) == [at]
    assert first != second
    keys = drawing.page.keyboard
    drawing.root.locator("[data-tool=brush]").click()  # the focus is now on this button
    keys.press("Control+z")
    assert drawing.drawn() == first, "undo gives the outlines back bit for bit"
    keys.press("Control+Shift+z")
    assert drawing.drawn() == second
    keys.press("e")
    erase = drawing.root.locator("[data-tool=erase]")
    expect(erase).to_have_attribute("aria-pressed", "true")
    keys.press("Control+z")
    keys.press("Control+z")
    assert drawing.drawn() == {}
    keys.press("ArrowUp")
    assert drawing.plane() != at

    drawing.root.locator("[data-tool=add]").click()
    for corner in ((23, -12), (43, -12), (43, 8)):
        drawing.page.mouse.click(*drawing.at(*corner, 0.0))
    keys.press("ArrowUp")
    keys.press("Enter")
    drawing.says("Back on the slice where this line was begun")
    assert (drawing.plane(), drawing.drawn()) == (at, {})
    keys.press("Enter")
    assert list(drawing.drawn()) == [at]
    drawing.root.locator(".abv-coronal canvas").click(position={"x": 90, "y": 60})
    drawing.says("Contours are drawn on the axial plane")
    drawing.press("dropbutton")
    drawing.press("discard")
    assert drawing.drawn() == {}
    drawing.close()


def test_a_conflict_and_leaving_the_page_keep_the_drawing(chromium, server, context):
    case = context.cases.get("HFS")
    drawing = Drawing(chromium, server, "HFS")
    drawing.choose("Clinical", "Sphere")
    drawing.dab("brush", 10, 20.0, -2.0, 4.0)
    ring = phantoms.circle((3.0, -2.0), 6.0, 0.0)[:, :2]
    other = ContourEdit(
        series_uid=case.series[0].uid, set_uid=case.structure_sets[0].uid, roi_number=2,
        planes=(EditedPlane(z_mm=0.0, polygons_mm=(ring,)),),
    )  # fmt: skip
    save_edit(context, Actor(name="lee"), "HFS", other)
    stored = len(context.cases.get("HFS").structure_sets)
    drawing.press("savebutton")
    drawing.says("Contours were changed by lee")
    assert len(context.cases.get("HFS").structure_sets) == stored

    asked = []
    drawing.page.once("dialog", lambda d: (asked.append(d.message), d.dismiss()))
    drawing.page.locator('[data-testid="stSidebarNav"] a[href*="/dose"]').click()
    drawing.page.wait_for_timeout(300)
    assert "not saved" in asked[0]
    assert "/contours" in drawing.page.url
    drawing.page.once("dialog", lambda d: d.accept())
    drawing.visitor.nav("dose")
    drawing.visitor.nav("contours")
    drawing.root = drawing.visitor.viewer()
    drawing.root.locator("[data-edit]").click()
    drawing.says("1 slice edited, not saved.")
    drawing.press("savebutton")
    drawing.says("Saved as a new version: Sphere")
    versions = context.cases.get("HFS").structure_sets
    assert len(versions) == stored + 1
    assert versions[-1].parent_uid == case.structure_sets[0].uid
    drawing.close()
