"""Pictures inside a page."""

import io
from pathlib import Path

import pybase64
from PIL import Image

from curation.images import UNDECODABLE

LONGEST_SIDE = 640
"""Pixels of a picture on the page."""
_TINY = 160
"""Pixels of the longer side, up to which a picture is shown enlarged."""


def data_url(path: Path, longest_side: int = LONGEST_SIDE) -> tuple[str, bool] | None:
    """Return the picture as a data URL, made smaller where it is large, and whether it is tiny; None if unreadable."""
    try:
        with Image.open(path) as opened:
            tiny = max(opened.size) <= _TINY
            opened.draft("RGB", (longest_side, longest_side))  # a JPEG is read at an eighth of its size
            image = opened.convert("RGB")
    except UNDECODABLE:
        return None
    image.thumbnail((longest_side, longest_side))
    data = io.BytesIO()
    image.save(data, "PNG" if tiny else "JPEG", quality=80)
    mime = "image/png" if tiny else "image/jpeg"
    return f"data:{mime};base64,{pybase64.b64encode(data.getvalue()).decode('ascii')}", tiny
