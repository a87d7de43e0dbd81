"""Benchmarks in VLMEvalKit's form: one TSV file, the images in it as base64.

Source: https://github.com/open-compass/VLMEvalKit, `vlmeval/dataset/image_base.py` and `image_mcq.py`. The columns:

    index               of the row, once only
    question, answer    the answer of a multiple-choice row is a letter
    image               base64; or a Python list of such, or the index of the row that has the image
    A, B, …             the options, where there are any
    hint                goes before the question
    category, l2-category, split    labels

A row that can't be used is left out and named. The file is streamed; an image is decoded once, and kept as a file by
its digest, so that what is held is text.
"""

import ast
import binascii
import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import ascii_uppercase
from typing import NamedTuple, TextIO

import pybase64

from curation.errors import DataError, MissingError
from curation.evaluation.questions import Picture, Problem
from curation.images import ImageFault, LoadedImage, inspect
from schemas.sample import Turn

_NEEDED = ("index", "image", "question", "answer")
_LABELS = ("category", "l2-category", "split")
_LONGEST_INDEX = 64
"""Characters; what is longer in the image column is an image. VLMEvalKit draws the line here too."""

Row = dict[str, str]
"""The cells of a row by column, without its image."""


class Benchmark(NamedTuple):
    """A file that was read."""

    name: str
    columns: tuple[str, ...]
    """In the order of the file, without the image."""
    problems: list[Problem]
    rows: list[Row]
    """Of each problem."""
    faults: list[str]
    """A sentence for each row that can't be used."""


class BadRow(Exception):
    """A row can't be used; the message says why."""


class _Read(NamedTuple):
    """A row whose image may still be that of another row."""

    where: str
    cells: Row
    turn: Turn
    images: tuple[Picture, ...] | str


def read(path: Path, images: Path, limit: int | None = None) -> Benchmark:
    """Read the benchmark; its images become files in the folder `images`.

    Raises MissingError where there is no such file, DataError for one that is not a benchmark or has no usable row.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file, long_fields():
            return _read(path, file, images, limit)
    except OSError as error:
        raise MissingError(f"the benchmark {path} can't be read: {error.strerror}") from error
    except csv.Error as error:
        raise DataError(f"{path} is not a file of values between tabs: {error}") from error


@contextmanager
def long_fields() -> Iterator[None]:
    """Let a cell be as long as an image; the limit is one for the whole process."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read(path: Path, file: TextIO, images: Path, limit: int | None) -> Benchmark:
    lines = csv.DictReader(file, delimiter="\t")
    columns = tuple(lines.fieldnames or ())
    if absent := [name for name in _NEEDED if name not in columns]:
        raise DataError(f"{path} lacks the columns {', '.join(absent)} of a benchmark that can be scored")
    images.mkdir(parents=True, exist_ok=True)
    rows: list[_Read] = []
    faults: list[str] = []
    seen: dict[str, tuple[Picture, ...]] = {}
    for cells in lines:
        where = f"{path.name}, line {lines.line_num}"
        try:
            rows.append(_row(where, cells, images, seen))
        except BadRow as fault:
            faults.append(f"{where}: {fault}")
        if limit and len(rows) >= limit:
            break
    return _finish(path.stem, tuple(name for name in columns if name != "image"), rows, faults, seen)


def _finish(
    name: str, columns: tuple[str, ...], rows: list[_Read], faults: list[str], seen: dict[str, tuple[Picture, ...]]
) -> Benchmark:
    """Give each row the image that it refers to, which may come later in the file."""
    benchmark = Benchmark(name, columns, [], [], faults)
    for row in rows:
        pictures = seen.get(row.images, ()) if isinstance(row.images, str) else row.images
        if not pictures:
            faults.append(f"{row.where}: its image is that of row {row.images!r}, which has none")
            continue
        labels = {label: row.cells[label] for label in _LABELS if row.cells.get(label)}
        benchmark.problems.append(Problem(f"{name}/{row.cells['index']}", name, row.turn, pictures, labels))
        benchmark.rows.append(row.cells)
    if not benchmark.problems:
        raise DataError(f"no row of {name} can be used: {faults[0] if faults else 'it has none'}")
    return benchmark


def _row(where: str, cells: dict[str | None, str | None], images: Path, seen: dict[str, tuple[Picture, ...]]) -> _Read:
    """Read one row, and note its images under its index."""
    if None in cells or None in cells.values():
        raise BadRow("not as many cells as there are columns")
    row = {column: cell for column, cell in cells.items() if column is not None and cell is not None}
    index, image = row["index"], row.pop("image")
    if not index.strip() or index in seen:
        raise BadRow(f"the index {index!r} is empty, or was there before")
    found: tuple[Picture, ...] | str = image.strip() if refers(image) else _pictures(image, images)
    seen[index] = () if isinstance(found, str) else found
    return _Read(where, row, _turn(row), found)


def _turn(row: Row) -> Turn:
    choices = _choices(row)
    question, answer = row["question"].strip(), row["answer"].strip()
    if not question or not answer:
        raise BadRow("a question or an answer is missing")
    if choices:
        position = ascii_uppercase.find(answer) if len(answer) == 1 else -1
        if not 0 <= position < len(choices):
            raise BadRow(f"its answer {answer[:40]!r} is not the letter of an option")
        targets, scorer = [answer, choices[position]], "multiple-choice"
    else:
        targets, scorer = [answer], "yes-no" if answer.lower() in {"yes", "no"} else "exact-match"
    hint = row.get("hint", "").strip()
    return Turn(question=question, targets=tuple(targets), choices=choices, context=hint, scorer=scorer)


def _choices(row: Row) -> tuple[str, ...]:
    letters = [letter for letter in ascii_uppercase if row.get(letter, "").strip()]
    if letters != list(ascii_uppercase[: len(letters)]):
        raise BadRow(f"its options are {', '.join(letters)}: one between them is missing")
    return tuple(row[letter].strip() for letter in letters)


def _pictures(cell: str, images: Path) -> tuple[Picture, ...]:
    """Decode the images of a cell, and keep each under its digest."""
    pictures = []
    for loaded in images_in(cell):
        path = images / loaded.ref.digest.removeprefix("sha256:")
        if not path.exists() or path.stat().st_size != len(loaded.data):
            path.write_bytes(loaded.data)
        pictures.append(Picture(loaded.ref.digest, path))
    return tuple(pictures)


def refers(cell: str) -> bool:
    """Tell whether what stands in the image column is the index of another row."""
    return len(cell) <= _LONGEST_INDEX and not cell.startswith("[")


def images_in(cell: str) -> Iterator[LoadedImage]:
    """Decode what stands in the image column. Raises BadRow for what is no image."""
    try:
        texts = ast.literal_eval(cell) if cell.startswith("[") else [cell]
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise BadRow("its image begins as a list, and is none") from error
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise BadRow("its list of images is not one of base64 texts")
    for text in texts:
        try:
            yield inspect(pybase64.b64decode(text.strip(), validate=True))
        except (binascii.Error, ValueError) as error:
            raise BadRow(f"its image is not base64: {error}") from error
        except ImageFault as fault:
            raise BadRow(f"its image is {fault.message} ({fault.code})") from fault
