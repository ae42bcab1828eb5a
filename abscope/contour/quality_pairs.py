"""Quality of structures beside each other: overlap, sides, containment, names, tissue."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from abscope.contour.quality_drawn import Drawn, shared
from abscope.contour.quality_issue import Issue, issue
from abscope.contour.quality_shape import kind_of
from abscope.core.names import fold

_LUNG = "lung tissue is no part of it"
_CORD = "the cord lies within bone"
#: Organs that share no tissue, and why. Pairs that share a wall by convention are not listed.
EXCLUSIVE: dict[frozenset[str], str] = {
    frozenset(pair): why
    for why, pairs in {
        "each lung lies in its own pleura": ("Lung_L Lung_R",),
        _LUNG: (
            "Lung_L Heart", "Lung_R Heart", "Lungs Heart", "Lung_L Esophagus", "Lung_R Esophagus",
            "Lungs Esophagus", "Lung_L Trachea", "Lung_R Trachea", "Lungs Trachea",
            "Lung_L A_Aorta", "Lung_R A_Aorta", "Lungs A_Aorta", "Lung_L Liver", "Lung_R Liver",
            "Lungs Liver",
        ),
        _CORD: tuple(
            f"{cord} {other}"
            for cord in ("SpinalCord", "SpinalCanal")
            for other in (
                "Lung_L", "Lung_R", "Lungs", "Heart", "Esophagus", "Trachea", "A_Aorta", "VB"
            )
        ),
        "the pericardium parts them": ("Heart Esophagus", "Heart Trachea"),
        "the tracheal wall parts them": ("Trachea Esophagus", "Trachea A_Aorta"),
        "the adventitia parts them": ("Esophagus A_Aorta",),
        "they are different organs": (
            "Kidney_L Kidney_R", "Liver Kidney_L", "Liver Kidney_R", "Liver Stomach",
            "Spleen Kidney_L", "Liver Heart",
        ),
    }.items()
    for pair in (p.split() for p in pairs)
}  # fmt: skip
#: Overlap that contours touching each other may have (cm3, and share of the smaller structure).
LEAST_OVERLAP_CM3, LEAST_OVERLAP_SHARE = 0.5, 0.02
#: What may lie outside a structure that should hold another (cm3, and share).
LEAST_OUTSIDE_CM3, LEAST_OUTSIDE_SHARE = 0.1, 0.01
#: A structure whose middle is this far on the other side is on the wrong side (mm).
SIDE_MM = 5.0
#: Structures that lie on the midline, the best first.
MIDLINE = ("SpinalCanal", "SpinalCord", "VB", "External", "Trachea")
#: Which target holds which.
HOLDERS = {"GTV": ("CTV", "ITV", "PTV"), "CTV": ("PTV",), "ITV": ("PTV",)}
#: TG-263 name -> above or below which HU, at most which share, and what such voxels are.
TISSUE: dict[str, tuple[str, float, float, str]] = {
    "Lung_L": ("above", -300.0, 0.12, "denser than lung: consolidation, tumor or another organ"),
    "Lung_R": ("above", -300.0, 0.12, "denser than lung: consolidation, tumor or another organ"),
    "Lungs": ("above", -300.0, 0.12, "denser than lung: consolidation, tumor or another organ"),
    "SpinalCord": ("above", 200.0, 0.12, "bone or metal"),
    "SpinalCanal": ("above", 200.0, 0.12, "bone or metal"),
    "Heart": ("below", -500.0, 0.10, "lung or air"),
    "A_Aorta": ("below", -500.0, 0.10, "lung or air"),
    "Liver": ("below", -500.0, 0.10, "lung or air"),
    "Trachea": ("above", -500.0, 0.50, "no air"),
}


def pair_issues(drawn: Sequence[Drawn]) -> Iterator[Issue]:
    """Yield what is odd about structures of one set beside each other."""
    yield from _overlaps(drawn)
    yield from _sides(drawn)
    yield from _outside_body(drawn)
    yield from _targets(drawn)
    yield from _copies(drawn)


def tissue_issues(item: Drawn, values_zyx: npt.NDArray[np.float32]) -> Iterator[Issue]:
    """Yield whether the image shows another tissue; values are HU in the structure's window."""
    rule = TISSUE.get(item.roi.standard_name or "")
    mask = item.mask_zyx
    if rule is None or not mask.any():
        return
    direction, limit_hu, most, what = rule
    odd = mask & ((values_zyx > limit_hu) if direction == "above" else (values_zyx < limit_hu))
    share = float(odd.sum() / mask.sum())
    if share > most:
        yield issue(
            "structure-on-other-tissue",
            "warning",
            (item,),
            f"{100 * share:.0f} % of {item.name} is {direction} {limit_hu:g} HU ({what}).",
            f"at most {100 * most:.0f} % (a rule of this program)",
            "Look whether the contours are shifted, or whether disease explains it.",
            item.place_mm(odd),
        )


def _overlaps(drawn: Sequence[Drawn]) -> Iterator[Issue]:
    for a, b in itertools.combinations(drawn, 2):
        why = EXCLUSIVE.get(frozenset((kind_of(a), kind_of(b))))
        cuts = shared(a, b) if why else None
        if cuts is None:
            continue
        common = np.zeros_like(a.weights_zyx)
        common[cuts[0]] = np.minimum(a.weights_zyx[cuts[0]], b.weights_zyx[cuts[1]])
        common[common < 0.5] = 0.0
        overlap = a.cm3(common)
        smaller = min(a.volume_cm3, b.volume_cm3)
        if overlap < min(LEAST_OVERLAP_CM3, 0.5 * smaller) or overlap < (
            LEAST_OVERLAP_SHARE * smaller
        ):
            continue
        yield issue(
            "structures-overlap",
            "warning",
            (a, b),
            f"{a.name} and {b.name} overlap by {overlap:.1f} cm³, {100 * overlap / smaller:.0f} % "
            "of the smaller.",
            f"no overlap: {why}",
            "Correct the one that reaches into the other; such voxels count in both DVHs.",
            a.place_mm(common > 0),
        )


def side_of(item: Drawn) -> str:
    """Return L or R for a structure that is named as left or right, else nothing."""
    name = item.roi.standard_name or item.roi.name
    last = name.rstrip("0123456789").rstrip("_").rsplit("_", 1)[-1]
    if kind_of(item) in ("GTV", "CTV", "PTV", "ITV"):
        return ""
    return last if last in ("L", "R") and "_" in name else ""


def _middle_x_mm(item: Drawn) -> float:
    weights = item.weights_zyx
    shares = [weights.sum(axis=axes, dtype=np.float64) for axes in ((1, 2), (0, 2), (0, 1))]
    index = [float(s @ np.arange(s.size)) / float(s.sum()) for s in shares]
    return float(item.grid.to_mm([index])[0, 0])


def _sides(drawn: Sequence[Drawn]) -> Iterator[Issue]:
    sided = [(item, side_of(item)) for item in drawn if side_of(item)]
    by_name = {item.roi.standard_name: item for item in drawn}
    middle = next((_middle_x_mm(by_name[n]) for n in MIDLINE if n in by_name), None)
    if middle is None:
        xs = {side: [_middle_x_mm(i) for i, s in sided if s == side] for side in "LR"}
        if not xs["L"] or not xs["R"]:
            return
        middle = (float(np.mean(xs["L"])) + float(np.mean(xs["R"]))) / 2
    for item, side in sided:
        away = (_middle_x_mm(item) - middle) * (1 if side == "L" else -1)
        if away < -SIDE_MM:
            other = {"L": "right", "R": "left"}[side]
            yield issue(
                "side-differs-from-name",
                "error",
                (item,),
                f"{item.name} lies on the patient's {other}, {-away:.0f} mm past the midline.",
                f"the patient's {'left' if side == 'L' else 'right'}, as the name says",
                "Swap the names, or look whether the image is mirrored, before using any dose.",
                item.place_mm(item.weights_zyx > 0),
            )


def _outside_body(drawn: Sequence[Drawn]) -> Iterator[Issue]:
    body = next((d for d in drawn if d.roi.standard_name == "External"), None)
    for item in drawn:
        if body is None or item is body or item.roi.standard_name is None:
            continue
        yield from _not_inside(item, (body,), "structure-outside-body", "the body outline")


def _targets(drawn: Sequence[Drawn]) -> Iterator[Issue]:
    for item in drawn:
        for holder in HOLDERS.get(kind_of(item), ()):
            holders = tuple(d for d in drawn if kind_of(d) == holder)
            if holders:
                yield from _not_inside(item, holders, "target-not-inside", f"the {holder}")
                break


def _not_inside(item: Drawn, holders: Sequence[Drawn], code: str, what: str) -> Iterator[Issue]:
    held = np.zeros_like(item.weights_zyx)
    for holder in holders:
        np.maximum(held, holder.in_window_of(item), out=held)
    outside = np.where(held >= 0.5, 0.0, np.maximum(item.weights_zyx - held, 0)).astype(np.float32)
    cm3, whole = item.cm3(outside), item.volume_cm3
    if cm3 < LEAST_OUTSIDE_CM3 or cm3 < LEAST_OUTSIDE_SHARE * whole:
        return
    yield issue(
        code,
        "warning",
        (item,),
        f"{cm3:.1f} cm³ of {item.name}, {100 * cm3 / whole:.0f} %, lie outside {what}.",
        f"all of it inside {what}",
        "Correct the structure that is wrong, or note why it is meant.",
        item.place_mm(outside > 0),
    )


def _copies(drawn: Sequence[Drawn]) -> Iterator[Issue]:
    for a, b in itertools.combinations(drawn, 2):
        names = [fold(d.roi.name.strip()) for d in (a, b)]
        standards = [d.roi.standard_name for d in (a, b)]
        if names[0] == names[1] or (standards[0] and standards[0] == standards[1]):
            yield issue(
                "structure-name-repeated",
                "warning",
                (a, b),
                f"Structures number {a.roi.number} and {b.roi.number} carry the same name"
                + (f", {standards[0]}." if standards[0] else "."),
                "each name once in a set",
                "Rename or delete one: a metric asked for by name could mean either.",
                b.place_mm(b.weights_zyx > 0),
            )
        elif _same(a, b) and not {kind_of(a), kind_of(b)} & {"GTV", "CTV", "PTV", "ITV"}:
            yield issue(
                "structures-identical",
                "warning",
                (a, b),
                f"{a.name} and {b.name} have the same contours.",
                "different contours for different structures",
                "Look which of the two was copied and not changed.",
                a.place_mm(a.weights_zyx > 0),
            )


def _same(a: Drawn, b: Drawn) -> bool:
    return a.start_zyx == b.start_zyx and np.array_equal(a.weights_zyx, b.weights_zyx)
