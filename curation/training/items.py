"""The rows of one split as members of micro-batches: encoded, with the pixels of their images."""

from collections.abc import Sequence
from typing import NamedTuple

from curation.families import VisionModel
from curation.training.batches import Batch, Member, gather
from curation.training.examples import Encoded, Encoder
from curation.training.pixels import PixelCache, UnreadableImage
from curation.training.records import Rows
from curation.training.settings import Settings


class Fault(NamedTuple):
    """An item whose image can't be read."""

    name: str
    reason: str


class Items:
    """Makes items ready; goes to the workers, without the weights."""

    def __init__(self, model: VisionModel, rows: Rows, settings: Settings, cache_mib: float) -> None:
        self._renderer = model.renderer
        self._encoder = Encoder(model.renderer, rows, settings)
        self._cache = PixelCache(model.renderer, rows.folder, cache_mib)
        self.owners = len(rows.sources)

    def encode(self, index: int) -> Encoded:
        """Return a turn of the rows, cut or marked as dropped where it is too long."""
        return self._encoder.encode(index)

    def batch(self, items: Sequence[Encoded], *, counts: bool) -> tuple[Batch, list[Fault]]:
        """Return items of one kind as a micro-batch, and those of them that count for nothing, as is told once.

        `counts` is False where none of them does.
        """
        pixels = self._cache.get_each([item.refs for item in items if item.refs])
        found = iter(pixels)
        members, faults = [], []
        for item in items:
            given = next(found) if item.refs else {}
            if isinstance(given, UnreadableImage):
                blank = item.with_pixels(self._cache.blank(item.refs))
                members.append(Member(blank, item.owner, counts=False))
                faults += [Fault(item.name, str(given))] if counts else []
            else:
                members.append(Member(item.with_pixels(given), item.owner, counts))
        return gather(self._renderer, members), faults
