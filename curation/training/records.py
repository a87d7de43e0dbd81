"""The turns of a split, found by where they stand in its file: a release need not fit into memory."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.prompts.wording import answer_text, question_text
from curation.training.settings import Arm
from exports.jsonl import Line, parse
from schemas.halves import whole
from schemas.trace import Trace

_WORD = re.compile(r"[^\W\d_]{1,8}|\d{1,3}|[^\w\s]|_")

Wanted = Callable[[str], bool]
"""Tells by a sample's id whether its turns are trained on."""


class Row(NamedTuple):
    """One turn with a trace, and the record that it belongs to."""

    line: Line
    trace: Trace

    @property
    def name(self) -> str:
        """The sample's id and the turn, for logs."""
        return f"{self.line.sample.id}#{self.trace.turn}"


class Rows(NamedTuple):
    """The turns of one split that have a trace, in the order of the file. [n] arrays, a few bytes a turn."""

    folder: Path
    split: str
    offsets: NDArray[np.int64]
    """First byte of the turn's line."""
    places: NDArray[np.int16]
    """Index into the line's traces."""
    lengths: NDArray[np.int32]
    """Of the question and of the full four-stage answer, whatever the arm trains on, in words as tokenizers cut them:
    nearer to tokens than characters are, so that batches of like length hold half as much padding."""
    flagged: NDArray[np.bool_]
    """The trace has an open error."""
    left_out: NDArray[np.bool_]
    """Not wanted by the caller."""
    source_ids: NDArray[np.int16]
    sources: tuple[str, ...]

    def taken(self, arm: Arm) -> NDArray[np.bool_]:
        """Tell which turns the arm trains on: `raw` all, every other arm those without an error."""
        return ~self.left_out if arm == "raw" else ~(self.flagged | self.left_out)

    def read(self, index: int) -> Row:
        """Read one turn from the file. Raises DataError where the file is no longer what it was."""
        with self.path.open("rb") as file:
            file.seek(int(self.offsets[index]))
            line = parse(file.readline(), self.path, f"byte {self.offsets[index]}")
        return Row(line, line.traces[self.places[index]])

    @property
    def path(self) -> Path:
        """The split's file."""
        return _path(self.folder, self.split)


def has_split(folder: Path, split: str) -> bool:
    """Tell whether the release has records in the split."""
    return _path(folder, split).is_file()


def index(folder: Path, split: str, wanted: Wanted | None = None) -> Rows:
    """Read once through a split of a release in the format jsonl; a split without records has no rows.

    Raises DataError, with the file and the line, for what is not of this format.
    """
    found = list(_entries(folder, split, wanted)) if has_split(folder, split) else []
    sources = tuple(sorted({entry.source for entry in found}))
    numbers = {source: number for number, source in enumerate(sources)}
    return Rows(
        folder,
        split,
        np.array([entry.offset for entry in found], np.int64),
        np.array([entry.place for entry in found], np.int16),
        np.array([entry.length for entry in found], np.int32),
        np.array([entry.flagged for entry in found], np.bool_),
        np.array([entry.left_out for entry in found], np.bool_),
        np.array([numbers[entry.source] for entry in found], np.int16),
        sources,
    )


class _Entry(NamedTuple):
    offset: int
    place: int
    length: int
    flagged: bool
    left_out: bool
    source: str


def _entries(folder: Path, split: str, wanted: Wanted | None) -> Iterator[_Entry]:
    for offset, line in _lines(_path(folder, split)):
        left_out = wanted is not None and not wanted(line.sample.id)
        for place, trace in enumerate(line.traces):
            length = _words(question_text(line.sample.turns[trace.turn])) + _words(answer_text(trace.stages))
            yield _Entry(offset, place, length, trace.id in line.errors, left_out, line.sample.source)


def _words(text: str) -> int:
    """Return the number of words, long ones and numbers counted in pieces, and of signs."""
    return sum(1 for _ in _WORD.finditer(text))


def texts(folder: Path, split: str) -> Iterator[str]:
    """Give every question and every answer of a split: what a tokenizer is made from."""
    for _, line in _lines(_path(folder, split)):
        for trace in line.traces:
            turn = line.sample.turns[trace.turn]
            yield from map(whole, (question_text(turn), answer_text(trace.stages), *turn.targets))


def _lines(path: Path) -> Iterator[tuple[int, Line]]:
    """Give each line with the byte at which it begins."""
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            yield offset, parse(line, path, f"line {number}")
            offset += len(line)


def _path(folder: Path, split: str) -> Path:
    return folder / "data" / f"{split}.jsonl"
