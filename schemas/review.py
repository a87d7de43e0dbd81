"""What people said about a trace: their review of it, and the events that a record's state is derived from."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from schemas.sample import Record
from schemas.trace import Stage


class StageVerdict(StrEnum):
    """How good one stage is."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


class Decision(StrEnum):
    """What a reviewer does with a trace."""

    ACCEPT = "accept"
    EDIT = "edit"
    """Accept it in the reviewer's own words: the edit is a new trace, whose parent is the one that was looked at."""
    REJECT = "reject"
    SKIP = "skip"
    """Leave it to somebody else."""


class Duty(StrEnum):
    """Why a reviewer is shown a trace."""

    FIRST = "first"
    SECOND = "second"
    """Again, without being told what the first reviewer said, to measure how far reviewers agree."""
    ADJUDICATION = "adjudication"
    """Two reviewers disagree: what is said now holds."""
    GOLD = "gold"
    """The right answer is known: it is the reviewer that is checked, and the record stays as it is."""


class Review(Record):
    """A reviewer's decision on a trace."""

    trace_id: str
    """The trace that was looked at."""
    decision: Decision
    verdicts: dict[Stage, StageVerdict] = Field(default_factory=dict)
    reason: str = ""
    """Why it was rejected, or whatever else the reviewer wants to be known."""
    edited: str | None = None
    """Id of the trace that an edit made."""
    content: str = ""
    """Digest of the edited stages: two reviewers who write the same agree."""
    stale: tuple[Stage, ...] = ()
    """Stages after an edited one that were not looked at again."""
    wrong_steps: tuple[int, ...] = ()
    """Numbers, from 1, of the steps of the reasoning that are wrong; none where the reviewer named none."""
    duty: Duty = Duty.FIRST
    blind: bool = False
    """The gold answer was hidden."""
    guidelines: str = ""
    """Version of the guidelines that it was made under."""
    seconds: float = Field(0.0, ge=0.0)
    """From the moment the record was on the screen."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.edited is not None) != (self.decision is Decision.EDIT):
            raise ValueError("an edit names the trace that it made, and nothing else does")
        return self


class Act(StrEnum):
    """What happened to a record."""

    REVIEW = "review"
    COMMENT = "comment"
    FLAG = "flag"
    UNFLAG = "unflag"
    GOLD = "gold"
    """The review that it holds is the known answer from now on."""
    UNDO = "undo"
    """The event or the group that it names counts for nothing."""
    SEND_BACK = "send-back"
    """The same, for a decision of a batch whose checks failed."""


class State(StrEnum):
    """How a turn stands, as derived from its events."""

    PENDING = "pending"
    DRAFT = "draft"
    """Somebody has begun."""
    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    STALE = "stale"
    """Decided, but on an earlier trace, or with stages that nobody has looked at since another was edited."""


class Event(Record):
    """Who did what to a record, and when. Events are only ever added."""

    id: str
    """Chosen by whoever acts, so that an event that is told twice is one."""
    at: datetime
    reviewer: str
    act: Act
    sample_id: str
    turn: int = Field(ge=0)
    before: State | None = None
    after: State | None = None
    review: Review | None = None
    """What REVIEW and GOLD are about."""
    text: str = ""
    """The words of a COMMENT; the reason of anything else."""
    undoes: str | None = None
    """Id of an event, or of a group of them."""
    group: str | None = None
    """The bulk action that it is a part of."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.review is not None) != (self.act in {Act.REVIEW, Act.GOLD}):
            raise ValueError("a review is what review and gold events hold, and no others")
        if (self.undoes is not None) != (self.act in {Act.UNDO, Act.SEND_BACK}):
            raise ValueError("undo and send-back name what they undo, and no others do")
        return self
