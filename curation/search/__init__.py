"""Search for an answer: one file for each strategy, over the same engine and the same judges.

Every candidate is kept in the result, with its score and what it cost: to look at, and to learn from. What is found for
a question depends on the model, the settings and the question, never on which other questions are in its batch.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from statistics import fmean, pstdev
from typing import NamedTuple, Protocol, cast

from curation import judges, registry
from curation.errors import UsageError
from curation.families import Example, VisionModel
from curation.judges import Manner
from curation.lanes import Engine, Question, Sampling, Session, at_rest, prepare
from schemas.trace import Stage

__all__ = ["Candidate", "Cost", "Found", "Question", "Result", "Settings", "Strategy", "fit_threshold", "names", "run"]


@dataclass(frozen=True)
class Settings:
    """How to search. The defaults of sampling and of the token limit are LLaVA-CoT's."""

    candidates: int = 4
    """For each question, at each step."""
    width: int = 1
    """How many partial answers are kept from step to step."""
    temperature: float = 0.6
    top_p: float = 0.9
    max_tokens: int = 2048
    """New tokens of one answer, all its stages together."""
    seed: int = 0
    judge: str = "rules"
    at_once: int = 16
    """Questions that are searched together; it changes the speed and the memory, not what is found."""
    compat: bool = False
    """Read verdicts as LLaVA-CoT's code does."""
    threshold: float | None = None
    """From `fit_threshold`: the score of a reasoning above which retracing goes on."""

    @property
    def sampling(self) -> Sampling:
        """How tokens are chosen."""
        return Sampling(self.temperature, self.top_p)

    @property
    def manner(self) -> Manner:
        """How judges go about it."""
        return Manner(self.sampling, self.compat, self.max_tokens)


@dataclass(frozen=True)
class Candidate:
    """Something that was written on the way to an answer."""

    stage: Stage | None
    """None for a whole answer or a sentence."""
    round: int
    parent: int | None
    """Place in the result's candidates of the one that it goes on from."""
    text: str
    """What was written in this step."""
    tokens: int
    logprob: float
    """Mean log-likelihood of its tokens, untempered."""
    score: float | None = None
    """The judge's; None where there was nothing to choose, or nothing to judge."""
    kept: bool = True
    fault: str | None = None
    """What is wrong with its form, and what was done about it."""


@dataclass(frozen=True)
class Cost:
    """What an answer cost. Calls, and seconds of wall time, are the question's share of its batch."""

    new_tokens: int = 0
    judge_tokens: int = 0
    forward_calls: float = 0.0
    """One after another."""
    images: int = 0
    """Encoded."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Result:
    """What was found for a question."""

    question_id: str
    text: str
    candidates: tuple[Candidate, ...]
    cost: Cost


class Found(NamedTuple):
    """What a strategy found for one question, the cost left out."""

    text: str
    candidates: tuple[Candidate, ...]


class Strategy(Protocol):
    """What a file in this folder defines."""

    def rows(self, settings: Settings) -> int:
        """Return how many rows a question needs. Raises UsageError for settings that don't fit."""

    def search(self, session: Session, settings: Settings) -> list[Found]:
        """Return what is found for each question of the session."""


def get(name: str) -> Strategy:
    """Return the strategy of that name. Raises UsageError for an unknown one."""
    return cast("Strategy", registry.load(__name__, name))


def names() -> tuple[str, ...]:
    """Return the names of the strategies."""
    return registry.names(__name__)


def run(name: str, model: VisionModel, questions: Iterable[Question], settings: Settings) -> Iterator[Result]:
    """Search for an answer to each question, in their order; results come as soon as their batch is done.

    Raises UsageError for an unknown name or settings that don't fit, CurationError where memory runs out.
    """
    strategy = get(name)
    width = strategy.rows(settings)
    _check(settings)
    engine = Engine(model)
    waiting = iter(questions)
    while some := list(islice(waiting, settings.at_once)):
        for _, alike in groupby(some, key=lambda question: bool(question.images)):
            yield from _batch(strategy, engine, list(alike), width, settings)


def _check(settings: Settings) -> None:
    judges.get(settings.judge)
    if min(settings.candidates, settings.width, settings.max_tokens, settings.at_once) < 1:
        raise UsageError("candidates, width, tokens and questions at once are at least 1")
    if settings.width > settings.candidates:
        raise UsageError(f"a width of {settings.width} needs as many candidates, not {settings.candidates}")


def _batch(
    strategy: Strategy, engine: Engine, questions: list[Question], width: int, settings: Settings
) -> list[Result]:
    """Search for answers to questions of which all have images, or none has."""
    began, calls = time.perf_counter(), engine.forward_calls
    ready, prompts, faults = _prepare(engine, questions)
    found: dict[int, Found] = {}
    costs: dict[int, Cost] = {}
    if ready:
        with at_rest(engine.model):
            session = Session(engine, [questions[place] for place in ready], prompts, width)
            found = dict(zip(ready, strategy.search(session, settings), strict=True))
        shared = (engine.forward_calls - calls) / len(ready), (time.perf_counter() - began) / len(ready)
        costs = {place: _cost(session, lane, *shared) for lane, place in enumerate(ready)}
    return [
        Result(question.id, *found.get(place, _unread(faults.get(place, ""))), costs.get(place, Cost()))
        for place, question in enumerate(questions)
    ]


def _prepare(engine: Engine, questions: list[Question]) -> tuple[list[int], list[Example], dict[int, str]]:
    """Make the prompts. Returns the places of the questions that have one, and what is wrong with the others."""
    ready, prompts, faults = [], [], {}
    for place, question in enumerate(questions):
        try:
            prompts.append(prepare(engine, question))
            ready.append(place)
        except (OSError, ValueError) as error:
            faults[place] = f"no prompt could be made: {error}"
    return ready, prompts, faults


def _unread(fault: str) -> Found:
    return Found("", (Candidate(None, 0, None, "", 0, 0.0, kept=False, fault=fault),))


def _cost(session: Session, lane: int, calls: float, seconds: float) -> Cost:
    images = len(session.questions[lane].images)
    return Cost(session.spent.new[lane], session.spent.judged[lane], calls, images, seconds)


def fit_threshold(scores: Sequence[float], z: float = 0.2533) -> float:
    """Return the score that a share of reasonings is below, 60 % with the default, taking scores as normal.

    `scores` are those of reasonings on held-out questions, with the judge that is used later: never on those that are
    tested. Source: SWIRES in LLaVA-CoT's code, whose mean and deviation belong to another judge.
    """
    if len(scores) < 2:
        raise UsageError("a threshold needs the scores of two reasonings or more")
    return fmean(scores) + z * pstdev(scores)
