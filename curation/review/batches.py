"""Batches: a reviewer's decisions, a few hundred at a time, and what checks of them found.

A decision is checked where a second reviewer said the same, or an adjudicator ruled on the two; a gold item is a check
of its own. A batch fails where a larger share of its checks than `Terms.max_wrong` found a wrong decision. What nobody
has checked of a failed batch is sent back: those records are pending again.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import Connection

from curation.errors import UsageError
from curation.review.desk import Bulk, Desk, new_id
from curation.review.terms import Terms
from curation.statistics.share import Share, wilson
from curation.store import Store
from curation.store.desk import place_of
from curation.store.queue import put_events
from curation.store.votes import KNOWN, BatchCount, Vote, batch_counts, batch_votes, checking_votes
from curation.votes.folding import fold
from curation.votes.projection import project
from schemas.review import Act, Decision, Duty, Event, State

LEAST_CHECKS = 20
"""Fewer checks than this say nothing about a batch."""

_Turn = tuple[str, int]


class Outcome(StrEnum):
    """What the checks of a batch come to."""

    FEW = "too few checks"
    GOOD = "good"
    FAILED = "failed"
    """More decisions were wrong than is allowed: it is to be sent back."""
    SENT_BACK = "sent back"


class Batch(NamedTuple):
    """A reviewer's batch."""

    reviewer: str
    number: int
    """From 1."""
    full: bool
    """Others are still being added to."""
    decisions: int
    """That hold."""
    checks: int
    wrong: int
    """Overruled by an adjudicator, or other than the known answer."""
    gold: int
    """How many of the checks were gold items."""
    waiting: int
    """Decisions that a second reviewer disagrees with, and nobody has ruled on."""
    share: Share | None
    """Of wrong ones among the checks; None where there are none."""
    outcome: Outcome
    begun: str
    """Day, as in 2026-01-31."""
    ended: str


class _Check(NamedTuple):
    """What was found out about one decision."""

    number: int
    """Of the decision's event."""
    reviewer: str
    wrong: bool | None
    """None while the two disagree and nobody has ruled."""
    gold: bool


def batches(store: Store, terms: Terms) -> list[Batch]:
    """Return all batches, by reviewer and number."""
    fold(store)
    with store.snapshot() as connection:
        counts, votes = batch_counts(connection, terms.batch), checking_votes(connection)
    return judge(counts, votes, terms)


def send_back(desk: Desk, reviewer: str, number: int) -> Bulk:
    """Send back what nobody has checked of a failed batch; undo the group to take it back.

    Raises UsageError where the batch has not failed, or this is nobody who may. One transaction.
    """
    if not desk.role.administers:
        raise UsageError("sending a batch back takes an admin")
    fold(desk.store)
    group = new_id()
    with desk.store.writing() as connection:
        unchecked = _unchecked(connection, desk.terms, reviewer, number)
        for vote in unchecked:
            _take_back(connection, desk, vote, group)
    return Bulk(group, len(unchecked), 0)


def _unchecked(connection: Connection, terms: Terms, reviewer: str, number: int) -> list[Vote]:
    """Return the decisions of a failed batch whose records nobody else has looked at."""
    counts, votes = batch_counts(connection, terms.batch), checking_votes(connection)
    count = next((count for count in counts if (count.reviewer, count.batch) == (reviewer, number)), None)
    if count is None:
        raise UsageError(f"{reviewer} has no batch {number}")
    outcome = judge([count], votes, terms)[0].outcome
    if outcome is not Outcome.FAILED:
        raise UsageError(f"batch {number} of {reviewer}: {outcome}; only a failed batch is sent back")
    checked = {(vote.sample_id, vote.turn) for vote in votes if vote.duty in {Duty.SECOND, Duty.ADJUDICATION}}
    return [vote for vote in batch_votes(connection, count) if (vote.sample_id, vote.turn) not in checked]


def _take_back(connection: Connection, desk: Desk, vote: Vote, group: str) -> None:
    place = place_of(connection, (vote.sample_id, vote.turn))
    event = Event(
        id=f"{group}:{vote.number}",
        at=desk.now(),
        reviewer=desk.reviewer.name,
        act=Act.SEND_BACK,
        sample_id=vote.sample_id,
        turn=vote.turn,
        before=State(place.state) if place else None,
        undoes=vote.event_id,
        group=group,
    )
    states = project(connection, [vote.sample_id], desk.terms.second_share, event)
    put_events(connection, [event.model_copy(update={"after": states[vote.sample_id, vote.turn]})])


def judge(counts: Iterable[BatchCount], votes: Sequence[Vote], terms: Terms) -> list[Batch]:
    """Judge batches by the votes that hold on turns where one vote checks another."""
    by_reviewer: dict[str, list[_Check]] = {}
    for check in sorted(_checks(votes), key=attrgetter("number")):
        by_reviewer.setdefault(check.reviewer, []).append(check)
    return [_judge(count, _within(by_reviewer.get(count.reviewer, []), count), terms) for count in counts]


def _within(checks: list[_Check], count: BatchCount) -> list[_Check]:
    start = bisect_left(checks, count.first, key=attrgetter("number"))
    return checks[start : bisect_right(checks, count.last, key=attrgetter("number"))]


def _judge(count: BatchCount, checks: Sequence[_Check], terms: Terms) -> Batch:
    settled = [check for check in checks if check.wrong is not None]
    wrong = sum(check.wrong is True for check in settled)
    share = wilson(wrong, len(settled))
    return Batch(
        reviewer=count.reviewer,
        number=count.batch,
        full=count.members == terms.batch,
        decisions=count.decisions,
        checks=len(settled),
        wrong=wrong,
        gold=sum(check.gold for check in settled),
        waiting=len(checks) - len(settled),
        share=share,
        outcome=_outcome(count, len(settled), share, terms),
        begun=count.begun,
        ended=count.ended,
    )


def _outcome(count: BatchCount, checks: int, share: Share | None, terms: Terms) -> Outcome:
    if count.sent_back:
        return Outcome.SENT_BACK
    if checks < LEAST_CHECKS or share is None:
        return Outcome.FEW
    return Outcome.FAILED if share.value > terms.max_wrong else Outcome.GOOD


def _checks(votes: Sequence[Vote]) -> Iterator[_Check]:
    turns: dict[_Turn, list[Vote]] = {}
    for vote in votes:
        turns.setdefault((vote.sample_id, vote.turn), []).append(vote)
    for said in turns.values():
        yield from _gold_checks(said)
        yield from _second_checks(said)


def _gold_checks(said: Sequence[Vote]) -> Iterator[_Check]:
    """Compare decisions with the known one: whether the trace is good as it is. What is not may be edited as well."""
    known = [vote.decision == Decision.ACCEPT for vote in said if vote.duty == KNOWN]
    for vote in said:
        if vote.duty == Duty.GOLD and known:
            yield _Check(vote.number, vote.reviewer, (vote.decision == Decision.ACCEPT) != known[-1], gold=True)


def _second_checks(said: Sequence[Vote]) -> Iterator[_Check]:
    """Compare first and second decisions on a trace with the ruling on it, or with each other where they agree."""
    for trace in dict.fromkeys(vote.trace_id for vote in said):
        own = _last([vote for vote in said if vote.trace_id == trace and vote.duty in {Duty.FIRST, Duty.SECOND}])
        rulings = [vote for vote in said if vote.trace_id == trace and vote.duty == Duty.ADJUDICATION]
        if rulings or len(own) > 1:
            agreed = len({_substance(vote) for vote in own}) == 1
            for vote in own:
                wrong = _substance(vote) != _substance(rulings[-1]) if rulings else False if agreed else None
                yield _Check(vote.number, vote.reviewer, wrong, gold=False)


def _last(votes: Sequence[Vote]) -> list[Vote]:
    """Return the last vote of each reviewer."""
    return list({vote.reviewer: vote for vote in votes}.values())


def _substance(vote: Vote) -> tuple[str, str]:
    return vote.decision, vote.content
