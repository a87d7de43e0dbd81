"""What was said of the traces of a release: by people, by judges, and by what found issues."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from sqlalchemy import Connection, select

from curation.store.comparisons import comparisons_of
from curation.store.queries import PAGE, outdated
from curation.store.queue import events_of
from curation.store.tables import issues
from curation.store.text import from_json
from curation.store.verdicts import verdicts_of
from curation.votes.standing import effective
from exports import Item, Said
from schemas.issue import Issue
from schemas.review import Act, Decision, Duty, Event, Review
from schemas.verdict import Compared, Verdict

_HELD = 200
"""Samples that are looked up together."""


def with_said(connection: Connection, items: Iterable[Item]) -> Iterator[Item]:
    """Give the items with what was said of their traces, taken and rejected."""
    items = iter(items)
    while page := list(islice(items, _HELD)):
        known = _Known(connection, page)
        for item in page:
            yield item._replace(said=known.of(item))


def reviews_of(connection: Connection, sample_ids: Sequence[str]) -> dict[str, list[Event]]:
    """Return the decisions that count on traces of these samples, by trace."""
    return _reviews(events_of(connection, sample_ids))


class _Known:
    """What was said of a page of items."""

    def __init__(self, connection: Connection, page: Sequence[Item]) -> None:
        wanted = [trace_id for item in page for trace_id in _trace_ids(item)]
        self._reviews = reviews_of(connection, [item.sample.id for item in page])
        self._verdicts: dict[str, list[Verdict]] = {}
        self._comparisons: dict[str, list[Compared]] = {}
        self._issues: dict[str, list[Issue]] = {}
        for begin in range(0, len(wanted), PAGE):
            ids = wanted[begin : begin + PAGE]
            self._verdicts |= verdicts_of(connection, ids)
            self._comparisons |= comparisons_of(connection, ids)
            self._issues |= _issues(connection, ids)

    def of(self, item: Item) -> dict[str, Said]:
        """Return what was said of each trace of an item of which anything was said."""
        said = {trace_id: self._said(trace_id) for trace_id in _trace_ids(item)}
        return {trace_id: what for trace_id, what in said.items() if what != Said()}

    def _said(self, trace_id: str) -> Said:
        return Said(
            tuple(self._reviews.get(trace_id, ())),
            tuple(self._verdicts.get(trace_id, ())),
            tuple(self._issues.get(trace_id, ())),
            tuple(self._comparisons.get(trace_id, ())),
        )


def _trace_ids(item: Item) -> list[str]:
    return [*(trace.id for trace in item.traces), *(other.trace.id for other in item.rejected)]


def _reviews(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Return the decisions that count, by trace: of an edit those on the trace that it edits."""
    by_turn: dict[tuple[str, int], list[Event]] = {}
    for event in events:
        by_turn.setdefault((event.sample_id, event.turn), []).append(event)
    found: dict[str, list[Event]] = {}
    edits: dict[str, str] = {}
    for event in chain.from_iterable(map(effective, by_turn.values())):
        if event.review is not None and _decides(event.act, event.review):
            found.setdefault(event.review.trace_id, []).append(event)
            if event.review.edited:
                edits[event.review.edited] = event.review.trace_id
    return found | {edit: found[before] for edit, before in edits.items()}


def _decides(act: Act, review: Review) -> bool:
    """Tell whether a review says something of its trace: not where it was passed on, or the reviewer was checked."""
    return review.decision is not Decision.SKIP and (act is Act.GOLD or review.duty is not Duty.GOLD)


def _issues(connection: Connection, trace_ids: Sequence[str]) -> dict[str, list[Issue]]:
    query = select(issues.c.trace_id, issues.c.record).where(issues.c.trace_id.in_(trace_ids), ~outdated())
    found: dict[str, list[Issue]] = {}
    for row in connection.execute(query):
        found.setdefault(row.trace_id, []).append(from_json(Issue, row.record))
    return {trace_id: sorted(said, key=lambda issue: (issue.code, issue.id)) for trace_id, said in found.items()}
