"""The review desk: who gets which record, for how long, and what becomes of it."""

import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from curation import validators
from curation.errors import MissingError, UsageError
from curation.progress import Advance
from curation.review.deeds import ROLES, Deed, Done, Reviewer
from curation.review.doing import Doer, Edit, duty_for, last_done
from curation.review.terms import Terms
from curation.review.views import Draft, Opinion, Ticket, View
from curation.store import Store
from curation.store import desk as records
from curation.store.desk import Lease, Place, Wanted
from curation.store.queue import Key, changed_samples, events_of
from curation.store.slices import Slice
from curation.store.steps import Check, put_checks, put_issues
from curation.store.text import from_json, to_json
from curation.validators import Subject
from curation.votes.projection import project
from curation.votes.standing import effective
from schemas.review import Act, Decision, Duty, Event, State

PAGE = 500
"""Samples, or events of a bulk action, in one transaction: others wait for no longer than that takes."""

MANY = 1000
"""New samples after which the database had better look anew at what it holds."""

_BEFORE_ALL: Key = ("", -1)
_SETTLED = frozenset({State.ACCEPTED, State.EDITED, State.REJECTED})


class Listed(NamedTuple):
    """A turn in a list."""

    place: Place
    question: str
    codes: tuple[str, ...]


class Bulk(NamedTuple):
    """What a bulk action did."""

    group: str
    """Undoes it all: `Deed(act="undo", undoes=group)`."""
    done: int
    left: int
    """Turns that somebody else has, or that only an adjudicator may settle."""


def new_id() -> str:
    """Return an id for a deed."""
    return secrets.token_hex(12)


class Desk:
    """A reviewer's desk. Each call is one short transaction, or several where it says so; threads may share it."""

    def __init__(self, store: Store, reviewer: Reviewer, terms: Terms = Terms()) -> None:  # noqa: B008 - frozen
        self.store = store
        self.reviewer = reviewer
        self.terms = terms
        self.role = ROLES[reviewer.role]

    def now(self) -> datetime:
        """Return the time by which leases run out."""
        return datetime.now(UTC)

    def refresh(self, advance: Advance | None = None) -> int:
        """Bring the queue up to date with traces and issues that came since; return the samples that were looked at.

        A transaction for each few hundred of them.
        """
        done = 0
        while found := self._refresh(PAGE):
            done += found
            if advance is not None:
                advance(done, "samples")
        if done >= MANY:
            self.store.analyze()
        return done

    def _refresh(self, limit: int) -> int:
        with self.store.writing() as connection:
            sample_ids = changed_samples(connection, limit)
            if sample_ids:
                project(connection, sample_ids, self.terms.second_share)
            return len(sample_ids)

    def take(self, slice_: Slice = Slice(), count: int = 1, *, held: Collection[Key] = ()) -> list[View]:  # noqa: B008
        """Return up to `count` further records for this reviewer, the most pressing first, leased.

        `held` are those that are on the screen already.
        """
        wanted = Wanted(self.reviewer.name, slice_, held)
        with self.store.writing() as connection:
            if sample_ids := changed_samples(connection, PAGE):
                project(connection, sample_ids, self.terms.second_share)
            chosen = self._choose(connection, wanted, count)
            leases = {place.key: self._lease(place, duty) for place, duty in chosen}
            records.put_leases(connection, list(leases.values()))
            return self._views(connection, [place for place, _ in chosen], leases)

    def _choose(self, connection: Connection, wanted: Wanted, count: int) -> list[tuple[Place, Duty]]:
        """Return what comes next: now and then a record with a known answer, which looks like any other."""
        begin = records.decisions_by(connection, wanted.reviewer) + len(wanted.held)
        every = self.terms.gold_every
        slots = [i for i in range(count) if every and (begin + i) % every == every - 1]
        known = records.gold_turns(connection, wanted, len(slots)) if slots else []
        chosen = self._open(connection, wanted, count - len(known))
        for slot, place in zip(slots, known, strict=False):
            chosen.insert(slot, (place, Duty.GOLD))
        return chosen

    def _open(self, connection: Connection, wanted: Wanted, count: int) -> list[tuple[Place, Duty]]:
        """Return turns to adjudicate, and after them those that need a first or a second review."""
        now = self.now()

        def pool(needs: Duty, most: int) -> list[tuple[Place, Duty]]:
            return [(place, needs) for place in records.open_turns(connection, wanted, needs, now, most)]

        ruled = pool(Duty.ADJUDICATION, count) if self.role.adjudicates else []
        rest = count - len(ruled)
        told = wanted.slice.reviewer or wanted.slice.flagged or _SETTLED.intersection(wanted.slice.state)
        second = [] if told else pool(Duty.SECOND, rest)  # blind: not out of a slice that says what others said
        others = [*pool(Duty.FIRST, rest), *second] if rest else []
        return [*ruled, *sorted(others, key=lambda each: each[0].place)[:rest]]

    def _lease(self, place: Place, duty: Duty) -> Lease:
        until = self.now() + timedelta(seconds=self.terms.lease_seconds)
        return Lease(place.sample_id, place.turn, self.reviewer.name, duty, until)

    def look(self, sample_id: str, turn: int) -> View:
        """Return any record; leased, where this reviewer may decide on it and nobody else has it.

        Raises MissingError where there is none.
        """
        with self.store.writing() as connection:
            place = records.place_of(connection, (sample_id, turn))
            if place is None:
                raise MissingError(f"{sample_id}, turn {turn}, has no trace to review")
            lease = self._claim(connection, place)
            return self._views(connection, [place], {place.key: lease} if lease else {})[0]

    def _claim(self, connection: Connection, place: Place) -> Lease | None:
        theirs = [
            each for each in records.lease_of(connection, place.key, self.now()) if each.reviewer != self.reviewer.name
        ]
        duty = duty_for(connection, place, self.reviewer)
        if duty is None or any(each.duty is not Duty.GOLD for each in theirs):
            return None
        lease = self._lease(place, duty)
        records.put_leases(connection, [lease])
        return lease

    def beat(self, held: Collection[Key]) -> list[Key]:
        """Renew the leases of these turns; return those that somebody else has taken since."""
        lost = []
        with self.store.writing() as connection:
            mine = {(lease.sample_id, lease.turn): lease for lease in records.leases_by(connection, self.reviewer.name)}
            kept = []
            for key in held:
                theirs = [e for e in records.lease_of(connection, key, self.now()) if e.reviewer != self.reviewer.name]
                if key not in mine or (mine[key].duty is not Duty.GOLD and theirs):
                    lost.append(key)
                else:
                    until = self.now() + timedelta(seconds=self.terms.lease_seconds)
                    kept.append(mine[key]._replace(expires_at=until))
            records.put_leases(connection, kept)
        return lost

    def give_back(self, held: Collection[Key] | None = None) -> None:
        """End this reviewer's leases of these turns, or all of them."""
        with self.store.writing() as connection:
            records.drop_leases(connection, self.reviewer.name, held)

    def carry_out(self, deeds: Sequence[Deed]) -> list[Done]:
        """Do what the reviewer did, in order. What was done before, by its id, is not done again.

        A deed that can't be done is told with its reason, and keeps no other from being done. One transaction for each
        run of deeds; the undoing of a bulk action takes one for each few hundred of its records.
        """
        done: list[Done] = []
        together: list[Deed] = []
        for deed in deeds:
            if deed.act != "undo":
                together.append(deed)
                continue
            done += self._do(together)
            together = []
            group = self._bulk_to_undo(deed)
            done += [self._undo_bulk(deed, group)] if group else self._do([deed])
        return done + self._do(together)

    def _do(self, deeds: Sequence[Deed]) -> list[Done]:
        if not deeds:
            return []
        with self.store.writing() as connection:
            doer = self._doer(connection)
            done = [doer.do(deed) for deed in deeds]
        self._check(doer.edits)
        return done

    def _doer(self, connection: Connection) -> Doer:
        return Doer(connection, self.reviewer, self.now(), self.terms.guidelines, self.terms.second_share)

    def _check(self, edits: Sequence[Edit]) -> None:
        """Run every validator over the reviewer's own words too."""
        checked = [Subject.of(*edit) for edit in edits]
        for name, version in validators.versions().items() if checked else ():
            self.store.write(put_issues, validators.run(name, checked))
            self.store.write(put_checks, [Check(subject.id, name, version) for subject in checked])

    def keep_draft(self, sample_id: str, turn: int, draft: Draft | None) -> None:
        """Store what the reviewer has begun, or drop it."""
        key = sample_id, turn
        with self.store.writing() as connection:
            before = records.draft_of(connection, key, self.reviewer.name)
            records.put_draft(connection, key, self.reviewer.name, self.now(), to_json(draft) if draft else None)
            if (before is None) != (draft is None):
                project(connection, [sample_id], self.terms.second_share)

    def history(self, limit: int = 20) -> list[Event]:
        """Return what this reviewer did last and may undo, the newest first."""
        with self.store.snapshot() as connection:
            return last_done(connection, self.reviewer.name, limit)

    def count(self, slice_: Slice) -> int:
        """Count the turns of a slice."""
        with self.store.snapshot() as connection:
            return records.count(connection, slice_)

    def browse(self, slice_: Slice, page: int = 0, size: int = 20) -> list[Listed]:
        """Return a page of a slice, in the order of the queue."""
        with self.store.snapshot() as connection:
            places = records.browse(connection, slice_, page * size, size)
            shown = records.material(connection, places)
        return [
            Listed(
                place,
                shown[place.key].sample.turns[place.turn].question,
                tuple(sorted({issue.code for issue in shown[place.key].issues})),
            )
            for place in places
        ]

    def facets(self) -> dict[str, list[str]]:
        """Return the values that a slice can choose from: source, split, recipe, model, code, reviewer."""
        with self.store.snapshot() as connection:
            return records.distinct_values(connection)

    def bulk(self, slice_: Slice, decision: Decision, text: str = "", *, expected: int) -> Bulk:
        """Decide on every turn of a slice at once, all but those that others have.

        Raises UsageError where the slice no longer counts what was `expected`, or this reviewer may not. One
        transaction for each few hundred turns; after a crash, undo the group or do it again.
        """
        if not self.role.adjudicates:
            raise UsageError("deciding on many records at once takes an adjudicator")
        if decision is Decision.EDIT:
            raise UsageError("many records can be accepted, rejected or skipped at once, not edited")
        if (now := self.count(slice_)) != expected:
            raise UsageError(f"the slice holds {now:,} turns by now, not {expected:,}: look again")
        group, done, left = new_id(), 0, 0
        after = _BEFORE_ALL
        while places := self._page(slice_, after):
            with self.store.writing() as connection:
                doer = self._doer(connection)
                results = [doer.decide_together(place, decision, text, group) for place in places]
            done += sum(results)
            left += len(results) - sum(results)
            after = places[-1].key
        return Bulk(group, done, left)

    def _page(self, slice_: Slice, after: Key) -> list[Place]:
        with self.store.snapshot() as connection:
            return records.by_turn(connection, slice_, after, PAGE)

    def _bulk_to_undo(self, deed: Deed) -> str | None:
        """Return the bulk action that an undo is about, None where it is about a single event."""
        with self.store.snapshot() as connection:
            if begun := records.events_together(connection, deed.id, _BEFORE_ALL, 1):
                event = records.has_event(connection, begun[0].undoes or "")
            elif records.has_event(connection, deed.id):
                return None
            elif deed.undoes:
                event = next(iter(records.events_together(connection, deed.undoes, _BEFORE_ALL, 1)), None)
            else:
                event = next(iter(last_done(connection, self.reviewer.name, 1)), None)
        return event.group if event else None

    def _undo_bulk(self, deed: Deed, group: str) -> Done:
        after, last, count = _BEFORE_ALL, Done(deed.id), 0
        while True:
            with self.store.writing() as connection:
                page = records.events_together(connection, group, after, PAGE)
                if not page:
                    return last._replace(records=count)
                if page[0].reviewer != self.reviewer.name and not self.role.administers:
                    return Done(deed.id, f"{page[0].reviewer} did that: an admin may undo it")
                last = self._doer(connection).undo_together(page, deed.id)
            after = page[-1].sample_id, page[-1].turn
            count += len(page)

    def _views(self, connection: Connection, places: Sequence[Place], leases: dict[Key, Lease]) -> list[View]:
        shown = records.material(connection, places)
        events: dict[Key, list[Event]] = {}
        for event in events_of(connection, [place.sample_id for place in places]):
            events.setdefault((event.sample_id, event.turn), []).append(event)
        return [
            self._view(connection, place, shown[place.key], leases.get(place.key), events.get(place.key, []))
            for place in places
        ]

    def _view(
        self, connection: Connection, place: Place, shown: records.Material, lease: Lease | None, events: list[Event]
    ) -> View:
        trace = shown.traces[place.trace_id]
        blind = lease is not None and lease.duty in {Duty.SECOND, Duty.GOLD}
        draft = records.draft_of(connection, place.key, self.reviewer.name)
        begun = from_json(Draft, draft) if draft else None
        return View(
            ticket=Ticket(place.sample_id, place.turn, lease.duty, lease.expires_at) if lease else None,
            sample=shown.sample,
            trace=trace,
            issues=shown.issues,
            earlier=_earlier(shown, place.turn),
            state=State.PENDING if blind else State(place.state),
            flagged=place.flagged and not blind,
            draft=begun if begun and begun.trace_id == trace.id else None,
            opinions=self._opinions(shown, trace.id, events) if lease and lease.duty is Duty.ADJUDICATION else (),
            history=() if blind else tuple(event for event in events if not _is_gold(event)),
        )

    def _opinions(self, shown: records.Material, trace_id: str, events: Sequence[Event]) -> tuple[Opinion, ...]:
        """Return what each reviewer said last."""
        last = {
            event.reviewer: event.review
            for event in effective(events)
            if event.act is Act.REVIEW and event.review is not None and event.review.trace_id == trace_id
            and event.review.decision is not Decision.SKIP and event.review.duty is not Duty.GOLD
        }  # fmt: skip
        return tuple(
            Opinion(who, review, shown.traces.get(review.edited) if review.edited else None)
            for who, review in last.items()
        )


def _earlier(shown: records.Material, turn: int) -> tuple[tuple[str, str], ...]:
    turns = shown.sample.turns[:turn]
    return tuple((each.question, each.target or shown.answers.get(i, "")) for i, each in enumerate(turns))


def _is_gold(event: Event) -> bool:
    return event.act is Act.GOLD or (event.review is not None and event.review.duty is Duty.GOLD)
