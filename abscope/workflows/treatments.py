"""The treatments of a case: entered, edited, removed; and where they contradict the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abscope.core.case import Case, Finding
from abscope.core.errors import ConflictError, InputError
from abscope.core.treatments import KINDS, MAX_TREATMENTS, Treatment, new_id, read_treatment
from abscope.workflows.context import Actor, Context

#: Clinical fact -> words on screen, of those that a treatment can contradict.
_FACTS = {
    "rt_start": "radiotherapy start",
    "rt_end": "radiotherapy end",
    "ici_start": "immunotherapy start",
    "ici_agent": "immunotherapy agent",
    "prior_systemic_therapy": "systemic therapy before immunotherapy",
    "concurrent_chemo": "chemotherapy during radiotherapy",
}


def add_treatment(
    context: Context, actor: Actor, case: Case, entered: Mapping[str, object]
) -> Case:
    """Store one more treatment of a case that is still at the version of `case`; audited.

    Raises
    ------
    InputError
        When a field cannot be read.
    ConflictError
        When the case was changed in the meantime; nothing is stored.
    """
    made = read_treatment(entered, new_id({t.id for t in case.treatments}))
    return _store(context, actor, case, [*case.treatments, made], "add", made.kind)


def edit_treatment(
    context: Context, actor: Actor, case: Case, seen: Treatment, entered: Mapping[str, object]
) -> Case:
    """Replace the fields of one treatment that is still as the person saw it.

    Raises
    ------
    InputError
        When a field cannot be read.
    ConflictError
        When somebody changed or removed it in the meantime; nothing is stored.
    """
    _unchanged(case, seen)
    made = read_treatment(entered, seen.id)
    changed = [made if t.id == seen.id else t for t in case.treatments]
    return _store(context, actor, case, changed, "edit", made.kind)


def delete_treatment(context: Context, actor: Actor, case: Case, seen: Treatment) -> Case:
    """Remove one treatment that is still as the person saw it; raises as `edit_treatment`."""
    _unchanged(case, seen)
    rest = [t for t in case.treatments if t.id != seen.id]
    return _store(context, actor, case, rest, "delete", seen.kind)


def first_treatment_date(case: Case) -> str | None:
    """Return the first day of any treatment, from the facts and the entered treatments."""
    dates = [case.facts.text("rt_start"), case.facts.text("ici_start")]
    dates += [t.start for t in case.treatments if t.kind != "surgery"]
    known = [d for d in dates if d]
    return min(known) if known else None


def treatment_findings(case: Case) -> tuple[Finding, ...]:
    """Return where entered treatments and clinical facts contradict each other."""
    courses: dict[str, list[Treatment]] = {kind: [] for kind in KINDS}
    for treatment in case.treatments:
        courses[treatment.kind].append(treatment)
    found = [*_dates(case, courses), *_systemic(case, courses)]
    agents = {t.agent.casefold() for t in courses["ici"] if t.agent}
    agent = case.facts.text("ici_agent")
    if agent and agents and not any(agent.casefold() in a or a in agent.casefold() for a in agents):
        found.append(_differs("ici_agent", agent, ", ".join(sorted(agents))))
    return tuple(found)


def _dates(case: Case, courses: Mapping[str, Sequence[Treatment]]) -> list[Finding]:
    found = []
    facts = case.facts
    rt, ici = courses["rt"], courses["ici"]
    start, end, first_dose = (facts.text(f) for f in ("rt_start", "rt_end", "ici_start"))
    if start and rt and start not in {t.start for t in rt}:
        found.append(_differs("rt_start", start, ", ".join(t.start for t in rt)))
    ends = [t.end for t in rt if t.end]
    if end and ends and end not in ends:
        found.append(_differs("rt_end", end, ", ".join(ends)))
    if first_dose and ici and first_dose != min(t.start for t in ici):
        found.append(_differs("ici_start", first_dose, min(t.start for t in ici)))
    return found


def _systemic(case: Case, courses: Mapping[str, Sequence[Treatment]]) -> list[Finding]:
    """Compare yes/no facts of chemotherapy with the dated courses."""
    found = []
    facts = case.facts
    first_dose = facts.text("ici_start") or min((t.start for t in courses["ici"]), default=None)
    drugs = [*courses["chemotherapy"], *courses["targeted"]]
    before = [t for t in drugs if first_dose and t.start < first_dose]
    if facts.number("prior_systemic_therapy") == 0 and before:
        found.append(_differs("prior_systemic_therapy", "no", f"{KINDS[before[0].kind]} from "
                              f"{before[0].start}, before ICI"))  # fmt: skip
    start, end = facts.text("rt_start"), facts.text("rt_end")
    chemo = courses["chemotherapy"]
    during = [t for t in chemo if start and end and t.start <= end and (t.end or t.start) >= start]
    if facts.number("concurrent_chemo") == 0 and during:
        found.append(
            _differs("concurrent_chemo", "no", f"chemotherapy from {during[0].start}, during RT")
        )
    return found


def _differs(field: str, fact: str, entered: str) -> Finding:
    return Finding(
        code="treatment-differs-from-fact",
        severity="warning",
        where=f"treatments, {_FACTS[field]}",
        message=f"The clinical fact “{_FACTS[field]}” ({fact}) differs from the "
        f"treatments ({entered}); models use the fact.",
        remedy="Correct the one that is wrong on the Labs page.",
        expected="the same in both places",
        group="treatments",
    )


def _unchanged(case: Case, seen: Treatment) -> None:
    if seen not in case.treatments:
        raise ConflictError(
            "treatment-changed",
            "The treatment was changed or removed by someone else in the meantime.",
            where="treatment",
            expected="the treatment as it was on your screen",
            remedy="Look at what is stored now, and repeat your change if it still applies.",
        )


def _store(
    context: Context, actor: Actor, case: Case, treatments: Sequence[Treatment], step: str,
    kind: str,
) -> Case:  # fmt: skip
    if len(treatments) > MAX_TREATMENTS:
        raise InputError(
            "too-many-treatments",
            f"There are {len(treatments)} treatments.",
            where="treatments",
            expected=f"at most {MAX_TREATMENTS}",
            remedy="Enter courses with start and end instead of single doses.",
        )
    ordered = sorted(treatments, key=lambda t: (t.start, t.id))
    if tuple(ordered) != case.treatments:
        entry = actor.entry("treatments", case.id, step=step, kind=kind, count=len(ordered))
        context.cases.set_treatments(case.id, case.version, ordered, entry)
    return context.cases.get(case.id)
