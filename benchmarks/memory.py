"""Peak memory of an import as a multiple of its volume: folder, ZIP, and files held by a browser.

Each way runs in a process of its own, on a CT series of 200 slices of 512 x 512 made here. The
peak is what the process held at most (``ru_maxrss``) beyond what it held before the import began,
so an upload that the server already holds (``files``) counts only with what the import adds.
Run it with ``python -m benchmarks.memory``.
"""

from __future__ import annotations

import io
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

import numpy as np

from abscope.core.case import Patient
from abscope.core.geometry import Grid, Volume
from abscope.dicom.write_common import Header
from abscope.dicom.write_ct import ct_datasets

WAYS = ("folder", "zip stored", "zip deflated", "files")
CHILD = """
import json, pathlib, resource, sys
import numpy as np
from abscope.workflows import importing
from benchmarks import memory

way, folder = sys.argv[1], pathlib.Path(sys.argv[2])
importing.read_files([])
held = memory.held_files(folder) if way == "files" else []
memory.forget_peak()
before = memory.peak_bytes()
if way == "files":
    reading = importing.read_files(held)
else:
    reading = importing.read_paths([folder])
(draft,) = reading.drafts
((_, volume),) = draft.series
added = memory.peak_bytes() - before
print(json.dumps({"added": added, "volume": volume.array_zyx.nbytes, "held": sum(
    len(data) for _, data in held), "slices": len(volume.array_zyx)}))
"""


def held_files(folder: pathlib.Path) -> list[tuple[str, bytes]]:
    """Return the files of a folder as a browser upload holds them."""
    return [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


def forget_peak() -> None:
    """Let the peak start again from what the process holds now (Linux)."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Return the most that this process has held since `forget_peak`, in bytes."""
    status = pathlib.Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def measured(way: str, source: pathlib.Path) -> dict[str, int]:
    """Return added peak, volume and held bytes of an import in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, way, str(source)],
        capture_output=True, text=True, check=True,
        cwd=pathlib.Path(__file__).resolve().parent.parent,
    )  # fmt: skip
    found: dict[str, int] = json.loads(done.stdout)
    return found


def write_series(folder: pathlib.Path, slices: int, side: int) -> None:
    """Write a CT series with noise, one file a slice: one file's bytes, changed where they differ.

    Writing each slice with pydicom would take longer than what is to be measured.
    """
    grid = Grid.regular(
        origin_mm=(0, 0, 0), spacing_zyx_mm=(3, 1, 1), shape_zyx=(1, side, side),
        frame_of_reference_uid="1.2.3",
    )  # fmt: skip
    header = Header(
        patient=Patient(id="PHANTOM", name="PHANTOM"), study_uid="1.2.4", series_uid="1.2.5",
        study_date="2024-01-01", study_time="101500", date="2024-01-01", time="101500",
        series_description="noise",
    )  # fmt: skip
    empty = Volume(array_zyx=np.zeros(grid.shape_zyx, np.int16), grid=grid, unit="HU")
    (dataset,) = ct_datasets(empty, header, slice_uids=("1.2.6.10000",))
    dataset.ImagePositionPatient = ["0", "0", "0001000.0"]
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    template = target.getvalue()
    noise = np.random.default_rng(0)
    size = 2 * side * side
    for number in range(slices):
        head = template[:-size].replace(b"1.2.6.10000", b"1.2.6.1%04d" % number)
        head = head.replace(b"0001000.0", b"000%04d.0" % (1000 + 3 * number))
        pixels = noise.integers(0, 2000, (side, side), dtype=np.int16).tobytes()
        (folder / f"{number:04d}.dcm").write_bytes(head + pixels)


def pack(folder: pathlib.Path, target: pathlib.Path, method: int) -> pathlib.Path:
    """Pack a folder as a ZIP."""
    with zipfile.ZipFile(target, "w", method, compresslevel=1) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return target


def main() -> None:
    """Print the multiple for each way."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "series"
        folder.mkdir()
        write_series(folder, 200, 512)
        sources = {
            "folder": folder,
            "files": folder,
            "zip stored": pack(folder, folder.parent / "a.zip", zipfile.ZIP_STORED),
            "zip deflated": pack(folder, folder.parent / "b.zip", zipfile.ZIP_DEFLATED),
        }
        for way in WAYS:
            found = measured(way, sources[way])
            ratio, held = found["added"] / found["volume"], found["held"] / found["volume"]
            note = f" (besides {held:.2f} that the upload itself holds)" if held else ""
            print(f"{way:13} peak {ratio:.2f} times the volume{note}")


if __name__ == "__main__":
    main()
