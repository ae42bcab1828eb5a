"""Pictures of patients, sent over the session's own connection and never under an address.

Streamlit serves the bytes that ``st.image`` is given to anybody who knows their address, without a
session. A data URI travels inside the page instead; this is the one file that draws images.
"""

from __future__ import annotations

import base64

from streamlit.delta_generator import DeltaGenerator

_PNG = b"\x89PNG\r\n\x1a\n"


def draw(place: DeltaGenerator, png: bytes, alt: str) -> None:
    """Draw a picture as wide as its place; `alt` says in words what it shows."""
    place.image(data_uri(png), width="stretch", alt=alt)


def data_uri(png: bytes) -> str:
    r"""Return a PNG as an address that holds the picture itself.

    Examples
    --------
    >>> data_uri(b"\x89PNG\r\n\x1a\n")
    'data:image/png;base64,iVBORw0KGgo='
    """
    if not png.startswith(_PNG):
        raise ValueError("a picture is a PNG")
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
