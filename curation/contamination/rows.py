"""The rows of evaluation sets, streamed: VLMEvalKit's TSV files, parquet with an image column, and releases.

a .tsv              index, question, image (base64, a list of such, or the index of another row); no answer is needed
a .parquet          question or query, and image or images in the Hub's form ({bytes, path}), or as bytes
a folder            a release of the format jsonl; else the .parquet files, or the .tsv files, below it
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import DataError, MissingError
from curation.evaluation.benchmark import long_fields
from curation.prompts.wording import question_text
from curation.release import file_digest
from exports import jsonl
from schemas.digest import digest_json

_QUESTION = ("question", "query", "problem")
_IMAGE = ("image", "images", "decoded_image")
_INDEX = ("index", "id", "question_id", "pid")
_OPTION = re.compile("[A-Z]")
_BATCH = 64


class Raw(NamedTuple):
    """A row as it is read; its images are decoded when they are looked at."""

    where: str
    key: str
    """The row's index or id."""
    question: str
    """With its hint and its options."""
    images: str | tuple[bytes | Path | None, ...]
    """A cell of a TSV; or bytes or files, None for one that is not there."""


class EvaluationSet(NamedTuple):
    """A file or a folder to compare with."""

    name: str
    path: Path
    files: tuple[Path, ...]
    """The files of rows, all of one form: jsonl, parquet or tsv, as their names end."""

    @property
    def digest(self) -> str:
        """The digest of the one file, or of the digests of all."""
        digests = [file_digest(path) for path in self.files]
        return digests[0] if len(digests) == 1 else digest_json(digests)

    def rows(self) -> Iterator[Raw | str]:
        """Yield the rows; a sentence for each that can't be read. Raises DataError for a file of another form."""
        if self.files[0].suffix == ".jsonl":
            yield from _of_release(self.path)
            return
        read = _of_tsv if self.files[0].suffix == ".tsv" else _of_parquet
        for path in self.files:
            try:
                yield from read(path)
            except OSError as error:
                raise MissingError(f"{path} can't be read: {error.strerror or error}") from error


def find(path: Path) -> EvaluationSet:
    """Tell of what form the set is. Raises MissingError where there is nothing, DataError for an unknown form."""
    if not path.exists():
        raise MissingError(f"--against {path}: there is no such file or folder")
    if path.is_file() and path.suffix in {".tsv", ".parquet"}:
        return EvaluationSet(path.stem, path, (path,))
    for pattern in ("data/*.jsonl", "**/*.parquet", "**/*.tsv") if path.is_dir() else ():
        if files := tuple(sorted(path.glob(pattern))):
            return EvaluationSet(path.resolve().name, path, files)
    raise DataError(
        f"--against {path} is no evaluation set: give a .tsv of VLMEvalKit, a .parquet, a folder of them, or a release"
        " of the format jsonl"
    )


def _of_tsv(path: Path) -> Iterator[Raw | str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file, long_fields():
        lines = csv.DictReader(file, delimiter="\t")
        columns = tuple(lines.fieldnames or ())
        if absent := {"question", "image"} - set(columns):
            raise DataError(f"{path} lacks the columns {', '.join(sorted(absent))} of an evaluation set")
        options = [name for name in columns if _OPTION.fullmatch(name)]
        try:
            for cells in lines:
                yield _of_line(f"{path.name}, line {lines.line_num}", cells, options)
        except csv.Error as error:
            raise DataError(f"{path}, line {lines.line_num}: not a file of values between tabs: {error}") from error


def _of_line(where: str, cells: dict[Any, Any], options: list[str]) -> Raw | str:
    if None in cells or None in cells.values():
        return f"{where}: not as many cells as there are columns"
    asked = [cells.get("hint", ""), cells["question"], *(cells[name] for name in options)]
    return Raw(
        where, cells.get("index", "") or where, "\n".join(part for part in asked if part.strip()), cells["image"]
    )


def _of_parquet(path: Path) -> Iterator[Raw | str]:
    try:
        file = pq.ParquetFile(path)
        names = [_first(columns, file.schema_arrow.names) for columns in (_QUESTION, _IMAGE, _INDEX)]
        if not names[0] or not names[1]:
            wanted = f"{' or '.join(_QUESTION)}, and {' or '.join(_IMAGE)}"
            raise DataError(f"{path} is no evaluation set: it needs the columns {wanted}")
        number = 0
        for batch in file.iter_batches(_BATCH, columns=[name for name in names if name]):
            for row in batch.to_pylist():
                number += 1
                index = str(row[names[2]]) if names[2] else str(number)
                question = row[names[0]]
                yield Raw(f"{path.name}, row {number}", index, str(question or ""), _cells(row[names[1]]))
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no parquet file, or it is damaged: {' '.join(str(error).split())[:200]}") from error


def _first(wanted: tuple[str, ...], names: list[str]) -> str | None:
    return next((name for name in wanted if name in names), None)


def _cells(cell: object) -> tuple[bytes | None, ...]:
    """Return the bytes of the image or the images in a cell."""
    cells = cell if isinstance(cell, list) else [cell]
    found = (each.get("bytes") if isinstance(each, dict) else each for each in cells)
    return tuple(each if isinstance(each, bytes) and each else None for each in found)


def _of_release(folder: Path) -> Iterator[Raw]:
    for item in jsonl.read(folder):
        images = tuple(jsonl.image_file(folder, ref) for ref in item.sample.images)
        for number, turn in enumerate(item.sample.turns):
            index = f"{item.sample.id}#{number}"
            yield Raw(index, index, question_text(turn), images)
