"""Files, folders and archives: names are labels, sizes are counted, nothing is unpacked to disk."""

from __future__ import annotations

import io
import os
import struct
import zipfile

import pytest

from abscope.core.errors import InputError
from abscope.dicom import sources
from abscope.dicom.sources import from_bytes, from_paths, is_noise, safe_label

NASTY = ["../../x", "/etc/passwd", "c:\\windows\\x", "..\\..\\x", "a/../../x", "\\\\host\\share\\x"]


def packed(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return target.getvalue()


def refusal(data: bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        list(from_bytes("scan.zip", data))
    assert caught.value.where
    assert caught.value.expected
    assert caught.value.remedy
    return caught.value


def test_entries_come_out_with_their_bytes():
    data = packed({"a/b.dcm": b"one", "c.dcm": b"two", "empty": b"", "folder/": b""})
    assert [(f.label, f.data) for f in from_bytes("scan.zip", data)] == [
        ("b.dcm", b"one"),
        ("c.dcm", b"two"),
        ("empty", b""),
    ]


@pytest.mark.parametrize("name", NASTY)
def test_u1_a_name_that_climbs_out_is_only_a_label(name):
    (file,) = from_bytes("scan.zip", packed({name: b"data"}))
    assert file.label in {"x", "passwd"}
    assert file.data == b"data"


def test_u1_entries_of_equal_name_do_not_overwrite_each_other():
    data = packed({"a/x.dcm": b"one", "b/x.dcm": b"two", "../x.dcm": b"three"})
    assert [f.data for f in from_bytes("scan.zip", data)] == [b"one", b"two", b"three"]


def test_u1_symbolic_links_are_passed_over_in_archives_and_folders(tmp_path):
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = 0o120777 << 16
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("real.dcm", b"real")
    assert [f.label for f in from_bytes("scan.zip", target.getvalue())] == ["real.dcm"]
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
    monkeypatch.setattr(sources, "RATIO_FREE_BYTES", 10_000)
    assert refusal(packed({"bomb": bytes(3_000_000)})).code == "archive-bomb"


def test_u2_a_declared_size_does_not_excuse_a_bomb(monkeypatch):
    monkeypatch.setattr(sources, "RATIO_FREE_BYTES", 10_000)
    data = bytearray(packed({"bomb": bytes(30_000_000)}))
    place = data.rindex(b"PK\x01\x02") + 20
    data[place : place + 4] = struct.pack("<I", 2**31)
    assert refusal(bytes(data)).code in {"archive-bomb", "archive-damaged"}


def test_u2_all_entries_share_one_budget_those_of_inner_archives_included(monkeypatch):
    monkeypatch.setattr(sources, "MAX_TOTAL_BYTES", 100_000)
    inner = packed({f"{n}.dcm": os.urandom(20_000) for n in range(3)}, zipfile.ZIP_STORED)
    assert len(list(from_bytes("scan.zip", inner))) == 3
    assert refusal(packed({"a.zip": inner, "b.zip": inner})).code == "archive-bomb"


def test_u2_the_number_of_entries_is_limited_over_all_levels(monkeypatch):
    monkeypatch.setattr(sources, "MAX_ENTRIES", 5)
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
    assert (error.code, error.where) == ("archive-damaged", "scan.zip")


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED]
)
def test_u3_damaged_bytes_of_every_method_are_a_damaged_archive(method):
    data = bytearray(packed({"x.dcm": os.urandom(5000)}, method))
    data[200:260] = bytes(60)
    assert refusal(bytes(data)).code == "archive-damaged"


def test_u3_encrypted_and_cut_off_archives_are_damaged_ones():
    whole = packed({"x.dcm": os.urandom(500)})
    locked = bytearray(whole)
    locked[6] |= 1
    locked[whole.rindex(b"PK\x01\x02") + 8] |= 1
    assert refusal(bytes(locked)).code == "archive-damaged"
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
    monkeypatch.setattr(sources, "MAX_TOTAL_BYTES", 1000)
    (tmp_path / "big.dcm").write_bytes(bytes(1001))
    with pytest.raises(InputError) as caught:
        list(from_paths([tmp_path]))
    assert caught.value.code == "file-too-large"


def test_spreadsheets_are_files_and_no_archives():
    assert [f.label for f in from_bytes("labs.xlsx", packed({"a": b"x"}))] == ["labs.xlsx"]
