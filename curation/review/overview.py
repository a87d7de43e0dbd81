"""The state of the work in figures: yield, issues, money, pace, and what the trained model found."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from curation.statistics.share import Share, wilson
from curation.store import Store
from curation.store import overview as counted
from curation.store.overview import DayCount, FindingCount, FlawedCount, PaceCount, SpentCount, TurnCount
from curation.store.queries import MODEL
from curation.votes.folding import fold
from schemas.call import NANO
from schemas.review import Decision, Duty, State

_DONE = frozenset({State.ACCEPTED.value, State.EDITED.value, State.REJECTED.value})
_KEPT = frozenset({State.ACCEPTED.value, State.EDITED.value})
_ERROR = 0
PAUSE = 600.0
"""Seconds of a decision that count; in more than that, somebody was away."""


class SourceYield(NamedTuple):
    """What there is of a source."""

    source: str
    turns: int
    without_error: Share | None
    """Of its turns: no validator has an open error."""
    kept: Share | None
    """Of those that people decided on: accepted or edited; None before there are any."""
    states: dict[str, int]


class ValidatorYield(NamedTuple):
    """What a validator let through of a source."""

    source: str
    validator: str
    flawed: int
    """Turns with an open error of it."""
    passed: Share | None


class CodeCount(NamedTuple):
    """How often an issue is open."""

    code: str
    severity: str
    source: str
    stage: str
    turns: int
    by_model: bool
    """The trained model found it."""


class Cost(NamedTuple):
    """What the answers of a model cost."""

    recipe: str
    model: str
    calls: int
    unusable: int
    """Calls without an answer that could be read."""
    dollars: float


class VerbCost(NamedTuple):
    """What a part of the pipeline has spent; what may have been billed is in it."""

    verb: str
    requests: int
    dollars: float


class Pace(NamedTuple):
    """What a reviewer has decided, and how fast."""

    reviewer: str
    decisions: dict[str, int]
    """That hold, by decision."""
    timed: int
    """Decisions whose time was taken."""
    median_seconds: float | None
    per_hour: float | None
    """Decisions in an hour of work, where a decision counts as at most PAUSE."""


class Overview(NamedTuple):
    """All figures, as they are at one moment."""

    needs: dict[str, int]
    """Turns that wait for somebody, by the duty."""
    sources: list[SourceYield]
    validators: list[ValidatorYield]
    codes: list[CodeCount]
    costs: list[Cost]
    verbs: list[VerbCost]
    paces: list[Pace]
    days: list[DayCount]

    @property
    def states(self) -> dict[str, int]:
        """Turns by state, of all sources."""
        return {
            state.value: sum(source.states.get(state.value, 0) for source in self.sources)
            for state in State
            if any(state.value in source.states for source in self.sources)
        }


def overview(store: Store) -> Overview:
    """Count a workspace."""
    fold(store)
    with store.snapshot() as connection:
        turns, findings = counted.turn_counts(connection), counted.finding_counts(connection)
        flawed = [*_flawed_once(findings), *counted.flawed_counts(connection, _codes_of_many(findings))]
        return Overview(
            needs=_needs(turns),
            sources=source_yields(turns),
            validators=validator_yields(turns, flawed),
            codes=code_counts(findings),
            costs=costs(counted.call_counts(connection)),
            verbs=[_verb_cost(row) for row in counted.spent_counts(connection)],
            paces=paces(counted.pace_counts(connection)),
            days=counted.day_counts(connection),
        )


def _needs(turns: Iterable[TurnCount]) -> dict[str, int]:
    found = dict.fromkeys((duty.value for duty in (Duty.FIRST, Duty.SECOND, Duty.ADJUDICATION)), 0)
    for row in turns:
        if row.needs:
            found[row.needs] += row.turns
    return found


def source_yields(turns: Iterable[TurnCount]) -> list[SourceYield]:
    """Add up the turns of each source."""
    found = []
    for source, rows in groupby(sorted(turns), key=attrgetter("source")):
        states: dict[str, int] = {}
        clean = 0
        for row in rows:
            states[row.state] = states.get(row.state, 0) + row.turns
            clean += row.turns if row.severity != _ERROR else 0
        every = sum(states.values())
        done, kept = (sum(states.get(state, 0) for state in chosen) for chosen in (_DONE, _KEPT))
        found.append(SourceYield(source, every, wilson(clean, every), wilson(kept, done), states))
    return found


def validator_yields(turns: Iterable[TurnCount], flawed: Iterable[FlawedCount]) -> list[ValidatorYield]:
    """Return what each validator that found an error anywhere let through of every source."""
    every: dict[str, int] = {}
    for row in turns:
        every[row.source] = every.get(row.source, 0) + row.turns
    errors = {(row.source, row.validator): row.turns for row in flawed}
    return [
        ValidatorYield(source, validator, wrong, wilson(count - wrong, count))
        for source, count in sorted(every.items())
        for validator in sorted({validator for _, validator in errors})
        for wrong in [errors.get((source, validator), 0)]
    ]


def _flawed_once(findings: Sequence[FindingCount]) -> list[FlawedCount]:
    """Return the counts of validators with a single kind of error: no turn has two of them, which saves a query."""
    several = _codes_of_many(findings)
    return [
        FlawedCount(row.source, _validator(row.code), row.turns)
        for row in findings
        if row.severity == "error" and row.code not in several
    ]


def _codes_of_many(findings: Iterable[FindingCount]) -> frozenset[str]:
    """Return the codes of errors of those validators that have several kinds of them."""
    kinds: dict[str, set[tuple[str, str]]] = {}
    for row in findings:
        if row.severity == "error":
            kinds.setdefault(_validator(row.code), set()).add((row.code, row.stage))
    return frozenset(code for several in kinds.values() if len(several) > 1 for code, _ in several)


def _validator(code: str) -> str:
    return code.split(":", 1)[0]


def code_counts(findings: Iterable[FindingCount]) -> list[CodeCount]:
    """Return how often each issue is open, the most frequent first."""
    found = [
        CodeCount(row.code, row.severity, row.source, row.stage, row.turns, row.code.startswith(f"{MODEL}:"))
        for row in findings
    ]
    return sorted(found, key=lambda row: (-row.turns, row))


def costs(calls: Iterable[counted.CallCount]) -> list[Cost]:
    """Add up the calls of each recipe and model, the dearest first."""
    found = []
    for (recipe, model), rows in groupby(sorted(calls), key=attrgetter("recipe", "model")):
        alike = list(rows)
        unusable = sum(row.calls for row in alike if row.outcome != "answered")
        dollars = sum(row.cost for row in alike) / NANO
        found.append(Cost(recipe, model, sum(row.calls for row in alike), unusable, dollars))
    return sorted(found, key=lambda cost: -cost.dollars)


def _verb_cost(row: SpentCount) -> VerbCost:
    return VerbCost(row.verb, row.requests, row.amount / NANO)


def paces(votes: Iterable[PaceCount]) -> list[Pace]:
    """Return what each reviewer has decided, and how fast."""
    return [_pace(name, list(rows)) for name, rows in groupby(sorted(votes), key=attrgetter("reviewer"))]


def _pace(reviewer: str, rows: Sequence[PaceCount]) -> Pace:
    decisions = {
        decision.value: sum(row.votes for row in rows if row.decision == decision)
        for decision in Decision
        if any(row.decision == decision for row in rows)
    }
    timed = sorted((row.tenths / 10, row.votes) for row in rows if row.tenths)
    count = sum(votes for _, votes in timed)
    if not count:
        return Pace(reviewer, decisions, 0, None, None)
    spent = sum(min(seconds, PAUSE) * votes for seconds, votes in timed)
    return Pace(reviewer, decisions, count, _median(timed, count), 3600 * count / spent)


def _median(timed: Sequence[tuple[float, int]], count: int) -> float:
    """Return the median of seconds with how often they occur, in order: the lower one of two."""
    left = (count + 1) // 2
    for seconds, votes in timed:
        left -= votes
        if left <= 0:
            return seconds
    raise AssertionError("there are as many times as were counted")
