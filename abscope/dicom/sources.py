"""Files, folders and ZIP archives as a stream of named bytes. Names never become paths.

An archive is read entry by entry with caps on size, ratio, number and depth; nothing is unpacked
to disk, so an entry called ``../../x`` is only a label.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import lzma
import pathlib
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator

from abscope.core.errors import InputError

MAX_ENTRIES = 20_000
MAX_ENTRY_BYTES = 2 * 1024**3
MAX_TOTAL_BYTES = 6 * 1024**3
#: An entry that inflates by more than this and beyond `RATIO_FREE_BYTES` is a bomb.
MAX_RATIO = 100
RATIO_FREE_BYTES = 50 * 1024**2
_CHUNK = 1024**2
#: What zipfile and its decompressors raise for damaged, encrypted or unknown entries.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    RuntimeError,  # encrypted; NotImplementedError, an unknown method, is one of these
    ValueError,
    OSError,
    EOFError,
)
_NOISE = (".ds_store", "thumbs.db", "desktop.ini", "dicomdir", "version", "readme", "license")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file's bytes.

    ``label`` is its last path component, cleaned and shortened, for the validation report only.
    """

    label: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Hash of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@dataclasses.dataclass(slots=True)
class _Budget:
    """What may still come out of one upload's archive, the archives inside it included."""

    entries: int
    size: int


def safe_label(name: str) -> str:
    r"""Return the last component of a file name, without control characters, at most 60 long.

    Examples
    --------
    >>> safe_label("../../a/b\u202eevil.dcm")
    'bevil.dcm'
    """
    last = re.split(r"[/\\]", name)[-1]
    clean = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip()
    return clean[:57] + "..." if len(clean) > 60 else clean or "unnamed"


def is_noise(label: str) -> bool:
    """Whether a name is one of the files that computers leave beside scans."""
    lowered = label.casefold()
    return lowered.startswith(("._", ".")) or any(
        lowered == word or lowered.startswith(word + ".") for word in _NOISE
    )


def from_paths(paths: Iterable[pathlib.Path]) -> Iterator[SourceFile]:
    """Yield the files of paths: folders are walked, ZIP archives are opened.

    Raises
    ------
    InputError
        For a path that is not there, and for an archive that breaks a cap.
    """
    for path in paths:
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
        elif path.is_file():
            files = [path]
        else:
            raise InputError(
                "path-not-found",
                "A path given for import does not exist.",
                where="import",
                expected="a file, a folder or a ZIP archive",
                remedy="Check the spelling of the path.",
            )
        for file in files:
            yield from from_bytes(file.name, _read(file))


def _read(path: pathlib.Path) -> bytes:
    try:
        if path.stat().st_size > MAX_TOTAL_BYTES:
            raise _refused(
                "file-too-large", "A file is larger than any scan.", safe_label(path.name)
            )
        return path.read_bytes()
    except OSError:
        raise InputError(
            "path-unreadable",
            "A file given for import cannot be read.",
            where=safe_label(path.name),
            expected="a readable file",
            remedy="Check its permissions and the disk.",
        ) from None


def from_bytes(name: str, data: bytes) -> Iterator[SourceFile]:
    """Yield one file, or the entries when it is a ZIP archive (one more level inside)."""
    yield from _open(name, data, 0, _Budget(MAX_ENTRIES, MAX_TOTAL_BYTES))


def _open(name: str, data: bytes, depth: int, budget: _Budget) -> Iterator[SourceFile]:
    label = safe_label(name)
    if data[:4] == b"PK\x03\x04" and not label.casefold().endswith((".xlsx", ".pptx", ".docx")):
        if depth > 1:
            raise _refused("archive-too-deep", "An archive lies inside an archive in an archive.")
        for entry_name, content in _entries(label, data, budget):
            yield from _open(entry_name, content, depth + 1, budget)
    else:
        yield SourceFile(label=label, data=data)


def _entries(label: str, data: bytes, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = archive.infolist()
    except _DAMAGED:
        raise _refused("archive-damaged", "The ZIP archive cannot be read.", label) from None
    budget.entries -= len(infos)
    if budget.entries < 0:
        raise _refused("archive-too-many-files", f"The archive has {len(infos)} entries.", label)
    for info in infos:
        link = (info.external_attr >> 16) & 0o170000 == 0o120000
        if info.is_dir() or link:
            continue
        packed = min(max(info.compress_size, 1), len(data))  # the directory may lie about it
        content = _inflate(archive, info, packed, label, budget.size)
        budget.size -= len(content)
        yield info.filename, content


def _inflate(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, packed: int, label: str, left: int
) -> bytes:
    """Return an entry's bytes, counted while they stream; headers are not trusted."""
    parts: list[bytes] = []
    size = 0
    try:
        with archive.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                inflated = size > RATIO_FREE_BYTES and size > MAX_RATIO * packed
                if inflated or size > min(MAX_ENTRY_BYTES, left):
                    raise _refused(
                        "archive-bomb", "An entry inflates beyond what a scan can be.", label
                    )
                parts.append(chunk)
    except _DAMAGED:
        raise _refused(
            "archive-damaged", "An entry of the archive cannot be read.", label
        ) from None
    return b"".join(parts)


def _refused(code: str, what: str, where: str = "archive") -> InputError:
    return InputError(
        code,
        what,
        where=where,
        expected=f"a plain ZIP of at most {MAX_ENTRIES} files and {MAX_TOTAL_BYTES // 1024**3} GB",
        remedy="Pack the files again, or choose the folder instead of an archive.",
    )
