"""The fenced texts of a request, as the simulator reads them: they are no part of what it is told to do.

A fence ends where its own name and the mark say so, and nowhere else.
"""

import re
from typing import NamedTuple

_SHOWN = re.compile(r"^Mark: ([0-9a-f]{16})\n[^\n]*\nBEGIN [A-Z ]+ \1$", re.MULTILINE)


class Unfenced(NamedTuple):
    """A request, taken apart."""

    parts: dict[str, str]
    """The fenced texts, by their names."""
    outside: str
    """What stands in no fence."""


def take_out(text: str, mark: str) -> Unfenced:
    """Take the texts out that stand between lines with the mark."""
    fenced = re.compile(rf"^BEGIN ([A-Z ]+) {mark}\n(.*?)\nEND \1 {mark}$", re.MULTILINE | re.DOTALL)
    return Unfenced(dict(fenced.findall(text)), fenced.sub("", text))


def take_out_all(text: str) -> Unfenced:
    """Take out what stands behind any line that gives a mark: earlier answers, and what was said of them."""
    parts: dict[str, str] = {}
    at = 0
    while found := _SHOWN.search(text, at):
        fenced, text = take_out(text, found[1])
        parts |= fenced
        at = found.start() + 1
    return Unfenced(parts, text)
