"""The clinic's own scorecards: stored whole or not at all, replaced, removed, never dropped."""

from __future__ import annotations

import dataclasses

import pytest

from abscope.core.errors import InputError, NotFoundError, RefusedError
from abscope.dose.scorecards import SHIPPED, template
from abscope.store.audit import AuditEntry
from abscope.workflows.context import Actor, open_context
from abscope.workflows.dose_evaluation import evaluate_dose
from abscope.workflows.scorecards import add_card, cards_of, choice_for, remove_card, score
from tests.fixtures.archives import CASE_ID, archive_of_schema

ACTOR = Actor(name="tester")


def test_a_file_is_stored_once_and_replaced_by_its_id(context):
    first = add_card(context, ACTOR, template())
    changed = template().replace(b"<= 35 %", b"<= 34 %")
    second = add_card(context, ACTOR, changed)
    assert [c.id for c in cards_of(context).cards] == [*SHIPPED, first.id]
    assert first.sha256 != second.sha256 == cards_of(context).cards[-1].sha256
    assert [s.text.encode() for s in context.scorecards.all()] == [changed]
    actions = [(r.action, r.actor) for r in context.archive.audit_rows(limit=2)]
    assert actions == [("scorecard", "tester"), ("scorecard", "tester")]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (b'"V20Gy"', b'"V20"', InputError),
        (b"our-clinic-60-30", b"sbrt-5", RefusedError),
        (b"format = 1", b"\xff", InputError),
    ],
)
def test_nothing_is_stored_of_a_file_with_errors(context, old, new, kind):
    rows = len(context.archive.audit_rows())
    with pytest.raises(kind):
        add_card(context, ACTOR, template().replace(old, new))
    assert context.scorecards.all() == ()
    assert len(context.archive.audit_rows()) == rows


def test_a_card_is_removed_and_an_unknown_one_is_refused(context):
    card = add_card(context, ACTOR, template())
    remove_card(context, ACTOR, card.id)
    assert [c.id for c in cards_of(context).cards] == list(SHIPPED)
    with pytest.raises(NotFoundError):
        remove_card(context, ACTOR, card.id)
    with pytest.raises(NotFoundError, match="no such scorecard"):
        cards_of(context).get(card.id)


def test_a_stored_file_that_this_version_cannot_read_is_shown(context):
    entry = AuditEntry(actor="tester", action="scorecard", detail={})
    context.scorecards.put("old-one", "format = 0\n", "0" * 64, entry)
    found = cards_of(context)
    assert len(found.cards) == len(SHIPPED)
    ((name, problems),) = found.unreadable
    assert (name, problems[0].line) == ("old-one", 1)


def test_an_older_archive_gains_the_table(tmp_path):
    opened = open_context(archive_of_schema(1, tmp_path / "home"))
    add_card(opened, ACTOR, template())
    assert len(opened.scorecards.all()) == 1
    opened.archive.close()


@pytest.fixture(name="phantom")
def _phantom(tmp_path):
    """The stored phantom: 60 Gy in 30, a cylinder and a left lung."""
    opened = open_context(archive_of_schema(1, tmp_path / "home"))
    yield opened
    opened.archive.close()


def test_a_clinics_own_card_comes_before_the_shipped_ones(phantom):
    case = phantom.cases.get(CASE_ID)
    evaluation = evaluate_dose(phantom, case)
    assert choice_for(cards_of(phantom), evaluation).card.id == "conventional-60-30"
    own = add_card(phantom, ACTOR, template())
    choice = choice_for(cards_of(phantom), evaluation)
    assert choice.card.id == own.id
    assert "2 more fit as well" in choice.reason
    scored = score(case, [evaluation], choice.card)
    assert {o.status for o in scored.plans[0]} == {"not evaluated"}
    other = dataclasses.replace(evaluation, fractions=None)
    assert choice_for(cards_of(phantom), other).card is None
