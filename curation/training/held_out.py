"""Losses on the held-out split: exact means over all its tokens, in the form that the arm trains on."""

import torch

from curation.families import VisionModel
from curation.training.batches import Budget
from curation.training.feed import Steps, feed
from curation.training.items import Items
from curation.training.objective import Objective, Sums
from curation.training.outcome import Losses
from curation.training.precision import computing
from curation.training.records import Rows
from curation.training.settings import Settings
from curation.training.shards import World

_AT_ONCE = 64
"""Items that are dealt into micro-batches together."""


class _Sorted:
    """All rows once, by length: what is dealt together is of like length."""

    def __init__(self, rows: Rows, settings: Settings) -> None:
        taken = rows.taken(settings.arm)
        self._rows = [int(row) for row in rows.lengths.argsort(kind="stable") if taken[row]]
        self.steps = -(-len(self._rows) // _AT_ONCE)

    def step(self, number: int) -> list[int]:
        return self._rows[number * _AT_ONCE : (number + 1) * _AT_ONCE]


class HeldOut:
    """The held-out rows of one run, to be evaluated again and again."""

    def __init__(self, model: VisionModel, rows: Rows, settings: Settings, budget: Budget, world: World) -> None:
        self._settings = settings
        self._world = world
        self._sources = rows.sources
        order = _Sorted(rows, settings)
        self._numbers = range(order.steps)
        self._steps = Steps(Items(model, rows, settings, _cache_mib(settings)), order, budget, world)

    @torch.no_grad()
    def losses(self, objective: Objective) -> Losses | None:
        """Return the means under the model as it is now; None without rows. What can't be read is left out."""
        if not self._numbers:
            return None
        sums = Sums(self._sources, self._world.device)
        objective.eval()
        for taken in feed(self._steps, self._numbers, 0, pinned=False):
            sums.counts += taken.counts
            for batch in taken.batches:
                moved = batch.to(self._world.device)
                with computing(self._settings, self._world):
                    sums.add(objective(moved.inputs, moved.rows, moved.labels), moved.cells)
        objective.train()
        return sums.take(self._world)


def _cache_mib(settings: Settings) -> float:
    """Return the room for held-out images: a quarter of that for the others."""
    return settings.cache_mb / 4
