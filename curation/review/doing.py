"""Deeds, done: each is checked against how its record stands, becomes an event, and the record's row follows."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError
from sqlalchemy import Connection

from curation.errors import first_fault
from curation.review.deeds import ROLES, Deed, Done, Reviewer
from curation.review.views import Draft
from curation.store import desk as records
from curation.store.desk import Place
from curation.store.queue import is_changed, put_events
from curation.store.steps import StoredTrace, put_traces
from curation.store.text import to_json
from curation.votes.projection import project
from curation.votes.standing import effective
from schemas.digest import digest_json
from schemas.review import Act, Decision, Duty, Event, Review, State
from schemas.sample import Sample
from schemas.steps import split
from schemas.trace import STAGES, Provenance, Stages, Trace


class Edit(NamedTuple):
    """A trace that a reviewer wrote, with the sample that it is about."""

    sample: Sample
    trace: Trace


class _Told(NamedTuple):
    """What an event holds besides who did what to which turn."""

    review: Review | None = None
    text: str = ""
    undoes: str | None = None
    group: str | None = None


class _Refused(Exception):
    """A deed can't be done; the message says why."""


def duty_for(connection: Connection, place: Place, reviewer: Reviewer) -> Duty | None:
    """Return the duty under which a reviewer may decide on a turn, None where it is not theirs to decide.

    Who decided on it may decide again; what others have settled takes an adjudicator.
    """
    lease = [e for e in records.leases_by(connection, reviewer.name) if (e.sample_id, e.turn) == place.key]
    if lease and lease[0].duty is Duty.GOLD:
        return Duty.GOLD
    others = records.deciders(connection, place.key)
    mine = reviewer.name in others
    if ROLES[reviewer.role].adjudicates and len(others - {reviewer.name}) + mine > 1:
        return Duty.ADJUDICATION
    if mine or place.needs == Duty.FIRST.value:
        return Duty.FIRST
    if place.needs == Duty.SECOND.value or ROLES[reviewer.role].objects:
        return Duty.SECOND
    return Duty.ADJUDICATION if ROLES[reviewer.role].adjudicates else None


def last_done(connection: Connection, reviewer: str, count: int) -> list[Event]:
    """Return what a reviewer did last and has not undone, the newest first."""
    looked_at = 100
    while True:
        events = records.events_by(connection, reviewer, looked_at)
        done = effective(events[::-1])[::-1]
        if len(done) >= count or len(events) < looked_at:
            return done[:count]
        looked_at *= 8


class Doer:
    """Does deeds of one reviewer within one transaction."""

    def __init__(
        self, connection: Connection, reviewer: Reviewer, now: datetime, guidelines: str, second_share: float
    ) -> None:
        self._connection = connection
        self._reviewer = reviewer
        self._now = now
        self._at = now
        self._guidelines = guidelines
        self._second_share = second_share
        self.edits: list[Edit] = []
        """Traces that were written; they are yet to be checked."""

    def do(self, deed: Deed) -> Done:
        """Do it, unless it was done before."""
        if before := records.has_event(self._connection, deed.id):
            return self._told(deed.id, before)
        if deed.at is not None and not ROLES[self._reviewer.role].objects:
            return Done(deed.id, "only what was done elsewhere has a time of its own", deed.sample_id, deed.turn)
        self._at = min(deed.at or self._now, self._now)
        try:
            event = self._undo(deed) if deed.act == "undo" else self._event(deed)
        except _Refused as refused:
            return Done(deed.id, str(refused), deed.sample_id, deed.turn)
        return self._told(deed.id, self._keep(event))

    def decide_together(self, place: Place, decision: Decision, text: str, group: str) -> bool:
        """Decide on a turn as a part of a bulk action; return whether it was this reviewer's to decide."""
        duty = duty_for(self._connection, place, self._reviewer)
        if duty is None or self._holder(place):
            return False
        review = Review(trace_id=place.trace_id, decision=decision, reason=text, duty=duty, guidelines=self._guidelines)
        event_id = f"{group}:{digest_json(place.key)[7:23]}"
        self._keep(self._act(event_id, Act.REVIEW, place, _Told(review=review, group=group)))
        return True

    def undo_together(self, events: Sequence[Event], group: str) -> Done:
        """Undo events of a bulk action; return how the last of their records stands."""
        return [self._told(group, self._undo_one(event, group)) for event in events][-1]

    def _undo_one(self, event: Event, group: str) -> Event:
        place = self._place(event.sample_id, event.turn)
        undo_id = f"{group}:{digest_json(place.key)[7:23]}"
        done = records.has_event(self._connection, undo_id)
        return done or self._keep(self._act(undo_id, Act.UNDO, place, _Told(undoes=event.id, group=group)))

    def _event(self, deed: Deed) -> Event:
        place = self._place(deed.sample_id, deed.turn)
        if deed.act in {"review", "gold"}:
            if deed.trace_id != place.trace_id:
                raise _Refused("a newer trace has taken its place; the record comes again")
            return self._gold(deed, place) if deed.act == "gold" else self._review(deed, place)
        return self._act(deed.id, Act(deed.act), place, _Told(text=deed.text))

    def _place(self, sample_id: str, turn: int) -> Place:
        if is_changed(self._connection, sample_id):
            project(self._connection, [sample_id], self._second_share)
        place = records.place_of(self._connection, (sample_id, turn))
        if place is None:
            raise _Refused(f"{sample_id}, turn {turn}, has no trace to review")
        return place

    def _review(self, deed: Deed, place: Place) -> Event:
        duty = duty_for(self._connection, place, self._reviewer)
        if duty is None:
            raise _Refused("others have decided on it; an adjudicator may still change that")
        if duty is not Duty.GOLD and (holder := self._holder(place)):
            raise _Refused(f"the time for it ran out, and {holder} has it now")
        return self._act(deed.id, Act.REVIEW, place, _Told(self._said(deed, place, duty), deed.text))

    def _gold(self, deed: Deed, place: Place) -> Event:
        if not ROLES[self._reviewer.role].adjudicates:
            raise _Refused("naming a known answer takes an adjudicator")
        if deed.decision not in {Decision.ACCEPT, Decision.REJECT}:
            raise _Refused("a known answer is to accept or to reject")
        return self._act(deed.id, Act.GOLD, place, _Told(self._said(deed, place, Duty.FIRST), deed.text))

    def _holder(self, place: Place) -> str | None:
        """Return who else has the turn."""
        held = records.lease_of(self._connection, place.key, self._now)
        return next((e.reviewer for e in held if e.reviewer != self._reviewer.name and e.duty is not Duty.GOLD), None)

    def _said(self, deed: Deed, place: Place, duty: Duty) -> Review:
        assert deed.decision is not None
        edit = self._edited(deed, place, keep=duty is not Duty.GOLD) if deed.texts else None
        return Review(
            trace_id=place.trace_id,
            decision=deed.decision if edit or deed.decision is not Decision.EDIT else Decision.ACCEPT,
            verdicts=deed.verdicts,
            reason=deed.text,
            edited=edit.id if edit else None,
            content=digest_json(edit.stages.model_dump()) if edit else "",
            stale=deed.stale if edit else (),
            wrong_steps=self._wrong_steps(deed, place),
            duty=duty,
            blind=deed.blind,
            guidelines=self._guidelines,
            seconds=deed.seconds,
        )

    def _wrong_steps(self, deed: Deed, place: Place) -> tuple[int, ...]:
        if not deed.wrong_steps:
            return ()
        shown = records.material(self._connection, [place])[place.key]
        count = len(split(shown.traces[place.trace_id].stages.reasoning))
        if (last := max(deed.wrong_steps)) > count:
            raise _Refused(f"the reasoning has {count} steps, and no step {last}")
        return tuple(sorted(set(deed.wrong_steps)))

    def _edited(self, deed: Deed, place: Place, *, keep: bool) -> Trace | None:
        """Return the trace that an edit makes, None where it changes nothing."""
        shown = records.material(self._connection, [place])[place.key]
        base = shown.traces[place.trace_id]
        try:
            stages = Stages(**{stage.value: deed.texts.get(stage, base.stages[stage]) for stage in STAGES})
        except ValidationError as error:
            raise _Refused(first_fault(error)) from None
        if stages == base.stages:
            return None
        written = Provenance(
            kind="human",
            created_at=self._at,
            recipe=base.provenance.recipe,
            prompt_version=base.provenance.prompt_version,
            calls=deed.calls,
            parent=base.id,
        )
        trace = Trace(sample_id=base.sample_id, turn=base.turn, stages=stages, provenance=written)
        if keep:
            put_traces(self._connection, [StoredTrace(trace, None)])
            self.edits.append(Edit(shown.sample, trace))
        return trace

    def _undo(self, deed: Deed) -> Event:
        event = self._to_undo(deed)
        if event.reviewer != self._reviewer.name and not ROLES[self._reviewer.role].administers:
            raise _Refused(f"{event.reviewer} did that: an admin may undo it")
        place = self._place(event.sample_id, event.turn)
        if event.review is not None and event.review.edited is not None and event.reviewer == self._reviewer.name:
            self._back_to_draft(place, event.review)
        return self._act(deed.id, Act.UNDO, place, _Told(undoes=event.id, text=deed.text))

    def _to_undo(self, deed: Deed) -> Event:
        if deed.undoes is not None:
            event = records.has_event(self._connection, deed.undoes)
        else:
            event = next(iter(last_done(self._connection, self._reviewer.name, 1)), None)
        if event is None:
            raise _Refused(f"nothing has the id {deed.undoes}" if deed.undoes else "there is nothing to undo")
        return event

    def _back_to_draft(self, place: Place, review: Review) -> None:
        """Leave the words of an edit on the reviewer's desk."""
        found = records.material(self._connection, [place])[place.key].traces
        base, edit = found.get(review.trace_id), found.get(review.edited or "")
        if base is None or edit is None:
            return
        texts = {stage: edit.stages[stage] for stage in STAGES if edit.stages[stage] != base.stages[stage]}
        draft = Draft(
            trace_id=base.id, verdicts=review.verdicts, texts=texts, stale=review.stale,
            wrong_steps=review.wrong_steps, calls=edit.provenance.calls, seconds=review.seconds,
        )  # fmt: skip
        records.put_draft(self._connection, place.key, self._reviewer.name, self._now, to_json(draft))

    def _act(self, event_id: str, act: Act, place: Place, told: _Told) -> Event:
        return Event(
            id=event_id,
            at=self._at,
            reviewer=self._reviewer.name,
            act=act,
            sample_id=place.sample_id,
            turn=place.turn,
            before=State(place.state),
            **told._asdict(),
        )

    def _keep(self, event: Event) -> Event:
        """Store an event with how its record stands after it; a decision ends the reviewer's lease and draft."""
        key = event.sample_id, event.turn
        if event.act is Act.REVIEW:
            records.drop_leases(self._connection, self._reviewer.name, [key])
            records.put_draft(self._connection, key, self._reviewer.name, self._now, None)
        states = project(self._connection, [event.sample_id], self._second_share, event)
        told = event.model_copy(update={"after": states[key]})
        put_events(self._connection, [told])
        return told

    def _told(self, deed_id: str, event: Event) -> Done:
        return Done(deed_id, "", event.sample_id, event.turn, event.after)
