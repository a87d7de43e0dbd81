"""What judges said of traces: stored, counted, and turned into issues, all in one transaction."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, exists, func, select

from curation import ballots
from curation.ballots import JUDGE
from curation.store.queries import PAGE, is_current, outdated
from curation.store.steps import Check, insert_new, put_checks, put_issues
from curation.store.tables import checks, issues, samples, traces, verdicts
from curation.store.text import from_json, to_json
from schemas.sample import Sample
from schemas.trace import Trace
from schemas.verdict import Verdict


class Candidate(NamedTuple):
    """A trace that may be judged."""

    sample: Sample
    trace: Trace
    judged: bool
    """This judge has spoken on it."""


def put_verdicts(connection: Connection, given: Sequence[Verdict]) -> None:
    """Store verdicts, count the votes on their traces anew, and store what they say as issues.

    What the votes said before is outdated by that: each count has a version of its own.
    """
    rows = [
        {"trace_id": each.trace_id, "judge": each.judge, "at": each.at.isoformat(), "record": to_json(each)}
        for each in given
    ]
    if rows:
        connection.execute(insert_new(connection.dialect.name, verdicts), rows)
    found = verdicts_of(connection, sorted({each.trace_id for each in given}))
    counted = _counts(connection, list(found))
    for trace_id, all_ in found.items():
        version = counted.get(trace_id, 0) + 1
        put_issues(connection, ballots.issues(all_, version))
        put_checks(connection, [Check(trace_id, JUDGE, version)])


def _counts(connection: Connection, trace_ids: Sequence[str]) -> dict[str, int]:
    """Return how often the votes on each trace were counted."""
    query = (
        select(checks.c.subject, func.max(checks.c.version).label("version"))
        .where(checks.c.subject.in_(trace_ids), checks.c.validator == JUDGE)
        .group_by(checks.c.subject)
    )
    return {row.subject: row.version for row in connection.execute(query)}


def verdicts_of(connection: Connection, trace_ids: Sequence[str]) -> dict[str, list[Verdict]]:
    """Return what judges said of these traces, at most a page of them; those that nobody judged are left out."""
    query = (
        select(verdicts.c.trace_id, verdicts.c.record)
        .where(verdicts.c.trace_id.in_(trace_ids))
        .order_by(verdicts.c.trace_id, verdicts.c.judge)
    )
    found: dict[str, list[Verdict]] = {}
    for row in connection.execute(query):
        found.setdefault(row.trace_id, []).append(from_json(Verdict, row.record))
    return found


def candidates(
    engine: Engine, judge: str, sources: Sequence[str] = (), *, flagged: bool = False
) -> Iterator[Candidate]:
    """Return the traces that stand for their turns, by id, which is as good as at random.

    Without `flagged` only those that have no open error but of judges. No `sources` are all of them.
    """
    spoken = exists().where(verdicts.c.trace_id == traces.c.id, verdicts.c.judge == judge)
    query = (
        select(traces.c.id, samples.c.record.label("sample"), traces.c.record.label("trace"), spoken.label("judged"))
        .join_from(traces, samples, samples.c.id == traces.c.sample_id)
        .where(is_current(), *_wanted(sources, flagged=flagged))
        .order_by(traces.c.id)
        .limit(PAGE)
    )
    return _read(engine, query)


def _wanted(sources: Sequence[str], *, flagged: bool) -> list[ColumnElement[bool]]:
    wrong = exists().where(
        issues.c.trace_id == traces.c.id, issues.c.severity == "error", issues.c.validator != JUDGE, ~outdated()
    )
    return [samples.c.source.in_(sources)] * bool(sources) + [~wrong] * (not flagged)


def _read(engine: Engine, query: Select[Any]) -> Iterator[Candidate]:
    for row in _rows(engine, query):
        yield Candidate(from_json(Sample, row.sample), from_json(Trace, row.trace), bool(row.judged))


def _rows(engine: Engine, query: Select[Any]) -> Iterator[Row[Any]]:
    """Read a query in pages; nothing is held open between them."""
    after = ""
    while True:
        with engine.connect() as connection:
            page = connection.execute(query.where(traces.c.id > after)).all()
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id
