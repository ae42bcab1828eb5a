"""SUV of a stored case: which PET, at which point, and what may be laid over what."""

from __future__ import annotations

import pytest

from abscope.core.errors import NotFoundError
from abscope.core.geometry import Grid
from abscope.workflows.context import Actor
from abscope.workflows.importing import check_reading, save
from abscope.workflows.pet import (
    at_point,
    choose_pet,
    fusable_pets,
    highest,
    shown_volume,
    suv_in_frame,
)
from abscope.workflows.scenes import scene_parts
from tests import image_phantoms, phantoms
from tests.unit.dicom.uploads import read

ACTOR = Actor(name="test")
GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(6, 12, 20),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip


@pytest.fixture(name="case")
def _case(context):
    """Return a case with a CT, two PETs in its frame and one elsewhere."""
    newer = image_phantoms.pet_series(grid=GRID, name="newer", AcquisitionDate="20240601")
    elsewhere = image_phantoms.pet_series(grid=GRID, name="other", FrameOfReferenceUID="1.2.3")
    groups = [phantoms.ct_series(grid=GRID), image_phantoms.pet_series(grid=GRID), newer, elsewhere]
    return save(context, ACTOR, check_reading(read(*groups), frozenset()))


def test_the_newest_pet_is_read_unless_one_is_named(case):
    assert choose_pet(case, None).date == "2024-06-01"
    other = next(s for s in case.series if s.modality == "PT" and s.date == "2024-03-05")
    assert choose_pet(case, other.uid) is other
    for uid in ("1.2.3.4", next(s.uid for s in case.series if s.modality == "CT")):
        with pytest.raises(NotFoundError) as refused:
            choose_pet(case, uid)
        assert refused.value.code == "no-pet"


def test_values_at_a_point_between_voxels_in_the_nearest_and_the_highest(context, case):
    series = next(s for s in case.series if s.date == "2024-03-05" and s.modality == "PT")
    between, nearest = at_point(context, series, (-39.2, -41.0, -30.5))
    assert between.value == pytest.approx(20_000 - 3_920 - 2_050 + 2_440, abs=2)
    assert nearest.at_mm == (-40.0, -42.0, -32.0)
    assert nearest.value == pytest.approx(20_000 - 4_000 - 2_100 + 2_560, abs=1.2)
    factor = series.suv.factor
    assert between.suv == pytest.approx(between.value * factor)
    assert highest(context, series).at_mm == (-2.0, -9.0, -32.0)
    with pytest.raises(NotFoundError) as refused:
        at_point(context, series, (0.0, 0.0, 500.0))
    assert refused.value.code == "point-outside"


def test_only_a_pet_of_the_same_frame_is_laid_over_the_ct(context, case):
    ct = next(s for s in case.series if s.modality == "CT")
    pets = fusable_pets(case, ct.uid)
    assert [s.date for s in pets] == ["2024-06-01", "2024-03-05"]
    parts = scene_parts(context, case, ct.uid, [], None, pet_uid=pets[1].uid)
    assert (parts.image.unit, parts.pet.unit) == ("HU", "g/mL")
    other = next(s for s in case.series if s.grid.frame_of_reference_uid == "1.2.3")
    assert scene_parts(context, case, ct.uid, [], None, pet_uid=other.uid).pet is None
    assert fusable_pets(case, other.uid) == ()
    assert scene_parts(context, case, other.uid, [], None).image.unit == "g/mL"


def test_a_pet_without_factor_is_shown_in_its_own_unit(context):
    slices = image_phantoms.pet_series(grid=GRID, PatientWeight=None)
    case = save(context, ACTOR, check_reading(read(slices), frozenset()))
    assert shown_volume(context, case.series[0]).unit == "BQML"
    assert highest(context, case.series[0]).suv is None


def test_an_engine_is_given_the_newest_pet_with_an_suv_in_the_frame_of_the_ct(context, case):
    ct = next(s for s in case.series if s.modality == "CT")
    newest = next(s for s in case.series if s.date == "2024-06-01")
    found = suv_in_frame(context, case, ct.uid)
    assert found.note == ""
    assert (found.volume.unit, found.volume.grid.shape_zyx) == ("g/mL", GRID.shape_zyx)
    stored = context.cases.volume(newest).array_zyx
    assert found.volume.array_zyx[0, 0, 0] == pytest.approx(stored[0, 0, 0] * newest.suv.factor)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PatientWeight": None}, "(0010,1030)"),
        ({"RadionuclideTotalDose": None}, "(0018,1074)"),
        ({"FrameOfReferenceUID": "1.2.3"}, "another frame of reference"),
    ],
)
def test_a_pet_that_gives_no_suv_is_not_used_and_the_reason_is_said(context, changes, words):
    groups = [phantoms.ct_series(grid=GRID), image_phantoms.pet_series(grid=GRID, **changes)]
    case = save(context, ACTOR, check_reading(read(*groups), frozenset()))
    ct = next(s for s in case.series if s.modality == "CT")
    found = suv_in_frame(context, case, ct.uid)
    assert found.volume is None
    assert found.note.startswith("The PET was not used: ")
    assert words in found.note


def test_without_a_pet_there_is_nothing_to_say(context):
    case = save(context, ACTOR, check_reading(read(phantoms.ct_series(grid=GRID)), frozenset()))
    found = suv_in_frame(context, case, case.series[0].uid)
    assert (found.volume, found.note) == (None, "")
