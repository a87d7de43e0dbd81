"""Workers that have traces judged: they ask through the request core, and store each verdict with what follows from it.

A trace ends with a verdict, or without one and with the reason why: then it is not judged, and nothing takes it to be.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple, TypeVar

from curation.ballots import COMPARISON, JUDGE
from curation.calls.asker import Ask, Asker, Attempts, NoAnswer, Parsed
from curation.calls.caller import Caller, NoSchema, Origin
from curation.calls.request import AnswerForm
from curation.critics.asking import Critic
from curation.critics.comparing import Comparer, Preference
from curation.critics.reading import Findings
from curation.critics.showing import Case
from curation.errors import CurationError
from curation.images import LoadedImage
from curation.store import Store
from curation.store.comparisons import Repaired, put_comparisons
from curation.store.steps import put_issues
from curation.store.verdicts import Candidate, put_verdicts
from curation.store.writer import Writer
from schemas.issue import Issue, Severity
from schemas.sample import ImageRef, Sample
from schemas.trace import Trace
from schemas.verdict import Compared, Rank, Verdict

_log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


class Lost(NamedTuple):
    """A trace that has no verdict, and why."""

    trace: str
    """Its sample's id and its turn."""
    why: str


class Results:
    """What a jury has done; the progress line reads it while it grows."""

    def __init__(self) -> None:
        self.said: Counter[str] = Counter()
        """New verdicts by what each says of its trace as a whole, or preferences."""
        self.already = 0
        """Traces that this judge has judged before."""
        self.failures: Counter[str] = Counter()
        """Traces that are not judged, by outcome of the last call."""
        self.lost: list[Lost] = []
        """The same ones, each with its reason."""
        self.simulated = False
        """It was the simulator that answered."""

    @property
    def traces(self) -> int:
        """Traces that are done."""
        return self.said.total() + self.already + self.failures.total()


class Seat(NamedTuple):
    """What a judge asks through, and where what it says is stored."""

    caller: Caller
    store: Store
    writer: Writer
    attempts: Attempts


class _Asking:
    """Asks for one trace after another, by schema until the endpoint refuses it."""

    def __init__(self, seat: Seat, name: str, version: str) -> None:
        self.results = Results()
        self._seat = seat
        self._name = name
        self._version = version
        self._form: AnswerForm = "schema"

    async def _ask(self, trace: Trace, how: Callable[[Ask], Awaitable[R]]) -> R | None:
        """Return what is answered; None, noted with the reason, where nothing can be read."""
        origin = Origin(trace.sample_id, trace.turn, self._name, self._version)
        asker = Asker(self._seat.caller, origin, self._form, self._seat.attempts)
        try:
            return await self._in_form(asker, how)
        except NoAnswer as failed:
            self._lose(trace, failed.call.outcome.value, failed.call.reason)
        except OSError as error:
            self._lose(trace, "image", f"its image can't be read: {error.strerror}")
        return None

    async def _in_form(self, asker: Asker, how: Callable[[Ask], Awaitable[R]]) -> R:
        try:
            return await how(asker)
        except NoSchema:
            self._form = asker.form = "tags"
            return await how(asker)

    def _lose(self, trace: Trace, outcome: str, why: str) -> None:
        self.results.failures[outcome] += 1
        self.results.lost.append(Lost(f"{trace.sample_id} turn {trace.turn}", f"{outcome}: {why}"))
        _log.warning("%s, turn %d, not judged: %s: %s", trace.sample_id, trace.turn, outcome, why)

    def _case(self, sample: Sample, trace: Trace) -> Case:
        """Return what the judge is shown. Raises OSError where an image is not in the workspace."""

        def load(ref: ImageRef) -> LoadedImage:
            return LoadedImage(ref, self._seat.store.images.path(ref).read_bytes())

        return Case(sample, trace, tuple(map(load, sample.images)))


class Jury(_Asking):
    """The workers that have traces judged by one model."""

    def __init__(self, seat: Seat, critic: Critic) -> None:
        super().__init__(seat, JUDGE, critic.VERSION)
        self._critic = critic

    async def work(self, candidates: Iterator[Candidate]) -> None:
        """Have every trace judged that this judge has not judged before.

        Raises the CurationError that stopped the run; everything that came back until then is stored.
        """
        await _work_off(self._seat, self._new(candidates), self._judge)

    def _new(self, candidates: Iterator[Candidate]) -> Iterator[Candidate]:
        for candidate in candidates:
            if candidate.judged:
                self.results.already += 1
            else:
                yield candidate

    async def _judge(self, candidate: Candidate) -> None:
        async def how(ask: Ask) -> Parsed[Findings]:
            return await self._critic.judge(self._case(candidate.sample, candidate.trace), ask)

        asked = await self._ask(candidate.trace, how)
        if asked is not None:
            verdict = self._verdict(candidate.trace, asked)
            self._seat.writer.post(put_verdicts, verdict)
            self.results.said[verdict.overall.value] += 1
            self.results.simulated |= verdict.simulated

    def _verdict(self, trace: Trace, asked: Parsed[Findings]) -> Verdict:
        return Verdict(
            sample_id=trace.sample_id,
            turn=trace.turn,
            trace_id=trace.id,
            model=self._seat.caller.model.name,
            endpoint=self._seat.caller.endpoint,
            prompt_version=self._version,
            simulated=asked.simulated,
            at=asked.call.created_at,
            call=asked.call.key,
            stages=asked.value.stages,
            steps=asked.value.steps,
        )


class Comparison(_Asking):
    """The workers that have repaired traces compared with those that they were made from, by one model."""

    def __init__(self, seat: Seat, comparer: Comparer) -> None:
        super().__init__(seat, COMPARISON, comparer.VERSION)
        self._comparer = comparer

    async def work(self, pairs: Iterator[Repaired]) -> None:
        """Have every pair compared that this judge has not compared before. Raises as `Jury.work` does."""
        await _work_off(self._seat, self._new(pairs), self._compare)

    def _new(self, pairs: Iterator[Repaired]) -> Iterator[Repaired]:
        for pair in pairs:
            if pair.compared:
                self.results.already += 1
            else:
                yield pair

    async def _compare(self, pair: Repaired) -> None:
        async def how(ask: Ask) -> Preference:
            return await self._comparer.compare(self._case(pair.sample, pair.before), pair.trace, ask)

        found = await self._ask(pair.trace, how)
        if found is not None:
            compared = self._compared(pair, found)
            self._seat.writer.post(put_comparisons, compared)
            self.results.said[compared.rank.value] += 1
            self.results.simulated |= found.simulated
            if compared.rank is Rank.WORSE:
                self._seat.writer.post(put_issues, self._worse(pair.trace, found))

    def _compared(self, pair: Repaired, found: Preference) -> Compared:
        return Compared(
            sample_id=pair.trace.sample_id,
            turn=pair.trace.turn,
            trace_id=pair.trace.id,
            before=pair.before.id,
            model=self._seat.caller.model.name,
            endpoint=self._seat.caller.endpoint,
            prompt_version=self._version,
            simulated=found.simulated,
            at=found.at,
            rank=found.rank,
            reason=found.reason,
        )

    def _worse(self, trace: Trace, found: Preference) -> Issue:
        name = f"{self._seat.caller.model.name}{' (simulated)' * found.simulated}"
        return Issue(
            sample_id=trace.sample_id,
            turn=trace.turn,
            trace_id=trace.id,
            code=f"{COMPARISON}:worse",
            severity=Severity.WARNING,
            message=f"{name} prefers the trace that this one repairs: {found.reason}",
        )


async def _work_off(seat: Seat, items: Iterator[T], do: Callable[[T], Awaitable[None]]) -> None:
    """Do all items, as many at once as the endpoint takes, until they are done or the run is stopped."""
    caller = seat.caller
    hands = caller.gate.limits.concurrency
    hands += hands // 4 + 1  # some wait for the store while the others keep the endpoint busy
    queue: asyncio.Queue[T | None] = asyncio.Queue(maxsize=hands)

    async def feed() -> None:
        for item in items:
            if caller.stopped is not None:
                break
            await queue.put(item)
        for _ in range(hands):
            await queue.put(None)

    async with asyncio.TaskGroup() as group:
        group.create_task(feed())
        for _ in range(hands):
            group.create_task(_worker(caller, queue, do))
    await seat.writer.flush()
    if caller.stopped is not None:
        raise caller.stopped


async def _worker(caller: Caller, queue: asyncio.Queue[T | None], do: Callable[[T], Awaitable[None]]) -> None:
    while (item := await queue.get()) is not None:
        if caller.stopped is None:
            try:
                await do(item)
            except CurationError as error:
                caller.stop(error)
