"""Labels of difficulty: those that traces have, and the traces that lack some."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection, Engine, exists, or_, select

from curation.difficulty import DIFFICULTY, share
from curation.store.queries import is_current, pages, read
from curation.store.tables import issues, samples, traces
from curation.store.text import from_json
from schemas.sample import Sample
from schemas.trace import Trace


class Unlabelled(NamedTuple):
    """A trace, and the labels that it lacks."""

    sample: Sample
    trace: Trace
    missing: tuple[str, ...]


def unlabelled(
    engine: Engine, sources: Sequence[str], names: Sequence[str], *, simulated: bool
) -> Iterator[Unlabelled]:
    """Return the current traces of these sources, by id, whose turns can be marked and that lack one of the labels.

    What the simulator answers says nothing about real traces, and has a meaning for simulated ones alone.
    """
    lacking = [
        ~exists().where(issues.c.trace_id == traces.c.id, issues.c.code == f"{DIFFICULTY}:{name}") for name in names
    ]
    of_kind = traces.c.kind == "simulated" if simulated else traces.c.kind != "simulated"
    query = (
        select(traces.c.id, samples.c.record.label("sample"), traces.c.record.label("trace"), *lacking)
        .join_from(traces, samples, samples.c.id == traces.c.sample_id)
        .where(samples.c.source.in_(sources), of_kind, is_current(), or_(*lacking))
    )
    for page in pages(partial(read, engine), query, traces.c.id):
        for row in page:
            found = Unlabelled(
                from_json(Sample, row.sample),
                from_json(Trace, row.trace),
                tuple(name for name, lacks in zip(names, row[-len(names) :], strict=True) if lacks),
            )
            turn = found.sample.turns[found.trace.turn]
            if turn.scorer and turn.targets:
                yield found


def labels_of(connection: Connection, sample_ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the labels of the traces of these samples, by trace: by name, the share of right answers."""
    query = (
        select(issues.c.trace_id, issues.c.code, issues.c.record)
        .where(issues.c.sample_id.in_(sample_ids), issues.c.validator == DIFFICULTY, issues.c.trace_id.is_not(None))
        .order_by(issues.c.trace_id, issues.c.id)
    )
    found: dict[str, dict[str, float]] = {}
    for row in connection.execute(query):
        name = row.code.split(":", 1)[1]
        found.setdefault(row.trace_id, {})[name] = share(json.loads(row.record)["evidence"])
    return found
