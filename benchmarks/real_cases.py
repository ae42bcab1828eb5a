"""Where the real cases lie and how the benchmarks and the data tests open them.

``ABSCOPE_TEST_DATA`` names the folder; without it the folder ``shared/data`` beside the repository
is tried. Nothing is unpacked to disk.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pydicom

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data"


def data_path(name: str) -> Path | None:
    """Return the path of one data set, None when it is not on this machine."""
    path = Path(os.environ.get("ABSCOPE_TEST_DATA") or DEFAULT) / name
    return path if path.exists() else None


def datasets(archive: Path, containing: str = "") -> dict[str, pydicom.Dataset]:
    """Return the DICOM objects of a ZIP by member name, those whose name contains a text."""
    with zipfile.ZipFile(archive) as opened:
        return {
            name: pydicom.dcmread(io.BytesIO(opened.read(name)), force=True)
            for name in opened.namelist()
            if containing in name and not name.endswith("/")
        }
