"""The queue's rows, worked out from what they follow from: traces, open issues, events and drafts."""

from collections.abc import Sequence

from sqlalchemy import Connection

from curation.store.queue import Hands, Key, Known, Row, Subject, known, put_hands, put_rows, subjects
from curation.votes.standing import Standing, effective, stand
from schemas.review import Act, Decision, Duty, Event, State

_UNTOUCHED = Known()
_OPEN = {State.PENDING, State.SKIPPED, State.STALE}


def project(
    connection: Connection, sample_ids: Sequence[str], second_share: float, happening: Event | None = None
) -> dict[Key, State]:
    """Work out and write the rows of all turns of these samples; return how they stand.

    `happening` is an event of one of them that is yet to be stored.
    """
    whose = known(connection, sample_ids)
    if happening is not None:
        key = happening.sample_id, happening.turn
        before = whose.get(key, _UNTOUCHED)
        whose[key] = before._replace(events=(*before.events, happening))
    rows, hands = [], []
    for subject in subjects(connection, sample_ids):
        made = whose.get(subject.key, _UNTOUCHED)
        standing = stand(subject.trace_id, made.events, second=is_second(subject.trace_id, second_share))
        rows.append((subject, _row(subject, standing, made)))
        if made.events:
            hands.append(_hands(subject, standing, made))
    put_rows(connection, rows, sample_ids)
    if hands:
        put_hands(connection, hands, sample_ids)
    return {subject.key: State(row.state) for subject, row in rows}


def is_second(trace_id: str, share: float) -> bool:
    """Tell whether a trace is among the share that two reviewers look at: by its digest, so it stays what it is."""
    return int(trace_id.removeprefix("sha256:")[16:24], 16) / 2**32 < share


def _row(subject: Subject, standing: Standing, made: Known) -> Row:
    begun = made.drafted == subject.trace_id and standing.state in _OPEN
    return Row(
        standing=standing.trace,
        state=(State.DRAFT if begun else standing.state).value,
        needs=standing.needs.value if standing.needs else "",
        flagged=standing.flagged,
        gold=standing.gold,
    )


def _hands(subject: Subject, standing: Standing, made: Known) -> Hands:
    seen = set()
    for event in effective(made.events):
        review = event.review
        if event.act is not Act.REVIEW or review is None or review.trace_id != subject.trace_id:
            continue
        if review.duty is Duty.GOLD:
            seen.add((event.reviewer, "gold"))
        elif review.decision is Decision.SKIP:
            seen.add((event.reviewer, "skipped"))
        elif standing.state is not State.STALE:
            seen.add((event.reviewer, "decided"))
    edits = frozenset(e.review.edited for e in made.events if e.review is not None and e.review.edited is not None)
    return Hands(subject.sample_id, subject.turn, frozenset(seen), standing.withdrawn, edits)
