"""The ``scorecard`` and ``scorecards`` commands on a phantom: 60 Gy in 30, no target."""

from __future__ import annotations

from abscope.dose.scorecards import SHIPPED, template
from tests.fixtures.archives import CASE_ID


def test_a_plan_is_held_against_the_card_of_its_fractionation(run):
    status, found = run("scorecard", CASE_ID)
    assert (status, found["card"], found["fits"]) == (0, "conventional-60-30", [True])
    assert len(found["rows"]) == 25
    assert found["rows"][0]["plans"][0]["reason"] == "PTV is not in the structure set."
    assert {row["source"]["link"][:8] for row in found["rows"]} == {"https://"}
    status, found = run("scorecard", CASE_ID, "--card", "sbrt-5")
    assert (status, found["fits"], found["reason"]) == (0, [False], "Chosen by name.")


def test_a_card_of_ones_own_is_added_used_and_removed(run, tmp_path):
    file = tmp_path / "own.toml"
    assert run("scorecards", "--template", file)[0] == 0
    assert file.read_bytes() == template()
    assert run("scorecards", "--template", file)[1]["error"]["code"] == (
        "scorecard-template-not-written"
    )
    assert run("scorecard", CASE_ID, "--file", file)[1]["card"] == "our-clinic-60-30"
    cards = run("scorecards", "--add", file)[1]["cards"]
    assert [card["id"] for card in cards] == [*SHIPPED, "our-clinic-60-30"]
    assert run("scorecard", CASE_ID)[1]["card"] == "our-clinic-60-30"
    cards = run("scorecards", "--remove", "our-clinic-60-30")[1]["cards"]
    assert [card["id"] for card in cards] == list(SHIPPED)


def test_errors_of_a_file_are_told_by_line(run, tmp_path):
    file = tmp_path / "own.toml"
    file.write_bytes(
        template().replace(b'"D95%"', b'"D195%"').replace(b"fractions", b"fraction", 1)
    )
    status, found = run("scorecards", "--add", file)
    assert (status, found["error"]["code"]) == (3, "scorecard-not-read")
    what = found["error"]["what"]
    assert "Line 46: A structure has no more than 100 per cent." in what
    assert len(run("scorecards")[1]["cards"]) == len(SHIPPED)


def test_what_cannot_be_asked(run):
    assert run("scorecard", CASE_ID, "--card", "none")[1]["error"]["code"] == "scorecard-not-known"
    status, found = run("scorecard", CASE_ID, "--accept", "anything")
    assert (status, found["error"]["code"]) == (2, "scorecard-usage")
