"""What a browser is given and told, with messages that are lost, told twice, or overtaken."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.review import Desk, Reviewer, Slice, Terms
from curation.review.desk import new_id
from curation.review.guidelines import Guidelines
from curation.review.rewriting import Means, Rewriter
from curation.store import Store
from curation.store.steps import put_samples, put_traces
from schemas.review import Decision
from tests.records import sample, trace
from ui.seat import AHEAD, Seat, Tools

ALONE = Terms(second_share=0.0, gold_every=0)
COUNT = 20


@pytest.fixture
def office(tmp_path: Path, sqlite: None) -> Iterator[Store]:
    """A workspace with twenty records."""
    with Store.open(tmp_path / "workspace", create=True) as store:
        names = [f"src/train/{number}" for number in range(COUNT)]
        store.write(put_samples, [sample(name) for name in names])
        store.write(put_traces, [trace(name) for name in names])
        yield store


def seat(
    store: Store,
    name: str = "ada",
    seats: set[Seat] | None = None,
    terms: Terms = ALONE,
    connected: Callable[[], bool] = lambda: True,
) -> Seat:
    tools = Tools(Guidelines("text", "v1"), Rewriter(store, Means(offline=True)), lambda ref: ref.digest)
    desk = Desk(store, Reviewer(name, "admin"), terms)
    taken = Seat(desk, Slice(), tools, set() if seats is None else seats, connected)
    taken.fill()
    return taken


def accept(record: dict[str, Any], **more: Any) -> dict[str, Any]:
    about = {name: record[name] for name in ("sample_id", "turn", "trace_id")}
    return {"id": new_id(), "act": "review", "decision": "accept", **about, **more}


class Page:
    """A browser, as far as the seat sees it."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.records: dict[str, dict[str, Any]] = {}
        self.line: list[str] = []
        self.deeds: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.done: list[str] = []
        self.faults: list[str] = []
        self.seq = 0
        self.hear(seat.data())

    def decide(self) -> None:
        record = self.records[self.line.pop(0)]
        self.deeds.append(accept(record))
        self.done.append(record["key"])

    def undo(self) -> None:
        deed = next(deed for deed in reversed(self.decisions) if f"{deed['turn']} {deed['sample_id']}" == self.done[-1])
        self.deeds.append({"id": new_id(), "act": "undo", "undoes": deed["id"]})
        self.line.insert(0, self.done.pop())

    @property
    def decisions(self) -> list[dict[str, Any]]:
        return [deed for deed in self.told + self.deeds if deed["act"] == "review"]

    def say(self, *, heard: bool = True) -> None:
        self.seq += 1
        has = {key: self.records[key]["stamp"] for key in self.line}
        self.seat.receive({"seq": self.seq, "deeds": self.deeds, "has": has})
        if heard:
            self.hear(self.seat.data())

    def hear(self, data: dict[str, Any]) -> None:
        answered = {done["id"] for done in data["done"]}
        self.faults += [done["fault"] for done in data["done"] if done["fault"]]
        self.told = self.told + [deed for deed in self.deeds if deed["id"] in answered]
        self.deeds = [deed for deed in self.deeds if deed["id"] not in answered]
        for record in data["records"]:
            self.records[record["key"]] = record
            if record["key"] not in self.line:
                self.line.append(record["key"])
        self.line = [key for key in self.line if key not in data["lost"]]


def decided(store: Store, name: str = "ada") -> list[str]:
    return [f"{event.turn} {event.sample_id}" for event in Desk(store, Reviewer(name)).history(1_000)[::-1]]


def test_a_browser_is_given_some_records_ahead_and_more_as_it_decides(office: Store) -> None:
    page = Page(seat(office))
    assert len(page.line) == AHEAD
    for _ in range(COUNT):
        page.decide()
        page.say()
    assert page.line == []
    assert decided(office) == page.done
    assert not page.seat.data()["more"]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["decide", "undo", "say", "lost", "twice"]), max_size=30))
def test_messages_that_are_lost_or_told_twice_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, sqlite: None, acts: list[str]
) -> None:
    with Store.open(tmp_path_factory.mktemp("office") / "workspace", create=True) as store:
        names = [f"src/train/{number}" for number in range(COUNT)]
        store.write(put_samples, [sample(name) for name in names])
        store.write(put_traces, [trace(name) for name in names])
        page = Page(seat(store))
        for act in acts:
            if act == "decide" and page.line:
                page.decide()
            elif act == "undo" and page.done:
                page.undo()
            elif act in {"say", "lost", "twice"}:
                page.say(heard=act != "lost")
                if act == "twice":
                    page.say()
        page.say()
        page.say()
        assert not page.faults
        assert not page.deeds
        assert decided(store) == page.done
        assert len(set(page.line)) == len(page.line)


def test_what_is_undone_comes_back_to_the_front(office: Store) -> None:
    page = Page(seat(office))
    first = page.line[0]
    page.decide()
    page.say()
    page.deeds.append({"id": new_id(), "act": "undo"})
    page.say()
    assert page.records[first]["front"]
    taken = page.seat.first()
    assert taken is not None
    assert f"0 {taken.sample.id}" == first


def test_a_deed_that_can_not_be_done_says_why_and_keeps_no_other_back(office: Store) -> None:
    page = Page(seat(office))
    record = page.records[page.line[0]]
    page.deeds.append({"id": "nonsense", "act": "review"})
    page.deeds.append(accept(record, decision="reject"))
    page.decide()
    page.say()
    assert len(page.faults) == 2
    assert decided(office) == page.done


def test_two_browsers_have_no_record_in_common(office: Store) -> None:
    ada, bo = Page(seat(office)), Page(seat(office, "bo"))
    assert not set(ada.line) & set(bo.line)


def test_who_leaves_gives_back_what_no_other_window_of_theirs_has(office: Store) -> None:
    seats: set[Seat] = set()
    first = seat(office, seats=seats)
    again = seat(office, seats=seats)
    both = set(first.held) & set(again.held)
    first.leave()
    assert set(first.held) == set()
    bo = seat(office, "bo")
    assert not set(bo.held) & set(again.held)
    again.leave()
    bo.desk.give_back()
    assert both <= {(f"src/train/{number}", 0) for number in range(COUNT)}
    everything = Desk(office, Reviewer("cy"), ALONE).take(count=COUNT)
    assert len(everything) == COUNT


def test_a_lease_that_ran_out_is_lost_where_somebody_else_has_it_now(office: Store) -> None:
    quick = Terms(second_share=0.0, gold_every=0, lease_seconds=0.0)
    page = Page(seat(office, terms=quick))
    had = list(page.line)
    bo = Page(seat(office, "bo"))
    page.say()
    assert not set(page.line) & set(bo.line)
    assert set(had) & set(bo.line)


def test_nobody_is_told_that_a_record_is_the_second_look_or_a_check(office: Store) -> None:
    twice = Terms(second_share=1.0, gold_every=0)
    ada = Page(seat(office, terms=twice))
    for _ in range(AHEAD):
        ada.decide()
    ada.say()
    bo = seat(office, "bo", terms=Terms(second_share=1.0, gold_every=1))
    told = bo.data()["records"]
    assert {record["duty"] for record in told} == {"first"}
    assert not [record for record in told if record["opinions"] or record["history"]]


def test_a_draft_is_there_again_in_the_next_window(office: Store) -> None:
    page = Page(seat(office))
    record = page.records[page.line[0]]
    draft = {
        "trace_id": record["trace_id"],
        "verdicts": {"reasoning": "negative"},
        "texts": {"caption": "begun"},
        "stale": ["reasoning"],
        "wrong_steps": [2, 1],
        "calls": ["a call"],
        "seconds": 1.5,
    }
    about = {"sample_id": record["sample_id"], "turn": record["turn"], "draft": draft, "seq": 1}
    page.seat.receive({"seq": 1, "drafts": [about]})
    again = seat(office)
    again.open(record["sample_id"], record["turn"])
    [told] = [told for told in again.data()["records"] if told["key"] == record["key"]]
    assert told["draft"] == draft


def test_what_one_window_decides_on_leaves_the_other_windows_of_the_same_reviewer(office: Store) -> None:
    seats: set[Seat] = set()
    here, there = Page(seat(office, seats=seats)), Page(seat(office, seats=seats))
    first = here.line[0]
    assert first in there.line
    here.decide()
    here.say()
    there.say(heard=False)
    told = there.seat.data()
    assert first in told["lost"]
    assert told["decided_elsewhere"] == [first]
    there.hear(told)
    there.say()
    assert there.seat.data()["decided_elsewhere"] == []
    assert first not in there.line


def test_windows_of_one_reviewer_take_different_records_once_both_have_been_heard_of(office: Store) -> None:
    seats: set[Seat] = set()
    here, there = Page(seat(office, seats=seats)), Page(seat(office, seats=seats))
    assert here.seat.data()["windows"] == 1, "the other may be the same page, before it was loaded again"
    here.say()
    there.say()
    assert here.seat.data()["windows"] == there.seat.data()["windows"] == 2
    assert set(here.line) & set(there.line) == {here.line[0]} == {there.line[0]}, "what is on the screen stays there"
    here.decide()
    here.say()
    there.say()
    while here.line or there.line:
        for page in (here, there):
            if page.line:
                page.decide()
            page.say()
    assert len(here.done) + len(there.done) == COUNT
    assert not set(here.done) & set(there.done)


def test_a_page_that_is_loaded_again_has_its_records_even_where_the_old_one_s_last_word_comes_late(
    office: Store,
) -> None:
    seats: set[Seat] = set()
    there = {"old": True}
    old = Page(seat(office, seats=seats, connected=lambda: there["old"]))
    there["old"] = False
    new = seat(office, seats=seats)
    old.say()
    page = Page(new)
    page.say()
    assert page.line == old.line
    assert new.data()["windows"] == 1


def test_a_bulk_action_that_is_undone_says_how_many_records_it_was(office: Store) -> None:
    page = Page(seat(office))
    page.seat.desk.bulk(Slice(), Decision.ACCEPT, expected=COUNT)
    page.deeds.append({"id": new_id(), "act": "undo"})
    page.seat.receive({"seq": 1, "deeds": page.deeds})
    assert [done["records"] for done in page.seat.data()["done"]] == [COUNT]
    assert decided(office) == []
