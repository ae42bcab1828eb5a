"""Each odd file of the public collections alone: read, or refused with a sentence; never a crash.

The files hold many patients, so that they are uploaded one by one.
"""

from __future__ import annotations

import io
import zipfile

import pydicom
import pytest

from abscope.core.errors import RefusedError
from abscope.dicom import header
from abscope.workflows.importing import check_reading, read_files
from benchmarks.real_cases import data_path

ODD = data_path("odd-dicom.zip")
J2K = data_path("ct-jpeg2000-no-uids.zip")
pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(ODD is None or J2K is None, reason="odd-dicom.zip: set ABSCOPE_TEST_DATA"),
]
#: What becomes of a file: the code that refuses it, or what is read. Others follow the rules below.
EXPECTED = {
    "badVR.dcm": "dose-not-in-gray",
    "image_dfl.dcm": "deflated-transfer-syntax",
    "MR_truncated.dcm": "pixel-data-truncated",
    "rtdose.dcm": "dose-not-in-gray",
    "rtdose_rle.dcm": "dose-not-in-gray",
    "zipMR.gz": "archive-kind-not-read",
    "DICOMDIR": "nothing-to-import",
    "DICOMDIR-bigEnd": "nothing-to-import",
    "waveform_ecg.dcm": "nothing-to-import",
    "test-SR.dcm": "nothing-to-import",
    "SC_rgb_rle.dcm": "nothing-to-import",
    "IM000000": "position-absent",
    "UN_sequence.dcm": "dicom-unreadable",
    "CT_small.dcm": "CT 1x128x128 HU",
    "693_J2KI.dcm": "CT 1x512x512 HU",
    "J2K_pixelrep_mismatch.dcm": "CT 1x512x512 HU",
    "MR_small_bigendian.dcm": "MR 1x64x64 ",
    "MR_small_RLE.dcm": "MR 1x64x64 ",
    "MR_small_jpeg_ls_lossless.dcm": "MR 1x64x64 ",
    "MR_small_jp2klossless.dcm": "MR 1x64x64 ",
    "ExplVR_BigEndNoMeta.dcm": "plan",
    "ExplVR_LitEndNoMeta.dcm": "plan",
    "rtplan.dcm": "plan",
    "rtstruct.dcm": "structures 3",
    "dummy_rt.dcm": "structures 4",
    "invalid_reference_rt.dcm": "structures 4",
    "non_existent_reference_rt.dcm": "structures 4",
}


def files(path, most_of_a_kind=None):
    """Yield name and bytes of each file, of the many like ones in a folder only some."""
    with zipfile.ZipFile(path) as archive:
        seen: dict[str, int] = {}
        for name in archive.namelist():
            folder, _, short = name.rpartition("/")
            seen[folder] = seen.get(folder, 0) + 1
            if short and (most_of_a_kind is None or seen[folder] <= most_of_a_kind):
                yield short, archive.read(name)


def outcome(name: str, data: bytes) -> str:
    """Return what a file is read as, or the code that refuses it, with its sentences checked."""
    reading = read_files([(name, data)])
    for finding in (*reading.findings, *(f for d in reading.drafts for f in d.findings)):
        assert finding.message.rstrip().endswith((".", ")")), (name, finding)
    said = [*reading.findings, *(f for d in reading.drafts for f in d.findings)]
    try:
        draft = check_reading(reading, frozenset())
    except RefusedError as error:
        return error.code if said and error.where and error.remedy else f"{name} without a reason"
    if draft.series:
        series, volume = draft.series[0]
        return " ".join([series.modality, "x".join(map(str, volume.grid.shape_zyx)), series.unit])
    if draft.structure_sets:
        return f"structures {len(draft.structure_sets[0].rois)}"
    return "plan" if draft.plans else "dose"


def test_each_odd_file_is_read_or_refused_with_a_sentence():
    found: dict[str, str] = {}
    for name, data in files(ODD):
        if name.startswith("IM0000") and name != "IM000000":
            continue  # fifty like it
        found[name] = outcome(name, data)
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert not [code for code in found.values() if code.endswith("without a reason")]
    assert len(found) > 150
    assert sum(code == "dicom-unreadable" for code in found.values()) < 20


def test_each_jpeg_2000_slice_without_identity_is_read_alone():
    outcomes = {outcome(name, data) for name, data in files(J2K, most_of_a_kind=5)}
    assert outcomes == {"CT 1x512x512 HU"}


def test_d20_every_alphabet_of_the_collection_is_read_without_replacement():
    """Fifteen files with names in Arabic, Greek, Hebrew, Japanese, Korean, Russian and more. Each
    name comes out of our header reader in its own letters, none replaced."""
    letters = {
        "chrArab.dcm": "قباني", "chrGreek.dcm": "Διονυσιος", "chrHbrw.dcm": "שרון",
        "chrRuss.dcm": "Люкceмбypг", "chrGerm.dcm": "Äneas^Rüdiger", "chrFren.dcm": "Buc^Jérôme",
        "chrH31.dcm": "山田^太郎", "chrH32.dcm": "やまだ^たろう", "chrI2.dcm": "홍^길동",
        "chrX1.dcm": "王^小東", "chrX2.dcm": "Wang^XiaoDong=王^小东",
    }  # fmt: skip
    held = dict(files(ODD))
    for name, part in letters.items():
        shown = header.text(pydicom.dcmread(io.BytesIO(held[name])), "PatientName")
        assert part in shown, (name, shown)
        assert "\ufffd" not in shown
