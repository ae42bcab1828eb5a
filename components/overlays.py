"""What a section of the contours page adds to the viewer, or shows there in place of the sets."""

from __future__ import annotations

import dataclasses

from abscope.core.case import Case, StructureSetInfo
from components import state
from components.viewer.scene import SceneStructure

#: Key of the choice of a section on the contours page.
SECTION = "contours.section"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overlay:
    """Structures for the viewer.

    Parameters
    ----------
    key : str
        Equal for equal overlays of one version of a case.
    structures : tuple of SceneStructure
    alone : bool
        Whether only these are shown, and not the chosen sets.
    convention : str
        What the lines mean.
    """

    key: str
    structures: tuple[SceneStructure, ...]
    alone: bool = False
    convention: str = ""


def is_open(section: str) -> bool:
    """Whether this section of the contours page is the chosen one."""
    return state.component_state(SECTION) == section


def lies_on(case: Case, info: StructureSetInfo, series_uid: str) -> bool:
    """Whether a set may be drawn on an image: no two different frames of reference."""
    image = next((s for s in case.series if s.uid == series_uid), None)
    frame = image.grid.frame_of_reference_uid if image else ""
    return not frame or info.frame_of_reference_uid in ("", frame)
