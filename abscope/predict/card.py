"""Reading a model file: the card and the coefficients, each with its source, as JSON.

A model file is text that a person can check. Its SHA-256 stands in ``checksums.json`` at the root
of the models it belongs to; a file that differs is refused. Pickles and other binary formats are
never opened. ``python -m models.seal`` rewrites the checksums after a deliberate change.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

from abscope.core.errors import ModelError
from abscope.predict.model import Card, InputSpec

CHECKSUMS = "checksums.json"
#: P read at the named source, D derived or measured by us, M from memory and not verified.
Mark = Literal["P", "D", "M"]
_TEXTS = (
    "id",
    "version",
    "title",
    "short_title",
    "endpoint",
    "horizon",
    "population",
    "equation",
    "source",
    "doi",
    "licence",
    "performance",
    "intended_use",
    "interval_meaning",
)
_DOI = re.compile(r"10\.\d{4,9}/\S+$")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """One number of a model and where it was read; `low` and `high` are its 95 % limits."""

    value: float
    unit: str
    mark: Mark
    source: str
    low: float | None = None
    high: float | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The reference patient of explanations: design columns by name, and in words."""

    text: str
    values: Mapping[str, float]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A checked model file.

    ``seed`` and ``draws`` belong to the interval; None when the model draws nothing.
    """

    card: Card
    coefficients: Mapping[str, Coefficient]
    baseline: Baseline
    seed: int | None
    draws: int | None

    def value(self, name: str) -> float:
        """Return the value of one coefficient; raises KeyError."""
        return self.coefficients[name].value


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_model_file(path: Path, *, root: Path) -> ModelFile:
    """Return a model file whose checksum is the one in ``root/checksums.json``.

    Raises
    ------
    ModelError
        When the file is not JSON, is not listed, differs from its checksum or lacks something.
    """
    name = path.relative_to(root).as_posix()
    if path.suffix != ".json":
        raise _bad("model-file-type", "The model file is not JSON.", name,
                   "a JSON file; pickles and other binary models are never opened")  # fmt: skip
    _verify(path, name, root)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return _model_file(document)
    except (KeyError, TypeError, ValueError) as problem:
        raise _bad("model-card-incomplete", f"The model file cannot be used: {problem}.", name,
                   "a complete card as in docs/adding-a-model.md") from problem  # fmt: skip


def _verify(path: Path, name: str, root: Path) -> None:
    try:
        listed = json.loads((root / CHECKSUMS).read_text(encoding="utf-8"))
        actual = sha256_of(path)
    except (OSError, ValueError) as problem:
        raise _bad("model-file-unreadable", "The model file or its checksum cannot be read.", name,
                   f"a readable file and {CHECKSUMS} beside the models") from problem  # fmt: skip
    if name not in listed:
        raise _bad("model-file-unlisted", "The model file has no checksum.", name,
                   f"an entry in {CHECKSUMS}")  # fmt: skip
    if listed[name] != actual:
        raise _bad("model-file-changed", "The model file differs from its checksum.", name,
                   "the file as it was released")  # fmt: skip


def _bad(code: str, what: str, name: str, expected: str) -> ModelError:
    return ModelError(
        code,
        what,
        where=f"model file {name}",
        expected=expected,
        remedy="Restore the released file; after a deliberate change run python -m models.seal.",
    )


def _model_file(document: dict[str, Any]) -> ModelFile:
    baseline = document["baseline"]
    return ModelFile(
        card=parse_card(document["card"]),
        coefficients={
            name: _coefficient(name, entry) for name, entry in document["coefficients"].items()
        },
        baseline=Baseline(
            text=_filled(baseline, "text"),
            values={name: float(value) for name, value in baseline["values"].items()},
        ),
        seed=document.get("seed"),
        draws=document.get("draws"),
    )


def _coefficient(name: str, entry: Mapping[str, Any]) -> Coefficient:
    if entry["mark"] not in ("P", "D", "M"):
        raise ValueError(f"coefficient {name} has no mark P, D or M")
    low, high = entry.get("low"), entry.get("high")
    return Coefficient(
        value=float(entry["value"]),
        unit=entry.get("unit", ""),
        mark=cast(Mark, entry["mark"]),
        source=_filled(entry, "source"),
        low=None if low is None else float(low),
        high=None if high is None else float(high),
    )


def parse_card(entry: Mapping[str, Any]) -> Card:
    """Return a validated card.

    Raises
    ------
    KeyError, TypeError, ValueError
        Naming what is absent or contradicts itself.
    """
    texts = {name: _filled(entry, name) for name in _TEXTS}
    inputs = tuple(_input(one) for one in entry["inputs"])
    names = [i.name for i in inputs]
    if len(set(names)) != len(names):
        raise ValueError("an input is listed twice")
    if not _DOI.match(texts["doi"]):
        raise ValueError(f"{texts['doi']} is not a DOI")
    if not entry["limits"]:
        raise ValueError("limits are empty")
    if entry["output"] not in ("probability", "score", "index"):
        raise ValueError("output is neither probability, score nor index")
    for key in ("monotone", "direction_published"):
        for name, sign in entry.get(key, {}).items():
            if name not in names or sign not in (1, -1):
                raise ValueError(f"{key} of {name} is not +1 or -1 of an input")
    if not set(entry["example"]) <= set(names):
        raise ValueError("the example has values that are no inputs")
    return Card(
        **texts,
        n_training=entry["n_training"],
        inputs=inputs,
        limits=tuple(entry["limits"]),
        output=entry["output"],
        unverified=tuple(entry.get("unverified", ())),
        monotone=dict(entry.get("monotone", {})),
        direction_published=dict(entry.get("direction_published", {})),
        example=dict(entry["example"]),
    )


def _filled(entry: Mapping[str, Any], name: str) -> str:
    text = entry[name]
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{name} is empty")
    return text


def _input(entry: Mapping[str, Any]) -> InputSpec:
    plausible, training = _pair(entry, "plausible"), _pair(entry, "training")
    if training and plausible and not (plausible[0] <= training[0] <= training[1] <= plausible[1]):
        raise ValueError(f"the training range of {entry['name']} is not inside the plausible one")
    role = entry.get("role", "term")
    if role not in ("term", "context", "derived"):
        raise ValueError(f"{entry['name']} has an unknown role")
    return InputSpec(
        name=_filled(entry, "name"),
        label=_filled(entry, "label"),
        unit=entry.get("unit", ""),
        required=bool(entry["required"]),
        plausible=plausible,
        training=training,
        choices=tuple(entry.get("choices", ())),
        help=_filled(entry, "help"),
        role=role,
        replaced_by=entry.get("replaced_by", ""),
    )


def _pair(entry: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    pair = entry.get(name)
    if pair is None:
        return None
    low, high = (float(bound) for bound in pair)
    if low >= high:
        raise ValueError(f"the {name} range of {entry['name']} is empty")
    return low, high
