"""faults.md through the command line: what the import must survive, one test an id.

Finer cases of the same ids lie in tests/unit/dicom, where each test also carries its id.
"""

from __future__ import annotations

import copy
import io
import pathlib
import zipfile

import pytest

from abscope.core.geometry import Grid
from abscope.dicom import sources
from abscope.store.blobs import BlobStore
from tests import phantoms
from tests.faults.conftest import nothing_is_stored
from tests.reference.command import files_below
from tests.unit.dicom.uploads import all_changed, as_bytes, changed

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


# ------------------------------------------------------------------------- uploads and archives
def test_u1_names_that_climb_out_write_nothing_outside(upload, home, tmp_path):
    names = ["../../x.dcm", "/abs.dcm", "c:\\x.dcm", "../x.dcm"]
    data = packed({n: as_bytes(ds) for n, ds in zip(names, RT, strict=False)})
    before = set(files_below(tmp_path))
    assert len(upload(("scan.zip", data))["plans"]) == 1
    new = {name for name in set(files_below(tmp_path)) - before if "upload" not in name}
    assert all(name.startswith("home/") for name in new)


def test_u2_a_bomb_is_refused_and_nothing_is_stored(upload, run, monkeypatch):
    monkeypatch.setattr(sources, "RATIO_FREE_BYTES", 100_000)
    found = upload(("scan.zip", packed({"x": bytes(20_000_000)})), *CT, refused=True)
    assert found["error"]["code"] == "archive-bomb"
    nothing_is_stored(run)


def test_u3_a_damaged_archive_is_named(upload, run):
    found = upload(("scan.zip", packed({"x": as_bytes(PLAN)})[:-40]), refused=True)
    assert (found["error"]["code"], found["error"]["where"]) == ("archive-damaged", "scan.zip")


def test_u5_an_absurd_size_is_refused_from_the_header(upload, run):
    huge = all_changed(CT, Rows=65535, Columns=65535)
    found = upload(*huge, *RT, refused=True)
    assert found["error"]["code"] == "image-size-refused"
    nothing_is_stored(run)
    assert len(upload(*huge, *RT, accept=["image-size-refused"])["doses"]) == 1


def test_u8_u9_noise_and_dicomdir_are_counted_not_refused(upload):
    noise = {".DS_Store": b"x", "Thumbs.db": b"x", "VERSION": b"1", "a.jpg": b"JFIF", "e": b""}
    found = upload(*CT, *noise.items())
    assert [f["message"] for f in found["findings"]] == [
        "5 files are no DICOM images or RT objects."
    ]


@pytest.mark.parametrize("name", ["<b>x.dcm", "a\u202eb.dcm", "🫁.dcm", "CON.dcm", "x" * 200])
def test_u12_odd_file_names_are_labels_only(upload, home, name):
    broken = ("bad " + name, as_bytes(PLAN)[:132] + b"\xff" * 50)
    found = upload((name, as_bytes(PLAN)), broken, accept=["dicom-unreadable"])
    assert len(found["plans"]) == 1
    (finding,) = [f for f in found["findings"] if f["code"] == "dicom-unreadable"]
    assert len(finding["where"]) <= 60
    assert "\u202e" not in finding["where"]
    assert not [n for n in files_below(home) if "CON" in n or "x" * 50 in n]


def test_u13_one_uid_with_two_contents_is_a_conflict(upload, run):
    other = copy.deepcopy(PLAN)
    other.RTPlanLabel = "OTHER"
    found = upload(("a.dcm", as_bytes(PLAN)), ("b.dcm", as_bytes(other)), refused=True)
    assert found["error"]["code"] == "uid-conflict"
    assert found["error"]["where"] == "a.dcm and b.dcm"
    nothing_is_stored(run)


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
