"""Tables and choosers of cases, series, structure sets and doses."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from abscope.contour.compare import Comparison
from abscope.core.case import Case, StructureSetInfo
from abscope.dicom.reader import Draft
from abscope.store.cases import CaseSummary


def worklist(summaries: Sequence[CaseSummary], wanted: str) -> str | None:
    """Draw the worklist; return the id of the case that was just selected."""
    needle = wanted.strip().casefold()
    shown = [
        s
        for s in summaries
        if not needle or needle in f"{s.id} {s.patient.id} {s.patient.name}".casefold()
    ]
    if not shown:
        st.info("No case fits the search.")
        return None
    picked = st.dataframe(
        [
            {
                "Patient": s.patient.name.replace("^", ", ") or "no name",
                "ID": s.patient.id,
                "Status": list(s.flags),
                "Synthetic": s.patient.synthetic,
                "Created": s.created[:10],
                "Case": s.id,
            }
            for s in shown
        ],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key="worklist.table",
        column_config={
            "Status": st.column_config.ListColumn("Status", help="How far the case has come"),
            "Synthetic": st.column_config.CheckboxColumn("Synthetic"),
        },
    )
    rows = picked.selection.rows
    return shown[rows[0]].id if rows else None


def draft(found: Draft) -> None:
    """Draw what one patient's part of an upload holds."""
    patient = found.patient
    with st.container(border=True):
        st.dataframe(
            [
                {
                    "Patient": patient.name.replace("^", ", ") or "no name",
                    "ID": patient.id or "no ID",
                    "Born": patient.birth_date or "not given",
                    "Sex": patient.sex or "not given",
                }
            ],
            hide_index=True,
        )
        rows = [
            {
                "What": f"{s.modality} series",
                "Name": s.description,
                "Content": f"{s.grid.shape_zyx[0]} slices of {s.grid.size_yx[0]} x "
                f"{s.grid.size_yx[1]}, {s.grid.plane_spacing_mm:.2f} mm apart",
                "Linked to": s.date,
            }
            for s, _ in found.series
        ]
        rows += [
            {
                "What": "Structure set",
                "Name": s.label,
                "Content": f"{len(s.rois)} structures",
                "Linked to": "image in this upload" if s.series_uid else "no image here",
            }
            for s in found.structure_sets
        ]
        plans = {p.uid: p.label for p in found.plans}
        rows += [
            {
                "What": "Plan",
                "Name": p.label,
                "Content": f"{_gy(p.prescribed_gy)} in {p.fractions or 'unknown'} fractions",
                "Linked to": "structure set",
            }
            for p in found.plans
        ]
        rows += [
            {
                "What": f"Dose ({d.summation.lower()})",
                "Name": "",
                "Content": f"up to {float(d.volume.array_zyx.max()):.1f} Gy",
                "Linked to": f"plan {plans[d.plan_uid]}" if d.plan_uid in plans else "no plan here",
            }
            for d in found.doses
        ]
        st.dataframe(rows, hide_index=True)


def choose_series(case: Case, key: str) -> str:
    """Return the UID of the series to show."""
    planning = case.planning_series()
    uids = [s.uid for s in case.series]
    if len(uids) == 1:
        return uids[0]
    names = {
        s.uid: f"{s.modality} {s.date} {s.description} ({s.grid.shape_zyx[0]} slices)"
        for s in case.series
    }
    index = uids.index(planning.uid) if planning else 0
    return str(st.selectbox("Image", uids, index, format_func=names.__getitem__, key=key))


def choose_sets(case: Case, key: str) -> list[str]:
    """Return the UIDs of the structure sets to show; the newest of each kind by default."""
    sets = {s.uid: s for s in case.structure_sets}
    if not sets:
        return []
    clinical = [s.uid for s in case.structure_sets if not s.is_auto]
    automatic = [s.uid for s in case.structure_sets if s.is_auto]
    return list(
        st.multiselect(
            "Structure sets",
            list(sets),
            default=[*clinical[-1:], *automatic[-1:]],
            format_func=lambda uid: set_name(sets[uid]),
            key=f"{key}.{len(sets)}",
            help="Clinical contours are drawn solid, automatic ones dashed.",
        )
    )


def set_name(info: StructureSetInfo) -> str:
    """Return what a structure set is called on screen."""
    kind = "automatic" if info.is_auto else "clinical"
    return f"{info.label} ({kind}, {len(info.rois)})"


def structures(case: Case, shown: Sequence[str] | None) -> None:
    """Draw the structure table of the shown sets."""
    rows = [
        {
            "Set": set_name(s),
            "No.": roi.number,
            "Name": roi.name,
            "TG-263 name": roi.standard_name,
            "Volume (cm³)": roi.volume_cm3,
            "Confidence": roi.confidence,
        }
        for s in case.structure_sets
        if shown is None or s.uid in shown
        for roi in s.rois
    ]
    if not rows:
        st.info("No structures are shown. Import an RTSTRUCT or draw automatic contours below.")
        return
    st.dataframe(
        rows,
        hide_index=True,
        key="contours.structures",
        column_config={
            "Volume (cm³)": st.column_config.NumberColumn(
                format="%.2f", help="Half-slice end caps included"
            ),
            "TG-263 name": st.column_config.TextColumn(
                help="Standard name (AAPM TG-263); empty when the name is not recognised"
            ),
            "Confidence": st.column_config.NumberColumn(
                format="%.2f",
                help="The engine's own plausibility check, 0 to 1; not a measured accuracy",
            ),
        },
    )


def choose_dose(case: Case, key: str) -> str:
    """Return the UID of the dose to use."""
    names = dose_names(case)
    if len(names) == 1:
        return next(iter(names))
    return str(st.selectbox("Plan", list(names), format_func=names.__getitem__, key=key))


def choose_doses(case: Case, key: str) -> tuple[str, str | None]:
    """Return the UID of the dose and, if wanted, of the one to compare it with."""
    names = dose_names(case)
    if len(names) == 1:
        return next(iter(names)), None
    left, right = st.columns(2)
    with left:
        first = str(
            st.selectbox("Plan A", list(names), format_func=names.__getitem__, key=f"{key}.a")
        )
    others = ["", *(uid for uid in names if uid != first)]
    with right:
        second = st.selectbox(
            "Compare with (plan B)",
            others,
            format_func=lambda uid: names[uid] if uid else "nothing",
            key=f"{key}.b",
        )
    return first, second or None


def dose_names(case: Case) -> dict[str, str]:
    """Return dose UID -> plan name, prescription and summation type."""
    names = {}
    for dose in case.doses:
        plan = case.plan_of(dose)
        what = f"{plan.label}, {_gy(plan.prescribed_gy)}" if plan else "no plan"
        names[dose.uid] = f"{what} ({dose.summation.lower()}, up to {dose.max_gy:.1f} Gy)"
    return names


def choose_pair(case: Case, key: str) -> tuple[str, str, bool]:
    """Return two structures as ``SET:NUMBER`` and whether to take the GTV out of both."""
    names = {
        f"{s.uid}:{roi.number}": f"{roi.name} ({'automatic' if s.is_auto else 'clinical'}"
        f", {s.label})"
        for s in case.structure_sets
        for roi in s.rois
        if roi.volume_cm3
    }
    left, right, third = st.columns([2, 2, 1.2], vertical_alignment="bottom")
    keys = list(names)
    first = left.selectbox("First", keys, format_func=names.__getitem__, key=f"{key}.a")
    second = right.selectbox(
        "Second", keys, len(keys) - 1, format_func=names.__getitem__, key=f"{key}.b"
    )
    without = third.checkbox(
        "Without GTV",
        key=f"{key}.gtv",
        help="Takes the clinical GTV out of both, as clinical lungs often exclude the tumor.",
    )
    return str(first), str(second), bool(without)


def comparison(found: Comparison) -> None:
    """Draw how well two structures agree."""
    columns = st.columns(5)
    for column, label, value, help_text in zip(
        columns,
        ("Dice", "HD95 (mm)", "Mean distance (mm)", "First (cm³)", "Second (cm³)"),
        (
            found.dice,
            found.hd95_mm,
            found.mean_surface_distance_mm,
            found.volume_a_cm3,
            found.volume_b_cm3,
        ),
        (
            "Overlap: 1 is identical, 0 is apart (Dice 1945)",
            "95th percentile of the distances between both surfaces",
            "Mean distance between both surfaces",
            "Volume of the first structure",
            "Volume of the second structure",
        ),
        strict=True,
    ):
        text = (
            "not available"
            if value is None
            else f"{value:.3f}"
            if label == "Dice"
            else f"{value:.1f}"
        )
        column.metric(label, text, help=help_text)


def _gy(value: float | None) -> str:
    return f"{value:g} Gy" if value is not None else "unknown dose"
