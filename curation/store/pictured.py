"""What was seen in images: kept by digest, so that an image is looked at once, however many samples show it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import Connection, Engine, select

from curation.images.looks import VERSION, Marks
from curation.store.steps import upsert
from curation.store.tables import pictures

_PAGE = 500
_COLUMNS: dict[str, Any] = {
    "digest": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    "hash": pl.Int64,
    "gradient": pl.Int64,
    "contrast": pl.Float64,
    "fault": pl.String,
}
SEEN = pl.Schema(_COLUMNS)


class Picture(NamedTuple):
    """What was seen in an image."""

    digest: str
    marks: Marks


def put_pictures(connection: Connection, found: Sequence[Picture]) -> None:
    """Store what was seen; an image that is looked at again replaces what was said of it."""
    rows = [{"digest": digest, "version": VERSION, **marks._asdict()} for digest, marks in found]
    if rows:
        connection.execute(upsert(connection.dialect.name, pictures), rows)


def seen_well(engine: Engine, digests: Sequence[str]) -> set[str]:
    """Return those of the digests whose marks are known; one that had a fault may be mended, and is not known."""
    query = select(pictures.c.digest).where(pictures.c.version == VERSION, pictures.c.fault == "")
    return {row.digest for page in _pages(digests) for row in _read(engine, query.where(pictures.c.digest.in_(page)))}


def all_seen(engine: Engine) -> pl.DataFrame:
    """Return what is known of every image but its thumbnail, by digest (`SEEN`)."""
    query = select(*(pictures.c[name] for name in SEEN)).where(pictures.c.version == VERSION)
    with engine.connect().execution_options(yield_per=10_000) as connection:
        parts = [pl.DataFrame(rows, SEEN, orient="row") for rows in _partitions(connection, query)]
    return pl.concat([SEEN.to_frame(), *parts]).sort("digest")


def _partitions(connection: Connection, query: Any) -> Iterator[list[tuple[Any, ...]]]:
    for rows in connection.execute(query).partitions():
        yield [tuple(row) for row in rows]


def thumbs_of(engine: Engine, digests: Sequence[str]) -> dict[str, bytes]:
    """Return the thumbnails of these images, of those that have one."""
    query = select(pictures.c.digest, pictures.c.thumb).where(pictures.c.thumb.is_not(None))
    found = (row for page in _pages(digests) for row in _read(engine, query.where(pictures.c.digest.in_(page))))
    return {row.digest: row.thumb for row in found}


def _pages(digests: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(digests)
    while page := list(islice(remaining, _PAGE)):
        yield page


def _read(engine: Engine, query: Any) -> Sequence[Any]:
    with engine.connect() as connection:
        return connection.execute(query).all()
