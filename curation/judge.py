"""Have models judge the traces: each stage, and each step of the reasoning.

Apart from `validate`, which costs nothing, sends nothing, and can be run again and again.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter
from pydantic import Field, PositiveInt

from curation.asking import paying
from curation.asking.endpoint import Endpoint
from curation.asking.estimate import count
from curation.asking.judgements import Asked, JudgeEstimate, JudgeReport, PreferenceRow, VerdictRow
from curation.asking.jury import Comparison, Jury, Results, Seat
from curation.asking.paying import PaidConfig
from curation.ballots import COMPARISON, JUDGE
from curation.calls.asker import Attempts
from curation.calls.budget import Budget
from curation.calls.caller import Caller, Counts
from curation.calls.request import Model, Prompt
from curation.config import Names, Report
from curation.critics import asking
from curation.critics.asking import Critic
from curation.critics.comparing import Comparer
from curation.critics.showing import Case
from curation.errors import CurationError, UsageError
from curation.images import LoadedImage
from curation.progress import Advance, live, logged
from curation.store import Store
from curation.store.comparisons import Repaired, repaired
from curation.store.journal import StoreJournal
from curation.store.queries import mean_completion
from curation.store.verdicts import Candidate, candidates
from curation.store.writer import Writer
from schemas.call import NANO
from schemas.sample import Sample
from schemas.trace import Trace
from schemas.verdict import judge_name

_log = logging.getLogger(__name__)

_SHOWN = 20
"""Traces without a verdict that a report lists by name; the log has all."""
_USUAL = 400
"""Tokens of an answer, a guess before there is one."""


class Config(PaidConfig):
    """Flags of `judge`."""

    model: Names = Field(("gpt-4o",), description="Model to ask; several, separated by commas, vote.")
    source: Names = Field((), description="Judge traces of these sources only.")
    limit: PositiveInt | None = Field(
        None, description="Judge at most so many traces: always the same ones, as good as drawn at random."
    )
    flagged: bool = Field(False, description="Judge traces too in which a validator found an error.")
    compare: bool = Field(
        False, description="Judge no stages: say which is better, a repaired trace or the one that it was made from."
    )
    max_tokens: PositiveInt = Field(4096, description="Most tokens of an answer.")
    prompts: Path | None = Field(
        None, description="Folder with texts that take the place of our own: judge.txt, compare.txt."
    )
    retry_failed: bool = Field(False, description="Ask again for traces whose answers could not be used before.")

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources, by the names that ids begin with; empty for all."""
        return tuple(name.replace("_", "-") for name in self.source)


def run(*, config: Annotated[Config, Parameter(name="*")] = Config()) -> Report:  # noqa: B008 - frozen
    """Have models judge each stage and each step of the traces, with the image and the standard answer in view.

    A trace has at most one verdict of each judge. Answers are stored before they are read, and never paid twice: after
    a crash, Ctrl-C or a used-up budget the same command goes on where it was. What is found joins the issues:
    judge:summary, judge:caption, judge:reasoning and judge:conclusion, a warning where one judge says so, an error
    where more than half of two or more do, and judge:disagrees where fewer do.

    Without a key: `judge --offline`.
    """
    _check(config)
    texts = asking.texts(config.prompts)
    words = _Words(Critic(texts["judge"]), Comparer(texts["compare"]))
    with Store.open(config.workspace) as store:
        return _estimate(config, store, words) if config.estimate else asyncio.run(_judge(config, store, words))


class _Words(NamedTuple):
    """The prompts of the judges."""

    critic: Critic
    comparer: Comparer


def _check(config: Config) -> None:
    paying.check(config)
    if len(set(config.model)) < len(config.model) or not config.model:
        raise UsageError("--model names each model once: the same judge has one vote")
    if config.compare and config.flagged:
        raise UsageError("--compare takes every repaired trace: give it without --flagged")
    for model in config.model:
        config.rate(model)


def _candidates(config: Config, store: Store, critic: Critic, model: str) -> Iterator[Candidate]:
    judge = judge_name(model, config.endpoint_name, critic.VERSION)
    return islice(candidates(store.engine, judge, config.sources, flagged=config.flagged), config.limit)


def _pairs(config: Config, store: Store, comparer: Comparer, model: str) -> Iterator[Repaired]:
    judge = judge_name(model, config.endpoint_name, comparer.VERSION)
    return islice(repaired(store.engine, judge, config.sources), config.limit)


def _estimate(config: Config, store: Store, words: _Words) -> JudgeEstimate:
    asked = [_asked(config, store, words, model) for model in config.model]
    return JudgeEstimate(judges=asked, cost=sum(row.cost for row in asked), most=sum(row.most for row in asked))


def _asked(config: Config, store: Store, words: _Words, model: str) -> Asked:
    """Build every request, and add up what they cost."""
    found = count(_prompts(config, store, words, model), Model(model))
    usual = mean_completion(store.engine, model, COMPARISON if config.compare else JUDGE) or _USUAL
    return Asked(
        judge=model,
        calls=found.calls,
        prompt_tokens=found.prompt_tokens,
        completion_tokens=found.calls * usual,
        cost=found.dollars(config.rate(model), usual),
        most=found.dollars(config.rate(model), config.max_tokens),
    )


def _prompts(config: Config, store: Store, words: _Words, model: str) -> Iterator[Prompt]:
    if config.compare:
        for pair in _pairs(config, store, words.comparer, model):
            if not pair.compared:
                yield words.comparer.prompt(_unseen(pair.sample, pair.before), pair.trace, "schema")
                yield words.comparer.prompt(_unseen(pair.sample, pair.trace), pair.before, "schema")
        return
    for candidate in _candidates(config, store, words.critic, model):
        if not candidate.judged:
            yield words.critic.prompt(_unseen(candidate.sample, candidate.trace), "schema")


def _unseen(sample: Sample, trace: Trace) -> Case:
    """Return a case without the bytes of its images, whose sizes are all that a price depends on."""
    return Case(sample, trace, tuple(LoadedImage(ref, b"") for ref in sample.images))


class _Court(NamedTuple):
    """What all judges of a run have in common."""

    config: Config
    words: _Words
    store: Store
    endpoint: Endpoint
    writer: Writer
    journal: StoreJournal
    budget: Budget


class _Sitting(NamedTuple):
    """What became of one judge's work."""

    model: str
    results: Results
    counts: Counts
    stopped: CurationError | None


async def _judge(config: Config, store: Store, words: _Words) -> JudgeReport:
    begun = time.monotonic()
    budget = paying.budget_of(config)
    async with paying.endpoint_of(config) as endpoint:
        with (
            store.run("judge", paying.settings_of(config)) as run_,
            logged(store.folder / "logs" / f"{run_.id}.log"),
        ):
            writer = Writer(store.engine)
            journal = StoreJournal(writer, run_.id, run_.locks)
            try:
                sittings = await _sit_all(_Court(config, words, store, endpoint, writer, journal, budget))
            finally:
                await writer.close()
            report = _report(config, sittings, budget, time.monotonic() - begun)
            _log.info("%s", report.model_dump_json())
    return report


async def _sit_all(court: _Court) -> list[_Sitting]:
    """Let one judge after the other work, until one is stopped."""
    sittings: list[_Sitting] = []
    for model in court.config.model:
        sittings.append(await _sit(court, model))
        if sittings[-1].stopped:
            break
    return sittings


async def _sit(court: _Court, model: str) -> _Sitting:
    config = court.config
    caller = paying.caller_of(config, model, court.endpoint, court.journal, court.budget)
    seat = Seat(caller, court.store, court.writer, Attempts(retry_failed=config.retry_failed))
    results, work = _begin(court, model, seat)
    try:
        with live(f"judge {model}", config.limit) as advance:
            stopped = await paying.attend(work, caller, lambda: _tell(results, caller, advance))
    finally:
        await caller.client.close()
    return _Sitting(model, results, caller.counts, stopped)


def _begin(court: _Court, model: str, seat: Seat) -> tuple[Results, Coroutine[Any, Any, None]]:
    """Return the work that is to be done, and what will say how far it is."""
    if court.config.compare:
        comparison = Comparison(seat, court.words.comparer)
        return comparison.results, comparison.work(_pairs(court.config, court.store, court.words.comparer, model))
    jury = Jury(seat, court.words.critic)
    return jury.results, jury.work(_candidates(court.config, court.store, court.words.critic, model))


def _tell(results: Results, caller: Caller, advance: Advance) -> None:
    advance(results.traces, paying.words(caller, "traces", results.failures.total()))


def _report(config: Config, sittings: list[_Sitting], budget: Budget, seconds: float) -> JudgeReport:
    unread = [(each.model, lost.trace, lost.why) for each in sittings for lost in each.results.lost]
    return JudgeReport(
        judges=[] if config.compare else [_verdicts(sitting) for sitting in sittings],
        compared=[_preferences(sitting) for sitting in sittings] if config.compare else [],
        unread=unread[:_SHOWN],
        simulated=any(sitting.results.simulated for sitting in sittings),
        cost=budget.spent / NANO,
        seconds=round(seconds, 2),
        stopped=next((str(sitting.stopped) for sitting in sittings if sitting.stopped), None),
    )


def _verdicts(sitting: _Sitting) -> VerdictRow:
    return VerdictRow(
        judge=sitting.model,
        **sitting.results.said,
        already=sitting.results.already,
        not_judged=dict(sitting.results.failures),
        requests=sitting.counts.sent,
        from_store=sitting.counts.stored,
    )


def _preferences(sitting: _Sitting) -> PreferenceRow:
    return PreferenceRow(
        judge=sitting.model,
        **sitting.results.said,
        already=sitting.results.already,
        not_judged=dict(sitting.results.failures),
        requests=sitting.counts.sent,
        from_store=sitting.counts.stored,
    )
