"""Works on an archive until it is killed, and says on standard output what was completed.

Run as ``python -m tests.durability.worker HOME``. It imports the program once; for every line on
standard input, a JSON object with ``seed`` and ``point``, it forks a child that imports, edits,
stores predictions and deletes in an endless loop. A child at a named point kills itself there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import random
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from abscope.core.errors import RefusedError
from abscope.core.geometry import Grid
from abscope.core.ids import uid_from
from abscope.core.settings import Settings
from abscope.dicom.reader import Draft
from abscope.store import archive as archive_module
from abscope.store import audit, blobs, erasure
from abscope.workflows.case_facts import set_facts
from abscope.workflows.context import Actor, Context, open_context
from abscope.workflows.importing import check_reading, read_files, save
from abscope.workflows.lab_results import read_labs, store_labs
from tests import phantoms
from tests.unit.dicom.uploads import as_bytes

ACTOR = Actor(name="worker")
GRID = Grid.regular(
    origin_mm=(-28.0, -30.0, -24.0), spacing_zyx_mm=(8, 5, 4), shape_zyx=(7, 13, 16),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
#: Name of a point -> module or class, its function, and whether to die before or after it.
POINTS: dict[str, tuple[Any, str, bool]] = {
    "half a blob": (os, "fdopen", False),
    "an unsynced blob": (os, "fsync", True),
    "after a blob": (blobs.BlobStore, "_write", False),
    "before the commit": (audit, "append", False),
    "before files are deleted": (blobs.BlobStore, "delete", True),
    "after files are deleted": (archive_module.Archive, "compact", True),
    "before the note is taken out": (archive_module.Archive, "compact", False),
    "while cleaning": (erasure, "sweep", True),
}


def phantom() -> Draft:
    """Return a small case: CT, structures, dose and plan."""
    roi = phantoms.cylinder_roi(z_mm=(-16, -8, 0, 8, 16))
    dose = phantoms.dose_of(grid=GRID)
    objects = [
        *phantoms.ct_series(grid=GRID), phantoms.rtstruct([roi]), phantoms.rtplan(),
        phantoms.rtdose(dose),
    ]  # fmt: skip
    reading = read_files([(f"{n}.dcm", as_bytes(ds)) for n, ds in enumerate(objects)])
    return check_reading(reading, frozenset())


def numbered(draft: Draft, number: int) -> Draft:
    """Return the case with voxels of its own; every third shares those of the one before."""
    ((series, volume),) = draft.series
    voxels = volume.array_zyx.copy()
    voxels[0, 0, 0] = number - number % 3
    changed = dataclasses.replace(volume, array_zyx=voxels)
    uid = uid_from("durability", str(number))
    return dataclasses.replace(
        draft,
        series=((dataclasses.replace(series, uid=uid), changed),),
        objects={f"{uid}.1": "aa"},
    )


def voxel_hash(array: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


class Worker:
    """Does one thing after another; each is announced, done, and acknowledged."""

    def __init__(self, context: Context, draft: Draft, rng: random.Random) -> None:
        self._context, self._draft, self._rng = context, draft, rng
        self._steps: tuple[Callable[[], None], ...] = (
            self._import, self._import, self._facts, self._labs, self._predict, self._delete,
        )  # fmt: skip

    def run(self) -> None:
        """Go on for ever; with a second process on the archive some steps are refused."""
        while True:
            try:
                self._rng.choice(self._steps)()
            except RefusedError as error:
                say(refused=error.code)

    def _case(self) -> str | None:
        ids = sorted(s.id for s in self._context.cases.summaries())
        return self._rng.choice(ids) if ids else None

    def _import(self) -> None:
        number = self._rng.randrange(300)
        draft = numbered(self._draft, number)
        case_id = f"case-{number}"
        if self._context.cases.exists(case_id):
            return
        say(begin="import", case=case_id, voxels=voxel_hash(draft.series[0][1].array_zyx))
        save(self._context, ACTOR, draft, case_id=case_id)
        say(done="import")

    def _facts(self) -> None:
        if case_id := self._case():
            value = self._rng.randrange(1000)
            say(begin="facts", case=case_id, value=value)
            set_facts(self._context, ACTOR, case_id, {"tmb_mut_per_mb": value})
            say(done="facts")

    def _labs(self) -> None:
        if case_id := self._case():
            value = self._rng.randrange(100, 900)
            day = f"2024-{self._rng.randrange(1, 13):02d}-{self._rng.randrange(1, 28):02d}"
            say(begin="labs", case=case_id, value=[day, value])
            table = f"date,test,value,unit\n{day},LDH,{value},U/L\n".encode()
            store_labs(self._context, ACTOR, case_id, read_labs("labs.csv", table))
            say(done="labs")

    def _predict(self) -> None:
        if case_id := self._case():
            value = self._rng.random()
            say(begin="predict", case=case_id, value=value)
            entry = ACTOR.entry("predict", case_id)
            self._context.documents.add(case_id, "prediction", {"probability": value}, entry)
            say(done="predict")

    def _delete(self) -> None:
        if case_id := self._case():
            say(begin="delete", case=case_id)
            self._context.cases.delete(case_id, ACTOR.entry("delete", case_id))
            say(done="delete")


class HalfWritten:
    """A file whose writer is killed in the middle."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __enter__(self) -> HalfWritten:
        return self

    def __exit__(self, *_: object) -> None:
        raise AssertionError("unreachable")

    def write(self, data: memoryview) -> None:
        self._stream.write(data[: len(data) // 2])
        self._stream.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def say(**words: object) -> None:
    """Write one line that a kill cannot take back."""
    os.write(1, (json.dumps(words) + "\n").encode())


def die_at(point: str, rng: random.Random) -> None:
    """Kill this process at the n-th passing of a point."""
    owner, name, before = POINTS[point]
    original, left = getattr(owner, name), [rng.randrange(1, 6)]

    def passing(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if before and left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if point == "half a blob":
            return HalfWritten(result) if left[0] <= 0 else result
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    if point == "while cleaning":
        left[0] = 1
    setattr(owner, name, passing)


def main(home: pathlib.Path) -> None:
    """Fork a child for every line of standard input."""
    draft = phantom()
    settings = Settings(home=home, database_url=f"sqlite:///{home / 'abscope.sqlite'}")
    open_context(settings).archive.close()
    say(ready=True)
    for line in sys.stdin:
        wanted = json.loads(line)
        pid = os.fork()
        if pid == 0:
            rng = random.Random(wanted["seed"])
            if wanted["point"]:
                die_at(wanted["point"], rng)
            say(pid=os.getpid())
            Worker(open_context(settings), draft, rng).run()
        _, status = os.waitpid(pid, 0)
        say(ended=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
