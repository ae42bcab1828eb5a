"""The pages there are, in the order of work."""

from __future__ import annotations

import dataclasses
import pathlib

import streamlit as st
from streamlit.navigation.page import StreamlitPage

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "pages"

#: Section -> (file name, title, icon); the first one is the default page.
SECTIONS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "Cases": (
        ("worklist", "Worklist", "list_alt"),
        ("upload", "Upload", "upload_file"),
    ),
    "Case": (
        ("contours", "Contours", "gesture"),
        ("dose", "Dose", "stacked_line_chart"),
        ("labs", "Labs and facts", "science"),
    ),
    "Estimates": (
        ("response", "Response", "trending_up"),
        ("pneumonitis", "Pneumonitis", "pulmonology"),
        ("what_if", "What-if", "tune"),
    ),
    "Meeting": (("board", "Tumor board", "co_present"),),
    "System": (("admin", "Admin", "settings"),),
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The pages by section, as `st.navigation` wants them, and by name."""

    by_section: dict[str, list[StreamlitPage]]
    by_name: dict[str, StreamlitPage]


def pages() -> Pages:
    """Return all pages."""
    by_name = {
        name: st.Page(
            FOLDER / f"{name}.py",
            title=title,
            icon=f":material/{icon}:",
            default=name == "worklist",
        )
        for group in SECTIONS.values()
        for name, title, icon in group
    }
    return Pages(
        by_section={
            section: [by_name[name] for name, _, _ in group] for section, group in SECTIONS.items()
        },
        by_name=by_name,
    )


def go(name: str) -> None:
    """Leave for another page."""
    st.switch_page(pages().by_name[name])


def link(name: str, label: str) -> None:
    """Draw a link to another page: the next step, never a dead end."""
    icon = next(i for group in SECTIONS.values() for n, _, i in group if n == name)
    st.page_link(pages().by_name[name], label=label, icon=f":material/{icon}:")
