"""How a question is put to a model where a format has one text for it."""

from string import ascii_uppercase

from schemas.sample import Turn


def question_text(turn: Turn) -> str:
    """Return the context, the question, and the choices as `A. …` lines, each on lines of its own."""
    choices = (f"{_letter(index)}. {choice}" for index, choice in enumerate(turn.choices))
    return "\n".join(part for part in (turn.context, turn.question, *choices) if part)


def _letter(index: int) -> str:
    """Return A to Z, then numbers from 27."""
    return ascii_uppercase[index] if index < len(ascii_uppercase) else str(index + 1)
