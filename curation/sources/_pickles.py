"""Pickles of plain data, read without running anything: a small machine for the few opcodes that such files need.

Python's own reader calls whatever a file names, and even with a narrowed `find_class` a file of a few bytes can make
it fill the memory, or crash it by hashing a deep key. Here nothing is called: a pickle may hold None, numbers, texts,
bytes, lists, tuples, sets and dictionaries with plain keys, and numpy's arrays and scalars, which become an Array and
a number, without numpy. Whatever else a file asks for is refused. What it makes grows with its length only: an array
has the bytes that are there, whatever its shape says.

A file is read twice: first for what it comes back to, which alone is kept in mind when it is read for its content.

Opcodes are read by `pickletools.genops`; protocols 2 to 5 of Python 3 are known, and numpy 1 and 2.
"""

import io
import pickletools
import struct
from collections.abc import Callable, Container, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from curation.errors import DataError
from curation.json_files import Broken
from curation.sources._references import referred_to

MAX_BYTES = 2 * 2**30
"""Of a file: the official ones have a few hundred megabytes."""
MAX_STEPS = 20_000_000
"""Opcodes of a file: the official ones have a million or two. Each makes at most one small object."""
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_NEWEST = 5
_LONGEST_NAME = 200
_GLOBALS = {
    "numpy ndarray": "ndarray",
    "numpy dtype": "dtype",
    "_codecs encode": "encode",
    "__builtin__ bytes": "bytes",
    "builtins set": "set",
    "__builtin__ set": "set",
} | {
    f"numpy.{core}.{name}": name.split()[1].lstrip("_")
    for core in ("core", "_core")
    for name in ("multiarray _reconstruct", "multiarray scalar", "numeric _frombuffer")
}
_SCALARS = {"b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q"} | {
    "f2": "e",
    "f4": "f",
    "f8": "d",
}
_FAULTS = (ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError, struct.error)


class Array:
    """A numpy array as it is stored: `kind` is its dtype (`u1` are bytes), `data` its items row by row."""

    shape: tuple[Any, ...] = ()
    kind: str = ""
    data: bytes = b""
    by_column: bool = False

    def fill(self, shape: object, kind: object, data: object, *, by_column: bool) -> None:
        """Take the content. Raises TypeError where it is not that of an array of numbers."""
        if not (isinstance(shape, tuple) and isinstance(kind, _Kind) and isinstance(data, bytes)):
            raise TypeError("an array of something else than numbers")
        self.shape, self.kind, self.data, self.by_column = shape, kind.code, data, by_column


class _Kind:
    """A dtype; `order` is that of its bytes, as `struct` writes it."""

    def __init__(self, code: str) -> None:
        self.code = code.lstrip("|<>=")
        self.order = ">" if code.startswith(">") else "<"


class _Global(NamedTuple):
    name: str


class _Refused(Exception):
    """The file asks for what plain data doesn't need, or is no pickle, or breaks off."""


def items(path: Path) -> Iterator[object]:
    """Read the items of a list, a batch at a time; a Broken comes in place of the rest that can't be read.

    A batch is in memory (Python writes a thousand items to one), and what the file comes back to. Raises DataError at
    once where the file can't be read, or where it is refused or breaks off before the first item is complete.
    """
    found = _items(path)
    head = list(islice(found, 1))
    for first in head:
        if isinstance(first, Broken):
            raise DataError(f"{path}: {first.why}")
    return chain(head, found)


def value(path: Path) -> object:
    """Read a pickle whole. Raises DataError where it can't be read, breaks off, or is refused."""
    with _open(path) as file:
        machine = _Machine(referred_to(path, MAX_STEPS))
        try:
            for _ in machine.run(file):
                pass
        except _Refused as refusal:
            raise DataError(f"{path}: {refusal}") from refusal
    return machine.result


def _items(path: Path) -> Iterator[object]:
    with _open(path) as file:
        machine = _Machine(referred_to(path, MAX_STEPS))
        try:
            for _ in machine.run(file):
                yield from machine.take()
        except _Refused as refusal:
            if file.ended:
                yield from machine.take_complete()
            yield Broken(str(refusal))
            return
    if not isinstance(machine.result, list):
        yield Broken(f"expected a list of records; found a {type(machine.result).__name__}")
        return
    yield from machine.result


class _File(io.BufferedReader):
    """A file that is never asked for more bytes than it may have, and notes whether it came to its end."""

    ended = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as many bytes, or all that are left."""
        size = MAX_BYTES if size is None or size < 0 else size
        data = super().read(min(size, MAX_BYTES))
        self.ended = self.ended or len(data) < size
        return data

    def readline(self, _: int | None = -1, /) -> bytes:
        """Read a name; the names that are known are short."""
        return super().readline(_LONGEST_NAME)


def _open(path: Path) -> _File:
    try:
        file = _File(io.FileIO(path))
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from error
    size = path.stat().st_size
    pointer = file.peek(len(_LFS_POINTER)).startswith(_LFS_POINTER)
    if pointer or size > MAX_BYTES:
        file.close()
        large = f"{path} has {size:,} bytes, at most {MAX_BYTES:,} are read"
        advice = f"{path} is a git-LFS pointer, not the data: run `git lfs pull` where it came from"
        raise DataError(advice if pointer else large)
    return file


class _Machine:
    """The stack and the memo that opcodes work on; of the memo, only the places `kept` are filled."""

    def __init__(self, kept: Container[int]) -> None:
        self.result: object = None
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self._kept = kept
        self._puts = 0

    def run(self, file: _File) -> Iterator[None]:
        """Do the file's steps; stop after each batch that was added to the outermost list.

        Raises _Refused, which names the place.
        """
        place = 0
        try:
            for steps, (opcode, argument, at) in enumerate(pickletools.genops(file)):
                place = at or 0
                step = _STEPS.get(opcode.name)
                if step is None or steps > MAX_STEPS:
                    raise _Refused(_why_not(opcode.name, place, steps))
                step(self, argument)
                if len(self.stack) == 1 and opcode.name in {"APPENDS", "APPEND"}:
                    yield
        except _FAULTS as fault:
            why = "the file ends in the middle of a record" if file.ended else f"no pickle of plain data ({fault})"
            raise _Refused(f"byte {place:,}: {why}") from fault

    def take(self) -> list[Any]:
        """Take the items that the outermost list has."""
        taken: list[Any] = list(self.stack[0]) if isinstance(self.stack[0], list) else []
        if taken:
            self.stack[0].clear()
        return taken

    def take_complete(self) -> list[Any]:
        """Take the items of a batch that was cut off; the last of them may lack something."""
        if not self.marks or self.marks[0] != 1:
            return []
        end = self.marks[1] if len(self.marks) > 1 else len(self.stack)
        return self.stack[1 : end - 1]

    def put(self, place: int | None) -> None:
        """Keep in mind what is on top, at a place or at the next one, where the file will come back to it."""
        place = self._puts if place is None else place
        self._puts += 1
        if place in self._kept:
            self.memo[place] = self.stack[-1]

    def popped_to_mark(self) -> list[Any]:
        """Take from the stack what is above the last mark."""
        mark = self.marks.pop()
        taken = self.stack[mark:]
        del self.stack[mark:]
        return taken

    def global_(self, name: str) -> None:
        """Push one of the few names that are known."""
        if name not in _GLOBALS:
            raise _Refused(
                f"it asks for {name.replace(' ', '.')!r}, which plain data doesn't need: nothing of it is run"
            )
        self.stack.append(_Global(_GLOBALS[name]))

    def reduce(self) -> None:
        """Make what a known function would."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, _Global) or function.name not in _MAKERS:
            raise _Refused(f"it calls a {type(function).__name__}: nothing of it is run")
        self.stack.append(_MAKERS[function.name](*arguments))

    def build(self) -> None:
        """Fill an array, or set the order of a dtype's bytes."""
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Array):
            _, shape, kind, by_column, data = state
            target.fill(shape, kind, data, by_column=bool(by_column))
        elif isinstance(target, _Kind):
            target.order = ">" if state[1] == ">" else "<"
        else:
            raise _Refused(f"it sets the state of a {type(target).__name__}: nothing of it is run")


def _why_not(opcode: str, place: int, steps: int) -> str:
    if steps > MAX_STEPS:
        return f"byte {place:,}: more than {MAX_STEPS:,} steps"
    return f"byte {place:,}: no pickle of plain data (it has {opcode})"


def _to_array(data: object, kind: object, shape: object, order: object) -> Array:
    array = Array()
    array.fill(shape, kind, data, by_column=order == "F")
    return array


def _to_scalar(kind: _Kind, data: bytes) -> object:
    (number,) = struct.unpack(kind.order + _SCALARS[kind.code], data)
    return number


def _to_bytes(text: str, encoding: str) -> bytes:
    """Return bytes as protocol 2 writes them."""
    if encoding != "latin1":
        raise ValueError(encoding)
    return text.encode("latin1")


def _to_set(members: list[Any]) -> set[Any]:
    return set(map(_plain, members))


_MAKERS: dict[str, Callable[..., object]] = {
    "dtype": lambda code, *_: _Kind(code),
    "reconstruct": lambda *_: Array(),
    "frombuffer": _to_array,
    "scalar": _to_scalar,
    "encode": _to_bytes,
    "bytes": lambda: b"",
    "set": _to_set,
}


def _plain(key: object) -> object:
    """Return a key or a member, which must be hashed without going into it."""
    if not isinstance(key, str | int | float | bytes | None):
        raise TypeError(f"a {type(key).__name__} as a key")
    return key


def _push(machine: _Machine, argument: Any) -> None:
    machine.stack.append(argument)


def _append(machine: _Machine, values: list[Any]) -> None:
    list.extend(machine.stack[-1], values)


def _add(machine: _Machine, members: list[Any]) -> None:
    set.update(machine.stack[-1], map(_plain, members))


def _set_items(machine: _Machine, pairs: list[Any]) -> None:
    for key, item in zip(pairs[::2], pairs[1::2], strict=True):
        dict.__setitem__(machine.stack[-1], _plain(key), item)


def _tuple(size: int) -> Callable[[_Machine, Any], None]:
    def step(machine: _Machine, _: Any) -> None:
        if len(machine.stack) < size:
            raise IndexError("nothing on the stack")
        machine.stack[-size:] = [tuple(machine.stack[-size:])]

    return step


def _protocol(_: _Machine, number: int) -> None:
    if number > _NEWEST:
        raise ValueError(f"protocol {number}")


def _stop(machine: _Machine, _: Any) -> None:
    machine.result = machine.stack.pop()


def _get(machine: _Machine, place: int) -> None:
    machine.stack.append(machine.memo[place])


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.global_(f"{module} {name}")


_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"), _push),
    **dict.fromkeys(("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"), _push),
    **dict.fromkeys(("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"), _push),
    "BYTEARRAY8": lambda machine, argument: machine.stack.append(bytes(argument)),
    "NONE": lambda machine, _: machine.stack.append(None),
    "NEWTRUE": lambda machine, _: machine.stack.append(True),
    "NEWFALSE": lambda machine, _: machine.stack.append(False),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "EMPTY_TUPLE": lambda machine, _: machine.stack.append(()),
    "EMPTY_SET": lambda machine, _: machine.stack.append(set()),
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.popped_to_mark())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "APPEND": lambda machine, _: _append(machine, [machine.stack.pop()]),
    "APPENDS": lambda machine, _: _append(machine, machine.popped_to_mark()),
    "SETITEM": lambda machine, _: _set_items(machine, [machine.stack.pop(-2), machine.stack.pop()]),
    "SETITEMS": lambda machine, _: _set_items(machine, machine.popped_to_mark()),
    "ADDITEMS": lambda machine, _: _add(machine, machine.popped_to_mark()),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _get),
    "GLOBAL": lambda machine, name: machine.global_(name),
    "STACK_GLOBAL": _stack_global,
    "REDUCE": lambda machine, _: machine.reduce(),
    "BUILD": lambda machine, _: machine.build(),
    "PROTO": _protocol,
    "FRAME": lambda *_: None,
    "STOP": _stop,
}
