"""What must not be published: secrets and paths of machines in the texts of a release.

Every file is read as text, but pictures; of Parquet files the columns of text, of tar files their members. Files are
read in pieces, and what is found is never shown as a whole. Each pattern is bounded: the time is linear in the bytes.
"""

import re
import tarfile
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

_PIECE = 4 * 2**20
_LONGEST = 512
"""Bytes by which pieces overlap: more than any pattern takes."""
_BEFORE = 6
"""Bytes that say whether something begins, or goes on."""
_LINE = b"\n"
_SHOWN = 6
"""Characters of a find that are shown."""
_ROWS = 1000
_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif"})


class Leak(NamedTuple):
    """A place where something stands that is nobody's business."""

    place: str
    """The file, and the place in it."""
    what: str
    excerpt: str
    """Its beginning."""

    def __str__(self) -> str:
        return f"{self.place}: {self.what} ({self.excerpt})"


_PATH = rb"[^/\s\"'<>]{1,100}/"
_SLASH = rb"(?:\\{1,4}|/)"
_RULES = tuple(
    (what, re.compile(pattern))
    for what, pattern in (
        ("a token of the Hub", rb"hf_[A-Za-z0-9]{30,100}"),
        ("a key of a model's endpoint", rb"sk-(?=[A-Za-z_-]{0,100}[0-9])(?:[a-z0-9]{2,12}-){0,2}\w{16,200}"),
        ("a key of AWS", rb"AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
        ("a token of GitHub", rb"gh[opsur]_[A-Za-z0-9]{36,100}"),
        ("a token of GitHub", rb"github_pat_[A-Za-z0-9_]{22,200}"),
        ("a private key", rb"-----BEGIN (?:[A-Z]{2,10} ){0,3}PRIVATE KEY"),
        ("a path of a machine", b"/home/" + _PATH),
        ("a path of a machine", b"/Users/" + _PATH),
        ("a path of a machine", b":" + _SLASH + b"Users" + _SLASH + rb"[^\\/\s\"'<>]{1,100}"),
    )
)
"""Each begins with letters that are given, by which the expression's engine finds it quickly."""
_JOINED = re.compile(rb"[A-Za-z0-9_.~/-]\Z")
_ESCAPE = re.compile(rb"(?:\\[nrtbf]|\\u[0-9a-f]{4})\Z")
"""Of JSON: its last character is none that stands before what follows."""


def leaks(folder: Path, most: int) -> list[Leak]:
    """Return the first finds in the files of a folder, at most so many. Raises OSError, or what pyarrow does."""
    return list(islice(_all(folder), most))


def _all(folder: Path) -> Iterator[Leak]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".parquet":
            yield from _in_table(path, name)
        elif path.suffix == ".tar":
            yield from _in_tar(path, name)
        elif path.suffix not in _PICTURES:
            with path.open("rb") as file:
                yield from _in_text(file, name)


def _in_text(file: BinaryIO, name: str) -> Iterator[Leak]:
    """Look through a file piece by piece; the place is the line."""
    line, before, piece = 1, b"", file.read(_PIECE)
    while piece:
        after = file.read(_PIECE)
        text, start = before + piece, len(before[:_BEFORE])
        # What begins in the last bytes may go on in the next piece, and is looked for there.
        end = len(text) - _LONGEST if after else len(text)
        for what, place, found in _finds(text, start, end):
            yield Leak(f"{name}, line {line + text.count(_LINE, start, place)}", what, _excerpt(found))
        line += text.count(_LINE, start, end)
        before, piece = text[end - _BEFORE :], after


def _finds(text: bytes, start: int, end: int) -> list[tuple[str, int, bytes]]:
    """Return what begins between the two places, with its place."""
    found = []
    for what, pattern in _RULES:
        matches = (match for match in pattern.finditer(text, start) if match.start() < end)
        found += [(what, match.start(), match[0]) for match in matches if _stands_alone(text, match.start())]
    return sorted(found, key=lambda each: each[1])


def _stands_alone(text: bytes, start: int) -> bool:
    """Tell whether what begins here is no part of a longer word, or of an address on the web."""
    before = text[max(start - _BEFORE, 0) : start]
    return text[start : start + 1] == b":" or not _JOINED.search(before) or bool(_ESCAPE.search(before))


def _excerpt(found: bytes) -> str:
    return f"{found[:_SHOWN].decode('ascii', 'replace')}…"


def _in_tar(path: Path, name: str) -> Iterator[Leak]:
    with tarfile.open(path, "r:") as tar:
        for entry in tar:
            file = None if Path(entry.name).suffix in _PICTURES else tar.extractfile(entry)
            if file is not None:
                yield from _in_text(BytesIO(file.read()), f"{name}, {entry.name}")


def _in_table(path: Path, name: str) -> Iterator[Leak]:
    """Look through the columns of text; the place is the row, from 1."""
    with pq.ParquetFile(path) as table:
        columns = [leaf.path for leaf in table.schema if leaf.physical_type == "BYTE_ARRAY" and _is_text(leaf)]
        row = 1
        for batch in table.iter_batches(_ROWS, columns=columns) if columns else ():
            for column, cells in zip(batch.schema.names, batch.columns, strict=True):
                yield from _in_column(cells, f"{name}, {column}", row)
            row += len(batch)


def _is_text(leaf: pq.ColumnSchema) -> bool:
    return bool(leaf.logical_type.type == "STRING")


def _in_column(cells: pa.Array, name: str, first: int) -> Iterator[Leak]:
    """Look through all cells at once, and for the row only where there is something."""
    rows = [_LINE.join(_texts(cell)) for cell in cells.to_pylist()]
    if _everywhere(_LINE.join(rows)):
        for number, row in enumerate(rows, first):
            for what, _, found in _everywhere(row):
                yield Leak(f"{name}, row {number}", what, _excerpt(found))


def _everywhere(text: bytes) -> list[tuple[str, int, bytes]]:
    return _finds(text, 0, len(text))


def _texts(value: object) -> Iterator[bytes]:
    """Give the texts in a cell, whatever it is made of."""
    if isinstance(value, str):
        yield value.encode("utf-8", "replace")
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
