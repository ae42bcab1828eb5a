"""Outlines of a click as choices, the one that is taken as GTVp, and habitats of a stored tumor."""

from __future__ import annotations

import dataclasses

import pytest

from abscope.core.errors import EngineError, NotFoundError, RefusedError
from abscope.core.geometry import Grid
from abscope.core.structures import StructureSet
from abscope.store.cases import Additions
from abscope.workflows.context import Actor
from abscope.workflows.habitats import CT_ALONE, NO_HYPOXIA, store_habitats, tumor_habitats
from abscope.workflows.importing import check_reading, save
from abscope.workflows.rows import structure_info
from abscope.workflows.tumors import choices_of, clicked_sets, use_as_primary
from tests import image_phantoms, phantoms
from tests.unit.dicom.uploads import read

ACTOR = Actor(name="kim")
GRID = Grid.regular(
    origin_mm=(-30.0, -30.0, -30.0), spacing_zyx_mm=(3.0, 2.0, 2.0), shape_zyx=(21, 31, 31),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip


def _halves(points):
    """Return 0 HU, and 60 HU where z is above zero."""
    return 60.0 * (points[:, 2] > 0)


def _sphere(number, name, radius_mm, standard=None):
    roi = phantoms.sphere_roi(number, name, radius_mm, (0.0, 0.0, 0.0), gap_mm=3.0)
    return dataclasses.replace(
        roi, standard_name=standard, confidence=0.8, confidence_reason="Because."
    )


def _case(context, *, pet: bool = False):
    """Return a case with a CT, perhaps a PET, and what a click has drawn: spheres."""
    groups = [phantoms.ct_series(content=_halves, grid=GRID)]
    if pet:
        groups.append(image_phantoms.pet_series(grid=GRID))
    case = save(context, ACTOR, check_reading(read(*groups), frozenset()))
    series = next(s for s in case.series if s.modality == "CT")
    drawn = StructureSet(
        uid="1.2.840.1", label="Click 2.1", source="auto:click", series_uid=series.uid,
        frame_of_reference_uid=phantoms.FRAME_UID, slice_uids=series.slice_uids,
        rois=(
            _sphere(1, "GTV_Click", 15.0, "GTV_Click"),
            _sphere(2, "GTV_Click_Tighter", 12.0),
            _sphere(3, "GTV_Click_Looser", 18.0),
        ),
    )  # fmt: skip
    info = structure_info(drawn, series.grid, context.cases.put_contours(drawn.rois))
    entry = ACTOR.entry("contour", case.id, set=info.uid)
    context.cases.extend(case.id, case.version, Additions(structure_sets=[info]), entry)
    return context.cases.get(case.id)


def test_the_choices_go_from_tighter_to_looser_with_numbers_and_pictures(context):
    case = _case(context)
    (info,) = clicked_sets(case)
    found = choices_of(context, case, info.uid)
    assert [c.title for c in found] == ["Tighter", "Standard", "Looser"]
    volumes = [c.row.volume_cm3 for c in found]
    assert volumes == sorted(volumes)
    assert all(c.picture.startswith(b"\x89PNG") for c in found)
    assert [c.confidence for c in found] == [
        None,
        0.8,
        None,
    ]  # though all three were stored with it
    assert found[1].mean_hu == pytest.approx(30.0, abs=6.0)
    assert found[1].center_mm == pytest.approx((0.0, 0.0, 0.0), abs=1.0)


def test_the_one_that_is_used_becomes_gtvp_in_a_version_of_its_own(context):
    case = _case(context)
    (info,) = clicked_sets(case)
    before = context.cases.structure_set(info)
    stored = use_as_primary(context, ACTOR, case.id, info.uid, 3)
    after = context.cases.get(case.id)
    assert [s.uid for s in after.structure_sets] == [info.uid, stored.uid]
    assert (stored.author, stored.parent_uid, stored.is_edited) == ("kim", info.uid, True)
    (row,) = stored.rois
    assert (row.name, row.standard_name, row.interpreted_type) == ("GTVp", "GTVp", "GTV")
    assert row.volume_cm3 == pytest.approx(next(r for r in info.rois if r.number == 3).volume_cm3)
    kept = context.cases.structure_set(next(s for s in after.structure_sets if s.uid == info.uid))
    assert [r.name for r in kept.rois] == [r.name for r in before.rois]
    with pytest.raises(NotFoundError):
        use_as_primary(context, ACTOR, case.id, "1.2.3", 1)


def test_habitats_are_found_on_the_ct_of_the_tumor_and_stored_once(context):
    case = _case(context)
    (info,) = clicked_sets(case)
    reference = f"{info.uid}:GTV_Click_Looser"
    found = tumor_habitats(context, case, reference)
    assert [i.hu_mean for i in found.habitats.items] == pytest.approx([0.0, 60.0], abs=6.0)
    assert CT_ALONE in found.warnings
    assert NO_HYPOXIA not in found.warnings  # no PET, no word of FDG
    assert found.as_json()["habitats"][0]["suv_mean"] is None
    assert (found.pet_note, found.air_note) == ("", "")
    assert found.picture.startswith(b"\x89PNG")
    first, second = (store_habitats(context, ACTOR, case.id, reference) for _ in range(2))
    assert first.info.uid == second.info.uid
    stored = context.cases.get(case.id).structure_sets[-1]
    assert (stored.uid, stored.source) == (first.info.uid, "auto:habitats")
    assert [(r.name, r.standard_name) for r in stored.rois] == [
        ("Habitat_1", None), ("Habitat_2", None)
    ]  # fmt: skip
    volumes = [i.volume_cm3 for i in found.habitats.items]
    assert [r.volume_cm3 for r in stored.rois] == pytest.approx(volumes, rel=0.03)


def test_a_pet_in_the_frame_takes_part_in_habitats(context):
    case = _case(context, pet=True)
    (info,) = clicked_sets(case)
    found = tumor_habitats(context, case, f"{info.uid}:GTV_Click_Looser")
    assert found.habitats.with_suv
    assert NO_HYPOXIA in found.warnings
    assert CT_ALONE not in found.warnings
    assert found.as_json()["habitats"][0]["suv_max"] > 1.0


def test_habitats_of_a_small_tumor_or_without_its_ct_are_refused(context):
    case = _case(context)
    (info,) = clicked_sets(case)
    small = dataclasses.replace(
        context.cases.structure_set(info), uid="1.2.840.2", rois=(_sphere(1, "GTV_1", 6.0, "GTV"),)
    )
    absent = dataclasses.replace(small, uid="1.2.840.3", series_uid="1.2.3.4")
    infos = [structure_info(s, GRID, context.cases.put_contours(s.rois)) for s in (small, absent)]
    entry = ACTOR.entry("contour", case.id, set=small.uid)
    context.cases.extend(case.id, case.version, Additions(structure_sets=infos), entry)
    case = context.cases.get(case.id)
    with pytest.raises(EngineError) as refused:
        tumor_habitats(context, case, "1.2.840.2:1")
    assert refused.value.code == "habitats-tumor-too-small"
    with pytest.raises(RefusedError) as without:
        tumor_habitats(context, case, "1.2.840.3:1")
    assert without.value.code == "habitats-without-image"
