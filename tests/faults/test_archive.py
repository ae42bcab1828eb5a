"""faults.md, sections S and A: what the archive survives, one test an id at least."""

from __future__ import annotations

import pytest

from abscope.core.errors import ConflictError
from abscope.store.cases import Additions
from abscope.workflows.case_facts import set_facts
from abscope.workflows.conflicts import changes_meanwhile
from abscope.workflows.context import Actor, open_context
from abscope.workflows.lab_results import read_labs, store_labs
from tests import phantoms
from tests.fixtures.archives import settings_of

KIM, LEE = Actor(name="kim"), Actor(name="lee")
LABS = b"date,test,value,unit\n2024-01-31,ANC,4.2,10^9/L\n"
OTHER_LABS = LABS.replace(b"4.2", b"8.4")


@pytest.fixture(name="context")
def _context(tmp_path):
    context = open_context(settings_of(tmp_path / "home"))
    context.cases.create("one", phantoms.PATIENT, Additions(), KIM.entry("import", "one"))
    yield context
    context.archive.close()


# ------------------------------------------------------------------------------ two at one case
def test_s1_the_second_editor_of_the_same_field_sees_who_was_first(context):
    """Two people open the facts of one case and save different values of the same field.

    The second is refused with who changed which field and when, without values; nothing is lost.
    """
    set_facts(context, KIM, "one", {"ecog": 1}, version=1)
    with pytest.raises(ConflictError) as caught:
        set_facts(context, LEE, "one", {"ecog": 2, "smoking": "never"}, version=1)
    assert caught.value.code == "edit-conflict"
    assert "(ecog) were changed by kim at" in caught.value.what
    assert dict(context.cases.get("one").facts.values) == {"ecog": 1}
    set_facts(context, LEE, "one", {"ecog": 2}, version=2)
    assert context.cases.get("one").facts.get("ecog") == 2


def test_s1_edits_of_different_fields_are_both_kept(context):
    """Two people open the facts of one case and save different fields.

    Both are stored, and the second can be told what the first one changed.
    """
    set_facts(context, KIM, "one", {"ecog": 1}, version=1)
    store_labs(context, KIM, "one", read_labs("labs", LABS))
    set_facts(context, LEE, "one", {"smoking": "never"}, version=1)
    assert dict(context.cases.get("one").facts.values) == {"ecog": 1, "smoking": "never"}
    done = [(c.actor, c.action, c.fields) for c in changes_meanwhile(context, "one", 1)]
    assert done == [
        ("kim", "edit", {"ecog"}), ("kim", "labs", set()), ("lee", "edit", {"smoking"}),
    ]  # fmt: skip


def test_s1_results_of_two_people_are_all_kept(context):
    """Two people read a table of results into one case, each from the same view of it.

    All results are kept, also two different values of one test and day.
    """
    seen = context.cases.get("one")
    first, other = (read_labs("labs", data, case=seen) for data in (LABS, OTHER_LABS))
    store_labs(context, KIM, "one", first)
    store_labs(context, LEE, "one", other)
    assert sorted(r.value for r in context.cases.get("one").labs) == [4.2, 8.4]


def test_s1_a_change_that_the_trail_does_not_explain_is_a_conflict(context):
    """The case was changed since it was seen, by a release that did not note versions.

    The edit is refused, as it cannot be told what was changed.
    """
    with context.archive.writing() as db:
        db.exec_driver_sql("UPDATE cases SET version = 5")
    with pytest.raises(ConflictError) as caught:
        set_facts(context, LEE, "one", {"ecog": 2}, version=1)
    assert caught.value.what == "The case was changed by someone else meanwhile."
