"""The Tumor section of the contours page: seed, box, outlines and habitats."""

from __future__ import annotations

import json

from abscope.core.structures import StructureSet
from abscope.store.cases import Additions
from abscope.workflows.context import Actor
from abscope.workflows.rows import structure_info
from tests import phantoms


def _clicked(context, case_id: str, uid: str = "1.2.840.9", source: str = "auto:click") -> str:
    """Store what a click would have drawn, and return the UID of its set."""
    case = context.cases.get(case_id)
    series = next(s for s in case.series if s.modality == "CT")
    names = {"GTV_Click": 14.0, "GTV_Click_Tighter": 12.0, "GTV_Click_Looser": 16.0}
    rois = [
        phantoms.sphere_roi(number, name, radius)
        for number, (name, radius) in enumerate(names.items(), start=1)
    ]
    drawn = StructureSet(
        uid=uid, label="Drawn", source=source, series_uid=series.uid,
        frame_of_reference_uid=series.grid.frame_of_reference_uid, rois=tuple(rois),
    )  # fmt: skip
    info = structure_info(drawn, series.grid, context.cases.put_contours(drawn.rois))
    entry = Actor(name="t").entry("contour", case_id, set=info.uid)
    context.cases.extend(case_id, case.version, Additions(structure_sets=[info]), entry)
    return info.uid


def _images(shown) -> list:
    """Return the pictures of a page as they are sent to the browser."""
    protos = [e.proto for e in shown.elements() if hasattr(e, "proto")]
    return [image for p in protos if hasattr(p, "imgs") for image in p.imgs]


def test_a_seed_needs_the_crosshair_and_a_box_both_corners(page):
    shown = page("contours", "ct-only").choose("contours.section", "Tumor")
    shown.press("contours.tumor.seed")
    assert "Click into the viewer first" in shown.words()
    assert shown.widget("contours.tumor.run").disabled
    for what, point in (("seed", (1.0, 2.0, 3.0)), ("first", (9.0, -9.0, 8.0))):
        shown.at.session_state["choice.contours.tumor.crosshair.ct-only"] = json.dumps(point)
        shown.press(f"contours.tumor.{what}")
    assert "Seed: 1.0, 2.0, 3.0 mm" in shown.words()
    assert "one corner so far" in shown.words()
    assert shown.widget("contours.tumor.run").disabled
    shown.at.session_state["choice.contours.tumor.crosshair.ct-only"] = json.dumps(
        (-9.0, 9.0, -8.0)
    )
    shown.press("contours.tumor.second")
    assert "-9.0, -9.0, -8.0 mm to 9.0, 9.0, 8.0 mm (18 × 18 × 16 mm)" in shown.words()
    assert not shown.widget("contours.tumor.run").disabled
    shown.at.session_state["choice.contours.tumor.crosshair.ct-only"] = json.dumps((1.0, 2.0, 8.5))
    shown.press("contours.tumor.seed")
    assert "The seed lies outside the box" in shown.words()
    assert shown.widget("contours.tumor.run").disabled
    shown.press("contours.tumor.clear")
    assert "Seed: not placed" in shown.words()
    assert "There is no tumor to divide yet" in shown.words()


def test_an_outline_is_chosen_and_divided_into_habitats(page, context):
    uid = _clicked(context, "ct-only")
    shown = page("contours", "ct-only").choose("contours.section", "Tumor")
    words = shown.words()
    assert all(title in words for title in ("Tighter", "Standard", "Looser", "Volume", "Mean"))
    shown.press("contours.tumor.use.Looser")
    stored = context.cases.get("ct-only").structure_sets[-1]
    assert (stored.rois[0].name, stored.parent_uid) == ("GTVp", uid)
    shown.press("contours.habitats.run")
    words = shown.words()
    assert "FDG" not in words
    assert "these habitats come from CT numbers (HU) alone" in words
    assert "Research use only. Not for clinical decisions." in words
    said = "\n".join(str(e.value) for e in shown.elements() if hasattr(e, "value"))
    assert "agreement" in said
    for jargon in ("Rand index", "Bayesian"):  # explained in a tooltip
        assert jargon in words
        assert jargon not in said
    urls = [image.url for image in _images(shown)]
    assert len(urls) == 4
    assert all(url.startswith("data:image/png;base64,") for url in urls)
    assert all(image.alt for image in _images(shown))
    assert shown.has_table("Habitat", "Volume (cm³)", "Share (%)", "HU (mean ± SD)")
    shown.press("contours.habitats.store")
    assert context.cases.get("ct-only").structure_sets[-1].source == "auto:habitats"


def test_sets_that_were_chosen_stay_chosen_when_a_click_has_drawn(page, context):
    first = _clicked(context, "planned", "1.2.840.8", "auto:anatomical")
    (clinical,) = [s.uid for s in context.cases.get("planned").structure_sets if s.uid != first]
    shown = page("contours", "planned")
    assert shown.widget("contours.sets").value == [clinical, first]
    shown.choose("contours.sets", [first])
    second = _clicked(context, "planned")
    shown.run()
    assert shown.widget("contours.sets").value == [first, second]
    shown.go("dose").go("contours")
    assert shown.widget("contours.sets").value == [first, second]
