"""U1 to U16 of faults.md through the command line: bytes that nobody can be trusted to have sent.

Finer cases of the same ids lie in tests/unit/dicom.
"""

from __future__ import annotations

import copy
import io
import os
import pathlib
import pickle
import struct
import tomllib
import tracemalloc
import zipfile
import zlib

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from abscope.core.geometry import Grid
from abscope.dicom import archives
from abscope.workflows.importing import read_files
from benchmarks.memory import measured, write_series
from tests import phantoms
from tests.faults.conftest import nothing_is_stored
from tests.reference.command import files_below
from tests.unit.dicom.test_scan import encoded, without_meta
from tests.unit.dicom.test_sources import overlapping, packed
from tests.unit.dicom.uploads import all_changed, as_bytes

GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(14, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
SET = phantoms.rtstruct([phantoms.cylinder_roi()])
PLAN, DOSE = phantoms.rtplan(), phantoms.rtdose()
RT = [SET, PLAN, DOSE]
ROOT = pathlib.Path(__file__).resolve().parents[2]


def errors(found) -> dict[str, str]:
    """Return code -> where of the errors of a report."""
    return {f["code"]: f["where"] for f in found["findings"] if f["severity"] == "error"}


# ------------------------------------------------------------------------------------- archives
@pytest.mark.parametrize("name", ["../../x.dcm", "/abs.dcm", "c:\\x.dcm", "..\\x.dcm", "a/../../b"])
def test_u1_names_that_climb_out_are_passed_over_and_named(upload, run, home, tmp_path, name):
    """An archive entry is named as a path out of the archive, up, absolute or on another drive.

    The entry is passed over and named in the report, the import waits until a person accepts that,
    and nothing is ever written outside the archive of Abscope.
    """
    data = packed({name: as_bytes(SET), "plan.dcm": as_bytes(PLAN)})
    before = set(files_below(tmp_path))
    found = upload(("scan.zip", data), refused=True)
    assert list(errors(found)) == ["archive-name-refused"]
    assert errors(found)["archive-name-refused"].startswith("scan.zip: ")
    nothing_is_stored(run)
    case = upload(("scan.zip", data), accept=["archive-name-refused"])
    assert (len(case["plans"]), case["structure_sets"]) == (1, [])
    new = {name for name in set(files_below(tmp_path)) - before if not name.startswith("upload")}
    assert all(name.startswith("home/") for name in new)


def test_u1_a_symbolic_link_is_passed_over_and_named(upload, run):
    """An archive holds a symbolic link to a file of the server.

    The link is never followed; the report names it and the other entries stay usable.
    """
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("plan.dcm", as_bytes(PLAN))
    found = upload(("scan.zip", target.getvalue()), refused=True)
    assert errors(found) == {"archive-link": "scan.zip: link.dcm"}
    nothing_is_stored(run)
    assert len(upload(("scan.zip", target.getvalue()), accept=["archive-link"])["plans"]) == 1


def test_u1_entries_of_one_name_do_not_overwrite_each_other(upload):
    """Three different objects share one file name in different folders of an archive.

    All three are read: files are known by their contents, never by their names.
    """
    names = ["a/x.dcm", "b/x.dcm", "x.dcm"]
    data = packed({name: as_bytes(ds) for name, ds in zip(names, RT, strict=True)})
    found = upload(("scan.zip", data))
    assert [len(found[k]) for k in ("structure_sets", "plans", "doses")] == [1, 1, 1]


def test_u2_a_bomb_is_refused_and_the_rest_can_be_imported(upload, run):
    """An archive of 60 kB inflates to 60 MB, a thousand times its size.

    Inflating stops at the limit; nothing is stored until the person accepts to go on without that
    archive, and then the other files are imported.
    """
    bomb = ("bomb.zip", packed({"x": bytes(60_000_000)}))
    found = upload(bomb, *CT, refused=True)
    assert errors(found) == {"archive-bomb": "bomb.zip"}
    nothing_is_stored(run)
    assert len(upload(bomb, *CT, accept=["archive-bomb"])["series"]) == 1


def test_u2_overlapping_entries_are_refused_before_anything_is_inflated(upload, run):
    """A thousand directory entries point to the same packed bytes (a quoted-overlap bomb).

    The archive is refused by its directory alone.
    """
    tracemalloc.start()
    found = upload(("bomb.zip", overlapping(1000)), refused=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert errors(found) == {"archive-overlap": "bomb.zip"}
    assert peak < 20_000_000
    nothing_is_stored(run)


def test_u2_several_archives_share_one_budget(upload, run, monkeypatch):
    """Two archives, each within the limits, together hold more than an upload may.

    The second one is refused by name; the limits count for the upload as a whole.
    """
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 100_000)
    data = packed({f"{n}": os.urandom(20_000) for n in range(3)})
    found = upload(("a.zip", data), ("b.zip", data), refused=True)
    assert errors(found) == {"archive-bomb": "b.zip"}
    nothing_is_stored(run)


def test_u2_archives_nest_once_only(upload, run):
    """An archive lies in an archive in an archive.

    One level inside is opened; the second one is refused by name.
    """
    once = packed({"in.zip": packed({"plan.dcm": as_bytes(PLAN)})})
    assert len(upload(("once.zip", once))["plans"]) == 1
    twice = packed({"once.zip": once})
    assert list(errors(upload(("twice.zip", twice), refused=True))) == ["archive-too-deep"]


def test_u2_too_many_entries_are_refused_from_the_directory(upload, run, monkeypatch):
    """An archive names more entries than an upload may hold.

    It is refused from its directory, before any entry is opened.
    """
    monkeypatch.setattr(archives, "MAX_ENTRIES", 50)
    data = packed({f"{n}": b"" for n in range(51)})
    assert errors(upload(("a.zip", data), refused=True)) == {"archive-too-many-files": "a.zip"}
    nothing_is_stored(run)


@pytest.mark.parametrize("offset", [20, 24])
def test_u3_forged_sizes_are_noticed_and_named(upload, run, offset):
    """The directory of an archive lies about the packed or the unpacked size of an entry.

    The entry is refused and the report names archive and entry; the other files stay usable.
    """
    data = bytearray(packed({"plan.dcm": as_bytes(PLAN)}))
    place = data.rindex(b"PK\x01\x02") + offset
    data[place : place + 4] = struct.pack("<I", 12)
    found = upload(("scan.zip", bytes(data)), refused=True)
    assert errors(found) == {"archive-damaged": "scan.zip: plan.dcm"}
    nothing_is_stored(run)
    both = upload(("scan.zip", bytes(data)), *CT, accept=["archive-damaged"])
    assert (len(both["series"]), both["plans"]) == (1, [])


def test_u3_a_cut_off_archive_is_named(upload, run):
    """An archive was cut off before its directory.

    It is refused by name and nothing is stored.
    """
    found = upload(("scan.zip", packed({"x": as_bytes(PLAN)})[:-40]), refused=True)
    assert (found["error"]["code"], found["error"]["where"]) == ("archive-damaged", "scan.zip")
    nothing_is_stored(run)


def test_other_packed_files_are_named_and_never_opened(upload, run):
    """A gzip file that is no NIfTI image is uploaded.

    It is never inflated; the report says how to pack the files instead.
    """
    packer = zlib.compressobj(wbits=31)
    data = packer.compress(bytes(10_000_000)) + packer.flush()
    found = upload(("scan.tar.gz", data), *CT, refused=True)
    assert errors(found) == {"archive-kind-not-read": "scan.tar.gz"}
    nothing_is_stored(run)


# -------------------------------------------------------------------------------- single objects
def test_u4_a_deflated_object_is_never_inflated(upload, run):
    """A DICOM object of 100 kB in the deflated transfer syntax inflates to 100 MB.

    The transfer syntax is refused by name before a byte is inflated.
    """
    plan = as_bytes(PLAN).replace(b"1.2.840.10008.1.2.1\x00", b"1.2.840.10008.1.2.1.99")
    length = plan.index(b"1.2.840.10008.1.2.1.99") - 2
    head = bytearray(plan[: 144 + int.from_bytes(plan[140:144], "little") + 2])
    head[length : length + 2] = struct.pack("<H", 22)
    packer = zlib.compressobj(wbits=-15)
    bomb = bytes(head) + packer.compress(bytes(100_000_000)) + packer.flush()
    assert len(bomb) < 110_000
    tracemalloc.start()
    found = upload(("bomb.dcm", bomb), refused=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert errors(found) == {"deflated-transfer-syntax": "bomb.dcm"}
    assert peak < 20_000_000
    nothing_is_stored(run)


def _with_long_rows(datasets):
    copies = [copy.deepcopy(ds) for ds in datasets]
    for ds in copies:
        ds[0x00280010] = DataElement(0x00280010, "UL", 4_000_000_000)
    return copies


@pytest.mark.parametrize(
    "slices",
    [
        all_changed(CT, Rows=65535, Columns=65535),
        all_changed(CT, NumberOfFrames=1_000_000),
        all_changed(CT, NumberOfFrames=-1),
        _with_long_rows(CT),
    ],
    ids=["65535 x 65535", "a million frames", "minus one frame", "rows as a long"],
)
def test_u5_an_absurd_image_size_is_refused_from_the_header(upload, run, slices):
    """CT headers claim 65535 x 65535 values, a million frames or four thousand million rows.

    The series is refused by name before any memory is taken, and accepted out of the import the
    other objects are stored.
    """
    tracemalloc.start()
    found = upload(*slices, *RT, refused=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000
    assert list(errors(found)) == [found["error"]["code"]]
    nothing_is_stored(run)
    case = upload(*slices, *RT, accept=[found["error"]["code"]])
    assert (case["series"], len(case["doses"])) == ([], 1)


@pytest.mark.parametrize("frames", ["1000000", "99999", "-3"])
def test_u5_an_absurd_number_of_dose_planes_is_refused_from_the_header(upload, run, frames):
    """An RTDOSE claims up to a million planes.

    It is refused by name before any memory is taken.
    """
    (dose,) = all_changed([DOSE], NumberOfFrames=frames)
    found = upload(*CT, SET, PLAN, dose, refused=True)
    assert found["error"]["code"] in {"image-size-refused", "pixel-data-truncated"}
    nothing_is_stored(run)


class _Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, target: pathlib.Path) -> None:
        self._target = str(target)

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (self._target,))


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.skops", "model.dcm"])
def test_u7_an_uploaded_model_file_is_never_loaded(upload, run, tmp_path, name):
    """A pickle that would run code is uploaded as .pkl, .joblib, inside a .skops and as .dcm.

    It is never loaded: it counts as a file that is no image, and nothing is stored.
    """
    target = tmp_path / "executed"
    data = pickle.dumps(_Payload(target))
    if name.endswith(".skops"):
        data = packed({"schema.json": b"{}", "content.pkl": data})
    found = upload((name, data), refused=True)
    assert found["error"]["code"] == "nothing-to-import"
    assert not target.exists()
    nothing_is_stored(run)
    pickle.loads(pickle.dumps(_Payload(target)))
    assert target.exists()  # the payload works where somebody does load it


def _dicomdir(*file_id: str) -> bytes:
    directory, record = Dataset(), Dataset()
    directory.file_meta = copy.deepcopy(PLAN.file_meta)
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    record.DirectoryRecordType = "IMAGE"
    record.ReferencedFileID = list(file_id)
    directory.DirectoryRecordSequence = [record]
    return as_bytes(directory)


@pytest.mark.filterwarnings("ignore:.*Invalid value for VR CS")
@pytest.mark.parametrize("name", ["DICOMDIR", "index.dcm"])
def test_u8_a_dicomdir_is_never_followed(upload, tmp_path, name):
    """A DICOMDIR refers to a plan that lies outside the uploaded folder.

    DICOMDIR is passed over whatever its name: only the bytes that were uploaded are read.
    """
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "PLAN").write_bytes(as_bytes(PLAN))
    found = upload((name, _dicomdir("..", "outside", "PLAN")), *CT)
    assert found["plans"] == []
    assert [f["message"] for f in found["findings"]] == [
        "1 file is passed over: no image, RT object or table."
    ]


def test_u9_noise_is_counted_and_no_failure(upload):
    """Thumbnails, a VERSION file, a JPEG, a PDF and an empty file lie beside the scan.

    They are counted as passed over and the scan is imported.
    """
    noise = {
        ".DS_Store": b"x", "Thumbs.db": b"x", "VERSION": b"1", "a.jpg": b"\xff\xd8\xff\xe0JFIF",
        "letter.pdf": b"%PDF-1.7", "empty.dcm": b"",
    }  # fmt: skip
    found = upload(*CT, *noise.items())
    assert [f["message"] for f in found["findings"]] == [
        "6 files are passed over: no image, RT object or table."
    ]


@pytest.mark.parametrize("bare", [False, True], ids=["with preamble", "without preamble"])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_u10_every_plain_encoding_is_read(upload, syntax, bare):
    """A plan is written explicit, implicit and big endian, with and without preamble and header.

    All six are read alike; the deflated encoding is refused by name (U4).
    """
    data = encoded(PLAN, syntax)
    found = upload(("plan", without_meta(data) if bare else data))
    assert found["plans"][0]["fractions"] == 30


def test_u11_no_byte_of_a_dual_use_preamble_is_kept(upload, home):
    """The 128 bytes before a DICOM object are those of a Windows program.

    The object is read, and no byte of the preamble, nor the object as it came, reaches the archive.
    """
    preamble = b"MZ" + b"ZZCANARY-PREAMBLE" * 7
    data = preamble.ljust(128, b"\x90") + as_bytes(PLAN)[128:]
    slices = [(f"{n}", b"MZ" + b"ZZCANARY".ljust(126) + as_bytes(ds)[128:]) for n, ds in
              enumerate(CT)]  # fmt: skip
    found = upload(("plan.dcm", data), *slices)
    assert (len(found["plans"]), len(found["series"])) == (1, 1)
    stored = files_below(home)
    assert stored
    assert not [name for name, held in stored.items() if b"ZZCANARY" in held or b"DICM" in held]


ODD_NAMES = ["<b>x.dcm", "a\u202eb.dcm", "🫁.dcm", "CON.dcm", "x" * 200, "a\nb.dcm"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_u12_odd_file_names_are_labels_only(upload, home, name):
    """Files are called like HTML, with a right-to-left override, CON.dcm or two hundred letters.

    Objects are kept under the hash of their contents; the report shows a short, cleaned name.
    """
    broken = ("bad " + name, as_bytes(PLAN)[:132] + b"\xff" * 50)
    found = upload((name, as_bytes(PLAN)), broken, accept=["dicom-unreadable"])
    assert len(found["plans"]) == 1
    (finding,) = [f for f in found["findings"] if f["code"] == "dicom-unreadable"]
    assert len(finding["where"]) <= 60
    assert not {"\u202e", "\n"} & set(finding["where"])
    assert not [n for n in files_below(home) if "CON" in n or "x" * 50 in n]


@pytest.mark.parametrize("name", ["y" * 5000, "a\x00b.dcm"])
def test_u12_names_that_no_disk_would_take_are_labels_only(upload, name):
    """Archive entries have a name of 5,000 letters and one with a NUL in it.

    Both are read; their names never become paths.
    """
    broken = as_bytes(PLAN)[:132] + b"\xff" * 50
    data = packed({name: broken, "plan.dcm": as_bytes(PLAN)})
    found = upload(("scan.zip", data), accept=["dicom-unreadable"])
    (finding,) = [f for f in found["findings"] if f["code"] == "dicom-unreadable"]
    assert len(finding["where"]) <= 60
    assert "\x00" not in finding["where"]


# ------------------------------------------------------------------------------- whole uploads
def test_u13_the_same_files_again_change_nothing(upload, run):
    """The same files are uploaded twice, the second time as an archive and with copies.

    The second upload finds the case that holds them; there is one case and nothing is stored twice.
    """
    first = upload(*CT, *RT)
    files = {f"{n}.dcm": as_bytes(ds) for n, ds in enumerate([*CT, *RT, *CT])}
    again = upload(("scan.zip", packed(files)))
    assert again["case_id"] == first["case_id"]
    assert len(run.done("cases")["cases"]) == 1
    assert [len(again[k]) for k in ("series", "structure_sets", "doses", "plans")] == [1] * 4


def test_u13_one_uid_with_two_contents_is_a_conflict(upload, run):
    """Two files carry one SOPInstanceUID and different contents.

    The import stops, names both files and stores neither; one at a time, each can be kept.
    """
    other = copy.deepcopy(PLAN)
    other.RTPlanLabel = "OTHER"
    first, second = ("a.dcm", as_bytes(PLAN)), ("b.dcm", as_bytes(other))
    found = upload(first, second, refused=True)
    assert found["error"]["code"] == "uid-conflict"
    assert found["error"]["where"] == "a.dcm and b.dcm"
    nothing_is_stored(run)
    labels = [upload(one)["plans"][0]["label"] for one in (first, second)]
    assert labels == ["PHANTOM", "OTHER"]


def test_u14_an_upload_that_stops_halfway_leaves_nothing(run, home):
    """The browser is closed while an upload is being read, and after it was read but not confirmed.

    Nothing is staged on disk, so nothing half is visible and nothing has to be swept.
    """
    run.done("cases")
    before = files_below(home)

    def closed() -> bytes:
        raise ConnectionError

    files = [(f"{n}.dcm", as_bytes(ds)) for n, ds in enumerate([*CT, *RT])]
    with pytest.raises(ConnectionError):
        read_files([*files[:9], ("rest", closed)])
    assert len(read_files(files).drafts) == 1
    assert set(files_below(home)) == set(before)
    nothing_is_stored(run)


def test_u15_an_upload_may_be_larger_than_the_servers_default():
    """A PET/CT in one archive is larger than Streamlit's 200 MB.

    The setting allows 2,000 MB a file, which the upload field itself says; the limits on what an
    archive may hold are wider.
    """
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["server"]["maxUploadSize"] == 2000
    assert archives.MAX_TOTAL_BYTES > 2000 * 1024**2


@pytest.mark.slow
def test_u16_a_thousand_loose_files_stay_within_three_times_their_volume(tmp_path):
    """A thousand loose files are uploaded, which the server holds in memory already.

    Files, reading and finished volume together stay under three times the volume, because the
    pixels are read where they lie.
    """
    write_series(tmp_path, 1000, 192)
    found = measured("files", tmp_path)
    assert found["slices"] == 1000
    assert found["added"] + found["held"] < 3 * found["volume"]


@pytest.mark.parametrize("implicit", [False, True])
def test_d12_a_plan_or_structure_set_that_was_cut_off_is_refused(upload, implicit):
    """A plan and a structure set are cut off in the middle, which pydicom reads without a word.

    Each is refused by name, whatever its encoding; accepted, the rest is imported without it.
    """
    for whole in (PLAN, SET):
        data = as_bytes(whole)
        if implicit:
            data = encoded(whole, ImplicitVRLittleEndian)
        cut = ("cut.dcm", data[: len(data) * 3 // 4])
        found = upload(*CT, cut, refused=True)
        assert found["error"]["code"] == "file-cut-off"
        assert len(upload(*CT, cut, accept=["file-cut-off"])["series"]) == 1
