"""Images of a release on their way to the model: decoded, processed, and kept while there is room."""

import warnings
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from curation.families import Renderer
from exports.jsonl import image_file
from schemas.sample import ImageRef

_MIB = 2**20


class UnreadableImage(Exception):
    """An image can't be decoded; the message names it."""


class PixelCache:
    """What the processor made of images, by their digests; the least recently used goes first when it is full."""

    def __init__(self, renderer: Renderer, folder: Path, mib: float) -> None:
        self._renderer = renderer
        self._folder = folder
        self._room = int(mib * _MIB)
        self._held: OrderedDict[tuple[str, ...], dict[str, Tensor]] = OrderedDict()
        self.bytes = 0

    def get(self, refs: Sequence[ImageRef]) -> dict[str, Tensor]:
        """Return the pixels of the images of one example, in their order. Raises UnreadableImage."""
        key = tuple(ref.digest for ref in refs)
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        pixels = self._renderer.pixels([_decode(self._folder, ref) for ref in refs])
        self._keep(key, pixels)
        return pixels

    def blank(self, refs: Sequence[ImageRef]) -> dict[str, Tensor]:
        """Return the pixels of black images of the same sizes, for an example that counts for nothing."""
        return self._renderer.pixels([Image.new("RGB", (ref.width, ref.height)) for ref in refs])

    def _keep(self, key: tuple[str, ...], pixels: dict[str, Tensor]) -> None:
        size = _size(pixels)
        if size > self._room:
            return
        self._held[key] = pixels
        self.bytes += size
        while self.bytes > self._room:
            _, dropped = self._held.popitem(last=False)
            self.bytes -= _size(dropped)


def _size(pixels: dict[str, Tensor]) -> int:
    return sum(tensor.nbytes for tensor in pixels.values())


def _decode(folder: Path, ref: ImageRef) -> Image.Image:
    path = image_file(folder, ref)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # its size was checked when it was ingested
        try:
            with Image.open(path) as image:
                return image.convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise UnreadableImage(f"{path.relative_to(folder)}: {' '.join(str(error).split())}") from error
