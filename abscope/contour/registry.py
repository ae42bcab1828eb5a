"""The contouring engines there are: ours by name, others by entry point, models by folder.

Another package adds an engine with an entry point in the group `GROUP` that names an object with
``card``, ``missing`` and ``run`` (``abscope.contour.engine.ContourEngine``). A model file needs no
code: a folder with a description is enough (``abscope.contour.plugins.discovery``).
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import pathlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from abscope.contour.engine import ContourEngine
from abscope.contour.plugins import totalsegmentator
from abscope.contour.plugins.broken import BrokenEngine
from abscope.contour.plugins.discovery import folder_engines, model_folders
from abscope.core.errors import AbscopeError, EngineError, NotFoundError

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
def _installed() -> tuple[tuple[str, ContourEngine], ...]:
    """Return the engines that are Python code, with their origin; read once a process."""
    ours = [(name, importlib.import_module(name).ENGINE) for name in BUILT_IN]
    ours += [(totalsegmentator.__name__, e) for e in totalsegmentator.ENGINES]
    points = importlib.metadata.entry_points(group=GROUP)
    return (*ours, *((point.value, _load(point)) for point in points))


def _load(point: importlib.metadata.EntryPoint) -> ContourEngine:
    """Return another package's engine, or an entry that says why it did not load."""
    try:
        loaded: ContourEngine = point.load()
    except (AbscopeError, ImportError, AttributeError, SyntaxError) as problem:
        return BrokenEngine(
            point.name,
            EngineError(
                "engine-package-broken",
                f"A package's engine did not load ({type(problem).__name__}).",
                where=f"entry point {point.value}",
                expected="an object with card, missing and run",
                remedy="Update or uninstall the package.",
            ),
        )
    return loaded


def engines(folders: tuple[pathlib.Path, ...] | None = None) -> Mapping[str, ContourEngine]:
    """Return all engines by id, in the order of registration.

    Parameters
    ----------
    folders : tuple of pathlib.Path, optional
        Where model folders are looked for; by default as the environment says
        (``abscope.contour.plugins.discovery.model_folders``). They are looked at each time, and
        read again when a file of theirs has changed.
    """
    where = model_folders() if folders is None else folders
    return collect([*_installed(), *folder_engines(where)])


def engine(name: str = DEFAULT) -> ContourEngine:
    """Return the engine with this id.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    for origin, found in _installed():  # no look at the disk for our own
        if found.card.id == name and origin in BUILT_IN:
            return found
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
