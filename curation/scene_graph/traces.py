"""The four stages for a question about a scene: written from what is there, and read back.

A caption names the objects in reading order, with a comma within a row and a semicolon between rows: as many words as
without rows. Naming cells instead made models learn the captions, and forget the answers.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from curation.scene_graph.objects import COLOURS, KINDS, SHAPES, Kind, Rows
from curation.scene_graph.questions import Asks, Question
from schemas.trace import Stages

NOTHING = "none"
"""The answer where what is asked about is not there: of a scene that is seen wrongly, as none is asked so."""

_SUMMARIES: dict[Asks, str] = {
    "count": "Count the {}s.",
    "compare": "Compare the {}s with the {}s.",
    "colour": "Find the {}.",
    "shape": "Find the {}.",
    "highest": "Find the highest of the {}s.",
    "lowest": "Find the lowest of the {}s.",
}
_BY_NAME = {str(kind): kind for kind in KINDS}
_TOTAL = re.compile(r"\btotal (\d+)")
_COUNTED = re.compile(rf"\b({'|'.join(COLOURS)}) ({'|'.join(SHAPES)}) \d")


class Derived(NamedTuple):
    """What follows from what a caption says."""

    reasoning: str
    conclusion: str


def caption(rows: Rows) -> str:
    """Write what is there, row by row."""
    return "; ".join(", ".join(map(str, row)) for row in rows)


def parse_caption(text: str) -> Rows | None:
    """Read a caption; None where it is none of a scene."""
    try:
        return tuple(tuple(_BY_NAME[name] for name in row.split(", ")) for row in text.strip().split("; "))
    except KeyError:
        return None


def derive(rows: Rows, question: Question) -> Derived:
    """Return the reasoning and the conclusion that follow from the objects, right or not."""
    found = [group.of(rows) for group in question.groups]
    if question.asks in ("colour", "shape"):
        kind = next(iter(found[0]), None)
        return Derived(f"{question.groups[0]}: {kind or NOTHING}", _named(question.asks, kind))
    reasoning = "; ".join(f"{group}s: {_tally(kinds)}" for group, kinds in zip(question.groups, found, strict=True))
    if question.type == "relation":
        return Derived(reasoning, _ending(question.asks, found[0]))
    return Derived(reasoning, _counted([len(kinds) for kinds in found]))


def _tally(kinds: list[Kind]) -> str:
    counted = (f"{kind} {number}" for number, kind in enumerate(kinds, start=1))
    return ", ".join([*counted, f"total {len(kinds)}"])


def _counted(totals: list[int]) -> str:
    if len(totals) == 1:
        return str(totals[0])
    return "yes" if totals[0] > totals[1] else "no"


def _named(asks: Asks, kind: Kind | None) -> str:
    if kind is None:
        return NOTHING
    return kind.colour if asks == "colour" else kind.shape


def _ending(asks: Asks, kinds: list[Kind]) -> str:
    """Return the highest or the lowest: the first or the last in reading order."""
    return str(kinds[0 if asks == "highest" else -1]) if kinds else NOTHING


def conclude(reasoning: str, question: Question) -> str | None:
    """Return the conclusion that a reasoning leads to, whatever the caption says; None where it leads to none."""
    if question.type == "attribute":
        name = reasoning.strip().rpartition(": ")[2]
        return _named(question.asks, _BY_NAME.get(name)) if name == NOTHING or name in _BY_NAME else None
    totals = [int(total) for total in _TOTAL.findall(reasoning)]
    if len(totals) != len(question.groups):
        return None
    if question.type == "relation":
        return _ending(question.asks, [Kind(*kind) for kind in _COUNTED.findall(reasoning)])
    return _counted(totals)


def answers(question: Question) -> tuple[str, ...]:
    """Return what could be the answer to a question of its kind, for a scene of up to five objects."""
    known: dict[Asks, Callable[[], tuple[str, ...]]] = {
        "count": lambda: tuple(map(str, range(6))),
        "compare": lambda: ("yes", "no"),
        "colour": lambda: tuple(COLOURS),
        "shape": lambda: SHAPES,
    }
    return known.get(question.asks, lambda: tuple(_BY_NAME))()


def stages(rows: Rows, question: Question) -> Stages:
    """Write the trace of one who sees these objects."""
    reasoning, conclusion = derive(rows, question)
    return Stages(summary=summary(question), caption=caption(rows), reasoning=reasoning, conclusion=conclusion)


def summary(question: Question) -> str:
    """Say how the question will be answered."""
    return _SUMMARIES[question.asks].format(*question.groups)
