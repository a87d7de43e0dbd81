"""The statements of a TOML file, each with the line on which it begins: the parser itself keeps no lines."""

import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

from curation.errors import DataError

MOST_LINES = 1_000
_MOST_CHARACTERS = 100_000


class Statement(NamedTuple):
    """`cap.source = 100` in the table `[train]` is the path train, cap, source, and the value 100."""

    path: tuple[str, ...]
    value: Any
    """What it says: no table, as these are taken apart."""
    line: int
    """From 1."""

    @property
    def name(self) -> str:
        """The path as one writes it."""
        return ".".join(self.path)


def read(text: str) -> list[Statement]:
    """Return what a file says, in its order. Raises DataError for what is no TOML, and a file that is too long."""
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > MOST_LINES or len(text) > _MOST_CHARACTERS:
        raise DataError(f"it has more than {MOST_LINES:,} lines or {_MOST_CHARACTERS:,} characters")
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(str(error)) from error
    return list(_statements(lines))


def _statements(lines: list[str]) -> Iterator[Statement]:
    """Cut a file that is TOML into its statements: the fewest lines that are TOML by themselves are one."""
    table: tuple[str, ...] = ()
    begun: list[str] = []
    for number, line in enumerate(lines, 1):
        if not begun and (not line.strip() or line.lstrip().startswith("#")):
            continue
        begun.append(line)
        said = _parsed("\n".join(begun))
        if said is None:
            continue
        first, begun = number - len(begun) + 1, []
        if line.lstrip().startswith("[[") and first == number:
            raise DataError(f"line {number}: a table is begun by [name], and never twice")
        if line.lstrip().startswith("[") and first == number:
            table = _header(said)
        else:
            yield from _leaves(table, said, first)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _header(said: dict[str, Any]) -> tuple[str, ...]:
    """Return the path of a table's header."""
    path: tuple[str, ...] = ()
    inner: Any = said
    while isinstance(inner, dict) and inner:
        [(key, inner)] = inner.items()
        path = (*path, key)
    return path


def _leaves(path: tuple[str, ...], value: Any, line: int) -> Iterator[Statement]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves((*path, key), inner, line)
    else:
        yield Statement(path, value, line)
