"""Errors that are made for a person.

    CurationError               exit code 2; the message is one line that says what to do
    ├── UsageError              a flag or a combination of flags is wrong
    ├── MissingError            something the command needs is not there: a key, a folder, a package, an endpoint
    ├── DataError               a file is not what it should be; names the file and the place in it
    ├── StoreError              the workspace can't be read or written
    └── StoppedError            exit code 3: a limit or Ctrl-C ended the run; the same command goes on from there

Any other exception that reaches the command line is a fault of ours: one line, and a traceback with --debug.
"""

from enum import IntEnum


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
