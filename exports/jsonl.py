"""The lossless format: a line for each sample with all that is known about it, and the images as files.

    data/<split>.jsonl              {"errors": {…}, "sample": {…}, "traces": [{…}, …]}, canonical JSON in UTF-8
    images/<two digits>/<64 digits>.<ext>

A line holds what `schemas.sample.Sample` and `schemas.trace.Trace` do, and the codes of the open errors of each trace
that has any, by its id; an image is found by its digest. Where a policy keeps what it rejects, `rejected` holds those
traces with the reasons.
"""

import heapq
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from curation.errors import DataError
from exports import ImagePath, Item, Rejected
from exports._image_files import copy, file_name
from exports._split_files import appender
from schemas.digest import canonical_json
from schemas.sample import ImageRef, Record, Sample
from schemas.trace import Trace

FORMAT_VERSION = 1
QUESTIONS = True
REJECTED = True

_HALF = rb"\ud"
"""What a half character begins with as JSON writes it; a whole one may, too."""


class Line(Record):
    """A line of a split's file."""

    sample: Sample
    traces: tuple[Trace, ...]
    errors: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()

    @classmethod
    def of(cls, item: Item) -> Self:
        """Return an item as a line has it."""
        return cls(sample=item.sample, traces=item.traces, errors=dict(item.errors), rejected=item.rejected)

    def item(self, split: str) -> Item:
        """Return the line as an item of a split."""
        return Item(self.sample, self.traces, split, self.errors, self.rejected)

    @model_serializer(mode="wrap")
    def _without_rejected(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave `rejected` out where there is none."""
        written: dict[str, Any] = write(self)
        if not self.rejected:
            del written["rejected"]
        return written


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
            append(item.split, canonical_json(Line.of(item).model_dump(mode="json")))


def read(folder: Path) -> Iterator[Item]:
    """Read back what `write` wrote: by sample id where it was written so, as a release is.

    Raises DataError, with the file and the line, for a folder that is not of this format.
    """
    data = folder / "data"
    if not data.is_dir():
        raise DataError(f"{folder} has no folder data/: it is not a release in the format jsonl")
    splits = [_read_split(path) for path in sorted(data.glob("*.jsonl"))]
    return heapq.merge(*splits, key=lambda item: item.sample.id)


def pictures(folder: Path) -> Iterator[tuple[ImageRef, bytes]]:
    """Give the images of the samples. Raises DataError where one can't be read."""
    for item in read(folder):
        for ref in item.sample.images:
            path = image_file(folder, ref)
            try:
                yield ref, path.read_bytes()
            except OSError as error:
                raise DataError(f"{path} can't be read: {error.strerror}") from error


def _read_split(path: Path) -> Iterator[Item]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            yield parse(line, path, f"line {number}").item(path.stem)


def parse(line: bytes, path: Path, place: str) -> Line:
    """Read one line. Raises DataError, with the file and the place, for what is not of this format."""
    try:
        # Pydantic's own reader, which is faster, refuses half characters.
        return Line.model_validate(json.loads(line)) if _HALF in line else Line.model_validate_json(line)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(f"{path}, {place} is not a record of the format jsonl: {reason}") from error
