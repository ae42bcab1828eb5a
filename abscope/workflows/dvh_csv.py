"""The curves of a dose page as a table for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np

from abscope.workflows.dose_evaluation import DoseEvaluation

#: Distance of the rows (Gy).
STEP_GY = 0.1
#: Letters of a dose's UID that are written: enough to tell doses of a case apart.
UID_END = 8
COLUMNS = (
    "plan", "structure", "dose_gy", "volume_cm3", "volume_percent", "volume_cm3_per_gy",
    "volume_percent_per_gy",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def dvh_csv(evaluations: Sequence[DoseEvaluation]) -> bytes:
    """Return the DVHs as CSV in UTF-8, a row a structure and dose; no patient data.

    Lines that begin with ``#`` say which doses these are (the ends of their UIDs) and how to read
    the columns. The volume is that at or above the dose; a gray, that between it and the next row.
    Of a structure that the dose grid covers in part, the rows describe that part, and its name says
    so.
    """
    out = io.StringIO()
    for plan, evaluation in zip("AB", evaluations, strict=False):
        out.write(f"# plan {plan}: physical dose, UID ends with {evaluation.dose.uid[-UID_END:]}\n")
    out.write(
        f"# volume at or above dose_gy, in steps of {STEP_GY:g} Gy; per gray: between this dose "
        "and the next. Research use only.\n"
    )
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for plan, evaluation in zip("AB", evaluations, strict=False):
        for item in evaluation.structures:
            if item.dvh is None:
                continue
            name = _safe(item.name) + (
                f" (part: grid covers {item.dvh.coverage:.1%})" if item.dvh.partial else ""
            )
            edges, _ = item.dvh.cumulative()
            whole = item.dvh.covered_volume_cm3
            doses = np.arange(int(edges[-1] / STEP_GY) + 2) * STEP_GY
            above = item.dvh.volumes_at_least(doses)
            apart = -np.diff(np.append(above, 0.0)) / STEP_GY
            for dose, cm3, rate in zip(doses, above, apart, strict=True):
                share = 100.0 / whole
                table.writerow(
                    [plan, name, f"{dose:.1f}", f"{cm3:.4f}", f"{cm3 * share:.3f}",
                     f"{rate:.4f}", f"{rate * share:.3f}"]
                )  # fmt: skip
    return out.getvalue().encode()


def _safe(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula."""
    flat = " ".join(name.split())
    return f"'{flat}" if flat.startswith(_FORMULA) else flat
