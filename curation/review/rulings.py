"""What was said of a trace here and elsewhere, and whether it can be brought together without asking a person."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from curation.review.deeds import Deed
from curation.review.merging import merge, texts_of
from curation.store.desk import Material, Place
from curation.votes.standing import effective
from schemas.digest import digest_json
from schemas.review import Act, Decision, Duty, Event, Review
from schemas.trace import Stage

MERGER = "label-studio:merge"
"""In whose name edits are brought together; a person may rule otherwise at any time."""

_ELSEWHERE = "ls-"
_HEX = 40


def event_id(*parts: str) -> str:
    """Return the id of an event that follows from these, and from nothing else."""
    return f"{_ELSEWHERE}{digest_json(parts).removeprefix('sha256:')[:_HEX]}"


class Said(NamedTuple):
    """The last reviews of a trace, one for each reviewer."""

    here: tuple[Event, ...]
    elsewhere: tuple[Event, ...]
    ruling: Event | None
    """What `MERGER` made of them."""

    @classmethod
    def of(cls, trace_id: str, events: Sequence[Event]) -> Self:
        """Return what counts of the events of a turn."""
        last = {event.reviewer: event for event in effective(events) if _decides(trace_id, event)}
        ruling = last.pop(MERGER, None)
        elsewhere = tuple(event for event in last.values() if event.id.startswith(_ELSEWHERE))
        return cls(tuple(event for event in last.values() if event not in elsewhere), elsewhere, ruling)

    @property
    def settled_by_a_person(self) -> bool:
        """Tell whether an adjudicator has ruled."""
        return any(_review(event).duty is Duty.ADJUDICATION for event in self.here)

    @property
    def disagree(self) -> bool:
        """Tell whether not all of them said the same."""
        return len({_substance(event) for event in (*self.here, *self.elsewhere)}) > 1

    def together(self, material: Material, trace_id: str) -> dict[Stage, str]:
        """Return the edits of both sides as one, by stage; empty where that takes a person, or nothing was edited.

        Each side must be of one mind, and accept the trace, as it is or edited.
        """
        sides = [{_substance(event): event for event in side} for side in (self.here, self.elsewhere)]
        if not self.disagree or any(len(side) != 1 for side in sides):
            return {}
        ours, theirs = (_review(next(iter(side.values()))) for side in sides)
        if Decision.REJECT in {ours.decision, theirs.decision}:
            return {}
        base = material.traces[trace_id].stages
        words = [texts_of(material.traces[each.edited or trace_id].stages) for each in (theirs, ours)]
        merged = merge(base, *words)
        return {} if merged.conflicts else merged.texts

    def rule(self, place: Place, texts: dict[Stage, str]) -> Deed:
        """Return the ruling that takes these texts."""
        return Deed(
            id=event_id("rule", *self._ids), act="review", sample_id=place.sample_id, turn=place.turn,
            trace_id=place.trace_id, decision=Decision.EDIT, texts=texts,
            text="edits made here and in Label Studio, brought together",
        )  # fmt: skip

    def withdraw(self, ruling: Event) -> Deed:
        """Return the undoing of an earlier ruling."""
        undo_id = event_id("withdraw", ruling.id, *self._ids)
        return Deed(id=undo_id, act="undo", sample_id=ruling.sample_id, turn=ruling.turn, undoes=ruling.id)

    @property
    def _ids(self) -> list[str]:
        return sorted(event.id for event in (*self.here, *self.elsewhere))


def _decides(trace_id: str, event: Event) -> bool:
    review = event.review
    return (
        event.act is Act.REVIEW
        and review is not None
        and review.trace_id == trace_id
        and review.decision is not Decision.SKIP
        and review.duty is not Duty.GOLD
    )


def _review(event: Event) -> Review:
    assert event.review is not None
    return event.review


def _substance(event: Event) -> tuple[Decision, str]:
    return _review(event).decision, _review(event).content
