"""The registry: our engines are there, duplicates and unknown names are errors."""

from __future__ import annotations

import pytest

from abscope.contour.engines.anatomical import ENGINE
from abscope.contour.registry import collect, engine, engines
from abscope.core.errors import EngineError, NotFoundError


def test_default_engine_is_the_anatomical_one() -> None:
    assert engine() is ENGINE
    assert "anatomical" in engines()


def test_two_engines_of_one_id_are_an_error() -> None:
    with pytest.raises(EngineError) as refused:
        collect([("ours", ENGINE), ("theirs", ENGINE)])
    assert refused.value.code == "engine-duplicate"
    assert refused.value.where == "ours and theirs"


def test_unknown_engine_names_the_known_ones() -> None:
    with pytest.raises(NotFoundError) as refused:
        engine("none")
    assert "anatomical" in refused.value.expected
