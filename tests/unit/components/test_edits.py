"""The message with which the viewer saves edited contours."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from abscope.core.errors import InputError
from components.viewer.edits import read_edit


def _packed(values, dtype):
    return base64.b64encode(np.asarray(values, dtype=dtype).tobytes()).decode()


def _message(**changed):
    square = [0, 0, 10_000, 0, 10_000, 10_000, 0, 10_000]
    message = {
        "id": "a1", "series": "1.2", "set": "", "number": None, "name": "GTV", "version": 3,
        "z": _packed([-4.0, 0.0], "<f8"), "contours": _packed([0, 0, 1], "<i4"),
        "points": _packed([0, 4], "<i4"), "xy": _packed(square, "<i4"),
    }  # fmt: skip
    return message | changed


def test_the_message_of_the_viewer_is_read_in_millimeters():
    read = read_edit(_message())
    assert (read.id, read.seen, read.edit.standard_name) == ("a1", 3, "GTV")
    empty, square = read.edit.planes
    assert (empty.z_mm, empty.polygons_mm) == (-4.0, ())
    assert square.polygons_mm[0].tolist() == [[0, 0], [10, 0], [10, 10], [0, 10]]


@pytest.mark.parametrize(
    "changed",
    [
        {"z": None},
        {"z": "no base 64!"},
        {"contours": _packed([0, 1], "<i4")},
        {"points": _packed([0, 9], "<i4")},
        {"contours": _packed([0, 2, 1], "<i4")},
        {"xy": _packed([0, 0, 1], "<i4")},
        {"number": "x"},
    ],
)
def test_a_message_that_is_not_whole_is_refused_by_name(changed):
    with pytest.raises(InputError) as caught:
        read_edit(_message(**changed))
    assert caught.value.code == "edit-message-broken"
