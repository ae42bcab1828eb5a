"""What belongs to the image that is shown: a PET laid over it, and how its SUV came about."""

from __future__ import annotations

import streamlit as st

from abscope.core.case import Case
from abscope.workflows.pet import fusable_pets
from components.safe import literal


def choose_pet(case: Case, series_uid: str, key: str) -> str | None:
    """Return the UID of the PET to lay over the image, None for none; asks only where one fits."""
    pets = {s.uid: f"PET {s.date} {s.description}" for s in fusable_pets(case, series_uid)}
    if not pets:
        return None
    return st.selectbox(
        "PET over the image", list(pets), index=None, format_func=pets.__getitem__,
        key=f"{key}.{series_uid}", placeholder="None",
        help="PET series in the frame of reference of this image, newest first. Nothing is "
        "registered: both scans must have been made in one session.",
    )  # fmt: skip


def pet_note(case: Case, series_uid: str) -> None:
    """Say below a PET how its values become SUV, or why they do not."""
    series = next((s for s in case.series if s.uid == series_uid), None)
    if series is None or series.suv is None:
        return
    if series.suv.is_known:
        st.caption(literal(series.suv.formula, 300))
    else:
        st.warning(
            f"{literal(series.suv.refusal, 300)}. Values are shown in the unit of the file.",
            icon=":material/help:",
        )
