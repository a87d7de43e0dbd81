"""One request through all stations: reserved, sent in turn, tried again where that helps, settled."""

import asyncio
import logging
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from curation.calls.answer import Answer
from curation.calls.budget import Budget
from curation.calls.failures import Rejected, Reply, Transient, Unreachable
from curation.calls.journal import Journal
from curation.calls.limits import Gate
from curation.calls.prices import Price
from curation.calls.request import Model, Request
from curation.calls.vision import Pictures
from curation.errors import CurationError, MissingError, StoppedError
from curation.images import ImageFault
from schemas.call import Call, Outcome, Usage

if TYPE_CHECKING:
    from curation.calls.client import Client

_log = logging.getLogger(__name__)

OUTAGE = 30.0
"""Seconds without any answer after which an endpoint that can't be reached is taken to be gone."""


class NoSchema(Exception):
    """The endpoint does not support JSON schemas; ask for tags instead."""


class Patience(NamedTuple):
    """How often and how long a request is tried again."""

    failures: int = 6
    """Sendings that may fail in the endpoint or the network."""
    overloads: int = 30
    """Sendings that may be turned away as too many; these wait in the pause that all share."""
    first: float = 0.5
    """Seconds of back-off after the first failure; doubles with each, with full jitter."""
    longest: float = 30.0


class Origin(NamedTuple):
    """The turn that a request is made for, and the recipe that makes it."""

    sample_id: str
    turn: int
    recipe: str
    prompt_version: str


class Job(NamedTuple):
    """A request for one turn; `attempt` counts how often the same request was made for it before."""

    request: Request
    origin: Origin
    attempt: int


class Service(NamedTuple):
    """What is asked, and what it costs."""

    endpoint: str
    """Name of the endpoint in keys and records: its base URL, or `simulator`."""
    model: Model
    price: Price


class Counts:
    """What a run has done so far; the progress line and the report read it."""

    def __init__(self) -> None:
        self.sent = 0
        """Requests over the wire, those that were sent again included."""
        self.stored = 0
        """Requests whose answer was in the store."""
        self.usage = Usage()
        self.answers = 0

    def answered(self, usage: Usage) -> None:
        """Count an answer."""
        self.answers += 1
        self.usage = Usage(
            prompt_tokens=self.usage.prompt_tokens + usage.prompt_tokens,
            completion_tokens=self.usage.completion_tokens + usage.completion_tokens,
            cached_tokens=self.usage.cached_tokens + usage.cached_tokens,
        )

    @property
    def mean_completion(self) -> int:
        """Tokens of a usual answer; a guess before there is one."""
        return self.usage.completion_tokens // self.answers if self.answers else 400


class _Tries:
    """How a request has fared so far."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.failures = 0
        self.overloads = 0

    @property
    def sends(self) -> int:
        return self.failures + self.overloads + 1

    def fail(self, failed: Transient) -> bool:
        """Count a failure; return whether to try again."""
        self.overloads += failed.overload
        self.failures += not failed.overload
        return self.failures < self.patience.failures and self.overloads < self.patience.overloads

    def delay(self) -> float:
        longest = min(self.patience.longest, self.patience.first * 2.0**self.failures)
        return random.uniform(0, longest)  # noqa: S311 - jitter


class Caller:
    """The request core of one run."""

    def __init__(self, client: "Client", service: Service, gate: Gate, journal: Journal, budget: Budget) -> None:
        self.client = client
        self.endpoint, self.model, self.price = service
        self.gate = gate
        self.journal = journal
        self.budget = budget
        self.patience = Patience()
        self.pictures = Pictures(service.model.name)
        self.counts = Counts()
        self.stopped: Exception | None = None
        """Why nothing more is sent, if so."""
        self._last_answer: float | None = None

    def stop(self, reason: Exception) -> None:
        """Send nothing more; what is on its way is still brought home. The first reason stays."""
        if self.stopped is None:
            self.stopped = reason
            self.gate.close(reason)

    async def fetch(self, job: Job) -> tuple[Call, bool]:
        """Return the call for the request, and whether it was sent now.

        Raises NoSchema, or the CurationError that ended the run.
        """
        key = job.request.key(self.endpoint, job.attempt)
        tries = _Tries(self.patience)
        while True:
            if self.stopped is not None:
                raise self.stopped
            ticket = await self.journal.reserve(key, self.ceiling(job.request))
            if isinstance(ticket, Call):
                self.counts.stored += 1
                return ticket, False
            call = await self._pay(job, key, tries) if ticket == "granted" else None
            if call is not None:
                await self.journal.settle(call)
                return call, True
            await asyncio.sleep(tries.delay())

    def ceiling(self, request: Request) -> int:
        """Return the most that the request can cost, in nano-dollars."""
        return self.price.cost(Usage(prompt_tokens=request.size, completion_tokens=self.model.max_tokens))

    async def _pay(self, job: Job, key: str, tries: _Tries) -> Call | None:
        """Send a reserved request within the budget; None to try again."""
        most = self.ceiling(job.request)
        try:
            await self.budget.hold(most)
        except StoppedError:
            await self.journal.release(key)
            raise
        spent = 0
        try:
            call = await self._reserved(job, key, tries)
            spent = call.cost if call else 0
        finally:
            self.budget.settle(most, spent)
        return call

    async def _reserved(self, job: Job, key: str, tries: _Tries) -> Call | None:
        """Send a reserved request; None to try again, and then nothing is reserved any more."""
        try:
            return self._answered(job, key, tries, *await self._send(job.request, key))
        except Rejected as rejected:
            if rejected.schema:
                await self.journal.release(key)
                raise NoSchema from rejected
            return self._call(
                job, key, outcome=Outcome.REJECTED, reason=rejected.reason, raw=rejected.raw, sends=tries.sends
            )
        except ImageFault as fault:
            await self.journal.release(key)
            return self._call(job, key, outcome=Outcome.REJECTED, reason=f"the image: {fault}", sends=0)
        except Transient as failed:
            _log.info("%s, turn %d: %s", job.origin.sample_id, job.origin.turn, failed.reason)
            await self._let_go(key, failed, job)
            if tries.fail(failed):
                self._check_reachable(failed, tries)
                return None
            self._check_outage(failed)
            return self._call(job, key, outcome=Outcome.GAVE_UP, reason=failed.reason, sends=tries.sends - 1)
        except CurationError:
            await self.journal.release(key)
            raise

    async def _send(self, request: Request, key: str) -> tuple[Reply, float]:
        """Send once, in turn, and tell the gate what became of it. Returns the reply and its seconds."""
        estimate = request.size + self.counts.mean_completion
        body = request.body(self.pictures)
        sent_at = await self.gate.enter(estimate)
        unused = 0
        try:
            self.counts.sent += 1
            reply = await self.client.send(body, key)
        except Transient as failed:
            if failed.overload:
                unused = estimate
                self.gate.overloaded(sent_at, failed.retry_after)
            raise
        except CurationError as error:
            self.stop(error)
            raise
        else:
            self.gate.answered(sent_at, reply.headers)
            usage = _usage(request, reply.answer)
            unused = estimate - usage.prompt_tokens - usage.completion_tokens
        finally:
            self.gate.leave(unused)
        self._last_answer = _now()
        return reply, self._last_answer - sent_at

    def _answered(self, job: Job, key: str, tries: _Tries, reply: Reply, seconds: float) -> Call:
        answer, usage = reply.answer, _usage(job.request, reply.answer)
        self.counts.answered(usage)
        return self._call(
            job,
            key,
            outcome=answer.outcome,
            reason=answer.reason,
            raw=reply.raw,
            usage=usage,
            cost=self.price.cost(usage),
            sends=tries.sends,
            seconds=round(seconds, 4),
        )

    def _call(self, job: Job, key: str, **result: Any) -> Call:
        return Call(
            key=key,
            **job.origin._asdict(),
            attempt=job.attempt,
            endpoint=self.endpoint,
            model=self.model.name,
            request=job.request.canonical.decode(),
            created_at=datetime.now(UTC),
            **result,
        )

    async def _let_go(self, key: str, failed: Transient, job: Job) -> None:
        if failed.billed:
            self.budget.spent += self.ceiling(job.request)
            await self.journal.lose(key)
        else:
            await self.journal.release(key)

    def _check_reachable(self, failed: Transient, tries: _Tries) -> None:
        """Say soon that an endpoint is not there: one that never answered and can't be reached."""
        if isinstance(failed, Unreachable) and self._last_answer is None and tries.failures >= 2:
            raise MissingError(f"nothing answers at {self.client.base_url} ({failed.reason}); is --base-url right?")

    def _check_outage(self, failed: Transient) -> None:
        """Stop the run where the endpoint is gone for good, instead of failing every row that is left."""
        if isinstance(failed, Unreachable) and _now() - (self._last_answer or 0.0) > OUTAGE:
            raise StoppedError(
                f"{self.client.base_url} stopped answering ({failed.reason}); the same command goes on from here"
            )


def _usage(request: Request, answer: Answer) -> Usage:
    """Return the tokens as the endpoint counted them, or our own estimate where it did not: no answer is free."""
    if answer.usage.prompt_tokens or answer.usage.completion_tokens:
        return answer.usage
    return Usage(prompt_tokens=request.size, completion_tokens=len(answer.text) // 4)


def _now() -> float:
    return asyncio.get_running_loop().time()
