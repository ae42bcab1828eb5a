"""A real planning case and a real PET, exported without identity and imported again."""

from __future__ import annotations

import pathlib
import zipfile

import numpy as np
import pydicom
import pytest

from abscope.core.settings import Settings
from abscope.workflows.context import Actor, Context, open_context
from abscope.workflows.deidentified import export_folder
from abscope.workflows.dose_evaluation import evaluate_dose
from abscope.workflows.importing import check_reading, read_paths, save
from benchmarks.real_cases import data_path
from tests.reference.command import lung1, needs_lung1

pytestmark = [pytest.mark.data, pytest.mark.slow]
ACTOR = Actor(name="tester")
PET = data_path("pet-sts001-raw.zip")


@pytest.fixture(name="context")
def _context(tmp_path):
    home = tmp_path / "home"
    context = open_context(Settings(home=home, database_url=f"sqlite:///{home}/a.sqlite"))
    yield context
    context.archive.close()


def stored(context: Context, paths, case_id: str):
    reading = read_paths(paths)
    return save(context, ACTOR, check_reading(reading, frozenset()), case_id=case_id)


def same_images(context: Context, before, after) -> None:
    for one, two in zip(before.series, after.series, strict=True):
        assert one.grid.same_geometry(two.grid, tolerance_mm=1e-9)
        assert np.array_equal(*(context.cases.volume(s).array_zyx for s in (one, two)))


@needs_lung1
def test_a_real_plan_gives_the_same_dvhs(context, tmp_path):
    """Every voxel, every position, every volume and dose metric comes back."""
    case = stored(context, [lung1_path("ct.zip"), lung1_path("plan-a.zip")], "lung1")
    result = export_folder(context, ACTOR, case, tmp_path / "out")
    assert result.written.series[0]["values"] == "identical"
    again = stored(context, [tmp_path / "out"], "again")
    same_images(context, case, again)
    accepted = frozenset({"dose-grid-coverage"})
    both = [evaluate_dose(context, c, derived=True, accepted=accepted) for c in (case, again)]
    for one, two in zip(both[0].structures, both[1].structures, strict=True):
        assert (one.number, one.standard_name) == (two.number, two.standard_name)
        assert two.dvh.volume_cm3 == pytest.approx(one.dvh.volume_cm3, rel=1e-9)
        for name in ("mean_gy", "min_gy", "max_gy"):
            assert getattr(two.dvh, name) == pytest.approx(getattr(one.dvh, name), rel=1e-6)
    words = b"LUNG1-001"
    assert not [p for p in (tmp_path / "out").rglob("*.dcm") if words in p.read_bytes()]


def lung1_path(name: str) -> pathlib.Path:
    return pathlib.Path(lung1(name))


@pytest.mark.skipif(PET is None, reason="pet-sts001-raw: set ABSCOPE_TEST_DATA")
def test_a_real_pet_gives_the_same_suv(context, tmp_path):
    """Irregular positions, a slope a slice, injection times: values and SUV factor are equal."""
    case = stored(context, [PET], "pet")
    result = export_folder(context, ACTOR, case, tmp_path / "out")
    assert {s["values"] for s in result.written.series} == {"identical"}
    again = stored(context, [tmp_path / "out"], "again")
    same_images(context, case, again)
    before, after = (next(s for s in c.series if s.modality == "PT") for c in (case, again))
    assert not before.grid.is_even
    assert before.suv.factor is not None
    assert after.suv.factor == before.suv.factor
    original = identities(PET)
    for path in (tmp_path / "out").rglob("*.dcm"):
        data = path.read_bytes()
        assert not [word for word in original if word in data]


def identities(archive) -> set[bytes]:
    """Return patient name and ID and the UIDs of the first file of an archive."""
    with zipfile.ZipFile(archive) as files:
        name = next(n for n in files.namelist() if n.lower().endswith(".dcm"))
        with files.open(name) as stream:
            ds = pydicom.dcmread(stream, stop_before_pixels=True)
    keywords = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
    return {str(ds[k].value).encode() for k in keywords if ds.get(k)}
