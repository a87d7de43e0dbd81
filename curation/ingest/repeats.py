"""Samples that came before: told by hashes of their ids and of what they ask, at forty bytes or so for each."""

from array import array
from typing import Literal

from schemas.sample import Sample

_FIRST = 1024
"""Slots of the table at first; a power of two, as ever."""


class Repeats:
    """Keeps the hashes of ids, each beside the hash of its sample, in a table with open addressing."""

    def __init__(self) -> None:
        self._slots = array("q", bytes(16 * _FIRST))
        self._used = 0

    def before(self, sample: Sample, answers: tuple[str | None, ...] = ()) -> Literal["", "row", "id"]:
        """Tell whether a sample of this id came before, the same one or another; and keep it in mind.

        What comes with answers is the same where these are, too.
        """
        # An empty slot holds 0. Hashes of 64 bits: among a million ids, two are alike once in thirty million runs.
        key = hash(sample.id) or 1
        content = hash((sample.images, sample.turns, answers))
        at = self._slot(key)
        if self._slots[at] == key:
            return "row" if self._slots[at + 1] == content else "id"
        self._slots[at], self._slots[at + 1] = key, content
        self._used += 1
        if 3 * self._used > len(self._slots):  # two thirds of the slots, which are pairs, are full
            self._grow()
        return ""

    def _slot(self, key: int) -> int:
        mask = len(self._slots) - 1
        at = 2 * key & mask
        while self._slots[at] not in (0, key):
            at = at + 2 & mask
        return at

    def _grow(self) -> None:
        old, self._slots = self._slots, array("q", bytes(16 * len(self._slots)))
        for place in range(0, len(old), 2):
            if key := old[place]:
                at = self._slot(key)
                self._slots[at], self._slots[at + 1] = key, old[place + 1]
