"""Any text and any record in a column: what a database can't hold is escaped, and restored when it is read."""

import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

R = TypeVar("R", bound=BaseModel)

_MARK = "\x1a"
_UNSAFE = re.compile("[\0\x1a\ud800-\udfff]")
"""NUL, which PostgreSQL refuses, lone surrogates, which UTF-8 has no bytes for, and the mark itself."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_MARKED = re.compile("\x1a(d[89a-f][0-9a-f]{2})")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


class AnyText(TypeDecorator[str]):
    """A column for any string."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Escape what the database can't hold."""
        if not value or (value.isascii() and _MARK not in value and "\0" not in value):
            return value
        return _UNSAFE.sub(lambda found: f"{_MARK}{ord(found[0]):04x}", value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """Restore what was escaped."""
        return restored(value) if value else value


def restored(text: str) -> str:
    """Return what a text was that a database holds: for columns that are read as they are stored."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if _MARK in text else text


def marked(text: str) -> str:
    """Return a text as it stands in a record that is read as it is stored: there only surrogates are escaped."""
    return text if text.isascii() else _SURROGATE.sub(lambda found: f"{_MARK}{ord(found[0]):04x}", text)


def unmarked(text: str) -> str:
    """Return what a text was that stands in a record; who writes the mark and a surrogate's number is taken at that."""
    return _MARKED.sub(lambda found: chr(int(found[1], 16)), text) if _MARK in text else text


def to_json(record: BaseModel) -> str:
    """Write a record; Pydantic's own writer refuses lone surrogates."""
    return json.dumps(record.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))


def from_json(kind: type[R], text: str) -> R:
    """Read a record that `to_json` wrote. Pydantic's own reader is twice as fast, and refuses lone surrogates too."""
    try:
        return kind.model_validate_json(text)
    except ValidationError:
        return kind.model_validate(json.loads(text))
