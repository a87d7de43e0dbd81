"""Writes of records, each for many at once. Writing a record that is there already changes nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Executable, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from curation.store import tables
from curation.store.text import to_json
from schemas.call import Call, Outcome
from schemas.issue import Issue
from schemas.sample import Sample
from schemas.trace import Trace


class StoredTrace(NamedTuple):
    """A trace and the endpoint that gave it; None for one that no endpoint gave."""

    trace: Trace
    endpoint: str | None


class Failure(NamedTuple):
    """A turn that ended without a trace."""

    sample_id: str
    turn: int
    recipe: str
    prompt_version: str
    model: str
    endpoint: str
    call_key: str
    outcome: str
    reason: str


class Check(NamedTuple):
    """A validator of that version looked at the trace, or at the answer of the call."""

    subject: str
    validator: str
    version: int


@cache
def insert_new(dialect: str, table: Table) -> Executable:
    """Return an insert that leaves existing rows alone."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing()


@cache
def upsert(dialect: str, table: Table, where: ColumnElement[bool] | None = None) -> Executable:
    """Return an insert that replaces the row of the same primary key, if that is one that `where` takes."""
    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    key = [column.name for column in table.primary_key]
    return insert.on_conflict_do_update(
        index_elements=key,
        set_={column.name: column for column in insert.excluded if column.name not in key},
        where=where,
    )


_GAVE_UP = tables.calls.c.outcome == Outcome.GAVE_UP.value


def _sortable(time: datetime) -> str:
    """Write a time so that text compares as time does; one without a zone is taken to be UTC."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="microseconds")


def _write(connection: Connection, statement: Executable, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


def put_samples(connection: Connection, samples: Sequence[Sample]) -> None:
    """Store samples; a sample read again replaces the one of the same id."""
    rows = [
        {
            "id": sample.id,
            "source": sample.source,
            "split": sample.split,
            "turns": len(sample.turns),
            "record": to_json(sample),
        }
        for sample in samples
    ]
    _write(connection, upsert(connection.dialect.name, tables.samples), rows)


def put_traces(connection: Connection, traces: Sequence[StoredTrace]) -> None:
    """Store traces; they are never changed."""
    rows = [
        {
            "id": trace.id,
            "sample_id": trace.sample_id,
            "turn": trace.turn,
            "kind": trace.provenance.kind,
            "recipe": trace.provenance.recipe,
            "prompt_version": trace.provenance.prompt_version,
            "model": trace.provenance.model,
            "endpoint": endpoint,
            "created_at": _sortable(trace.provenance.created_at),
            "record": to_json(trace),
        }
        for trace, endpoint in traces
    ]
    _write(connection, insert_new(connection.dialect.name, tables.traces), rows)
    mark_changed(connection, [trace.sample_id for trace, _ in traces])


def put_issues(connection: Connection, issues: Sequence[Issue]) -> None:
    """Store issues; one that was found before is the same issue."""
    rows = [
        {
            "id": issue.id,
            "sample_id": issue.sample_id,
            "turn": issue.turn,
            "trace_id": issue.trace_id,
            "call_key": issue.call_key,
            "code": issue.code,
            "validator": issue.validator,
            "version": issue.version,
            "severity": issue.severity.value,
            "stage": issue.stage.value if issue.stage else None,
            "record": to_json(issue),
        }
        for issue in issues
    ]
    _write(connection, insert_new(connection.dialect.name, tables.issues), rows)
    mark_changed(connection, [issue.sample_id for issue in issues if issue.trace_id])


def put_checks(connection: Connection, checks: Sequence[Check]) -> None:
    """Store which validator looked at what; what an earlier version of it found in a trace may be outdated by that."""
    _write(
        connection,
        insert_new(connection.dialect.name, tables.checks),
        [{"subject": c.subject, "validator": c.validator, "version": c.version} for c in checks],
    )
    renewed = sorted({check.subject for check in checks if check.version > 1})
    for start in range(0, len(renewed), 500):
        found = select(tables.traces.c.sample_id).where(tables.traces.c.id.in_(renewed[start : start + 500]))
        mark_changed(connection, list(connection.execute(found).scalars()))


def mark_changed(connection: Connection, sample_ids: Sequence[str]) -> None:
    """Note that the queue's rows of these samples have to be worked out anew."""
    rows = [{"sample_id": sample_id} for sample_id in sorted(set(sample_ids))]
    _write(connection, insert_new(connection.dialect.name, tables.changed), rows)


def put_failures(connection: Connection, failures: Sequence[Failure]) -> None:
    """Store turns that ended without a trace; the newest failure of a turn stands."""
    _write(connection, upsert(connection.dialect.name, tables.failures), [failure._asdict() for failure in failures])


def put_calls(connection: Connection, calls: Sequence[Call]) -> None:
    """Store calls; one that gave up is replaced by what a later run made of it, any other is kept for good."""
    rows = [call.model_dump(mode="json", exclude={"usage"}) | call.usage.model_dump() for call in calls]
    _write(connection, upsert(connection.dialect.name, tables.calls, _GAVE_UP), rows)
