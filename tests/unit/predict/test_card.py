from __future__ import annotations

import json
from pathlib import Path

import pytest

import models
from abscope.core.errors import ModelError
from abscope.predict.card import CHECKSUMS, read_model_file, sha256_of

SOURCE = Path(models.__file__).parent / "pneumonitis" / "quantec_mld.json"


def _read_changed(tmp_path: Path, change):
    document = json.loads(SOURCE.read_text(encoding="utf-8"))
    change(document)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / CHECKSUMS).write_text(json.dumps({path.name: sha256_of(path)}), encoding="utf-8")
    return read_model_file(path, root=tmp_path)


def test_round_trip(tmp_path):
    file = _read_changed(tmp_path, lambda document: None)
    assert file.card.id == "rp-quantec"
    assert (file.value("intercept"), file.coefficients["intercept"].mark) == (-3.87, "M")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["card"].pop("source"), "source"),
        (lambda d: d["card"].update(doi="somewhere"), "not a DOI"),
        (lambda d: d["card"].update(limits=[]), "limits"),
        (lambda d: d["card"].update(monotone={"mld": 1}), "monotone"),
        (lambda d: d["card"].update(output="verdict"), "output"),
        (lambda d: d["card"]["inputs"].append(d["card"]["inputs"][0]), "twice"),
        (lambda d: d["card"]["inputs"][0].update(training=[0, 99]), "training range"),
        (lambda d: d["card"]["inputs"][0].update(plausible=[5, 5]), "plausible range"),
        (lambda d: d["card"]["inputs"][0].update(help=" "), "help"),
        (lambda d: d["card"]["inputs"][0].update(role="boss"), "role"),
        (lambda d: d["card"]["example"].update(shoe_size=43), "example"),
        (lambda d: d["coefficients"]["intercept"].update(mark="?"), "mark"),
        (lambda d: d["coefficients"]["intercept"].pop("source"), "source"),
        (lambda d: d.pop("baseline"), "baseline"),
    ],
)
def test_an_incomplete_card_is_refused_with_the_reason(tmp_path, change, words):
    with pytest.raises(ModelError, match=words) as caught:
        _read_changed(tmp_path, change)
    assert caught.value.code == "model-card-incomplete"


def test_missing_checksums_are_refused(tmp_path):
    (tmp_path / "model.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        read_model_file(tmp_path / "model.json", root=tmp_path)
    assert caught.value.code == "model-file-unreadable"
