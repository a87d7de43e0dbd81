"""The lossless format: a line for each sample with all that is known about it, and the images as files.

    data/<split>.jsonl              {"sample": {…}, "traces": [{…}, …]}, canonical JSON in UTF-8
    images/<two digits>/<64 digits>.<ext>

What a line holds is what `schemas.sample.Sample` and `schemas.trace.Trace` hold; an image is found by its digest.
"""

import heapq
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from curation.errors import DataError
from exports import ImagePath, Item
from exports._image_files import copy, file_name
from exports._split_files import appender
from schemas.digest import canonical_json
from schemas.sample import ImageRef, Sample
from schemas.trace import Trace

FORMAT_VERSION = 1


def image_file(folder: Path, ref: ImageRef) -> Path:
    """Return where a folder of this format keeps the image."""
    name = file_name(ref)
    return folder / "images" / name[:2] / name


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the items, samples without a trace too, into the empty folder."""
    data = folder / "data"
    data.mkdir()
    with appender(data) as append:
        for item in items:
            for ref in item.sample.images:
                copy(ref, image_path, image_file(folder, ref))
            append(item.split, _line(item))


def read(folder: Path) -> Iterator[Item]:
    """Read back what `write` wrote: by sample id where it was written so, as a release is.

    Raises DataError, with the file and the line, for a folder that is not of this format.
    """
    data = folder / "data"
    if not data.is_dir():
        raise DataError(f"{folder} has no folder data/: it is not a release in the format jsonl")
    splits = [_read_split(path) for path in sorted(data.glob("*.jsonl"))]
    return heapq.merge(*splits, key=lambda item: item.sample.id)


def _line(item: Item) -> bytes:
    traces = [trace.model_dump(mode="json") for trace in item.traces]
    return canonical_json({"sample": item.sample.model_dump(mode="json"), "traces": traces})


def _read_split(path: Path) -> Iterator[Item]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield _item(json.loads(line), path.stem)
            except (ValueError, TypeError, KeyError) as error:  # pydantic's errors are ValueErrors
                raise DataError(f"{path}, line {number}: not a record of the format jsonl ({error!r})") from error


def _item(record: dict[str, object], split: str) -> Item:
    sample, traces = record["sample"], record["traces"]
    if not isinstance(traces, list):
        raise TypeError(f"traces is a {type(traces).__name__}")
    return Item(Sample.model_validate(sample), tuple(map(Trace.model_validate, traces)), split)
