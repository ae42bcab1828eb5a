"""The one message that the viewer sends when edited contours are saved.

Typed arrays, little endian, as base64: ``z`` (float64) a value a plane, ``contours`` (int32) where
each plane's contours start, ``points`` (int32) where each contour's points start, ``xy`` (int32)
micrometres. Which arrays fit together is checked here; whether they lie on the image is checked by
`abscope.contour.edit`.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from abscope.contour.edit import EditedPlane
from abscope.core.errors import InputError
from abscope.workflows.editing import ContourEdit

_POINTS_PER_MM = 1000.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EditMessage:
    """What was drawn, the id by which the browser waits for an answer, and the version it saw."""

    id: str
    seen: int
    edit: ContourEdit


def message_id(sent: object) -> str:
    """Return the id of a message, so that even an unreadable one is answered."""
    return str(sent.get("id", ""))[:32] if isinstance(sent, Mapping) else ""


def read_edit(sent: object) -> EditMessage:
    """Return the message in the engine's words.

    Raises
    ------
    InputError
        ``edit-message-broken``: for anything that the viewer would not send.
    """
    try:
        return _read(dict(sent) if isinstance(sent, Mapping) else {})
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise InputError(
            "edit-message-broken",
            "The edited contours did not arrive whole.",
            where="edit",
            expected="the message of this version's viewer",
            remedy="Save again; if that does not help, reload the page.",
        ) from error


def _read(sent: dict[str, Any]) -> EditMessage:
    z_mm = _array(sent["z"], "<f8")
    contours, points = (_array(sent[name], "<i4") for name in ("contours", "points"))
    xy_mm = _array(sent["xy"], "<i4").reshape(-1, 2) / _POINTS_PER_MM
    _check_starts(contours, len(z_mm), len(points) - 1)
    _check_starts(points, len(points) - 1, len(xy_mm))
    planes = tuple(
        EditedPlane(
            z_mm=float(z),
            polygons_mm=tuple(xy_mm[points[i] : points[i + 1]] for i in range(first, last)),
        )
        for z, first, last in zip(z_mm, contours[:-1], contours[1:], strict=True)
    )
    number = sent["number"]
    return EditMessage(
        id=message_id(sent),
        seen=int(sent["version"]),
        edit=ContourEdit(
            series_uid=str(sent["series"]),
            set_uid=str(sent["set"]),
            roi_number=None if number is None else int(number),
            standard_name=str(sent["name"]),
            planes=planes,
        ),
    )


def _array(text: str, dtype: str) -> npt.NDArray[Any]:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=dtype)


def _check_starts(starts: npt.NDArray[Any], count: int, end: int) -> None:
    if (
        len(starts) != count + 1
        or starts[0] != 0
        or starts[-1] != end
        or np.any(np.diff(starts) < 0)
    ):
        raise ValueError("starts")
