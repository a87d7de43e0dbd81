"""Errors that are made for a person.

    CurationError               exit code 2; the message is one line that says what to do
    ├── UsageError              a flag or a combination of flags is wrong
    ├── MissingError            something the command needs is not there: a key, a folder, a package, an endpoint
    ├── DataError               a file is not what it should be; names the file and the place in it
    ├── StoreError              the workspace can't be read or written
    └── StoppedError            exit code 3: a limit or Ctrl-C ended the run; the same command goes on from there

Any other exception that reaches the command line is a fault of ours: one line, and a traceback with --debug.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


class Exit(IntEnum):
    """Exit codes of every verb."""

    DONE = 0
    FAILURES = 1
    USAGE = 2
    STOPPED = 3


class CurationError(Exception):
    """A run can't go on; the message says why and what to do."""

    exit_code = Exit.USAGE


class UsageError(CurationError):
    """A flag or a combination of flags is wrong."""


class MissingError(CurationError):
    """Something the command needs is not there."""


class DataError(CurationError):
    """A file is not what it should be."""


class StoreError(CurationError):
    """The workspace can't be read or written."""


class StoppedError(CurationError):
    """A limit or a person ended the run; the same command goes on from there."""

    exit_code = Exit.STOPPED


_SAID: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "has to be a text",
    "bool_type": "has to be true or false",
    "bool_parsing": "has to be true or false",
    "int_type": "has to be a whole number",
    "int_parsing": "has to be a whole number",
    "int_from_float": "has to be a whole number",
    "float_type": "has to be a number",
    "float_parsing": "has to be a number",
    "list_type": "has to be a list",
    "tuple_type": "has to be a list",
    "dict_type": "has to hold names with values",
    "model_type": "has to hold names with values",
}
"""What is wrong with a value, by Pydantic's name of the fault, where its own sentence is for programmers."""


def fault_of(detail: "ErrorDetails", place: str) -> str:
    """Say in one line what is wrong with the value at `place`, and quote nothing of it: it may be a secret.

    `place` is empty where it is all that was read.
    """
    words = detail["msg"].removeprefix("Value error, ")
    if said := _SAID.get(detail["type"]):
        return f"{place or 'it'} {said}"
    if words.startswith("Input should be "):
        return f"{place or 'it'} has to be {words.removeprefix('Input should be ')}"
    return f"{place}: {words}" if place else words


def first_fault(error: "ValidationError") -> str:
    """Say what is wrong first, after the dotted place of the value."""
    detail = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return fault_of(detail, ".".join(map(str, detail["loc"])))
