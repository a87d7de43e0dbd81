"""How a question is put to a model, and what a model that is trained on a trace is to answer."""

from collections.abc import Sequence
from string import ascii_uppercase

from schemas.sample import Turn
from schemas.trace import STAGES, Stages

NONE_KNOWN = "none is known"
"""What stands in the place of the answer of a question that has none."""


def question_text(turn: Turn) -> str:
    """Return the context, the question, and the choices as `A. …` lines, each on lines of its own."""
    return "\n".join(part for part in (turn.context, turn.question, *choice_lines(turn.choices)) if part)


def choice_lines(choices: Sequence[str]) -> list[str]:
    """Return the choices as `A. …` lines."""
    return [f"{_letter(index)}. {choice}" for index, choice in enumerate(choices)]


def standard_answer(turn: Turn) -> str:
    """Return the line that shows a model the answer."""
    return f"Standard answer: {turn.target or NONE_KNOWN}"


def _letter(index: int) -> str:
    """Return A to Z, then numbers from 27."""
    return ascii_uppercase[index] if index < len(ascii_uppercase) else str(index + 1)


def answer_text(stages: Stages) -> str:
    """Write the text form as LLaVA-CoT-100k has it; `parse_tagged` reads it back."""
    return "\n\n".join(f"<{s.tag}> {stages[s]} </{s.tag}>" for s in STAGES)


def untagged_text(stages: Stages) -> str:
    """Write the four stages without their tags, an empty line between them."""
    return "\n\n".join(stages[s] for s in STAGES)
