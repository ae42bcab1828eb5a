"""Finding models: an explicit tuple of modules for ours, entry points for others.

A model module has a function ``model()`` that returns a `RiskModel`. Other packages name such a
function under the entry point group ``abscope.models``. `abscope` never imports ``models``: the
caller hands in the names (``models.BUILTIN``).
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from abscope.core.errors import ModelError, NotFoundError
from abscope.predict.model import RiskModel

ENTRY_POINTS = "abscope.models"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Registry:
    """The models at hand, in the order in which they were registered."""

    models: Mapping[str, RiskModel]

    def __iter__(self) -> Iterator[RiskModel]:
        return iter(self.models.values())

    def __len__(self) -> int:
        return len(self.models)

    def ids(self) -> tuple[str, ...]:
        """Return the model ids."""
        return tuple(self.models)

    def get(self, model_id: str) -> RiskModel:
        """Return one model.

        Raises
        ------
        NotFoundError
            When no model has this id.
        """
        if model_id not in self.models:
            raise NotFoundError(
                "model-unknown",
                f"There is no model {model_id!r}.",
                where="model id",
                expected="one of " + ", ".join(self.models),
                remedy="List the models with: python -m abscope models.",
            )
        return self.models[model_id]

    def card_text(self, model_id: str) -> str:
        """Return the card text for people (Markdown beside the model's module), "" when none."""
        module = sys.modules[type(self.get(model_id)).__module__]
        path = Path(module.__file__ or "").with_suffix(".md")
        return path.read_text(encoding="utf-8") if path.is_file() else ""


def load_registry(modules: Iterable[str], *, plugins: bool = True) -> Registry:
    """Import the modules, call their ``model()`` and return the registry.

    Parameters
    ----------
    modules : iterable of str
        Dotted names, in the order of the screen.
    plugins : bool
        Also read the entry points of other packages.

    Raises
    ------
    ModelError
        When two models share an id, a file fails its checksum, or something is not a model.
    """
    makers = [(name, getattr(importlib.import_module(name), "model", None)) for name in modules]
    if plugins:
        points = importlib.metadata.entry_points(group=ENTRY_POINTS)
        makers += [(p.value, p.load()) for p in sorted(points, key=lambda p: p.name)]
    models: dict[str, RiskModel] = {}
    for origin, make in makers:
        model = make() if callable(make) else None
        if model is None or not all(hasattr(model, a) for a in ("card", "predict", "explain")):
            raise ModelError(
                "model-plugin-malformed",
                "A registered module gives no model.",
                where=f"module {origin}",
                expected="a function model() that returns card, predict and explain",
                remedy="See docs/adding-a-model.md.",
            )
        if model.card.id in models:
            raise ModelError(
                "model-id-twice",
                f"Two models have the id {model.card.id!r}.",
                where=f"module {origin}",
                expected="one model for each id",
                remedy="Remove one of the two, or give it another id.",
            )
        models[model.card.id] = model
    return Registry(models=models)
