"""When the steps of a trainer begin, told in the same way for every trainer: by the forward pass of its model.

Needs torch only: the peers run it in an environment of their own.
"""

import hashlib
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import starmap
from typing import Any, NamedTuple

from torch import Tensor, nn


class Span(NamedTuple):
    """What a step took, in seconds."""

    wall: float
    cpu: float


class Turns:
    """Lets one process after another take a step, so that a machine that is busy for a while is so for each of them.

    In the environment, BENCH_TURNS names the pipe that a byte comes from when it is this process's turn, and the pipe
    that it goes on to. Where the process before this one has ended, and where there is none, it is always its turn.
    """

    def __init__(self) -> None:
        self._pipes = [int(pipe) for pipe in os.environ.get("BENCH_TURNS", "").split()]

    def wait(self) -> None:
        """Return when it is this process's turn."""
        if self._pipes:
            os.read(self._pipes[0], 1)

    def end(self) -> None:
        """Let the next one go on."""
        if self._pipes:
            with suppress(BrokenPipeError):
                os.write(self._pipes[1], b".")


class Clock:
    """Counts steps of one forward pass each: a step ends where the next one begins."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._seen: list[tuple[Tensor, Tensor]] = []
        self._turns = Turns()
        self._begun = Span(0.0, 0.0)

    def watch(self, module: nn.Module) -> None:
        """Begin a step at each forward pass of a module that is given tensors by their names."""
        module.register_forward_pre_hook(lambda _, args, given: self.begin(given), with_kwargs=True)

    def begin(self, given: Mapping[str, Tensor]) -> None:
        """Begin a step on such a batch."""
        if self._seen:
            now = _now()
            self._spans.append(Span(now.wall - self._begun.wall, now.cpu - self._begun.cpu))
            self._turns.end()
        self._turns.wait()
        self._seen.append((given["input_ids"], given["attention_mask"]))
        self._begun = _now()

    def report(self, warm: int, steps: int) -> dict[str, Any]:
        """Return seconds of each step that is timed, in the first pass over the items and in the second.

        The first `warm` steps are left out, and so is the last one; `steps` are those of a pass. `tokens` are those of
        these steps, without padding; `digest` is of all batches: their rows without padding, whatever their order, and
        their widths.
        """
        assert len(self._seen) == 2 * steps, f"{len(self._seen)} forward passes in {2 * steps} steps"
        tokens = [int(mask.sum()) for _, mask in self._seen]
        return {
            "first": {"spans": self._spans[warm:steps], "tokens": sum(tokens[warm:steps])},
            "later": {"spans": self._spans[steps:], "tokens": sum(tokens[steps:-1])},
            "digest": hashlib.sha256("".join(starmap(_rows, self._seen)).encode()).hexdigest(),
        }


def _now() -> Span:
    return Span(time.perf_counter(), time.process_time())


def _rows(ids: Tensor, mask: Tensor) -> str:
    rows = sorted(row[kept.bool()].tolist() for row, kept in zip(ids, mask, strict=True))
    return repr((ids.shape[1], rows))
