"""Questions on which the systems differ, to look at: picked evenly from every way in which they do."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from curation.evaluation.marking import Mark
from curation.evaluation.questions import Problem
from curation.evaluation.summary import Answers
from curation.prompts.wording import question_text

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
