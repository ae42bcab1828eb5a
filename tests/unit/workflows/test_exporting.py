"""Exported sets: which one is taken, and what they are when they are imported again."""

from __future__ import annotations

import dataclasses
import io

import pydicom
import pytest

from abscope.contour.edit import EditedPlane
from abscope.core.errors import NotFoundError
from abscope.core.ids import uid_from
from abscope.store.cases import Additions
from abscope.workflows.comparing import CLICKED, HABITATS
from abscope.workflows.context import Actor
from abscope.workflows.deidentified import export_folder
from abscope.workflows.editing import ContourEdit, edited_words, save_edit
from abscope.workflows.exporting import export_rtstruct, export_seg, set_to_export
from abscope.workflows.findings import all_findings
from abscope.workflows.importing import check_reading, read_paths, save
from abscope.workflows.rows import structure_info
from tests import phantoms

ACTOR = Actor(name="kim")


@pytest.fixture(name="case")
def _case(context, tmp_path):
    reading = read_paths([phantoms.write_case(tmp_path / "in")])
    return save(context, ACTOR, check_reading(reading, frozenset()), case_id="exported")


def _automatic(context, case, source="auto:anatomical", label="Anatomical (three organs) 1.0"):
    """Return the case with a set more, as an engine leaves it."""
    drawn = context.cases.structure_set(case.structure_sets[0])
    rois = [dataclasses.replace(r, confidence=0.9) for r in drawn.rois]
    rois[0] = dataclasses.replace(
        rois[0], confidence=0.41, confidence_reason="It touches the edge; look at it"
    )
    made = dataclasses.replace(
        drawn, uid=uid_from(source, label), source=source, label=label, rois=tuple(rois)
    )
    info = structure_info(made, case.series[0].grid, context.cases.put_contours(made.rois))
    context.cases.extend(
        case.id, case.version, Additions(structure_sets=[info]), ACTOR.entry("contour", case.id)
    )
    return context.cases.get(case.id)


def _edited(context, case):
    plane = EditedPlane(
        z_mm=0.0, polygons_mm=(phantoms.circle((3.0, -2.0), 10.0, 0.0)[:, :2],)
    )  # fmt: skip
    edit = ContourEdit(
        series_uid=case.series[0].uid, set_uid=case.structure_sets[-1].uid, roi_number=1,
        planes=(plane,),
    )  # fmt: skip
    return save_edit(context, ACTOR, case.id, edit)


def _again(context, data, folder, case_id="exported"):
    """Import an exported file into its case; return the newest set."""
    folder.mkdir()
    (folder / "set.dcm").write_bytes(data)
    accepted = check_reading(read_paths([folder]), frozenset())
    return save(context, ACTOR, accepted, case_id=case_id)


@pytest.mark.parametrize("export", [export_rtstruct, export_seg])
def test_an_automatic_set_comes_back_automatic_never_clinical(context, case, tmp_path, export):
    case = _automatic(context, case)
    first = case.structure_sets[-1]
    after = _again(context, export(context, ACTOR, case, first.uid), tmp_path / "out")
    back = after.structure_sets[-1]
    assert len(after.structure_sets) == 3
    assert (back.is_auto, back.is_clinical) == (True, False)
    assert (back.source, back.label) == (first.source, first.label)
    if export is export_rtstruct:
        assert [r.confidence for r in back.rois] == [r.confidence for r in first.rois]
        assert back.rois[0].confidence_reason == "It touches the edge; look at it"
    (said,) = [f for f in after.findings if f.code == "structure-set-not-clinical"]
    assert "drawn by the engine anatomical of this program" in said.message
    assert [s.uid for s in after.structure_sets if s.is_clinical] == [case.structure_sets[0].uid]


@pytest.mark.parametrize("export", [export_rtstruct, export_seg])
def test_an_edited_set_comes_back_edited_never_clinical(context, case, tmp_path, export):
    version = _edited(context, _automatic(context, case)).structure_set
    data = export(context, ACTOR, context.cases.get(case.id), version.uid)
    back = _again(context, data, tmp_path / "out").structure_sets[-1]
    assert (back.is_edited, back.is_clinical, back.is_auto) == (True, False, False)
    assert back.author == "kim"
    if export is export_rtstruct:
        assert (back.created, back.parent_uid) == (version.created, version.parent_uid)
        assert edited_words(back) == edited_words(version)


def test_a_clinical_set_comes_back_clinical(context, case, tmp_path):
    clinical = case.structure_sets[0]
    for number, export in enumerate((export_rtstruct, export_seg)):
        data = export(context, ACTOR, context.cases.get(case.id), clinical.uid)
        back = _again(context, data, tmp_path / f"out{number}").structure_sets[-1]
        assert back.uid != clinical.uid
        assert back.is_clinical


@pytest.mark.parametrize("change", ["stored by a planning system", "a structure added by hand"])
def test_an_automatic_set_that_went_through_other_hands_is_clinical(
    context, case, tmp_path, change
):
    case = _automatic(context, case)
    ds = pydicom.dcmread(
        io.BytesIO(export_rtstruct(context, ACTOR, case, case.structure_sets[-1].uid))
    )
    if change == "stored by a planning system":
        ds.Manufacturer = "Another Company"
    else:
        ds.StructureSetROISequence[0].ROIGenerationAlgorithm = "MANUAL"
    target = io.BytesIO()
    ds.save_as(target)
    back = _again(context, target.getvalue(), tmp_path / "out").structure_sets[-1]
    assert (back.source, back.is_clinical) == ("clinical", True)


def test_the_set_that_is_taken_unnamed_is_the_newest_with_organs_never_habitats(context, case):
    clinical = case.structure_sets[0]
    assert set_to_export(case) == clinical
    case = _automatic(context, case, HABITATS, "Habitats of GTV")
    habitats = case.structure_sets[-1]
    assert set_to_export(case) == clinical
    case = _automatic(context, case, CLICKED, "Click")
    assert set_to_export(case) == clinical
    case = _automatic(context, case)
    organs = case.structure_sets[-1]
    case = _automatic(context, case, HABITATS, "Habitats of GTV again")
    assert set_to_export(case) == organs
    assert set_to_export(case, habitats.uid) == habitats
    assert set_to_export(case, "clinical") == clinical
    ds = pydicom.dcmread(io.BytesIO(export_rtstruct(context, ACTOR, case)))
    assert ds.StructureSetName == organs.label
    only = dataclasses.replace(case, structure_sets=(habitats,))
    with pytest.raises(NotFoundError, match="only when named"):
        set_to_export(only)


def test_sets_of_a_case_without_identity_stay_what_they_are(context, case, tmp_path):
    _edited(context, _automatic(context, case))
    export_folder(context, ACTOR, context.cases.get(case.id), tmp_path / "plain")
    (draft,) = read_paths([tmp_path / "plain"]).drafts
    found = {s.source: s.author for s in draft.structure_sets}
    assert found == {"clinical": "", "auto:anatomical": "", "edited": ""}


def test_an_automatic_set_without_its_image_is_tied_to_it_when_it_comes(context, case, tmp_path):
    case = _automatic(context, case)
    data = export_rtstruct(context, ACTOR, case, case.structure_sets[-1].uid)
    alone = _again(context, data, tmp_path / "out", "alone")
    assert "structures-without-image" in [f.code for f in all_findings(alone)]
    reading = read_paths([tmp_path / "in"])
    after = save(context, ACTOR, check_reading(reading, frozenset()), case_id="alone")
    back = next(s for s in after.structure_sets if s.is_auto)
    assert back.series_uid == after.series[0].uid
    assert all(r.image_gap_mm is not None for r in back.rois)
