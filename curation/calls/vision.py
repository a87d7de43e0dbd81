"""What an image costs in tokens, and the smallest form that a model sees no worse.

Source of the formulas: OpenAI, "Images and vision", section "Calculating costs" (tiles of 512 pixels for gpt-4o and
its kin, patches of 32 pixels for gpt-4.1-mini, -nano and o4-mini).
"""

import io
from collections import OrderedDict
from math import ceil, sqrt
from typing import NamedTuple, Protocol

import pybase64
from PIL import Image

from curation.images import ImageFault, LoadedImage

Size = tuple[int, int]
"""Width and height in pixels."""


class Tokenizer(Protocol):
    """How a model family turns an image into tokens."""

    def fit(self, size: Size) -> Size:
        """Return the size to which the model itself scales the image; never larger than it is."""

    def tokens(self, size: Size) -> int:
        """Return the prompt tokens of an image of that size, at high detail."""


def _scaled(size: Size, factor: float) -> Size:
    if factor >= 1:
        return size
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


class Tiles(NamedTuple):
    """Into 2048 x 2048, then the short side to 768, then tiles of 512 x 512."""

    base: int = 85
    tile: int = 170

    def fit(self, size: Size) -> Size:
        """See Tokenizer."""
        size = _scaled(size, 2048 / max(size))
        return _scaled(size, 768 / min(size))

    def tokens(self, size: Size) -> int:
        """See Tokenizer."""
        width, height = self.fit(size)
        return self.base + self.tile * ceil(width / 512) * ceil(height / 512)


class Patches(NamedTuple):
    """Patches of 32 x 32, at most 1536 of them, each worth `factor` tokens."""

    factor: float

    def fit(self, size: Size) -> Size:
        """See Tokenizer."""
        width, height = size
        if ceil(width / 32) * ceil(height / 32) <= 1536:
            return size
        shrink = sqrt(1536 * 32 * 32 / (width * height))
        across, down = width * shrink / 32, height * shrink / 32
        whole = min(max(1, int(across)) / across, max(1, int(down)) / down)
        return _scaled(size, shrink * whole)

    def tokens(self, size: Size) -> int:
        """See Tokenizer."""
        width, height = self.fit(size)
        return ceil(min(1536, ceil(width / 32) * ceil(height / 32)) * self.factor)


class Bounded(NamedTuple):
    """A model whose tiling is not known: nothing above 2048 pixels a side, counted as gpt-4o would."""

    def fit(self, size: Size) -> Size:
        """See Tokenizer."""
        return _scaled(size, 2048 / max(size))

    def tokens(self, size: Size) -> int:
        """See Tokenizer."""
        return Tiles().tokens(size)


_BY_PREFIX: tuple[tuple[str, Tokenizer], ...] = (
    ("gpt-4o-mini", Tiles(2833, 5667)),
    ("gpt-4.1-mini", Patches(1.62)),
    ("gpt-4.1-nano", Patches(2.46)),
    ("gpt-5-mini", Patches(1.62)),
    ("gpt-5-nano", Patches(2.46)),
    ("o4-mini", Patches(1.72)),
    ("gpt-5", Tiles(70, 140)),
    ("o1", Tiles(75, 150)),
    ("o3", Tiles(75, 150)),
    ("gpt-4", Tiles(85, 170)),
)


def tokenizer(model: str) -> Tokenizer:
    """Return the model's tokenizer of images."""
    return next((found for prefix, found in _BY_PREFIX if model.startswith(prefix)), Bounded())


_GREY = frozenset({"L", "I", "I;16", "I;16B", "I;16L"})
_ORIENTATION = 0x0112
"""The EXIF tag that says how a photograph is to be turned."""


def _shrunk(image: LoadedImage, size: Size) -> tuple[str, bytes]:
    """Scale the image down; drawings and what is transparent stay lossless, photographs stay JPEG."""
    with Image.open(io.BytesIO(image.data)) as opened:
        clear = opened.has_transparency_data
        lossy = image.ref.mime in {"image/jpeg", "image/webp"} and not clear
        turned = Image.Exif()
        turned[_ORIENTATION] = opened.getexif().get(_ORIENTATION, 1)
        picture = _in_8_bits(opened).convert("RGBA" if clear else "L" if opened.mode in _GREY else "RGB")
    picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    out = io.BytesIO()
    if lossy:
        picture.save(out, "JPEG", quality=92, exif=turned)
        return "image/jpeg", out.getvalue()
    picture.save(out, "PNG", exif=turned)
    return "image/png", out.getvalue()


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey values; Pillow's own conversion cuts them off at 255, which makes a white image."""
    return image.convert("I").point(lambda value: value * (1 / 257) + 0.5) if image.mode.startswith("I") else image


class Pictures:
    """Data URLs ready to be sent, made once for each image and kept while they are in use.

    Holds at most `capacity` bytes; images of neighbouring rows are mostly the same ones.
    """

    def __init__(self, model: str, capacity: int = 16 * 2**20) -> None:
        self.tokenizer = tokenizer(model)
        self._capacity = capacity
        self._held = 0
        self._urls: OrderedDict[str, bytes] = OrderedDict()

    def url(self, image: LoadedImage) -> bytes:
        """Return the image as a data URL of the right type, no larger than the model can use."""
        digest = image.ref.digest
        if (url := self._urls.get(digest)) is not None:
            self._urls.move_to_end(digest)
            return url
        url = self._encode(image)
        self._urls[digest] = url
        self._held += len(url)
        while self._held > self._capacity and len(self._urls) > 1:
            self._held -= len(self._urls.popitem(last=False)[1])
        return url

    def _encode(self, image: LoadedImage) -> bytes:
        size = image.ref.width, image.ref.height
        fitted = self.tokenizer.fit(size)
        try:
            mime, data = (image.ref.mime, image.data) if fitted == size else _shrunk(image, fitted)
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise ImageFault("unreadable", f"its pixels can't be decoded: {error}") from error
        return b"data:" + mime.encode() + b";base64," + pybase64.b64encode(data)

    def tokens(self, image: LoadedImage) -> int:
        """Return the prompt tokens that the image will cost."""
        return self.tokenizer.tokens((image.ref.width, image.ref.height))
