"""The queue's rows, worked out from what they follow from: traces, open issues, events and drafts."""

from collections.abc import Sequence

from sqlalchemy import Connection

from curation.review.standing import Standing, effective, stand
from curation.store.queue import Hands, Known, Row, Subject, known, put_hands, put_rows, subjects
from schemas.review import Act, Decision, Duty, Event, State

_UNTOUCHED = Known()
_OPEN = {State.PENDING, State.SKIPPED, State.STALE}


def project(connection: Connection, sample_ids: Sequence[str], second_share: float) -> None:
    """Work out and write the rows of all turns of these samples."""
    whose = known(connection, sample_ids)
    rows, hands = [], []
    for subject in subjects(connection, sample_ids):
        made = whose.get((subject.sample_id, subject.turn), _UNTOUCHED)
        standing = stand(subject.trace_id, made.events, second=is_second(subject.trace_id, second_share))
        rows.append((subject, _row(subject, standing, made)))
        if made.events:
            hands.append(_hands(subject, standing, made))
    put_rows(connection, rows, sample_ids)
    if hands:
        put_hands(connection, hands, sample_ids)


def foresee(connection: Connection, event: Event, second_share: float) -> State:
    """Return the state that a turn will have after an event of it."""
    key = event.sample_id, event.turn
    made = known(connection, [event.sample_id]).get(key, _UNTOUCHED)
    subject = next(each for each in subjects(connection, [event.sample_id]) if (each.sample_id, each.turn) == key)
    second = is_second(subject.trace_id, second_share)
    return _state(subject, stand(subject.trace_id, (*made.events, event), second=second), made)


def is_second(trace_id: str, share: float) -> bool:
    """Tell whether a trace is among the share that two reviewers look at: by its digest, so it stays what it is."""
    return int(trace_id.removeprefix("sha256:")[16:24], 16) / 2**32 < share


def _row(subject: Subject, standing: Standing, made: Known) -> Row:
    return Row(
        standing=standing.trace,
        state=_state(subject, standing, made).value,
        needs=standing.needs.value if standing.needs else "",
        flagged=standing.flagged,
        gold=standing.gold,
    )


def _state(subject: Subject, standing: Standing, made: Known) -> State:
    begun = made.drafted == subject.trace_id and standing.state in _OPEN
    return State.DRAFT if begun else standing.state


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
