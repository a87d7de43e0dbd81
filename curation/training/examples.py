"""Turns to examples: texts to ids, within the longest row that is allowed, and the ids of the last turns kept."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from curation.families import Example, Renderer, Size
from curation.training.arms import answer_of, ask
from curation.training.records import Row, Rows
from curation.training.settings import Settings
from schemas.sample import ImageRef

_KEPT = 20_000
"""Turns whose ids are kept, about 3 KB each at 500 tokens."""

Fit = Literal["whole", "truncated", "dropped"]


class Encoded(NamedTuple):
    """A turn as ids, its images still files."""

    name: str
    owner: int
    """What its losses are counted under: the index of its source."""
    ids: NDArray[np.int32]
    prompt: int
    groups: NDArray[np.int8]
    refs: tuple[ImageRef, ...]
    image_tokens: int
    """Placeholders of images among the ids."""
    fit: Fit

    def with_pixels(self, pixels: dict[str, Tensor]) -> Example:
        """Return it as the renderer takes it."""
        return Example(self.ids.tolist(), self.prompt, self.groups.tolist(), pixels)


class Encoder:
    """Reads turns and encodes them; goes to the workers."""

    def __init__(self, renderer: Renderer, rows: Rows, settings: Settings) -> None:
        self._renderer = renderer
        self._rows = rows
        self._settings = settings
        self._held: dict[int, Encoded] = {}

    def encode(self, index: int) -> Encoded:
        """Return a turn of the rows, cut or marked as dropped where it is too long."""
        if index not in self._held:
            if len(self._held) >= _KEPT:
                del self._held[next(iter(self._held))]
            self._held[index] = self._encode(self._rows.read(index), int(self._rows.source_ids[index]))
        return self._held[index]

    def _encode(self, row: Row, owner: int) -> Encoded:
        asked = ask(row, self._settings.arm)
        refs = row.line.sample.images
        prompt = self._renderer.prompt(asked.question, [Size(ref.width, ref.height) for ref in refs], asked.earlier)
        answer = answer_of(self._renderer, row, self._settings.arm)
        room = self._settings.max_tokens - len(prompt)
        fit: Fit = "whole" if len(answer.ids) <= room else "truncated"
        if fit == "truncated" and (room <= 0 or self._settings.overlong == "drop"):
            fit = "dropped"
        ids = np.array(prompt + answer.ids[: max(room, 0)], np.int32)
        groups = np.array(answer.groups[: max(room, 0)], np.int8)
        image_tokens = prompt.count(self._renderer.image_token_id) if refs else 0
        return Encoded(row.name, owner, ids, len(prompt), groups, refs, image_tokens, fit)
