"""Images of a release on their way to the model: decoded, processed, and kept while there is room."""

import warnings
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from PIL import Image
from torch import Tensor

from curation.families import Renderer
from curation.images import UNDECODABLE
from exports.jsonl import image_file
from schemas.sample import ImageRef

_MIB = 2**20
_AT_ONCE = 8
"""Examples of one call of the image processor: most of what a call costs is shared, and little memory is taken."""

Key = tuple[str, ...]
"""Digests of the images of an example."""


class UnreadableImage(Exception):
    """An image can't be decoded; the message names it."""


Found = dict[str, Tensor] | UnreadableImage


class PixelCache:
    """What the processor made of images, by their digests; the least recently used goes first when it is full."""

    def __init__(self, renderer: Renderer, folder: Path, mib: float) -> None:
        self._renderer = renderer
        self._folder = folder
        self._room = int(mib * _MIB)
        self._held: OrderedDict[Key, dict[str, Tensor]] = OrderedDict()
        self.bytes = 0

    def get(self, refs: Sequence[ImageRef]) -> dict[str, Tensor]:
        """Return the pixels of the images of one example, in their order. Raises UnreadableImage."""
        (found,) = self.get_each([refs])
        if isinstance(found, UnreadableImage):
            raise found
        return found

    def get_each(self, examples: Sequence[Sequence[ImageRef]]) -> list[Found]:
        """Return the pixels of each example, or why its images can't be read: one that can't spoils no other."""
        wanted = {_key(refs): refs for refs in examples}
        found: dict[Key, Found] = {key: self._held[key] for key in wanted if key in self._held}
        found |= self._processed({key: refs for key, refs in wanted.items() if key not in found})
        for key, pixels in found.items():
            if not isinstance(pixels, UnreadableImage):
                self._keep(key, pixels)
        return [found[_key(refs)] for refs in examples]

    def blank(self, refs: Sequence[ImageRef]) -> dict[str, Tensor]:
        """Return the pixels of black images of the same sizes, for an example that counts for nothing."""
        return self._renderer.pixels([Image.new("RGB", (ref.width, ref.height)) for ref in refs])

    def _processed(self, wanted: dict[Key, Sequence[ImageRef]]) -> dict[Key, Found]:
        found: dict[Key, Found] = {}
        readable = self._decoded(wanted, found)
        while images := dict(islice(readable, _AT_ONCE)):
            found |= zip(images, self._renderer.pixels_of_each([*images.values()]), strict=True)
        return found

    def _decoded(
        self, wanted: dict[Key, Sequence[ImageRef]], faults: dict[Key, Found]
    ) -> Iterator[tuple[Key, list[Image.Image]]]:
        """Give what can be decoded, and put among the faults what can't."""
        for key, refs in wanted.items():
            try:
                yield key, [_decode(self._folder, ref) for ref in refs]
            except UnreadableImage as error:
                faults[key] = error

    def _keep(self, key: Key, pixels: dict[str, Tensor]) -> None:
        """Make it the last one used, whether it was held or not."""
        size = _size(pixels)
        if key in self._held:
            self._held.move_to_end(key)
            return
        if size > self._room:
            return
        self._held[key] = pixels
        self.bytes += size
        while self.bytes > self._room:
            _, dropped = self._held.popitem(last=False)
            self.bytes -= _size(dropped)


def _key(refs: Sequence[ImageRef]) -> Key:
    return tuple(ref.digest for ref in refs)


def _size(pixels: dict[str, Tensor]) -> int:
    return sum(tensor.nbytes for tensor in pixels.values())


def _decode(folder: Path, ref: ImageRef) -> Image.Image:
    path = image_file(folder, ref)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # its size was checked when it was ingested
        try:
            with Image.open(path) as image:
                return image.convert("RGB")
        except UNDECODABLE as error:
            raise UnreadableImage(f"{path.relative_to(folder)}: {' '.join(str(error).split())}") from error
