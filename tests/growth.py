"""How the CPU time of some work grows with what it is given: measured beside itself, however fast the machine is."""

import gc
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TIMES = 8
"""So many times as much is given the second time: linear work takes 8 times as long, quadratic work 64 times."""
MOST = 20
_TRIES = 3
_UNSEEN = 0.02
"""Seconds in which nothing can be told."""


def growth(work: Callable[[T], object], given: Callable[[int], T], size: int, most: float = MOST) -> float:
    """Return how many times as long the work takes with `given(size)` as with an eighth of it.

    The best of three tries counts on either side; one that stays below `most` is enough.
    """
    small, large = given(size // TIMES), given(size)
    work(small)  # what is compiled or imported at the first time
    less = more = float("inf")
    for _ in range(_TRIES):
        less, more = min(less, _seconds(work, small)), min(more, _seconds(work, large))
        if more <= most * less + _UNSEEN:
            break
    return (more - _UNSEEN) / less


def assert_linear(work: Callable[[T], object], given: Callable[[int], T], size: int) -> None:
    """Fail where eight times as much takes twenty times as long: linear work never does, quadratic work always."""
    times = growth(work, given, size)
    assert times <= MOST, f"{TIMES} times as much takes {times:.0f} times as long"


def _seconds(work: Callable[[T], object], given: T) -> float:
    """Return the CPU time of this process, in which no garbage is collected."""
    gc.disable()
    try:
        begun = time.process_time()
        work(given)
        return time.process_time() - begun
    finally:
        gc.enable()
