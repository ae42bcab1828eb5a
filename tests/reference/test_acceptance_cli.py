"""The command line on LUNG1-001, as product.md promises it: one case from import to deletion."""

from __future__ import annotations

import csv
import json
import pathlib
import zipfile

import pytest

from benchmarks.real_cases import data_path
from tests.reference.command import Command, files_below, lung1, needs_lung1

pytestmark = [pytest.mark.data, pytest.mark.slow, needs_lung1]
NELMS = data_path("nelms-sphere-cylinder.zip")
SCENARIO = {
    "name": "55 Gy in 20", "dose_uid": None, "total_dose_gy": 55, "fractions": 20,
    "fractions_per_day": 1, "gap_days": 0, "alpha_beta_gy": {"Lungs": 3},
    "ici": {"agent": "durvalumab", "regimen": "1500 mg Q4W", "start_day_from_rt_end": 14,
            "missed_doses": []},
}  # fmt: skip


@pytest.fixture(scope="module", name="home")
def _home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(name="run")
def _run(home, capsys, monkeypatch):
    monkeypatch.setenv("ABSCOPE_HOME", str(home))
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    return Command(capsys)


@pytest.fixture(name="doses")
def _doses(run, home):
    """Make the case once a module; return plan label's first letter -> dose UID."""
    if not (home / "made").exists():
        files = ("ct.zip", "rtstruct-clinical.zip", "plan-a.zip", "plan-b.zip")
        run.done("import", *map(lung1, files), "--case", "lung1")
        facts = run.done("set", "lung1", "--file", lung1("clinical.json"))
        assert facts["refused"] == []
        labs = run.done("labs", "lung1", lung1("labs.csv"))
        assert labs["refused"] == []
        assert labs["derived_by_date"]["2008-12-01"]["nlr"] == pytest.approx(4.198, abs=1e-3)
        (home / "made").touch()
    case = run.done("show", "lung1")
    plans = {p["uid"]: p["label"][0] for p in case["plans"]}
    return {plans[d["plan_uid"]]: d["uid"] for d in case["doses"]}


def reference(plan: str) -> dict[str, dict[str, float]]:
    with pathlib.Path(lung1("dvh-reference.csv")).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.pop("plan") == plan]
    return {row.pop("structure"): {k: float(v) for k, v in row.items()} for row in rows}


@pytest.mark.parametrize("plan", ["A", "B"])
def test_dvh_means_and_volumes_are_those_of_an_independent_calculation(run, doses, plan):
    found = run.done("dvh", "lung1", "--dose", doses[plan], "--curve")
    rows = {row["name"]: row for row in found["structures"]}
    for name, expected in reference(f"plan-{plan.lower()}").items():
        mean, volume = rows[name]["metrics"]["mean"], rows[name]["volume_cm3"]
        assert mean == pytest.approx(expected["mean_gy"], rel=0.01, abs=0.05), name
        assert volume == pytest.approx(expected["volume_cm3"], rel=0.01), name
        curve = rows[name]["curve"]["volume_cm3"]
        assert curve == sorted(curve, reverse=True)
    assert rows["BODY"]["refused"]["code"] == "dose-grid-coverage"


def test_a_partly_covered_structure_is_computed_when_accepted_and_marked(run, doses):
    words = ("--structure", "BODY", "--accept", "dose-grid-coverage", "--metrics", "mean")
    (row,) = run.done("dvh", "lung1", "--dose", doses["A"], *words)["structures"]
    assert row["partial"]
    assert row["coverage"] == pytest.approx(0.819, abs=0.01)
    assert row["metrics"]["mean"] == pytest.approx(4.98, rel=0.01)


def test_predictions_of_both_plans(run, doses):
    expected = {"A": (0.116, 0.055), "B": (0.150, 0.069)}
    for plan, (appelt, quantec) in expected.items():
        found = run.done("predict", "lung1", "--dose", doses[plan])["predictions"]
        by_model = {p["model"]: p for p in found}
        assert by_model["rp-appelt"]["probability"] == pytest.approx(appelt, abs=1e-3)
        assert by_model["rp-quantec"]["probability"] == pytest.approx(quantec, abs=1e-3)
        loris = by_model["loris-nsclc"]
        assert loris["probability"] == pytest.approx(0.292, abs=5e-4)
        assert loris["score"] == pytest.approx(0.510, abs=5e-4)
        assert loris["domain"] != "in"
        for p in found:
            shap = p["shap"]
            if shap is not None:
                total = shap["base"] + sum(shap["values"].values())
                assert total == pytest.approx(shap["output"], abs=1e-6)


def test_a_table_is_scored_row_by_row_in_its_order(run, doses, tmp_path):
    table = tmp_path / "patients.csv"
    table.write_text(
        "tmb_mut_per_mb,pdl1_tps_percent,prior_systemic_therapy,albumin_g_per_dl,nlr,age_years\n"
        "10,50,1,3.8,4.198,83\n10,,1,3.8,4.198,83\n1,0,1,2.5,12,60\n",
        encoding="utf-8",
    )
    rows = run.done("score", "--model", "loris-nsclc", table)["rows"]
    assert rows[0]["score"] == pytest.approx(0.510, abs=5e-4)
    assert rows[1]["missing"] == ["pdl1_tps_percent"]
    assert rows[2]["score"] < rows[0]["score"]
    numbers = [row["row"] for row in rows]
    assert numbers == list(range(numbers[0], numbers[0] + 3))


def test_the_scenario_of_the_product(run, doses, tmp_path):
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps(SCENARIO), encoding="utf-8")
    found = run.done("what-if", "lung1", "--scenario", file)
    assert found["refusals"] == []
    assert (found["scenario"]["total_dose_gy"], found["scenario"]["fractions"]) == (55, 20)
    metrics = {name: found["difference"]["metrics"][name] for name in found["units"]}
    assert metrics["Lungs-GTV mean"] == pytest.approx(8.08 * (55 / 60 - 1), rel=0.01)
    assert found["difference"]["probability"]["rp-quantec"] < 0
    assert found["evidence"]


@pytest.mark.parametrize(
    "changes", [{"total_dose_gy": 54, "fractions": 3}, {"fractions": 5, "total_dose_gy": 50}]
)
def test_a_scenario_that_is_refused_says_so_and_leaves_with_3(run, doses, tmp_path, changes):
    file = tmp_path / "scenario.json"
    file.write_text(json.dumps(SCENARIO | changes), encoding="utf-8")
    found = run.refused("what-if", "lung1", "--scenario", file)
    assert found["refusals"]
    assert found["refusals"][0]["code"] == found["error"]["code"]
    assert found["scenario"] is None
    assert found["delivered"]["fractions"] == 30


def test_exported_files_and_the_structure_set_read_back(run, doses, home, tmp_path):
    sets = run.done("show", "lung1")["structure_sets"]
    drawn = max(sets, key=lambda s: len(s["rois"]))
    targets = {kind: tmp_path / f"out.{kind}" for kind in ("pptx", "pdf", "rtstruct")}
    for kind, target in targets.items():
        extra = ("--structure-set", drawn["uid"]) if kind == "rtstruct" else ()
        assert run.done("export", "lung1", f"--{kind}", target, *extra)["bytes"] > 1000
    assert targets["pdf"].read_bytes().startswith(b"%PDF-")
    assert targets["pptx"].read_bytes().startswith(b"PK")
    again = run.done("import", targets["rtstruct"], "--case", "again")
    (read,) = again["structure_sets"]
    for a, b in zip(drawn["rois"], read["rois"], strict=True):
        assert (a["number"], a["name"]) == (b["number"], b["name"])
        assert b["volume_cm3"] == pytest.approx(a["volume_cm3"], rel=1e-3)
    run.done("delete", "again")


def test_the_doubt_in_lung_contours_gives_a_range_of_the_mean_lung_dose(run, doses):
    sets = {s["label"]: s["uid"] for s in run.done("show", "lung1")["structure_sets"]}
    names = [f"{uid}:Lungs-GTV" for uid in sets.values()]
    found = run.done("doubt", "lung1", "--structure", names[0], "--dose", doses["A"])
    volumes = found["volumes_cm3"]
    assert volumes["tighter"] < volumes["drawn"] < volumes["looser"]
    assert {part["expected_dice"] for part in found["parts"]} == {0.96}
    assert all("McCall" in part["source"] for part in found["parts"])
    mean = next(band for band in found["metrics"] if band["metric"] == "mean")
    assert mean["value"] == pytest.approx(8.08, rel=0.01)
    assert mean["low"] < mean["value"] < mean["high"] < 1.15 * mean["value"]
    refused = run("doubt", "lung1", "--structure", names[0].replace("Lungs-GTV", "GTV-1"))
    assert refused.status == 3
    assert refused.json["error"]["code"] == "doubt-unknown"


def test_lists_and_the_audit_trail(run, doses):
    assert {m["id"] for m in run.done("models")["models"]} >= {
        "loris-nsclc", "rp-appelt", "rp-quantec", "pneumonitis-any", "cip",
    }  # fmt: skip
    assert "anatomical" in {e["id"] for e in run.done("engines")["engines"]}
    (case,) = run.done("cases")["cases"]
    assert (case["case_id"], case["patient"]["id"]) == ("lung1", "LUNG1-001")
    audit = run.done("audit", "--verify", "--limit", "500")
    assert (audit["verified"], audit["first_broken"]) == (True, None)
    assert "LUNG1-001" not in json.dumps(audit)


def test_zz_a_deleted_case_is_gone_from_the_disk(run, doses, home):
    assert run.done("delete", "lung1") == {"deleted": "lung1"}
    assert run.done("cases") == {"cases": []}
    assert run.refused("show", "lung1")["error"]["code"] == "case-not-found"
    left = files_below(home)
    assert not [name for name in left if name.endswith((".npy", ".npz"))]
    assert not [name for name, data in left.items() if b"LUNG1-001" in data]
    (home / "made").unlink()


@pytest.mark.skipif(NELMS is None, reason="nelms-sphere-cylinder.zip: set ABSCOPE_TEST_DATA")
def test_structures_and_dose_without_ct_give_a_dvh(run, tmp_path):
    assert NELMS is not None
    with zipfile.ZipFile(NELMS) as archive:
        names = archive.namelist()
        chosen = [
            next(n for n in names if "Sphere_02_0" in n and n.endswith(".dcm")),
            next(n for n in names if "Linear_AntPost_2mm" in n),
        ]
        for name in chosen:
            (tmp_path / name.rsplit("/", 1)[-1]).write_bytes(archive.read(name))
    case = run.done("import", *sorted(tmp_path.glob("*.dcm")), "--case", "nelms")
    assert (case["series"], case["plans"]) == ([], [])
    uid = case["structure_sets"][0]["uid"]
    found = run.done("dvh", "nelms", "--structure-set", uid, "--metrics", "mean,D99%,V20Gy")
    means = [row["metrics"]["mean"] for row in found["structures"] if "metrics" in row]
    assert means
    assert all(0 < mean < 40 for mean in means)
    assert found["fractions"] is None
    run.done("delete", "nelms")
