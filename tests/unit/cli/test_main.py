"""The command line: one JSON object on standard output, words on standard error, 0 2 3."""

from __future__ import annotations

import contextlib
import io
import json
import shutil

import pytest

from abscope.cli.main import main
from tests import phantoms
from tests.reference.command import Command


@pytest.fixture(name="home")
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("ABSCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ABSCOPE_DATABASE_URL", raising=False)
    return tmp_path / "home"


@pytest.fixture(name="run")
def _run(home, capsys):
    return Command(capsys)


@pytest.fixture(name="imported", scope="module")
def _imported(tmp_path_factory):
    """An archive with the phantom case, and what the import said: copied for each test."""
    folder, said = tmp_path_factory.mktemp("cli"), io.StringIO()
    phantoms.write_case(folder / "dicom")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setenv("ABSCOPE_HOME", str(folder / "home"))
        patch.delenv("ABSCOPE_DATABASE_URL", raising=False)
        assert main(["import", str(folder / "dicom"), "--case", "phantom", "--json"]) == 0
    return folder / "home", said.getvalue()


@pytest.fixture(name="case")
def _case(imported, home):
    shutil.copytree(imported[0], home)
    return json.loads(imported[1])


@pytest.mark.parametrize(
    "words",
    [
        [], ["nonsense"], ["import"], ["show"], ["import", "x", "--no-such-option"],
        ["contour", "x", "--seed", "1,2"], ["contour", "x", "--seed"], ["audit", "--limit", "many"],
        ["export", "x"], ["export", "x", "--pdf", "a", "--pptx", "b"], ["score", "x.csv"],
        ["show", "../../x"], ["show", "a b"], ["show", "'; DROP TABLE cases; --"], ["show", ""],
        ["dvh", "x", "--metrics", "V20"], ["set", "phantom", "smoking"],
    ],
)  # fmt: skip
def test_bad_usage_leaves_with_2_and_says_it_in_json(run, words):
    answer = run(*words)
    assert answer.status == 2, answer
    assert answer.json.keys() == {"error"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["show", "none"], "case-not-found"),
        (["delete", "none"], "case-not-found"),
        (["dvh", "none"], "case-not-found"),
        (["import", "/no/such/path"], "path-not-found"),
        (["score", "--model", "loris-nsclc", "/no"], "table-not-read"),
        (["score", "--model", "none", "/no"], "model-unknown"),
    ],
)
def test_a_refusal_leaves_with_3(run, words, code):
    assert run.refused(*words)["error"]["code"] == code


def test_without_json_the_same_is_said_in_words(home, capsys):
    assert main(["show", "none"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "There is no such case. Where: case id. Expected: the id of a stored case." in err


def test_a_phantom_case_from_import_to_deletion(run, case, home, tmp_path):
    assert [len(case[k]) for k in ("series", "structure_sets", "doses", "plans")] == [1, 1, 1, 1]
    volumes = {r["name"]: r["volume_cm3"] for r in case["structure_sets"][0]["rois"]}
    assert volumes["Cylinder"] == pytest.approx(3.14159265 * 4 * 4.4, rel=2e-3)
    rows = run.done("dvh", "phantom", "--metrics", "mean,V20Gy")["structures"]
    assert rows[0]["metrics"]["mean"] == pytest.approx(30.0 + 0.3 - 0.1, abs=0.01)
    wanted = "median,CV5Gy[cm3],gEUD(a=8),CI"
    found = run.done("dvh", "phantom", "--metrics", wanted, "--between-planes", "none")
    assert found["structures"][0]["units"] == {
        "median": "Gy", "CV5Gy[cm3]": "cm3", "gEUD(a=8)": "Gy", "CI": "ratio",
    }  # fmt: skip
    assert found["structures"][0]["reasons"].keys() <= {"CI"}
    assert found["citations"]["CI"].startswith("Paddick")
    assert run.done("show", "phantom") == case
    assert run.done("delete", "phantom") == {"deleted": "phantom"}
    assert run.done("audit", "--verify")["verified"]


@pytest.mark.parametrize("form", ["--rtstruct", "--seg"])
def test_an_export_says_which_structure_set_it_took(run, case, tmp_path, form):
    uid = case["structure_sets"][0]["uid"]
    unnamed = run("export", "phantom", form, tmp_path / "a.dcm")
    assert unnamed.json["structure_set"]["uid"] == uid
    assert unnamed.json["structure_set"]["kind"] == "clinical"
    assert unnamed.stderr.startswith("Structure set: ")
    named = run("export", "phantom", form, tmp_path / "b.dcm", "--structure-set", uid)
    assert named.json["structure_set"] == unnamed.json["structure_set"]
    assert named.stderr == ""
    assert run.done("export", "phantom", form, tmp_path / "c.dcm", "--structure-set", "clinical")


def test_words_for_people_when_json_is_not_asked(run, case, capsys):
    assert main(["cases"]) == 0
    out, err = capsys.readouterr()
    assert "case_id: phantom" in out
    assert err == ""


def test_r8_a1_names_come_out_as_they_are(run, tmp_path):
    name = "<img src=x onerror=alert(1)> ![](http://evil) =cmd 🫁"
    folder = phantoms.write_folder(
        tmp_path / "d", [phantoms.rtstruct([phantoms.cylinder_roi(1, name)])]
    )
    found = run.done("import", folder)
    assert found["structure_sets"][0]["rois"][0]["name"] == name


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xfe{}", "scenario-unreadable"), (b"[1]", "scenario-unreadable"),
        (b"", "scenario-unreadable"), (b'{"name": "x", "dose": 1}', "scenario-unknown-key"),
        (b'{"name": "x", "fractions": 1e999}', "scenario-value"),
    ],
)  # fmt: skip
def test_a_scenario_file_that_cannot_be_read_is_refused(run, case, tmp_path, data, code):
    (tmp_path / "s.json").write_bytes(data)
    found = run.refused("what-if", "phantom", "--scenario", tmp_path / "s.json")
    assert found["error"]["code"] == code


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[]", b"{'a': 1}", b'"text"'])
def test_a_facts_file_that_cannot_be_read_is_refused(run, case, tmp_path, data):
    (tmp_path / "f.json").write_bytes(data)
    found = run.refused("set", "phantom", "--file", tmp_path / "f.json")
    assert found["error"]["code"] == "facts-file-not-read"


def test_facts_are_set_one_by_one_and_the_refused_are_named(run, case, tmp_path):
    (tmp_path / "f.json").write_text(json.dumps({"_note": "x", "ecog": 1, "age_years": 500}))
    found = run.done("set", "phantom", "stage=IIIB", "--file", tmp_path / "f.json")
    assert found["facts"] == {"ecog": 1, "stage": "IIIB"}
    assert [r["field"] for r in found["refused"]] == ["age_years"]


def test_a_table_with_an_endless_cell_is_refused(run, case, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("date,test,value,unit\n" + "x" * 200_000 + ",ANC,4,G/L\n")
    assert run.refused("labs", "phantom", table)["error"]["code"] == "lab-file-not-read"
    refused = run.refused("score", "--model", "loris-nsclc", table)
    assert refused["error"]["code"] == "table-not-read"


def test_an_export_into_no_folder_is_refused(run, case, tmp_path):
    found = run.refused("export", "phantom", "--rtstruct", tmp_path / "none" / "x.dcm")
    assert found["error"]["code"] == "file-not-written"


def test_a_home_that_cannot_be_is_refused(run, home):
    home.write_bytes(b"a file")
    assert run.refused("cases")["error"]["code"] == "archive-unusable"


def test_an_unknown_acceptance_is_not_passed_over(run, case):
    assert run("dvh", "phantom", "--accept", "dose-coverage").status == 2


def test_an_empty_case_id_is_no_case_id(run, tmp_path):
    folder = phantoms.write_case(tmp_path / "dicom")
    assert run("import", folder, "--case", "").json["error"]["code"] == "bad-case-id"


def test_an_alpha_beta_without_a_structure_is_said(run, case, tmp_path):
    scenario = tmp_path / "scenario.json"
    scenario.write_text(json.dumps({"name": "ab", "alpha_beta_gy": {"Nonexist": 3}}))
    notes = " ".join(run.done("what-if", "phantom", "--scenario", scenario)["notes"])
    assert "No structure here for the alpha/beta of: Nonexist." in notes
    assert "models keep the alpha/beta ratios of their sources" in notes


def test_another_identity_is_not_added_to_a_case(run, case, tmp_path):
    import pydicom

    folder = phantoms.write_case(tmp_path / "other")
    for path in folder.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.PatientName = "SOMEBODY^ELSE"
        dataset.save_as(path)
    answer = run.refused("import", folder, "--case", "phantom")
    assert answer["error"]["code"] == "other-patient"
    assert "SOMEBODY" not in json.dumps(answer["error"])
