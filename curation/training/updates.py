"""Updates of the weights: AdamW on fp32 masters, the gradient clipped, and never one that is not finite."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from curation.errors import DataError
from curation.training.schedule import rate
from curation.training.settings import Settings
from curation.training.shards import plain

IN_A_ROW = 5
"""Updates that may be dropped one after the other before the run ends."""


class Update(NamedTuple):
    """What became of a step's gradient."""

    norm: float
    lr: float
    done: bool
    """False where loss or gradient were not finite, so that the weights are as they were."""


class Updater:
    """The optimizer of one run."""

    def __init__(self, parameters: Sequence[nn.Parameter], settings: Settings) -> None:
        self._settings = settings
        self._parameters = parameters
        self.optimizer = torch.optim.AdamW(
            parameters, lr=settings.lr, betas=settings.betas, weight_decay=settings.weight_decay, fused=True
        )
        self.dropped_in_a_row = 0

    def update(self, step: int, loss: Tensor) -> Update:
        """Take the step, counted from 0, with the gradients that are there, and clear them.

        Raises DataError when loss or gradient were not finite so often in a row that they won't be.
        """
        lr = rate(self._settings, step)
        norm = self._norm()
        value, loss_value = torch.stack((norm, loss.to(norm))).tolist()  # waits once for a GPU
        finite = isfinite(value) and isfinite(loss_value)
        if finite:
            self._apply(norm if 0 < self._settings.clip < value else None, lr)
        self.optimizer.zero_grad(set_to_none=True)
        self.dropped_in_a_row = 0 if finite else self.dropped_in_a_row + 1
        if self.dropped_in_a_row == IN_A_ROW:
            raise DataError(
                f"loss or gradient were not finite in {IN_A_ROW} steps in a row, the last of them step {step + 1}: "
                f"lower --lr (now {self._settings.lr:g}), or start from other weights"
            )
        return Update(value if isfinite(value) else 0.0, lr, finite)

    def _norm(self) -> Tensor:
        """Return the norm of the whole gradient, over all ranks."""
        return plain(get_total_norm([p.grad for p in self._parameters if p.grad is not None]))

    def _apply(self, norm: Tensor | None, lr: float) -> None:
        """Update the weights; a norm is one that is too large."""
        if norm is not None:
            clip_grads_with_norm_(self._parameters, self._settings.clip, norm)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
