"""How far a contour may be off: its plausible alternatives, in the viewer and in numbers."""

from __future__ import annotations

import dataclasses

import streamlit as st

from abscope.contour.doubt import COVERED, Alternative
from abscope.contour.outlines import role_color
from abscope.core.case import Case
from abscope.core.errors import AbscopeError, CoverageError
from abscope.workflows.dose_evaluation import ACCEPT_COVERAGE, LUNGS_MINUS_GTV
from abscope.workflows.doubt import Band, Part, Plausible, has_doubt
from components import cached, notices, state
from components.overlays import Overlay, is_open, lies_on
from components.safe import literal
from components.tables_case import dose_names, set_name
from components.viewer.scene import SceneStructure

SECTION = "Doubt"
_CHOSEN = "contours.doubted"
_METRICS, _TARGET_METRICS = "mean,D2%,V20Gy", "mean,D98%,D2%"
_WORDS = {"tighter": "smaller", "looser": "larger"}
#: The outline of the body is no question of contouring, and costs most to move.
_LEFT_OUT = "External"


def overlay(case: Case, series_uid: str) -> Overlay | None:
    """Return the alternatives of the chosen structure as thin dashed outlines, while it is open."""
    reference = state.recall(_CHOSEN)
    if not is_open(SECTION) or reference not in _offered(case):
        return None
    try:
        found = cached.plausible_region(case.id, case.version, reference)
    except AbscopeError:
        return None  # said in the section itself
    if not lies_on(case, found.info, series_uid):
        return None
    return Overlay(
        key=f"doubt|{reference}",
        structures=tuple(
            _thin(part, side) for part in found.parts for side in (part.tighter, part.looser)
        ),
        convention="Thin dashed: how far this contour may be off, inward and outward. Other lines: "
        "solid drawn by people, dashed by an engine.",
    )


def show(case: Case) -> None:
    """Draw the choice of a structure, its smaller and larger alternative, and their dose."""
    offered = _offered(case)
    if not offered and _known_without_image(case):
        st.caption(
            "How far a contour may be off is known for some structures here, but a border can be "
            "moved only on its image: add the CT on which they were drawn."
        )
        return
    if not offered:
        st.caption(
            "No structure here has a known doubt: engines give a confidence, and the agreement of "
            "people is published for lungs, heart, esophagus and spinal cord."
        )
        return
    chosen = st.selectbox(
        "Structure", list(offered), None, format_func=offered.__getitem__,
        key=f"contours.doubt.structure.{len(offered)}", placeholder="Choose a structure",
        help="Listed are structures with a confidence of an engine of 0.5 or more, and organs with "
        "a published agreement of people. For other ones, as most tumors, nothing is known.",
    )  # fmt: skip
    if chosen != state.recall(_CHOSEN):
        state.remember(_CHOSEN, chosen)
        st.rerun()  # the viewer above takes it in
    if chosen is None:
        st.caption("The viewer then shows how far its border may be off, as thin dashed outlines.")
        return
    try:
        found = cached.plausible_region(case.id, case.version, chosen)
        _volumes(found)
        _dose(case, chosen, found)
    except AbscopeError as problem:
        notices.error(problem)


def _offered(case: Case) -> dict[str, str]:
    """Return what can be chosen: ``SET:NUMBER`` or ``SET:Lungs-GTV`` -> its name on screen."""
    found: dict[str, str] = {}
    on_image = {s.uid for s in case.series}
    for info in sorted(case.structure_sets, key=lambda s: not s.is_auto):
        if info.series_uid not in on_image:
            continue
        called = set_name(info, count=False)
        for roi in info.rois:
            if roi.standard_name != _LEFT_OUT and has_doubt(info, roi.number):
                found[f"{info.uid}:{roi.number}"] = f"{roi.name}, {called}"
        names = {r.standard_name for r in info.rois if r.volume_cm3}
        if {"Lung_L", "Lung_R"} <= names and any((n or "").startswith("GTV") for n in names):
            found[f"{info.uid}:{LUNGS_MINUS_GTV}"] = f"Both lungs less GTV, {called}"
    return found


def _known_without_image(case: Case) -> bool:
    return any(has_doubt(info, roi.number) for info in case.structure_sets for roi in info.rois)


def _thin(part: Part, side: Alternative) -> SceneStructure:
    called = f"{part.roi.name}, {_WORDS[side.side]}"
    roi = dataclasses.replace(
        side.roi, name=called, standard_name=part.roi.standard_name, confidence=None,
        confidence_reason="",
    )  # fmt: skip
    color = part.roi.color or role_color(part.roi.standard_name or "")
    return SceneStructure(roi=roi, color=color, dashed=True, thin=True, group="Doubt")


def _volumes(found: Plausible) -> None:
    smaller, drawn, larger = found.volumes_cm3
    left, middle, right = st.columns(3)
    left.metric("Smaller (cm³)", f"{smaller:.1f}", f"{_percent(smaller, drawn)}", "off")
    middle.metric("As drawn (cm³)", f"{drawn:.1f}")
    right.metric("Larger (cm³)", f"{larger:.1f}", f"{_percent(larger, drawn)}", "off")
    lines = [_line(part) for part in found.parts]
    lines.append(
        "This is the size of a usual error, not the largest one: about "
        f"{100 * COVERED:.0f} % of borders are expected between the two outlines. A wrong organ or "
        "a missed part is not covered."
    )
    st.caption("  \n".join(lines))


def _line(part: Part) -> str:
    name, source = literal(part.roi.name, 64), literal(part.source, 300)
    if part.expected_dice is None:
        return f"{name}: {source}."
    inward, outward = (abs(side.shift_mm or 0.0) for side in (part.tighter, part.looser))
    why = f" {literal(part.roi.confidence_reason, 300)}." if part.roi.confidence_reason else ""
    return (
        f"{name}: border {inward:.1f} mm inward to {outward:.1f} mm outward, from an expected Dice "
        f"of {part.expected_dice:.2f} ({source}).{why}"
    )


def _dose(case: Case, chosen: str, found: Plausible) -> None:
    """Draw what the alternatives mean for each dose in the frame of reference of the set."""
    rows, uncovered, refused = _bands(case, chosen, found, frozenset())
    if uncovered:
        st.info(
            literal(
                f"{' '.join(dict.fromkeys(uncovered))} A dose is shown only of structures that its "
                "grid covers to 99 % or more. Show the covered part below, marked as partial; "
                "choose another structure; or import a dose on a larger grid.",
                900,
            ),
            icon=":material/crop_free:",
        )
        if st.toggle(
            "Show the dose of the covered part (marked as partial)", key="contours.doubt.accept",
            help="Mean and shares of the volume are then those of the covered part alone: what "
            "lies outside the dose grid is in none of the numbers.",
        ):  # fmt: skip
            rows, outside, refused = _bands(case, chosen, found, frozenset({ACCEPT_COVERAGE}))
            refused += outside  # the grid covers nothing of it
    if rows:
        numbers = st.column_config.NumberColumn(format="%.2f")
        st.dataframe(
            rows, hide_index=True, key="contours.doubt.dose", placeholder="",
            column_config=dict.fromkeys(("As drawn", "Lowest", "Highest"), numbers),
        )  # fmt: skip
        st.caption("Lowest and highest over the smaller, the drawn and the larger contour.")
    for text in dict.fromkeys(refused):
        st.caption(f"No dose: {literal(text, 300)}")


def _bands(
    case: Case, chosen: str, found: Plausible, accepted: frozenset[str]
) -> tuple[list[dict[str, object]], list[str], list[str]]:
    """Return the table's rows, what the dose grids do not cover, and other refusals in words."""
    kinds = {part.roi.interpreted_type for part in found.parts}
    metrics = _TARGET_METRICS if kinds & {"GTV", "CTV", "PTV"} else _METRICS
    frame, names = found.info.frame_of_reference_uid, dose_names(case)
    rows: list[dict[str, object]] = []
    uncovered: list[str] = []
    refused: list[str] = []
    for dose in case.doses:
        if frame and dose.grid.frame_of_reference_uid not in ("", frame):
            continue
        try:
            bands = cached.plausible_dose(
                case.id, case.version, chosen, dose.uid, metrics, accepted
            )
        except CoverageError as problem:
            uncovered.append(f"{names[dose.uid]}: {problem.what[:1].lower()}{problem.what[1:]}")
            continue
        except AbscopeError as problem:
            refused.append(f"{problem.what} {problem.remedy}")
            continue
        rows += [_row(names[dose.uid], band) for band in bands]
    if not any(row["Note"] for row in rows):
        for row in rows:
            del row["Note"]
    return rows, uncovered, refused


def _row(dose: str, band: Band) -> dict[str, object]:
    return {
        "Dose": dose, "Metric": band.metric, "Unit": band.unit, "As drawn": band.value,
        "Lowest": band.low, "Highest": band.high,
        "Note": f"grid covers {100 * band.coverage:.0f} % only" if band.is_partial else "",
    }  # fmt: skip


def _percent(volume: float, drawn: float) -> str:
    return f"{100 * (volume - drawn) / drawn:+.1f} %" if drawn else ""
