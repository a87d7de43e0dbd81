"""What a model that was asked as a judge said of a trace."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from schemas.review import StageVerdict
from schemas.sample import Record
from schemas.trace import STAGES, Stage

_WORST_FIRST = (StageVerdict.NEGATIVE, StageVerdict.NEUTRAL, StageVerdict.POSITIVE)


class StageFinding(Record):
    """What a judge said of one stage."""

    verdict: StageVerdict
    quote: str = ""
    """Words of the stage, as they stand in it; never empty where the verdict is negative."""
    reason: str = ""
    """One sentence in the judge's words."""

    @model_validator(mode="after")
    def _quoted(self) -> Self:
        if self.verdict is StageVerdict.NEGATIVE and not self.quote:
            raise ValueError("a negative verdict quotes what it is about")
        return self


class StepFinding(Record):
    """What a judge said of one step of the reasoning. The steps are cut by us, never by the judge."""

    number: int = Field(ge=1)
    start: int = Field(ge=0)
    """Offset of the step in the reasoning, in characters."""
    end: int = Field(gt=0)
    """Offset behind its last character."""
    verdict: StageVerdict
    quote: str = ""
    """Words of the step, as they stand in it; empty where the judge quoted none."""


class _Judgement(Record):
    """What one judge said of one trace: of which, and who."""

    sample_id: str
    turn: int = Field(ge=0)
    trace_id: str
    model: str
    """Name of the model, as asked for."""
    endpoint: str
    """The base URL that was asked, or `simulator`."""
    prompt_version: str
    """Digest of all that goes into the prompt, but the trace and its question."""
    simulated: bool
    """It is the simulator that answered."""
    at: datetime
    """When the last answer came."""

    @property
    def judge(self) -> str:
        """The judge's name; see `judge_name`."""
        return judge_name(self.model, self.endpoint, self.prompt_version)


class Verdict(_Judgement):
    """All that one judge said of one trace."""

    call: str
    """Key of the call, which keeps the raw answer."""
    stages: dict[Stage, StageFinding]
    """All four, always."""
    steps: tuple[StepFinding, ...]
    """All steps of the reasoning, in order, always."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if set(self.stages) != set(STAGES):
            raise ValueError("a verdict speaks of all four stages")
        if [step.number for step in self.steps] != list(range(1, len(self.steps) + 1)):
            raise ValueError("a verdict speaks of all steps, in order")
        return self

    @property
    def overall(self) -> StageVerdict:
        """The worst of the stages' verdicts: a chain is as good as its weakest part."""
        given = {finding.verdict for finding in self.stages.values()}
        return next(verdict for verdict in _WORST_FIRST if verdict in given)


class Rank(StrEnum):
    """What a judge makes of a repaired trace beside the one that it was made from."""

    BETTER = "better"
    WORSE = "worse"
    NEITHER = "neither"
    """Both are as good, or the two orders in which they were shown gave different answers."""


class Compared(_Judgement):
    """What one judge said of a repaired trace and the one that it was made from, shown in both orders."""

    before: str
    """Id of the trace that the repaired one was made from."""
    rank: Rank
    reason: str = ""
    """In the judge's words, as it saw the earlier trace first."""


def judge_name(model: str, endpoint: str, prompt_version: str) -> str:
    """Return `<model>@<endpoint>#<12 digits of the prompt's digest>`: another prompt is another judge."""
    return f"{model}@{endpoint}#{prompt_version.removeprefix('sha256:')[:12]}"
