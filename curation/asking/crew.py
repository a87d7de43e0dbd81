"""Workers that annotate: they take samples from a short queue, ask through the request core, and store what comes back.

A sample's turns are asked in order, with the earlier ones as context. A turn ends as a trace or as a failure with its
reason. What stops the run stops every worker, after the requests that are on their way have come home.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from curation import recipes, scorers, validators
from curation.calls.answer import read
from curation.calls.asker import Asker, Attempts, NoAnswer
from curation.calls.caller import Caller, NoSchema, Origin
from curation.calls.request import AnswerForm
from curation.errors import CurationError
from curation.ingest import Ready
from curation.recipes import Draft, Exchange, Task
from curation.store import Store
from curation.store.queries import traced
from curation.store.steps import Check, Failure, StoredTrace, put_checks, put_failures, put_issues, put_traces
from curation.store.writer import Writer
from curation.validators import Subject
from schemas.call import Call, Outcome
from schemas.trace import Provenance, Trace

_log = logging.getLogger(__name__)

LOOKUP = 32
"""Samples that are looked up in the store at once."""
CHECKED = 128
"""Traces that are checked at once."""


class Terms(NamedTuple):
    """How the crew asks."""

    recipe: str
    form: AnswerForm
    fall_back: bool
    """To tags, where the endpoint does not support JSON schemas."""
    attempts: Attempts
    retry_wrong: int = 0
    """How often a turn is asked again because its conclusion is wrong."""
    settings: recipes.Settings = recipes.Settings()


class _Work(NamedTuple):
    ready: Ready
    done: dict[int, str | None]
    """The turns that are not asked, with their conclusions where they have any."""


class Results:
    """What the crew has done; the progress line reads it while it grows."""

    def __init__(self) -> None:
        self.traces = 0
        self.already = 0
        """Turns that had a trace before."""
        self.failures: Counter[str] = Counter()
        """Turns that ended without a trace, by outcome."""
        self.issues: Counter[str] = Counter()
        """Findings on the new traces, by code."""

    @property
    def turns(self) -> int:
        """Turns that are done."""
        return self.traces + self.already + self.failures.total()


class Crew:
    """The workers of one run."""

    def __init__(self, caller: Caller, store: Store, writer: Writer, terms: Terms) -> None:
        self.results = Results()
        self._caller = caller
        self._store = store
        self._writer = writer
        self._terms = terms
        self._form: AnswerForm = terms.form
        self._recipe = recipes.get(terms.recipe, terms.settings)
        self._name = recipes.name_of(terms.recipe)
        self._unchecked: list[Subject] = []
        self._validators = validators.versions()

    async def work(self, samples: Iterator[Ready]) -> None:
        """Annotate every turn that has no trace of this recipe, model and endpoint yet.

        Raises the CurationError that stopped the run; everything that came back until then is stored.
        """
        hands = self._caller.gate.limits.concurrency
        hands += hands // 4 + 1  # some wait for the store while the others keep the endpoint busy
        queue: asyncio.Queue[_Work | None] = asyncio.Queue(maxsize=hands)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._feed(queue, samples, hands))
            for _ in range(hands):
                group.create_task(self._worker(queue))
        self._check()
        await self._writer.flush()
        if self._caller.stopped is not None:
            raise self._caller.stopped

    async def _feed(self, queue: asyncio.Queue[_Work | None], samples: Iterator[Ready], hands: int) -> None:
        try:
            while self._caller.stopped is None and (batch := list(islice(samples, LOOKUP))):
                for work in self._missing(batch):
                    await queue.put(work)
                await asyncio.sleep(0)
        except CurationError as error:
            self._caller.stop(error)
        for _ in range(hands):
            await queue.put(None)

    def _missing(self, batch: list[Ready]) -> Iterator[_Work]:
        """Return the samples that have something to ask."""
        traces = traced(self._store.engine, [ready.sample.id for ready in batch], self._made_by())
        for ready in batch:
            done: dict[int, str | None] = dict(traces.get(ready.sample.id, {}))
            if ready.flawed:
                done = {i: done.get(i) for i in range(len(ready.sample.turns)) if i not in ready.flawed}
            self.results.already += len(done)
            if len(done) < len(ready.sample.turns):
                yield _Work(ready, done)

    def _made_by(self) -> dict[str, str]:
        return {
            "recipe": self._name,
            "prompt_version": self._recipe.VERSION,
            "model": self._caller.model.name,
            "endpoint": self._caller.endpoint,
        }

    async def _worker(self, queue: asyncio.Queue[_Work | None]) -> None:
        while (item := await queue.get()) is not None:
            if self._caller.stopped is None:
                try:
                    await self._sample(*item)
                except CurationError as error:
                    self._caller.stop(error)

    async def _sample(self, ready: Ready, done: dict[int, str | None]) -> None:
        earlier: list[Exchange] = []
        for index, turn in enumerate(ready.sample.turns):
            conclusion = done.get(index)
            if index not in done:
                task = Task(ready.sample, index, ready.images, tuple(earlier), ready.flawed.get(index))
                trace = await self._turn(task)
                conclusion = trace.stages.conclusion if trace else None
            answer = turn.target or conclusion
            if answer is not None:
                earlier.append(Exchange(turn.question, answer))

    async def _turn(self, task: Task) -> Trace | None:
        asker = self._asker(task)
        try:
            draft = await self._draft(task, asker)
        except NoAnswer as failed:
            self._fail(task, failed.call)
            return None
        draft = await self._righted(task, asker, draft)
        trace = _trace(task, draft, self._name, self._recipe.VERSION)
        self._writer.post(put_traces, StoredTrace(trace, self._caller.endpoint))
        self._check_later(Subject.of(task.sample, trace))
        self.results.traces += 1
        return trace

    def _asker(self, task: Task) -> Asker:
        origin = Origin(task.sample.id, task.number, self._name, self._recipe.VERSION)
        return Asker(self._caller, origin, self._form, self._terms.attempts)

    async def _draft(self, task: Task, asker: Asker) -> Draft:
        try:
            return await self._recipe.annotate(task, asker)
        except NoSchema:
            if not self._terms.fall_back:
                raise CurationError("the endpoint does not support JSON schemas; use --form tags") from None
            self._form = asker.form = "tags"
            return await self._recipe.annotate(task, asker)

    async def _righted(self, task: Task, asker: Asker, draft: Draft) -> Draft:
        """Ask again while the conclusion is wrong, as often as the terms allow; return the last draft there is."""
        for _ in range(self._terms.retry_wrong):
            if _is_right(task, draft):
                break
            try:
                draft = await self._recipe.annotate(task, asker)
            except NoAnswer:
                break  # a wrong conclusion is still a trace, and it is paid for
        return draft

    def _fail(self, task: Task, call: Call) -> None:
        self.results.failures[call.outcome.value] += 1
        _log.warning("%s, turn %d: %s: %s", task.sample.id, task.number, call.outcome.value, call.reason)
        failure = Failure(
            sample_id=task.sample.id,
            turn=task.number,
            **self._made_by(),
            call_key=call.key,
            outcome=call.outcome.value,
            reason=call.reason,
        )
        self._writer.post(put_failures, failure)
        if call.outcome is Outcome.UNPARSABLE:
            self._check_later(Subject(task.sample, task.number, read(call.raw).text, None, call_key=call.key))

    def _check_later(self, subject: Subject) -> None:
        self._unchecked.append(subject)
        if len(self._unchecked) >= CHECKED:
            self._check()

    def _check(self) -> None:
        """Run every validator over what has come together."""
        subjects, self._unchecked = self._unchecked, []
        batch = validators.frame(subjects)
        for name, version in self._validators.items() if subjects else ():
            for issue in validators.run(name, subjects, batch):
                self.results.issues[issue.code] += 1
                self._writer.post(put_issues, issue)
            for subject in subjects:
                self._writer.post(put_checks, Check(subject.id, name, version))


def _is_right(task: Task, draft: Draft) -> bool:
    """Tell whether the conclusion meets the turn's targets; what can't be scored is not asked again."""
    if task.turn.scorer is None or not task.turn.targets:
        return True
    return scorers.mark(draft.stages.conclusion, task.turn).score.correct


def _trace(task: Task, draft: Draft, recipe: str, version: str) -> Trace:
    provenance = Provenance(
        kind="simulated" if draft.simulated else "model",
        created_at=draft.calls[-1].created_at,
        model=draft.calls[-1].model,
        model_answered=draft.model,
        recipe=recipe,
        prompt_version=version,
        calls=tuple(call.key for call in draft.calls),
        parent=task.flawed.trace.id if task.flawed else None,
        sampling=draft.sampling,
    )
    return Trace(sample_id=task.sample.id, turn=task.number, stages=draft.stages, provenance=provenance)
