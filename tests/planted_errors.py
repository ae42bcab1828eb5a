"""Errors planted into a clean structure set, and the finding that has to name each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from abscope.contour.quality import Quality
from abscope.core.structures import Contour, Roi, StructureSet
from tests.phantoms import circle

Change = Callable[[Roi], Roi]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One planted error: what it is, the changed set, the code and a structure to be named."""

    what: str
    structures: StructureSet
    code: str
    number: int


def found(planted: Planted, quality: Quality, clean: Quality) -> bool:
    """Whether a finding of that code names that structure and was not there before."""
    before = {(i.finding.code, i.numbers, i.finding.message) for i in clean.issues}
    return any(
        i.finding.code == planted.code
        and planted.number in i.numbers
        and (i.finding.code, i.numbers, i.finding.message) not in before
        for i in quality.issues
    )


def moved(by_mm: tuple[float, float, float]) -> Change:
    def change(roi: Roi) -> Roi:
        points = [c.points_mm + np.asarray(by_mm) for c in roi.contours]
        return dataclasses.replace(roi, contours=tuple(Contour(points_mm=p) for p in points))

    return change


def heights(roi: Roi) -> list[float]:
    return sorted({round(float(c.points_mm[0, 2]), 3) for c in roi.closed})


def without_planes(first: float, count: int) -> Change:
    """Delete planes, beginning at a share of the structure's height."""

    def change(roi: Roi) -> Roi:
        z = heights(roi)
        start = int(first * len(z))
        if start + count < 2 * len(z):  # a gap has contours on both sides
            start = max(1, min(start, len(z) - count - 1))
        gone = set(z[start : start + count])
        kept = [c for c in roi.contours if round(float(c.points_mm[0, 2]), 3) not in gone]
        return dataclasses.replace(roi, contours=tuple(kept))

    return change


def one_plane(at: float, change_plane: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Change the contours of one plane, at a share of the structure's height."""

    def change(roi: Roi) -> Roi:
        z = heights(roi)
        plane = z[int(at * (len(z) - 1))]
        contours = [
            Contour(points_mm=change_plane(c.points_mm))
            if round(float(c.points_mm[0, 2]), 3) == plane
            else c
            for c in roi.contours
        ]
        return dataclasses.replace(roi, contours=tuple(contours))

    return change


def shrunk(points: np.ndarray) -> np.ndarray:
    middle = points.mean(axis=0)
    return middle + (points - middle) * np.array([0.5, 0.5, 1.0])


def crossed(points: np.ndarray) -> np.ndarray:
    """Swap two far points, so that the outline crosses itself."""
    turned = points.copy()
    a, b = len(points) // 4, len(points) // 2
    turned[[a, b]] = turned[[b, a]]
    return turned


def extra_circles(offset_mm: tuple[float, float], radius_mm: float, planes: int) -> Change:
    """Add circles on planes around the middle: an island outside, a hole inside (even-odd)."""

    def change(roi: Roi) -> Roi:
        z = heights(roi)
        first = max(0, len(z) // 2 - planes // 2)
        added = []
        for height in z[first : first + planes]:
            own = [c.points_mm for c in roi.closed if abs(c.points_mm[0, 2] - height) < 0.01]
            middle = max(own, key=lambda p: np.ptp(p[:, 0]))[:, :2]
            x, y = (middle.min(axis=0) + middle.max(axis=0)) / 2
            added.append(
                Contour(points_mm=circle((x + offset_mm[0], y + offset_mm[1]), radius_mm, height))
            )
        return dataclasses.replace(roi, contours=(*roi.contours, *added))

    return change


def _with(clean: StructureSet, number: int, change: Change) -> StructureSet:
    return dataclasses.replace(
        clean, rois=tuple(change(r) if r.number == number else r for r in clean.rois)
    )


def _swapped(clean: StructureSet, a: int, b: int) -> StructureSet:
    names = {r.number: (r.name, r.standard_name) for r in clean.rois}
    swap = {a: names[b], b: names[a]}
    return dataclasses.replace(
        clean,
        rois=tuple(
            dataclasses.replace(r, name=swap[r.number][0], standard_name=swap[r.number][1])
            if r.number in swap
            else r
            for r in clean.rois
        ),
    )


def one_of_each(planted: Iterable[Planted]) -> list[Planted]:
    """Return the first error of each code."""
    return list({p.code: p for p in reversed(list(planted))}.values())


def planted_in(clean: StructureSet, *, tissue: bool) -> Iterator[Planted]:
    """Yield every kind of error in every structure where it makes sense.

    `tissue` says whether the image shows lungs and bone, so that a shift can be told from it.
    """
    by_name = {r.standard_name or "": r.number for r in clean.rois}
    lungs = (by_name["Lung_L"], by_name["Lung_R"])
    cord = by_name["SpinalCord"]
    gtv = next(n for name, n in by_name.items() if name.startswith("GTV"))
    swapped = _swapped(clean, *lungs)
    for number in lungs:
        code = "side-differs-from-name"
        yield Planted(
            what=f"sides swapped ({number})", structures=swapped, code=code, number=number
        )
    plans = [(n, p) for n in (*lungs, cord, gtv) for p in _in_any(clean)]
    plans += [(n, p) for n in (*lungs, cord) for p in _in_one_piece()]
    plans += [(n, p) for n in lungs for p in _in_lungs()]
    plans += [(by_name["Lung_L"], p) for p in _into_others((-80, 0, 0))]
    plans += [(cord, p) for p in _into_others((50, -30, 0))]
    plans.append((cord, ("a hole", extra_circles((0, 0), 2.5, 4), "structure-has-hole")))
    if tissue:
        plans += [(n, p) for n in lungs for p in _shifts(((15, 0, 0), (-15, 0, 0), (0, 15, 0)))]
        plans += [(cord, p) for p in _shifts(((8, 0, 0), (-8, 0, 0)))]
    if any(name.startswith("PTV") for name in by_name):
        plans.append((gtv, ("30 mm aside", moved((30, 0, 0)), "target-not-inside")))
    for number, (what, change, code) in plans:
        changed = _with(clean, number, change)
        yield Planted(what=f"{what} ({number})", structures=changed, code=code, number=number)
    for number in (*lungs, cord, gtv):
        other = dataclasses.replace(next(r for r in clean.rois if r.number == number), number=99)
        both = dataclasses.replace(clean, rois=(*clean.rois, other))
        code = "structure-name-repeated"
        yield Planted(what=f"name twice ({number})", structures=both, code=code, number=number)


def _in_any(clean: StructureSet) -> Iterator[tuple[str, Change, str]]:
    body = next(r for r in clean.rois if r.standard_name == "External")
    front = min(float(c.points_mm[:, 1].min()) for c in body.closed)

    def to_the_skin(roi: Roi) -> Roi:
        middle = float(np.concatenate([c.points_mm for c in roi.closed])[:, 1].mean())
        return moved((0, front - middle, 0))(roi)

    def emptied(roi: Roi) -> Roi:
        return dataclasses.replace(roi, contours=())

    def aside(points: np.ndarray) -> np.ndarray:
        return points + np.array([40.0, 0, 0])

    for at in (0.3, 0.5, 0.7):
        yield f"3 slices deleted at {at}", without_planes(at, 3), "structure-has-gap"
    yield "1 slice deleted", without_planes(0.4, 1), "structure-has-gap"
    yield "1.2 mm off the planes", moved((0, 0, 1.2)), "contours-off-image-planes"
    yield "moved out of the image", moved((600, 0, 0)), "contours-beyond-image"
    yield "moved half out of the body", to_the_skin, "structure-outside-body"
    yield "an outline crosses itself", one_plane(0.5, crossed), "contours-cross-themselves"
    yield "one slice 40 mm aside", one_plane(0.5, aside), "slice-unlike-neighbors"
    yield "one slice a quarter as large", one_plane(0.5, shrunk), "slice-unlike-neighbors"
    yield "all contours deleted", emptied, "structure-without-volume"
    yield "a speck", extra_circles((0, -120), 1.0, 1), "contours-tiny"


def _in_one_piece() -> Iterator[tuple[str, Change, str]]:
    yield "an island", extra_circles((0, -130), 8.0, 3), "structure-in-several-parts"


def _in_lungs() -> Iterator[tuple[str, Change, str]]:
    yield "a hole", extra_circles((0, 0), 12.0, 5), "structure-has-hole"
    yield "cut to a tenth", without_planes(0.08, 500), "size-outside-range"


def _into_others(by_mm: tuple[float, float, float]) -> Iterator[tuple[str, Change, str]]:
    yield f"into another organ by {by_mm}", moved(by_mm), "structures-overlap"


def _shifts(
    by_mm: Iterable[tuple[float, float, float]],
) -> Iterator[tuple[str, Change, str]]:
    for shift in by_mm:
        yield f"shifted by {shift}", moved(shift), "structure-on-other-tissue"
