from __future__ import annotations

import pytest

import models
from abscope.core.errors import InputError
from abscope.predict.registry import load_registry
from abscope.predict.score_table import score_rows

REGISTRY = load_registry(models.BUILTIN)
LORIS = REGISTRY.get("loris-nsclc")
ROW = {
    "patient": "7",
    "tmb_mut_per_mb": "10",
    "pdl1_tps_percent": "50",
    "prior_systemic_therapy": "no",
    "albumin_g_per_dl": "4.0",
    "nlr": "4",
}


def _one(**cells: str | None):
    ((number, prediction),) = score_rows(LORIS, [{**ROW, **cells}])
    assert number == 1
    return prediction


def test_rows_keep_their_order():
    numbers, predictions = zip(*score_rows(LORIS, [ROW, {**ROW, "nlr": "8"}]), strict=True)
    assert numbers == (1, 2)
    assert predictions[0].probability > predictions[1].probability


def test_column_names_are_read_with_spaces_capitals_and_byte_order_mark():
    row = {"\ufeffTMB_mut_per_Mb ": "10", **{k: v for k, v in ROW.items() if k[0] != "t"}}
    ((_, prediction),) = score_rows(LORIS, [row])
    assert prediction.missing == ()


@pytest.mark.parametrize("cell", ["", "  ", None])
def test_an_empty_cell_is_missing(cell):
    prediction = _one(albumin_g_per_dl=cell)
    assert prediction.missing == ("albumin_g_per_dl",)
    assert prediction.probability is None


@pytest.mark.parametrize("cell", ["NA", "nan", "N/A", "null", "?"])
def test_a_word_for_nothing_is_missing_and_said(cell):
    prediction = _one(nlr=cell)
    assert prediction.missing == ("nlr",)
    assert prediction.probability is None
    assert any(f"'{cell}' was read as missing" in note for note in prediction.notes)


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("albumin_g_per_dl", "38"),
        ("albumin_g_per_dl", "3,8"),
        ("nlr", "<5"),
        ("nlr", "inf"),
        ("tmb_mut_per_mb", "-1"),
        ("prior_systemic_therapy", "2"),
        ("age_years", "9"),
    ],
)
def test_a_cell_that_does_not_fit_withholds_the_row(field, cell):
    prediction = _one(**{field: cell})
    assert prediction.probability is None
    assert prediction.domain == "out"
    assert field in prediction.reason


def test_a_table_of_something_else_is_refused():
    with pytest.raises(InputError, match="No column"):
        score_rows(LORIS, [{"height": "180"}])


def test_an_empty_table_gives_no_rows():
    assert score_rows(LORIS, []) == []


def test_the_isoeffective_dose_is_a_column_too():
    row = {
        "mld_iso35_gy": "13", "age_years": "60", "pulmonary_comorbidity": "0",
        "tumor_location": "Upper", "sequential_chemo": "0", "smoking": "never",
    }  # fmt: skip
    ((_, good), (_, bad)) = score_rows(
        REGISTRY.get("rp-appelt"), [row, {**row, "mld_iso35_gy": "high"}]
    )
    assert pytest.approx(0.049, abs=5e-4) == good.probability
    assert "mld_iso35_gy" in bad.reason
