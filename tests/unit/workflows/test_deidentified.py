"""The de-identified export on phantoms: what comes back, what is gone, and what is refused."""

from __future__ import annotations

import dataclasses
import io
import json
import pathlib
import shutil
import subprocess
import zipfile

import numpy as np
import pydicom
import pytest

from abscope.contour.edit import EditedPlane, plane_positions
from abscope.core.case import Case, Patient
from abscope.core.errors import InputError
from abscope.core.geometry import Grid, Volume
from abscope.dicom.deidentify import Pseudonyms
from abscope.dicom.write_ct import ct_datasets
from abscope.workflows.case_facts import set_facts
from abscope.workflows.context import Actor, Context
from abscope.workflows.deidentified import export_folder, export_zip, pseudonyms
from abscope.workflows.dose_evaluation import evaluate_dose
from abscope.workflows.editing import ContourEdit, save_edit
from abscope.workflows.importing import check_reading, read_paths, save
from abscope.workflows.lab_results import read_labs, store_labs
from tests import phantoms
from tests.image_phantoms import mr_series, pet_series

ACTOR = Actor(name="tester")
LABS = (
    b"date,test,value,unit,reference_high\n2024-03-01,LDH,211.5,U/L,250\n2024-03-09,CRP,8,mg/L,\n"
    b"2024-03-10 08:30,CRP,<0.6,mg/L,\n"
)
#: Uneven planes, so that nothing can be averaged.
UNEVEN = phantoms.uneven_grid([0, 4, 8.1, 12, 15.9, 20, 24, 28])


def stored(context: Context, folder: pathlib.Path, case_id: str) -> Case:
    reading = read_paths([folder])
    return save(context, ACTOR, check_reading(reading, frozenset()), case_id=case_id)


@pytest.fixture(name="case")
def _case(context, tmp_path):
    """A CT in feet-first position with uneven planes, structures, dose, plan, labs and facts."""
    ct = phantoms.ct_series("FFS", grid=UNEVEN)
    rois = [
        phantoms.cylinder_roi(1, "Lt Lung"),
        phantoms.sphere_roi(2, "GTV Smith"),
        phantoms.annulus_roi(7, "boost for J. Smith"),
    ]
    folder = phantoms.write_folder(
        tmp_path / "in", ct, [phantoms.rtstruct(rois, "FFS")], [phantoms.rtplan()],
        [phantoms.rtdose()],
    )  # fmt: skip
    case = stored(context, folder, "original")
    facts = {"rt_start": "2024-03-10", "ici_start": "2024-04-24", "age_years": 95, "stage": "IIIB",
             "histology": "adenocarcinoma (J. Smith)"}  # fmt: skip
    set_facts(context, ACTOR, case.id, facts)
    return store_labs(context, ACTOR, case.id, read_labs("labs.csv", LABS))


def datasets(folder: pathlib.Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(p) for p in sorted(folder.rglob("*.dcm"))]


def test_voxels_positions_and_dvh_come_back(context, case, tmp_path):
    result = export_folder(context, ACTOR, case, tmp_path / "out")
    again = stored(context, tmp_path / "out", "again")
    (before,), (after,) = case.series, again.series
    assert np.array_equal(
        context.cases.volume(before).array_zyx, context.cases.volume(after).array_zyx
    )
    assert before.grid.same_geometry(after.grid, tolerance_mm=1e-9)
    for one, two in zip(
        evaluate_dose(context, case).structures, evaluate_dose(context, again).structures,
        strict=True,
    ):  # fmt: skip
        assert one.number == two.number
        assert two.dvh.volume_cm3 == pytest.approx(one.dvh.volume_cm3, rel=1e-9)
        assert two.dvh.mean_gy == pytest.approx(one.dvh.mean_gy, rel=1e-9)
    assert again.plans[0].prescribed_gy == case.plans[0].prescribed_gy
    assert again.plans[0].fractions == case.plans[0].fractions
    assert result.written.series[0]["values"] == "identical"


def test_names_become_vocabulary_or_numbers(context, case, tmp_path):
    result = export_folder(context, ACTOR, case, tmp_path / "out")
    again = stored(context, tmp_path / "out", "again")
    assert [r.name for r in again.structure_sets[0].rois] == ["Lung_L", "ROI 2", "ROI 7"]
    originals = {r.original for r in result.replaced}
    assert {"Lt Lung", "GTV Smith", "boost for J. Smith", "PHANTOM"} <= originals
    for data in (p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()):
        for word in (b"Smith", b"PHANTOM", phantoms.STUDY_UID.encode(), b"19600102", b"20240305"):
            assert word not in data


def test_an_edited_set_stays_one_and_does_not_name_who_edited_it(context, case, tmp_path):
    editor = Actor(name="kimberley")
    ring = phantoms.circle((3.0, -2.0), 10.0, 0.0)[:, :2]
    z_mm = float(plane_positions(case.series[0].grid)[3])
    edit = ContourEdit(
        series_uid=case.series[0].uid, set_uid=case.structure_sets[0].uid, roi_number=1,
        planes=(EditedPlane(z_mm=z_mm, polygons_mm=(ring,)),),
    )  # fmt: skip
    saved = save_edit(context, editor, case.id, edit).structure_set
    export_folder(context, ACTOR, context.cases.get(case.id), tmp_path / "out")
    clinical, edited = (
        pydicom.dcmread(p) for p in sorted((tmp_path / "out").glob("RTSTRUCT-*/*.dcm"))
    )
    assert {r.ROIGenerationAlgorithm for r in clinical.StructureSetROISequence} == {""}
    assert {r.ROIGenerationAlgorithm for r in edited.StructureSetROISequence} == {"MANUAL"}
    for data in (p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()):
        for word in ("kimberley", saved.created[:10], saved.created[:10].replace("-", "")):
            assert word.encode() not in data


def test_dates_move_together_and_ages_are_capped(context, case, tmp_path):
    export_folder(context, ACTOR, case, tmp_path / "out")
    new = pseudonyms(context, ACTOR, case)
    facts = json.loads((tmp_path / "out/tables/clinical.json").read_text())
    assert facts["_patient_id"] == new.name
    assert (facts["rt_start"], facts["ici_start"]) == (
        new.date("2024-03-10"),
        new.date("2024-04-24"),
    )
    assert (facts["age_years"], "histology" in facts, facts["stage"]) == (90, False, "IIIB")
    labs = read_labs("labs.csv", (tmp_path / "out/tables/labs.csv").read_bytes())
    assert not labs.refused
    assert labs.patient_ids == (new.name,)
    assert [(r.date, r.time, r.key, r.value, r.high, r.comparator) for r in labs.accepted] == [
        (new.date(r.date), r.time, r.key, r.value, r.high, r.comparator) for r in case.labs
    ]
    assert -3650 <= new.shift_days <= -365
    found = datasets(tmp_path / "out")
    assert {ds.get("StudyDate") for ds in found} == {new.date("2024-03-05").replace("-", "")}
    assert {ds.PatientAge for ds in found} == {"064Y"}


def test_every_object_says_how_it_was_made_and_nothing_private(context, case, tmp_path):
    export_folder(context, ACTOR, case, tmp_path / "out")
    new = pseudonyms(context, ACTOR, case)
    for ds in datasets(tmp_path / "out"):
        assert (ds.PatientName, ds.PatientID, ds.PatientBirthDate) == (new.name, new.name, "")
        assert (ds.PatientIdentityRemoved, ds.PatientSex) == ("YES", "F")
        codes = [item.CodeValue for item in ds.DeidentificationMethodCodeSequence]
        assert codes == ["113100", "113105", "113107", "113108"]
        assert ds.LongitudinalTemporalInformationModified == "MODIFIED"
        assert not [e for e in ds.iterall() if e.tag.is_private]


def test_references_still_hold(context, case, tmp_path):
    export_folder(context, ACTOR, case, tmp_path / "out")
    by_kind: dict[str, list[pydicom.Dataset]] = {}
    for ds in datasets(tmp_path / "out"):
        by_kind.setdefault(ds.Modality, []).append(ds)
    slices = {ds.SOPInstanceUID for ds in by_kind["CT"]}
    (rs,), (rd,), (rp,) = by_kind["RTSTRUCT"], by_kind["RTDOSE"], by_kind["RTPLAN"]
    named = {
        e.value for e in rs.iterall() if e.keyword == "ReferencedSOPInstanceUID"
    } - {ds.StudyInstanceUID for ds in by_kind["CT"]}  # fmt: skip
    assert named == slices
    assert rd.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == rp.SOPInstanceUID
    assert rp.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID == rs.SOPInstanceUID
    frames = {ds.FrameOfReferenceUID for ds in (rs, rd, rp, *by_kind["CT"])}
    assert len(frames) == len({ds.StudyInstanceUID for ds in (rs, rd, rp, *by_kind["CT"])}) == 1


def test_one_patient_has_one_pseudonym_and_another_has_another(context, case, tmp_path):
    first = pseudonyms(context, ACTOR, case)
    assert first == pseudonyms(context, ACTOR, case)
    later = phantoms.write_folder(tmp_path / "later", [phantoms.rtplan()])
    assert pseudonyms(context, ACTOR, stored(context, later, "later")) == first
    other = dataclasses.replace(phantoms.PATIENT, id="PHANTOM-002")
    ct = phantoms.ct_series(patient=Patient(id=other.id, name=other.name))
    folder = phantoms.write_folder(tmp_path / "other", ct)
    second = pseudonyms(context, ACTOR, stored(context, folder, "other"))
    assert second.name != first.name
    assert second.uid("1.2.3") != first.uid("1.2.3")
    assert first.secret not in repr(first)


def test_the_zip_holds_the_same_files_every_time(context, case, tmp_path):
    export_folder(context, ACTOR, case, tmp_path / "out")
    made = []
    for _ in range(2):
        target = io.BytesIO()
        export_zip(context, ACTOR, case, target)
        made.append(target.getvalue())
    assert made[0] == made[1]
    with zipfile.ZipFile(io.BytesIO(made[0])) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    root = tmp_path / "out"
    assert packed == {
        str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()
    }


def test_nothing_is_overwritten_and_a_failed_export_leaves_nothing(
    context, case, tmp_path, monkeypatch
):
    target = tmp_path / "out"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something"):
        export_folder(context, ACTOR, case, target)
    assert [p.name for p in target.iterdir()] == ["mine.txt"]
    (target / "mine.txt").unlink()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(p.name for p in tmp_path.iterdir())
    with monkeypatch.context() as patched:
        patched.setattr("abscope.workflows.deidentified_objects.rtplan_dataset", full)
        with pytest.raises(InputError, match="cannot be written"):
            export_folder(context, ACTOR, case, target)
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert list(target.iterdir()) == []
    export_folder(context, ACTOR, case, target)
    assert len(list(target.rglob("*.dcm"))) == 11


def test_values_with_a_slope_come_back_to_the_last_bit(context, tmp_path):
    rng = np.random.default_rng(5)
    raw = np.minimum(rng.exponential(900, UNEVEN.shape_zyx), 32767)
    volume = Volume(array_zyx=raw.astype(np.float32), grid=UNEVEN, unit="HU")
    slices = ct_datasets(volume, phantoms.header("CT HFS"), intercept_hu=0.0)
    for number, ds in enumerate(slices):
        ds.RescaleSlope = f"{0.37 + number / 7:.9f}"
    case = stored(context, phantoms.write_folder(tmp_path / "in", slices), "slopes")
    result = export_folder(context, ACTOR, case, tmp_path / "out")
    again = stored(context, tmp_path / "out", "again")
    before, after = (context.cases.volume(c.series[0]).array_zyx for c in (case, again))
    assert before.dtype == np.float32
    assert np.array_equal(before, after)
    assert result.written.series[0]["values"] == "identical"


def test_an_oblique_mr_keeps_its_place(context, tmp_path):
    turn = np.deg2rad(20)
    axes = [[1, 0, 0], [0, np.cos(turn), np.sin(turn)], [0, -np.sin(turn), np.cos(turn)]]
    grid = Grid.regular(origin_mm=(-9.5, 3.25, 7), spacing_zyx_mm=(3, 1.2, 0.9), axes=axes,
                        shape_zyx=(5, 20, 24), frame_of_reference_uid="1.2.3")  # fmt: skip
    slices = ct_datasets(phantoms.volume_of(phantoms.linear_hu, grid), phantoms.header("MR"))
    for ds in slices:
        ds.Modality, ds.SOPClassUID = "MR", "1.2.840.10008.5.1.4.1.1.4"
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    case = stored(context, phantoms.write_folder(tmp_path / "in", slices), "mr")
    export_folder(context, ACTOR, case, tmp_path / "out")
    again = stored(context, tmp_path / "out", "again")
    assert again.series[0].modality == "MR"
    assert case.series[0].grid.same_geometry(again.series[0].grid, tolerance_mm=1e-9)
    before, after = (context.cases.volume(c.series[0]).array_zyx for c in (case, again))
    assert np.array_equal(before, after)


def test_the_audit_row_holds_counts_only(context, case, tmp_path):
    export_folder(context, ACTOR, case, tmp_path / "out")
    row = context.archive.audit_rows(1)[0]
    assert row.action == "export"
    detail = json.loads(row.detail)
    assert detail.pop("form") == "deidentified"
    assert all(isinstance(v, int) for v in detail.values())
    assert context.archive.first_broken_audit_row() is None


def test_the_secret_goes_with_the_case(context, case):
    secret = pseudonyms(context, ACTOR, case).secret
    context.cases.delete(case.id, ACTOR.entry("delete", case.id))
    home = context.archive.settings.home
    assert not [p for p in home.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
def test_another_program_finds_no_error_in_the_objects(context, case, tmp_path):
    """The dose is checked as 16 bits (dciodvfy stops at 32); a PET lacks two times (write_pet)."""
    images = pet_series() + mr_series(phantoms.STANDARD_GRID)
    other = stored(context, phantoms.write_folder(tmp_path / "in2", images), "images")
    export_folder(context, ACTOR, case, tmp_path / "out")
    export_folder(context, ACTOR, other, tmp_path / "out2")
    for name in ("out/CT-1/IM000001.dcm", "out/RTSTRUCT-1/RS000001.dcm", "out2/PT-1/IM000001.dcm",
                 "out/RTPLAN-1/RP000001.dcm", "out/RTDOSE-1/RD000001.dcm",
                 "out2/MR-2/IM000001.dcm"):  # fmt: skip
        path = tmp_path / name
        ds = pydicom.dcmread(path)
        if ds.Modality == "RTDOSE":
            ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
            ds.PixelData = (np.frombuffer(ds.PixelData, "<u4") >> 16).astype("<u2").tobytes()
            ds.save_as(path)
        found = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        wrong = [line for line in found.stderr.splitlines() if line.startswith("Error")]
        assert [w for w in wrong if "FrameReferenceTime" not in w and "DecayFactor" not in w] == []


def test_pseudonyms_say_nothing_of_what_they_replace():
    one, two = Pseudonyms(secret="11" * 32), Pseudonyms(secret="22" * 32)
    assert one.uid("1.2.840.1") != two.uid("1.2.840.1")
    assert len(one.uid("1.2.840.1")) <= 64
    assert one.date("no date") == ""
    shifts = {Pseudonyms(secret=f"{n:064x}").shift_days for n in range(200)}
    assert len(shifts) > 150


@pytest.mark.parametrize("unit", ["BQML", "GML"])
@pytest.mark.parametrize("decay", ["START", "ADMIN"])
def test_a_pet_keeps_its_suv(context, tmp_path, unit, decay):
    slices = pet_series(Units=unit, DecayCorrection=decay)
    case = stored(context, phantoms.write_folder(tmp_path / "in", slices), "pet")
    export_folder(context, ACTOR, case, tmp_path / "out")
    again = stored(context, tmp_path / "out", "again")
    (before,), (after,) = case.series, again.series
    assert before.suv.factor is not None
    assert after.suv.factor == before.suv.factor
    assert (after.unit, after.suv.decay_correction) == (unit, decay)
    values = [context.cases.volume(s).array_zyx for s in (before, after)]
    assert np.array_equal(*values)
    new = pseudonyms(context, ACTOR, case)
    assert after.date == new.date(before.date)


def test_a_pet_without_suv_has_none_afterwards(context, tmp_path):
    slices = pet_series(PatientWeight=None)
    case = stored(context, phantoms.write_folder(tmp_path / "in", slices), "pet")
    export_folder(context, ACTOR, case, tmp_path / "out")
    again = stored(context, tmp_path / "out", "again")
    assert case.series[0].suv.factor is again.series[0].suv.factor is None
