"""What a workspace holds, counted: the figures of `status`, and of the yield that `validate` prints.

A row of a source is a sample or unusable; a turn of a sample is traced, failed or pending; a trace is unchecked,
clean or flagged. Each adds up.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Engine, Select, case, exists, func, select

from curation.store.queries import has_error, is_checked, is_current, outdated, snapshot
from curation.store.tables import calls, comparisons, failures, issues, ledger, queue, samples, traces, verdicts

Counts = dict[str, int]


class SourceCount(BaseModel):
    """The figures of one source; rows = samples + unusable, turns = traced + failed + pending."""

    model_config = ConfigDict(frozen=True)

    source: str
    rows: int
    samples: int
    unusable: int
    """Rows that could not be samples."""
    turns: int
    traced: int
    failed: int
    pending: int
    clean: int
    """Turns whose current trace was checked and has no error."""


class Money(NamedTuple):
    """Nano-dollars, and the requests they stand for."""

    spent: int
    reserved: int
    reserved_requests: int
    """On their way in a run that is alive."""
    unclear: int
    unclear_requests: int
    """May have been billed without an answer: the connection broke, or the run was killed meanwhile."""
    saved: int
    saved_requests: int


def _pairs(connection: Connection, query: Select[Any]) -> Counts:
    return {row[0]: row[1] for row in connection.execute(query)}


def by_source(engine: Engine) -> list[SourceCount]:
    """Count rows and turns by source, all as they are at one moment."""
    rows_and_turns = select(
        samples.c.source, func.count().label("samples"), func.sum(samples.c.turns).label("turns")
    ).group_by(samples.c.source)
    with snapshot(engine) as connection:
        held = {row.source: row for row in connection.execute(rows_and_turns)}
        traced = _turns(connection, _traced_turns())
        clean = _turns(connection, _clean_turns())
        failed = _turns(connection, _failed_turns())
        unusable = _unusable_rows(connection)
    return [_count(name, held.get(name), traced, clean, failed, unusable) for name in sorted(held.keys() | unusable)]


def _count(source: str, held: Any, traced: Counts, clean: Counts, failed: Counts, unusable: Counts) -> SourceCount:
    turns, kept = (int(held.turns), held.samples) if held else (0, 0)
    done, lost = traced.get(source, 0), failed.get(source, 0)
    return SourceCount(
        source=source,
        rows=kept + unusable.get(source, 0),
        samples=kept,
        unusable=unusable.get(source, 0),
        turns=turns,
        traced=done,
        failed=lost,
        pending=turns - done - lost,
        clean=clean.get(source, 0),
    )


def _turns(connection: Connection, turns: Select[Any]) -> Counts:
    """Count turns, given as sample id and turn, by source."""
    each = turns.subquery()
    query = (
        select(samples.c.source, func.count())
        .join_from(each, samples, samples.c.id == each.c.sample_id)
        .group_by(samples.c.source)
    )
    return _pairs(connection, query)


def _traced_turns() -> Select[Any]:
    return select(traces.c.sample_id, traces.c.turn).distinct()


def _failed_turns() -> Select[Any]:
    has_trace = exists().where(traces.c.sample_id == failures.c.sample_id, traces.c.turn == failures.c.turn)
    return select(failures.c.sample_id, failures.c.turn).where(~has_trace).distinct()


def _clean_turns() -> Select[Any]:
    return select(traces.c.sample_id, traces.c.turn).where(is_current(), is_checked(), ~has_error())


def _unusable_rows(connection: Connection) -> Counts:
    """Count the rows that could not be samples, by source."""
    kept = exists().where(samples.c.id == issues.c.sample_id)
    query = (
        select(issues.c.sample_id).where(issues.c.validator == "source", issues.c.severity == "error", ~kept).distinct()
    )
    found: Counts = {}
    for row in connection.execute(query):
        source = row.sample_id.split("/", 1)[0]
        found[source] = found.get(source, 0) + 1
    return found


def by_state(engine: Engine) -> Counts:
    """Count traces by state."""
    state = case((~is_checked(), "unchecked"), (has_error(), "flagged"), else_="clean")
    each = select(state.label("state")).select_from(traces).subquery()
    with engine.connect() as connection:
        return _pairs(connection, select(each.c.state, func.count()).group_by(each.c.state))


def by_review(engine: Engine) -> Counts:
    """Count the turns of the review queue by how they stand; none where nobody has reviewed anything."""
    query = select(queue.c.state, func.count()).group_by(queue.c.state)
    with engine.connect() as connection:
        found = _pairs(connection, query)
    return found if found.keys() - {"pending"} else {}


def by_judge(engine: Engine) -> list[tuple[str, str, int]]:
    """Count what each judge has said: of traces, and of repaired ones beside those that they were made from."""
    judged = select(verdicts.c.judge, func.count()).group_by(verdicts.c.judge)
    compared = select(comparisons.c.judge, comparisons.c.rank, func.count()).group_by(
        comparisons.c.judge, comparisons.c.rank
    )
    with engine.connect() as connection:
        found = [(judge, "traces judged", count) for judge, count in connection.execute(judged)]
        found += [(judge, f"repairs compared, {rank}", count) for judge, rank, count in connection.execute(compared)]
    return sorted(found)


def by_code(engine: Engine) -> list[tuple[str, str, str, int]]:
    """Count issues that are not outdated by source, code and severity."""
    found: dict[tuple[str, str, str], int] = {}
    query = select(issues.c.sample_id, issues.c.code, issues.c.severity).where(~outdated())
    with engine.connect() as connection:
        for row in connection.execution_options(yield_per=10_000).execute(query):
            key = row.sample_id.split("/", 1)[0], row.code, row.severity
            found[key] = found.get(key, 0) + 1
    return [(*key, count) for key, count in sorted(found.items())]


def by_outcome(engine: Engine) -> Counts:
    """Count calls by outcome."""
    with engine.connect() as connection:
        return _pairs(connection, select(calls.c.outcome, func.count()).group_by(calls.c.outcome))


def failed_by_outcome(engine: Engine) -> Counts:
    """Count turns that ended without a trace, by the outcome of their last call."""
    has_trace = exists().where(traces.c.sample_id == failures.c.sample_id, traces.c.turn == failures.c.turn)
    latest = func.row_number().over(
        partition_by=(failures.c.sample_id, failures.c.turn), order_by=(calls.c.created_at.desc(), failures.c.call_key)
    )
    ranked = (
        select(failures.c.outcome, latest.label("place"))
        .outerjoin_from(failures, calls, calls.c.key == failures.c.call_key)
        .where(~has_trace)
        .subquery()
    )
    last = select(ranked.c.outcome).where(ranked.c.place == 1).subquery()
    with engine.connect() as connection:
        return _pairs(connection, select(last.c.outcome, func.count()).group_by(last.c.outcome))


def money(engine: Engine, is_alive: Callable[[str], bool]) -> Money:
    """Add up the ledger; a reservation of a run that is not alive may have been billed."""
    query = select(ledger.c.state, ledger.c.run_id, func.count().label("n"), func.sum(ledger.c.amount).label("sum"))
    sums = {"settled": [0, 0], "reserved": [0, 0], "lost": [0, 0], "saved": [0, 0]}
    with engine.connect() as connection:
        for row in connection.execute(query.group_by(ledger.c.state, ledger.c.run_id)):
            unclear = row.state == "reserved" and not is_alive(row.run_id)
            state = "lost" if unclear else row.state
            sums[state][0] += int(row.sum)
            sums[state][1] += row.n
    return Money(sums["settled"][0], *sums["reserved"], *sums["lost"], *sums["saved"])
