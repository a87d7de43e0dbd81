"""A judge's answer about one trace, read strictly: what is incomplete or contradicts itself is no verdict.

A negative verdict quotes words that stand in its stage; any other quotation that does not stand there is dropped.
What is said of an answer that can't be read is in our words alone, as the judge is told it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, Field, field_validator

from curation.critics import quotes
from curation.critics.strict import load
from curation.prompts.fence import clean
from schemas.review import StageVerdict
from schemas.steps import Step
from schemas.trace import STAGES, Stage, Stages
from schemas.verdict import StageFinding, StepFinding

_LONGEST_REASON = 300
"""Characters of a reason that are kept."""


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object; requests name properties by the alphabet, and verdicts come last in it."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_TEXT = {"type": "string"}
_VERDICT = {"type": "string", "enum": [verdict.value for verdict in StageVerdict]}
_STEP = _object(number={"type": "integer"}, quote=_TEXT, verdict=_VERDICT)
_STAGE = _object(quote=_TEXT, reason=_TEXT, verdict=_VERDICT)
SCHEMA: dict[str, Any] = {
    "title": "verdict",
    **_object(by_step={"type": "array", "items": _STEP}, **{stage.value: _STAGE for stage in STAGES}),
}
FORM = (
    "Answer with one JSON object and nothing else. Its property by_step is a list with an object for each numbered "
    'step of the reasoning, in order: {"number": …, "quote": "…", "verdict": "…"}. Its properties summary, caption, '
    'reasoning and conclusion are an object each: {"quote": "…", "reason": "…", "verdict": "…"}. Each verdict is '
    "positive, neutral or negative. A quote holds words of that very step or stage, exactly as they stand there; it "
    "may be empty where the verdict is not negative. A reason is one sentence."
)


class Findings(NamedTuple):
    """What an answer says."""

    stages: dict[Stage, StageFinding]
    steps: tuple[StepFinding, ...]


class _Said(BaseModel):
    verdict: StageVerdict
    quote: str = ""
    reason: str = ""

    @field_validator("verdict", mode="before")
    @classmethod
    def _folded(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value


class _SaidOfStep(_Said):
    number: int


class _Answer(BaseModel):
    by_step: list[_SaidOfStep] = Field(max_length=1000)
    summary: _Said
    caption: _Said
    reasoning: _Said
    conclusion: _Said


def read_findings(text: str, stages: Stages, steps: Sequence[Step]) -> Findings:
    """Read an answer about these stages. Raises ValueError that says what is wrong with it."""
    answer = load(_Answer, text)
    found = {stage: _of_stage(stage, getattr(answer, stage.value), stages[stage]) for stage in STAGES}
    by_step = tuple(_of_steps(answer.by_step, steps))
    wrong = [step.number for step in by_step if step.verdict is StageVerdict.NEGATIVE]
    if wrong and found[Stage.REASONING].verdict is StageVerdict.POSITIVE:
        raise ValueError(f"step {wrong[0]} is negative, and the reasoning as a whole is positive")
    return Findings(found, by_step)


def _of_stage(stage: Stage, said: _Said, text: str) -> StageFinding:
    quote = _quoted(said.quote, text)
    if said.verdict is StageVerdict.NEGATIVE and not quote:
        raise ValueError(f"{stage.value} is negative, and its quote holds no words that stand in that stage")
    reason = " ".join(clean(said.reason).split())
    return StageFinding(verdict=said.verdict, quote=quote, reason=reason[:_LONGEST_REASON])


def _of_steps(said: Sequence[_SaidOfStep], steps: Sequence[Step]) -> Iterator[StepFinding]:
    if sorted(each.number for each in said) != list(range(1, len(steps) + 1)):
        raise ValueError(f"by_step does not name each of the steps 1 to {len(steps)} once, and no others")
    for each in sorted(said, key=lambda each: each.number):
        start, end, text = steps[each.number - 1]
        quote = _quoted(each.quote, text)
        yield StepFinding(number=each.number, start=start, end=end, verdict=each.verdict, quote=quote)


def _quoted(quote: str, text: str) -> str:
    """Return the quoted words as they stand in the text; what was cleaned when it was shown may be quoted so."""
    return quotes.find(quote, clean(text))
