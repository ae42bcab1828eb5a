"""Clinical facts of a case: checked, stored, audited."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from abscope.core.errors import InputError
from abscope.core.facts import ClinicalFacts, parse_fact
from abscope.workflows.conflicts import check_seen
from abscope.workflows.context import Actor, Context


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RefusedFact:
    """A field that was not stored, and why."""

    field: str
    reason: str
    expected: str


def set_facts(
    context: Context,
    actor: Actor,
    case_id: str,
    changes: Mapping[str, object],
    *,
    version: int | None = None,
) -> tuple[ClinicalFacts, tuple[RefusedFact, ...]]:
    """Store the facts that can be read; return all facts of the case and what was refused.

    Keys that start with an underscore are ignored. With the `version` that the person saw, changes
    of other fields since then are left standing.

    Raises
    ------
    ConflictError
        When one of these fields was changed after `version`.
    """
    case = context.cases.get(case_id)
    good: dict[str, object] = {}
    refused: list[RefusedFact] = []
    for field, raw in changes.items():
        if field.startswith("_"):
            continue
        try:
            parse_fact(field, raw)
        except InputError as error:
            refused.append(RefusedFact(field=field, reason=error.what, expected=error.expected))
        else:
            good[field] = raw
    check_seen(context, case, version, lambda change: bool(change.fields & set(good)))
    facts = case.facts.updated(good)
    if facts != case.facts:
        context.cases.set_facts(
            case_id, case.version, facts, actor.entry("edit", case_id, fields=sorted(good))
        )
    return facts, tuple(refused)
