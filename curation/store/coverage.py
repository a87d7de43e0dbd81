"""How far the samples of a workspace came, by stratum."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, and_, case, select

from curation.store.queries import has_error, is_checked, is_current, sample_pages
from curation.store.tables import traces
from curation.strata import Asked, Coverage, Outline, Reached
from schemas.trace import Sampling


def coverage(connection: Connection) -> Coverage:
    """Count the samples that are annotated, and those that are clean: checked, and without an error."""
    counted = Coverage()
    for page in sample_pages(connection, "", ""):
        standing = _standing(connection, page[0].id, page[-1].id)
        for row in page:
            mine = standing.get(row.id, ())
            reached = Reached(annotated={each.turn for each in mine}, clean={each.turn for each in mine if each.clean})
            shares = {each.turn: share for each in mine if (share := _agreement(each.sampled)) is not None}
            counted.add(_outline(json.loads(row.record)), reached, shares)
    return counted


def _outline(record: dict[str, Any]) -> Outline:
    """Return what strata are made of; to make records of all samples takes three times as long."""
    turns = [Asked(next(iter(turn.get("targets", ())), None), turn.get("choices", ())) for turn in record["turns"]]
    return Outline(record["id"].partition("/")[0], record.get("labels", {}), turns)


def _standing(connection: Connection, first: str, last: str) -> dict[str, list[Row[Any]]]:
    """Return the traces that stand for the turns of these samples and those between, by sample.

    Of each the turn, whether it is clean, and the record if it was asked blind.
    """
    is_sampled = traces.c.record.contains('"sampling":')
    query = (
        select(
            traces.c.sample_id,
            traces.c.turn,
            and_(is_checked(), ~has_error()).label("clean"),
            case((is_sampled, traces.c.record)).label("sampled"),
        )
        .where(traces.c.sample_id.between(first, last), is_current())
        .order_by(traces.c.sample_id)
    )
    rows: Sequence[Row[Any]] = connection.execute(query).all()
    return {sample_id: list(some) for sample_id, some in groupby(rows, lambda row: row.sample_id)}


def _agreement(record: str | None) -> float | None:
    sampling = json.loads(record)["provenance"].get("sampling") if record else None
    return Sampling.model_validate(sampling).agreement if sampling else None
