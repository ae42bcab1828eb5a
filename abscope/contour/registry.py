"""The contouring engines there are: ours by name, others by entry point.

Another package adds an engine with an entry point in the group `GROUP` that names an object with
``card``, ``missing`` and ``run`` (``abscope.contour.engine.ContourEngine``).
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from abscope.contour.engine import ContourEngine
from abscope.core.errors import EngineError, NotFoundError

#: Modules of Abscope's own engines; each holds one engine under the name ``ENGINE``.
BUILT_IN: tuple[str, ...] = (
    "abscope.contour.engines.anatomical",
    "abscope.contour.engines.click",
)
#: Entry point group of engines from other packages.
GROUP = "abscope.engines"
#: Used when no engine is named.
DEFAULT = "anatomical"


def collect(found: Iterable[tuple[str, ContourEngine]]) -> Mapping[str, ContourEngine]:
    """Return engines by id from pairs of origin and engine.

    Raises
    ------
    EngineError
        When two engines carry one id.
    """
    engines: dict[str, ContourEngine] = {}
    origins: dict[str, str] = {}
    for origin, engine in found:
        key = engine.card.id
        if key in engines:
            raise EngineError(
                "engine-duplicate",
                f"Two contouring engines are called {key}.",
                where=f"{origins[key]} and {origin}",
                expected="one engine an id",
                remedy="Uninstall one of the two packages.",
            )
        engines[key], origins[key] = engine, origin
    return MappingProxyType(engines)


@functools.cache
def engines() -> Mapping[str, ContourEngine]:
    """Return all engines by id, in the order of registration; read once a process."""
    ours = [(name, importlib.import_module(name).ENGINE) for name in BUILT_IN]
    others = [(point.value, point.load()) for point in importlib.metadata.entry_points(group=GROUP)]
    return collect([*ours, *others])


def engine(name: str = DEFAULT) -> ContourEngine:
    """Return the engine with this id.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    known = engines()
    if name not in known:
        raise NotFoundError(
            "engine-not-found",
            "There is no contouring engine of this name.",
            where="engine",
            expected="one of " + ", ".join(known),
            remedy="List them with `python -m abscope engines`.",
        )
    return known[name]
