"""Scorecard files: what is read, and how each error is explained by its line."""

from __future__ import annotations

import pytest

from abscope.core.errors import InputError
from abscope.dose.scorecard_file import LARGEST_BYTES, parse_card, read_card
from abscope.dose.scorecards import template

CARD = """\
format = 1
id = "clinic"
name = "Clinic"
fractions = [30, 33]
dose_per_fraction_gy = [1.8, 2.2]

[source.marks]
authors = "Marks LB, et al."
year = "2010"
title = "Lung"
doi = "10.1016/j.ijrobp.2009.06.091"

[[row]]
structure = "Lungs-GTV"
metric = "V20Gy"
goal = "<= 30 %"
variation = "<= 35 %"
source = "marks"

[[row]] # cord
structure = "SpinalCord"
metric = "D0.03cm3"
goal = "<= 50 Gy"
basis = "eqd2"
alpha_beta_gy = 2
source = "marks"
"""


def problems(text: str):
    card, found = read_card(text.encode())
    assert card is None
    return [(p.line, p.what) for p in found]


def test_a_card_is_read():
    card = parse_card(CARD.encode())
    lung, cord = card.rows
    assert (card.id, card.origin, card.fractions, card.dose_per_fraction_gy) == (
        "clinic", "clinic", (30, 33), (1.8, 2.2),
    )  # fmt: skip
    assert (str(lung.goal), str(lung.variation), lung.basis) == ("≤ 30 %", "≤ 35 %", "physical")
    assert (lung.line, lung.verified, lung.source.short) == (13, False, "Marks 2010")
    assert (cord.basis, cord.alpha_beta_gy, cord.line) == ("eqd2", 2.0, 20)


def test_the_template_is_a_card_that_can_be_read():
    card = parse_card(template())
    assert [row.structure for row in card.rows] == ["Lungs-GTV", "SpinalCord", "PTV", "Heart"]
    assert [row.basis for row in card.rows] == ["physical", "eqd2", "any", "physical"]
    assert card.rows[3].aim_only


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ('structure = "SpinalCord"', 'structure = "Rückenmark"', 21, "not a known TG-263 name"),
        ('metric = "V20Gy"', 'metric = "V20"', 15, "not understood. Did you mean V20Gy"),
        ('metric = "V20Gy"', "", 13, "no metric"),
        ('goal = "<= 50 Gy"', 'goal = "50 Gy"', 23, "goal is missing or not understood"),
        ('goal = "<= 50 Gy"', 'goal = "<= 50 %"', 23, "unit of the goal does not fit"),
        ('variation = "<= 35 %"', 'variation = "<= 25 %"', 17, "stricter than the goal"),
        ('variation = "<= 35 %"', 'variation = ">= 35 %"', 17, "not of the goal's side"),
        ("alpha_beta_gy = 2", "", 20, "needs an alpha/beta"),
        ("alpha_beta_gy = 2", "alpha_beta_gy = -2", 25, "needs an alpha/beta"),
        ('basis = "eqd2"', 'basis = "EQD2"', 24, "dose basis is not known"),
        ('basis = "eqd2"', 'basis = "any"', 24, "one fractionation only"),
        ('source = "marks"\n\n[[row]]', 'source = "mark"\n\n[[row]]', 18, "names no source"),
        ("fractions = [30, 33]", "fractions = [33, 30]", 4, "fractions is not a range"),
        ("fractions = [30, 33]", "fractions = [30.5, 33]", 4, "whole numbers"),
        ("dose_per_fraction_gy = [1.8, 2.2]", "", 1, "missing or not two numbers"),
        ("format = 1", "format = 2", 1, "format is not known"),
        ('id = "clinic"', 'id = "Our Clinic"', 2, "id is missing or not usable"),
        ('doi = "10.1016', 'doi = "https://doi.org/10.1016', 11, "not a DOI"),
        ('doi = "10.1016/j.ijrobp.2009.06.091"', "", 7, "cannot be found by anybody"),
        ('doi = "10.1016/j.ijrobp.2009.06.091"', 'url = "javascript:x"', 11, "not a web address"),
        ('year = "2010"', "year = 2010", 9, "year is not a short text"),
        ('name = "Clinic"', 'nam = "Clinic"', 3, "This key is not known"),
        ('variation = "<= 35 %"', 'varation = "<= 35 %"', 17, "This key is not known"),
        ('name = "Clinic"', 'name = "Clinic', 3, "This is not TOML"),
        ('source = "marks"\n\n[[row]]', 'source = marks\n\n[[row]]', 18, "This is not TOML"),
    ],
)  # fmt: skip
def test_each_error_is_explained_by_its_line(old, new, line, what):
    assert old in CARD
    found = problems(CARD.replace(old, new, 1))
    assert any(at == line and what in said for at, said in found), found


def test_all_errors_are_listed_in_the_order_of_their_lines():
    broken = CARD.replace('"V20Gy"', '"W20"').replace("[30, 33]", "30").replace("<= 50 Gy", "50")
    assert [line for line, _ in problems(broken)] == [4, 15, 23]


def test_lines_are_right_behind_long_texts_and_comments():
    text = CARD.replace('name = "Clinic"', 'name = """\nClinic\n[[row]]\n"""\n# [[row]]')
    assert [line for line, _ in problems(text.replace('"<= 50 Gy"', '"50"'))] == [27]


def test_the_error_names_lines_and_no_words_of_the_file():
    text = CARD.replace('"SpinalCord"', '"Doe"')
    with pytest.raises(InputError, match="Line 21: The structure is not a known") as raised:
        parse_card(text.encode())
    assert raised.value.code == "scorecard-not-read"
    assert "Doe" not in str(raised.value)
    assert raised.value.as_dict()["where"] == "line 21: Doe"


@pytest.mark.parametrize(
    ("data", "line", "what"),
    [
        (b"a = 1\nb = \xff", 2, "not UTF-8"),
        (b"#" * (LARGEST_BYTES + 1), 1, "too large"),
        (b"", 1, "format is not known"),
        (b"row = 3", 1, "no rows"),
    ],
)
def test_what_is_no_card_at_all(data, line, what):
    card, found = read_card(data)
    assert card is None
    assert any(p.line == line and what in p.what for p in found)


def test_a_byte_order_mark_is_no_error():
    assert parse_card(b"\xef\xbb\xbf" + CARD.encode()).id == "clinic"
