"""Sampling that does not depend on which other rows are in the batch: every row has its own stream of numbers."""

from typing import NamedTuple

import torch
from torch import Tensor

from schemas.digest import digest_json

_BLOCK = 64


class Sampling(NamedTuple):
    """How a token is chosen; the defaults are LLaVA-CoT's. A temperature of zero takes the likeliest."""

    temperature: float = 0.6
    top_p: float = 0.9


def seed_of(*parts: str | int) -> int:
    """Return a seed below 2**32 that these parts always give."""
    return int(digest_json(list(parts)).rsplit(":", 1)[-1][:8], 16)


class Draws:
    """Numbers in [0, 1) of one row, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._generator: torch.Generator | None = None
        self._block: list[float] = []

    def next(self) -> float:
        """Return the next number."""
        if not self._block:
            self._generator = self._generator or torch.Generator().manual_seed(self._seed)
            self._block = torch.rand(_BLOCK, generator=self._generator, dtype=torch.float64).tolist()[::-1]
        return self._block.pop()


def pick(logits: Tensor, draws: list[Draws], sampling: Sampling) -> tuple[list[int], list[float]]:
    """Choose a token for each row of logits [B, V]. Returns the ids and their log-likelihoods, untempered.

    The smallest set of likeliest tokens that holds `top_p` is kept, and its distribution function inverted at the
    row's next number. The host waits for the device once.
    """
    if sampling.temperature <= 0:
        chosen = logits.argmax(-1, keepdim=True)
    else:
        numbers = torch.tensor([row.next() for row in draws], dtype=torch.float64)
        chosen = _nucleus(logits / sampling.temperature, numbers.to(logits.device, non_blocking=True), sampling.top_p)
    likelihood = logits.gather(-1, chosen) - logits.logsumexp(-1, keepdim=True)
    ids, known = torch.cat((chosen.T.double(), likelihood.T.double())).tolist()
    return [int(token) for token in ids], known


def _nucleus(logits: Tensor, numbers: Tensor, top_p: float) -> Tensor:
    """Return ids [B, 1]."""
    shares, order = torch.softmax(logits, -1).sort(dim=-1, descending=True, stable=True)
    upto = shares.double().cumsum(-1)
    held = (upto - shares < top_p).sum(-1, keepdim=True)
    mass = upto.gather(-1, held - 1)
    place = torch.searchsorted(upto, numbers[:, None] * mass, right=True).minimum(held - 1)
    return order.gather(-1, place)
