"""The workspace counted for a page: grouped counts over narrow indexes, so that a million traces take a second."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, func, select

from curation.store.tables import calls, findings, ledger, queue, runs, votes
from curation.store.votes import KNOWN

N = TypeVar("N", bound=NamedTuple)


class TurnCount(NamedTuple):
    """Turns of the queue that are alike."""

    source: str
    state: str
    needs: str
    """Empty where nobody is wanted."""
    severity: int
    """Rank of the gravest open issue: 0 for an error, 3 where there is none."""
    turns: int


class FindingCount(NamedTuple):
    """Open issues that are alike, each once a turn."""

    source: str
    code: str
    severity: str
    stage: str
    """Empty where the issue names none."""
    turns: int


class FlawedCount(NamedTuple):
    """Turns with an open error of a validator, each once."""

    source: str
    validator: str
    turns: int


class CallCount(NamedTuple):
    """Calls that are alike, and what they cost in nano-dollars."""

    recipe: str
    model: str
    outcome: str
    calls: int
    cost: int


class SpentCount(NamedTuple):
    """What runs of a verb spent, in nano-dollars: what may have been billed is in it."""

    verb: str
    requests: int
    amount: int


class PaceCount(NamedTuple):
    """Decisions that hold, of a reviewer, that took the same time."""

    reviewer: str
    duty: str
    decision: str
    tenths: int
    """Tenths of a second; 0 where nobody took the time."""
    votes: int


class DayCount(NamedTuple):
    """Decisions of a reviewer on a day, in UTC."""

    day: str
    reviewer: str
    votes: int


def _grouped(connection: Connection, kind: type[N], columns: Iterable[Any], query: Select[Any]) -> list[N]:
    columns = list(columns)
    found = connection.execute(query.group_by(*columns).order_by(*columns))
    return [kind(*row) for row in found]


def turn_counts(connection: Connection) -> list[TurnCount]:
    """Count the turns of the queue."""
    columns = queue.c.source, queue.c.state, queue.c.needs, queue.c.severity
    return _grouped(connection, TurnCount, columns, select(*columns, func.count()))


def finding_counts(connection: Connection) -> list[FindingCount]:
    """Count open issues."""
    columns = findings.c.source, findings.c.code, findings.c.severity, findings.c.stage
    return _grouped(connection, FindingCount, columns, select(*columns, func.count()))


def flawed_counts(connection: Connection, codes: Collection[str]) -> list[FlawedCount]:
    """Count the turns in which a validator found an error of these codes, however many of them it found."""
    validator = _validator(connection).label("validator")
    turns = select(findings.c.sample_id, findings.c.turn, findings.c.source, validator)
    each = turns.where(findings.c.severity == "error", findings.c.code.in_(codes)).distinct().subquery()
    columns = each.c.source, each.c.validator
    return _grouped(connection, FlawedCount, columns, select(*columns, func.count()))


def _validator(connection: Connection) -> ColumnElement[str]:
    place = func.strpos if connection.dialect.name == "postgresql" else func.instr
    return func.substr(findings.c.code, 1, place(findings.c.code, ":") - 1)


def call_counts(connection: Connection) -> list[CallCount]:
    """Count calls and what they cost."""
    columns = calls.c.recipe, calls.c.model, calls.c.outcome
    query = select(*columns, func.count(), func.sum(calls.c.cost))
    return [CallCount(*row[:-1], int(row[-1])) for row in _grouped(connection, CallCount, columns, query)]


def spent_counts(connection: Connection) -> list[SpentCount]:
    """Count what was spent by the verb whose runs did."""
    by_run = (
        select(ledger.c.run_id, func.count().label("requests"), func.sum(ledger.c.amount).label("amount"))
        .where(ledger.c.state.in_(["settled", "lost"]))
        .group_by(ledger.c.run_id)
        .subquery()
    )
    query = select(runs.c.verb, func.sum(by_run.c.requests), func.sum(by_run.c.amount))
    joined = query.join_from(by_run, runs, runs.c.id == by_run.c.run_id)
    return [
        SpentCount(row[0], int(row[1]), int(row[2])) for row in _grouped(connection, SpentCount, [runs.c.verb], joined)
    ]


def pace_counts(connection: Connection) -> list[PaceCount]:
    """Count decisions that hold, by the time that they took."""
    columns = votes.c.reviewer, votes.c.duty, votes.c.decision, votes.c.tenths
    return _grouped(connection, PaceCount, columns, select(*columns, func.count()).where(*_HOLDING))


def day_counts(connection: Connection) -> list[DayCount]:
    """Count decisions that hold, by day."""
    columns = votes.c.day, votes.c.reviewer
    return _grouped(connection, DayCount, columns, select(*columns, func.count()).where(*_HOLDING))


_HOLDING = votes.c.holds == 1, votes.c.duty != KNOWN
