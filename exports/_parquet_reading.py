"""The records of Parquet files of ours, read back: of all configurations that hold some, sample by sample."""

import heapq
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any, NamedTuple

from curation.errors import DataError
from exports import Item, Rejected, Said
from exports._shards import Cell, opened
from exports._trace_rows import RESTORED, issues_of, restored
from schemas.sample import ImageRef, Sample
from schemas.trace import Trace

_ROWS = 1000
"""That are read at once."""
_PICTURED = 8
"""Rows whose images are held twice for a moment."""
COLUMNS: Mapping[str, Sequence[str]] = {
    "default": RESTORED,
    "direct": ("sample_id", "turn", "reason", "record"),
    "rejected": (*RESTORED, "rule", "line", "reason"),
}
"""What is read of the configurations that hold records; the others are made of these."""
_OF_TRACES = frozenset({"default", "rejected"})


class _Row(NamedTuple):
    configuration: str
    split: str
    path: Path
    cells: dict[str, Any]


def items(files: Mapping[str, Sequence[Path]]) -> Iterator[Item]:
    """Give the items of the files of each configuration, by sample id, where they were written so.

    Raises DataError, with the file and the row, for what is not of this format.
    """
    streams = [_rows(name, split, paths) for name in COLUMNS for split, paths in _by_split(files.get(name, ()))]
    merged = heapq.merge(*streams, key=lambda row: row.cells["sample_id"])
    for _, rows in groupby(merged, key=lambda row: row.cells["sample_id"]):
        yield _item(list(rows))


def _by_split(paths: Sequence[Path]) -> Iterator[tuple[str, list[Path]]]:
    for split, found in groupby(sorted(paths), key=lambda path: path.name.rsplit("-", 3)[0]):
        yield split, list(found)


def _rows(configuration: str, split: str, paths: Sequence[Path]) -> Iterator[_Row]:
    for path in paths:
        with opened(path) as file:
            for batch in file.iter_batches(_ROWS, columns=list(COLUMNS[configuration])):
                for cells in batch.to_pylist():
                    if not isinstance(cells.get("sample_id"), str):
                        raise DataError(f"{path} has rows that are of no sample: it is not of the format parquet")
                    yield _Row(configuration, split, path, cells)


def _item(rows: Sequence[_Row]) -> Item:
    """Put the rows of a sample together."""
    sample = _told(rows[0], _sample)
    taken = [_told(row, _taken) for row in rows if row.configuration == "default"]
    found = {row.cells["trace_id"]: _told(row, issues_of) for row in rows if row.configuration in _OF_TRACES}
    return Item(
        sample,
        tuple(trace for trace, _ in taken),
        rows[0].split,
        {trace.id: codes for trace, codes in taken if codes},
        tuple(_told(row, _rejected) for row in rows if row.configuration == "rejected"),
        said={trace_id: Said(issues=issues) for trace_id, issues in found.items() if issues},
        direct=dict(_told(row, _direct) for row in rows if row.configuration == "direct"),
    )


def _told(row: _Row, read: Callable[[dict[str, Any]], Any]) -> Any:
    """Read something of a row; what can't be read is named by its place."""
    try:
        return read(row.cells)
    except (ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        place = f"{row.path}, {row.cells.get('sample_id')}#{row.cells.get('turn')}"
        raise DataError(f"{place} is not a record of the format parquet: {reason}") from error


def _sample(cells: dict[str, Any]) -> Sample:
    return Sample.model_validate(json.loads(cells["record"])["sample"])


def _taken(cells: dict[str, Any]) -> tuple[Trace, tuple[str, ...]]:
    """Return a trace, and the codes of its open errors."""
    return restored(cells), tuple(map(str, cells["errors"]))


def _direct(cells: dict[str, Any]) -> tuple[int, str]:
    return int(cells["turn"]), str(cells["reason"])


def _rejected(cells: dict[str, Any]) -> Rejected:
    why = {"rule": cells["rule"], "line": cells["line"], "reason": cells["reason"]}
    return Rejected(trace=restored(cells), codes=tuple(cells["errors"]), **why)


def pictures(path: Path) -> Iterator[tuple[ImageRef, bytes]]:
    """Give the images of the samples in a file. Raises DataError where they are not as many as the records say."""
    with opened(path) as file:
        known = [name for name in ("image", "images") if name in file.schema_arrow.names]
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=["sample_id", "turn", "record", *known])
            for cells in chain.from_iterable(batch.to_pylist() for batch in rows.to_batches(_PICTURED)):
                if '"sample":{' in cells["record"]:
                    yield from _told(_Row("", "", path, cells), _pictured)


def _pictured(cells: dict[str, Any]) -> list[tuple[ImageRef, bytes]]:
    refs = _sample(cells).images
    one: list[Cell] = [cells["image"]] if cells["image"] else []
    shown: list[Cell] = cells.get("images") or one
    return [(ref, cell["bytes"]) for ref, cell in zip(refs, shown, strict=True)]
