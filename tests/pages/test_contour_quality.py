"""Quality check and comparison on the contours page."""

from __future__ import annotations

import dataclasses

from streamlit.testing.v1 import element_tree as tree

from abscope.core.structures import Contour, StructureSet
from abscope.store.cases import Additions
from abscope.workflows.context import Actor
from abscope.workflows.rows import structure_info
from tests import phantoms


def _small_lung_with_a_speck(context, case_id: str) -> None:
    """Store a set with two faults: a lung too small for one, and a speck beside it."""
    case = context.cases.get(case_id)
    series = next(s for s in case.series if s.modality == "CT")
    lung = phantoms.sphere_roi(1, "Lung_L", 16.0)
    speck = Contour(points_mm=phantoms.circle((-30.0, 20.0), 1.5, 0.0))
    lung = dataclasses.replace(lung, standard_name="Lung_L", contours=(*lung.contours, speck))
    nodule = dataclasses.replace(lung, number=2, name="Nodule Doe", standard_name=None)
    drawn = StructureSet(
        uid="1.2.840.77", label="By hand", source="clinical", series_uid=series.uid,
        frame_of_reference_uid=series.grid.frame_of_reference_uid, rois=(lung, nodule),
    )  # fmt: skip
    info = structure_info(drawn, series.grid, context.cases.put_contours(drawn.rois))
    entry = Actor(name="t").entry("import", case_id, set=info.uid)
    context.cases.extend(case_id, case.version, Additions(structure_sets=[info]), entry)


def test_a_check_speaks_in_words_and_keeps_codes_and_sources_in_tooltips(page, context):
    _small_lung_with_a_speck(context, "ct-only")
    shown = page("contours", "ct-only").choose("contours.section", "Check")
    shown.press("contours.quality.run")
    marks = [e for e in shown.elements() if isinstance(e, tree.Markdown)]
    said, helped = ("\n".join(texts).replace("\\", "") for texts in (
        [str(e.value) for e in marks], [str(e.proto.help) for e in marks]))  # fmt: skip
    assert "1 contour of Lung_L encloses less than 10 mm²" in said
    assert "1 contour of Nodule Doe encloses less than 10 mm²" in said
    assert "structure number" not in said
    assert "outside the 430 to 6000 cm³ of adults" in said
    for code in ("contours-tiny", "size-outside-range"):
        assert code not in said
        assert code in helped
    assert "verified" not in said
    assert "Quanjer et al. 1993" in helped


def test_a_check_lists_findings_whose_buttons_move_the_viewer(page):
    shown = page("contours", "planned").choose("contours.section", "Check")
    shown.press("contours.quality.run")
    assert shown.at.exception == []
    words = shown.words()
    assert "Expected:" in words or "nothing that needs correction" in words


def test_two_structures_are_compared_with_the_worst_slice_to_show(page):
    shown = page("contours", "planned").choose("contours.section", "Compare")
    shown.press("contours.compare.run")
    assert shown.at.exception == []
    assert {"Dice", "Surface Dice", "HD95 (mm)"} <= {m.label for m in shown.at.metric}
    shown.press("contours.compare.worst")
    assert shown.at.exception == []
    assert "Surface Dice at" in shown.words()
