"""Steps made ready ahead of time: which items, their ids and pixels, dealt into this rank's micro-batches."""

import signal
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from curation.families import GROUPS, Renderer
from curation.training.batches import Batch, Budget, Load, Member, Share, gather, rounds
from curation.training.examples import Encoded, Encoder
from curation.training.pixels import PixelCache, UnreadableImage
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
    unreadable: list[tuple[str, str]]
    """Name and reason of each item whose image can't be read: it counts for nothing."""


class Steps(Dataset[Taken]):
    """Makes any step, in whatever process."""

    def __init__(
        self, encoder: Encoder, cache: PixelCache, renderer: Renderer, selection: Selection, budget: Budget,
        owners: int, world: World,
    ) -> None:  # fmt: skip
        self._encoder = encoder
        self._cache = cache
        self._renderer = renderer
        self._selection = selection
        self._budget = budget
        self._owners = owners
        self._world = world

    def __getitem__(self, number: int) -> Taken:
        """Return this rank's part of a step, counted from 0."""
        encoded = [self._encoder.encode(row) for row in self._selection.step(number)]
        kept = [item for item in encoded if item.fit != "dropped"]
        loads = [Load(len(item.ids), item.image_tokens) for item in kept]
        unreadable: list[tuple[str, str]] = []
        batches = [
            self._batch(shares[self._world.rank], kept, unreadable)
            for shares in rounds(loads, self._budget, self._world.size)
        ]
        first = self._world.rank == 0
        dropped = (len(encoded) - len(kept)) * first
        truncated = sum(item.fit == "truncated" for item in kept) * first
        return Taken(batches, self._count(batches), dropped, truncated, unreadable)

    def _batch(self, share: Share, items: Sequence[Encoded], unreadable: list[tuple[str, str]]) -> Batch:
        members = []
        for number in share.items:
            member, fault = self._member(items[number], counts=share.counts)
            members.append(member)
            unreadable += [(items[number].name, fault)] if fault else []
        return gather(self._renderer, members)

    def _member(self, item: Encoded, *, counts: bool) -> tuple[Member, str]:
        """Return the item with its pixels, and what was wrong with its images."""
        if not item.refs:
            return Member(item.with_pixels({}), item.owner, counts), ""
        try:
            pixels = self._cache.get(item.refs)
        except UnreadableImage as error:
            blank = item.with_pixels(self._cache.blank(item.refs))
            return Member(blank, item.owner, counts=False), str(error) if counts else ""
        return Member(item.with_pixels(pixels), item.owner, counts), ""

    def _count(self, batches: Sequence[Batch]) -> Tensor:
        cells = self._owners * len(GROUPS)
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
