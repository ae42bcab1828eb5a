"""Descriptions of models: each mistake is a sentence in the list of engines, never a crash."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import pytest

from abscope.contour.engine import Request, silent
from abscope.contour.plugins import files
from abscope.contour.registry import engines
from abscope.core.errors import EngineError
from tests.unit.contour.plugins import tiny, tiny_nnunet

MODEL = b"the bytes of a model"


def listed(folder: pathlib.Path, described: dict[str, Any], model: bytes = MODEL) -> Any:
    """Return the one engine that a folder adds to the list."""
    tiny.write(folder, "tiny", model, described)
    return _only(folder)


def _only(folder: pathlib.Path) -> Any:
    ours = engines(())
    (found,) = (e for id, e in engines((folder,)).items() if id not in ours)
    return found


def test_a_good_description_makes_a_card(tmp_path: pathlib.Path) -> None:
    card = listed(tmp_path, tiny.description(MODEL)).card
    assert (card.id, card.title, card.structures) == ("onnx:tiny", "Tiny", ("Heart",))
    assert card.version.startswith("1+")
    assert card.licence == "CC0"
    assert card.limits[0] == "Made for tests."
    assert any("not calibrated" in limit for limit in card.limits)


@pytest.mark.parametrize(
    ("changes", "where", "expected"),
    [
        ({"format": 2}, "engine.json: format", "a number from 1 to 1"),
        ({"kind": "keras"}, "engine.json: kind", "one of onnx"),
        ({"title": " "}, "engine.json: title", "a text"),
        ({"limits": []}, "engine.json: limits", "a list of sentences"),
        ({"sha256": "abc"}, "engine.json: sha256", "64 hexadecimal digits"),
        ({"model": "../model.onnx"}, "engine.json: model", "a file in the same folder"),
        ({"overlap": 0.5}, "engine.json: overlap", "one of"),
        ({"input": {"spacing_mm": [1, 1, 3]}}, "engine.json: input.spacing_mm", "by axis"),
        ({"input": {"spacing_mm": {"x": 1, "y": 1}}}, "input.spacing_mm.z", "from 0.1 to 20"),
        ({"input": {"spacing_mm": {"x": 1, "y": 1, "z": 0}}}, "spacing_mm.z", "from 0.1 to 20"),
        ({"input": {"spacing_mm": {"x": 1, "y": 1, "z": True}}}, "spacing_mm.z", "from 0.1"),
        ({"input": {"axes": "zyz"}}, "input.axes", "one of zyx"),
        ({"input": {"orientation": "SPL"}}, "input.orientation", "LPS"),
        ({"input": {"window_hu": {"low": 100, "high": -100}}}, "window_hu", "low below high"),
        ({"input": {"normalization": {"kind": "minmax"}}}, "normalization.kind", "range"),
        ({"input": {"normalization": {"kind": "zscore", "mean": 0, "sd": 0}}}, "sd", "0.001"),
        ({"input": {"axes": "yx"}}, "input.patch", "a patch such as"),
        (
            {"input": {"patch": {"size": {"x": 8.5, "y": 8, "z": 8}, "overlap": 0}}},
            "patch.size",
            "whole numbers",
        ),
        ({"output": {"kind": "scores"}}, "output.kind", "one of logits"),
        ({"output": {"labels": {"0": "background", "1": "lung left"}}}, "labels", "(here Lung_L)"),
        ({"output": {"labels": {"0": "background", "2": "Heart"}}}, "labels", "each channel"),
        ({"output": {"labels": {"0": "Heart", "1": "Lung_L"}}}, "labels", '"0": "background"'),
        ({"output": {"labels": {"0": "background"}}}, "labels", "1 to 64"),
        ({"output": {"labels": {"zero": "background"}}}, "labels", "numbers as keys"),
    ],
)
def test_a_mistake_is_an_entry_that_says_where_and_what_was_expected(
    tmp_path: pathlib.Path, changes: dict[str, Any], where: str, expected: str
) -> None:
    """A description lacks a field, or one is misspelled, out of range, of another form or in
    doubt. The engine is listed as not ready with the place, what was expected and what to do."""
    found = listed(tmp_path, tiny.description(MODEL, **changes))
    (sentence,) = found.missing()
    assert where in sentence
    assert expected in sentence
    assert "docs/adding-an-engine.md" in sentence or "sha256sum" in sentence
    assert found.card.structures == ()
    with pytest.raises(EngineError) as refused:
        found.run(tiny.image(), Request(), silent)
    assert refused.value.code == "engine-description"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "wrong form"),
        ('{"format": 1, "format": 1}', "a field twice"),
        ("[" * 50_000, "nested too deeply"),
        ('"' + "x" * 1_100_000 + '"', "too large"),
        ('{"format": NaN}', "out of its range"),
    ],
)
def test_a_file_that_is_no_description_is_an_entry_too(
    tmp_path: pathlib.Path, text: str, says: str
) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "engine.json").write_text(text)
    assert says in _only(tmp_path).missing()[0]


def test_a_corrected_description_is_read_again(tmp_path: pathlib.Path) -> None:
    assert listed(tmp_path, tiny.description(MODEL, title="")).missing()
    good = json.dumps(tiny.description(MODEL))
    (tmp_path / "tiny" / "engine.json").write_text(good)
    assert _only(tmp_path).card.title == "Tiny"


def test_a_changed_model_file_is_refused_before_it_is_read(tmp_path: pathlib.Path) -> None:
    """One byte of the model file is changed after its description was written. The list says that
    the file is not the one vouched for, and a run is refused without reading the model."""
    found = listed(tmp_path, tiny.description(MODEL), MODEL + b"!")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    (sentence,) = found.missing()
    assert "not the one that its description vouches for" in sentence
    with pytest.raises(EngineError, match="cannot run here"):
        found.run(tiny.image(), Request(), silent)


def test_a_large_file_is_checked_when_it_is_used(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHECKED_IN_LIST_BYTES", 4)
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    found = listed(tmp_path, tiny.description(MODEL), MODEL + b"!")
    assert found.missing() == ()
    with pytest.raises(EngineError) as refused:
        found.run(tiny.image(), Request(), silent)
    assert refused.value.code == "engine-checksum"


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: pathlib.Path) -> None:
    found = listed(tmp_path, tiny.description(MODEL))
    (tmp_path / "tiny" / "model.onnx").unlink()
    assert "downloads nothing by itself" in found.missing()[-1]


def test_a_missing_library_is_a_sentence(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library that runs a kind of model is not installed. The engine is listed as not ready,
    and the sentence names the library and the command that installs it."""
    monkeypatch.setattr(files.importlib.util, "find_spec", lambda name: None)
    (sentence,) = listed(tmp_path, tiny.description(MODEL)).missing()
    assert "onnxruntime is not installed" in sentence
    assert "requirements-engines.txt" in sentence


def test_the_list_imports_no_heavy_library(tmp_path: pathlib.Path) -> None:
    import subprocess
    import sys

    tiny.write(tmp_path, "tiny", MODEL, tiny.description(MODEL))
    code = (
        "import sys, pathlib; from abscope.contour.registry import engines; "
        f"[e.missing() for e in engines((pathlib.Path({str(tmp_path)!r}),)).values()]; "
        "print([m for m in ('torch', 'onnxruntime', 'nnunetv2', 'totalsegmentator', 'nibabel') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_the_examples_of_the_documentation_are_good_descriptions(tmp_path: pathlib.Path) -> None:
    page = pathlib.Path(__file__).parents[4] / "docs" / "adding-an-engine.md"
    examples = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    assert [json.loads(text)["kind"] for text in examples] == ["onnx", "nnunet"]
    for number, text in enumerate(examples):
        folder = tmp_path / f"example-{number}"
        folder.mkdir()
        (folder / "engine.json").write_text(text)
        (folder / "dataset.json").write_text(json.dumps(tiny_nnunet.dataset()))
    found = [e for id, e in engines((tmp_path,)).items() if "example" in id]
    assert [e.card.structures for e in found] == [("Lung_L", "Lungs", "Lung_R"), ("Heart",)]
    assert all("is not in its folder" in e.missing()[-1] for e in found)
