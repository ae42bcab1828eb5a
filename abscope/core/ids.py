"""Identifiers: case ids that are safe as folder names and addresses, and DICOM UIDs."""

from __future__ import annotations

import hashlib
import re
import secrets

from abscope.core.errors import UsageError

_CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")


def new_case_id() -> str:
    """Return a fresh random case id such as ``case-3f9c2a7d41``; it says nothing of the patient."""
    return f"case-{secrets.token_hex(5)}"


def check_case_id(text: str) -> str:
    """Return `text` when it is a well-formed case id.

    Raises
    ------
    UsageError
        For anything else: slashes, dots, blanks, an empty or an overlong word.

    Examples
    --------
    >>> check_case_id("lung1-001")
    'lung1-001'
    """
    if not _CASE_ID.fullmatch(text):
        raise UsageError(
            "bad-case-id",
            "This is not a case id.",
            where="case id",
            expected="1 to 48 letters, digits, hyphens and underscores, a letter or digit first",
            remedy="List the cases with `python -m abscope cases`.",
        )
    return text


def uid_from(*parts: str) -> str:
    """Return the UID that these words always give: for objects made from known content.

    Examples
    --------
    >>> uid_from("series", "1") == uid_from("series", "1") != uid_from("series", "2")
    True
    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
