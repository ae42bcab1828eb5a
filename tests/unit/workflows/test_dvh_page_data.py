"""What the DVH section shows beside the curves: bands and the table of the curves."""

from __future__ import annotations

import csv
import dataclasses

import numpy as np
import pytest

from abscope.core.errors import RefusedError
from abscope.dose.metrics import evaluate, parse_metric
from abscope.workflows.context import Actor
from abscope.workflows.dose_evaluation import evaluate_dose
from abscope.workflows.doubt import plausible
from abscope.workflows.dvh_bands import SAID, dvh_spread
from abscope.workflows.dvh_csv import COLUMNS, dvh_csv
from abscope.workflows.importing import check_reading, read_paths, save
from tests import phantoms

ACTOR = Actor(name="tester")


@pytest.fixture(name="case")
def _case(context, tmp_path):
    heart = dataclasses.replace(phantoms.cylinder_roi(), name="Heart")
    folder = phantoms.write_folder(
        tmp_path / "in", phantoms.ct_series(),
        [phantoms.rtstruct([heart, phantoms.sphere_roi(2, "=ring")])],
        [phantoms.rtplan(), phantoms.rtdose()],
    )  # fmt: skip
    return save(context, ACTOR, check_reading(read_paths([folder]), frozenset()), case_id="bands")


@pytest.mark.parametrize("cause", ["contour", "grid"])
def test_the_band_holds_the_curve_and_its_metrics(context, case, cause):
    evaluation = evaluate_dose(context, case)
    item = evaluation.structures[0]
    band = dvh_spread(context, case, evaluation, "Heart", cause, plan=1)
    assert (band.plan, band.name, band.cause) == (1, "Heart", cause)
    assert cause in SAID
    assert band.coverage > 0.99
    doses = np.arange(0.0, item.dvh.max_gy + 1, 0.25)
    for unit, scale in (("cm³", 1.0), ("%", 100.0 / item.dvh.covered_volume_cm3)):
        low, high = band.volumes(doses, unit)
        own = np.array([item.dvh.volume_at_least(float(d)) for d in doses]) * scale
        assert np.all(low <= own + 1e-6)
        assert np.all(own <= high + 1e-6)
    metric = parse_metric("D95%")
    ends = band.ends(metric, evaluation, item)
    assert ends.low <= evaluate(item.dvh, metric).value <= ends.high


def test_contour_band_in_cm3_ends_at_the_volumes_of_the_alternatives(context, case):
    evaluation = evaluate_dose(context, case)
    band = dvh_spread(context, case, evaluation, "Heart", "contour")
    low, high = band.volumes(np.zeros(1), "cm³")
    tighter, _, looser = plausible(context, case, "clinical:Heart").volumes_cm3
    assert (low[0], high[0]) == pytest.approx((tighter, looser), rel=0.01)
    assert band.volumes(np.zeros(1), "%")[0][0] == pytest.approx(100)


def test_no_band_where_nothing_is_known_of_the_contour(context, case):
    evaluation = evaluate_dose(context, case)
    with pytest.raises(RefusedError) as caught:
        dvh_spread(context, case, evaluation, "=ring", "contour")
    assert caught.value.code == "doubt-unknown"
    with pytest.raises(RefusedError) as caught:
        dvh_spread(context, case, evaluation, "nothing", "grid")
    assert caught.value.code == "structure-not-found"


def test_csv_holds_the_curves_and_nothing_of_the_patient(context, case):
    evaluation = evaluate_dose(context, case)
    text = dvh_csv([evaluation, evaluation]).decode()
    for secret in (phantoms.PATIENT.name, phantoms.PATIENT.id, evaluation.dose.uid):
        assert str(secret) not in text
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert evaluation.dose.uid[-8:] in comments[0]
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert tuple(rows[0]) == COLUMNS
    assert {r["plan"] for r in rows} == {"A", "B"}
    assert {r["structure"] for r in rows} == {"Heart", "'=ring"}
    heart = [r for r in rows if r["structure"] == "Heart" and r["plan"] == "B"]
    dvh = evaluation.structures[0].dvh
    assert float(heart[0]["volume_cm3"]) == pytest.approx(dvh.volume_cm3, abs=1e-3)
    assert float(heart[-1]["volume_cm3"]) == 0
    for row in heart[::50]:
        at = float(row["dose_gy"])
        assert float(row["volume_cm3"]) == pytest.approx(dvh.volume_at_least(at), abs=1e-3)
    spread = sum(float(r["volume_percent_per_gy"]) for r in heart) * 0.1
    assert spread == pytest.approx(100, abs=0.1)
