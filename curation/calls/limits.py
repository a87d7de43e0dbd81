"""How fast requests may go: in flight, per minute, tokens per minute, and one pause that all of them share.

The width (requests in flight) is cut when the endpoint says that it is overloaded, probed with a single request
after the pause that it asks for, and grows back by a quarter each round trip (AIMD with a probe, so that a storm of
429 costs one round of rejected requests and a probe for each pause, not a flood). Budgets per minute are those that
the user gave, or those that the endpoint's own headers name, whichever is smaller.
"""

import asyncio
import math
import random
import re
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_PAUSE = 600.0
"""Seconds; what an endpoint asks for beyond that is a quota or a date, and is asked about again."""


class Limits(NamedTuple):
    """The most that the user allows; None is no limit of the user's."""

    concurrency: int = 64
    rpm: float | None = None
    """Requests a minute."""
    tpm: float | None = None
    """Tokens a minute, prompt and completion."""


def seconds(text: str) -> float:
    """Read a header's duration, `6m0s`, `20ms` or plain seconds; 0 where it is none."""
    try:
        total = float(text)
    except ValueError:
        total = sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))
    return total if 0 < total < math.inf else 0.0


class _Bucket:
    """What a minute allows, refilled evenly; at most a second's worth is saved up.

    A request that is larger than that waits for a full bucket and overdraws it, and the next waits until the debt is
    paid. So no minute holds more than is allowed and a second's worth, or one such request.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self.allow(per_minute)
        self.level = self.capacity
        self.at = now

    def allow(self, per_minute: float) -> None:
        self.rate = per_minute / 60
        self.capacity = max(1.0, self.rate)

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until the amount may be taken."""
        self.level = min(self.capacity, self.level + (now - self.at) * self.rate)
        self.at = now
        short = min(amount, self.capacity) - self.level
        return short / self.rate + 0.001 if short > 0 else 0.0

    def take(self, amount: float) -> None:
        self.level -= amount


class Gate:
    """Lets requests through. Use: `await enter(tokens)`, send, then `leave(…)` with what became of it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.width = float(limits.concurrency)
        self.in_flight = 0
        self.overloads = 0
        """How many requests were turned away as too many."""
        self._threshold = self.width
        self._pauses = 0
        self._paused_until = 0.0
        self._cut_at = -math.inf
        self._buckets: dict[str, _Bucket] = {}
        self._waiting: deque[tuple[asyncio.Future[float], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._closed: Exception | None = None
        for name, limit in (("requests", limits.rpm), ("tokens", limits.tpm)):
            if limit is not None:
                self._buckets[name] = _Bucket(limit, _now())

    @property
    def pause(self) -> float:
        """Seconds that are left of the pause that all share; 0 where there is none."""
        return max(0.0, self._paused_until - _now())

    async def enter(self, tokens: int) -> float:
        """Wait for a turn; return the time at which the request went out. Raises what `close` was given."""
        turn: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, tokens))
        self._admit()
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:
                self.leave(tokens)  # its turn had come, and nobody else would give it back
            raise

    def leave(self, over: int = 0) -> None:
        """Give the turn back; `over` is by how many tokens the request was overestimated, negative if under."""
        self.in_flight -= 1
        if over and (bucket := self._buckets.get("tokens")):
            bucket.level = min(bucket.capacity, bucket.level + over)
        self._admit()

    def close(self, reason: Exception) -> None:
        """Turn away everyone who waits, and everyone who comes."""
        self._closed = reason
        self._admit()

    def answered(self, sent_at: float, headers: Mapping[str, str]) -> None:
        """Note an answer: the width grows, and the endpoint's own account of its limits is taken over."""
        if sent_at > self._cut_at:  # an older request says nothing about the time after the pause
            self._pauses = 0
            grown = self._threshold if self.width < self._threshold else self.width + 0.25
            self.width = min(float(self.limits.concurrency), grown)
        for name in ("requests", "tokens"):
            if limit := headers.get(f"x-ratelimit-limit-{name}"):
                self._learn(name, limit, headers)
        self._admit()

    def overloaded(self, sent_at: float, retry_after: float | None) -> None:
        """Note a request that was turned away as too many: all pause, then one probes, then half of them go on."""
        self.overloads += 1
        if sent_at <= self._cut_at:
            return
        now = self._cut_at = _now()
        if self.width > 1:
            self._threshold = max(1.0, self.width / 2)
        self.width = 1.0
        self._pauses += 1
        pause = min(60.0, 0.5 * 2.0**self._pauses) if retry_after is None else min(retry_after, _LONGEST_PAUSE)
        self._paused_until = max(self._paused_until, now + pause * random.uniform(1.0, 1.1))  # noqa: S311

    def _learn(self, name: str, limit: str, headers: Mapping[str, str]) -> None:
        per_minute = seconds(limit)
        given = self.limits.rpm if name == "requests" else self.limits.tpm
        if per_minute <= 0:
            return
        allowed = min(per_minute, given or per_minute)
        bucket = self._buckets.setdefault(name, _Bucket(allowed, _now()))
        bucket.allow(allowed)
        remaining = headers.get(f"x-ratelimit-remaining-{name}")
        if remaining is not None and seconds(remaining) < 1:
            bucket.level = min(bucket.level, 0.0)
            reset = seconds(headers.get(f"x-ratelimit-reset-{name}", "0"))
            self._paused_until = max(self._paused_until, _now() + min(reset, _LONGEST_PAUSE))

    def _delay(self, tokens: int) -> float | None:
        """Return the seconds until a request may go; None where that depends on others, not on time."""
        if self.in_flight >= max(1, int(self.width)):
            return None
        now = _now()
        waits = (bucket.wait(_amount(name, tokens), now) for name, bucket in self._buckets.items())
        return max(self.pause, *waits, 0.0)

    def _admit(self) -> None:
        while self._waiting:
            turn, tokens = self._waiting[0]
            if turn.done():  # whoever waited was cancelled
                self._waiting.popleft()
                continue
            if self._closed is not None:
                turn.set_exception(self._closed)
                continue
            delay = self._delay(tokens)
            if delay:
                self._wake_in(delay)
            if delay != 0.0:
                return
            self._waiting.popleft()
            self._send(turn, tokens)

    def _send(self, turn: asyncio.Future[float], tokens: int) -> None:
        self.in_flight += 1
        for name, bucket in self._buckets.items():
            bucket.take(_amount(name, tokens))
        turn.set_result(_now())

    def _wake_in(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._admit()


def _amount(name: str, tokens: int) -> int:
    return 1 if name == "requests" else tokens


def _now() -> float:
    return asyncio.get_running_loop().time()
