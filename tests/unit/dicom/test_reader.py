"""An upload read to the end: drafts, links, what is left out, pixels of every encoding."""

from __future__ import annotations

import copy
import io
import warnings
import zipfile

import numpy as np
import pytest

from abscope.core.geometry import Grid
from abscope.dicom.reader import read_upload
from abscope.dicom.rtplan import read_plan
from abscope.dicom.sources import SourceFile, from_bytes
from benchmarks.real_cases import data_path
from tests import phantoms
from tests.unit.dicom.uploads import all_changed, as_bytes, changed, codes, read, read_one

GRID = Grid.regular(
    origin_mm=(-40.0, -30.0, -20.0), spacing_zyx_mm=(4, 3, 2), shape_zyx=(4, 9, 9),
    frame_of_reference_uid=phantoms.FRAME_UID,
)  # fmt: skip
CT = phantoms.ct_series(grid=GRID)
WHOLE = phantoms.ct_series()
SET = phantoms.rtstruct([phantoms.cylinder_roi()])
ODD = data_path("odd-dicom.zip")
J2K = data_path("ct-jpeg2000-no-uids.zip")
PET = data_path("pet-sts001-raw.zip")


def test_everything_of_a_case_is_linked():
    draft = read_one(WHOLE, [SET, phantoms.rtplan(), phantoms.rtdose()])
    (plan,), (dose,), (structures,) = draft.plans, draft.doses, draft.structure_sets
    assert dose.plan_uid == plan.uid
    assert plan.structure_set_uid == structures.uid
    assert structures.series_uid == draft.series[0][0].uid
    assert draft.findings == ()


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([SET], {"structures-without-image"}),
        ([phantoms.rtdose()], {"dose-without-plan"}),
        ([phantoms.rtplan()], {"plan-without-structures"}),
        ([phantoms.rtplan(fractions=None), SET, *WHOLE], {"fractions-unknown"}),
    ],
)
def test_what_an_upload_lacks_is_said(objects, expected):
    assert codes(read_one(objects).findings) == expected


def test_r9_structures_on_another_frame_are_kept_and_said():
    moved = copy.deepcopy(SET)
    moved.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID = "1.2.3.4"
    for item in moved.StructureSetROISequence:
        item.ReferencedFrameOfReferenceUID = "1.2.3.4"
    assert "structures-on-another-frame" in codes(read_one(CT, [moved]).findings)


def test_r10_structures_drawn_on_slices_that_are_not_here_are_kept_and_said():
    draft = read_one(CT, [phantoms.rtstruct([phantoms.cylinder_roi()])])
    absent = {"structures-on-absent-slices"}  # the set names the 20 slices of the standard series
    assert absent < codes(draft.findings, "warning")
    assert codes(read_one(WHOLE[1:], [SET]).findings) == absent


def test_a_refused_object_leaves_the_others_usable():
    dose = phantoms.rtdose()
    dose.DoseUnits = "RELATIVE"
    draft = read_one(CT, [SET, dose])
    assert (len(draft.series), len(draft.structure_sets), len(draft.doses)) == (1, 1, 0)
    assert codes(draft.errors()) == {"dose-not-in-gray"}
    assert draft.errors(frozenset({"dose-not-in-gray"})) == ()


def test_objects_without_an_instance_uid_keep_apart():
    plans = [phantoms.rtplan(), phantoms.rtplan(fractions=20)]
    for plan in plans:
        del plan.SOPInstanceUID
        plan.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    uids = {plan.uid for plan in read_one(plans).plans}
    assert len(uids) == 2
    assert "" not in uids


def test_d10_a_multi_frame_ct_is_refused_by_name():
    four = changed(CT, 0, NumberOfFrames=4, PixelData=CT[0].PixelData * 4)[:1]
    assert codes(read_one(four).errors()) == {"multi-frame-not-read"}


@pytest.mark.parametrize("date", ["20241399", "00000000", "2024", "unknown8"])
def test_a_series_date_that_is_no_day_is_absent(date):
    slices = [copy.deepcopy(ds) for ds in CT]
    for ds in slices:
        for keyword in ("AcquisitionDate", "StudyDate"):
            if keyword in ds:
                ds[keyword]._value = date
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ((info, _),) = read_one(slices).series
    assert info.date == ""


@pytest.mark.parametrize(("fractions", "expected"), [(30, 30), (0, None), (-5, None), (None, None)])
def test_r19_a_number_of_fractions_is_taken_or_stays_unknown(fractions, expected):
    plan = phantoms.rtplan(30)
    plan.FractionGroupSequence[0].NumberOfFractionsPlanned = fractions
    assert read_plan(plan).fractions == expected


def test_r19_several_fraction_groups_leave_the_number_unknown():
    plan = phantoms.rtplan(30)
    plan.FractionGroupSequence.append(copy.deepcopy(plan.FractionGroupSequence[0]))
    assert read_plan(plan).fractions is None


def test_the_highest_positive_prescription_is_taken():
    plan = phantoms.rtplan(30, 60.0)
    for dose in (-1.0, 54.0):
        plan.DoseReferenceSequence.append(copy.deepcopy(plan.DoseReferenceSequence[0]))
        plan.DoseReferenceSequence[-1].TargetPrescriptionDose = dose
    assert read_plan(plan).prescribed_gy == 60.0


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 192", "Müller^Jörg"),
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO 2022 IR 87", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ],
)
def test_d20_names_of_other_character_sets_come_out_right(charset, name):
    plan = phantoms.rtplan()
    plan.SpecificCharacterSet = ["", charset] if charset.startswith("ISO 2022") else charset
    plan.PatientName = name
    assert read_one([plan]).patient.name == name


def entries(path, words=()) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {
            name.rsplit("/", 1)[-1]: archive.read(name)
            for name in archive.namelist()
            if not words or any(word in name for word in words)
        }


@pytest.mark.data
@pytest.mark.skipif(ODD is None, reason="odd-dicom.zip: set ABSCOPE_TEST_DATA")
def test_d13_every_lossless_encoding_gives_the_same_pixels():
    held = entries(ODD, ["MR_small"])
    reference = None
    for name in (
        "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_expb.dcm",
        "MR_small_padded.dcm",
    ):  # fmt: skip
        (draft,) = read_upload([SourceFile(label=name, data=held[name])]).drafts
        assert draft.series, (name, draft.findings)
        values = draft.series[0][1].array_zyx
        reference = values if reference is None else reference
        assert np.array_equal(reference, values), name


@pytest.mark.data
@pytest.mark.skipif(ODD is None, reason="odd-dicom.zip: set ABSCOPE_TEST_DATA")
@pytest.mark.slow
def test_two_hundred_odd_files_are_read_to_the_end_one_by_one_and_together():
    held = entries(ODD)
    for name, data in held.items():
        reading = read_upload([SourceFile(label=name, data=data)])
        assert reading.drafts or reading.findings
    together = read_upload(SourceFile(label=n, data=d) for n, d in held.items())
    assert len(together.drafts) > 10


@pytest.mark.data
@pytest.mark.skipif(J2K is None, reason="ct-jpeg2000-no-uids.zip: set ABSCOPE_TEST_DATA")
def test_d13_jpeg_2000_slices_without_any_identity_become_one_series():
    draft, *rest = read_upload(from_bytes("ct.zip", J2K.read_bytes())).drafts
    assert rest == []
    ((info, volume),) = draft.series
    assert (info.n_files, volume.grid.spacing_zyx_mm[0]) == (20, 2.0)
    assert volume.array_zyx.min() >= -1024
    assert "identity-absent" in codes(draft.findings)


@pytest.mark.data
@pytest.mark.skipif(PET is None, reason="pet-sts001-raw.zip: set ABSCOPE_TEST_DATA")
@pytest.mark.slow
def test_d1_an_uneven_pet_keeps_its_true_positions():
    (draft,) = read_upload(from_bytes("pet.zip", PET.read_bytes())).drafts
    ((info, volume),) = draft.series
    gaps = np.diff(volume.grid.plane_offsets_mm)
    assert (info.modality, info.n_files) == ("PT", 267)
    assert (round(gaps.min(), 2), round(gaps.max(), 2)) == (3.19, 3.29)
    assert "slightly-uneven-spacing" in codes(draft.findings)
    assert draft.errors() == ()


def test_an_upload_is_the_same_as_folder_archive_and_shuffled_files():
    files = [SourceFile(label=f"{n}", data=as_bytes(ds)) for n, ds in enumerate([*CT, SET])]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for file in files:
            archive.writestr(file.label, file.data)
    ways = [files, files[::-1], list(from_bytes("scan.zip", target.getvalue()))]
    found = [read_upload(way).drafts[0] for way in ways]
    assert len({frozenset(d.objects.items()) for d in found}) == 1
    for draft in found:
        assert np.array_equal(found[0].series[0][1].array_zyx, draft.series[0][1].array_zyx)


def test_nothing_at_all_gives_no_draft():
    assert read([]).drafts == ()
    assert all_changed([], Modality="CT") == []
