"""Micro-batches: within a budget of tokens, of one kind, and as many on each rank as on every other.

Ranks that share a model must do the same forward passes in the same order, so a rank without an item of its own in a
round takes one that counts for nothing.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from curation.families import GROUPS, Example, Renderer


class Load(NamedTuple):
    """What an item asks of a micro-batch."""

    tokens: int
    """Ids, placeholders of images included."""
    image_tokens: int
    """Of them, placeholders of images."""


class Budget(NamedTuple):
    """What a micro-batch may hold."""

    tokens: int
    """Padding included."""
    extra: float = 0.0
    """Tokens that cost what an image does, beyond its placeholders, for each of them."""

    def items(self, longest: int, image_tokens: int) -> int:
        """Return how many items of that size fit; at least one."""
        return max(1, int(self.tokens // (longest + image_tokens * self.extra)))


class Share(NamedTuple):
    """What one rank does in a round."""

    items: list[int]
    counts: bool
    """False for an item that only keeps the rank in step with the others."""


def rounds(loads: Sequence[Load], budget: Budget, ranks: int) -> list[list[Share]]:
    """Deal the items of a step: a list of rounds, with a share for each rank.

    Items with images and items without never meet; in a round the items are of like length.
    """
    with_images = [number for number, load in enumerate(loads) if load.image_tokens]
    without = [number for number, load in enumerate(loads) if not load.image_tokens]
    return [*_deal(with_images, loads, budget, ranks), *_deal(without, loads, budget, ranks)]


def _deal(numbers: list[int], loads: Sequence[Load], budget: Budget, ranks: int) -> Iterator[list[Share]]:
    left = sorted(numbers, key=lambda number: (-loads[number].tokens, number))
    most = max((loads[number].image_tokens for number in left), default=0)
    while left:
        count = budget.items(loads[left[0]].tokens, most) * ranks
        dealt, left = left[:count], left[count:]
        shares = [dealt[rank::ranks] for rank in range(ranks)]
        yield [Share(share or dealt[:1], bool(share)) for share in shares]


class Member(NamedTuple):
    """An example in a micro-batch."""

    example: Example
    owner: int
    """What its losses are counted under."""
    counts: bool = True


class Batch(NamedTuple):
    """A micro-batch: what the model takes, and the K positions that the loss is taken on."""

    inputs: dict[str, Tensor]
    rows: Tensor
    """[K] positions in the flattened [B·T] whose next token is trained."""
    labels: Tensor
    """[K] those tokens."""
    cells: Tensor
    """[K] owner · len(GROUPS) + group."""
    loads: list[Load]
    """Of each example; padding is not counted."""

    def to(self, device: torch.device) -> "Batch":
        """Return it on the device."""
        inputs = {name: tensor.to(device, non_blocking=True) for name, tensor in self.inputs.items()}
        rows, labels, cells = (part.to(device, non_blocking=True) for part in (self.rows, self.labels, self.cells))
        return Batch(inputs, rows, labels, cells, self.loads)


def gather(renderer: Renderer, members: Sequence[Member]) -> Batch:
    """Collate members of one kind."""
    inputs = renderer.collate([member.example for member in members])
    width = inputs["input_ids"].shape[1]
    rows: list[int] = []
    labels: list[int] = []
    cells: list[int] = []
    for place, (example, owner, counts) in enumerate(members):
        if counts:
            begin = place * width + example.prompt - 1
            rows += range(begin, begin + len(example.groups))
            labels += example.ids[example.prompt :]
            cells += [owner * len(GROUPS) + group for group in example.groups]
    loads = [load(renderer, member.example) for member in members]
    return Batch(inputs, torch.tensor(rows, dtype=torch.long), torch.tensor(labels, dtype=torch.long),
                 torch.tensor(cells, dtype=torch.long), loads)  # fmt: skip


def load(renderer: Renderer, example: Example) -> Load:
    """Return what an example asks of a micro-batch."""
    return Load(len(example.ids), example.ids.count(renderer.image_token_id) if example.pixels else 0)
