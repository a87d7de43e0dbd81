"""The samples of a workspace put into splits, so that what a model is tested on gives nothing away, now and later."""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Connection

from curation.checking.looking import alike, look_at
from curation.progress import Advance
from curation.splits import Asked, lasting_splits, source_splits
from curation.splits.kinship import kinship
from curation.store import Store
from curation.store.divided import count_kept, kept_splits, plan_of, put_splits, sample_records
from schemas.sample import ImageRef


def divide(
    store: Store, records: Connection, shares: Sequence[float] | Literal["source"], seed: int, advance: Advance
) -> dict[str, str]:
    """Return the splits of all samples that the connection sees, by id; the others may be in none.

    Of all sources, whichever are wanted now: what is exported later must fit to it. Images that are new are looked at
    first. Where the shares are numbers, splits are kept for the next time.
    """
    images = (ref for _, record in sample_records(records) for ref in record["images"])
    look_at(store, map(ImageRef.model_validate, images), advance)
    kin = kinship(sample_records(records), alike(store))
    if shares == "source":
        return source_splits(kin)
    asked = Asked(tuple(shares), seed)
    plan = plan_of(*asked)
    while True:
        with store.snapshot() as connection:
            kept = kept_splits(connection, plan)
        found = lasting_splits(kin, asked, kept)
        if not found.new:
            return found.splits
        with store.writing() as connection:
            if count_kept(connection, plan) == len(kept):  # else another process was quicker
                put_splits(connection, plan, found.new)
                return found.splits
