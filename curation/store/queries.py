"""What the verbs read: in pages, so that memory does not grow with the workspace."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, and_, exists, func, select

from curation.store.journal import call_from
from curation.store.tables import calls, checks, failures, issues, ledger, samples, traces
from schemas.call import Call
from schemas.sample import Sample
from schemas.trace import Trace

PAGE = 500


def traced(engine: Engine, sample_ids: Sequence[str], made_by: dict[str, str]) -> dict[str, dict[int, str]]:
    """Return the conclusions of the turns that have a trace made by this recipe, prompt version, model, endpoint."""
    same = [traces.c[name] == value for name, value in made_by.items()]
    found: dict[str, dict[int, str]] = {}
    with engine.connect() as connection:
        query = select(traces.c.sample_id, traces.c.turn, traces.c.record).where(
            traces.c.sample_id.in_(sample_ids), *same
        )
        for row in connection.execute(query):
            conclusion = Trace.model_validate_json(row.record).stages.conclusion
            found.setdefault(row.sample_id, {})[row.turn] = conclusion
    return found


def unchecked_traces(engine: Engine, validator: str, version: int) -> Iterator[list[tuple[Sample, Trace]]]:
    """Return the traces that this version of the validator has not seen, a page at a time."""
    seen = exists().where(
        checks.c.subject == traces.c.id, checks.c.validator == validator, checks.c.version == version
    )
    after = ""
    while True:
        query = (
            select(samples.c.record.label("sample"), traces.c.record.label("trace"), traces.c.id)
            .join_from(traces, samples, samples.c.id == traces.c.sample_id)
            .where(traces.c.id > after, ~seen)
            .order_by(traces.c.id)
            .limit(PAGE)
        )
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        yield [(Sample.model_validate_json(row.sample), Trace.model_validate_json(row.trace)) for row in rows]
        after = rows[-1].id


def unchecked_answers(engine: Engine, validator: str, version: int) -> Iterator[list[tuple[Sample, Call]]]:
    """Return the unreadable answers of turns without a trace that the validator has not seen, a page at a time."""
    seen = exists().where(
        checks.c.subject == calls.c.key, checks.c.validator == validator, checks.c.version == version
    )
    after = ""
    while True:
        query = (
            select(samples.c.record.label("sample"), calls)
            .join_from(failures, calls, calls.c.key == failures.c.call_key)
            .join(samples, samples.c.id == failures.c.sample_id)
            .where(calls.c.key > after, calls.c.outcome == "unparsable", ~seen)
            .order_by(calls.c.key)
            .limit(PAGE)
        )
        with engine.connect() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        yield [(Sample.model_validate_json(row.sample), call_from(row)) for row in rows]
        after = rows[-1].key


def mean_completion(engine: Engine, model: str) -> int | None:
    """Return the tokens of the model's usual answer in this workspace, None before there is one."""
    query = select(func.avg(calls.c.completion_tokens)).where(calls.c.model == model, calls.c.outcome == "answered")
    with engine.connect() as connection:
        mean = connection.execute(query).scalar_one()
    return None if mean is None else round(mean)
