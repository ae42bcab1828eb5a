"""The whole case without identity: into a folder, or into one ZIP archive.

Nothing is overwritten and nothing is half there: the folder appears complete, or not at all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from abscope.core.case import Case
from abscope.core.errors import InputError, RefusedError
from abscope.core.neutral import Replacement, neutral_case
from abscope.dicom.deidentify import PROFILE, Pseudonyms, new_secret
from abscope.dicom.link import differing_identity
from abscope.workflows.context import Actor, Context
from abscope.workflows.deidentified_objects import files_of
from abscope.workflows.deidentified_tables import File, Written
from abscope.workflows.stored_dvh import STORED_DVH

#: Kind of the document that holds the secret; it is deleted with the case.
SECRET = "deid-secret"
#: Code that a person accepts to export images that may show words.
ACCEPT_BURNED_IN = "burned-in-annotation"
#: What no program here removes; shown with every export.
REMAINING_RISK = (
    "Text burned into the pixels is neither looked for nor removed.",
    "A face can be rebuilt from a scan that shows the head.",
    "A rare disease, an unusual plan or exact laboratory values may still point to a person.",
)
#: Puts files somewhere; returns how many they were and their bytes.
Writer = Callable[[Iterable[File]], tuple[int, int]]
#: Every entry of a ZIP archive carries this time, which says nothing.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deidentified:
    """What was exported. ``replaced`` is for the user's eyes: it holds the original words."""

    pseudonym: str
    files: int
    size: int
    written: Written
    replaced: tuple[Replacement, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the command line's JSON."""
        return {
            "pseudonym": self.pseudonym,
            "files": self.files,
            "bytes": self.size,
            "series": self.written.series,
            "structure_sets": self.written.structure_sets,
            "doses": self.written.doses,
            "plans": self.written.plans,
            "labs": self.written.labs,
            "facts": self.written.facts,
            "replaced_names": len(self.replaced),
            "replaced": [dataclasses.asdict(r) for r in self.replaced],
            "profile": [{"code": code, "meaning": meaning} for code, meaning in PROFILE],
            "left_out": self.written.left_out,
            "remaining_risk": list(REMAINING_RISK),
        }


def export_folder(
    context: Context,
    actor: Actor,
    case: Case,
    folder: pathlib.Path,
    *,
    accepted: frozenset[str] = frozenset(),
) -> Deidentified:
    """Write a case without identity into a folder that is absent or empty.

    Raises
    ------
    InputError
        When the folder holds something, or cannot be written; nothing is left of a failed export.
    RefusedError
        When images may show words and nobody accepted ``burned-in-annotation``.
    """
    _check_burned_in(case, accepted)
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise InputError(
            "folder-not-empty",
            "The folder for the export holds something already.",
            where="--deidentified",
            expected="an empty folder, or the name of a new one",
            remedy="Name another folder; nothing is ever overwritten.",
        )
    with _appearing(folder) as temporary:
        return _export(context, actor, case, lambda files: _into_folder(files, temporary))


@contextlib.contextmanager
def _appearing(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Hand out a folder beside `folder` that becomes it when all went well, and else is removed."""
    temporary: pathlib.Path | None = None
    try:
        temporary = pathlib.Path(tempfile.mkdtemp(prefix=".abscope-", dir=folder.parent))
        yield temporary
        temporary.rename(folder)
        _sync(folder.parent)
    except OSError:
        raise InputError(
            "file-not-written",
            "The export cannot be written.",
            where="--deidentified",
            expected="a folder that can be created, and free space",
            remedy="Choose another place; nothing was left behind.",
        ) from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def export_zip(
    context: Context,
    actor: Actor,
    case: Case,
    target: BinaryIO,
    *,
    accepted: frozenset[str] = frozenset(),
) -> Deidentified:
    """Write a case without identity as an uncompressed ZIP archive, object by object."""
    _check_burned_in(case, accepted)
    return _export(context, actor, case, lambda files: _into_zip(files, target))


def pseudonyms(context: Context, actor: Actor, case: Case) -> Pseudonyms:
    """Return the new identity of the case's patient, making its secret when there is none.

    Cases of the same patient (equal PatientID, nothing that contradicts) share one secret.
    """
    for other in (case.id, *_same_patient(context, case)):
        held = context.documents.of_case(other, SECRET)
        if held and other == case.id:
            return Pseudonyms(secret=str(held[-1].content["secret"]))
        if held:
            content = dict(held[-1].content)
            break
    else:
        content = {"secret": new_secret()}
    entry = actor.entry("deidentify", case.id)
    document = context.documents.add_once(case.id, SECRET, content, entry)
    return Pseudonyms(secret=str(document.content["secret"]))


def _same_patient(context: Context, case: Case) -> tuple[str, ...]:
    return tuple(
        s.id
        for s in context.cases.summaries()
        if s.id != case.id
        and s.patient.id
        and s.patient.id == case.patient.id
        and not differing_identity(s.patient, case.patient)
    )


def _export(context: Context, actor: Actor, case: Case, write: Writer) -> Deidentified:
    new = pseudonyms(context, actor, case)
    neutral = neutral_case(case)
    written = Written()
    files, size = write(files_of(context, neutral.case, new, written))
    for kind, words in (
        ("prediction", "predictions"),
        ("scenario", "scenarios"),
        ("board", "records of board packs"),
    ):
        if context.documents.of_case(case.id, kind):
            written.leave_out(words, "they can be computed again from the export")
    if context.documents.of_case(case.id, STORED_DVH):
        written.leave_out("DVHs of the planning system", "the dose itself is in the export")
    if case.findings:
        written.leave_out("findings of the imports", "they name the files they came from")
    result = Deidentified(
        pseudonym=new.name, files=files, size=size, written=written, replaced=neutral.replaced
    )
    context.archive.record(
        actor.entry(
            "export",
            case.id,
            form="deidentified",
            files=files,
            series=len(written.series),
            structure_sets=written.structure_sets,
            doses=len(written.doses),
            plans=written.plans,
            replaced_names=len(neutral.replaced),
            left_out=len(written.left_out),
        )
    )
    return result


def _check_burned_in(case: Case, accepted: frozenset[str]) -> None:
    shown = [s for s in case.series if s.burned_in == "YES"]
    if shown and ACCEPT_BURNED_IN not in accepted:
        raise RefusedError(
            "burned-in-annotation",
            f"{len(shown)} series may show a name or other words in the pictures themselves.",
            where="BurnedInAnnotation",
            expected="images without burned-in words",
            remedy="Look at them; to go on all the same, accept the code burned-in-annotation.",
        )


def _into_folder(files: Iterable[File], folder: pathlib.Path) -> tuple[int, int]:
    count = size = 0
    for name, data in files:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        count, size = count + 1, size + len(data)
    for inner in (*(p for p in folder.iterdir() if p.is_dir()), folder):
        _sync(inner)
    return count, size


def _into_zip(files: Iterable[File], target: BinaryIO) -> tuple[int, int]:
    count = size = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name, _NO_TIME), data)
            count, size = count + 1, size + len(data)
    return count, size


def _sync(folder: pathlib.Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
