"""JSON files of any size, a record at a time: arrays, objects with an entry for each record, and JSON lines.

A file is read once, a window of a few megabytes at a time, and each record is parsed once, by the standard library's
parser. Bytes that are not UTF-8 become half characters (lone surrogates), so that they spoil the texts that they
stand in and no other. Where a file can't be read on, a Broken comes in place of the rest.
"""

import json
import os
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count, islice
from pathlib import Path
from typing import IO, Any, NamedTuple

from curation.errors import DataError

MAX_RECORD = 256 * 2**20
"""Characters of a record."""
MAX_DOCUMENT = 64 * 2**20
"""Bytes of a file that is read whole."""
_WINDOW = 2**20
_NEAR = 16
"""Characters before the end of a window in which a fault may be that the window ends."""
_LOOKED_AT = 16
_LISTED = 8
_BLANKS = " \t\n\r"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_scan: Callable[[str, int], tuple[Any, int]] = vars(json.JSONDecoder())["scan_once"]
"""Parses the value at a place of a text, and says where it ends; StopIteration where there is none."""


class Broken(NamedTuple):
    """A record, or the rest of a file, that is no JSON."""

    why: str


class _Fault(Exception):
    """The text is not JSON from here on."""


def records(path: Path, keys: Sequence[str], inside: str = "") -> Iterator[object]:
    """Read the records of a JSON array; with `inside`, of the array under that key of the outermost object.

    A record may be of any shape. Raises DataError at once where there is no such array, or where none of its first
    records has the keys.
    """
    expected = f"expected {f'{inside!r}: ' * bool(inside)}a list of records with {', '.join(keys)}"
    return _checked(path, expected, keys, _array(path, expected, inside))


def entries(path: Path, keys: Sequence[str]) -> Iterator[tuple[str, object]]:
    """Read the entries of a JSON object, each a name and a record; a Broken comes under the name that it followed.

    Raises DataError at once where the file holds no object, or where none of its first records has the keys.
    """
    expected = f"expected an object whose entries have {', '.join(keys) or 'any shape'}"
    pairs = _entries(path, expected)
    head = list(islice(pairs, _LOOKED_AT))
    _look(path, expected, keys, [record for _, record in head])
    return chain(head, pairs)


def lines(path: Path, keys: Sequence[str]) -> Iterator[object]:
    """Read the records of a file of JSON lines; a line that is no JSON is a Broken, and the next is read.

    Raises DataError at once where the file can't be read, or where none of its first records has the keys.
    """
    expected = f"expected lines with {', '.join(keys)}"
    return _checked(path, expected, keys, _lines(path))


def document(path: Path, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Read a small file whole; a Broken where it is no JSON. `pairs` makes a value of an object's entries.

    Raises DataError where the file can't be read.
    """
    with _open(path) as file:
        if os.fstat(file.fileno()).st_size > MAX_DOCUMENT:
            return Broken(f"a file of more than {MAX_DOCUMENT:,} bytes")
        data = file.read()
    try:
        return json.loads(data.decode("utf-8-sig", "surrogateescape"), object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        return Broken(f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}")
    except (RecursionError, ValueError) as error:
        return Broken(_reason(error))


def values(path: Path, expected: str) -> Iterator[object]:
    """Read the values of a JSON array, of any shape; `expected` says in an error what there should be.

    Raises DataError, at the first value, where the file holds no array.
    """
    return _array(path, f"expected {expected}", "")


def _checked(path: Path, expected: str, keys: Sequence[str], found: Iterator[object]) -> Iterator[object]:
    head = list(islice(found, _LOOKED_AT))
    _look(path, expected, keys, head)
    return chain(head, found)


def _look(path: Path, expected: str, keys: Sequence[str], head: Sequence[object]) -> None:
    """Refuse the file of another data set, and one that is broken from the first record."""
    if head and not any(isinstance(record, dict) and all(key in record for key in keys) for record in head):
        if isinstance(head[0], Broken):
            raise DataError(f"{path}, {head[0].why}")
        raise DataError(f"{path}: {expected}; the first is {shape(head[0])}: is this the file of another data set?")


def shape(value: object) -> str:
    """Say in a few words what a value is."""
    if isinstance(value, dict):
        names = [str(key) for key in value]
        more = ", …" if len(names) > _LISTED else ""
        return f"an object with {', '.join(names[:_LISTED]) or 'nothing in it'}{more}"
    if isinstance(value, list):
        return f"a list of {len(value):,} whose first is {shape(value[0])}" if value else "an empty list"
    return f"a {type(value).__name__}"


def _array(path: Path, expected: str, inside: str) -> Iterator[object]:
    with _open(path) as file:
        text = _Text(file)
        try:
            if inside:
                _enter(text, path, expected, inside)
            if text.peek() != "[":
                raise DataError(f"{path}: {expected}; found {_next_shape(text)}: is this the file of another data set?")
            yield from _elements(text)
        except _Fault as fault:
            yield Broken(str(fault))


def _elements(text: "_Text") -> Iterator[object]:
    text.take("[")
    if text.peek() == "]":
        return
    while True:
        yield text.value()
        if text.take(",]") == "]":
            return


def _enter(text: "_Text", path: Path, expected: str, inside: str) -> None:
    """Go to the value under a key of the outermost object."""
    if text.peek() != "{":
        raise DataError(f"{path}: {expected}; found {_next_shape(text)}: is this the file of another data set?")
    seen = []
    for name in _names(text):
        if name == inside:
            return
        seen.append(name)
        text.value()
    raise DataError(f"{path}: {expected}; found an object with {', '.join(seen[:_LISTED]) or 'nothing in it'}")


def _names(text: "_Text") -> Iterator[str]:
    """Yield the names of an object's entries; the caller reads the value of each."""
    text.take("{")
    if text.peek() == "}":
        return
    while True:
        text.peek('"')
        name = str(text.value())
        text.take(":")
        yield name
        if text.take(",}") == "}":
            return


def _entries(path: Path, expected: str) -> Iterator[tuple[str, object]]:
    with _open(path) as file:
        text, name = _Text(file), ""
        try:
            if text.peek() != "{":
                raise DataError(f"{path}: {expected}; found {_next_shape(text)}: is this the file of another data set?")
            for name in _names(text):
                yield name, text.value()
        except _Fault as fault:
            yield name, Broken(str(fault))


def _next_shape(text: "_Text") -> str:
    try:
        return shape(text.value())
    except _Fault as fault:
        return f"no JSON ({fault})"


def _lines(path: Path) -> Iterator[object]:
    with _open(path) as file:
        for number in count(1):
            line = file.readline(MAX_RECORD)
            if not line:
                return
            if len(line) == MAX_RECORD and not line.endswith(b"\n"):
                _skip_line(file)
                yield Broken(f"line {number}: longer than {MAX_RECORD:,} bytes")
            elif not line.isspace():
                yield _line(line, number)


def _skip_line(file: IO[bytes]) -> None:
    while (part := file.readline(_WINDOW)) and not part.endswith(b"\n"):
        pass


def _line(line: bytes, number: int) -> object:
    try:
        return json.loads(line.rstrip().decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape"))
    except json.JSONDecodeError as error:
        return Broken(f"line {number}, column {error.colno}: not JSON: {error.msg}")
    except (RecursionError, ValueError) as error:
        return Broken(f"line {number}: {_reason(error)}")


def _reason(error: Exception) -> str:
    return "nested too deeply to be read" if isinstance(error, RecursionError) else str(error)


def _open(path: Path) -> IO[bytes]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from error
    if file.read(len(_LFS_POINTER)) == _LFS_POINTER:
        file.close()
        raise DataError(f"{path} is a git-LFS pointer, not the data: run `git lfs pull` where it came from")
    file.seek(0)
    return file


class _Text:
    """The text of a file, a window of it at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decode = getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self._window = ""
        self._at = 0
        self._lines = 1
        """Number of the line that the window begins in."""
        self._column = 1
        self._ended = False

    def peek(self, wanted: str = "") -> str:
        """Return the next character that is not blank, and stay before it. Raises _Fault where there is none."""
        while True:
            at, end = self._at, len(self._window)
            while at < end and self._window[at] in _BLANKS:
                at += 1
            self._at = at
            if at < end:
                break
            if not self._more():
                raise self._fault(at, "the file ends in the middle of a record")
        found = self._window[at]
        if wanted and found not in wanted:
            raise self._fault(at, f"not JSON: expected {' or '.join(wanted)}, found {found!r}")
        return found

    def take(self, wanted: str) -> str:
        """Return the next character that is not blank, and go past it. Raises _Fault for another than the wanted."""
        found = self.peek(wanted)
        self._at += 1
        return found

    def value(self) -> Any:
        """Parse the next value, and go past it. Raises _Fault where there is none."""
        self.peek()
        while True:
            try:
                value, end = _scan(self._window, self._at)
            except StopIteration as stop:
                place, why = stop.value, "not JSON: Expecting value"
            except json.JSONDecodeError as error:
                place, why = error.pos, f"not JSON: {error.msg}"
            except (RecursionError, ValueError) as error:
                raise self._fault(self._at, _reason(error)) from error
            else:
                # A number at the end of the window may go on in the next one.
                if not isinstance(value, int | float) or end <= len(self._window) - _NEAR or not self._more():
                    self._at = end
                    return value
                continue
            self._go_on(place, why)

    def _go_on(self, place: int, why: str) -> None:
        """Read on where the value may go on behind the window. Raises _Fault where it can't, or may not."""
        if len(self._window) - self._at > MAX_RECORD:
            raise self._fault(self._at, f"a record of more than {MAX_RECORD:,} characters")
        open_ended = place >= len(self._window) or "Unterminated string" in why
        cut = open_ended or place >= len(self._window) - _NEAR
        if not cut or not self._more():
            raise self._fault(place, "the file ends in the middle of a record" if open_ended else why)

    def _more(self) -> bool:
        """Let go of what was read, and read on: as much again as is kept, so that long values stay linear."""
        if self._ended:
            return False
        gone, self._window = self._window[: self._at], self._window[self._at :]
        self._lines, self._column = self._place(gone, len(gone))
        self._at = 0
        data = self._file.read(max(_WINDOW, len(self._window)))
        self._ended = not data
        self._window += self._decode(data, final=self._ended)
        return True

    def _place(self, text: str, at: int) -> tuple[int, int]:
        newline = text.rfind("\n", 0, at)
        if newline < 0:
            return self._lines, self._column + at
        return self._lines + text.count("\n", 0, at), at - newline

    def _fault(self, at: int, why: str) -> _Fault:
        line, column = self._place(self._window, at)
        return _Fault(f"line {line}, column {column}: {why}")
