"""Files, folders and ZIP archives as a stream of named bytes. Names never become paths.

Nothing is unpacked to disk, so an entry called ``../../x`` is only a label. An archive that breaks
a rule of `abscope.dicom.archives` comes out as a `SourceFile` with a ``problem`` instead of bytes.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from abscope.core.case import Finding
from abscope.core.errors import InputError
from abscope.dicom import archives
from abscope.dicom.archives import (
    ArchiveStop,
    Budget,
    CappedBytes,
    CappedFile,
    Entry,
    is_archive,
    problem,
    safe_label,
)

#: Told how far a reading has come: a share from 0 to 1, and a short sentence.
Progress = Callable[[float, str], None]
_NOISE = (".ds_store", "thumbs.db", "desktop.ini", "dicomdir", "version", "readme", "license")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file's bytes.

    ``label`` is its last path component, cleaned and shortened, for the validation report only.
    With a ``problem`` there are no bytes: the file, or part of an archive, was refused.
    """

    label: str
    data: bytes
    problem: Finding | None = None

    @property
    def sha256(self) -> str:
        """Hash of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def silent(share: float, text: str) -> None:
    """Take a progress report and say nothing."""


def is_noise(label: str) -> bool:
    """Whether a name is one of the files that computers leave beside scans."""
    lowered = label.casefold()
    return lowered.startswith(("._", ".")) or any(
        lowered == word or lowered.startswith(word + ".") for word in _NOISE
    )


def from_paths(paths: Iterable[pathlib.Path], progress: Progress = silent) -> Iterator[SourceFile]:
    """Yield the files of paths: folders are walked, ZIP archives are opened where they lie.

    Raises
    ------
    InputError
        For a path that is not there or cannot be read.
    """
    files = [file for path in paths for file in _files_of(path)]
    budget = Budget.whole()
    for number, file in enumerate(files, start=1):
        label = safe_label(file.name)
        place = _Place(number=number, count=len(files), progress=progress)
        try:
            with CappedFile(file) as stream:
                start, size = stream.read(132), file.stat().st_size
                stream.seek(0)
                if is_archive(start, label):
                    yield from _opened(stream, size, start, label, 0, budget, place)
                else:
                    yield _loose(label, stream.readall, size, budget, place)
        except OSError:
            raise InputError(
                "path-unreadable",
                "A file given for import cannot be read.",
                where="import",
                expected="a readable file",
                remedy="Check its permissions and the disk.",
                label=label,
            ) from None


def from_files(
    files: Sequence[tuple[str, Callable[[], bytes]]], progress: Progress = silent
) -> Iterator[SourceFile]:
    """Yield the files of an upload, given as names and functions that return their bytes.

    All of them share one budget.
    """
    budget = Budget.whole()
    for number, (name, read) in enumerate(files, start=1):
        place = _Place(number=number, count=len(files), progress=progress)
        data = read()
        label = safe_label(name)
        if is_archive(data, label):
            yield from _archive(label, data, 0, budget, place)
        else:
            yield _loose(label, functools.partial(bytes, data), len(data), budget, place)


def from_bytes(name: str, data: bytes) -> Iterator[SourceFile]:
    """Yield one file, or the entries when it is a ZIP archive (one more level inside)."""
    yield from from_files([(name, lambda: data)])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a file stands among those of an upload, and whom to tell."""

    number: int
    count: int
    progress: Progress

    def tell(self, entry: Entry | None = None) -> None:
        """Report a file, or an entry of an archive, as read."""
        inside = 0.0 if entry is None else entry.number / entry.count
        number, count = self.number, self.count
        if entry is not None and self.count == 1:
            number, count = entry.number, entry.count
        self.progress((self.number - 1 + inside) / self.count, f"Reading file {number} of {count}")


def _files_of(path: pathlib.Path) -> list[pathlib.Path]:
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
    if path.is_file():
        return [path]
    raise InputError(
        "path-not-found",
        "A path given for import does not exist.",
        where="import",
        expected="a file, a folder or a ZIP archive",
        remedy="Check the spelling of the path.",
    )


def _loose(
    label: str, read: Callable[[], bytes], size: int, budget: Budget, place: _Place
) -> SourceFile:
    """Return a file that is no archive, or its refusal before it is read."""
    place.tell()
    if size > archives.MAX_ENTRY_BYTES or size > budget.size or budget.entries < 1:
        text = "The file is larger than any scan, or the upload holds more than can be read."
        return _refused(label, "file-too-large", text)
    budget.entries -= 1
    budget.size -= size
    return SourceFile(label=label, data=read())


def _archive(
    label: str, data: bytes, depth: int, budget: Budget, place: _Place
) -> Iterator[SourceFile]:
    yield from _opened(CappedBytes(data), len(data), data[:132], label, depth, budget, place)


def _opened(
    stream: CappedBytes | CappedFile,
    size: int,
    start: bytes,
    label: str,
    depth: int,
    budget: Budget,
    place: _Place,
) -> Iterator[SourceFile]:
    """Yield what an archive holds; what is refused of it comes out as a problem."""
    if depth > archives.MAX_DEPTH:
        yield _refused(label, "archive-too-deep", "An archive lies inside an archive in one.")
        return
    if start[128:132] == b"DICM":
        text = "The file is a ZIP archive and a DICOM object at once, as only an attack would be."
        yield _refused(label, "archive-also-dicom", text)
        return
    try:
        for found in archives.entries(stream, size, label, budget):
            if isinstance(found, Finding):
                yield SourceFile(label=label, data=b"", problem=found)
                continue
            if depth == 0:
                place.tell(found)
            inner = safe_label(found.name)
            if is_archive(found.data, inner):
                yield from _archive(inner, found.data, depth + 1, budget, place)
            else:
                yield SourceFile(label=inner, data=found.data)
    except ArchiveStop as stop:
        yield SourceFile(label=label, data=b"", problem=stop.finding)


def _refused(label: str, code: str, what: str) -> SourceFile:
    return SourceFile(label=label, data=b"", problem=problem(code, what, label))
