"""Annotations that were made elsewhere come home: as reviews of their annotators, merged with what happened here.

Each annotation becomes a review under the name of whoever made it, with the trace as it was sent out as its base:

- Nobody decided on the record here: the review counts as any other.
- Somebody did, and the two edits don't touch the same stage in different ways: both reviews are kept, and a ruling in
  the name of `MERGER` brings their texts together. What only one of the two changed is taken from that one.
- They do, or one accepts and the other rejects: both reviews are kept, nothing is overwritten, and the record goes to
  adjudication.
- The record has a new trace by now: an edit of stages that the new trace left as they were is carried over, to be
  looked at again; any other is kept as a comment, and where both changed a stage, an issue says so.

The ids of the events follow from the annotations, so that what has come home once does not come again; their times are
those of the annotations. A ruling of a
person is left alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import ValidationError

from curation.errors import first_fault
from curation.review.deeds import Deed, Reviewer
from curation.review.desk import Desk
from curation.review.merging import changes, merge, texts_of
from curation.review.rulings import MERGER, Said, event_id
from curation.store import desk as records
from curation.store.desk import Material, Place
from curation.store.queue import Key, events_of
from curation.store.steps import put_issues
from exports.label_studio import Annotation
from schemas.issue import Issue, Severity
from schemas.review import Decision, Event
from schemas.trace import Stage, Trace

CONFLICT = "review:conflict"

_PAGE = 100
"""Records that are looked at together."""


Names = Callable[[str], str]
"""Gives the name under which an annotator reviews here."""


class Failure(NamedTuple):
    """What did not come home, and why."""

    place: str
    reason: str


class Received(NamedTuple):
    """What came home."""

    recorded: int
    """Annotations that were stored now, as reviews or as comments."""
    known: int
    """Those that had come before."""
    merged: int
    """Records whose edits, made here and there, were brought together."""
    conflicts: int
    """Records that wait for adjudication, or for another look at their new trace."""
    outdated: int
    """Annotations of a trace that has been replaced since."""
    failures: tuple[Failure, ...]


class _Record(NamedTuple):
    """How a turn stands here."""

    place: Place
    material: Material
    events: tuple[Event, ...]

    def trace(self, beginning: str) -> Trace | None:
        """Return the one trace whose id begins so."""
        found = [trace for trace in self.material.traces.values() if trace.id.startswith(beginning)]
        return found[0] if len(found) == 1 else None

    def texts(self, trace_id: str) -> dict[Stage, str]:
        return texts_of(self.material.traces[trace_id].stages)


class Homecoming:
    """Brings annotations to the desk. What can't be brought is a failure, and keeps nothing else from coming."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._desks: dict[str, Desk] = {}
        self._counts = Counter[str]()
        self._failures: list[Failure] = []

    def receive(self, annotations: Iterable[Annotation], names: Names) -> None:
        """Bring the annotations home, those of a record in the order in which they were made."""
        self._desk.refresh()
        of: dict[Key, list[Annotation]] = {}
        for annotation in annotations:
            of.setdefault((annotation.sample_id, annotation.turn), []).append(annotation)
        for keys in _pages(sorted(of)):
            stored = self._read(keys)
            for key in keys:
                made = sorted(of[key], key=lambda each: (each.updated_at, each.id))
                self._record(key, stored.get(key), made, names)

    def fail(self, place: str, reason: str) -> None:
        """Note what could not be read."""
        self._failures.append(Failure(place, reason))

    def report(self) -> Received:
        """Return what has come home."""
        counts = {name: self._counts[name] for name in Received._fields if name != "failures"}
        return Received(**counts, failures=tuple(self._failures))

    def _read(self, keys: Sequence[Key]) -> dict[Key, _Record]:
        with self._desk.store.snapshot() as connection:
            found = [place for key in keys if (place := records.place_of(connection, key))]
            material = records.material(connection, found)
            events: dict[Key, list[Event]] = {}
            for event in events_of(connection, [place.sample_id for place in found]):
                events.setdefault((event.sample_id, event.turn), []).append(event)
        return {p.key: _Record(p, material[p.key], tuple(events.get(p.key, ()))) for p in found}

    def _record(self, key: Key, record: _Record | None, made: Sequence[Annotation], names: Names) -> None:
        came = {event.id for event in record.events} if record else set()
        reviewed = False
        for annotation in made:
            if _id(annotation) in came:
                self._counts["known"] += 1
                continue
            try:
                fault, decided = self._bring(annotation, record, names)
            except ValidationError as error:
                fault, decided = first_fault(error), False
            if fault:
                self.fail(f"{annotation.sample_id}#{annotation.turn}, annotation {annotation.id}", fault)
            else:
                self._counts["recorded"] += 1
            reviewed |= decided and not fault
        if reviewed:
            self._rule(self._read([key])[key])

    def _bring(self, annotation: Annotation, record: _Record | None, names: Names) -> tuple[str, bool]:
        """Do what the annotator did; return why it can't be done, and whether it is a review."""
        if record is None:
            return "the record is not in this workspace, or has no trace", False
        base = record.trace(annotation.trace)
        if base is None:
            return "the trace that it is about is not in this workspace", False
        deed = _deed(annotation, base)
        if base.id != record.place.trace_id:
            self._counts["outdated"] += 1
            deed = self._carried_over(deed, base, record)
        (done,) = self._at(names(annotation.annotator)).carry_out([deed])
        return done.fault, deed.act == "review"

    def _at(self, name: str) -> Desk:
        if name not in self._desks:
            self._desks[name] = Desk(self._desk.store, Reviewer(name, "annotator"), self._desk.terms)
        return self._desks[name]

    def _carried_over(self, deed: Deed, base: Trace, record: _Record) -> Deed:
        """Return what becomes of a review of a trace that was replaced."""
        now, standing = record.place.trace_id, record.texts(record.place.standing)
        merged = merge(base.stages, deed.texts, standing)
        anew = changes(record.material.traces[now].stages, standing | merged.texts)
        if deed.decision is Decision.EDIT and not merged.conflicts and anew:
            unseen = tuple(stage for stage in changes(base.stages, standing) if stage not in deed.texts)
            return deed.model_copy(update={"trace_id": now, "texts": anew, "stale": unseen})
        if merged.conflicts:
            self._counts["conflicts"] += 1
            self._desk.store.write(put_issues, [_conflict(record.place, merged.conflicts[0], deed)])
        return Deed(id=deed.id, act="comment", sample_id=deed.sample_id, turn=deed.turn, text=_told(deed), at=deed.at)

    def _rule(self, record: _Record) -> None:
        """Bring the edits that were made here and there together, where they can be; else leave it to a person."""
        place = record.place
        said = Said.of(place.trace_id, record.events)
        if said.settled_by_a_person:
            return
        if texts := said.together(record.material, place.trace_id):
            self._counts["merged"] += 1
            self._merger(said.rule(place, texts))
            return
        self._counts["conflicts"] += said.disagree
        if said.ruling is not None:
            self._merger(said.withdraw(said.ruling))

    def _merger(self, deed: Deed) -> None:
        (done,) = Desk(self._desk.store, Reviewer(MERGER, "adjudicator"), self._desk.terms).carry_out([deed])
        if done.fault:
            self.fail(f"{deed.sample_id}#{deed.turn}", done.fault)


def _pages(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    return (keys[start : start + _PAGE] for start in range(0, len(keys), _PAGE))


def _id(annotation: Annotation) -> str:
    return event_id(annotation.digest)


def _deed(annotation: Annotation, base: Trace) -> Deed:
    """Return what the annotator did to the trace; a rejection keeps the words that were changed all the same."""
    edited = changes(base.stages, annotation.texts)
    decision = Decision(annotation.verdict)
    reason = annotation.reason
    if decision is Decision.REJECT and edited and reason:
        reason = f"{reason}\n\n{_tagged(edited)}"
    if decision is Decision.ACCEPT and edited:
        decision = Decision.EDIT
    return Deed(
        id=_id(annotation),
        act="review",
        sample_id=base.sample_id,
        turn=base.turn,
        trace_id=base.id,
        decision=decision,
        verdicts=annotation.verdicts,
        texts=edited if decision is Decision.EDIT else {},
        text=reason,
        seconds=annotation.seconds,
        at=_time(annotation.updated_at),
    )


def _time(written: str) -> datetime | None:
    """Return when an annotation was made, None where that can't be read; times without a zone are UTC."""
    try:
        read = datetime.fromisoformat(written)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _conflict(place: Place, stage: Stage, deed: Deed) -> Issue:
    return Issue(
        sample_id=place.sample_id,
        turn=place.turn,
        trace_id=place.trace_id,
        code=CONFLICT,
        severity=Severity.WARNING,
        stage=stage,
        message=f"An annotator changed the {stage} of an earlier trace in another way; the history has the words.",
        evidence=deed.texts[stage][:300],
    )


def _told(deed: Deed) -> str:
    """Put a review of an earlier trace into words."""
    verdicts = ", ".join(f"{stage}: {verdict}" for stage, verdict in deed.verdicts.items())
    parts = [f"Of an earlier trace ({deed.trace_id}): {deed.decision}.", verdicts, deed.text, _tagged(deed.texts)]
    return "\n".join(part for part in parts if part)


def _tagged(texts: Mapping[Stage, str]) -> str:
    return "\n".join(f"<{stage.tag}>{text}</{stage.tag}>" for stage, text in texts.items())
