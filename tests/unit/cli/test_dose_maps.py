"""The ``gamma``, ``immune`` and ``lung-risk`` commands on a phantom without organs."""

from __future__ import annotations

from tests.fixtures.archives import CASE_ID


def test_a_dose_agrees_with_itself(run):
    uid = run("show", CASE_ID)[1]["doses"][0]["uid"]
    status, found = run("gamma", CASE_ID, uid, uid, "--dose-percent", 2, "--local")
    assert (status, found["criteria"], found["pass_percent"]) == (0, "2 % / 2 mm, local", 100.0)
    assert {s["pass_percent"] for s in found["structures"]} == {100.0}
    assert run("gamma", CASE_ID, uid, "1.2")[1]["error"]["code"] == "dose-not-found"
    status, found = run("gamma", CASE_ID, uid, uid, "--distance-mm", 0)
    assert (status, found["error"]["code"]) == (3, "gamma-criteria")


def test_immune_doses_say_what_is_missing(run):
    status, found = run("immune", CASE_ID)
    assert status == 0
    assert found["edic"] is None
    assert found["refused"].startswith("EDIC needs both lungs")
    assert {o["reason"] for o in found["organs"]} == {"not contoured"}


def test_lung_risk_is_refused_without_lungs(run):
    status, found = run("lung-risk", CASE_ID)
    assert (status, found["error"]["code"]) == (3, "lung-risk-lungs")
