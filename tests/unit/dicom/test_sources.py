"""Files, folders and archives: names are labels, sizes are counted, nothing is unpacked to disk."""

from __future__ import annotations

import io
import os
import struct
import zipfile

import pytest

from abscope.core.case import Finding
from abscope.core.errors import InputError
from abscope.dicom import archives
from abscope.dicom.sources import from_bytes, from_files, from_paths, is_noise, safe_label

NASTY = ["../../x", "/etc/passwd", "c:\\windows\\x", "..\\..\\x", "a/../../x", "\\\\host\\share\\x"]


def packed(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return target.getvalue()


def refusal(data: bytes) -> Finding:
    """Return the only kind of problem of an archive, an error that a person may accept."""
    problem, *more = [
        f.problem
        for f in from_bytes("scan.zip", data)
        if f.problem and f.problem.severity == "error"
    ]
    assert {p.code for p in more} <= {problem.code, "archive-too-many-files", "archive-bomb"}
    assert problem.where.startswith(("scan.zip", "in.zip", "a.zip", "b.zip", "out.zip"))
    assert problem.expected
    assert problem.remedy
    assert (problem.severity, problem.acceptable) == ("error", True)
    return problem


def read(data: bytes) -> list[bytes]:
    return [f.data for f in from_bytes("scan.zip", data) if f.problem is None]


def test_entries_come_out_with_their_bytes():
    data = packed({"a/b.dcm": b"one", "c.dcm": b"two", "empty": b"", "folder/": b""})
    assert [(f.label, f.data) for f in from_bytes("scan.zip", data)] == [
        ("b.dcm", b"one"),
        ("c.dcm", b"two"),
        ("empty", b""),
    ]


@pytest.mark.parametrize("name", NASTY)
def test_u1_an_entry_whose_name_climbs_out_is_passed_over_and_named(name):
    data = packed({name: b"data", "good.dcm": b"good"})
    assert refusal(data).code == "archive-name-refused"
    assert refusal(data).where in {"scan.zip: x", "scan.zip: passwd"}
    assert read(data) == [b"good"]


def test_u1_entries_of_equal_name_do_not_overwrite_each_other():
    data = packed({"a/x.dcm": b"one", "b/x.dcm": b"two", "x.dcm": b"three"})
    assert [f.data for f in from_bytes("scan.zip", data)] == [b"one", b"two", b"three"]


def test_u1_symbolic_links_are_passed_over_in_archives_and_folders(tmp_path):
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("real.dcm", b"real")
    assert read(target.getvalue()) == [b"real"]
    assert refusal(target.getvalue()).code == "archive-link"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.dcm").write_bytes(b"secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.dcm").symlink_to(outside / "secret.dcm")
    (folder / "linked").symlink_to(outside)
    (folder / "real.dcm").write_bytes(b"real")
    assert [f.label for f in from_paths([folder])] == ["real.dcm"]


def test_u2_an_entry_that_inflates_beyond_its_ratio_is_a_bomb(monkeypatch):
    monkeypatch.setattr(archives, "RATIO_FREE_BYTES", 10_000)
    assert refusal(packed({"bomb": bytes(3_000_000)})).code == "archive-bomb"


def test_u2_a_declared_size_does_not_excuse_a_bomb(monkeypatch):
    monkeypatch.setattr(archives, "RATIO_FREE_BYTES", 10_000)
    data = bytearray(packed({"bomb": bytes(30_000_000)}))
    place = data.rindex(b"PK\x01\x02") + 20
    data[place : place + 4] = struct.pack("<I", 2**31)
    assert refusal(bytes(data)).code == "archive-overlap"


def test_u2_all_entries_share_one_budget_those_of_inner_archives_included(monkeypatch):
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 100_000)
    inner = packed({f"{n}.dcm": os.urandom(20_000) for n in range(3)}, zipfile.ZIP_STORED)
    assert len(list(from_bytes("scan.zip", inner))) == 3
    assert refusal(packed({"a.zip": inner, "b.zip": inner})).code == "archive-bomb"


def test_u2_the_number_of_entries_is_limited_over_all_levels(monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", 5)
    inner = packed({f"{n}": b"x" for n in range(3)})
    assert len(list(from_bytes("scan.zip", packed({"a.zip": inner})))) == 3
    assert refusal(packed({f"{n}": b"x" for n in range(6)})).code == "archive-too-many-files"
    assert refusal(packed({"a.zip": inner, "b.zip": inner})).code == "archive-too-many-files"


def test_u2_archives_may_nest_once_only():
    once = packed({"in.zip": packed({"x.dcm": b"data"})})
    assert [f.data for f in from_bytes("scan.zip", once)] == [b"data"]
    assert refusal(packed({"out.zip": once})).code == "archive-too-deep"


@pytest.mark.parametrize("offset", [20, 24])
def test_u3_forged_sizes_are_a_damaged_archive_that_is_named(offset):
    data = bytearray(packed({"x.dcm": os.urandom(5000)}))
    place = data.rindex(b"PK\x01\x02") + offset
    data[place : place + 4] = struct.pack("<I", 12)
    error = refusal(bytes(data))
    assert (error.code, error.where) == ("archive-damaged", "scan.zip: x.dcm")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_u3_damaged_bytes_of_every_method_are_a_damaged_archive(method):
    data = bytearray(packed({"x.dcm": os.urandom(5000)}, method))
    data[200:260] = bytes(60)
    assert refusal(bytes(data)).code == "archive-damaged"


def test_u3_encrypted_and_cut_off_archives_are_damaged_ones():
    whole = packed({"x.dcm": os.urandom(500)})
    locked = bytearray(whole)
    locked[6] |= 1
    locked[whole.rindex(b"PK\x01\x02") + 8] |= 1
    assert refusal(bytes(locked)).code == "archive-encrypted"
    assert refusal(whole[:-30]).code == "archive-damaged"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("a\x00b\nc\u202ed.dcm", "abcd.dcm"),
        ("x" * 5000, "x" * 57 + "..."),
        ("CON.dcm", "CON.dcm"), ("", "unnamed"), ("..", ".."), ("a/b/", "unnamed"),
        ("\udcff\udcfe", "unnamed"), ("scan 🫁.dcm", "scan 🫁.dcm"),
    ],
)  # fmt: skip
def test_u12_a_label_is_short_and_has_no_control_characters(name, expected):
    assert safe_label(name) == expected


def test_u9_noise_is_known_by_its_name():
    for name in (".DS_Store", "Thumbs.db", "._slice.dcm", "VERSION", "readme.txt", "DICOMDIR"):
        assert is_noise(name)
    for name in ("slice.dcm", "versions.dcm", "IM0001"):
        assert not is_noise(name)


def test_paths_that_are_not_there_are_refused_without_their_name(tmp_path):
    with pytest.raises(InputError) as caught:
        list(from_paths([tmp_path / "DOE^JANE.zip"]))
    assert caught.value.code == "path-not-found"
    assert "DOE" not in str(caught.value)


def test_a_file_beyond_any_scan_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 1000)
    (tmp_path / "big.dcm").write_bytes(bytes(1001))
    (tmp_path / "small.dcm").write_bytes(bytes(10))
    found = list(from_paths([tmp_path]))
    assert [f.problem and f.problem.code for f in found] == ["file-too-large", None]
    assert [len(f.data) for f in found] == [0, 10]


def test_spreadsheets_are_files_and_no_archives():
    assert [f.label for f in from_bytes("labs.xlsx", packed({"a": b"x"}))] == ["labs.xlsx"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_u2_methods_that_inflate_without_a_limit_are_not_opened(method):
    target = io.BytesIO(packed({"good.dcm": b"good"}))
    with zipfile.ZipFile(target, "a", method) as archive:
        archive.writestr("bomb", bytes(10_000_000))
    assert refusal(target.getvalue()).code == "archive-method-refused"
    assert read(target.getvalue()) == [b"good"]


def overlapping(count: int) -> bytes:
    """Return an archive whose directory names the same packed bytes many times."""
    single = packed({"x00000": bytes(200_000)})
    start, end = single.rindex(b"PK\x01\x02"), single.rindex(b"PK\x05\x06")
    entry = single[start:end]
    directory = b"".join(entry.replace(b"x00000", f"x{n:05d}".encode()) for n in range(count))
    return single[:start] + directory + struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, 0
    )  # fmt: skip


def test_u2_entries_that_share_their_bytes_are_refused_before_any_is_inflated():
    data = overlapping(9)
    assert len(zipfile.ZipFile(io.BytesIO(data)).infolist()) == 9
    assert refusal(data).code == "archive-overlap"
    assert read(data) == []


def test_u2_a_directory_of_endless_entries_is_never_loaded(monkeypatch):
    monkeypatch.setattr(archives, "MAX_DIRECTORY_BYTES", 1000)
    assert refusal(packed({f"{n:050d}": b"" for n in range(20)})).code == "archive-damaged"


def test_u2_several_archives_of_one_upload_share_one_budget(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 100_000)
    data = packed({f"{n}": os.urandom(20_000) for n in range(3)}, zipfile.ZIP_STORED)
    files = [(f"{n}.zip", lambda: data) for n in range(2)]
    for n in range(2):
        (tmp_path / f"{n}.zip").write_bytes(data)
    for found in (list(from_files(files)), list(from_paths([tmp_path]))):
        assert len([f for f in found if f.data]) == 5
        assert [f.problem.code for f in found if f.problem] == ["archive-bomb"]
        assert [f.label for f in found if f.problem] == ["1.zip"]


def test_u2_bytes_of_a_damaged_entry_are_paid_for(monkeypatch):
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 100_000)
    data = bytearray(packed({"x": os.urandom(60_000), "y": os.urandom(60_000)}, zipfile.ZIP_STORED))
    data[59_000] ^= 1
    found = list(from_bytes("scan.zip", bytes(data)))
    assert [f.problem and f.problem.code for f in found] == ["archive-bomb"]
    assert found[0].data == b""


def test_one_damaged_entry_costs_that_entry_only():
    data = bytearray(packed({"x": os.urandom(600), "y": b"good"}, zipfile.ZIP_STORED))
    data[300] ^= 1
    assert read(bytes(data)) == [b"good"]
    assert refusal(bytes(data)).where == "scan.zip: x"


def test_a_file_that_is_archive_and_dicom_at_once_is_refused():
    data = packed({"x" * 98: b"DICM" + bytes(300)}, zipfile.ZIP_STORED)
    assert data[128:132] == b"DICM"
    assert refusal(data).code == "archive-also-dicom"


def test_progress_counts_the_files_of_a_folder_and_the_entries_of_one_archive(tmp_path):
    data = packed({f"{n}.dcm": b"x" for n in range(4)})
    for name, count in (("folder", 3), ("one", 1)):
        (tmp_path / name).mkdir()
        for n in range(count):
            (tmp_path / name / f"{n}.zip").write_bytes(data)
    for name, last in (("folder", "Reading file 3 of 3"), ("one", "Reading file 4 of 4")):
        heard: list[tuple[float, str]] = []
        list(from_paths([tmp_path / name], lambda share, text, h=heard: h.append((share, text))))
        assert heard[-1] == (1.0, last)
        assert [share for share, _ in heard] == sorted(share for share, _ in heard)
