"""Folding the events into votes: one row for each decision, from which all figures about reviewing are counted."""

import json
from collections.abc import Sequence
from datetime import UTC

from sqlalchemy import Connection

from curation.store import Store
from curation.store.votes import KNOWN, Told, Vote, is_behind, put_votes, unfolded
from curation.votes.standing import effective
from schemas.review import Act, Event, Review


def fold(store: Store) -> None:
    """Bring the votes up to date with the events, a page in each transaction."""
    while _is_behind(store):
        store.write(_fold_page, [None])


def _is_behind(store: Store) -> bool:
    with store.snapshot() as connection:
        return is_behind(connection)


def _fold_page(connection: Connection, _: Sequence[None]) -> None:
    mark, turns = unfolded(connection)
    put_votes(connection, [vote for turn in turns for vote in votes_of(turn)], mark)


def votes_of(turn: Sequence[Told]) -> list[Vote]:
    """Return the decisions among all events of one turn, which are in order."""
    counting = {event.id for event in effective([told.event for told in turn])}
    back = {told.event.undoes for told in turn if told.event.act is Act.SEND_BACK} - counting
    return [
        _vote(told.number, told.event, told.event.review, holds=told.event.id in counting, back=told.event.id in back)
        for told in turn
        if told.event.review is not None
    ]


def _vote(number: int, event: Event, review: Review, *, holds: bool, back: bool) -> Vote:
    return Vote(
        number=number,
        event_id=event.id,
        reviewer=event.reviewer,
        day=event.at.astimezone(UTC).date().isoformat(),
        sample_id=event.sample_id,
        turn=event.turn,
        trace_id=review.trace_id,
        duty=KNOWN if event.act is Act.GOLD else review.duty.value,
        decision=review.decision.value,
        content=review.content,
        verdicts=json.dumps({stage.value: verdict.value for stage, verdict in review.verdicts.items()}),
        tenths=round(review.seconds * 10),
        holds=int(holds),
        sent_back=int(back),
    )
