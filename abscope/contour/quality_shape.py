"""Quality of one structure by itself: parts, holes, single slices, tiny contours, edges, size."""

from __future__ import annotations

import functools
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import ndimage

from abscope.contour.quality_drawn import BoolArray, Drawn, point
from abscope.contour.quality_issue import Issue, beside, issue
from abscope.core.case import Severity
from abscope.core.geometry import FloatArray, Grid
from abscope.core.name_table import word_set

#: Organs that are one piece.
ONE_PIECE = word_set(
    "External Lung_L Lung_R Heart SpinalCord SpinalCanal Trachea Esophagus A_Aorta Liver Spleen "
    "Stomach Kidney_L Kidney_R Bladder Rectum"
)
#: Organs that a scan of their region should hold whole.
WHOLE = word_set("Lung_L Lung_R Lungs Heart Kidney_L Kidney_R GTV CTV PTV ITV")
LUNGS = frozenset({"Lung_L", "Lung_R", "Lungs"})
#: A part smaller than this is told with the tiny contours (cm3).
LEAST_PART_CM3 = 0.1
#: A part this large is not left over from drawing (cm3).
LARGE_PART_CM3 = 0.5
#: Holes that are told; in lungs vessels, hilum and tumor make some (cm3).
LEAST_HOLE_CM3, LEAST_LUNG_HOLE_CM3, LARGE_LUNG_HOLE_CM3 = 0.1, 0.5, 2.0
#: Parts and holes named one by one.
MOST_NAMED = 5
#: Contours smaller than this are specks (mm2).
TINY_MM2 = 10.0
#: A slice overlaps both neighbors this much less (Dice) than they overlap each other.
ODD_SLICE_DICE = 0.25
#: A section on the outermost image plane smaller than this share of the largest may be its end.
CUT_SHARE = 0.05

_RANGES = pathlib.Path(__file__).with_name("ranges.json")
_FLAT = np.array(
    [np.zeros((3, 3)), [[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.zeros((3, 3))], dtype=bool
)
_ALL = np.ones((3, 3, 3), dtype=bool)


def kind_of(item: Drawn) -> str:
    """Return the standard name, of targets the kind only."""
    name = item.roi.standard_name or ""
    kind = name.split("_")[0].rstrip("0123456789pn")
    return kind if kind in ("GTV", "CTV", "PTV", "ITV") else name


def shape_issues(item: Drawn, targets: BoolArray | None, image: Grid | None) -> Iterator[Issue]:
    """Yield what is odd about a structure by itself.

    Parameters
    ----------
    targets : ndarray, optional
        GTVs in the structure's window: a hole in a lung that they fill is meant.
    image : Grid, optional
        The lattice; without an image there is no edge to touch.
    """
    yield from _parts(item)
    yield from _holes(item, targets)
    yield from _odd_slices(item)
    yield from _specks(item)
    if image is not None:
        yield from _cut_off(item, image)
    yield from _out_of_range(item)


def _labelled(mask: BoolArray, item: Drawn) -> tuple[Any, FloatArray]:
    """Return labels, and the volume of each label in cm3 (label 0 first, as 0)."""
    labels, count = ndimage.label(mask, _ALL)
    by_plane = item.grid.voxel_volumes_cm3()
    volumes = np.zeros(count + 1)
    for plane, cm3 in zip(labels, by_plane, strict=True):
        volumes += np.bincount(plane.ravel(), minlength=count + 1) * cm3
    volumes[0] = 0.0
    return labels, volumes


def _parts(item: Drawn) -> Iterator[Issue]:
    one_piece = kind_of(item) in ONE_PIECE
    labels, volumes = _labelled(item.mask_zyx, item)
    order = np.argsort(volumes)[::-1][: len(volumes) - 1]
    others = [n for n in order[1:] if volumes[n] >= LEAST_PART_CM3]
    for label in others[:MOST_NAMED]:
        large = volumes[label] >= LARGE_PART_CM3
        severity: Severity = "warning" if one_piece and large else "info"
        yield issue(
            "structure-in-several-parts",
            severity,
            (item,),
            f"{item.name} has a part of {volumes[label]:.2f} cm³ apart from the largest "
            f"({volumes[order[0]]:.1f} cm³).",
            "one connected piece" if one_piece else "parts that are all meant",
            "Delete the part if it is left over from drawing; keep it if it is meant.",
            item.place_mm(labels == label),
        )


def _holes(item: Drawn, targets: BoolArray | None) -> Iterator[Issue]:
    lung = kind_of(item) in LUNGS
    outside = np.pad(~item.mask_zyx, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    flat, _ = ndimage.label(outside, _FLAT)
    reaching = np.zeros(int(flat.max()) + 1, dtype=bool)
    reaching[flat[:, 0, 0]] = True  # the rim of each plane is one piece
    reaching[0] = True
    holes = (~reaching[flat])[:, 1:-1, 1:-1]
    if not holes.any():
        return
    labels, volumes = _labelled(holes, item)
    least = LEAST_LUNG_HOLE_CM3 if lung else LEAST_HOLE_CM3
    large = [n for n in np.argsort(volumes)[::-1] if volumes[n] >= least]
    for label in large[:MOST_NAMED]:
        part = labels == label
        filled = lung and targets is not None and float(targets[part].mean()) > 0.5
        noted = filled or (lung and volumes[label] < LARGE_LUNG_HOLE_CM3)
        why = " The GTV fills it." if filled else ""
        yield issue(
            "structure-has-hole",
            "info" if noted else "warning",
            (item,),
            f"{item.name} has a hole of {volumes[label]:.2f} cm³.{why}",
            "vessels, hilum or tumor left out" if lung else "no hole",
            "Fill the hole unless it is meant: volume and DVH leave it out.",
            item.place_mm(part),
        )


def _odd_slices(item: Drawn) -> Iterator[Issue]:
    weights = item.weights_zyx
    areas = weights.sum(axis=(1, 2), dtype=np.float64)
    if len(areas) < 3:
        return

    def dice(step: int) -> FloatArray:
        both = np.minimum(weights[step:], weights[:-step]).sum(axis=(1, 2), dtype=np.float64)
        return np.asarray(2 * both / np.maximum(areas[step:] + areas[:-step], 1e-9))

    next_to, across = dice(1), dice(2)
    odd = across - np.maximum(next_to[1:], next_to[:-1])
    for index in np.flatnonzero((odd > ODD_SLICE_DICE) & (areas[1:-1] > 0))[:MOST_NAMED]:
        plane = int(index) + 1
        part = np.zeros_like(weights, dtype=bool)
        part[plane] = weights[plane] > 0
        where = item.place_mm(part)
        yield issue(
            "slice-unlike-neighbors",
            "warning",
            (item,),
            f"One slice of {item.name} differs from those on both sides, which agree: "
            f"{areas[plane] / max(areas[plane - 1], 1e-9):.1f} times the area, Dice "
            f"{max(next_to[index], next_to[index + 1]):.2f} instead of {across[index]:.2f}.",
            "a shape that changes little from slice to slice",
            "Look at this slice: it may have been drawn or edited by mistake.",
            where,
        )


def _specks(item: Drawn) -> Iterator[Issue]:
    axes = item.grid.axes
    found = []
    for contour in item.roi.closed:
        points = np.asarray(contour.points_mm, dtype=np.float64)
        x, y = (points @ axes[:2].T).T
        area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
        if area < TINY_MM2:
            found.append((area, points.mean(axis=0)))
    if found:
        smallest, where = min(found, key=lambda pair: pair[0])
        size = f"{beside(smallest, TINY_MM2, digits=1)} mm²"
        told = f"1 contour of {item.name} encloses less than {TINY_MM2:g} mm²: {size}."
        if len(found) > 1:
            told = (
                f"{len(found)} contours of {item.name} enclose less than {TINY_MM2:g} mm² each, "
                f"the smallest {size}."
            )
        yield issue(
            "contours-tiny",
            "info",
            (item,),
            told,
            "no specks",
            "Delete them if they are left over from drawing; they hardly change the volume.",
            point(where),
        )


def _cut_off(item: Drawn, image: Grid) -> Iterator[Issue]:
    areas = item.weights_zyx.sum(axis=(1, 2), dtype=np.float64)
    last = item.start_zyx[0] + len(areas) == image.shape_zyx[0]
    ends = [0] if item.start_zyx[0] == 0 else []
    ends += [len(areas) - 1] if last else []
    cut = [e for e in ends if areas[e] > CUT_SHARE * areas.max()]
    if kind_of(item) in WHOLE and cut:
        part = np.zeros_like(item.weights_zyx, dtype=bool)
        part[cut[0]] = item.weights_zyx[cut[0]] > 0
        ends_in_words = " and the ".join("first" if end == 0 else "last" for end in cut)
        slices = f"{ends_in_words} slice{'s' if len(cut) > 1 else ''}"
        yield issue(
            "structure-cut-off",
            "warning",
            (item,),
            f"{item.name} reaches the {slices} of the image: what lies beyond is missing.",
            "the whole organ on the image",
            "Do not use volume-based dose limits of this structure without noting it.",
            item.place_mm(part),
        )
    rows, columns = image.size_yx
    start, shape = item.start_zyx, item.weights_zyx.shape
    weights = item.weights_zyx
    rims = [
        (start[1] == 0, weights[:, 0]), (start[1] + shape[1] == rows, weights[:, -1]),
        (start[2] == 0, weights[:, :, 0]), (start[2] + shape[2] == columns, weights[:, :, -1]),
    ]  # fmt: skip
    if any(at and bool((rim >= 0.5).any()) for at, rim in rims):
        yield issue(
            "structure-touches-image-edge",
            "warning",
            (item,),
            f"{item.name} touches the side of the image: what lies beyond is missing.",
            "the whole cross-section on the image",
            "Use an image with a larger field of view where the missing part matters for dose.",
        )


def _out_of_range(item: Drawn) -> Iterator[Issue]:
    name = item.roi.standard_name or ""
    areas = item.weights_zyx.sum(axis=(1, 2), dtype=np.float64)
    pixel_mm2 = item.grid.spacing_yx_mm[0] * item.grid.spacing_yx_mm[1]
    section = float(np.median(areas[areas > 0])) * pixel_mm2
    for table, value, what, unit in (
        ("volume_cm3", item.volume_cm3, "volume", "cm³"),
        ("section_mm2", section, "median cross-section", "mm²"),
    ):
        entry = _ranges()[table].get(name)
        if entry is None:
            continue
        low, high = entry["low"], entry["high"]
        if low <= value <= (np.inf if high is None else high):
            continue
        limits = f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
        note = "" if entry["verified"] else ". The limits were not compared with the original"
        yield issue(
            "size-outside-range",
            "warning" if table == "volume_cm3" else "info",
            (item,),
            f"The {what} of {name} is {beside(value, low, high or low)} {unit}, outside the "
            f"{limits} {unit} of adults.",
            f"{limits} {unit}",
            "Check the name and that the contours hold this organ, whole and nothing else; a "
            "child or a disease may explain it.",
            item.place_mm(item.mask_zyx if item.mask_zyx.any() else item.weights_zyx > 0),
            source=f"{entry['source']}{note}.",
        )


@functools.cache
def _ranges() -> Any:
    return json.loads(_RANGES.read_text(encoding="utf-8"))
