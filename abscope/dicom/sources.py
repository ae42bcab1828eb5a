"""Files, folders and ZIP archives as a stream of named bytes. Names never become paths.

An archive is read entry by entry with caps on size, ratio, number and depth; nothing is unpacked
to disk, so an entry called ``../../x`` is only a label.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import pathlib
import re
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
            yield from from_bytes(file.name, file.read_bytes())


def from_bytes(name: str, data: bytes) -> Iterator[SourceFile]:
    """Yield one file, or the entries when it is a ZIP archive (one more level inside)."""
    yield from _open(name, data, depth=0)


def _open(name: str, data: bytes, depth: int) -> Iterator[SourceFile]:
    label = safe_label(name)
    if data[:4] == b"PK\x03\x04" and not label.casefold().endswith((".xlsx", ".pptx", ".docx")):
        if depth > 1:
            raise _refused("archive-too-deep", "An archive lies inside an archive in an archive.")
        for entry_name, content in _entries(label, data):
            yield from _open(entry_name, content, depth + 1)
    else:
        yield SourceFile(label=label, data=data)


def _entries(label: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError):
        raise _refused("archive-damaged", "The ZIP archive cannot be read.", label) from None
    if len(infos) > MAX_ENTRIES:
        raise _refused("archive-too-many-files", f"The archive has {len(infos)} entries.", label)
    total = 0
    for info in infos:
        link = (info.external_attr >> 16) & 0o170000 == 0o120000
        if info.is_dir() or link:
            continue
        content = _inflate(archive, info, label, MAX_TOTAL_BYTES - total)
        total += len(content)
        yield info.filename, content


def _inflate(archive: zipfile.ZipFile, info: zipfile.ZipInfo, label: str, left: int) -> bytes:
    """Return an entry's bytes, counted while they stream; headers are not trusted."""
    parts: list[bytes] = []
    size = 0
    try:
        with archive.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                inflated = size > RATIO_FREE_BYTES and size > MAX_RATIO * max(info.compress_size, 1)
                if inflated or size > min(MAX_ENTRY_BYTES, left):
                    raise _refused(
                        "archive-bomb", "An entry inflates beyond what a scan can be.", label
                    )
                parts.append(chunk)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError):
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
