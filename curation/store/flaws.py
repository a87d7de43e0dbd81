"""The traces that are to be asked for again, and what was found in them."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, exists, or_, select

from curation.store.queries import is_current, outdated, pages, read
from curation.store.tables import issues, samples, traces
from curation.store.text import from_json
from schemas.issue import Issue
from schemas.sample import Sample
from schemas.trace import Trace


class Repair(NamedTuple):
    """What is to be repaired, and by what: once for each trace, recipe and model."""

    recipe: str
    model: str
    codes: tuple[str, ...] = ()
    """Codes, or names that they begin with, whatever their severity; none for all errors."""


class FlawedTrace(NamedTuple):
    """A trace, and the messages of its open errors and of what else it is to be repaired for."""

    trace: Trace
    findings: tuple[str, ...]


def flawed_traces(engine: Engine, sources: Sequence[str], repair: Repair) -> Iterator[tuple[Sample, list[FlawedTrace]]]:
    """Return the samples, by id, with the current traces that this repair is for and that it has not had yet.

    What a person wrote is left to people.
    """
    is_flawed = exists().where(
        traces.c.sample_id == samples.c.id,
        traces.c.kind != "human",
        is_current(),
        exists().where(issues.c.trace_id == traces.c.id, _is_meant(repair), ~outdated()),
    )
    query = select(samples.c.id, samples.c.record).where(samples.c.source.in_(sources), is_flawed)
    for page in pages(partial(read, engine), query, samples.c.id):
        ids = [row.id for row in page]
        found, had = _flawed(engine, ids, repair), _had(engine, ids, repair)
        for row in page:
            if flawed := [each for each in found.get(row.id, ()) if each.trace.id not in had]:
                yield from_json(Sample, row.record), flawed


def codes_seen(connection: Connection) -> set[str]:
    """Return the codes of all issues of traces, outdated ones too."""
    query = select(issues.c.code).where(issues.c.trace_id.is_not(None)).distinct()
    return set(connection.execute(query).scalars())


def _is_meant(repair: Repair) -> ColumnElement[bool]:
    if not repair.codes:
        return issues.c.severity == "error"
    return or_(issues.c.code.in_(repair.codes), issues.c.validator.in_(repair.codes))


def _flawed(engine: Engine, sample_ids: Sequence[str], repair: Repair) -> dict[str, list[FlawedTrace]]:
    """Return the flawed traces of each sample, in the order of the turns."""
    query = (
        select(traces.c.record.label("trace"), issues.c.record.label("issue"), _is_meant(repair).label("meant"))
        .join_from(traces, issues, issues.c.trace_id == traces.c.id)
        .where(traces.c.sample_id.in_(sample_ids), traces.c.kind != "human", is_current(), ~outdated())
        .where(or_(issues.c.severity == "error", _is_meant(repair)))
        .order_by(traces.c.sample_id, traces.c.turn, issues.c.id)
    )
    rows = read(engine, query)
    meant = {row.trace for row in rows if row.meant}
    messages: dict[str, list[str]] = {}
    for row in rows:
        if row.trace in meant:
            messages.setdefault(row.trace, []).append(from_json(Issue, row.issue).message)
    found: dict[str, list[FlawedTrace]] = {}
    for record, findings in messages.items():
        trace = from_json(Trace, record)
        found.setdefault(trace.sample_id, []).append(FlawedTrace(trace, tuple(findings)))
    return found


def _had(engine: Engine, sample_ids: Sequence[str], repair: Repair) -> set[str]:
    """Return the ids of those traces of the samples that this recipe and model have repaired, or made by repairing."""
    query = select(traces.c.id, traces.c.recipe, traces.c.model, traces.c.record).where(
        traces.c.sample_id.in_(sample_ids)
    )
    parents: dict[str, str] = {}
    had: set[str] = set()
    for row in read(engine, query):
        if parent := json.loads(row.record)["provenance"]["parent"]:
            parents[row.id] = parent
            if (row.recipe, row.model) == (repair.recipe, repair.model):
                had.add(parent)
    return had | {trace for trace in parents if had.intersection(_ancestors(trace, parents))}


def _ancestors(trace: str, parents: dict[str, str]) -> Iterator[str]:
    while trace in parents:
        trace = parents[trace]
        yield trace
