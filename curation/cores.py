"""Work on as many processes as there are cores, in the order of what is worked on; few are read ahead."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from multiprocessing import get_context
from typing import TypeVar

A = TypeVar("A")
R = TypeVar("R")

_FEW = 4
"""Items that are not worth the second in which other processes start."""


def each(task: Callable[[A], R], items: Iterator[A], few: int = _FEW) -> Iterator[R]:
    """Return what the task makes of each item; fewer than `few` start no process. Memory does not grow with them."""
    head = list(islice(items, few))
    processes = os.cpu_count() or 1
    if len(head) < few or processes == 1:
        yield from map(task, chain(head, items))
        return
    # Not by forking: the threads of Polars would not be there in the child, but their locks would.
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=_ignore_interrupts) as pool:
        yield from _in_order(pool, task, chain(head, items), ahead=2 * processes)


def _in_order(pool: ProcessPoolExecutor, task: Callable[[A], R], items: Iterator[A], ahead: int) -> Iterator[R]:
    under_way: deque[Future[R]] = deque()
    for item in items:
        under_way.append(pool.submit(task, item))
        if len(under_way) == ahead:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that began this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
