"""Ctrl-C between two steps, out of memory in one, and two processes on one folder."""

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch

from curation.errors import UsageError
from curation.training.settings import Settings


class Wish:
    """Whether somebody wants the run to stop."""

    def __init__(self) -> None:
        self.stop = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Take a signal: the first one finishes the step, the second one does not."""
        if self.stop:
            signal.default_int_handler(number, frame)
        self.stop = True
        sys.stderr.write("stopping after this step (Ctrl-C again to lose what came after the last checkpoint)\n")


@contextmanager
def stoppable() -> Iterator[Wish]:
    """Give what Ctrl-C or SIGTERM sets; only the main thread can hear them."""
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return
    before = {number: signal.signal(number, wish.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_held: set[int] = set()
"""Locks of this process, which a forked worker has too, and must not keep when this process is killed."""


def let_go() -> None:
    """Leave the locks to the process that a worker was forked from."""
    while _held:
        os.close(_held.pop())


@contextmanager
def occupied(out: Path) -> Iterator[None]:
    """Hold the folder of a run until the end; a process that dies lets go of it. Raises UsageError where it is held."""
    out.mkdir(parents=True, exist_ok=True)
    handle = os.open(out / ".lock", os.O_RDWR | os.O_CREAT)
    try:
        _lock(handle, out)
        _held.add(handle)
        yield
    finally:
        _held.discard(handle)
        os.close(handle)


def _lock(handle: int, out: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(
            f"another process is training in {out}: wait for it, stop it, or give another --out"
        ) from error


@contextmanager
def room(settings: Settings, step: int) -> Iterator[None]:
    """Say in one line what to lower where the memory is too small."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise UsageError(_advice(settings, step)) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):  # how PyTorch says it on a CPU
            raise
        raise UsageError(_advice(settings, step)) from error


def _advice(settings: Settings, step: int) -> str:
    ways = [f"lower --micro-tokens (now {settings.micro_tokens:,})"]
    ways += [] if settings.recompute else ["add --recompute"]
    ways += [] if settings.lora or settings.freeze else ["--freeze vision", "--lora 16"]
    ways += [f"lower --max-tokens (now {settings.max_tokens:,})"]
    return f"out of memory at step {step + 1}: {', or '.join(ways)}; the same command goes on from the last checkpoint"
