"""What a reviewer is shown of a record."""

from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, PositiveInt

from curation.evidence import spans
from schemas.issue import Issue
from schemas.review import Duty, Event, Review, StageVerdict, State
from schemas.sample import Sample, Turn
from schemas.steps import split
from schemas.trace import STAGES, Stage, Trace


class Ticket(NamedTuple):
    """The right to decide on a record for a while; nobody else is given it meanwhile."""

    sample_id: str
    turn: int
    duty: Duty
    expires_at: datetime


class Draft(BaseModel):
    """What a reviewer has begun and not decided yet."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trace_id: str
    verdicts: dict[Stage, StageVerdict] = {}
    texts: dict[Stage, str] = {}
    stale: tuple[Stage, ...] = ()
    wrong_steps: tuple[PositiveInt, ...] = ()
    """Steps of the reasoning that was shown, by their numbers."""
    calls: tuple[str, ...] = ()
    seconds: float = 0.0


class Opinion(NamedTuple):
    """What another reviewer said, as an adjudicator sees it."""

    reviewer: str
    review: Review
    edited: Trace | None


class View(NamedTuple):
    """A record as its reviewer sees it."""

    ticket: Ticket | None
    """None where somebody else has it, or it is only looked at."""
    sample: Sample
    trace: Trace
    issues: tuple[Issue, ...]
    """Open ones, the gravest first."""
    earlier: tuple[tuple[str, str], ...]
    """Questions and answers of the turns before it."""
    state: State
    flagged: bool
    draft: Draft | None
    opinions: tuple[Opinion, ...]
    """Of others; empty unless the duty is to adjudicate."""
    history: tuple[Event, ...]
    """Empty where the reviewer is not to know what others did."""

    @property
    def turn(self) -> Turn:
        """The question."""
        return self.sample.turns[self.trace.turn]

    def as_json(self) -> dict[str, Any]:
        """Return what the app's widget and `review next --json` show: plain text, and offsets of the evidence in it."""
        turn = self.turn
        return {
            "sample_id": self.sample.id,
            "turn": self.trace.turn,
            "trace_id": self.trace.id,
            "source": self.sample.source,
            "duty": self._duty(),
            "expires_at": self.ticket.expires_at.isoformat() if self.ticket else None,
            "images": [image.model_dump(mode="json") for image in self.sample.images],
            "question": turn.question,
            "context": turn.context,
            "choices": list(turn.choices),
            "targets": list(turn.targets),
            "labels": self.sample.labels,
            "earlier": [{"question": question, "answer": answer} for question, answer in self.earlier],
            "stages": {stage.value: self.trace.stages[stage] for stage in STAGES},
            "steps": [step.text for step in split(self.trace.stages.reasoning)],
            "provenance": self.trace.provenance.model_dump(mode="json", exclude={"calls"}),
            "issues": [self._issue(issue) for issue in self.issues],
            "state": self.state.value,
            "flagged": self.flagged,
            "draft": self.draft.model_dump(mode="json") if self.draft else None,
            "opinions": [self._opinion(opinion) for opinion in self.opinions],
            "history": [event.model_dump(mode="json") for event in self.history],
        }

    def _duty(self) -> str | None:
        """Return the duty as the reviewer may know it: who is checked by a known answer is not told."""
        if self.ticket is None:
            return None
        return Duty.FIRST.value if self.ticket.duty is Duty.GOLD else self.ticket.duty.value

    def _issue(self, issue: Issue) -> dict[str, Any]:
        return {
            "code": issue.code,
            "severity": issue.severity.value,
            "stage": issue.stage.value if issue.stage else None,
            "message": issue.message,
            "evidence": issue.evidence,
            "spans": spans(self.trace, issue),
        }

    def _opinion(self, opinion: Opinion) -> dict[str, Any]:
        edited = opinion.edited
        return {
            "reviewer": opinion.reviewer,
            "review": opinion.review.model_dump(mode="json"),
            "stages": {stage.value: edited.stages[stage] for stage in STAGES} if edited else None,
        }
