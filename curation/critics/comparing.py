"""Which of two traces of a turn is better: asked in both orders, as judges prefer what they see first.

Position bias is why an answer counts only where both orders give it (Zheng et al. 2023, arXiv 2306.05685, section 3.4).
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel

from curation.calls.asker import Ask
from curation.calls.request import AnswerForm, Prompt
from curation.critics.asking import AGAIN, told
from curation.critics.quotes import LONGEST
from curation.critics.showing import RULE, Case, question_of, show, stages_of
from curation.critics.strict import load
from curation.prompts.fence import clean
from schemas.digest import digest_json
from schemas.trace import Trace
from schemas.verdict import Rank

SCHEMA: dict[str, Any] = {
    "title": "preference",
    "type": "object",
    "properties": {
        "analysis": {"type": "string"},
        "better": {"type": "string", "enum": ["first", "second", "neither"]},
    },
    "required": ["analysis", "better"],
    "additionalProperties": False,
}
FORM = (
    "Answer with one JSON object and nothing else: its property analysis says in one or two sentences where the two "
    "differ and what decides, its property better is first, second or neither."
)
REQUEST = "Now say which of the two answers is better, as you were told above."


class Preference(NamedTuple):
    """What both orders together say of the other trace, beside the case's own."""

    rank: Rank
    """NEITHER where the orders disagree, too."""
    reason: str
    """In the judge's words, as it saw the case's own trace first."""
    simulated: bool
    at: datetime
    """When the second order was answered."""


class _Choice(StrEnum):
    FIRST = "first"
    SECOND = "second"
    NEITHER = "neither"


class _Answer(BaseModel):
    better: _Choice
    analysis: str = ""


class Comparer:
    """Compares in the words of `text`."""

    def __init__(self, text: str) -> None:
        self.VERSION = digest_json(["compare/1", text, RULE, FORM, SCHEMA, REQUEST, AGAIN])
        self._text = text

    def prompt(self, case: Case, other: Trace, form: AnswerForm) -> Prompt:
        """Return the prompt that shows the case's own trace first."""
        parts = [*question_of(case), *stages_of(case.trace, "FIRST "), *stages_of(other, "SECOND ")]
        return Prompt(
            system="\n\n".join((self._text, RULE, FORM)),
            user=show(parts, REQUEST),
            images=case.images,
            schema=SCHEMA if form == "schema" else None,
            temperature=0,
        )

    async def compare(self, case: Case, other: Trace, ask: Ask) -> Preference:
        """Ask in both orders. Raises NoAnswer where one of them has no answer that can be read."""
        first = await ask(self.prompt(case, other, ask.form), _read, told)
        turned = await ask(self.prompt(case._replace(trace=other), case.trace, ask.form), _read, told)
        choices = first.value.better, turned.value.better
        rank = _BOTH.get(choices, Rank.NEITHER)
        reason = " ".join(clean(first.value.analysis).split())[:LONGEST]
        return Preference(rank, reason, first.simulated, turned.call.created_at)


_BOTH = {(_Choice.FIRST, _Choice.SECOND): Rank.WORSE, (_Choice.SECOND, _Choice.FIRST): Rank.BETTER}
"""What the choices in both orders say where they agree."""


def _read(text: str) -> _Answer:
    return load(_Answer, text)
