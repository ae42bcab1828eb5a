"""LUNG1-001 as a case: counts, links, and voxel for voxel what SimpleITK reads."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from abscope.core.settings import Settings
from abscope.store.archive import Archive
from abscope.store.cases import CaseTable
from tests.reference.command import LUNG1, Command, lung1, needs_lung1

pytestmark = [pytest.mark.data, pytest.mark.slow, needs_lung1]
ALL = ("ct.zip", "rtstruct-clinical.zip", "plan-a.zip", "plan-b.zip")


@pytest.fixture(scope="module", name="home")
def _home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(name="run")
def _run(home, capsys, monkeypatch):
    monkeypatch.setenv("ABSCOPE_HOME", str(home))
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    return Command(capsys)


@pytest.fixture(name="case")
def _case(run, home):
    """Import everything once; what is stored is what the import said."""
    if not (home / "abscope.sqlite").exists():
        return run.done("import", *map(lung1, ALL), "--case", "lung1")
    return run.done("show", "lung1")


def test_everything_is_there_and_linked(case):
    (series,) = case["series"]
    assert (series["n_files"], series["dims_zyx"]) == (134, [134, 512, 512])
    assert series["spacing_mm"] == [3.0, 0.9765625, 0.9765625]
    kinds = ("structure_sets", "doses", "plans")
    assert [len(case[kind]) for kind in kinds] == [2, 2, 2]
    sets = {s["uid"]: s for s in case["structure_sets"]}
    plans = {p["uid"]: p for p in case["plans"]}
    assert {s["series_uid"] for s in sets.values()} == {series["uid"]}
    assert {d["plan_uid"] for d in case["doses"]} == set(plans)
    for plan in plans.values():
        assert len(sets[plan["structure_set_uid"]]["rois"]) == 6
        assert (plan["prescribed_gy"], plan["fractions"]) == (60.0, 30)
    assert {d["summation"] for d in case["doses"]} == {"PLAN"}
    assert [f["code"] for f in case["findings"]] == ["identical-copies"]
    assert case["patient"]["id"] == "LUNG1-001"


def test_importing_again_changes_nothing(run, case, home):
    rows = run.done("audit")["rows"]
    blobs = {p.name for p in (home / "blobs").rglob("*") if p.is_file()}
    assert run.done("import", *map(lung1, ALL), "--case", "lung1") == case
    assert run.done("import", lung1("plan-b.zip")) == case  # the case is found by its objects
    assert run.done("show", "lung1") == case
    assert {p.name for p in (home / "blobs").rglob("*") if p.is_file()} == blobs
    assert run.done("audit")["rows"] == rows
    assert [c["case_id"] for c in run.done("cases")["cases"]] == ["lung1"]


def test_a_second_plan_joins_a_case_later(run):
    first = run.done("import", *map(lung1, ALL[:3]), "--case", "later")
    assert [len(first[kind]) for kind in ("structure_sets", "doses", "plans")] == [2, 1, 1]
    both = run.done("import", lung1("plan-b.zip"), "--case", "later")
    assert [len(both[kind]) for kind in ("structure_sets", "doses", "plans")] == [2, 2, 2]
    assert (first["version"], both["version"]) == (1, 2)
    run.done("delete", "later")


def test_voxels_and_geometry_are_those_of_simpleitk(case, home, tmp_path):
    assert LUNG1 is not None
    with zipfile.ZipFile(LUNG1) as archive:
        archive.extractall(tmp_path)
    folder = next(tmp_path.rglob("*.dcm")).parent
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    archive_ = Archive(Settings(home=home, database_url=f"sqlite:///{home / 'abscope.sqlite'}"))
    try:
        tables = CaseTable(archive_)
        (series,) = tables.get(case["case_id"]).series
        volume = tables.volume(series)
        assert np.array_equal(sitk.GetArrayViewFromImage(image), volume.array_zyx)
    finally:
        archive_.close()
    grid = volume.grid
    assert image.GetOrigin() == pytest.approx(grid.origin_mm, abs=1e-6)
    assert image.GetSpacing()[::-1] == pytest.approx(grid.spacing_zyx_mm, abs=1e-6)
    assert image.GetDirection() == pytest.approx(np.eye(3).ravel(), abs=1e-9)
    corner = image.TransformIndexToPhysicalPoint((511, 0, 133))
    assert corner == pytest.approx(grid.to_mm([[133, 0, 511]])[0], abs=1e-4)
    with zipfile.ZipFile(LUNG1) as archive:
        first = min(archive.namelist())
        ds = pydicom.dcmread(io.BytesIO(archive.read(first)), stop_before_pixels=True)
    assert ds.SOPInstanceUID in series.slice_uids
