"""Text of others in a prompt, between marks that cannot stand in it, so that nothing in it can pass for our own words.

The mark is a digest of all that is fenced, so that the same request has the same mark, and its stored answer is found.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import count

from schemas.digest import digest_json

_LENGTH = 16
_UNSENDABLE = re.compile("[\ud800-\udfff\0]")


def clean(text: str) -> str:
    """Replace what some endpoints refuse, NUL and lone surrogates, a character for a character."""
    return text if text.isascii() and "\0" not in text else _UNSENDABLE.sub("\ufffd", text)


def mark_for(texts: Sequence[str]) -> str:
    """Return a mark of 16 hexadecimal digits that stands in none of the texts, in capitals neither."""
    folded = [text.casefold() for text in texts]
    marks = (_digits([number, *texts]) for number in count())
    return next(mark for mark in marks if not any(mark in text for text in folded))


def _digits(content: Sequence[object]) -> str:
    return digest_json(content).removeprefix("sha256:")[:_LENGTH]


class Fence:
    """Puts texts between lines with a mark."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.mark = mark_for(texts)

    def around(self, name: str, text: str) -> str:
        """Return the text between a line that begins it and one that ends it."""
        return f"BEGIN {name} {self.mark}\n{text}\nEND {name} {self.mark}"

    def numbered(self, name: str, what: str, texts: Sequence[str]) -> str:
        """Return the texts between such lines, each behind a line with its number."""
        return self.around(name, "\n".join(f"{what} {i} {self.mark}\n{text}" for i, text in enumerate(texts, start=1)))


def shown(parts: Mapping[str, str], rule: str) -> list[str]:
    """Return the lines that show texts of others, each under its name in a fence, to a model that is told `rule`."""
    texts = {name: clean(text) for name, text in parts.items()}
    fence = Fence(list(texts.values()))
    return [f"Mark: {fence.mark}", rule, *(fence.around(name, text) for name, text in texts.items())]
