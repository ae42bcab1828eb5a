"""What each file is: DICOM in every encoding, noise, copies, conflicts."""

from __future__ import annotations

import copy
import io
import logging
import warnings

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from abscope.dicom.scan import scan
from abscope.dicom.sources import SourceFile
from tests import phantoms
from tests.unit.dicom.uploads import as_bytes, codes

PLAN = phantoms.rtplan()


def files(*contents: bytes, label: str = "file") -> list[SourceFile]:
    return [SourceFile(label=f"{label}{n}", data=data) for n, data in enumerate(contents)]


def encoded(dataset: Dataset, syntax: str) -> bytes:
    changed = copy.deepcopy(dataset)
    changed.file_meta.TransferSyntaxUID = syntax
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        changed.save_as(
            target,
            implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=syntax != ExplicitVRBigEndian,
            enforce_file_format=True,
        )
    return target.getvalue()


def without_meta(data: bytes) -> bytes:
    """Return a file without preamble and file meta: how old stations wrote them."""
    length = int.from_bytes(data[140:144], "little")
    return data[144 + length :]


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_u10_every_plain_encoding_is_read(syntax):
    (found,) = scan(files(encoded(PLAN, syntax))).objects
    assert (found.modality, found.sop_uid) == ("RTPLAN", PLAN.SOPInstanceUID)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_u10_a_file_without_preamble_is_read(syntax):
    (found,) = scan(files(without_meta(encoded(PLAN, syntax)))).objects
    assert found.sop_uid == PLAN.SOPInstanceUID


def test_u4_a_deflated_file_is_refused_by_name():
    found = scan(files(encoded(PLAN, DeflatedExplicitVRLittleEndian)))
    assert found.objects == ()
    assert codes(found.findings, "error") == {"deflated-transfer-syntax"}


def test_u4_a_long_meta_header_does_not_hide_the_deflated_syntax():
    hidden = copy.deepcopy(PLAN)
    hidden.file_meta.PrivateInformationCreatorUID = "1.2.3"
    hidden.file_meta.PrivateInformation = bytes(10_000)
    data = encoded(hidden, DeflatedExplicitVRLittleEndian)
    uid = DeflatedExplicitVRLittleEndian.encode()
    place = data.index(uid)
    first, private = data.index(b"\x02\x00\x10\x00UI"), data.index(b"\x02\x00\x00\x01UI")
    end = private + data[private:].index(bytes(10_000)) + 10_000
    element = data[first : place + len(uid)]
    moved = data[:first] + data[place + len(uid) : end] + element + data[end:]
    assert moved.index(uid) > 10_000
    assert codes(scan(files(moved)).findings, "error") == {"deflated-transfer-syntax"}


def test_u9_noise_is_counted_and_no_failure():
    noise = [b"", b"JFIF" * 50, b"%PDF-1.7" * 50, b"text" * 100, b"\x00" * 500]
    found = scan(files(*noise))
    assert (found.objects, found.skipped) == ((), len(noise))
    assert codes(found.findings) == {"files-skipped"}


@pytest.mark.parametrize("label", ["VERSION.1.2.dcm", ".hidden.dcm", "README"])
def test_u9_a_dicom_object_is_read_whatever_its_name(label):
    assert len(scan([SourceFile(label=label, data=as_bytes(PLAN))]).objects) == 1


def test_u8_a_dicomdir_is_never_followed():
    directory = Dataset()
    directory.file_meta = copy.deepcopy(PLAN.file_meta)
    record = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        record.ReferencedFileID = ["..", "..", "etc", "passwd"]
        directory.DirectoryRecordSequence = [record]
        found = scan(files(as_bytes(directory)))
    assert (found.objects, found.skipped) == ((), 1)
    assert codes(found.findings) == {"files-skipped"}


def test_u13_identical_copies_count_once():
    found = scan(files(as_bytes(PLAN), as_bytes(PLAN), as_bytes(PLAN)))
    assert len(found.objects) == 1
    assert [f.message for f in found.findings] == ["2 files are copies and count once."]


def test_u13_one_uid_with_two_contents_is_a_conflict_that_names_both_files():
    other = copy.deepcopy(PLAN)
    other.RTPlanLabel = "OTHER"
    found = scan(files(as_bytes(PLAN), as_bytes(other)))
    (finding,) = found.findings
    assert (finding.code, finding.severity) == ("uid-conflict", "error")
    assert finding.where == "file0 and file1"


def test_objects_of_other_kinds_are_named_and_left():
    other = copy.deepcopy(PLAN)
    other.Modality, other.SOPClassUID = "US", "1.2.840.10008.5.1.4.1.1.6.1"
    found = scan(files(as_bytes(other)))
    assert (found.objects, codes(found.findings)) == ((), {"modality-not-used", "files-skipped"})


@pytest.mark.parametrize("modality", ["CX", ""])
def test_an_object_that_contradicts_its_class_is_said_to_be_damaged(modality):
    other = copy.deepcopy(PLAN)
    other.Modality = modality
    found = scan(files(as_bytes(other)))
    assert codes(found.findings, "warning") == {"modality-contradicts-class"}


def test_a_file_without_its_mark_that_speaks_of_dicom_is_unreadable_not_noise():
    data = as_bytes(PLAN)
    found = scan(files(data[:128] + b"DXCM" + data[132:]))
    assert codes(found.findings, "error") == {"dicom-unreadable"}


def test_bytes_that_follow_the_pixels_are_said():
    dose = phantoms.rtdose()
    assert codes(scan(files(as_bytes(dose) + b"\x01\x02")).findings) == {"bytes-after-pixels"}
    assert codes(scan(files(as_bytes(dose) + bytes(20))).findings) == set()


def test_a_damaged_file_is_named_and_the_others_are_read():
    damaged = as_bytes(PLAN)[:132] + b"\xff" * 40
    found = scan(files(damaged, as_bytes(PLAN)))
    assert len(found.objects) == 1
    assert [f.where for f in found.findings if f.severity == "error"] == ["file0"]


def test_d24_no_value_of_a_damaged_header_reaches_a_log():
    odd = copy.deepcopy(PLAN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        odd.PatientID = "ZZCANARY" * 20
        odd.StudyInstanceUID = "ZZCANARY"
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scan(files(as_bytes(odd)))
        logging.getLogger("pydicom").warning("Invalid value: ZZCANARY")
        logging.getLogger("abscope").warning("heard")
    finally:
        logging.getLogger().removeHandler(handler)
    assert heard.getvalue() == "heard\n"
