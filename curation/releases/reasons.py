"""What speaks against the traces of a release, on its way into a workspace.

- Open issues come as they are where the release has them whole (parquet); else an issue stands for each of the codes.
- What people said of a trace that one of them rejected comes as reviews. The release does not say who they were: they
  are named by where it comes from and by their duty, as in `lab/counts (first)`. What they said of traces that were
  taken stays behind: another team looks at those for itself.
- An edit that stood for nothing there stands for nothing here.

What the workspace knows of a trace stays as it is: its issues of the same code, and what its own people said of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import NamedTuple

from pydantic import ValidationError
from sqlalchemy import Connection, insert, select

from curation.errors import DataError
from curation.opinions import Opinion, Spoken
from curation.store.queries import PAGE
from curation.store.queue import events_of, put_events
from curation.store.steps import put_issues
from curation.store.tables import issues, withdrawn
from curation.votes.projection import project
from exports import STANDING, Item, Said
from schemas.digest import digest_json
from schemas.issue import Issue, Severity
from schemas.review import Act, Decision, Event, Review
from schemas.trace import Trace

_ONCE = 0.0
"""Share of rejections that wait for a second reviewer: whoever built the release had them looked at as often as due."""


class Origin(NamedTuple):
    """Where a release comes from."""

    name: str
    """Of its repository."""
    at: datetime
    """When it came here."""

    @classmethod
    def of(cls, name: str) -> "Origin":
        """Return one that comes now."""
        return cls(name, datetime.now(UTC))


class Opinions:
    """What people said of traces, read along with the items of a release: both come in the order of their samples."""

    def __init__(self, told: Iterable[Opinion]) -> None:
        self._told = iter(told)
        self._next = next(self._told, None)

    def of(self, sample_id: str) -> list[Opinion]:
        """Return what was said of a sample's traces; samples are asked for in order."""
        found = []
        while self._next is not None and self._next.sample <= sample_id:
            if self._next.sample == sample_id:
                found.append(self._next)
            self._next = next(self._told, None)
        return found


def bring(
    connection: Connection, items: Sequence[Item], new: frozenset[str], opinions: Opinions, origin: Origin
) -> None:
    """Store what speaks against traces that are in the workspace by now; `new` are the ids of those that were not.

    Raises DataError where an issue could not be one.
    """
    _put_issues(connection, [issue for item in items for issue in _issues(item, origin)])
    _withdraw(connection, [one.id for item in items for one in _replaced(item) if one.id in new])
    told = [_events(item, opinions.of(item.sample.id), origin) for item in items]
    _put_reviews(connection, list(chain.from_iterable(told)))


def _issues(item: Item, origin: Origin) -> Iterator[Issue]:
    for trace in item.traces:
        yield from _of_trace(trace, item, item.errors.get(trace.id, ()), f"The release {origin.name} says so.")
    for one in item.rejected:
        yield from _of_trace(one.trace, item, one.codes, f"The release {origin.name} rejects it: {one.reason}")


def _of_trace(trace: Trace, item: Item, codes: Sequence[str], message: str) -> Iterator[Issue]:
    """Give the issues of a trace, and one for each code that no issue is known of."""
    found = item.said.get(trace.id, Said()).issues
    yield from found
    about = {"sample_id": trace.sample_id, "turn": trace.turn, "trace_id": trace.id}
    for code in dict.fromkeys(codes):
        if code not in {issue.code for issue in found}:
            try:
                yield Issue(**about, code=code, severity=Severity.ERROR, message=message)
            except ValidationError as error:
                raise DataError(f"{trace.sample_id}: {code[:80]!r} is no code of an issue") from error


def _put_issues(connection: Connection, coming: Sequence[Issue]) -> None:
    known: set[tuple[str | None, str]] = set()
    ids = sorted({issue.trace_id for issue in coming if issue.trace_id})
    for start in range(0, len(ids), PAGE):
        query = select(issues.c.trace_id, issues.c.code).where(issues.c.trace_id.in_(ids[start : start + PAGE]))
        known |= {(row.trace_id, row.code) for row in connection.execute(query)}
    put_issues(connection, [issue for issue in coming if (issue.trace_id, issue.code) not in known])


def _replaced(item: Item) -> Iterator[Trace]:
    """Give the edits that another trace took the place of, or that were withdrawn."""
    for one in item.rejected:
        if one.rule == STANDING and one.trace.provenance.kind == "human":
            yield one.trace


def _withdraw(connection: Connection, trace_ids: Sequence[str]) -> None:
    if trace_ids:
        connection.execute(insert(withdrawn), [{"trace_id": trace_id} for trace_id in sorted(set(trace_ids))])


def _events(item: Item, told: Sequence[Opinion], origin: Origin) -> Iterator[Event]:
    """Give what people said of the rejected traces of an item, of those that somebody did reject."""
    rejected = {one.trace.id: one.trace for one in item.rejected}
    for opinion in told:
        if opinion.trace in rejected and any(said.decision is Decision.REJECT for said in opinion.reviews):
            for number, said in enumerate(opinion.reviews):
                if said.decision is not Decision.EDIT:  # which trace it made is not known
                    yield _event(rejected[opinion.trace], number, said, origin)


def _event(trace: Trace, number: int, said: Spoken, origin: Origin) -> Event:
    review = Review(trace_id=trace.id, decision=said.decision, verdicts=said.verdicts, duty=said.duty)
    digest = digest_json([trace.id, number, said.model_dump(mode="json")]).removeprefix("sha256:")
    return Event(
        id=f"release-{digest[:24]}",
        at=origin.at,
        reviewer=f"{origin.name} ({said.duty})",
        act=Act.REVIEW,
        sample_id=trace.sample_id,
        turn=trace.turn,
        review=review,
        text=f"It comes from the release {origin.name}.",
    )


def _put_reviews(connection: Connection, coming: Sequence[Event]) -> None:
    """Store the reviews of traces that nobody decided on here, and bring the queue's rows of their samples up to date.

    A policy goes by those rows.
    """
    sample_ids = sorted({event.sample_id for event in coming})
    if not sample_ids:
        return
    here = {event.review.trace_id for event in events_of(connection, sample_ids) if event.review}
    new = [event for event in coming if event.review and event.review.trace_id not in here]
    if new:
        put_events(connection, new)
        project(connection, sorted({event.sample_id for event in new}), _ONCE)
