"""What is seen in an image at one look: its size, its contrast, and marks by which pictures that look alike are found.

Two hashes of 64 bits tell candidates among millions; a thumbnail then decides (see similarity.pictures). One alone is
not enough: charts on white ground have the same low frequencies, drawn scenes the same brightness from left to right.

    pHash   the 8 x 8 lowest frequencies of a discrete cosine transform of 32 x 32 grey pixels, each above their median
            or not: Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010
    dHash   whether each of 8 x 8 grey pixels is darker than its right neighbour: Krawetz, Kind of Like That, 2013,
            https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html

Both outlive another size, format and quality, and little crops; neither outlives mirroring or turning.
"""

import io
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from curation.images import UNDECODABLE, ImageFault, inspect

VERSION = 1
"""Raised when the same image gives other marks: every image is then looked at again. The sweeps' are raised with it."""

SIDE, COLOURS = 32, 8
"""Pixels of a thumbnail's side, in grey, and in the two planes of its colours."""
THUMB = SIDE**2 + 2 * COLOURS**2
"""Bytes of a thumbnail."""
BLANK = 0.5
"""Contrast below which a picture shows nothing: one grey from edge to edge, but for what a JPEG makes of it."""
_DECODED = 2 * SIDE
_SCALED = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
"""Modes whose grey is not one byte; 16 bits, wherever a PNG has them."""

_Pixels = npt.NDArray[np.float64]
_order = np.arange(8)[:, None]
_COSINES: _Pixels = np.cos(np.pi * _order * (2 * np.arange(SIDE) + 1) / (2 * SIDE))


class Marks(NamedTuple):
    """What was seen; where the image can't be read, the fault and nothing else."""

    width: int | None = None
    height: int | None = None
    hash: int | None = None
    """pHash; 64 bits with a sign, as databases have them."""
    gradient: int | None = None
    """dHash, the same way."""
    contrast: float | None = None
    """Standard deviation of the brightness (0 to 255) of 64 x 64 pixels."""
    thumb: bytes | None = None
    """32 x 32 grey pixels, row by row; then 8 x 8 of Cb, and of Cr, as JPEG has them: 128 where there is no colour."""
    fault: str = ""
    """A sentence."""


def look(data: bytes) -> Marks:
    """Look at an image's bytes. Whatever is wrong with them is a fault, and no error; a bomb is not decoded."""
    try:
        ref = inspect(data).ref
        grey, *colours = _decoded(data)
    except ImageFault as fault:
        return Marks(fault=f"{fault.message} ({fault.code})")
    except UNDECODABLE as error:
        return Marks(fault=f"its pixels can't be decoded: {str(error)[:200] or type(error).__name__}")
    pixels = np.asarray(grey, np.float64)
    thumb = pixels.reshape(SIDE, 2, SIDE, 2).mean(axis=(1, 3))
    planes = thumb.round().astype(np.uint8).tobytes() + b"".join(colour.tobytes() for colour in colours)
    return Marks(ref.width, ref.height, _phash(thumb), _dhash(grey), round(float(pixels.std()), 3), planes)


def _decoded(data: bytes) -> list[Image.Image]:
    """Decode to 64 x 64 grey pixels and two small planes of colour; of a JPEG, no more is decoded than they need."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("YCbCr", (4 * _DECODED, 4 * _DECODED))
        shown = _on_white(image) if image.has_transparency_data else image
        if shown.mode in _SCALED:
            shown = shown.convert("I").point(lambda value: value / 257).convert("L")
        if shown.mode != "YCbCr":
            shown = shown.convert("RGB").convert("YCbCr")
        small = shown.resize((_DECODED, _DECODED), Image.Resampling.LANCZOS, reducing_gap=2)
    grey, *colours = small.split()
    return [grey, *(colour.resize((COLOURS, COLOURS), Image.Resampling.BOX) for colour in colours)]


def _on_white(image: Image.Image) -> Image.Image:
    """Return the picture as it looks on white ground."""
    clear = image.convert("RGBA")
    ground = Image.new("RGBA", clear.size, "white")
    ground.alpha_composite(clear)
    return ground


def _phash(thumb: _Pixels) -> int:
    low = _COSINES @ thumb @ _COSINES.T
    return _number(low > np.median(low))


def _dhash(grey: Image.Image) -> int:
    small = np.asarray(grey.resize((9, 8), Image.Resampling.LANCZOS), np.int16)
    return _number(small[:, 1:] > small[:, :-1])


def _number(bits: npt.NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big", signed=True)
