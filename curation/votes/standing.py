"""How a turn stands, from what reviewers said about it: a pure function of its events."""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.review import Act, Decision, Duty, Event, Review, State

_STATES = {
    Decision.ACCEPT: State.ACCEPTED,
    Decision.EDIT: State.EDITED,
    Decision.REJECT: State.REJECTED,
    Decision.SKIP: State.SKIPPED,
}


class Standing(NamedTuple):
    """How a turn stands."""

    state: State
    needs: Duty | None
    """Who is wanted next; None where it is settled."""
    trace: str
    """The trace that stands: the one that was looked at, or an edit of it."""
    withdrawn: frozenset[str]
    """Edits that don't stand."""
    reviewers: tuple[str, ...]
    """Who decided on the trace, in the order in which they did; those who skipped it are not among them."""
    flagged: bool
    gold: bool
    """Its answer is known."""


def effective(events: Sequence[Event]) -> list[Event]:
    """Return the events that count, in their order: not undone, and not undos."""
    void: set[str] = set()
    for event in reversed(events):
        if event.undoes is not None and not void & {event.id, event.group or event.id}:
            void.add(event.undoes)
    return [e for e in events if e.undoes is None and not void & {e.id, e.group or e.id}]


def stand(trace: str, events: Sequence[Event], *, second: bool) -> Standing:
    """Derive how a turn stands whose trace to be reviewed is `trace`; `second` asks for two reviewers.

    Events are of this turn, in the order in which they were stored.
    """
    counting = effective(events)
    reviews = [(e.reviewer, e.review) for e in counting if e.act is Act.REVIEW and e.review is not None]
    reviews = [(who, review) for who, review in reviews if review.duty is not Duty.GOLD]
    known = [e.review for e in counting if e.act is Act.GOLD and e.review is not None and e.review.trace_id == trace]
    state, needs, holding = (*_said(known[-1]), known[-1]) if known else _settle(trace, reviews, second=second)
    stands = holding.edited if holding and holding.edited else trace
    edits = {e.review.edited for e in events if e.review is not None and e.review.edited is not None}
    return Standing(
        state=state,
        needs=needs,
        trace=stands,
        withdrawn=frozenset(edits - {stands}),
        reviewers=tuple(dict.fromkeys(who for who, review in reviews if _decides(trace, review))),
        flagged=_flagged(counting),
        gold=bool(known),
    )


def _decides(trace: str, review: Review) -> bool:
    return review.trace_id == trace and review.decision is not Decision.SKIP


def _settle(
    trace: str, reviews: Sequence[tuple[str, Review]], *, second: bool
) -> tuple[State, Duty | None, Review | None]:
    """Return the state, who is wanted next, and the review that holds."""
    last = {who: review for who, review in reviews if _decides(trace, review)}
    ruled = [review for review in last.values() if review.duty is Duty.ADJUDICATION]
    if ruled:
        return *_said(ruled[-1]), ruled[-1]
    if len({_substance(review) for review in last.values()}) > 1:
        return State.PENDING, Duty.ADJUDICATION, None
    if last:
        first = next(iter(last.values()))
        state, needs = _said(first)
        return state, Duty.SECOND if needs is None and second and len(last) == 1 else needs, first
    if any(review.trace_id != trace and review.decision is not Decision.SKIP for _, review in reviews):
        return State.STALE, Duty.FIRST, None
    return State.SKIPPED if reviews else State.PENDING, Duty.FIRST, None


def _said(review: Review) -> tuple[State, Duty | None]:
    """Return what one review makes of a turn: an edit whose later stages nobody has looked at is not done."""
    if review.stale:
        return State.STALE, Duty.FIRST
    return _STATES[review.decision], None


def _substance(review: Review) -> tuple[Decision, str]:
    return review.decision, review.content


def _flagged(events: Sequence[Event]) -> bool:
    marks = [e.act for e in events if e.act in {Act.FLAG, Act.UNFLAG}]
    return bool(marks) and marks[-1] is Act.FLAG
