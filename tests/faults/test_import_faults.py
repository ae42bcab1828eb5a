"""faults.md through the command line: what the import must survive, one test an id.

Finer cases of the same ids lie in tests/unit/dicom, where each test also carries its id.
"""

from __future__ import annotations

import io
import pathlib
import zipfile

import pytest

from abscope.core.geometry import Grid
from abscope.store.blobs import BlobStore
from tests import phantoms
from tests.faults.conftest import nothing_is_stored
from tests.unit.dicom.uploads import all_changed, changed

GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(14, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
SET = phantoms.rtstruct([phantoms.cylinder_roi()])
PLAN, DOSE = phantoms.rtplan(), phantoms.rtdose()
RT = [SET, PLAN, DOSE]


def packed(entries: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return target.getvalue()


# ------------------------------------------------------------------------------------- images
IMAGE_FAULTS = {
    "D1-missing": ("missing-slices", [ds for n, ds in enumerate(CT) if n not in (5, 6)]),
    "D3-duplicate": (
        "duplicate-positions",
        changed(CT, 4, ImagePositionPatient=CT[5].ImagePositionPatient),
    ),
    "D5-tilt": (
        "gantry-tilt",
        all_changed(CT, ImageOrientationPatient=[1, 0, 0, 0, 0.96592583, 0.25881905]),
    ),
    "D8-rescale": ("rescale-absent", changed(CT, 3, RescaleSlope=None)),
    "D12-truncated": ("pixel-data-truncated", changed(CT, 3, PixelData=CT[3].PixelData[:100])),
    "D-position": ("position-absent", changed(CT, 3, ImagePositionPatient=None)),
    "D-orientation": ("position-absent", all_changed(CT, ImageOrientationPatient=None)),
    "D4-size": (
        "slice-of-another-size",
        changed(CT, 13, Rows=2, Columns=2, PixelData=bytes(8)),
    ),
}


@pytest.mark.parametrize("fault", IMAGE_FAULTS)
def test_a_broken_series_is_refused_whole_and_the_rest_stays_usable(upload, run, fault):
    code, slices = IMAGE_FAULTS[fault]
    found = upload(*slices, *RT, refused=True)
    assert found["error"]["code"] == code
    assert code in {f["code"] for f in found["findings"] if f["severity"] == "error"}
    nothing_is_stored(run)
    if fault in ("D1-missing", "D4-size"):
        return
    case = upload(*slices, *RT, accept=[code])
    assert (len(case["series"]), len(case["doses"])) == (0, 1)
    assert code in {f["code"] for f in case["findings"]}


def test_d14_lossy_pixels_are_marked(upload):
    found = upload(*all_changed(CT, LossyImageCompression="01"))
    assert "lossy-compression" in {f["code"] for f in found["findings"]}


# ------------------------------------------------------------------------------ storage and web
@pytest.mark.parametrize("step", ["put_array", "put_arrays"])
def test_s4_a_crash_in_the_middle_stores_nothing(upload, run, home, monkeypatch, step):
    def crash(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(BlobStore, step, crash)
        with pytest.raises(KeyboardInterrupt):
            upload(*CT, *RT)
    nothing_is_stored(run)
    assert not list(pathlib.Path(home).rglob(".tmp-*"))
    assert len(upload(*CT, *RT)["series"]) == 1


@pytest.mark.parametrize("word", ["../../x", "a/b", "x'; DROP TABLE cases;--", "a\x00b", "é"])
def test_a4_a5_case_ids_are_words_of_a_plain_alphabet(run, upload, tmp_path, word):
    upload(*CT)
    for words in (["show", word], ["delete", word], ["import", tmp_path, "--case", word]):
        assert run.refused(*words, status=2)["error"]["code"] == "bad-case-id"
    assert len(run.done("cases")["cases"]) == 1
