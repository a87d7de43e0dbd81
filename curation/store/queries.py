"""What the verbs read: in pages, so that memory does not grow with the workspace."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Row,
    Select,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    tuple_,
)

from curation.ballots import JUDGE
from curation.store.tables import calls, checks, failures, issues, samples, traces, withdrawn
from curation.store.text import from_json
from schemas.trace import Trace

PAGE = 500


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Return a connection that sees the records as they are now, whatever is written meanwhile."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def traced(engine: Engine, sample_ids: Sequence[str], made_by: dict[str, str]) -> dict[str, dict[int, str]]:
    """Return the conclusions of the turns that have a trace made by this recipe, prompt version, model, endpoint."""
    same = [traces.c[name] == value for name, value in made_by.items()]
    found: dict[str, dict[int, str]] = {}
    with engine.connect() as connection:
        query = (
            select(traces.c.sample_id, traces.c.turn, traces.c.record)
            .where(traces.c.sample_id.in_(sample_ids), *same)
            .order_by(traces.c.sample_id, traces.c.turn, traces.c.created_at)
        )
        for row in connection.execute(query):
            conclusion = from_json(Trace, row.record).stages.conclusion
            found.setdefault(row.sample_id, {})[row.turn] = conclusion
    return found


class Answer(NamedTuple):
    """An answer as it came."""

    key: str
    """Of its call."""
    turn: int
    raw: str


class Unchecked(NamedTuple):
    """A trace, or an answer that could not be read as one, which some validators have not seen: as it is stored."""

    sample: str
    """JSON."""
    trace: str | None
    """JSON."""
    answer: Answer | None
    missing: tuple[str, ...]
    """Names of the validators."""


def imported(connection: Connection, sample_ids: Sequence[str]) -> dict[tuple[str, int], dict[str, str]]:
    """Return the stages of the newest imported trace of the turns of these samples, by sample id and turn."""
    query = (
        select(traces.c.sample_id, traces.c.turn, traces.c.record)
        .where(traces.c.sample_id.in_(sample_ids), traces.c.kind == "imported")
        .order_by(traces.c.created_at, traces.c.id)
    )
    return {(row.sample_id, row.turn): json.loads(row.record)["stages"] for row in connection.execute(query)}


def held_sources(connection: Connection) -> set[str]:
    """Return the names of the sources that the workspace has samples of."""
    return set(connection.execute(select(samples.c.source).distinct()).scalars())


def unchecked_traces(engine: Engine, versions: Mapping[str, int]) -> Iterator[list[Unchecked]]:
    """Return the traces that any of these versions of validators has not seen, a page at a time."""
    unseen = _unseen(traces.c.id, versions)
    query = (
        select(samples.c.record.label("sample"), traces.c.record.label("trace"), traces.c.id, *unseen)
        .join_from(traces, samples, samples.c.id == traces.c.sample_id)
        .where(or_(*unseen))
    )
    for page in pages(partial(read, engine), query, traces.c.id):
        yield [Unchecked(row.sample, row.trace, None, _missing(row, versions)) for row in page]


def has_unswept(engine: Engine, name: str, version: int) -> bool:
    """Tell whether there is a trace that stands for its turn, and that a sweep has not seen."""
    [unseen] = _unseen(traces.c.id, {name: version})
    return bool(read(engine, select(traces.c.id).where(unseen, is_current()).limit(1)))


def swept_traces(engine: Engine, name: str, version: int) -> Iterator[list[Unchecked]]:
    """Return the traces that stand for their turns, a page at a time: those that a sweep has seen, then the others."""
    [unseen] = _unseen(traces.c.id, {name: version})
    for seen in (True, False):
        query = (
            select(samples.c.record.label("sample"), traces.c.record.label("trace"), traces.c.id)
            .join_from(traces, samples, samples.c.id == traces.c.sample_id)
            .where(~unseen if seen else unseen, is_current())
        )
        for page in pages(partial(read, engine), query, traces.c.id):
            yield [Unchecked(row.sample, row.trace, None, () if seen else (name,)) for row in page]


def unchecked_answers(engine: Engine, versions: Mapping[str, int]) -> Iterator[list[Unchecked]]:
    """Return the unreadable answers of turns without a trace that any of these has not seen, a page at a time."""
    unseen = _unseen(calls.c.key, versions)
    has_trace = exists().where(traces.c.sample_id == failures.c.sample_id, traces.c.turn == failures.c.turn)
    last = select(failures.c.call_key).where(failures.c.outcome == "unparsable", ~has_trace)
    query = (
        select(samples.c.record.label("sample"), calls.c.key, calls.c.turn, calls.c.raw, *unseen)
        .join_from(calls, samples, samples.c.id == calls.c.sample_id)
        .where(calls.c.key.in_(last), or_(*unseen))
    )
    for page in pages(partial(read, engine), query, calls.c.key):
        yield [Unchecked(row.sample, None, Answer(*row[1:4]), _missing(row, versions)) for row in page]


def _unseen(subject: Column[Any], versions: Mapping[str, int]) -> list[ColumnElement[bool]]:
    """Say of each validator whether this version of it has not seen the subject."""
    return [
        ~exists().where(checks.c.subject == subject, checks.c.validator == name, checks.c.version == version)
        for name, version in versions.items()
    ]


def _missing(row: Row[Any], versions: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names of the row's last columns that are true."""
    return tuple(name for name, unseen in zip(versions, row[-len(versions) :], strict=True) if unseen)


def read(engine: Engine, query: Select[Any]) -> Sequence[Row[Any]]:
    """Read a page; nothing is held open until the next."""
    with engine.connect() as connection:
        return connection.execute(query).all()


def pages(read: Callable[[Select[Any]], Sequence[Row[Any]]], query: Select[Any], by: Column[Any]) -> Iterator[Any]:
    """Return the query's rows in the order of a column without repeats, a page at a time."""
    query = query.order_by(by).limit(PAGE)
    page = read(query)
    while page:
        yield page
        page = read(query.where(by > page[-1]._mapping[by.name]))


def mean_completion(engine: Engine, model: str, recipe: str | None = None) -> int | None:
    """Return the tokens of the model's usual answer in this workspace, None before there is one."""
    of_recipe = [] if recipe is None else [calls.c.recipe == recipe]
    query = select(func.avg(calls.c.completion_tokens)).where(
        calls.c.model == model, calls.c.outcome == "answered", *of_recipe
    )
    with engine.connect() as connection:
        mean = connection.execute(query).scalar_one()
    return None if mean is None else round(mean)


def outdated() -> ColumnElement[bool]:
    """Tell whether an issue no longer stands.

    A newer version of its validator has looked at the same trace or answer since; or it says why a row could not be a
    sample, and the row is one by now; or it says why an imported answer is no trace, and the turn has one by now.
    """
    newer = checks.alias("newer")
    seen_again = exists().where(
        newer.c.subject.in_([issues.c.trace_id, issues.c.call_key]),
        newer.c.validator == issues.c.validator,
        newer.c.version > issues.c.version,
    )
    mended = exists().where(samples.c.id == issues.c.sample_id)
    traced = traces.alias("traced")
    answered = and_(
        issues.c.turn.is_not(None),
        issues.c.trace_id.is_(None),
        issues.c.call_key.is_(None),
        exists().where(traced.c.sample_id == issues.c.sample_id, traced.c.turn == issues.c.turn),
    )
    return or_(seen_again, and_(issues.c.validator == "source", issues.c.severity == "error", mended), answered)


def has_error() -> ColumnElement[bool]:
    """Tell whether a trace has an error that is not outdated."""
    return exists().where(issues.c.trace_id == traces.c.id, issues.c.severity == "error", ~outdated())


MODEL = "model"
"""What a trained model finds is found under this name, as if it were a validator; it is no check of the record."""


def is_checked() -> ColumnElement[bool]:
    """Tell whether any validator has looked at a trace; what models and judges say is no check of the record."""
    return exists().where(checks.c.subject == traces.c.id, checks.c.validator.not_in((MODEL, JUDGE)))


def probes(engine: Engine) -> int:
    """Return the version of the last probe that looked at a trace of this workspace, 0 before there is one."""
    query = select(func.max(checks.c.version)).where(checks.c.validator == MODEL)
    with engine.connect() as connection:
        return connection.execute(query).scalar_one() or 0


def known_traces(engine: Engine, ids: Sequence[str]) -> set[str]:
    """Return those of the ids that are traces of this workspace."""
    found: set[str] = set()
    for start in range(0, len(ids), PAGE):
        found |= {row.id for row in read(engine, select(traces.c.id).where(traces.c.id.in_(ids[start : start + PAGE])))}
    return found


def is_current() -> ColumnElement[bool]:
    """Tell whether a trace is the one that stands for its turn: the newest; a simulated one only where all are.

    An edit that was withdrawn never stands.
    """
    later = traces.alias("later")
    rank, later_rank = (case((table.c.kind == "simulated", 0), else_=1) for table in (traces, later))
    newer = exists().where(
        later.c.sample_id == traces.c.sample_id,
        later.c.turn == traces.c.turn,
        tuple_(later_rank, later.c.created_at, later.c.id) > tuple_(rank, traces.c.created_at, traces.c.id),
        ~_is_withdrawn(later),
    )
    return and_(~_is_withdrawn(traces), ~newer)


def _is_withdrawn(table: FromClause) -> ColumnElement[bool]:
    return and_(table.c.kind == "human", exists().where(withdrawn.c.trace_id == table.c.id))


def sample_pages(connection: Connection, after: str, end: str) -> Iterator[Sequence[Any]]:
    """Return the samples whose ids lie after the one and before the other, if there is one, a page at a time."""
    within = [samples.c.id > after, *([samples.c.id < end] if end else [])]
    query = select(samples.c.id, samples.c.record).where(*within)
    return pages(lambda page: connection.execute(page).all(), query, samples.c.id)
