r"""Text that others wrote, made safe to draw: structure names, patient names, free text.

A structure may be called ``<a href=...>``, ``$\frac{}{}$`` or carry control characters. It is
always shown as written, never interpreted; only what cannot be drawn at all is replaced.
"""

from __future__ import annotations

import functools
import textwrap
import unicodedata
from pathlib import Path
from xml.sax.saxutils import escape

import matplotlib
from matplotlib.ft2font import FT2Font

#: Drawn where the printing font has no glyph.
MISSING_GLYPH = "□"
ELLIPSIS = "…"
#: Characters that turn the writing direction and so could disguise a name.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def clean(text: object) -> str:
    r"""Return one line of legal text: no control or direction marks, single spaces.

    Examples
    --------
    >>> clean("GTV\x00\n 1\u202e")
    'GTV 1'
    """
    kept = []
    for character in str(text):
        category = unicodedata.category(character)
        if character.isspace():
            kept.append(" ")
        elif category == "Cs" or character in "\ufffe\uffff":
            kept.append("\ufffd")
        elif category != "Cc" and character not in _TURNING:
            kept.append(character)
    return " ".join("".join(kept).split())


def shorten(text: object, limit: int) -> str:
    """Return cleaned text of at most `limit` characters, cut in the middle.

    Structure names differ at their ends more often than in between.

    Examples
    --------
    >>> shorten("Lung_Total_minus_GTV_planning", 13)
    'Lung_T…anning'
    """
    whole = clean(text)
    if len(whole) <= limit:
        return whole
    front = limit // 2
    return whole[:front] + ELLIPSIS + whole[len(whole) - (limit - front - 1) :]


def in_lines(text: object, per_line: int, most: int = 2) -> tuple[str, ...]:
    """Return cleaned text broken between words; what exceeds the last line is cut in its middle.

    Examples
    --------
    >>> in_lines("Neutrophil-to-lymphocyte ratio = 4.2", 30)
    ('Neutrophil-to-lymphocyte ratio', '= 4.2')
    """
    whole = clean(text)
    if len(whole) <= per_line:
        return (whole,)
    lines = textwrap.wrap(whole, per_line, break_on_hyphens=False)
    if len(lines) <= most:
        return tuple(lines)
    return (*lines[: most - 1], shorten(" ".join(lines[most - 1 :]), per_line))


def for_plotly(text: object, limit: int = 60) -> str:
    """Return text that Plotly shows as written: no tags, no TeX, no hover variables.

    Plotly reads a small HTML and ``%{x}`` in names, titles, ticks and hover text (faults.md, A2).

    Examples
    --------
    >>> for_plotly("<b>$x$</b> %{y}")
    '&lt;b&gt;&#36;x&#36;&lt;/b&gt; &#37;{y}'
    """
    return (
        escape(shorten(text, limit))
        .replace("$", "&#36;")
        .replace("%{", "&#37;{")
        .replace('"', "&#34;")
    )


@functools.cache
def _glyphs() -> frozenset[int]:
    """Code points of DejaVu Sans that its bold face has too; the font comes with matplotlib."""
    regular, bold = (set(FT2Font(str(path)).get_charmap()) for path in font_files())
    return frozenset(regular & bold)


def font_files() -> tuple[Path, Path]:
    """Return the regular and the bold file of the printing font."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf"


def drawable(text: object) -> str:
    r"""Return cleaned text in which characters without a glyph are `MISSING_GLYPH`.

    Examples
    --------
    >>> drawable("Gy ≥ 20 \U0001fac1")
    'Gy ≥ 20 □'
    """
    glyphs = _glyphs()
    return "".join(c if ord(c) in glyphs else MISSING_GLYPH for c in clean(text))


def for_matplotlib(text: object, limit: int = 60) -> str:
    r"""Return text that matplotlib shows as written: no TeX, no missing glyphs.

    Examples
    --------
    >>> for_matplotlib("_$x$")
    '_\\$x\\$'
    """
    return drawable(shorten(text, limit)).replace("$", r"\$")


def for_reportlab(text: object) -> str:
    """Return text for a reportlab ``Paragraph``, whose markup could load files and links.

    Examples
    --------
    >>> for_reportlab('<img src="file:///etc/passwd"/>')
    '&lt;img src="file:///etc/passwd"/&gt;'
    """
    return escape(drawable(text))
