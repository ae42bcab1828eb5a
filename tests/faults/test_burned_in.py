"""D23: pictures that may show a name stay where they are until somebody has looked."""

from __future__ import annotations

import pptx
import pytest

from abscope.core.geometry import Grid
from abscope.dicom.burned_in import SECONDARY_CAPTURE
from tests import phantoms
from tests.unit.dicom.uploads import all_changed, changed

GRID = Grid.regular(
    origin_mm=(-40.0, -42.0, -32.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(14, 29, 44),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
CODE = "burned-in-annotation"


def pictures(path) -> int:
    slides = pptx.Presentation(path).slides
    return sum(shape.shape_type == 13 for slide in slides for shape in slide.shapes)


@pytest.mark.parametrize(
    "slices",
    [
        pytest.param(all_changed(CT, BurnedInAnnotation="YES"), id="every slice"),
        pytest.param(changed(CT, 6, BurnedInAnnotation="YES"), id="one slice"),
        pytest.param(all_changed(CT, SOPClassUID=SECONDARY_CAPTURE), id="secondary capture"),
    ],
)
def test_d23_burned_in_words_are_flagged_and_not_exported(upload, run, tmp_path, slices):
    """A CT that says BurnedInAnnotation YES, in one slice or all, or is a secondary capture.

    It is imported with a warning; the export without identity is refused, and writes nothing,
    until burned-in-annotation is accepted.
    """
    for ds in slices:
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    case = upload(*slices)
    (finding,) = [f for f in case["findings"] if f["code"] == CODE]
    assert finding["severity"] == "warning"
    target = tmp_path / "out"
    words = ("export", case["case_id"], "--deidentified", target)
    assert run.refused(*words)["error"]["code"] == CODE
    assert not target.exists()
    assert run.done(*words, "--accept", CODE)["files"] == len(slices) + 1


@pytest.mark.long
def test_d23_burned_in_words_stay_off_slides_until_accepted(upload, run, tmp_path):
    """The board pack of a case whose CT says BurnedInAnnotation YES is exported.

    Its slides say that the pictures are left off and why; with the code accepted they are drawn.
    """
    case = upload(*all_changed(CT, BurnedInAnnotation="YES"))["case_id"]
    without, accepted = tmp_path / "without.pptx", tmp_path / "with.pptx"
    run.done("export", case, "--pptx", without)
    run.done("export", case, "--pptx", accepted, "--accept", CODE)
    assert pictures(without) == 0
    assert pictures(accepted) == 3


def test_d23_a_series_that_says_no_keeps_saying_it(upload, run, tmp_path):
    """A CT that says BurnedInAnnotation NO is exported without identity.

    No finding is made, and the exported slices say NO; nothing is claimed where the source was
    silent.
    """
    import pydicom

    for said, expected in (("NO", {"NO"}), (None, {None})):
        slices = all_changed(CT, BurnedInAnnotation=said) if said else CT
        case = upload(*slices, case=f"case-{said}")
        assert CODE not in {f["code"] for f in case["findings"]}
        target = tmp_path / f"out-{said}"
        run.done("export", case["case_id"], "--deidentified", target)
        written = [pydicom.dcmread(p) for p in target.rglob("*.dcm")]
        assert {ds.get("BurnedInAnnotation") for ds in written} == expected


@pytest.mark.parametrize(
    ("modality", "sop_class"),
    [("US", "1.2.840.10008.5.1.4.1.1.6.1"), ("XC", "1.2.840.10008.5.1.4.1.1.77.1.4"),
     ("OT", SECONDARY_CAPTURE), ("SC", SECONDARY_CAPTURE)],
)  # fmt: skip
def test_d23_ultrasound_and_screenshots_are_not_imported(upload, modality, sop_class):
    """Objects of modality US, OT, XC and SC (ultrasound, screenshots, photographs) are uploaded.

    They are not imported at all, and the report says so.
    """
    others = all_changed(CT[:2], Modality=modality, SOPClassUID=sop_class)
    for ds in others:
        ds.file_meta.MediaStorageSOPClassUID = sop_class
    case = upload(*CT[2:], *others)
    assert "modality-not-used" in {f["code"] for f in case["findings"]}
    assert sum(s["n_files"] for s in case["series"]) == len(CT) - 2
