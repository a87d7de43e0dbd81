"""Repaired traces, the ones that they were made from, and what judges said of the two."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, FromClause, and_, exists, literal, select

from curation.store.queries import is_current, pages, read
from curation.store.steps import insert_new
from curation.store.tables import comparisons, samples, traces
from curation.store.text import from_json, to_json
from schemas.sample import Sample
from schemas.trace import Trace
from schemas.verdict import Compared


class Repaired(NamedTuple):
    """A trace that stands for its turn, and the one that it was asked for to repair."""

    sample: Sample
    trace: Trace
    before: Trace
    compared: bool
    """This judge has said which one is better."""


def put_comparisons(connection: Connection, given: Sequence[Compared]) -> None:
    """Store what judges said; what a judge said first of two traces stays."""
    rows = [
        {
            "trace_id": each.trace_id,
            "before": each.before,
            "judge": each.judge,
            "rank": each.rank.value,
            "record": to_json(each),
        }
        for each in given
    ]
    if rows:
        connection.execute(insert_new(connection.dialect.name, comparisons), rows)


def comparisons_of(connection: Connection, trace_ids: Sequence[str]) -> dict[str, list[Compared]]:
    """Return what judges said of these repaired traces, at most a page of them; others are left out."""
    query = (
        select(comparisons.c.trace_id, comparisons.c.record)
        .where(comparisons.c.trace_id.in_(trace_ids))
        .order_by(comparisons.c.trace_id, comparisons.c.before, comparisons.c.judge)
    )
    found: dict[str, list[Compared]] = {}
    for row in connection.execute(query):
        found.setdefault(row.trace_id, []).append(from_json(Compared, row.record))
    return found


def repaired(engine: Engine, judge: str, sources: Sequence[str] = ()) -> Iterator[Repaired]:
    """Return the traces that stand for their turns and repair another, by id; not the edits of people."""
    before = traces.alias("before")
    said = exists().where(
        comparisons.c.trace_id == traces.c.id, comparisons.c.before == before.c.id, comparisons.c.judge == judge
    )
    query = (
        select(
            traces.c.id,
            samples.c.record.label("sample"),
            traces.c.record.label("trace"),
            before.c.record.label("before"),
            said.label("compared"),
        )
        .join_from(traces, samples, samples.c.id == traces.c.sample_id)
        .join(before, and_(before.c.sample_id == traces.c.sample_id, before.c.turn == traces.c.turn))
        .where(is_current(), traces.c.kind != "human", _names(traces, before))
        .where(*[samples.c.source.in_(sources)] * bool(sources))
    )
    for page in pages(partial(read, engine), query, traces.c.id):
        for row in page:
            yield Repaired(
                from_json(Sample, row.sample),
                from_json(Trace, row.trace),
                from_json(Trace, row.before),
                bool(row.compared),
            )


def _names(table: FromClause, parent: FromClause) -> ColumnElement[bool]:
    """Tell whether a trace's record names another as the one that it was made from; no stage can hold these quotes."""
    return table.c.record.contains(literal('"parent":"').concat(parent.c.id).concat('"'))
