"""faults.md R8 and R23: names that people give to structures."""

from __future__ import annotations

import pytest

from abscope.dicom.write_common import save_all
from tests import phantoms
from tests.reference.command import Command
from tests.unit.dicom.uploads import codes, read_one

LEFT, RIGHT = (25.0, -2.0), (-25.0, -2.0)
#: Two pairs share a name; the rest are attacks and long names.
ODD_NAMES = (
    "Heart", "Heart", "<b onmouseover=alert(1)>Lung</b>", "../../etc/passwd", "=cmd|' /C calc'!A0",
    "😀 Lunge li", "Lung_R " * 12, "L LUNG", "PTV-GTV", "{{7*7}} :red[x] ![](http://x/y.png)",
)  # fmt: skip


@pytest.fixture(name="run")
def _run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    return Command(capsys)


def _roi(number, name, centre=LEFT, radius_mm=12.0):
    return phantoms.cylinder_roi(number, name, radius_mm=radius_mm, centre_xy_mm=centre)


def _case(run, tmp_path, rois, *more):
    folder = tmp_path / "in"
    folder.mkdir()
    save_all([*phantoms.ct_series(), phantoms.rtstruct(rois), *more], folder, "o")
    return run.done("import", folder)


def test_r8_structures_with_odd_and_equal_names_are_kept_by_number(run, tmp_path):
    """Imports structures with equal names, HTML, ../, =cmd, emoji and 80 letters in their names.
    Each keeps its number and its name to the letter, and two named Heart are pointed out."""
    case = _case(run, tmp_path, [_roi(n, name) for n, name in enumerate(ODD_NAMES, start=1)])
    (stored,) = case["structure_sets"]
    assert [r["number"] for r in stored["rois"]] == list(range(1, len(ODD_NAMES) + 1))
    cut = [name.replace("\\", "/").encode()[:64].decode(errors="ignore") for name in ODD_NAMES]
    assert [r["name"] for r in stored["rois"]] == [name.strip() for name in cut]
    by_name = {r["name"]: r for r in stored["rois"]}
    assert by_name["../../etc/passwd"]["standard_name"] is None
    assert by_name["<b onmouseover=alert(1)>Lung</b>"]["standard_name"] is None
    assert by_name["PTV-GTV"]["standard_name"] == "PTV-GTV"
    assert "structure-name-twice" in {f["code"] for f in case["findings"]}


def test_r8_a_name_that_two_spellings_claim_stays_with_the_surer_one():
    """Imports a set with Heart and HEART4.
    Heart keeps the standard name, HEART4 stays without one, and a note says so."""
    draft = read_one(
        phantoms.ct_series(), [phantoms.rtstruct([_roi(1, "HEART4"), _roi(2, "Heart", RIGHT)])]
    )
    (structures,) = draft.structure_sets
    assert [(r.name, r.standard_name) for r in structures.rois] == [
        ("HEART4", None), ("Heart", "Heart"),
    ]  # fmt: skip
    assert "structure-name-taken" in codes(draft.findings, "info")


def test_r8_a_left_lung_on_the_right_is_doubted():
    """Imports two lungs whose names are swapped, then two that are right.
    The swapped pair gives the warning laterality-doubtful and keeps its names; the other none."""
    for left_at, right_at, doubted in ((RIGHT, LEFT, True), (LEFT, RIGHT, False)):
        rois = [_roi(1, "Lt Lung", left_at), _roi(2, "Rt Lung", right_at)]
        draft = read_one(phantoms.ct_series(), [phantoms.rtstruct(rois)])
        assert ("laterality-doubtful" in codes(draft.findings, "warning")) == doubted
        assert [r.standard_name for r in draft.structure_sets[0].rois] == ["Lung_L", "Lung_R"]


def test_r23_lungs_minus_gtv_is_computed_beside_a_drawn_one_of_that_name(run, tmp_path):
    """Asks for the DVHs of a set with both lungs, a GTV inside one and a drawn LUNGS-GTV.
    The derived region has the parts' volume and is marked derived; the drawn one is not used."""
    gtv = _roi(3, "GTV", radius_mm=6.0)
    rois = [_roi(1, "Lung_L"), _roi(2, "Lung_R", RIGHT), gtv, _roi(4, "Lungs-GTV", radius_mm=9.0)]
    case = _case(run, tmp_path, rois, phantoms.rtplan(), phantoms.rtdose())
    assert {r["name"]: r["standard_name"] for r in case["structure_sets"][0]["rois"]} == {
        "Lung_L": "Lung_L", "Lung_R": "Lung_R", "GTV": "GTV", "Lungs-GTV": "Lungs-GTV",
    }  # fmt: skip
    rows = run.done("dvh", case["case_id"])["structures"]
    volume = {r["name"]: r["volume_cm3"] for r in rows}
    derived = [r for r in rows if r["derived"]]
    assert [(r["name"], r["standard_name"]) for r in derived] == [
        ("Lungs-GTV (derived)", "Lungs-GTV")
    ]
    wanted = volume["Lung_L"] + volume["Lung_R"] - volume["GTV"]
    assert derived[0]["volume_cm3"] == pytest.approx(wanted, rel=1e-3)
    asked = run.done("dvh", case["case_id"], "--structure", "Lungs-GTV")["structures"]
    assert [(r["derived"], r["volume_cm3"]) for r in asked] == [(True, derived[0]["volume_cm3"])]


def test_r23_only_a_gtv_is_taken_off_the_lungs(run, tmp_path):
    """Asks for lungs minus GTV of a set that also has GTV_exp, GTV to Heart, Lung_L_V20 and Heart
    LAA. Those have no standard name, only the GTV itself is taken off, and a warning names the two
    that may be a GTV."""
    made = ("GTV_exp", "GTV to Heart", "Lung_L_V20", "Heart LAA")
    rois = [_roi(1, "Lung_L"), _roi(2, "Lung_R", RIGHT), _roi(3, "GTV", radius_mm=6.0)]
    rois += [_roi(n, name, radius_mm=9.0) for n, name in enumerate(made, start=4)]
    case = _case(run, tmp_path, rois, phantoms.rtplan(), phantoms.rtdose())
    names = {r["name"]: r["standard_name"] for r in case["structure_sets"][0]["rois"]}
    assert {name: names[name] for name in made} == dict.fromkeys(made)
    (doubt,) = [f for f in case["findings"] if f["code"] == "gtv-doubtful"]
    assert "number 4, 5 may be" in doubt["message"]
    rows = run.done("dvh", case["case_id"])["structures"]
    volume = {r["name"]: r["volume_cm3"] for r in rows}
    wanted = volume["Lung_L"] + volume["Lung_R"] - volume["GTV"]
    assert volume["Lungs-GTV"] == pytest.approx(wanted, rel=1e-3)


def test_r23_a_drawn_difference_is_never_taken_for_plain_lungs(run, tmp_path):
    """Asks for lungs minus GTV of a set that has only LUNGS-ITV's, then of one with LUNGS-GTV.
    The first gives no such region; the second gives the drawn structure, not marked derived."""
    case = _case(run, tmp_path, [_roi(1, "LUNGS-ITV's")], phantoms.rtplan(), phantoms.rtdose())
    assert case["structure_sets"][0]["rois"][0]["standard_name"] == "Lungs-ITV"
    assert run.done("dvh", case["case_id"], "--structure", "Lungs-GTV")["structures"] == []
    rois = [_roi(1, "LUNGS-GTV")]
    second = tmp_path / "second"
    second.mkdir()
    other = _case(run, second, rois, phantoms.rtplan(), phantoms.rtdose())
    (row,) = run.done("dvh", other["case_id"], "--structure", "Lungs-GTV")["structures"]
    assert (row["number"], row["derived"]) == (1, False)
