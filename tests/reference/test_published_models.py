"""Published and independently recomputed numbers that the models must give back."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

import models
from abscope.predict.model import Features, RiskModel
from abscope.predict.registry import load_registry
from abscope.predict.split import SplitModel
from models.pneumonitis.dose_response import isoeffective_35_gy
from models.pneumonitis.overlap import four_cells

REGISTRY = load_registry(models.BUILTIN)
ROOT = Path(models.__file__).parent.parent
DATA = Path(os.environ.get("ABSCOPE_TEST_DATA", ROOT / ".." / "shared" / "data"))
SHIM = DATA / "tabular" / "icb-shim-nsclc.csv"

LORIS = REGISTRY.get("loris-nsclc")
APPELT = REGISTRY.get("rp-appelt")
QUANTEC = REGISTRY.get("rp-quantec")
CIP = REGISTRY.get("cip")
ANY = REGISTRY.get("pneumonitis-any")

LORIS_COLUMNS = (
    "tmb_mut_per_mb", "pdl1_tps_percent", "prior_systemic_therapy", "albumin_g_per_dl", "nlr",
)  # fmt: skip
REFERENCE_PATIENT = {
    "age_years": 60.0,
    "pulmonary_comorbidity": 0.0,
    "tumor_location": "upper",
    "sequential_chemo": 0.0,
    "smoking": "never",
}
#: The synthetic facts that go with the public CT LUNG1-001.
REAL_CASE = {
    "age_years": 83.0,
    "pulmonary_comorbidity": 1.0,
    "tumor_location": "middle",
    "sequential_chemo": 0.0,
    "smoking": "former",
}


def _probability(model: RiskModel, values: dict[str, float | str]) -> float:
    probability = model.predict(Features.of(values)).probability
    assert probability is not None
    return probability


@pytest.mark.parametrize(
    ("values", "score"),
    [
        ((5, 0, 1, 3.5, 8), 0.3064),
        ((10, 50, 0, 4.0, 4), 0.6171),
        ((15, 90, 0, 4.2, 2.5), 0.7634),
        ((10, 50, 1, 3.8, 4.198), 0.5104),
    ],
)
def test_loris_score(values, score):
    prediction = LORIS.predict(Features.of(dict(zip(LORIS_COLUMNS, values, strict=True))))
    assert score == pytest.approx(prediction.score, abs=5e-5)
    assert prediction.cutoff == 0.44


def test_loris_probability_of_the_real_case():
    values = dict(zip(LORIS_COLUMNS, (10, 50, 1, 3.8, 4.198), strict=True))
    prediction = LORIS.predict(
        Features.of({**values, "stage": "IIIB", "concurrent_chemo": 1.0, "histology": "squamous"})
    )
    assert pytest.approx(0.292, abs=5e-4) == prediction.probability
    assert prediction.domain == "edge"
    baseline_labs = {**values, "albumin_g_per_dl": 4.0, "nlr": 4.0}
    assert pytest.approx(0.308, abs=5e-4) == _probability(LORIS, baseline_labs)


def test_loris_clips_as_in_training():
    base = dict(zip(LORIS_COLUMNS, (50, 50, 0, 4.0, 25), strict=True))
    beyond = {**base, "tmb_mut_per_mb": 70.0, "nlr": 40.0}
    assert _probability(LORIS, base) == _probability(LORIS, beyond)


@pytest.mark.data
@pytest.mark.skipif(not SHIM.is_file(), reason="the cohort table is not here (ABSCOPE_TEST_DATA)")
def test_loris_discrimination_in_the_shim_cohort():
    names = ("TMB", "PDL1_TPS(%)", "Systemic_therapy_history", "Albumin", "NLR")
    scores, responses = [], []
    with SHIM.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            cells = [row[name] for name in names]
            if all(cells):
                values = dict(zip(LORIS_COLUMNS, map(float, cells), strict=True))
                scores.append(_probability(LORIS, values))
                responses.append(int(row["Response"]))
    assert len(scores) == 144
    assert pytest.approx(0.692, abs=0.002) == roc_auc_score(responses, scores)


@pytest.mark.parametrize(
    ("mld_gy", "percent"), [(7, 2.2), (10, 3.3), (13, 4.9), (16, 7.3), (20, 12.0), (24, 19.2)]
)
def test_appelt_reference_patient(mld_gy, percent):
    values = {**REFERENCE_PATIENT, "mld_iso35_gy": float(mld_gy)}
    assert percent == pytest.approx(100 * _probability(APPELT, values), abs=0.05)


@pytest.mark.parametrize(
    ("mld_gy", "smoking", "comorbidity"),
    [(34.4, "never", 0), (37.8547, "current", 0), (31.9303, "current", 1)],
)
def test_appelt_half_points_of_cerr(mld_gy, smoking, comorbidity):
    values = {
        **REFERENCE_PATIENT,
        "mld_iso35_gy": mld_gy,
        "smoking": smoking,
        "pulmonary_comorbidity": float(comorbidity),
    }
    assert pytest.approx(0.5, abs=1e-5) == _probability(APPELT, values)


@pytest.mark.parametrize(
    ("mld_gy", "percent"), [(7, 20), (10, 28), (13, 37), (16, 47), (20, 61), (24, 73)]
)
def test_appelt_worst_patient(mld_gy, percent):
    values = {
        "mld_iso35_gy": float(mld_gy),
        "age_years": 70.0,
        "pulmonary_comorbidity": 1.0,
        "tumor_location": "lower",
        "sequential_chemo": 1.0,
        "smoking": "never",
    }
    assert percent == pytest.approx(100 * _probability(APPELT, values), abs=0.5)


@pytest.mark.parametrize(("mld_gy", "percent"), [(8.08, 11.3), (10.06, 14.4)])
def test_appelt_factors_of_the_real_case(mld_gy, percent):
    values = {**REAL_CASE, "mld_iso35_gy": mld_gy}
    assert percent == pytest.approx(100 * _probability(APPELT, values), abs=0.05)


def test_appelt_from_the_physical_mean_lies_between_the_two():
    physical = {**REAL_CASE, "mld_gy": 8.08, "fractions": 30.0}
    assert 0.113 < _probability(APPELT, physical) < 0.116
    assert any("approximate" in n for n in APPELT.predict(Features.of(physical)).notes)


@pytest.mark.parametrize(
    ("dose_gy", "fractions", "expected_gy"),
    [(20, 30, 20.458), (60, 30, 62.636), (54, 3, 153.52), (42, 35, 42.0)],
)
def test_isoeffective_dose(dose_gy, fractions, expected_gy):
    assert expected_gy == pytest.approx(isoeffective_35_gy(dose_gy, fractions), abs=0.005)


@pytest.mark.parametrize(
    ("mld_gy", "percent"),
    [(7, 4.8), (13, 9.7), (20, 20.6), (24, 30.0), (27, 38.5), (8.08, 5.5), (10.06, 6.9)],
)
def test_quantec(mld_gy, percent):
    prediction = QUANTEC.predict(Features.of({"mld_gy": float(mld_gy)}))
    assert percent == pytest.approx(100 * prediction.probability, abs=0.055)
    assert any("Not verified" in note for note in prediction.notes)


def _cip(**values: float | str) -> float:
    none = {"histology": "adenocarcinoma", "prior_thoracic_rt": 0.0, "ild": 0.0,
            "pulmonary_comorbidity": 0.0, "ici_agent": "nivolumab"}  # fmt: skip
    return _probability(CIP, {**none, **values})


def _odds(probability: float) -> float:
    return probability / (1 - probability)


def test_cip_base_rates_and_odds_ratios():
    assert pytest.approx(0.036) == _cip()
    assert pytest.approx(0.013) == _cip(ici_agent="durvalumab")
    squamous_rt = _odds(_cip(histology="squamous", prior_thoracic_rt=1.0)) / _odds(0.036)
    assert pytest.approx(1.31 * 2.07) == squamous_rt
    both = _odds(_cip(ild=1.0, pulmonary_comorbidity=1.0)) / _odds(0.036)
    assert pytest.approx(5.78) == both


def test_combination_reproduces_pacific():
    cells = four_cells(0.141, 0.0662)
    assert pytest.approx(0.198, abs=5e-4) == 1 - cells.neither
    total = cells.neither + cells.rp_only + cells.cip_only + cells.both
    assert pytest.approx(1.0, abs=1e-12) == total


def test_combination_is_composed_of_its_parts():
    patient = {**REFERENCE_PATIENT, "mld_iso35_gy": 13.0, "ici_agent": "durvalumab", "ild": 0.0}
    p_rp = _probability(APPELT, patient)
    expected = 1 - (1 - p_rp) * (1 - 0.0662)
    assert pytest.approx(expected, abs=1e-12) == _probability(ANY, patient)
    assert isinstance(ANY, SplitModel)
    cells = ANY.split(Features.of(patient))
    assert (pytest.approx(p_rp), pytest.approx(0.0662)) == (cells.p_rp, cells.p_ici)


def test_the_combined_interval_includes_no_effect():
    patient = {**REFERENCE_PATIENT, "mld_iso35_gy": 13.0, "ici_agent": "durvalumab", "ild": 0.0}
    low, high = ANY.predict(Features.of(patient)).interval
    assert low < _probability(APPELT, patient) < high
