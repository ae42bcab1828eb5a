"""RTSTRUCT with 30 structures: our parsing against pydicom's own list of DSfloat.

Prints both times, their ratio, and whether the points agree. Both start from the bytes of the file.
Run it with ``python -m benchmarks.rtstruct``.
"""

from __future__ import annotations

import io
import time

import numpy as np
import pydicom

from abscope.core.case import Patient
from abscope.core.geometry import FloatArray, Grid
from abscope.core.structures import Contour, Roi, StructureSet
from abscope.dicom.rtstruct import read_structure_set
from abscope.dicom.write_common import Header, ImageReference
from abscope.dicom.write_rtstruct import rtstruct_dataset

STRUCTURES, PLANES, POINTS = 30, 50, 300
ROUNDS = 3


def example() -> bytes:
    """Return an RTSTRUCT of circles as a file."""
    angle = np.arange(POINTS) * 2 * np.pi / POINTS
    rois = [
        Roi(
            number=number,
            name=f"Structure {number}",
            contours=tuple(
                Contour(
                    points_mm=np.stack(
                        [
                            (10 + number) * np.cos(angle) + plane / 7,
                            (10 + number) * np.sin(angle) - plane / 3,
                            np.full(POINTS, 3.0 * plane),
                        ],
                        axis=1,
                    )
                )
                for plane in range(PLANES)
            ),
        )
        for number in range(1, STRUCTURES + 1)
    ]
    structures = StructureSet(
        uid="1.2.3.4", label="circles", source="clinical", frame_of_reference_uid="1.2.3",
        rois=tuple(rois), series_uid="1.2.5",
    )  # fmt: skip
    header = Header(
        patient=Patient(id="PHANTOM", name="PHANTOM"), study_uid="1.2.4", series_uid="1.2.6",
        study_date="2024-01-01", study_time="101500", date="2024-01-01", time="101500",
        series_description="circles",
    )  # fmt: skip
    grid = Grid.regular(
        origin_mm=(-100, -100, 0), spacing_zyx_mm=(3, 1, 1), shape_zyx=(PLANES, 200, 200),
        frame_of_reference_uid="1.2.3",
    )  # fmt: skip
    reference = ImageReference(
        study_uid="1.2.4", series_uid="1.2.5", grid=grid,
        slice_uids=tuple(f"1.2.7.{n}" for n in range(PLANES)),
    )  # fmt: skip
    target = io.BytesIO()
    dataset = rtstruct_dataset(structures, header, reference)
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


def ours(data: bytes) -> list[FloatArray]:
    """Return all contours as Abscope reads them."""
    rois = read_structure_set(pydicom.dcmread(io.BytesIO(data))).rois
    return [contour.points_mm for roi in rois for contour in roi.contours]


def theirs(data: bytes) -> list[FloatArray]:
    """Return all contours through ``ContourData``."""
    return [
        np.asarray(contour.ContourData, dtype=np.float64).reshape(-1, 3)
        for roi in pydicom.dcmread(io.BytesIO(data)).ROIContourSequence
        for contour in roi.ContourSequence
    ]


def timed(rounds: int = ROUNDS) -> tuple[float, float, bool]:
    """Return our time and pydicom's in seconds, best of some rounds, and whether they agree."""
    data = example()
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    found = {}
    for _ in range(rounds):
        for name, read in (("ours", ours), ("theirs", theirs)):
            start = time.perf_counter()
            found[name] = read(data)
            times[name].append(time.perf_counter() - start)
    same = len(found["ours"]) == len(found["theirs"]) and all(
        np.array_equal(a, b) for a, b in zip(found["ours"], found["theirs"], strict=True)
    )
    return min(times["ours"]), min(times["theirs"]), same


def main() -> None:
    """Print times and ratio."""
    mine, other, same = timed()
    print(f"{STRUCTURES} structures, {STRUCTURES * PLANES} contours, points equal: {same}")
    print(f"pydicom ContourData {other:.2f} s")
    print(f"Abscope             {mine:.2f} s")
    print(f"ratio {other / mine:.1f}")


if __name__ == "__main__":
    main()
