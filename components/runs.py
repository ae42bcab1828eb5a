"""How automatic contours were made, in words, and all runs of a case."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from abscope.contour.engine import Point
from abscope.contour.manifest import RunManifest
from abscope.core.case import Case
from abscope.workflows.runs import HistoryRow, history, run_of_set
from components import runtime
from components.safe import literal
from components.tables_case import set_name


def show(case: Case, shown: Sequence[str] | None) -> None:
    """Draw a closed section on the shown automatic sets; nothing where no engine ever ran."""
    rows = history(runtime.context(), case.id)
    sets = {s.uid: s for s in case.structure_sets if s.is_auto and s.uid in (shown or ())}
    if not rows and not sets:
        return
    with st.expander("How this was made", icon=":material/receipt_long:"):
        if sets:
            uid = next(iter(sets))
            if len(sets) > 1:
                uid = st.selectbox(
                    "Set", list(sets), format_func=lambda u: set_name(sets[u]), key="contours.made"
                )
            run = run_of_set([r.run for r in rows if r.run is not None], str(uid))
            if run is None:
                st.caption("These contours were drawn before runs were kept: nothing is known.")
            else:
                _made(run, [roi.name for roi in sets[str(uid)].rois])
        _all_runs(rows)


def _made(run: RunManifest, outlines: Sequence[str]) -> None:
    words, times = st.columns([3, 2])
    with words:
        rows = "\n".join(
            f"| {what} | {literal(value, 600)} |" for what, value in _facts(run, outlines)
        )
        st.markdown(f"| What | Value |\n|:---|:---|\n{rows}")  # wraps, unlike a data frame
    with times:
        st.dataframe(
            [
                {"Structure": s.name, "Result": _RESULTS[s.state], "Time (s)": s.seconds}
                for s in run.structures
            ],
            hide_index=True, key="contours.made.times", height="content", placeholder="",
            column_config={
                "Time (s)": st.column_config.NumberColumn(
                    format="%.1f",
                    help="Until the next structure was begun. What several structures share "
                    "counts for the first of them.",
                )
            },
        )  # fmt: skip


_RESULTS = {"done": "drawn", "not found": "not found"}


def _facts(run: RunManifest, outlines: Sequence[str]) -> list[tuple[str, str]]:
    """Return what is known of a run, as heading and words."""
    drawn = sum(1 for step in run.structures if step.state == "done")
    asked, image, around = run.asked, run.image, run.surroundings
    z, y, x = image.shape_zyx
    dz, dy, dx = image.spacing_zyx_mm
    rows = [
        ("Engine", f"{run.engine_title}, version {run.engine_version}"),
        ("Asked for", ", ".join(asked.structures)),
        ("Not found", ", ".join(run.not_found)),
        ("Outlines", ", ".join(outlines) if len(outlines) > drawn else ""),
        ("Point", _point(asked.seed_mm) if asked.seed_mm else ""),
        ("Box", " to ".join(map(_point, asked.box_mm)) if asked.box_mm else ""),
        ("PET", f"used; {_digest(asked.pet_sha256)}" if asked.pet_sha256 else ""),
        ("Image", f"{x} x {y} x {z} voxels of {dx:.2f} x {dy:.2f} x {dz:.2f} mm"),
        ("Image content", _digest(image.sha256)),
        ("Drawn", f"{run.started[:19].replace('T', ' ')} UTC by {run.author}"),
        ("Time", f"{run.seconds:.1f} s"),
        ("Program", f"Abscope {around.abscope}, Python {around.python}"),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in around.libraries)),
        ("Computer", f"{around.threads} threads, {around.processors} processors, {around.system}"),
        ("Job", run.job_id or "command line"),
    ]
    return [(what, value) for what, value in rows if value]


def _digest(sha256: str) -> str:
    """Return the start of a digest; the command ``runs`` prints all of it."""
    return f"SHA-256 begins {sha256[:16]}"


def _point(point_mm: Point) -> str:
    x, y, z = point_mm
    return f"({x:.1f}, {y:.1f}, {z:.1f}) mm"


def _all_runs(rows: Sequence[HistoryRow]) -> None:
    if not rows:
        return
    st.caption("All runs of this case")
    st.dataframe(
        [
            {
                "Started (UTC)": row.when[:19].replace("T", " "),
                "By": row.author,
                "Engine": row.engine,
                "Result": row.outcome,
                "Time (s)": row.seconds,
            }
            for row in rows
        ],
        hide_index=True, key="contours.runs", placeholder="",
        column_config={
            "Result": st.column_config.TextColumn(width="large"),
            "Time (s)": st.column_config.NumberColumn(format="%.1f"),
        },
    )  # fmt: skip
