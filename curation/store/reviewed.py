"""What is known of the traces that people decided on: the votes, the findings, the checks and the judges' verdicts."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Subquery, case, null, select

from curation.store.queries import outdated
from curation.store.tables import checks, events, issues, samples, traces, verdicts, votes
from curation.store.text import from_json
from curation.store.votes import KNOWN
from schemas.review import Decision, Duty, Event, Review

_FETCHED = 10_000
"""Rows that are held at a time."""
_AT_ONCE = 500
"""Decisions that are looked up at a time."""
_RANKS = {"error": 3, "warning": 2, "info": 1}
_NUMBER = re.compile(r"(\d{1,3}(?:\.\d+)?) ?%")


class Decided(NamedTuple):
    """A decision on a trace that holds, by a reviewer who was asked about the trace."""

    trace_id: str
    sample_id: str
    number: int
    """Its place among all events."""
    reviewer: str
    duty: str
    decision: str
    verdicts: str
    """JSON: verdicts by stage."""


class Finding(NamedTuple):
    """An open issue of a trace."""

    trace_id: str
    validator: str
    code: str
    severity: int
    """3 for an error, 2 for a warning, 1 for a label."""
    stage: str
    """Empty where it names none."""
    number: float | None
    """The percentage in its message, for instance how alike two texts are; None where there is none."""


class Spoken(NamedTuple):
    """What a judge said of a trace."""

    trace_id: str
    judge: str
    stages: dict[str, str]
    """Verdict by stage."""
    steps: tuple[str, ...]
    """Verdicts of the steps of the reasoning."""
    places: tuple[tuple[int, int], ...]
    """Where each of them begins and ends, in characters."""


def decisions(connection: Connection) -> Iterator[Decided]:
    """Return the decisions that hold, but those of reviewers who were being checked, trace by trace, in order."""
    query = select(*(votes.c[name] for name in Decided._fields)).where(*_DECIDING)
    return (Decided(*row) for row in _rows(connection, query.order_by(votes.c.trace_id, votes.c.number)))


_DUTIES = (Duty.FIRST, Duty.SECOND, Duty.ADJUDICATION, KNOWN)
_DECIDING = votes.c.holds == 1, votes.c.duty.in_(_DUTIES), votes.c.decision != Decision.SKIP


def _traces() -> Subquery:
    return select(votes.c.trace_id).where(*_DECIDING).distinct().subquery()


def findings(connection: Connection) -> Iterator[Finding]:
    """Return the open issues of these traces."""
    traces = _traces()
    message = case((issues.c.record.contains("%", autoescape=True), issues.c.record), else_=null())
    query = (
        select(issues.c.trace_id, issues.c.validator, issues.c.code, issues.c.severity, issues.c.stage, message)
        .join_from(traces, issues, issues.c.trace_id == traces.c.trace_id)
        .where(~outdated())
    )
    for trace_id, validator, code, severity, stage, record in _rows(connection, query):
        yield Finding(trace_id, validator, code, _RANKS[severity], stage or "", _number(record))


def _number(record: str | None) -> float | None:
    found = _NUMBER.search(json.loads(record)["message"]) if record else None
    return float(found[1]) if found else None


def looked(connection: Connection) -> Iterator[tuple[str, str]]:
    """Return which of these traces were looked at by which validator."""
    traces = _traces()
    query = (
        select(checks.c.subject, checks.c.validator)
        .join_from(traces, checks, checks.c.subject == traces.c.trace_id)
        .distinct()
    )
    return ((row[0], row[1]) for row in _rows(connection, query))


def spoken(connection: Connection) -> Iterator[Spoken]:
    """Return what judges said of these traces."""
    traces = _traces()
    query = select(verdicts.c.trace_id, verdicts.c.judge, verdicts.c.record).join_from(
        traces, verdicts, verdicts.c.trace_id == traces.c.trace_id
    )
    for trace_id, judge, text in _rows(connection, query.order_by(verdicts.c.judge, verdicts.c.trace_id)):
        record = json.loads(text)
        stages = {stage: said["verdict"] for stage, said in record["stages"].items()}
        steps = record["steps"]
        places = tuple((step["start"], step["end"]) for step in steps)
        yield Spoken(trace_id, judge, stages, tuple(step["verdict"] for step in steps), places)


class Reasoned(NamedTuple):
    """A decision on a trace, with the reasoning that it is about."""

    number: int
    """Of its event."""
    review: Review
    reasoning: str
    edited: str | None
    """The reasoning of the edit that it made."""


def reasoned(connection: Connection, numbers: Sequence[int]) -> Iterator[Reasoned]:
    """Return the decisions of these events."""
    query = select(events.c.number, events.c.record, traces.c.record).join_from(
        votes, events, events.c.number == votes.c.number
    )
    query = query.join(traces, traces.c.id == votes.c.trace_id)
    for start in range(0, len(numbers), _AT_ONCE):
        page = connection.execute(query.where(votes.c.number.in_(numbers[start : start + _AT_ONCE]))).all()
        reviews = {row[0]: from_json(Event, row[1]).review for row in page}
        edits = _reasonings(connection, [review.edited for review in reviews.values() if review and review.edited])
        for number, _, trace in page:
            if (review := reviews[number]) is not None:
                yield Reasoned(number, review, _reasoning(trace), edits.get(review.edited or ""))


def _reasonings(connection: Connection, trace_ids: Sequence[str]) -> dict[str, str]:
    rows = connection.execute(select(traces.c.id, traces.c.record).where(traces.c.id.in_(trace_ids)))
    return {row[0]: _reasoning(row[1]) for row in rows}


def _reasoning(record: str) -> str:
    reasoning: str = json.loads(record)["stages"]["reasoning"]
    return reasoning


def shown(connection: Connection) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return the samples of these traces, by id, each with the digests of its images, or its questions without any."""
    wanted = select(votes.c.sample_id).where(*_DECIDING).distinct().subquery()
    query = select(samples.c.id, samples.c.record).join_from(wanted, samples, samples.c.id == wanted.c.sample_id)
    return ((row[0], _marks(json.loads(row[1]))) for row in _rows(connection, query.order_by(samples.c.id)))


def _marks(sample: dict[str, Any]) -> tuple[str, ...]:
    images = tuple(image["digest"] for image in sample["images"])
    return images or tuple(turn["question"] for turn in sample["turns"])


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    return iter(connection.execute(query, execution_options={"yield_per": _FETCHED}))
