"""Two people at one case: a form is stored against the version that the person saw.

A form carries the version of the case that it was drawn from. When the case has moved on, the
changes in between are looked up in the audit trail: changes of other things are left standing
beside the new one, a change of the same thing is a conflict that is shown.
"""

from __future__ import annotations

from collections.abc import Callable

from abscope.core.case import Case
from abscope.core.errors import ConflictError
from abscope.store.history import Change, changes_since
from abscope.workflows.context import Context

#: What is said for an action of the audit trail.
_DONE = {"edit": "Clinical facts", "labs": "Laboratory results", "import": "Imported objects",
         "treatments": "Treatments", "edit-contours": "Contours"}  # fmt: skip


def changes_meanwhile(context: Context, case_id: str, seen: int) -> tuple[Change, ...]:
    """Return what others changed since version `seen` of a case, oldest first."""
    return changes_since(context.archive, case_id, seen)


def check_seen(
    context: Context, case: Case, seen: int | None, collides: Callable[[Change], bool]
) -> None:
    """Refuse to store a form when what it shows was changed since it was drawn.

    Parameters
    ----------
    seen : int or None
        The version that the person saw; None for callers that read and write at once.
    collides : callable
        Whether a change in between touches the same thing.

    Raises
    ------
    ConflictError
        ``edit-conflict``, with who changed what and when, or that it cannot be told.
    """
    if seen is None or seen >= case.version:
        return
    between = changes_since(context.archive, case.id, seen)
    known = {change.version for change in between}
    if known >= set(range(seen + 1, case.version + 1)):
        between = tuple(change for change in between if collides(change))
        if not between:
            return
    raise ConflictError(
        "edit-conflict",
        " ".join(map(sentence, between)) or "The case was changed by someone else meanwhile.",
        where=f"case {case.id}",
        expected=f"the case as it was when you opened it (version {seen})",
        remedy="Nothing was stored and your entries are kept. Look at what is stored now; saving "
        "again puts yours in its place.",
    )


def sentence(change: Change) -> str:
    """Return who changed what and when, in words.

    Examples
    --------
    >>> sentence(Change(version=2, time="2026-03-01T10:15:30+00:00", actor="kim", action="labs"))
    'Laboratory results were changed by kim at 2026-03-01 10:15 (UTC).'
    """
    what = _DONE.get(change.action, "The case")
    named = change.fields if change.action == "edit" else ()
    fields = f" ({', '.join(sorted(named))})" if named else ""
    verb = "was" if what == "The case" else "were"
    when = change.time[:16].replace("T", " ")
    return f"{what}{fields} {verb} changed by {change.actor} at {when} (UTC)."
