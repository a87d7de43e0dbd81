"""Durable writes in groups: one thread commits whatever has been asked for while the last commit was under way."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from curation.errors import StoreError

A = TypeVar("A")
R = TypeVar("R")

Step = Callable[[Connection, Sequence[A]], Sequence[R] | None]
"""Writes many arguments at once; returns a result for each, or None where there is nothing to say."""

GATHER = 0.01
"""Seconds in which others may join a commit: fewer commits, and fewer changes between the threads."""
GROUP = 256
"""The most writes in one commit."""


class _Wish(NamedTuple):
    step: Step[Any, Any]
    argument: Any
    done: asyncio.Future[Any] | None


class Writer:
    """The one writer of a run. A write that fails fails the run: everything asked for later raises the same error."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self._wishes: queue.SimpleQueue[_Wish | None] = queue.SimpleQueue()
        self._error: Exception | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    async def write(self, step: Step[A, R], argument: A) -> R:
        """Write, and return the step's result when it is durable."""
        done: asyncio.Future[R] = self._loop.create_future()
        self._ask(_Wish(step, argument, done))
        return await done

    def post(self, step: Step[A, Any], argument: A) -> None:
        """Write soon; `flush` says when."""
        self._ask(_Wish(step, argument, None))

    async def flush(self) -> None:
        """Return when everything asked for so far is durable."""
        await self.write(_nothing, None)

    async def close(self) -> None:
        """Write what is left, and end. Raises the error that stopped the writing, if one did."""
        self._closed = True
        self._wishes.put(None)
        await asyncio.to_thread(self._thread.join)
        if self._error is not None:
            raise self._error

    def _ask(self, wish: _Wish) -> None:
        if self._error is not None:
            raise self._error
        if self._closed:
            raise RuntimeError("the writer is closed")
        self._wishes.put(wish)

    def _work(self) -> None:
        while (group := self._next()) is not None:
            self._answer(group, self._commit(group))

    def _next(self) -> list[_Wish] | None:
        """Wait for a wish, and take with it what else has been asked for."""
        group: list[_Wish] = []
        wish = self._wishes.get()
        time.sleep(GATHER)
        while wish is not None:
            group.append(wish)
            if len(group) == GROUP:
                return group
            try:
                wish = self._wishes.get_nowait()
            except queue.Empty:
                return group
        if group:
            self._wishes.put(None)
        return group or None

    def _commit(self, group: list[_Wish]) -> list[Any]:
        """Write the group; return its results, or none where the writing has failed."""
        if self._error is not None:
            return []
        try:
            with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
                return _run(connection, group)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self._error = refused(error) if isinstance(error, SQLAlchemyError | OSError) else error
            return []

    def _answer(self, group: list[_Wish], results: list[Any]) -> None:
        waiting = [(wish.done, result) for wish, result in zip_longest(group, results) if wish.done]
        if waiting:
            with suppress(RuntimeError):  # the loop has ended, and with it those who waited
                self._loop.call_soon_threadsafe(_resolve, waiting, self._error)


def refused(error: Exception) -> StoreError:
    """Say in one line why the database could not be written."""
    said = StoreError(f"the workspace can't be written: {one_line(error)}")
    said.__cause__ = error
    return said


def one_line(error: Exception) -> str:
    """Return what the database said, without the statement and its parameters."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _run(connection: Connection, group: list[_Wish]) -> list[Any]:
    """Carry out the group's steps, each once for all of its arguments."""
    by_step: dict[Step[Any, Any], list[int]] = {}
    for place, wish in enumerate(group):
        by_step.setdefault(wish.step, []).append(place)
    results: list[Any] = [None] * len(group)
    for step, places in by_step.items():
        for place, result in zip(places, step(connection, [group[p].argument for p in places]) or (), strict=False):
            results[place] = result
    return results


def _resolve(waiting: list[tuple[asyncio.Future[Any], Any]], error: Exception | None) -> None:
    for done, result in waiting:
        if done.cancelled():
            continue
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)


def _nothing(_connection: Connection, _arguments: Sequence[None]) -> None:
    return None
