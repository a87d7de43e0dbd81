"""What a reviewer does, as the app and scripts say it: one model for every act, so that it fits into one JSON list."""

from typing import Literal, NamedTuple, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PositiveInt, model_validator

from schemas.review import Decision, StageVerdict, State
from schemas.trace import Stage


class Role(NamedTuple):
    """What somebody may do."""

    adjudicates: bool
    administers: bool
    objects: bool = False
    """Says what they think of what others have settled, too: where they disagree, it goes to adjudication."""


ROLES = {
    "reviewer": Role(adjudicates=False, administers=False),
    "annotator": Role(adjudicates=False, administers=False, objects=True),
    "adjudicator": Role(adjudicates=True, administers=False),
    "admin": Role(adjudicates=True, administers=True),
}


class Reviewer(NamedTuple):
    """Who is at the desk."""

    name: str
    role: Literal["reviewer", "annotator", "adjudicator", "admin"] = "reviewer"
    """An annotator worked elsewhere, and learns only here what others have said."""


class Deed(BaseModel):
    """One act of a reviewer on one record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=8, max_length=64)
    """Made up where it is done; told twice, it is done once."""
    act: Literal["review", "comment", "flag", "unflag", "gold", "undo"]
    sample_id: str = ""
    turn: int = Field(0, ge=0)
    trace_id: str = ""
    """The trace that was on the screen."""
    decision: Decision | None = None
    verdicts: dict[Stage, StageVerdict] = {}
    texts: dict[Stage, str] = {}
    """The edited stages, and only those."""
    calls: tuple[str, ...] = ()
    """Keys of the calls that were paid to write a stage anew."""
    stale: tuple[Stage, ...] = ()
    wrong_steps: tuple[PositiveInt, ...] = ()
    """Steps of the reasoning, by their numbers in what `review next --json` shows."""
    text: str = ""
    """The reason of a decision, or the words of a comment."""
    seconds: float = Field(0.0, ge=0.0)
    blind: bool = False
    at: AwareDatetime | None = None
    """When an annotator did it, elsewhere; everybody else does it now."""
    undoes: str | None = None
    """With `undo`: the event or group to undo; None for the last thing that this reviewer did."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.act in {"review", "gold"} and (self.decision is None or not self.trace_id):
            raise ValueError(f"{self.act} needs a decision and the trace that it is about")
        if self.decision is Decision.REJECT and not self.text.strip():
            raise ValueError("a rejection needs a reason")
        if (self.decision is Decision.EDIT) != bool(self.texts) and self.act in {"review", "gold"}:
            raise ValueError("an edit needs the text of a stage that it changes, and nothing else has any")
        if self.act == "comment" and not self.text.strip():
            raise ValueError("a comment needs words")
        return self


class Done(NamedTuple):
    """What became of a deed."""

    id: str
    fault: str = ""
    """Why it was not done, one sentence for the reviewer; empty where it was."""
    sample_id: str = ""
    turn: int = 0
    state: State | None = None
    """How the record stands now."""
    records: int = 1
    """Records that it concerned: more than one where a bulk action was undone."""
