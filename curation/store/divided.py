"""The splits that samples were put into: for each plan, that is shares and a seed, once and for good."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from curation.store.queries import sample_pages
from curation.store.steps import insert_new
from curation.store.tables import splits
from schemas.digest import canonical_json

_ROWS = 50_000
"""Written at once."""


def plan_of(fractions: Sequence[float], seed: int) -> str:
    """Return the name under which splits with these shares and this seed are kept."""
    return canonical_json([seed, [float(fraction) for fraction in fractions]]).decode()


def kept_splits(connection: Connection, plan: str) -> dict[str, str]:
    """Return the splits of a plan, by the samples' ids."""
    query = select(splits.c.sample_id, splits.c.split).where(splits.c.plan == plan)
    names: dict[str, str] = {}
    found = connection.execution_options(yield_per=10_000).execute(query)
    return {row.sample_id: names.setdefault(row.split, row.split) for row in found}


def count_kept(connection: Connection, plan: str) -> int:
    """Return how many samples have a split of this plan."""
    query = select(func.count()).select_from(splits).where(splits.c.plan == plan)
    count: int = connection.execute(query).scalar_one()
    return count


def put_splits(connection: Connection, plan: str, new: Mapping[str, str]) -> None:
    """Keep the splits of samples, by their ids; a sample that has one stays in it."""
    rows = [{"plan": plan, "sample_id": sample_id, "split": split} for sample_id, split in new.items()]
    for at in range(0, len(rows), _ROWS):
        connection.execute(insert_new(connection.dialect.name, splits), rows[at : at + _ROWS])


def sample_records(connection: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return all samples in the order of their ids, as plain data."""
    for page in sample_pages(connection, "", ""):
        for row in page:
            yield row.id, json.loads(row.record)
