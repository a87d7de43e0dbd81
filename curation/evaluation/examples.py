"""Questions on which the systems differ, to look at: picked evenly from every way in which they do."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pybase64
from PIL import Image

from curation.evaluation.marking import Mark
from curation.evaluation.questions import Problem
from curation.evaluation.summary import Answers
from curation.wording import question_text

_LONGEST_SIDE = 640
"""Pixels of a picture on the page."""
_TINY = 160
"""Pixels of the longer side, up to which a picture is shown enlarged."""
_LONGEST_TEXT = 8_000
"""Characters of an answer that is shown."""


class Example(NamedTuple):
    """A question and what each system answered, in their order."""

    id: str
    question: str
    target: str
    pictures: tuple[Path, ...]
    answers: tuple[tuple[Mark, str], ...]


def differing(problems: Sequence[Problem], answers: Sequence[Answers], most: int = 12) -> list[Example]:
    """Return questions that some systems got right and some wrong, as many of each pattern as can be."""
    patterns: dict[tuple[bool, ...], list[int]] = {}
    for index in range(len(problems)):
        pattern = tuple(one.marks[index].correct for one in answers)
        if len(set(pattern)) > 1:
            patterns.setdefault(pattern, []).append(index)
    rounds = max(map(len, patterns.values()), default=0)
    picked = [indexes[turn] for turn in range(rounds) for indexes in patterns.values() if turn < len(indexes)]
    return [_example(problems[index], index, answers) for index in picked[:most]]


def _example(problem: Problem, index: int, answers: Sequence[Answers]) -> Example:
    given = tuple((one.marks[index], one.outcomes[index].text[:_LONGEST_TEXT]) for one in answers)
    pictures = tuple(picture.path for picture in problem.pictures)
    return Example(problem.id, question_text(problem.turn), problem.turn.target or "", pictures, given)


def data_url(path: Path) -> tuple[str, bool] | None:
    """Return the picture as a data URL, made smaller where it is large, and whether it is tiny; None if unreadable."""
    try:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    tiny = max(image.size) <= _TINY
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    data = io.BytesIO()
    image.save(data, "PNG" if tiny else "JPEG", quality=80)
    mime = "image/png" if tiny else "image/jpeg"
    return f"data:{mime};base64,{pybase64.b64encode(data.getvalue()).decode('ascii')}", tiny
