"""The tables of ``docs/confidence.md``, written between their marks by ``calibrate_confidence``."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np

from abscope.contour.engines.calibration import LOW
from benchmarks.perturbations import MUST_STAY
from scripts.confidence_fit import Point, curves_of, left_out, said

DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "docs" / "confidence.md"
BANDS = (("below 0.50", 0.0, 0.5), ("0.50 to 0.70", 0.5, 0.7), ("0.70 to 0.85", 0.7, 0.85),
         ("0.85 to 0.95", 0.85, 0.95), ("0.95 and more", 0.95, 1.01))  # fmt: skip


def write_document(points: Sequence[Point]) -> None:
    """Write the tables into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for mark, lines in (("reliability", reliability(points)), ("steadiness", steadiness(points))):
        begin, end = f"<!-- {mark}: begin -->\n", f"<!-- {mark}: end -->"
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = before + begin + "\n" + "\n".join(lines) + "\n\n" + end + after
    DOCUMENT.write_text(text, encoding="utf-8")


def silent(points: Sequence[Point], confidences: Sequence[float]) -> list[tuple[Point, float]]:
    """Return the points whose agreement is low and whose confidence is not."""
    return [(p, c) for p, c in zip(points, confidences, strict=True) if p.dice < LOW and c >= LOW]


def reliability(points: Sequence[Point]) -> list[str]:
    """Return the table of confidence against measured agreement, and the misses."""
    curves = curves_of(points)
    fitted, apart = [said(curves, p) for p in points], left_out(points)
    dice = np.array([p.dice for p in points])
    scans, patients = len({(p.patient, p.change) for p in points}), {p.patient for p in points}
    lines = [
        f"{len(points)} structures on {scans} scans of {len(patients)} patients.",
        "",
        "| confidence | n | mean confidence | measured Dice, mean (lowest) | patient left out of "
        "the fit: n, said, measured |",
        "|---|---|---|---|---|",
    ]
    for words, low, high in BANDS:
        cells = [words]
        for confidences, lowest in ((np.array(fitted), True), (np.array(apart), False)):
            band = (confidences >= low) & (confidences < high)
            if not band.any():
                cells += ["0", "", ""] if lowest else ["0"]
            elif lowest:
                mean, least = dice[band].mean(), dice[band].min()
                cells += [str(band.sum()), f"{confidences[band].mean():.2f}",
                          f"{mean:.2f} ({least:.2f})"]  # fmt: skip
            else:
                cells.append(
                    f"{band.sum()}, {confidences[band].mean():.2f}, {dice[band].mean():.2f}"
                )
        lines.append("| " + " | ".join(cells) + " |")
    errors = [float(np.abs(np.array(c) - dice).mean()) for c in (fitted, apart)]
    missed, apart_missed = silent(points, fitted), silent(points, apart)
    low = int((dice < LOW).sum())
    lines += [
        "",
        f"Mean absolute error {errors[0]:.3f}, with the patient left out {errors[1]:.3f}. Of {low} "
        f"structures below {LOW} Dice, {len(missed)} were silent (confidence of {LOW} or more), "
        f"with the patient left out {len(apart_missed)}.",
    ]
    for p, confidence in missed:
        lines.append(
            f"- silent: {p.name}, {p.change} ({p.patient}): {p.dice:.3f}, {confidence:.2f}"
        )
    return lines


def steadiness(points: Sequence[Point]) -> list[str]:
    """Return, for the changes that must not matter, agreement (confidence) of each structure."""
    curves = curves_of(points)
    names = sorted({p.name for p in points})
    lines = []
    for patient in sorted({p.patient for p in points}):
        lines += [f"{patient}: Dice with the contour on the unchanged image (confidence).", ""]
        lines += ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        for change in MUST_STAY:
            row = {p.name: p for p in points if (p.patient, p.change) == (patient, change)}
            cells = [
                f"{row[n].dice:.3f} ({said(curves, row[n]):.2f})" if n in row else "" for n in names
            ]
            lines.append(f"| {change} | " + " | ".join(cells) + " |")
        lines.append("")
    return [*lines, *clinical(points)]


def clinical(points: Sequence[Point]) -> list[str]:
    """Return how the agreement with the clinic's contours changes."""
    own = [p for p in points if p.clinical_dice is not None]
    before = {p.name: p.clinical_dice for p in own if p.change == "none"}
    lines = ["Dice with the clinic's contour, tumor taken out of both (and its change).", ""]
    lines += ["| | " + " | ".join(sorted(before)) + " |", "|---" * (len(before) + 1) + "|"]
    for change in ("none", *MUST_STAY):
        row = {p.name: p.clinical_dice for p in own if p.change == change}
        if row:
            cells = [f"{row[n]:.4f} ({row[n] - before[n]:+.4f})" for n in sorted(before)]
            lines.append(f"| {change} | " + " | ".join(cells) + " |")
    return lines
