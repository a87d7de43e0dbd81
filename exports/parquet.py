"""The Hub's layout, which `datasets.load_dataset(<folder>)` and the Hub's viewer show without being told how.

    data/<split>-00000-of-00001.parquet     the configuration `default`: a row for each turn that has a trace
    direct/…        turns whose traces failed: the question and its answer, with the reason
    preferences/…   a taken and a rejected trace of the same turn, as TRL's DPOTrainer takes them
    steps/…         the steps of traces with labels, as TRL's PRMTrainer takes them
    rejected/…      the traces that were not taken, with the line of the policy that excluded them

Shards have at most 500 MB of images, row groups at most 100 rows. The configurations but `default` are there where they
are asked for and have rows. Each stands for itself: its rows hold their images, and an image that several show is there
several times (the Hub stores what is the same once).

- `id` is `<sample id>#<turn>`; of a rejected trace `<sample id>#<turn>/<12 digits of its id>`.
- `image` is the sample's first image, its bytes as they were found, named by their digest; `images` are all of them
  where there are several, and else null. In preferences and steps they are `images` always.
- `history` holds the earlier turns that have a trace: question with context and choices, and tagged text.
- `summary`, `caption`, `reasoning` and `conclusion` are the stages, and `text` the tagged form of the four.
- `issues` are those that are open, and `errors` the codes of those that count against the trace.
- `reviews` says what people made of it: how many, their verdict (null where they disagree), the share of pairs of them
  that agree, and for each stage their mean score from -1 to 1; null where nobody looked. `judgements` are of models.
- `calls` are the requests that it was made with; null stands for what the endpoint does by itself.
- `answer_shown` says whether the standard answer was in view; `samples_asked`, `samples_right` and `agreement` are of
  answers that were asked for without it.
- `labels` is a JSON object, and so are `facts`, null where the source has none, and `record`: what the other columns
  don't say, which is all that `read` needs to give the sample and the trace back as they were.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pyarrow as pa

from curation.errors import DataError
from exports import ImagePath, Item, _direct, _pairs, _parquet_reading, _steps, _trace_rows
from exports._image_files import read_image
from exports._shards import Splits, cell_faults, opened, schema, shards
from schemas.sample import ImageRef

FORMAT_VERSION = 2
QUESTIONS = False
REJECTED = True
SAID = True
CONFIGURATIONS = ("direct", "preferences", "steps", "rejected")
"""Beside `default`."""

FOLDERS = MappingProxyType({"default": "data", **{name: name for name in CONFIGURATIONS}})

_HELD = 8
"""Images that are kept for the next configuration."""

Rows = Callable[[Item], Iterator[dict[str, Any]]]


class _Table(NamedTuple):
    """What the rows of a configuration are."""

    rows: Rows
    """Without images."""
    columns: pa.Schema


_TABLES = {
    "default": _Table(_trace_rows.taken, schema(_trace_rows.TAKEN)),
    "direct": _Table(_direct.rows, schema(_direct.COLUMNS)),
    "preferences": _Table(_pairs.pairs, _pairs.COLUMNS),
    "steps": _Table(_steps.rows, _steps.COLUMNS),
    "rejected": _Table(_trace_rows.rejected, schema(_trace_rows.REJECTED)),
}


def write(items: Iterable[Item], folder: Path, image_path: ImagePath, also: Sequence[str] = ()) -> None:
    """Write the turns that have a trace into the empty folder, and the other configurations that are asked for."""
    read_once = lru_cache(_HELD)(partial(read_image, image_path=image_path))
    with ExitStack() as stack:
        tables = [
            (table, stack.enter_context(Splits(folder / FOLDERS[name], table.columns, image_path, read_once)))
            for name, table in _TABLES.items()
            if name == "default" or name in also
        ]
        for item in items:
            for table, splits in tables:
                _add(splits, table, item)
        for _, splits in tables:
            splits.finish()
    for name in also:
        if not any((folder / FOLDERS[name]).iterdir()):
            (folder / FOLDERS[name]).rmdir()


def holds(item: Item, also: Sequence[str]) -> bool:
    """Tell whether the item is among the records: of one with rejected traces alone there may be but its steps."""
    return bool(item.traces or ("direct" in also and item.direct) or ("rejected" in also and item.rejected))


def _add(splits: Splits, table: _Table, item: Item) -> None:
    has_first = "image" in table.columns.names
    for row in table.rows(item):
        split = splits[item.split]
        cells = split.cells(item.sample.images)
        if has_first and len(cells) < 2:
            split.add(row | ({"image": cells[0]} if cells else {}), cells)
        else:
            first = {"image": cells[0]} if has_first else {}
            split.add(row | first | {"images": cells}, [*cells, *first.values()])


def read(folder: Path) -> Iterator[Item]:
    """Read back the samples and the traces that `write` wrote, rejected ones and direct turns too, by sample id.

    Their open issues come back; what people and judges said, and how they were asked for, is in the columns alone.
    Raises DataError, with the file and the row, for a folder that is not of this format.
    """
    return _parquet_reading.items(_files(folder))


def pictures(folder: Path) -> Iterator[tuple[ImageRef, bytes]]:
    """Give the images of the samples. Raises DataError where they are not as many as the records say."""
    files = _files(folder)
    for name in _parquet_reading.COLUMNS:
        for path in files.get(name, ()):
            yield from _parquet_reading.pictures(path)


def rows(folder: Path) -> dict[str, dict[str, int]]:
    """Return how many rows each configuration has in each split, by the files' own counts."""
    counts: dict[str, dict[str, int]] = {}
    for name, paths in _found(folder).items():
        of_splits = counts.setdefault(name, {})
        for path in paths:
            split = path.name.rsplit("-", 3)[0]
            with opened(path) as file:
                of_splits[split] = of_splits.get(split, 0) + file.metadata.num_rows
    return counts


def _files(folder: Path) -> dict[str, list[Path]]:
    """Return the shards of each configuration that is there. Raises DataError where none is."""
    if not (found := _found(folder)):
        raise DataError(f"{folder} has no Parquet files of a release")
    return found


def _found(folder: Path) -> dict[str, list[Path]]:
    files = {name: shards(folder / place) for name, place in FOLDERS.items()}
    return {name: paths for name, paths in files.items() if paths}


def image_faults(folder: Path) -> Iterator[str]:
    """Give a sentence for each image whose bytes are not those that its name says."""
    for place in FOLDERS.values():
        yield from cell_faults(folder / place, ("image", "images"))
