"""Every trace of every sample, with what is known about it: what a policy decides by."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, select

from curation.ballots import voters
from curation.store.labels import labels_of
from curation.store.queries import is_checked, is_current, outdated, sample_pages
from curation.store.tables import issues, queue, traces
from curation.store.text import from_json
from curation.store.verdicts import verdicts_of
from schemas.review import StageVerdict
from schemas.sample import Sample
from schemas.trace import Sampling, Trace

ERROR = "error"


class Wanted(NamedTuple):
    """What is looked up besides errors, reviews, and whether there was a check."""

    all_issues: bool = False
    """Warnings and remarks too."""
    verdicts: bool = False
    """What judges said."""
    labels: bool = False
    """How hard the questions are."""


class Finding(NamedTuple):
    """An open issue of a trace."""

    code: str
    severity: str


class Made(NamedTuple):
    """A trace as it is stored: most are counted, and few are read."""

    id: str
    sample_id: str
    turn: int
    kind: str
    recipe: str | None
    model: str | None
    record: str
    """JSON."""

    @property
    def trace(self) -> Trace:
        """The trace, read anew each time."""
        return from_json(Trace, self.record)

    @property
    def sampling(self) -> Sampling | None:
        """What is known of its turn's answers without the gold answer; None where it was not asked so."""
        if '"sampling"' not in self.record:
            return None
        written = json.loads(self.record)["provenance"].get("sampling")
        return Sampling.model_validate(written) if written else None


class Contender(NamedTuple):
    """A trace that stands for its turn."""

    sample: Sample
    made: Made
    checked: bool = False
    """A validator has looked at it."""
    findings: tuple[Finding, ...] = ()
    """By code; errors alone, where no more is wanted."""
    state: str | None = None
    """What reviewers made of it; None where no reviewer was asked about it."""
    said: tuple[StageVerdict, ...] = ()
    """The verdict of each judge that has a vote, where that is wanted."""
    labels: Mapping[str, float] = MappingProxyType({})
    """Labels of difficulty: shares of right answers, by name, where that is wanted."""

    @property
    def errors(self) -> tuple[str, ...]:
        """Codes of the open errors."""
        return _errors(self.findings)

    @property
    def agreement(self) -> float | None:
        """Share of the answers without the gold answer that were right; None where it was not asked so."""
        return self.made.sampling.agreement if self.made.sampling else None

    @property
    def clean(self) -> bool:
        """It was checked, and has no error."""
        return self.checked and not self.errors


class Contenders(NamedTuple):
    """A sample, and all traces of it."""

    sample: Sample
    standing: tuple[Contender, ...]
    """In the order of the turns, at most one for each."""
    others: tuple[Made, ...]
    """Those that another trace took the place of, and edits that were withdrawn; by turn, the oldest first."""
    errors: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Codes of the open errors of each of the others that has any, by its id."""


def _errors(findings: Sequence[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.code for finding in findings if finding.severity == ERROR))


def contenders(connection: Connection, wanted: Wanted, only: Sequence[str] = ()) -> Iterator[Contenders]:
    """Return the samples by id, of these sources or of all, with their traces."""
    spans = sorted((f"{source}/", f"{source}0") for source in set(only)) or [("", "")]  # 0 comes next to /
    for page in chain.from_iterable(sample_pages(connection, *span) for span in spans):
        known = _Known(connection, [row.id for row in page], wanted)
        for row in page:
            yield known.of(from_json(Sample, row.record))


class _Known:
    """What is known about the traces of a page of samples."""

    def __init__(self, connection: Connection, ids: Sequence[str], wanted: Wanted) -> None:
        self._traces = _traces(connection, ids)
        self._findings = _findings(connection, ids, wanted)
        self._states = _states(connection, ids)
        standing = [row.id for rows in self._traces.values() for row in rows if row.standing]
        verdicts = verdicts_of(connection, standing) if wanted.verdicts else {}
        self._labels = labels_of(connection, ids) if wanted.labels else {}
        self._said = {id_: tuple(said.overall for said in voters(given)) for id_, given in verdicts.items()}

    def of(self, sample: Sample) -> Contenders:
        standing, others = [], []
        for row in self._traces.get(sample.id, ()):
            made = Made(*row[: len(Made._fields)])
            if row.standing:
                standing.append(self._contender(sample, made, checked=bool(row.checked)))
            else:
                others.append(made)
        errors = {made.id: codes for made in others if (codes := _errors(self._findings.get(made.id, ())))}
        return Contenders(sample, tuple(standing), tuple(others), errors)

    def _contender(self, sample: Sample, made: Made, *, checked: bool) -> Contender:
        found = tuple(self._findings.get(made.id, ()))
        return Contender(
            sample,
            made,
            checked,
            found,
            self._states.get(made.id),
            self._said.get(made.id, ()),
            self._labels.get(made.id, {}),
        )


def _traces(connection: Connection, ids: Sequence[str]) -> Mapping[str, Sequence[Row[Any]]]:
    columns = [traces.c[name] for name in Made._fields]
    query: Select[Any] = (
        select(*columns, is_current().label("standing"), is_checked().label("checked"))
        .where(traces.c.sample_id.in_(ids))
        .order_by(traces.c.sample_id, traces.c.turn, traces.c.created_at, traces.c.id)
    )
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.sample_id, []).append(row)
    return found


def _findings(connection: Connection, ids: Sequence[str], wanted: Wanted) -> Mapping[str, Sequence[Finding]]:
    query = (
        select(issues.c.trace_id, issues.c.code, issues.c.severity)
        .where(issues.c.sample_id.in_(ids), issues.c.trace_id.is_not(None), ~outdated())
        .distinct()
        .order_by(issues.c.trace_id, issues.c.code, issues.c.severity)
    )
    if not wanted.all_issues:
        query = query.where(issues.c.severity == ERROR)
    found: dict[str, list[Finding]] = {}
    for row in connection.execute(query):
        found.setdefault(row.trace_id, []).append(Finding(row.code, row.severity))
    return found


def _states(connection: Connection, ids: Sequence[str]) -> Mapping[str, str]:
    """Return how turns stand with reviewers, by the trace that stands."""
    query = select(queue.c.standing, queue.c.state).where(queue.c.sample_id.in_(ids))
    return {row.standing: row.state for row in connection.execute(query)}
