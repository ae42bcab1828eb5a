"""The registry: our engines are there, duplicates and unknown names are errors, folders listed."""

from __future__ import annotations

import importlib.metadata
import pathlib

import pytest

from abscope.contour import registry
from abscope.contour.engine import ContourEngine, Request, silent
from abscope.contour.engines.anatomical import ENGINE
from abscope.contour.plugins import discovery
from abscope.contour.plugins.described import described
from abscope.contour.plugins.discovery import model_folders
from abscope.contour.registry import collect, engine, engines
from abscope.core.errors import EngineError, NotFoundError
from tests.unit.contour.thorax import thorax


def test_default_engine_is_the_anatomical_one() -> None:
    assert engine() is ENGINE
    assert next(iter(engines())) == "anatomical"


def test_two_engines_of_one_id_are_an_error() -> None:
    with pytest.raises(EngineError) as refused:
        collect([("ours", ENGINE), ("theirs", ENGINE)])
    assert refused.value.code == "engine-duplicate"
    assert refused.value.where == "ours and theirs"


def test_unknown_engine_names_the_known_ones() -> None:
    with pytest.raises(NotFoundError) as refused:
        engine("none")
    assert "anatomical" in refused.value.expected


def test_models_are_looked_for_in_the_home_or_where_the_variable_says(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ABSCOPE_ENGINES", raising=False)
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path))
    assert model_folders() == (tmp_path / "engines",)
    monkeypatch.setenv("ABSCOPE_ENGINES", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert model_folders() == (tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize(
    ("name", "id", "says"),
    [
        ("lungs", "folder:lungs", "no description"),
        ("My Lungs", "folder:my-lungs", "name that cannot be"),
    ],
)
def test_a_folder_without_a_usable_description_is_an_entry_with_a_sentence(
    tmp_path: pathlib.Path, name: str, id: str, says: str
) -> None:
    (tmp_path / name).mkdir()
    found = engines((tmp_path,))
    assert "anatomical" in found
    (sentence,) = found[id].missing()
    assert says in sentence
    assert "Expected:" in sentence
    with pytest.raises(EngineError, match=says):
        found[id].run(thorax(), Request(), silent)


def test_hidden_and_missing_folders_are_no_engines(tmp_path: pathlib.Path) -> None:
    (tmp_path / ".cache").mkdir()
    assert list(engines((tmp_path, tmp_path / "none"))) == list(engines(()))


def test_two_folders_of_one_name_are_both_listed(tmp_path: pathlib.Path) -> None:
    for parent in ("a", "b"):
        (tmp_path / parent / "lungs").mkdir(parents=True)
    found = engines((tmp_path / "a", tmp_path / "b"))
    assert "Two model folders" in found["folder:lungs-again"].missing()[0]


def test_a_description_is_read_again_only_when_it_has_changed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty folders are listed twice; after a change of one description only that one is read."""
    for number in range(50):
        (tmp_path / f"model-{number}").mkdir()
        (tmp_path / f"model-{number}" / discovery.DESCRIPTION).write_text("{}")
    read: list[str] = []

    def counted(folder: pathlib.Path, path: pathlib.Path) -> ContourEngine:
        read.append(folder.name)
        return described(folder, path)

    monkeypatch.setattr(discovery, "described", counted)
    assert len(engines((tmp_path,))) >= 50
    assert len(engines((tmp_path,))) >= 50
    assert sorted(read) == sorted(f"model-{n}" for n in range(50))
    (tmp_path / "model-7" / discovery.DESCRIPTION).write_text("{ }")
    engines((tmp_path,))
    assert read[50:] == ["model-7"]


def test_a_package_that_does_not_load_is_an_entry_with_a_sentence() -> None:
    point = importlib.metadata.EntryPoint("theirs", "abscope.nothing_of_this_name:ENGINE", "g")
    broken = registry._load(point)
    assert broken.card.id == "theirs"
    assert "did not load (ModuleNotFoundError)" in broken.missing()[0]
