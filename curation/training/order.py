"""The order of the items: one for all arms, seeded, in buckets of like length, and a function of the step alone.

A pass shuffles all turns, sorts stretches of `STRETCH` batches by length, cuts them into batches and shuffles those.
An arm skips what it does not take; passes follow each other without a seam. So nothing has to be stored to go on from
a step, the number of ranks plays no part, and two arms that take the same turns see them in the same order.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.training.records import Rows
from curation.training.settings import Arm

STRETCH = 16
"""Batches that are sorted by length together."""


class Order:
    """Which items each step takes."""

    def __init__(self, rows: Rows, arm: Arm, batch: int, seed: int) -> None:
        self._deck = _Deck(rows.lengths, rows.taken(arm), batch, seed)
        self._held: dict[int, NDArray[np.int64]] = {}
        self.batch = batch
        self.items = int(self._deck.taken.sum())
        """Of a pass."""

    def step(self, number: int) -> list[int]:
        """Return the rows of a step, counted from 0."""
        return list(self._between(number * self.batch, (number + 1) * self.batch))

    def _between(self, begin: int, end: int) -> Iterator[int]:
        while begin < end:
            number, offset = divmod(begin, self.items)
            count = min(end - begin, self.items - offset)
            yield from self._pass(number)[offset : offset + count].tolist()
            begin += count

    def _pass(self, number: int) -> NDArray[np.int64]:
        """Return a pass; the last one is kept, as most steps lie in it."""
        if number not in self._held:
            self._held = {number: self._deck.shuffled(number)}
        return self._held[number]


class _Deck(NamedTuple):
    lengths: NDArray[np.int32]
    taken: NDArray[np.bool_]
    batch: int
    seed: int

    def shuffled(self, number: int) -> NDArray[np.int64]:
        """Return the rows of a pass that are taken, in their order."""
        chance = np.random.default_rng([self.seed, number])
        order = chance.permutation(len(self.lengths))
        stretch = self.batch * STRETCH
        batches = []
        for begin in range(0, len(order), stretch):
            part = order[begin : begin + stretch]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            batches += [part[i : i + self.batch] for i in range(0, len(part), self.batch)]
        mixed = np.concatenate([batches[i] for i in chance.permutation(len(batches))])
        kept: NDArray[np.int64] = mixed[self.taken[mixed]]
        return kept
