"""When the steps of a trainer begin, told in the same way for every trainer: by the forward pass of its model.

Needs torch only: the peers run it in an environment of their own.
"""

import hashlib
import time
from itertools import pairwise, starmap
from typing import Any, NamedTuple, cast

from torch import Tensor, nn


class Mark(NamedTuple):
    """The beginning of a forward pass, in seconds."""

    wall: float
    cpu: float


class Clock:
    """Counts steps of one forward pass each."""

    def __init__(self, model: nn.Module) -> None:
        self._marks: list[Mark] = []
        self._seen: list[tuple[Tensor, Tensor]] = []
        cast("nn.Module", model.model).register_forward_pre_hook(self._begin, with_kwargs=True)

    def _begin(self, module: nn.Module, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        self._marks.append(Mark(time.perf_counter(), time.process_time()))
        self._seen.append((given["input_ids"], given["attention_mask"]))

    def report(self, warm: int, steps: int) -> dict[str, Any]:
        """Return seconds of each step that is timed, in the first pass over the items and in the second.

        The first `warm` steps are left out; `steps` are those of a pass. `tokens` are those of these steps, without
        padding; `digest` is of all batches: their rows without padding, whatever their order, and their widths.
        """
        assert len(self._marks) == 2 * steps, f"{len(self._marks)} forward passes in {2 * steps} steps"
        spans = [Mark(after.wall - before.wall, after.cpu - before.cpu) for before, after in pairwise(self._marks)]
        tokens = [int(mask.sum()) for _, mask in self._seen]
        return {
            "first": {"spans": spans[warm:steps], "tokens": sum(tokens[warm:steps])},
            "later": {"spans": spans[steps:], "tokens": sum(tokens[steps:-1])},
            "digest": hashlib.sha256("".join(starmap(_rows, self._seen)).encode()).hexdigest(),
        }


def _rows(ids: Tensor, mask: Tensor) -> str:
    rows = sorted(row[kept.bool()].tolist() for row, kept in zip(ids, mask, strict=True))
    return repr((ids.shape[1], rows))
