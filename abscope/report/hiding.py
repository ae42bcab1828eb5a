"""Hiding who the patient is, in every text of a pack."""

from __future__ import annotations

import dataclasses
import re

from abscope.report.pack import BoardPack, PatientDisplay, map_texts

#: A part of a name shorter than this is also a common syllable ("Li" in "Liver").
SHORTEST_PART = 3
#: An id shorter than this is also a common number.
SHORTEST_ID = 4


def without_names(pack: BoardPack) -> BoardPack:
    """Return the pack as it is, or, when names are to be hidden, free of them.

    Name and id are removed from the patient, and from every other text (titles, findings,
    structure names, notes), where a person may have typed them: the whole name in any case and
    order, its longer parts as whole words, and the id.
    """
    patient = pack.patient
    if not patient.names_hidden:
        return pack
    shown = patient.shown_name
    pattern = _pattern(patient)
    bare = dataclasses.replace(patient, name="", id="")
    rest = dataclasses.replace(pack, patient=bare)
    if pattern is None:
        return rest
    return map_texts(rest, lambda text: pattern.sub(lambda _: shown, text))


def _pattern(patient: PatientDisplay) -> re.Pattern[str] | None:
    """Return what gives the patient away, longest first; None when nothing does."""
    parts = [p for p in re.split(r"[\s^=,]+", patient.name) if p]
    words = {p for p in parts if len(p) >= SHORTEST_PART}
    if len(parts) > 1:
        between = r"[\s^,]*"
        words_together = [parts, parts[::-1]]
        whole = [between.join(map(re.escape, w)) for w in words_together]
    else:
        whole = [re.escape(p) for p in parts]
    singles = sorted((re.escape(w) for w in words), key=len, reverse=True)
    ids = [re.escape(patient.id)] if len(patient.id) >= SHORTEST_ID else []
    choices = [rf"(?<!\w)(?:{w})(?!\w)" for w in (*whole, *ids, *singles)]
    return re.compile("|".join(choices), re.IGNORECASE) if choices else None
