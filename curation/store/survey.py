"""What a survey of the workspace reads: all findings once, a part of the traces drawn by digest, and what was paid."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from curation.store.queries import has_error, is_checked, is_current, outdated
from curation.store.tables import calls, issues, queue, samples, traces
from curation.store.text import from_json
from schemas.issue import Issue
from schemas.sample import Sample
from schemas.trace import STAGES, Trace

_FETCHED = 10_000
"""Rows that are held at a time."""


class Found(NamedTuple):
    """An open issue, without its words."""

    id: str
    sample_id: str
    code: str
    severity: str


def findings(connection: Connection) -> Iterator[Found]:
    """Return all open issues."""
    query = select(*(issues.c[name] for name in Found._fields)).where(~outdated())
    return (Found(*row) for row in _rows(connection, query))


def messages(connection: Connection, validator: str) -> Iterator[tuple[str, str, str]]:
    """Return the sample, the code and the message of each open issue of a validator, in the order of samples."""
    query = select(issues.c.sample_id, issues.c.code, issues.c.record).where(
        issues.c.validator == validator, ~outdated()
    )
    for sample_id, code, record in _rows(connection, query.order_by(issues.c.sample_id, issues.c.id)):
        yield sample_id, code, json.loads(record)["message"]


class Case(NamedTuple):
    """An issue and what it is about, as far as that is stored."""

    issue: Issue
    sample: Sample | None
    trace: Trace | None
    raw: str
    """The answer as it came, where it could not be read as a trace."""


def cases(connection: Connection, issue_ids: Sequence[str]) -> dict[str, Case]:
    """Return what issues are about, at most a few hundred of them, by their ids."""
    query = (
        select(issues.c.record, samples.c.record, traces.c.record, calls.c.raw)
        .select_from(issues)
        .outerjoin(samples, samples.c.id == issues.c.sample_id)
        .outerjoin(traces, traces.c.id == issues.c.trace_id)
        .outerjoin(calls, calls.c.key == issues.c.call_key)
        .where(issues.c.id.in_(issue_ids))
    )
    found = (_case(*row) for row in connection.execute(query))
    return {case.issue.id: case for case in found}


def _case(issue: str, sample: str | None, trace: str | None, raw: str | None) -> Case:
    return Case(
        from_json(Issue, issue),
        from_json(Sample, sample) if sample else None,
        from_json(Trace, trace) if trace else None,
        raw or "",
    )


def samples_of(connection: Connection, sample_ids: Sequence[str]) -> dict[str, Sample]:
    """Return samples by their ids, at most a few hundred."""
    query = select(samples.c.id, samples.c.record).where(samples.c.id.in_(sample_ids))
    return {row.id: from_json(Sample, row.record) for row in connection.execute(query)}


def lengths(connection: Connection, most: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Return the sample and the characters in each stage of at most so many current traces.

    They are those of the lowest ids: as these are digests, that is drawing at random, and the same ones every time.
    """
    query = select(traces.c.sample_id, traces.c.record).where(is_current()).order_by(traces.c.id).limit(most)
    for sample_id, record in _rows(connection, query):
        stages = json.loads(record)["stages"]
        yield sample_id, tuple(len(stages[stage]) for stage in STAGES)


class Paid(NamedTuple):
    """What was paid for calls of a model about samples of a source, in nano-dollars."""

    source: str
    model: str
    calls: int
    cost: int


def paid(connection: Connection) -> list[Paid]:
    """Add up the calls by source and model."""
    columns = samples.c.source, calls.c.model
    query = (
        select(*columns, func.count(), func.sum(calls.c.cost))
        .join_from(calls, samples, samples.c.id == calls.c.sample_id)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [Paid(row[0], row[1], row[2], int(row[3])) for row in connection.execute(query)]


def kept(connection: Connection) -> dict[tuple[str, str], int]:
    """Count current traces that were checked and have no open error, by source and model."""
    columns = samples.c.source, func.coalesce(traces.c.model, "")
    query = (
        select(*columns, func.count())
        .join_from(traces, samples, samples.c.id == traces.c.sample_id)
        .where(is_current(), is_checked(), ~has_error())
        .group_by(*columns)
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def reviewed(connection: Connection) -> dict[tuple[str, str], int]:
    """Count turns by source and how reviewers left them."""
    columns = queue.c.source, queue.c.state
    query = select(*columns, func.count()).group_by(*columns)
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    return iter(connection.execute(query, execution_options={"yield_per": _FETCHED}))
