"""Text from files and people, shown literally."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:])")


def literal(text: object, limit: int = 200) -> str:
    r"""Return text that Markdown shows as it is: no links, images, formulas or directives.

    Examples
    --------
    >>> print(literal("<b>*x*</b> :red[y]"))
    \<b\>\*x\*\</b\> \:red\[y\]
    """
    flat = " ".join(str(text).split())
    cut = flat if len(flat) <= limit else flat[: limit - 1] + "…"
    return _SPECIAL.sub(r"\\\1", cut)
