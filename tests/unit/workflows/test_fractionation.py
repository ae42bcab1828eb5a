from __future__ import annotations

import dataclasses
import io

import numpy as np
import pydicom
import pytest

from abscope.core.errors import AbscopeError
from abscope.dicom.rtdose import read_dose
from abscope.dicom.write_common import save_all
from abscope.dose.eqd2_map import Schedule
from abscope.dose.metrics import parse_metrics
from abscope.workflows.alpha_betas import (
    AlphaBetas,
    ChosenRatio,
    alpha_betas,
    check_used,
    in_words,
    map_order,
    span_in_words,
)
from abscope.workflows.context import Actor
from abscope.workflows.dose_evaluation import evaluate_dose
from abscope.workflows.exporting import export_rtdose
from abscope.workflows.fractionation import Conversion, effect_map, structure_effects
from abscope.workflows.importing import check_reading, read_paths, save
from abscope.workflows.tumor_effect import Repopulation, overall_days, tumor_effects
from tests import phantoms

ACTOR = Actor(name="tester")
ROIS = [
    phantoms.cylinder_roi(1, "PTV", radius_mm=22.0),
    phantoms.cylinder_roi(2, "GTV", radius_mm=8.0),
    phantoms.cylinder_roi(3, "Heart", radius_mm=15.0),
    phantoms.cylinder_roi(4, "Ring", radius_mm=12.0),
]


@pytest.fixture(name="case")
def _case(context, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    save_all([phantoms.rtstruct(ROIS), phantoms.rtplan(), phantoms.rtdose()], folder, "o")
    reading = read_paths([folder])
    save(context, ACTOR, check_reading(reading, frozenset()), case_id="one", findings=())
    return context.cases.get("one")


def test_gtv_then_organs_then_margins_and_no_helpers(case):
    (info,) = case.structure_sets
    order = [(r.name, b.value_gy) for r, b in map_order(AlphaBetas(), info.rois)]
    assert order == [("GTV", 10.0), ("Heart", 3.0), ("PTV", 10.0)]
    chosen = AlphaBetas(chosen=(ChosenRatio(name="Ring", value_gy=2.0),))
    assert [r.name for r, _ in map_order(chosen, info.rois)] == ["GTV", "Ring", "Heart", "PTV"]
    assert span_in_words(AlphaBetas(), info) == "alpha/beta 3-10 Gy by structure"
    assert "GTV 10, Heart 3, PTV 10; elsewhere 3" in in_words(AlphaBetas(), info)


def test_chosen_ratios_hold_for_names_and_families():
    found = alpha_betas("Lungs=4,other=2")
    assert found.ratio("Lt Lung", None).value_gy == 4.0
    assert (found.ratio("Lt Lung", None).low_gy, found.ratio("Lt Lung", None).high_gy) == (2.5, 4.0)
    exact = AlphaBetas(chosen=(ChosenRatio(name="Lungs", value_gy=4.0),), families=False)
    assert exact.ratio("Lt Lung", None).value_gy == 3.0
    wide = AlphaBetas(chosen=(ChosenRatio(name="Heart", value_gy=2, low_gy=1, high_gy=5),))
    assert (wide.ratio("Heart", "Heart").low_gy, wide.ratio("Heart", "Heart").high_gy) == (1, 5)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Heart", "alpha-beta-unreadable"),
        ("Heart=two", "alpha-beta-unreadable"),
        ("=3", "alpha-beta-unreadable"),
        ("Heart=0.1", "alpha-beta-value"),
        ("other=300", "alpha-beta-value"),
        ("Hart=3", "alpha-beta-unused"),
    ],
)
def test_ratios_that_make_no_sense_are_refused(case, text, code):
    with pytest.raises(AbscopeError) as caught:
        check_used(alpha_betas(text), case.structure_sets[0])
    assert caught.value.code == code
    check_used(alpha_betas("Liver=2"), case.structure_sets[0])  # an organ that is not here


def test_the_map_by_place_and_its_export_read_back(context, case):
    asked = Conversion(betas=alpha_betas("Heart=2,other=4"))
    found = effect_map(context, case, asked)
    physical = np.asarray(context.cases.volume(case.doses[0]).array_zyx, dtype=float)
    by_ratio = {r: physical * (physical / 30 + r) / (2 + r) for r in (2.0, 4.0, 10.0)}
    fits = {r: np.isclose(found.volume.array_zyx, v, atol=1e-3) for r, v in by_ratio.items()}
    assert np.all(fits[2.0] | fits[4.0] | fits[10.0])
    data = export_rtdose(context, ACTOR, case, conversion=asked)
    dataset = pydicom.dcmread(io.BytesIO(data))
    assert (dataset.DoseType, dataset.DoseSummationType) == ("EFFECTIVE", "PLAN")
    assert dataset.DoseComment == "EQD2, 30 fx, alpha/beta 2-10 Gy by structure"
    assert "Heart 2, PTV 10; elsewhere 4" in dataset.ImageComments
    assert "Research use only" in dataset.ImageComments
    read = read_dose(dataset)
    assert (read.dose_type, read.description) == ("EFFECTIVE", dataset.DoseComment)
    assert np.allclose(read.volume.array_zyx, found.volume.array_zyx, atol=1e-5)
    assert read.grid.same_geometry(found.volume.grid)
    plain = pydicom.dcmread(io.BytesIO(export_rtdose(context, ACTOR, case)))
    assert (plain.DoseType, "DoseComment" in plain, "ImageComments" in plain) == (
        "PHYSICAL", False, False,
    )  # fmt: skip
    assert plain.SOPInstanceUID != dataset.SOPInstanceUID
    bed = export_rtdose(context, ACTOR, case, conversion=Conversion(quantity="BED"))
    assert pydicom.dcmread(io.BytesIO(bed)).DoseComment.startswith("BED, 30 fx")


def test_structures_before_and_after(context, case):
    evaluation = evaluate_dose(context, case)
    metrics = parse_metrics("mean,D2%,V20Gy,V95%Rx")
    effects = structure_effects(evaluation, Schedule(fractions=30), Conversion(), metrics)
    heart = next(e for e in effects if e.item.name == "Heart")
    mean, d2, _, _ = heart.metrics
    assert mean.effect < mean.physical  # below 2 Gy per fraction nearly everywhere
    assert mean.low < mean.effect <= mean.high
    d = d2.physical
    assert d2.effect == pytest.approx(d * (d / 30 + 3) / 5, abs=0.02)
    assert not heart.has_band
    ptv = next(e for e in effects if e.item.name == "PTV")
    assert ptv.metrics[3].effect is not None  # the prescription is converted, too
    few = structure_effects(evaluation, Schedule(fractions=4), Conversion(), metrics)
    hot = next(e for e in few if e.item.name == "Heart")
    assert hot.has_band
    assert hot.metrics[0].lql < hot.metrics[0].effect
    assert hot.highest_per_fraction_gy == pytest.approx(hot.item.dvh.max_gy / 4)


def test_time_takes_from_the_tumor_only(context, case):
    evaluation = evaluate_dose(context, case)
    time = Repopulation(overall_days=40)
    rows = tumor_effects(evaluation, Schedule(fractions=30), Conversion(), time)
    assert [r.name for r in rows] == ["Prescription", "PTV, D95%", "GTV, D95%"]
    first = rows[0]
    assert (first.bed_gy, first.bed_with_time_gy) == pytest.approx((72.0, 62.76), abs=0.005)
    assert first.eqd2_with_time_gy == pytest.approx(62.758 / 1.2, abs=0.005)
    assert first.low_gy < first.eqd2_with_time_gy < first.high_gy
    assert time.loss_gy_per_day == pytest.approx(0.770, abs=5e-4)
    assert Repopulation(overall_days=20).left_of(72.0) == 72.0
    assert Repopulation(overall_days=150).left_of(10.0) == 0.0
    with pytest.raises(AbscopeError):
        Repopulation(overall_days=40, doubling_days=0)


def test_overall_days_count_both_ends(context, case):
    assert overall_days(case) is None
    facts = case.facts.updated({"rt_start": "2024-01-01", "rt_end": "2024-02-09"})
    assert overall_days(dataclasses.replace(case, facts=facts)) == 40
