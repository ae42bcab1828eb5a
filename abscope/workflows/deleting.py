"""Deleting a case: what will be gone, in words, and the deletion itself."""

from __future__ import annotations

from abscope.workflows.context import Actor, Context

#: Kinds of documents and their words, one and several.
_DOCUMENTS = {
    "prediction": ("stored prediction", "stored predictions"),
    "scenario": ("scenario", "scenarios"),
    "board": ("record of slides or PDF", "records of slides or PDF"),
    "import": ("validation report", "validation reports"),
}


def contents_to_delete(context: Context, case_id: str) -> tuple[str, ...]:
    """Return what a case holds, a line a kind; raises NotFoundError."""
    case = context.cases.get(case_id)
    held = [
        (len(case.series), "image series", "image series"),
        (len(case.structure_sets), "structure set", "structure sets"),
        (len(case.plans), "plan", "plans"),
        (len(case.doses), "dose", "doses"),
        (len(case.labs), "laboratory result", "laboratory results"),
        (len(case.facts.values), "clinical fact", "clinical facts"),
        (len(case.treatments), "treatment", "treatments"),
    ]
    for kind, (one, several) in _DOCUMENTS.items():
        held.append((len(context.documents.of_case(case_id, kind)), one, several))
    lines = [f"{count} {one if count == 1 else several}" for count, one, several in held if count]
    return tuple(lines) or ("an empty case",)


def delete_case(context: Context, actor: Actor, case_id: str) -> None:
    """Remove a case with all that belongs to it; the audit row stays; raises NotFoundError."""
    context.cases.delete(case_id, actor.entry("delete", case_id))
