"""The scorecards that come with the program: cited, named by TG-263, and honest about checks."""

from __future__ import annotations

import itertools

import pytest

from abscope.dose.scorecard import IsodoseRatio
from abscope.dose.scorecard_choice import choose
from abscope.dose.scorecard_rows import is_structure
from abscope.dose.scorecards import FOLDER, SHIPPED, shipped_cards

CARDS = shipped_cards()
ROWS = [(card.id, row) for card in CARDS for row in card.rows]


def test_every_file_in_the_folder_is_shipped_or_the_template():
    assert {p.stem for p in FOLDER.glob("*.toml")} == {*SHIPPED, "template"}
    assert tuple(card.id for card in CARDS) == SHIPPED


@pytest.mark.parametrize("card", CARDS, ids=SHIPPED)
def test_a_card_has_targets_and_organs_and_no_row_twice(card):
    assert {row.is_target for row in card.rows} == {True, False}
    asked = [(r.structure, r.metric.name, str(r.goal), r.basis, r.source.key) for r in card.rows]
    assert len(asked) == len(set(asked))


def test_every_row_has_a_source_that_can_be_opened():
    for card, row in ROWS:
        assert row.source.link.startswith("https://"), (card, row.line)
        assert row.source.authors, (card, row.line)
        assert row.note, (card, row.line)


def test_what_is_not_verified_says_so_and_why():
    for card, row in ROWS:
        if not row.verified:
            assert "not verified" in row.note, (card, row.line)
        else:
            assert "read" in row.note.lower(), (card, row.line)


def test_structures_are_named_by_tg_263():
    for card, row in ROWS:
        assert all(is_structure(name) for name in (row.structure, *row.instead)), (card, row.line)


def test_limits_of_a_fractionation_are_told_from_eqd2_ones():
    by_basis = {card.id: {row.basis for row in card.rows} for card in CARDS}
    assert by_basis["hypofractionated-55-20"] == {"physical", "eqd2", "any"}
    assert by_basis["conventional-60-30"] == {"physical", "any"}
    assert all(by_basis[name] == {"physical"} for name in SHIPPED if name.startswith("sbrt"))


@pytest.mark.parametrize(
    ("total_gy", "fractions", "expected"),
    [
        (60.0, 30, "conventional-60-30"),
        (66.0, 33, "conventional-60-30"),
        (55.0, 20, "hypofractionated-55-20"),
        (60.0, 15, "hypofractionated-60-15"),
        (54.0, 3, "sbrt-3"),
        (48.0, 4, "sbrt-4"),
        (50.0, 5, "sbrt-5"),
        (60.0, 8, "sbrt-8"),
        (30.0, 10, None),
        (34.0, 1, None),
    ],
)
def test_the_fractionation_chooses_the_card(total_gy, fractions, expected):
    choice = choose(CARDS, total_gy, fractions)
    assert (choice.card.id if choice.card else None) == expected
    assert f"{total_gy:g} Gy in {fractions} fractions" in choice.reason


def test_published_numbers_stand_in_the_cards_as_they_were_read():
    """AAPM TG-101 table III, HyTEC cord, QUANTEC esophagus, LungTech: a few by hand."""
    found = {
        (card, row.structure, row.metric.name, row.source.key): (row.goal.value, row.variation)
        for card, row in ROWS
        if not isinstance(row.metric, IsodoseRatio)
    }
    assert found["sbrt-3", "SpinalCord", "D0.35cm3", "tg-101"][0] == 18.0
    assert found["sbrt-5", "SpinalCord", "D1.2cm3", "tg-101"][0] == 14.5
    assert found["sbrt-5", "Heart", "D15cm3", "tg-101"][0] == 32.0
    cord = [found[f"sbrt-{n}", "SpinalCord", "max", "hytec-cord"][0] for n in (3, 4, 5)]
    assert cord == [20.3, 23.0, 25.3]
    assert found["conventional-60-30", "Esophagus", "mean", "quantec"][0] == 34.0
    goal, variation = found["sbrt-8", "Esophagus", "max", "lungtech"]
    assert (goal, variation.value) == (40.0, 43.52)
    assert found["hypofractionated-60-15", "SpinalCord", "max", "cerr"][0] == 40.0


def test_r50_follows_the_volume_of_the_ptv():
    (row,) = [
        row for card, row in ROWS
        if card == "sbrt-5" and isinstance(row.metric, IsodoseRatio) and row.metric.name == "R50"
    ]  # fmt: skip
    assert row.table is not None
    assert row.table.at(22.0) == (4.5, 5.5)
    assert row.table.at(28.0) == pytest.approx((4.4, 5.4))
    assert (row.table.at(1.0), row.table.at(200.0)) == (None, None)
    assert all(a > b for a, b in itertools.pairwise(row.table.goals))
