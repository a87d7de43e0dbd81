"""Steps made ready ahead of time: which items, their ids and pixels, dealt into this rank's micro-batches."""

import signal
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from curation.families import GROUPS
from curation.training.batches import Batch, Budget, Load, rounds
from curation.training.items import Fault, Items
from curation.training.shards import World
from curation.training.stopping import let_go

_AHEAD = 4
"""Steps that each worker keeps ready."""


class Selection(Protocol):
    """Says which rows a step takes."""

    def step(self, number: int) -> list[int]:
        """Return the rows of a step, counted from 0."""


class Taken(NamedTuple):
    """A step of this rank. What is counted here is counted on one rank only."""

    batches: list[Batch]
    counts: Tensor
    """[owners · GROUPS] float64: tokens that are trained."""
    dropped: int
    truncated: int
    unreadable: list[Fault]
    """Each counts for nothing."""


class Steps(Dataset[Taken]):
    """Makes any step, in whatever process."""

    def __init__(self, items: Items, selection: Selection, budget: Budget, world: World) -> None:
        self._items = items
        self._selection = selection
        self._budget = budget
        self._world = world

    def __getitem__(self, number: int) -> Taken:
        """Return this rank's part of a step, counted from 0."""
        encoded = [self._items.encode(row) for row in self._selection.step(number)]
        kept = [item for item in encoded if item.fit != "dropped"]
        loads = [Load(len(item.ids), item.image_tokens) for item in kept]
        batches: list[Batch] = []
        unreadable: list[Fault] = []
        for shares in rounds(loads, self._budget, self._world.size):
            share = shares[self._world.rank]
            batch, faults = self._items.batch([kept[number] for number in share.items], counts=share.counts)
            batches.append(batch)
            unreadable += faults
        first = self._world.rank == 0
        dropped = (len(encoded) - len(kept)) * first
        truncated = sum(item.fit == "truncated" for item in kept) * first
        return Taken(batches, self._count(batches), dropped, truncated, unreadable)

    def _count(self, batches: Sequence[Batch]) -> Tensor:
        cells = self._items.owners * len(GROUPS)
        counts = torch.zeros(cells, dtype=torch.float64)
        for batch in batches:
            counts += torch.bincount(batch.cells, minlength=cells)
        return counts


def feed(steps: Steps, numbers: range, workers: int, *, pinned: bool) -> Iterator[Taken]:
    """Return the steps in order, made ready by so many workers, who start now; 0 makes each when it is asked for."""
    if not numbers:
        return iter(())
    loader = DataLoader(
        steps,
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        collate_fn=_as_it_is,
        pin_memory=pinned,
        prefetch_factor=_AHEAD if workers else None,
        worker_init_fn=_begin_worker,
    )
    return iter(loader)


def _as_it_is(taken: Any) -> Any:
    return taken


def _begin_worker(_: int) -> None:
    """Leave Ctrl-C to the trainer, which wants its workers until the step is finished, and the lock of its folder."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    let_go()
