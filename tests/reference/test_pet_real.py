"""The real FDG-PET with uneven slices, and follow-up scans beside the planning CT."""

from __future__ import annotations

import numpy as np
import pytest

from abscope.core.resample import sample_at
from abscope.workflows.context import open_context
from abscope.workflows.pet import shown_volume
from benchmarks.real_cases import data_path
from components.viewer.blob import read_array, read_header
from components.viewer.scene import Scene, pack
from tests.reference.command import Command, lung1, needs_lung1

PET = data_path("pet-sts001-raw.zip")
pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.fixture(name="run")
def _run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path))
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    return Command(capsys)


@pytest.mark.skipif(PET is None, reason="pet-sts001-raw.zip: set ABSCOPE_TEST_DATA")
def test_d1_d9_d17_the_real_pet_keeps_its_positions_and_has_an_suv(run):
    """A whole-body PET of 267 slices 3.19 to 3.29 mm apart, a rescale a slice, with its structures.
    It is imported in one go with every true position, and SUV is in report, command and viewer."""
    case = run.done("import", PET)
    (series,) = case["series"]
    assert (series["dims_zyx"], series["unit"]) == ([267, 128, 128], "BQML")
    assert series["evenly_spaced"] is False
    codes = {f["code"]: f for f in case["findings"]}
    assert "slightly-uneven-spacing" in codes
    # 71 kg, 388.777472 MBq, 10:35:00 to 11:20:11, F-18 with 6588 s
    expected = 71_000 / (388_777_472 * 2 ** (-2711 / 6588))
    assert f"{expected:.6g}" in codes["suv-factor"]["message"]
    assert {r["name"] for r in case["structure_sets"][0]["rois"]} == {"GTV_Mass", "GTV_Edema"}
    assert case["structure_sets"][0]["series_uid"] == series["uid"]
    point = (60.0, 12.0, -790.0)
    found = run.done("suv", case["case_id"], "--at", ",".join(map(str, point)))
    assert found["factor"] == pytest.approx(expected, rel=1e-9)
    assert found["max"]["suv"] == pytest.approx(found["max"]["value"] * expected)
    assert found["at"]["suv"] == pytest.approx(found["at"]["value"] * expected)
    context = open_context()
    stored = context.cases.get(case["case_id"]).series[0]
    offsets = np.diff(stored.grid.plane_offsets_mm)
    assert (round(offsets.min(), 2), round(offsets.max(), 2)) == (3.19, 3.29)
    shown = shown_volume(context, stored)
    assert sample_at(shown, [point])[0] == pytest.approx(found["at"]["suv"], rel=1e-5)
    blob = pack(Scene(image=shown))
    image = read_header(blob)["image"]
    values = read_array(blob, "ct").reshape(shown.array_zyx.shape) * image["slope"]
    assert np.abs(values + image["intercept"] - shown.array_zyx).max() <= 0.51 * image["slope"]
    assert (image["unit"], image["inverted"]) == ("g/mL SUV", True)
    context.archive.close()


@needs_lung1
def test_follow_up_scans_join_the_case_and_the_planning_ct_stays(run):
    """Planning CT with structures, then two follow-up CTs in another frame of reference, imported
    later into the same case. They are listed with their dates; the planning CT stays the one that
    the structures were drawn on, and importing one again changes nothing."""
    case = run.done("import", lung1("ct.zip"), lung1("rtstruct-clinical.zip"))
    for name in ("followup-rp.zip", "followup-none.zip"):
        case = run.done("import", lung1(name), "--case", case["case_id"])
    dates = [(s["date"], s["modality"]) for s in case["series"]]
    assert len(dates) == 3
    assert sorted(dates)[1:] == [("2009-02-12", "CT")] * 2
    again = run.done("import", lung1("followup-rp.zip"), "--case", case["case_id"])
    assert again["version"] == case["version"]
    context = open_context()
    stored = context.cases.get(case["case_id"])
    planning = stored.planning_series()
    assert planning is not None
    assert planning.uid == stored.structure_sets[0].series_uid
    follow_up = next(s for s in stored.series if s.date == "2009-02-12")
    assert not stored.in_planning_frame(follow_up.uid)
    assert stored.in_planning_frame(planning.uid)
    context.archive.close()
