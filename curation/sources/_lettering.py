"""Letters in a diagram, which stand for its texts in questions: drawn in place of the texts, or beside them.

AI2D's annotation of a diagram has a rectangle and a letter for each text. Its owners publish no drawn diagrams; those
who evaluate on it cover the text with a white box and write the letter into it in black, as large as the box allows,
as does https://github.com/google-research/big_vision/blob/main/big_vision/datasets/ai2d/ai2d.py. Beside the texts, for
benchmarks that leave them to be read, is our own way: no code of such a benchmark is published.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from curation.images import UNDECODABLE, ImageFault, LoadedImage, inspect
from curation.json_files import Broken

_UNLETTERED = "unlettered"
_WRITTEN = re.compile("[A-Za-z0-9]{1,4}")
"""What may stand for a text; most often it is one capital letter."""
_FARTHEST = 1_000_000
_SMALLEST = 12
"""Pixels of a letter's box: some texts are marked by a line."""
_OF_IMAGE = 16
"""Part of the image's longer side that a letter may take, at most."""
_LARGEST = 200
"""Pixels."""
_MEASURED = 100


class Letter(NamedTuple):
    """What stands for a text, and where the text is, in pixels."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def letters_of(annotation: Any) -> list[Letter]:
    """Return the letters of an annotation, `{"text": {"T0": {"rectangle": [[x, y], [x, y]], "replacementText"}}}`.

    Raises ImageFault for one of another form, or without any letter.
    """
    if isinstance(annotation, Broken):
        raise ImageFault(_UNLETTERED, f"the letters can't be drawn: {annotation.why}")
    texts = annotation.get("text") if isinstance(annotation, dict) else None
    if not isinstance(texts, dict) or not texts:
        raise ImageFault(_UNLETTERED, "the letters can't be drawn: the annotation has no texts")
    return [_letter(name, text) for name, text in texts.items()]


def _letter(name: str, text: Any) -> Letter:
    try:
        (one_x, one_y), (other_x, other_y) = text["rectangle"]
        written = text["replacementText"]
        corners = [float(number) for number in (one_x, one_y, other_x, other_y)]
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        why = f"{name:.20} in the annotation has no rectangle or no replacementText"
        raise ImageFault(_UNLETTERED, f"the letters can't be drawn: {why}") from error
    if not isinstance(written, str) or not _WRITTEN.fullmatch(written):
        raise ImageFault(_UNLETTERED, f"the letters can't be drawn: that of {name:.20} is {written!r:.40}")
    if not all(abs(number) < _FARTHEST for number in corners):
        raise ImageFault(_UNLETTERED, f"the letters can't be drawn: the rectangle of {name:.20} is {corners}")
    xs, ys = sorted(corners[::2]), sorted(corners[1::2])
    return Letter(written, xs[0], ys[0], xs[1], ys[1])


def lettered(image: LoadedImage, letters: Sequence[Letter], *, beside: bool = False) -> LoadedImage:
    """Return the image as a PNG with the letters; the same pixels and letters give the same bytes.

    Raises ImageFault where the image can't be decoded.
    """
    picture = _decoded(image.data)
    draw, most = ImageDraw.Draw(picture), min(max(_SMALLEST, max(picture.size) // _OF_IMAGE), _LARGEST)
    for letter in letters:
        box = _at_least(letter)
        _write(draw, _left_of(box, most, picture.width) if beside else box, most, framed=beside)
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return inspect(buffer.getvalue())


def _decoded(data: bytes) -> Image.Image:
    """Decode to RGB, on white where it is transparent."""
    try:
        with Image.open(BytesIO(data)) as image:
            if not image.has_transparency_data:
                return image.convert("RGB")
            over = image.convert("RGBA")
    except UNDECODABLE as error:
        raise ImageFault("truncated", f"can't be decoded, to draw letters into it: {error}") from error
    return Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")


def _at_least(letter: Letter) -> Letter:
    """Widen a box about its middle to where a letter can be read."""
    wider = max(0.0, _SMALLEST - (letter.right - letter.left)) / 2
    higher = max(0.0, _SMALLEST - (letter.bottom - letter.top)) / 2
    return Letter(letter.text, letter.left - wider, letter.top - higher, letter.right + wider, letter.bottom + higher)


def _left_of(box: Letter, most: int, width: int) -> Letter:
    """Return a box for the letter before that of the text, or behind it where there is no room before."""
    high = min(box.bottom - box.top, most) + 4
    wide = high * max(1.0, 0.7 * len(box.text))
    middle = (box.top + box.bottom) / 2
    left = box.left - wide - 1
    if left < 0:
        left = min(box.right + 1, width - wide - 1)
    return Letter(box.text, left, middle - high / 2, left + wide, middle + high / 2)


def _write(draw: ImageDraw.ImageDraw, box: Letter, most: int, *, framed: bool) -> None:
    """Draw the white box, and the letter in the middle of it."""
    draw.rectangle((box.left, box.top, box.right, box.bottom), fill="white", outline="black" if framed else None)
    left, top, right, bottom = _font(_MEASURED).getbbox(box.text)
    room = min((box.right - box.left - 2) / (right - left), (box.bottom - box.top - 2) / (bottom - top))
    font = _font(max(1, min(int(_MEASURED * room), most)))
    left, top, right, bottom = font.getbbox(box.text)
    x = (box.left + box.right - left - right) / 2
    y = (box.top + box.bottom - top - bottom) / 2
    draw.text((round(x), round(y)), box.text, fill="black", font=font)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font that comes with Pillow, at a size in pixels."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise ImageFault(_UNLETTERED, "the letters can't be drawn: this Pillow was built without FreeType")
    return font
