"""The steps of a reasoning: its sentences and lines, each with its place. Reviews and verdicts number them so."""

import re
from collections.abc import Iterator
from typing import NamedTuple

MOST = 60
"""Steps that a judge is asked about; of a longer reasoning several neighbours are one step."""

_GAP = re.compile(r"\s+|[。！？]+")
_CLOSING = "\"'”’»)]*_"
_ENUMERATOR = re.compile(r"\s*[-*#•(]*\s*(?:\d{1,3}|[A-Za-z])?[.):*]*\s*")
"""`1.`, `(a)`, `-`: no step, but the beginning of one."""


class Step(NamedTuple):
    """A part of the reasoning, without the white space around it."""

    start: int
    end: int
    text: str


def split(reasoning: str) -> list[Step]:
    """Cut a reasoning into its steps, in order; all of them together hold every letter of it."""
    spans = [(start, end) for start, end in _trimmed(reasoning) if start < end]
    size = -(-len(spans) // MOST) or 1
    groups = [spans[at : at + size] for at in range(0, len(spans), size)]
    return [Step(group[0][0], group[-1][1], reasoning[group[0][0] : group[-1][1]]) for group in groups]


def _trimmed(text: str) -> Iterator[tuple[int, int]]:
    for start, end in _cuts(text):
        part = text[start:end]
        yield start + len(part) - len(part.lstrip()), start + len(part.rstrip())


def _cuts(text: str) -> Iterator[tuple[int, int]]:
    begin = 0
    for gap in _GAP.finditer(text):
        if _ends(text, gap) and not _enumerates(text[begin : gap.end()]):
            yield begin, gap.end()
            begin = gap.end()
    yield begin, len(text)


def _ends(text: str, gap: re.Match[str]) -> bool:
    """Tell whether a sentence or a line ends at the gap."""
    if "\n" in gap[0] or not gap[0].isspace():
        return True
    return text[max(0, gap.start() - 4) : gap.start()].rstrip(_CLOSING).endswith((".", "!", "?", "…"))


def _enumerates(part: str) -> bool:
    return len(part) < 20 and _ENUMERATOR.fullmatch(part) is not None
