"""Every decision as a row of its own: what agreement, batches and throughput are counted from.

Derived from the events, and kept for speed alone; what is new there is folded in when somebody wants the figures.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, case, func, select, tuple_

from curation.store.steps import upsert
from curation.store.tables import events, marks, votes
from curation.store.text import from_json
from schemas.review import Decision, Duty, Event

KNOWN = "known"
"""The duty of a vote that is the known answer of a gold item."""
_MARK = "votes"
_PAGE = 2000
"""Events that are folded in at a time, so that nobody who writes meanwhile waits long."""
_MANY = 300


class Vote(NamedTuple):
    """One decision."""

    number: int
    """Of its event."""
    event_id: str
    reviewer: str
    day: str
    """As in 2026-01-31, in UTC."""
    sample_id: str
    turn: int
    trace_id: str
    duty: str
    """As the review has it, or KNOWN."""
    decision: str
    content: str
    """Digest of the edited stages; empty where there is none."""
    verdicts: str
    """JSON: verdicts by stage."""
    tenths: int
    """Tenths of a second that it took; 0 where nobody took the time."""
    holds: int
    """1, or 0 where it was undone or sent back."""
    sent_back: int
    """1 where that is why it does not hold."""


class Told(NamedTuple):
    """An event with its number: its place among all."""

    number: int
    event: Event


def is_behind(connection: Connection) -> bool:
    """Tell whether there are events that were not folded in."""
    last = connection.execute(select(func.max(events.c.number))).scalar()
    return last is not None and last > _mark(connection)


def unfolded(connection: Connection) -> tuple[int, list[list[Told]]]:
    """Return the oldest events that were not folded in: a mark, and all events of each turn that they are about."""
    mark = _mark(connection)
    query = select(events.c.number, events.c.sample_id, events.c.turn).where(events.c.number > mark)
    page = connection.execute(query.order_by(events.c.number).limit(_PAGE)).all()
    turns = sorted({(row.sample_id, row.turn) for row in page})
    return page[-1].number if page else mark, list(_by_turn(connection, turns))


def _mark(connection: Connection) -> int:
    return connection.execute(select(marks.c.number).where(marks.c.name == _MARK)).scalar() or 0


def _by_turn(connection: Connection, turns: Sequence[tuple[str, int]]) -> Iterator[list[Told]]:
    for start in range(0, len(turns), _MANY):
        wanted = tuple_(events.c.sample_id, events.c.turn).in_(turns[start : start + _MANY])
        found: dict[tuple[str, int], list[Told]] = {}
        for row in connection.execute(select(events).where(wanted).order_by(events.c.number)):
            told = Told(row.number, from_json(Event, row.record))
            found.setdefault((row.sample_id, row.turn), []).append(told)
        yield from found.values()


def put_votes(connection: Connection, folded: Sequence[Vote], mark: int) -> None:
    """Store votes, and that events up to the mark are in them."""
    dialect = connection.dialect.name
    if folded:
        connection.execute(upsert(dialect, votes), [vote._asdict() for vote in folded])
    connection.execute(upsert(dialect, marks), [{"name": _MARK, "number": mark}])


def compared_votes(connection: Connection) -> list[Vote]:
    """Return the votes that hold on turns that a second reviewer has looked at, blind: theirs and those before."""
    return _votes(connection, _holding(_twice([Duty.SECOND]), [Duty.FIRST, Duty.SECOND]))


def checking_votes(connection: Connection) -> list[Vote]:
    """Return the votes that hold on turns where one vote checks another: seconds, rulings, and gold items."""
    checks = [Duty.SECOND, Duty.ADJUDICATION, Duty.GOLD]
    return _votes(connection, _holding(_twice(checks), [Duty.FIRST, *checks, KNOWN]))


def _twice(duties: Iterable[str]) -> Select[Any]:
    return select(votes.c.sample_id, votes.c.turn).where(votes.c.duty.in_(list(duties)), votes.c.holds == 1).distinct()


def _holding(turns: Select[Any], duties: Iterable[str]) -> Select[Any]:
    each = turns.subquery()
    return (
        select(votes)
        .join_from(each, votes, (votes.c.sample_id == each.c.sample_id) & (votes.c.turn == each.c.turn))
        .where(votes.c.holds == 1, votes.c.duty.in_(list(duties)), votes.c.decision != Decision.SKIP)
        .order_by(votes.c.number)
    )


def _votes(connection: Connection, query: Select[Any]) -> list[Vote]:
    return [Vote(**row._mapping) for row in connection.execute(query)]


class BatchCount(NamedTuple):
    """How many decisions a batch of a reviewer has."""

    reviewer: str
    batch: int
    """From 1."""
    first: int
    """Number of its first event."""
    last: int
    members: int
    """Decisions and gold items, whether they hold or not, so that a batch stays what it is."""
    decisions: int
    """Those that hold, without gold items."""
    sent_back: int
    """Decisions that were."""
    begun: str
    """Day of its first decision."""
    ended: str


def batch_counts(connection: Connection, size: int) -> list[BatchCount]:
    """Return the batches of all reviewers, in order: every `size` decisions begin a new one; skips don't count."""
    place = func.row_number().over(partition_by=votes.c.reviewer, order_by=votes.c.number)
    batch = ((place - 1) // size + 1).label("batch")
    each = select(votes.c.reviewer, votes.c.number, votes.c.day, votes.c.sent_back, _decides().label("decides"), batch)
    member = each.where(votes.c.duty.in_([*_BATCHED, Duty.GOLD]), votes.c.decision != Decision.SKIP).subquery()
    query = (
        select(
            member.c.reviewer, member.c.batch, func.min(member.c.number), func.max(member.c.number), func.count(),
            func.sum(member.c.decides), func.sum(member.c.sent_back), func.min(member.c.day), func.max(member.c.day),
        )
        .group_by(member.c.reviewer, member.c.batch)
        .order_by(member.c.reviewer, member.c.batch)
    )  # fmt: skip
    return [BatchCount(*row) for row in connection.execute(query)]


def batch_votes(connection: Connection, batch: BatchCount) -> list[Vote]:
    """Return the decisions of a batch that hold, in order, without gold items."""
    query = select(votes).where(
        votes.c.reviewer == batch.reviewer,
        votes.c.number.between(batch.first, batch.last),
        votes.c.decision != Decision.SKIP,
        _decides() == 1,
    )
    return _votes(connection, query.order_by(votes.c.number))


_BATCHED = (Duty.FIRST, Duty.SECOND)


def _decides() -> ColumnElement[int]:
    return case((votes.c.duty.in_(_BATCHED) & (votes.c.holds == 1), 1), else_=0)
