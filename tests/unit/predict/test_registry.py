from __future__ import annotations

import pytest

import models
from abscope.core.errors import ModelError, NotFoundError
from abscope.predict.registry import load_registry


def test_order_and_lookup():
    registry = load_registry(models.BUILTIN[:2])
    assert registry.ids() == ("loris-nsclc", "rp-appelt")
    assert [m.card.id for m in registry] == ["loris-nsclc", "rp-appelt"]
    assert len(registry) == 2
    assert "LORIS" in registry.card_text("loris-nsclc")


def test_an_unknown_id_names_the_known_ones():
    with pytest.raises(NotFoundError, match="rp-appelt"):
        load_registry(models.BUILTIN[:2]).get("oracle")


def test_two_models_with_one_id_are_an_error():
    with pytest.raises(ModelError) as caught:
        load_registry((models.BUILTIN[0], models.BUILTIN[0]))
    assert caught.value.code == "model-id-twice"


def test_a_module_without_a_model_is_an_error():
    with pytest.raises(ModelError) as caught:
        load_registry(("models.files",))
    assert caught.value.code == "model-plugin-malformed"


def test_entry_points_are_read(monkeypatch):
    class Point:
        name, value = "other", "models.pneumonitis.quantec_mld:model"

        def load(self):
            from models.pneumonitis.quantec_mld import model

            return model

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point()])
    assert load_registry(models.BUILTIN[:1]).ids() == ("loris-nsclc", "rp-quantec")
    assert load_registry(models.BUILTIN[:1], plugins=False).ids() == ("loris-nsclc",)
