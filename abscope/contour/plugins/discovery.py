"""Model folders: each folder with an ``engine.json`` is an engine, no code needed.

They are looked for in ``ABSCOPE_ENGINES`` (folders separated as in ``PATH``), else in
``ABSCOPE_HOME/engines``. Only somebody who may write there adds an engine: model files are as
trusted as the program itself.
"""

from __future__ import annotations

import functools
import os
import pathlib
import re

from abscope.contour.engine import ContourEngine
from abscope.contour.plugins.broken import BrokenEngine
from abscope.contour.plugins.described import described
from abscope.core.errors import EngineError
from abscope.core.settings import Settings

#: The description inside a model's folder.
DESCRIPTION = "engine.json"
#: Folder names that can stand in ``--engine`` and in the source of a structure set.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")

Found = tuple[str, ContourEngine]
#: Path, size and time of change of a folder's description, which is what is kept per folder.
_Stamp = tuple[str, int, int]


def model_folders() -> tuple[pathlib.Path, ...]:
    """Return where model folders are looked for, from the environment."""
    named = os.environ.get("ABSCOPE_ENGINES", "")
    if named:
        return tuple(pathlib.Path(p).expanduser() for p in named.split(os.pathsep) if p)
    return (Settings.from_environment().home / "engines",)


def folder_engines(folders: tuple[pathlib.Path, ...]) -> tuple[Found, ...]:
    """Return the engines of all model folders with their origin, broken ones included."""
    found: dict[str, Found] = {}
    for parent in folders:
        for folder in _folders_in(parent):
            engine = _engine(*_stamp(folder))
            if engine.card.id in found:
                engine = _refused(
                    f"{engine.card.id}-again",
                    "Two model folders carry one name.",
                    "one folder a name over all places of ABSCOPE_ENGINES",
                    "Rename one of the two folders.",
                )
            found[engine.card.id] = (f"folder {folder.name[:40]}", engine)
    return tuple(found.values())


def _folders_in(parent: pathlib.Path) -> list[pathlib.Path]:
    try:
        return sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError:  # none there, or not readable: the program itself does without
        return []


def _stamp(folder: pathlib.Path) -> _Stamp:
    try:
        status = (folder / DESCRIPTION).stat()
    except OSError:
        return str(folder), -1, -1
    return str(folder), status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=256)
def _engine(folder: str, size: int, changed: int) -> ContourEngine:
    """Return the engine of one folder; read again when its description changes."""
    del changed
    path = pathlib.Path(folder)
    if not NAME.fullmatch(path.name):
        return _refused(
            "folder:" + (re.sub(r"[^a-z0-9_-]+", "-", path.name.lower())[:30] or "unnamed"),
            "A model folder has a name that cannot be an engine's.",
            "lower-case letters, digits, hyphens and underscores, 31 at most",
            "Rename the folder.",
        )
    if size < 0:
        return _refused(
            f"folder:{path.name}",
            "A model folder has no description.",
            f"a file {DESCRIPTION} in it",
            "Write one as docs/adding-an-engine.md shows, or take the folder away.",
        )
    return described(path, path / DESCRIPTION)


def _refused(id: str, what: str, expected: str, remedy: str) -> BrokenEngine:
    return BrokenEngine(
        id,
        EngineError(
            "engine-description", what, where="folder of models", expected=expected, remedy=remedy
        ),
    )
