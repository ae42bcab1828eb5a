"""Import of a CT series with every check, against SimpleITK reading the same files.

Prints both times, their ratio, and whether the voxels agree. SimpleITK only reads; Abscope also
hashes every file, checks identity, links and geometry. Needs
ABSCOPE_TEST_DATA. Run it with ``python -m benchmarks.import_series``.
"""

from __future__ import annotations

import pathlib
import tempfile
import time
import zipfile

import numpy as np
import SimpleITK as sitk

from abscope.dicom.reader import read_upload
from abscope.dicom.sources import from_paths
from benchmarks.real_cases import data_path

ROUNDS = 3


def main() -> None:
    """Time both on the same unpacked files, best of some rounds."""
    archive_path = data_path("lung1-001/ct.zip")
    if archive_path is None:
        print("No real case here: set ABSCOPE_TEST_DATA.")
        return
    with tempfile.TemporaryDirectory() as name:
        with zipfile.ZipFile(archive_path) as archive:
            archive.extractall(name)
        files = pathlib.Path(name)
        theirs, ours = [], []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            reader = sitk.ImageSeriesReader()
            inner = next(p.parent for p in files.rglob("*.dcm"))
            reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(inner)))
            image = reader.Execute()
            theirs.append(time.perf_counter() - start)
            start = time.perf_counter()
            volume = read_upload(from_paths([files])).drafts[0].series[0][1]
            ours.append(time.perf_counter() - start)
        same = np.array_equal(sitk.GetArrayFromImage(image), volume.array_zyx)
        print(f"slices {volume.array_zyx.shape[0]}, voxels equal: {same}")
        print(f"SimpleITK.ImageSeriesReader {min(theirs):.2f} s (reading only)")
        print(f"Abscope read and validate   {min(ours):.2f} s")
        print(f"ratio {min(ours) / min(theirs):.2f}")


if __name__ == "__main__":
    main()
