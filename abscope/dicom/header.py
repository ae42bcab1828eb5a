"""Header values by keyword, with a clear error where a value is absent or unreadable."""

from __future__ import annotations

import datetime
import functools
from typing import Any

import numpy as np
import pydicom
from pydicom.tag import BaseTag, Tag

from abscope.core.errors import InputError
from abscope.core.geometry import FloatArray


@functools.cache
def _tag(keyword: str) -> BaseTag:
    """Return the tag of a keyword; looking it up by name each time is what costs in a series."""
    return Tag(keyword)


def text(dataset: pydicom.Dataset, keyword: str, default: str = "") -> str:
    """Return a value as stripped text, `default` when absent, empty or unreadable."""
    try:
        tag = _tag(keyword)
        if tag not in dataset:  # cheaper than asking for what is not there
            return default
        value = dataset[tag].value
    except Exception:  # pydicom raises many kinds for a broken element; the value is then absent
        return default
    return default if value is None else str(value).strip()


def date(dataset: pydicom.Dataset, keyword: str) -> str:
    """Return a date as ISO 8601, empty when it is absent or no day of the calendar."""
    return _iso_date(text(dataset, keyword))


@functools.lru_cache(maxsize=256)
def _iso_date(raw: str) -> str:
    try:
        return datetime.datetime.strptime(raw, "%Y%m%d").date().isoformat() if len(raw) == 8 else ""
    except ValueError:
        return ""


def number(dataset: pydicom.Dataset, keyword: str) -> float | None:
    """Return a finite number, None when the element is absent or empty.

    Raises
    ------
    InputError
        When the element is there and is not one finite number.
    """
    raw = text(dataset, keyword)
    if not raw:
        return None
    try:
        value = float(raw)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise unreadable(keyword, "a finite number")
    return value


def numbers(dataset: pydicom.Dataset, keyword: str, count: int | None = None) -> FloatArray:
    """Return finite numbers, shape (count,).

    Raises
    ------
    InputError
        When the element is absent, unreadable or has another count.
    """
    try:
        raw = dataset.get(keyword)
        values = np.asarray([float(v) for v in ([] if raw is None else raw)], dtype=np.float64)
    except Exception:
        raise unreadable(keyword, "numbers") from None
    if values.size == 0:
        raise InputError(
            "attribute-absent",
            f"{keyword} is absent.",
            where=keyword,
            expected=f"{count or 'some'} numbers",
            remedy="Export the object again; without it its position or scale is unknown.",
        )
    if (count is not None and values.size != count) or not np.isfinite(values).all():
        raise unreadable(keyword, f"{count or 'some'} finite numbers")
    return values


def private_text(dataset: pydicom.Dataset, group: int, creator: str, offset: int) -> str:
    """Return a private value as stripped text, empty when its creator did not write one.

    The block of the creator is looked for, as any vendor may use any block: an element at the usual
    place that somebody else wrote is none of the creator's.
    """
    try:
        value = dataset.private_block(group, creator)[offset].value
    except Exception:  # absent, or a broken element: no value
        return ""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return "" if value is None else text.strip("\x00 ")


def items(dataset: pydicom.Dataset, keyword: str) -> list[pydicom.Dataset]:
    """Return the items of a sequence, an empty list when it is absent or no sequence."""
    try:
        value: Any = dataset.get(keyword)
        return list(value) if value is not None else []
    except Exception:
        return []


def unreadable(keyword: str, expected: str) -> InputError:
    """Return the error for an element whose value cannot be used."""
    return InputError(
        "attribute-unreadable",
        f"{keyword} cannot be read.",
        where=keyword,
        expected=expected,
        remedy="Export the object again from its source.",
    )
