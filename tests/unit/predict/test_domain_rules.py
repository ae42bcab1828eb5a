"""The rules by which our models put a patient inside, at the edge or outside."""

from __future__ import annotations

import pytest

import models
from abscope.predict.domain import is_nsclc, is_squamous
from abscope.predict.model import Features
from abscope.predict.registry import load_registry

REGISTRY = load_registry(models.BUILTIN)


def _predict(model_id: str, **changes: float | str | None):
    model = REGISTRY.get(model_id)
    return model.predict(Features.of({**model.card.example, **changes}))


@pytest.mark.parametrize(
    ("changes", "domain"),
    [
        ({}, "in"),
        ({"stage": "IIIA", "concurrent_chemo": 1.0}, "edge"),
        ({"stage": "IIIB", "prior_thoracic_rt": 1.0}, "edge"),
        ({"stage": "III"}, "in"),
        ({"stage": "IB"}, "out"),
        ({"cancer_type": "SCLC"}, "out"),
        ({"cancer_type": "melanoma"}, "out"),
        ({"histology": "small cell"}, "out"),
        ({"histology": "non-small cell"}, "in"),
        ({"ici_regimen": "carboplatin-pemetrexed + 200 mg Q3W"}, "out"),
        ({"ici_regimen": "200 mg Q3W"}, "in"),
        ({"ici_agent": "ipilimumab+nivolumab"}, "edge"),
        ({"albumin_g_per_dl": 2.5}, "edge"),
        ({"albumin_g_per_dl": 1.5}, "out"),
        ({"tmb_mut_per_mb": 60.0}, "edge"),
    ],
)
def test_loris(changes, domain):
    assert domain == _predict("loris-nsclc", **changes).domain


@pytest.mark.parametrize(
    ("model_id", "prescribed_gy", "fractions", "domain"),
    [
        ("rp-appelt", 60.0, 30.0, "in"),
        ("rp-appelt", 55.0, 20.0, "in"),
        ("rp-appelt", 60.0, 15.0, "edge"),
        ("rp-appelt", 36.0, 30.0, "edge"),
        ("rp-appelt", 54.0, 3.0, "out"),
        ("rp-appelt", 48.0, 8.0, "out"),
        ("rp-appelt", None, 30.0, "edge"),
        ("rp-quantec", 60.0, 30.0, "in"),
        ("rp-quantec", 55.0, 20.0, "edge"),
        ("rp-quantec", 60.0, 15.0, "out"),
        ("rp-quantec", None, None, "edge"),
        ("pneumonitis-any", 54.0, 3.0, "out"),
    ],
)
def test_dose_per_fraction(model_id, prescribed_gy, fractions, domain):
    prediction = _predict(model_id, prescribed_gy=prescribed_gy, fractions=fractions)
    assert domain == prediction.domain


def test_mediastinal_counts_as_reference_and_is_said():
    upper, mediastinal = (_predict("rp-appelt", tumor_location=t) for t in ("upper", "mediastinal"))
    assert upper.probability == mediastinal.probability
    assert mediastinal.domain == "edge"
    assert any("mediastinal" in note for note in mediastinal.notes)


def test_two_checkpoint_inhibitors_have_no_number():
    for model_id in ("cip", "pneumonitis-any"):
        prediction = _predict(model_id, ici_agent="ipilimumab+nivolumab")
        assert prediction.probability is None
        assert "two checkpoint inhibitors" in prediction.reason


def test_a_pd1_inhibitor_after_chemoradiation_has_no_number():
    prediction = _predict("pneumonitis-any", ici_agent="pembrolizumab")
    assert prediction.probability is None
    assert "PD-1 rates were higher" in prediction.reason
    assert REGISTRY.get("pneumonitis-any").split(Features.of({})) is None


def test_without_a_checkpoint_inhibitor_there_is_nothing_to_combine():
    assert "rp-appelt" in _predict("pneumonitis-any", ici_agent=None).reason


@pytest.mark.parametrize(
    "changes",
    [
        {"ici_agent": "atezolizumab"},
        {"sequential_chemo": 1.0},
        {"concurrent_chemo": 0.0},
        {"stage": "IV"},
        {"ild": 1.0},
    ],
)
def test_other_than_pacific_is_at_the_edge(changes):
    assert _predict("pneumonitis-any", **changes).domain == "edge"


def test_the_range_of_cip_is_no_calibrated_interval():
    prediction = _predict("cip")
    assert prediction.level is None
    assert "not a calibrated interval" in prediction.interval_reason
    bare = _predict("cip", histology="adenocarcinoma", prior_thoracic_rt=0.0,
                    pulmonary_comorbidity=0.0)  # fmt: skip
    assert bare.interval is None


def test_the_isoeffective_dose_wins_over_the_physical_one():
    prediction = _predict("rp-appelt", mld_iso35_gy=20.0, mld_gy=5.0)
    assert prediction.inputs["mld_iso35_gy"] == 20.0
    assert prediction.notes == ()


@pytest.mark.parametrize(
    ("cancer", "histology", "expected"),
    [
        ("Non-small cell lung cancer", "", True),
        ("nsclc", "squamous", True),
        ("small-cell lung cancer", "", False),
        ("", "", None),
        ("mesothelioma", "", False),
    ],
)
def test_cancer_types_are_read(cancer, histology, expected):
    assert expected is is_nsclc(cancer, histology)


def test_squamous_is_read():
    assert is_squamous("SCC")
    assert not is_squamous("adenosquamous carcinoma")
    assert not is_squamous("nonsquamous")
