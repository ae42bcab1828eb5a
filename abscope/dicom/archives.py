"""ZIP archives entry by entry, never trusted: nothing is unpacked to disk, every byte is counted.

What an archive may do wrong costs that archive, or that entry, and not the upload: each fault
becomes a `Finding` that a person may accept, and the other files go on. The budget is one for the
whole upload: two archives cannot each bring what one may not.
"""

from __future__ import annotations

import dataclasses
import io
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from abscope.core.case import Finding

MAX_ENTRIES = 20_000
MAX_ENTRY_BYTES = 2 * 1024**3
MAX_TOTAL_BYTES = 6 * 1024**3
#: An entry that inflates by more than this and beyond `RATIO_FREE_BYTES` is a bomb.
MAX_RATIO = 100
RATIO_FREE_BYTES = 50 * 1024**2
#: The directory of an archive is read at once by zipfile: 400 bytes for each allowed entry.
MAX_DIRECTORY_BYTES = 400 * MAX_ENTRIES
#: Archives may lie inside archives this deep.
MAX_DEPTH = 1
#: zipfile inflates bzip2 and LZMA without a limit, so one small entry could fill the memory.
METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_CHUNK = 1024**2
_LOCAL_HEADER = 30
#: Sizes and checksum that may follow an entry (bytes, at most).
_DESCRIPTOR = 24
#: What zipfile and zlib raise for damaged entries.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    RuntimeError,
    ValueError,
    OSError,
    EOFError,
)
_CLIMBS = re.compile(r"^([A-Za-z]:|/)|(^|/)\.\.(/|$)")


@dataclasses.dataclass(slots=True)
class Budget:
    """What may still come out of one upload: loose files, archives and those inside them."""

    entries: int
    size: int

    @classmethod
    def whole(cls) -> Budget:
        """Return the budget of a fresh upload."""
        return cls(entries=MAX_ENTRIES, size=MAX_TOTAL_BYTES)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry's name and bytes, and where it stands: entry `number` of `count` from 1 on."""

    name: str
    data: bytes
    number: int
    count: int


class _Passed(NamedTuple):
    """Why an entry is passed over: the code, and the words that follow "The entry"."""

    code: str
    text: str


_LINK = _Passed("archive-link", "is a link to another place, which is never followed")
_CLIMBING = _Passed("archive-name-refused", "is named as a path that leads out of the archive")
_LOCKED = _Passed("archive-encrypted", "is encrypted, and no password is asked")
_METHOD = _Passed("archive-method-refused", "is packed by another method than deflate")
_BROKEN = _Passed("archive-damaged", "is damaged and cannot be read")


class ArchiveStop(Exception):
    """The rest of an archive is not read; carries the finding that says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


class CappedBytes(io.BytesIO):
    """Bytes whose single reads are limited, so that a forged directory cannot fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as `io.BytesIO` does, up to `MAX_DIRECTORY_BYTES`."""
        _check_read(size)
        return super().read(size)


class CappedFile(io.FileIO):
    """A file on disk with the same limit; its archive is never in memory as a whole."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as `io.FileIO` does, up to `MAX_DIRECTORY_BYTES`."""
        _check_read(size)
        return super().read(-1 if size is None else size) or b""


def _check_read(size: int | None) -> None:
    if size is not None and size > MAX_DIRECTORY_BYTES:
        raise zipfile.BadZipFile("the directory is larger than any upload needs")


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


def is_archive(start: bytes, label: str) -> bool:
    """Whether a file that starts with these bytes is opened as a ZIP archive."""
    office = label.casefold().endswith((".xlsx", ".pptx", ".docx"))
    return start[:4] == b"PK\x03\x04" and not office


def problem(code: str, what: str, where: str) -> Finding:
    """Return the error of an archive or of entries in it, which a person may accept."""
    return Finding(
        code=code,
        severity="error",
        where=where,
        message=what,
        expected=f"a plain ZIP of at most {MAX_ENTRIES} files and {MAX_TOTAL_BYTES // 1024**3} GB",
        remedy="Pack the files again, or choose the folder instead of an archive. Accept to "
        "import the other files without what was refused.",
        acceptable=True,
    )


def entries(
    stream: CappedBytes | CappedFile, size: int, label: str, budget: Budget
) -> Iterator[Entry | Finding]:
    """Yield the readable entries of an archive of `size` bytes, then what was passed over.

    Raises
    ------
    ArchiveStop
        When the archive as a whole, or the rest of it, is refused.
    """
    try:
        archive = zipfile.ZipFile(stream)
        infos = archive.infolist()
        gap = _unaccounted(stream, archive, infos)
        infos = [info for info in infos if not info.is_dir()]
    except _DAMAGED:
        raise _stop("archive-damaged", "The ZIP archive cannot be read.", label) from None
    if len(infos) > budget.entries:
        text = f"The archive has {len(infos)} entries, more than an upload may still hold."
        raise _stop("archive-too-many-files", text, label)
    budget.entries -= len(infos)
    if gap < 0:
        text = "Entries of the archive overlap, or claim more bytes than there are."
        raise _stop("archive-overlap", text, label)
    if gap:
        yield Finding(
            code="archive-gap",
            severity="warning",
            where=label,
            message=f"{gap} bytes of the archive belong to no file of its directory.",
            expected="an archive that lists everything it holds",
            remedy="Files may be missing: compare their number, or pack the archive again.",
        )
    skipped: dict[_Passed, list[str]] = {}
    for number, info in enumerate(infos, start=1):
        reason = _reason_to_skip(info)
        data = None if reason else _inflate(archive, info, size, label, budget)
        if data is None:
            skipped.setdefault(reason or _BROKEN, []).append(safe_label(info.orig_filename))
        else:
            yield Entry(name=info.filename, data=data, number=number, count=len(infos))
    yield from (_passed_over(reason, names, label) for reason, names in skipped.items())


def _unaccounted(
    stream: CappedBytes | CappedFile, archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]
) -> int:
    """Return how many bytes no entry accounts for; negative where entries overlap.

    Entries that share their packed bytes are how small archives hold petabytes; bytes that no
    entry names are how files vanish from a damaged directory.
    """
    ordered = sorted(infos, key=lambda info: info.header_offset)
    place = gaps = 0
    for info in ordered:
        if info.header_offset < place:
            return -1
        gaps += _gap(place, info.header_offset)
        stream.seek(info.header_offset + 26)
        name, extra = struct.unpack("<2H", stream.read(4).ljust(4, b"\0"))
        place = info.header_offset + _LOCAL_HEADER + name + extra + info.compress_size
    return -1 if place > archive.start_dir else gaps + _gap(place, archive.start_dir)


def _gap(end: int, start: int) -> int:
    return start - end if start - end > _DESCRIPTOR else 0


def _reason_to_skip(info: zipfile.ZipInfo) -> _Passed | None:
    """Return what makes an entry unusable before it is opened."""
    if (info.external_attr >> 16) & 0o170000 == 0o120000:
        return _LINK
    if _CLIMBS.search(info.orig_filename.replace("\\", "/")):
        return _CLIMBING
    if info.flag_bits & 0x1:
        return _LOCKED
    return None if info.compress_type in METHODS else _METHOD


def _passed_over(reason: _Passed, names: list[str], label: str) -> Finding:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    count = "An entry" if len(names) == 1 else f"Each of {len(names)} entries"
    text = f"{count} of the archive {reason.text}."
    return problem(reason.code, text, f"{label}: {', '.join(names[:3])}{more}")


def _inflate(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int, label: str, budget: Budget
) -> bytes | None:
    """Return an entry's bytes, None when damaged; counted while they stream, kept or not."""
    packed = min(max(info.compress_size, 1), size)  # the directory may lie about it
    parts: list[bytes] = []
    inflated = 0
    try:
        with archive.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                inflated += len(chunk)
                budget.size -= len(chunk)
                bomb = inflated > RATIO_FREE_BYTES and inflated > MAX_RATIO * packed
                if bomb or inflated > MAX_ENTRY_BYTES or budget.size < 0:
                    raise _stop(
                        "archive-bomb", "An entry inflates beyond what a scan can be.", label
                    )
                parts.append(chunk)
    except _DAMAGED:
        budget.size -= min(info.file_size, _CHUNK)  # the work of the read that failed
        return None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _stop(code: str, what: str, label: str) -> ArchiveStop:
    return ArchiveStop(problem(code, what, label))
