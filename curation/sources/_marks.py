"""Persons marked in a photo: a box with a number for each, so that a question can name them."""

import io
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from curation.images import UNDECODABLE, ImageFault, LoadedImage, inspect

COLOURS = ((214, 39, 40), (31, 100, 200), (30, 130, 50), (200, 90, 0), (130, 60, 180), (0, 130, 140))
"""Of the boxes, from the first person on; dark enough for white numbers."""
_QUALITY = 90


class Box(NamedTuple):
    """A rectangle, in pixels from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def is_outside(self, width: int, height: int) -> bool:
        """Tell whether nothing of it is in a picture of that size."""
        return self.left >= width or self.top >= height or self.right <= 0 or self.bottom <= 0

    def sticks_out(self, width: int, height: int, slack: float = 2) -> bool:
        """Tell whether it goes beyond the edge of a picture of that size, by more than some pixels."""
        return min(self.left, self.top) < -slack or self.right > width + slack or self.bottom > height + slack


def marked(photo: LoadedImage, boxes: Sequence[Box | None]) -> LoadedImage:
    """Return the photo as a JPEG with the boxes, numbered from 1; a person without box keeps its number.

    The same photo and boxes give the same bytes, with one version of Pillow. Raises ImageFault where the photo can't
    be decoded.
    """
    image = _decoded(photo)
    draw = ImageDraw.Draw(image)
    unit = max(1, round(min(image.size) / 200))
    inside = [box if box and not box.is_outside(*image.size) else None for box in boxes]
    for index, box in enumerate(inside):
        if box:
            draw.rectangle(_corners(box, image.size), outline=COLOURS[index % len(COLOURS)], width=2 * unit)
    for index, box in enumerate(inside):
        if box:
            _number(draw, index, _corners(box, image.size), image.size)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return inspect(file.getvalue())


def _decoded(photo: LoadedImage) -> Image.Image:
    try:
        return Image.open(io.BytesIO(photo.data)).convert("RGB")
    except UNDECODABLE as error:
        raise ImageFault("unreadable", f"the photo can't be decoded: {error}") from error


def _corners(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the corners within the picture."""
    width, height = size
    left, top = min(max(0, round(box.left)), width - 1), min(max(0, round(box.top)), height - 1)
    return left, top, min(max(left, round(box.right)), width - 1), min(max(top, round(box.bottom)), height - 1)


def _number(draw: ImageDraw.ImageDraw, index: int, corners: tuple[int, int, int, int], size: tuple[int, int]) -> None:
    """Write a number above the box, where there is room: as large as can be read in a small copy of the picture."""
    font_size = max(14, min(size) // 16)
    font = ImageFont.load_default(font_size)
    text = str(index + 1)
    side = round(font_size * 1.25)
    across = max(side, round(draw.textlength(text, font) + font_size * 0.5))
    left, top = max(0, min(corners[0], size[0] - across)), max(0, corners[1] - side)
    draw.rectangle((left, top, left + across, top + side), fill=COLOURS[index % len(COLOURS)])
    draw.text((left + across / 2, top + side / 2), text, "white", font, "mm", stroke_width=1, stroke_fill="white")
