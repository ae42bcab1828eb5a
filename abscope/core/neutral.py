"""A case without the words that people chose: what may be shown or written where names are hidden.

Names of structures, structure sets, plans and series are free text: ``GTV Smith`` is a usual one.
Only words of a fixed vocabulary are kept (TG-263 names, targets with a number); everything else is
replaced by its kind and its number.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

from abscope.core.case import Case, Finding, RoiInfo, StructureSetInfo
from abscope.core.names import standard_name

#: A target may keep a short number or one letter: ``GTV_1``, ``PTV_6000``, ``GTVn2``, ``CTVp``.
_TARGET = re.compile(r"(?:I?GTV|CTV|ITV|PTV)(?:[np][0-9]{0,2})?(?:_(?:[0-9]{1,4}|[A-Za-z]))?")
_TARGET_KIND = re.compile(r"I?GTV|CTV|ITV|PTV")
#: What may join vocabulary words: lungs minus GTV.
_JOINED = re.compile(r"[-+&]")
#: Free text shorter than this is not looked for within sentences: it is also a common syllable.
_SHORTEST = 3
#: Notes a replacement (kind, number, original, written) and returns what is written.
_Take = Callable[[str, int, str, str], str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A word that was replaced: where it stood, what it was, what stands there now."""

    kind: str
    number: int
    original: str
    written: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NeutralCase:
    """A case with neutral words, and the table of what was replaced (for the user's eyes only)."""

    case: Case
    replaced: tuple[Replacement, ...]


def is_vocabulary(name: str) -> bool:
    """Whether a structure name is made of vocabulary words only.

    Examples
    --------
    >>> [is_vocabulary(n) for n in ("Lung_L", "PTV_60", "Lungs-GTV", "GTV_Smith", "Lt Lung")]
    [True, True, True, False, False]
    """
    parts = _JOINED.split(name)
    return bool(name) and all(
        _TARGET.fullmatch(part) is not None
        or (standard_name(part) == part and not _TARGET_KIND.match(part))
        for part in parts
    )


def neutral_roi_name(roi: RoiInfo) -> str:
    """Return the TG-263 name of a structure where it has one, else ``ROI n``.

    A target with words of its own stays a target: ``GTV_boost``, number 4, becomes ``GTV_4``.
    """
    for name in (roi.standard_name or "", roi.name):
        if is_vocabulary(name):
            return name
    kind = _TARGET_KIND.match(roi.standard_name or "")
    return f"{kind[0]}_{roi.number % 10_000}" if kind else f"ROI {roi.number}"


def neutral_case(case: Case) -> NeutralCase:
    """Return the case with neutral names of structures, structure sets, plans and series.

    Numbers, UIDs, geometry, facts and patient stay as they are; findings keep their sentences
    without the replaced names.
    """
    replaced: list[Replacement] = []

    def take(kind: str, number: int, original: str, written: str) -> str:
        if original and original != written:
            replaced.append(
                Replacement(kind=kind, number=number, original=original, written=written)
            )
        return written

    sets = tuple(
        _neutral_set(info, number, take) for number, info in enumerate(case.structure_sets, 1)
    )
    plans = tuple(
        dataclasses.replace(p, label=take("plan", n, p.label, f"Plan {n}"))
        for n, p in enumerate(case.plans, 1)
    )
    series = tuple(
        dataclasses.replace(
            s, description=take("series", n, s.description, f"{s.modality[:4]} {n}")
        )
        for n, s in enumerate(case.series, 1)
    )
    words = {r.original: r.written for r in replaced if len(r.original) >= _SHORTEST}
    return NeutralCase(
        case=dataclasses.replace(
            case,
            structure_sets=sets,
            plans=plans,
            series=series,
            findings=tuple(_neutral_finding(f, words) for f in case.findings),
        ),
        replaced=tuple(replaced),
    )


def _neutral_set(info: StructureSetInfo, number: int, take: _Take) -> StructureSetInfo:
    return dataclasses.replace(
        info,
        label=take("structure set", number, info.label, f"Structures {number}"),
        rois=tuple(
            dataclasses.replace(
                roi,
                name=take("structure", roi.number, roi.name, neutral_roi_name(roi)),
                standard_name=None if roi.standard_name is None else _vocabulary(roi),
            )
            for roi in info.rois
        ),
    )


def _vocabulary(roi: RoiInfo) -> str | None:
    name = neutral_roi_name(roi)
    return name if is_vocabulary(name) else None


def _neutral_finding(finding: Finding, words: dict[str, str]) -> Finding:
    message = finding.message
    for original, written in sorted(words.items(), key=lambda item: -len(item[0])):
        message = message.replace(original, written)
    return dataclasses.replace(finding, where="", group="", reason="", message=message)
