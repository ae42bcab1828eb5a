"""Model files: read once, checked against their checksum before anything looks inside."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import pathlib
import zipfile

from abscope.core.errors import EngineError

#: Larger files are checked when they are used, not when engines are listed (bytes).
CHECKED_IN_LIST_BYTES = 300_000_000
#: Library -> what it is called where it is installed from.
PACKAGES = {
    "onnxruntime": "onnxruntime",
    "torch": "torch",
    "nnunetv2": "nnunetv2",
    "totalsegmentator": "TotalSegmentator",
    "nibabel": "nibabel",
}


def lacking_libraries(*modules: str) -> tuple[str, ...]:
    """Return a sentence on the libraries that are not installed; nothing is imported."""
    names = [PACKAGES[m] for m in modules if importlib.util.find_spec(m) is None]
    if not names:
        return ()
    what = f"The library {names[0]} is" if len(names) == 1 else f"The libraries {_and(names)} are"
    return (
        f"{what} not installed. Install with `pip install -r requirements-engines.txt` where "
        "Abscope runs.",
    )


def _and(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def inside(folder: pathlib.Path, name: str) -> pathlib.Path | None:
    """Return a file below a folder, None when the name leads out of it."""
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) else None


def lacking_file(path: pathlib.Path, sha256: str) -> str:
    """Return what is wrong with a model file, in a sentence; empty when nothing is."""
    try:
        status = path.stat()
    except OSError:
        return str(_missing(path))
    if status.st_size > CHECKED_IN_LIST_BYTES:
        return ""
    if _digest(str(path), status.st_size, status.st_mtime_ns) != sha256:
        return str(_changed(path))
    return ""


@functools.lru_cache(maxsize=256)
def _digest(path: str, size: int, changed: int) -> str:
    """Return the checksum of a file; computed again when it changes."""
    del size, changed
    with pathlib.Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_bytes(path: pathlib.Path, sha256: str) -> bytes:
    """Return a model file's bytes, the same ones that were checked.

    Raises
    ------
    EngineError
    """
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise _missing(path) from problem
    if hashlib.sha256(data).hexdigest() != sha256:
        raise _changed(path)
    return data


def is_torchscript(path: pathlib.Path) -> bool:
    """Whether a file is a TorchScript archive; a pickled checkpoint is not."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
    tops = {name.split("/", 1)[1] for name in names if "/" in name}
    return "constants.pkl" in tops and any(name.startswith("code/") for name in tops)


def _missing(path: pathlib.Path) -> EngineError:
    return EngineError(
        "engine-file-missing",
        "The model file is not in its folder.",
        where=path.name[:60],
        expected="the file that engine.json names",
        remedy="Copy the model file into the folder; Abscope downloads nothing by itself.",
    )


def _changed(path: pathlib.Path) -> EngineError:
    return EngineError(
        "engine-checksum",
        "The model file is not the one that its description vouches for.",
        where=path.name[:60],
        expected="the SHA-256 checksum of engine.json",
        remedy="Copy the model file again from its source; correct engine.json only if you know "
        "why the file changed.",
    )
