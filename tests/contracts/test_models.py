"""What every registered model owes its readers, whatever it predicts."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from abscope.core.errors import ModelError, UsageError
from abscope.predict.card import CHECKSUMS, read_model_file
from abscope.predict.model import Card, Features, InputSpec, Prediction, RiskModel
from abscope.predict.registry import load_registry
from abscope.predict.score_table import score_rows
from models.seal import main as seal

REGISTRY = load_registry(models.BUILTIN)
ROOT = Path(models.__file__).parent
FORBIDDEN_WORDS = re.compile(r"\b(will|caused|causes|recommended)\b", re.IGNORECASE)
SPACES = ("log-odds", "probability")

every_model = pytest.mark.parametrize("model", list(REGISTRY), ids=REGISTRY.ids())


def _features(card: Card, **changes: float | str | None) -> Features:
    return Features.of({**card.example, **changes})


def _numeric(card: Card) -> list[InputSpec]:
    return [spec for spec in card.inputs if spec.plausible is not None]


def _check_sound(prediction: Prediction) -> None:
    if prediction.probability is None:
        assert prediction.reason
        assert prediction.interval is None
    else:
        assert 0.0 <= prediction.probability <= 1.0
        assert prediction.reason == ""
    if prediction.interval is not None:
        low, high = prediction.interval
        assert 0.0 <= low <= prediction.probability <= high <= 1.0
        assert prediction.level is not None or prediction.interval_reason
    else:
        assert prediction.interval_reason
    assert all(not isinstance(v, float) or math.isfinite(v) for v in prediction.inputs.values())
    assert prediction.domain == "in" or prediction.domain_reasons


def test_expected_models_are_registered():
    expected = {"loris-nsclc", "rp-appelt", "rp-quantec", "cip", "pneumonitis-any"}
    assert expected <= set(REGISTRY.ids())


@every_model
def test_card_is_complete(model: RiskModel):
    card = model.card
    for field in dataclasses.fields(Card):
        if field.type == "str":
            assert getattr(card, field.name).strip(), field.name
    assert card.limits
    assert all(spec.label and spec.help for spec in card.inputs)
    assert all(spec.plausible or spec.choices or not spec.unit for spec in card.inputs)
    assert {s.name for s in card.inputs if s.required and not s.replaced_by} <= set(card.example)
    assert "Research use only" in REGISTRY.card_text(card.id)


@every_model
def test_card_claims_no_more_than_association(model: RiskModel):
    words = json.dumps(dataclasses.asdict(model.card)) + REGISTRY.card_text(model.card.id)
    assert FORBIDDEN_WORDS.findall(words) == []


@every_model
def test_the_example_is_answered_inside_the_domain(model: RiskModel):
    prediction = model.predict(_features(model.card))
    _check_sound(prediction)
    assert prediction.probability is not None
    assert prediction.domain == "in"
    assert prediction.missing == ()


@every_model
def test_the_same_inputs_give_the_same_bits(model: RiskModel):
    assert model.predict(_features(model.card)) == model.predict(_features(model.card))
    again = load_registry(models.BUILTIN).get(model.card.id)
    assert model.predict(_features(model.card)) == again.predict(_features(model.card))


@every_model
def test_the_order_of_patients_changes_nothing(model: RiskModel):
    example = {name: str(value) for name, value in model.card.example.items()}
    others = [{**example, s.name: str(s.plausible[1])} for s in _numeric(model.card)]
    rows = [example, *others]
    forward = [p for _, p in score_rows(model, rows)]
    backward = [p for _, p in score_rows(model, rows[::-1])]
    assert forward == backward[::-1]


@every_model
def test_a_missing_required_input_is_named(model: RiskModel):
    for spec in model.card.inputs:
        if spec.required:
            prediction = model.predict(_features(model.card, **{spec.name: None}))
            _check_sound(prediction)
            assert prediction.probability is None
            assert prediction.missing == (spec.name,)
            assert spec.name in prediction.reason
            assert model.explain(_features(model.card, **{spec.name: None})) is None


@every_model
def test_nothing_at_all_is_all_missing(model: RiskModel):
    prediction = model.predict(Features.of({}))
    _check_sound(prediction)
    assert prediction.probability is None
    assert {s.name for s in model.card.inputs if s.required} <= set(prediction.missing)


@every_model
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_subset_of_inputs_is_answered_or_named(model: RiskModel, data: st.DataObject):
    names = data.draw(st.sets(st.sampled_from(sorted(model.card.example))))
    prediction = model.predict(Features.of({n: model.card.example[n] for n in names}))
    _check_sound(prediction)
    lacking = {s.name for s in model.card.inputs if s.required} - names
    assert (prediction.probability is None) == bool(lacking)
    assert lacking == set(prediction.missing)


@every_model
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_plausible_patient_is_answered_soundly(model: RiskModel, data: st.DataObject):
    values: dict[str, float | str | None] = dict(model.card.example)
    for spec in _numeric(model.card):
        low, high = spec.plausible
        binary = spec.unit == "yes/no"
        values[spec.name] = data.draw(
            st.sampled_from([0.0, 1.0]) if binary else st.floats(low, high)
        )
    _check_sound(model.predict(Features.of(values)))


@every_model
def test_an_implausible_value_is_refused(model: RiskModel):
    for spec in _numeric(model.card):
        for value in (spec.plausible[1] + 1, -1e6, math.nan, math.inf, "many"):
            prediction = model.predict(_features(model.card, **{spec.name: value}))
            _check_sound(prediction)
            assert prediction.probability is None
            assert prediction.domain == "out"
            assert spec.name in prediction.reason


@every_model
def test_an_unknown_word_is_refused(model: RiskModel):
    for spec in model.card.inputs:
        if spec.choices:
            prediction = model.predict(_features(model.card, **{spec.name: "elsewhere"}))
            assert prediction.probability is None
            assert spec.name in prediction.reason


@every_model
def test_outside_the_training_range_is_flagged(model: RiskModel):
    for spec in _numeric(model.card):
        if spec.training is None or spec.training[1] >= spec.plausible[1]:
            continue
        near = spec.training[1] + 0.01 * (spec.training[1] - spec.training[0])
        prediction = model.predict(_features(model.card, **{spec.name: near}))
        assert prediction.domain == "edge"
        assert any(spec.label in reason for reason in prediction.domain_reasons)


@every_model
@pytest.mark.parametrize("space", SPACES)
def test_explanations_add_up(model: RiskModel, space: str):
    tried = [_features(model.card)]
    tried += [_features(model.card, **{s.name: _other(s)}) for s in model.card.inputs]
    for features in tried:
        prediction, explanation = model.predict(features), model.explain(features, space)
        if prediction.probability is None:
            assert explanation is None
            continue
        p = prediction.probability
        output = p if space == "probability" else math.log(p / (1 - p))
        assert explanation.output == pytest.approx(output, abs=1e-9)
        total = explanation.base + sum(explanation.values.values())
        assert total == pytest.approx(output, abs=1e-6)
        assert set(explanation.values) <= {s.name for s in model.card.inputs}
        assert explanation.baseline


def _other(spec: InputSpec) -> float | str:
    if spec.choices:
        return spec.choices[-1]
    if spec.plausible is None:
        return "squamous"
    low, high = spec.training or spec.plausible
    return 1.0 if spec.unit == "yes/no" else low + 0.7 * (high - low)


@every_model
def test_an_unknown_space_is_refused(model: RiskModel):
    with pytest.raises(UsageError):
        model.explain(_features(model.card), "odds")


@every_model
def test_monotone_where_the_card_says_so(model: RiskModel):
    for name, sign in model.card.monotone.items():
        spec = model.card.input(name)
        low, high = spec.plausible
        steps = 1 if spec.unit == "yes/no" else 40
        grid = [low + (high - low) * i / steps for i in range(steps + 1)]
        answers = [model.predict(_features(model.card, **{name: x})).probability for x in grid]
        risen = [sign * (b - a) for a, b in itertools.pairwise(answers)]
        assert min(risen) >= 0.0, name
        assert max(risen) > 0.0, name


@every_model
def test_every_number_has_its_source_and_mark(model: RiskModel):
    file = model.file if hasattr(model, "file") else pytest.skip("a model without a model file")
    assert all(c.source and c.mark in "PDM" for c in file.coefficients.values())
    if any(c.mark == "M" for c in file.coefficients.values()):
        assert model.card.unverified
        prediction = model.predict(_features(model.card))
        assert any("ot verified" in note for note in prediction.notes)


def test_checksums_are_up_to_date():
    assert seal(["--check"]) == 0


@every_model
def test_a_changed_model_file_is_refused(model: RiskModel, tmp_path: Path):
    shutil.copytree(ROOT, tmp_path / "models")
    root = tmp_path / "models"
    source = Path(sys.modules[type(model).__module__].__file__).with_suffix(".json")
    copy = root / source.relative_to(ROOT)
    assert read_model_file(copy, root=root).card == model.card
    copy.write_text(copy.read_text(encoding="utf-8") + " ", encoding="utf-8")
    with pytest.raises(ModelError, match="differs from its checksum"):
        read_model_file(copy, root=root)


def test_a_model_file_that_is_not_listed_is_refused(tmp_path: Path):
    (tmp_path / CHECKSUMS).write_text("{}", encoding="utf-8")
    (tmp_path / "new.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="no checksum"):
        read_model_file(tmp_path / "new.json", root=tmp_path)


def test_a_pickle_is_refused_and_none_is_shipped(tmp_path: Path):
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="not JSON"):
        read_model_file(tmp_path / "model.pkl", root=tmp_path)
    assert [p for p in ROOT.rglob("*") if p.suffix in (".pkl", ".joblib", ".skops")] == []


_REPLAY = """
import models
from abscope.predict.model import Features
from abscope.predict.registry import load_registry
for model in load_registry(models.BUILTIN):
    p = model.predict(Features.of(model.card.example))
    print(model.card.id, repr(p.probability), repr(p.interval))
"""


@pytest.mark.slow
def test_another_process_and_thread_count_give_the_same_bits():
    here = [
        f"{m.card.id} {p.probability!r} {p.interval!r}"
        for m in REGISTRY
        for p in (m.predict(_features(m.card)),)
    ]
    there = subprocess.run(
        [sys.executable, "-c", _REPLAY],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert here == there.stdout.splitlines()
