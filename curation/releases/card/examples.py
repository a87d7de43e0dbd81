"""Records to look at: one of each source, with a small picture."""

import io
import warnings
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import polars as pl
from PIL import Image

from curation.images import ImageFault, inspect
from curation.releases.card.rows import Place, key_of
from exports import jsonl
from schemas.trace import STAGES

MOST = 10
"""Examples of a card."""
MOST_BYTES = 30_000
"""Of a picture: all together stay below 300 kB."""
_SIDES = (440, 320, 240, 160)
"""Pixels of the longer side: the first whose file is small enough. A page shows half as many, sharp on any screen."""
_MOST_PIXELS = 30_000_000


class Example(NamedTuple):
    """A record to look at."""

    source: str
    question: str
    choices: tuple[str, ...]
    answer: str
    stages: tuple[str, ...]
    """Their texts, in the order of the stages."""
    picture: bytes | None
    """A JPEG."""


def examples(places: Sequence[Place], sources: Iterable[str]) -> list[Example]:
    """Return an example of each source, in this order: the first of its places that has a picture, or else the first.

    Raises DataError for a damaged line, PolarsError for a damaged table.
    """
    by_source = ([place for place in places if place.source == source] for source in sources)
    return [_first(group) for group in islice(filter(None, by_source), MOST)]


def _first(places: Sequence[Place]) -> Example:
    first = _read(places[0])
    if first.picture:
        return first
    return next((each for each in map(_read, places[1:]) if each.picture), first)


def _read(place: Place) -> Example:
    return (_from_table if place.path.suffix == ".parquet" else _from_lines)(place)


def _from_table(place: Place) -> Example:
    """Read a row; of the file no more than its row group."""
    stages = [stage.value for stage in STAGES]
    columns = ["question", "choices", "answer", *stages, "image"]
    row = pl.scan_parquet(place.path, glob=False).slice(place.row, 1).select(columns).collect().row(0, named=True)
    return Example(
        source=place.source,
        question=row["question"],
        choices=tuple(row["choices"] or ()),
        answer=row["answer"] or "",
        stages=tuple(row[stage] for stage in stages),
        picture=thumbnail(row["image"]["bytes"]) if row["image"] else None,
    )


def _from_lines(place: Place) -> Example:
    with place.path.open("rb") as lines:
        line = next(islice(lines, place.row, None))
    item = jsonl.parse(line, place.path, f"line {place.row + 1}").item(place.path.stem)
    trace = next(each for each in item.traces if key_of(each.id) == place.key)
    turn = item.sample.turns[trace.turn]
    images = item.sample.images
    path = jsonl.image_file(place.path.parents[1], images[0]) if images else None
    return Example(
        source=place.source,
        question=turn.question,
        choices=turn.choices,
        answer=turn.target or "",
        stages=tuple(trace.stages[stage] for stage in STAGES),
        picture=thumbnail(path.read_bytes()) if path else None,
    )


def thumbnail(data: bytes) -> bytes | None:
    """Return a picture made small, on white; None for one that can't be shown. The same bytes for the same Pillow."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ref = inspect(data).ref
            return _small(data) if ref.width * ref.height <= _MOST_PIXELS else None
    except (ImageFault, OSError, ValueError, SyntaxError):
        return None


def _small(data: bytes) -> bytes | None:
    with Image.open(io.BytesIO(data)) as opened:
        opened.draft("RGB", (_SIDES[0], _SIDES[0]))  # a JPEG is read at an eighth of its size
        drawn = opened.convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")
    for side in _SIDES:
        image.thumbnail((side, side))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=82, optimize=True)
        if file.tell() <= MOST_BYTES:
            return file.getvalue()
    return None
