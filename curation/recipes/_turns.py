"""A turn as a prompt shows it: labelled lines, the earlier turns first."""

from curation.prompts.wording import standard_answer
from curation.recipes import Task
from schemas.sample import Turn


def question_of(task: Task) -> list[str]:
    """Return the lines of the earlier turns with their answers, and of the question with what belongs to it."""
    earlier = [f"Earlier question: {said.question}\nEarlier answer: {said.answer}" for said in task.earlier]
    return [*earlier, *_asked(task.turn)]


def with_answer(task: Task) -> list[str]:
    """Return the same, and the standard answer."""
    return [*question_of(task), standard_answer(task.turn)]


def _asked(turn: Turn) -> list[str]:
    lines = [f"Context: {turn.context}"] if turn.context else []
    lines.append(f"Question: {turn.question}")
    if turn.choices:
        lines.append("Choices: " + "; ".join(f"({chr(65 + i)}) {choice}" for i, choice in enumerate(turn.choices)))
    return lines
