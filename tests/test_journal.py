"""The journal: what was paid for is never asked again, and the ledger says what may have been billed."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from curation.store import Store, census, tables
from curation.store.journal import StoreJournal, call_from
from curation.store.liveness import RunLock, alive
from curation.store.writer import Writer
from schemas.call import Call, Outcome
from tests.processes import at_once, start
from tests.records import call

SECONDS = 20


def journalled(store: Store, work: Callable[..., Awaitable[Any]], runs: Sequence[str] = ("run",)) -> Any:
    """Do the work with the journals of these runs, which are alive meanwhile."""

    async def main() -> Any:
        writers = [Writer(store.engine) for _ in runs]
        with ExitStack() as alive_:
            for run in runs:
                alive_.enter_context(RunLock(store.locks, run))
            try:
                journals = [StoreJournal(writer, run, store.locks) for writer, run in zip(writers, runs, strict=True)]
                return await asyncio.wait_for(work(*journals), SECONDS)
            finally:
                for writer in writers:
                    await writer.close()

    return asyncio.run(main())


def ledger(store: Store) -> list[tuple[str, str, int]]:
    """Key, state and amount of each entry."""
    entries = select(tables.ledger.c.key, tables.ledger.c.state, tables.ledger.c.amount)
    with store.engine.connect() as connection:
        return sorted(tuple(row) for row in connection.execute(entries))


def stored(store: Store, key: str) -> Call:
    with store.engine.connect() as connection:
        return call_from(connection.execute(select(tables.calls).where(tables.calls.c.key == key)).one())


def test_a_request_is_reserved_at_its_ceiling_and_settled_at_its_cost(store: Store) -> None:
    async def work(journal: StoreJournal) -> None:
        assert await journal.reserve("key", 100) == "granted"
        assert ledger(store) == [("key", "reserved", 100)]
        await journal.settle(call("key", cost=30))
        assert ledger(store) == [("key", "settled", 30)]
        assert stored(store, "key") == call("key", cost=30)

    journalled(store, work)


def test_a_request_that_was_answered_comes_from_the_store_and_counts_as_saved(store: Store) -> None:
    async def work(first: StoreJournal, second: StoreJournal) -> None:
        await first.reserve("key", 100)
        await first.settle(call("key", cost=30))
        assert await first.reserve("key", 100) == call("key", cost=30)
        assert await second.reserve("key", 100) == call("key", cost=30)

    journalled(store, work, runs=["run", "another"])
    assert ledger(store) == [("key", "saved", 30), ("key", "saved", 30), ("key", "settled", 30)]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.GAVE_UP])
def test_an_answer_of_any_kind_is_kept_for_good(store: Store, outcome: Outcome) -> None:
    async def work(journal: StoreJournal) -> None:
        await journal.reserve("key", 100)
        await journal.settle(call("key", outcome=outcome))
        assert await journal.reserve("key", 100) == call("key", outcome=outcome)

    journalled(store, work)


def test_a_request_that_gave_up_is_asked_again(store: Store) -> None:
    async def work(journal: StoreJournal) -> None:
        await journal.reserve("key", 100)
        await journal.lose("key")
        await journal.settle(call("key", outcome=Outcome.GAVE_UP, cost=0))
        assert await journal.reserve("key", 100) == "granted"
        await journal.settle(call("key", cost=30))
        assert await journal.reserve("key", 100) == call("key", cost=30)

    journalled(store, work)
    assert ledger(store) == [("key", "lost", 100), ("key", "saved", 30), ("key", "settled", 30)]


def test_giving_up_leaves_the_reservation_of_another_task_alone(store: Store) -> None:
    async def work(journal: StoreJournal) -> None:
        await journal.reserve("key", 100)
        await journal.release("key")
        assert await journal.reserve("key", 100) == "granted"  # the other task
        await journal.settle(call("key", outcome=Outcome.GAVE_UP, cost=0))
        assert ledger(store) == [("key", "reserved", 100)]
        await journal.settle(call("key", cost=30))

    journalled(store, work)
    assert ledger(store) == [("key", "settled", 30)]


def test_of_two_who_want_a_request_at_once_one_gets_it(store: Store) -> None:
    async def work(journal: StoreJournal) -> list[Any]:
        return await asyncio.gather(journal.reserve("key", 100), journal.reserve("key", 100))

    assert journalled(store, work) == ["granted", "busy"]
    assert ledger(store) == [("key", "reserved", 100)]


def test_a_request_that_another_live_run_has_reserved_is_busy(store: Store) -> None:
    async def work(first: StoreJournal, second: StoreJournal) -> None:
        assert await first.reserve("key", 100) == "granted"
        assert await second.reserve("key", 100) == "busy"
        assert await second.reserve("other", 70) == "granted"
        await first.settle(call("key", cost=30))
        assert await second.reserve("key", 100) == call("key", cost=30)

    journalled(store, work, runs=["run", "another"])


def test_what_a_run_does_leaves_the_reservations_of_others_alone(store: Store) -> None:
    async def work(first: StoreJournal, second: StoreJournal) -> None:
        await first.reserve("key", 100)
        await second.lose("key")
        await second.release("key")
        assert ledger(store) == [("key", "reserved", 100)]

    journalled(store, work, runs=["run", "another"])


def test_the_reservation_of_a_dead_run_is_taken_over_and_counts_as_lost(store: Store) -> None:
    async def die(journal: StoreJournal) -> None:
        assert await journal.reserve("key", 100) == "granted"

    async def work(journal: StoreJournal) -> list[Any]:
        return await asyncio.gather(*(journal.reserve(key, 80) for key in ("key", "other", "key")))

    journalled(store, die)
    assert journalled(store, work, runs=["later"]) == ["granted", "granted", "busy"]
    assert ledger(store) == [("key", "lost", 100), ("key", "reserved", 80), ("other", "reserved", 80)]


@pytest.mark.parametrize(
    ("end", "left"), [("lose", [("key", "lost", 100)]), ("release", []), ("unparsable", [("key", "reserved", 100)])]
)
def test_a_request_that_was_not_answered_is_lost_or_leaves_nothing(store: Store, end: str, left: list[Any]) -> None:
    async def work(journal: StoreJournal) -> None:
        await journal.reserve("key", 100)
        await getattr(journal, end)(*([call("key"), "no tags"] if end == "unparsable" else ["key"]))

    journalled(store, work)
    assert ledger(store) == left


@pytest.mark.parametrize("end", ["lose", "release"])
def test_a_request_that_was_not_answered_can_be_reserved_again(store: Store, end: str) -> None:
    async def work(journal: StoreJournal) -> None:
        for _ in range(3):
            assert await journal.reserve("key", 100) == "granted"
            await getattr(journal, end)("key")

    journalled(store, work)
    assert ledger(store) == [("key", "lost", 100)] * 3 * (end == "lose")


def test_an_answer_that_is_not_what_was_asked_for_is_noted_with_the_reason(store: Store) -> None:
    async def work(journal: StoreJournal) -> None:
        await journal.reserve("key", 100)
        await journal.settle(call("key", raw="as it came"))
        await journal.unparsable(call("key"), "no \0 tags \ud800")

    journalled(store, work)
    assert stored(store, "key") == call("key", raw="as it came", outcome=Outcome.UNPARSABLE, reason="no \0 tags \ud800")


def test_a_call_without_a_reservation_is_stored_all_the_same(store: Store) -> None:
    journalled(store, lambda journal: journal.settle(call("key")))
    assert stored(store, "key") == call("key")
    assert ledger(store) == []


def test_a_run_that_is_killed_leaves_its_reservations_to_the_next(store: Store) -> None:
    script = """
        import asyncio, sys
        from pathlib import Path
        from curation.store import Store
        from curation.store.journal import StoreJournal
        from curation.store.writer import Writer

        async def main(store, run):
            journal = StoreJournal(Writer(store.engine), run.id, run.locks)
            print([await journal.reserve(key, 100) for key in ("a", "b")], flush=True)
            sys.stdin.read()

        with Store.open(Path(sys.argv[1])) as store, store.run("annotate", {}) as run:
            asyncio.run(main(store, run))
    """

    async def work(journal: StoreJournal) -> None:
        assert await journal.reserve("a", 90) == "busy"
        process.kill()
        process.wait()
        assert await journal.reserve("a", 90) == "granted"

    with start(script, store.folder) as process:
        journalled(store, work)
    assert ledger(store) == [("a", "lost", 100), ("a", "reserved", 90), ("b", "reserved", 100)]
    money = census.money(store.engine, lambda run: run == "run")
    assert (money.unclear, money.unclear_requests, money.reserved, money.reserved_requests) == (200, 2, 90, 1)


def test_processes_that_want_the_same_requests_at_once_pay_for_each_once(store: Store) -> None:
    lines = at_once(
        6,
        """
        async def fetch(journal, key):
            while (ticket := await journal.reserve(key, 100)) == "busy":
                await asyncio.sleep(0.001)
            if ticket == "granted":
                await journal.settle(call(key, cost=30))
            return ticket == "granted"

        async def main(store, run):
            writer = Writer(store.engine)
            journal = StoreJournal(writer, run.id, run.locks)
            keys = [f"key {n}" for n in range(60)]
            if number % 2:
                keys.reverse()
            print(sum(await asyncio.gather(*(fetch(journal, key) for key in keys))))
            await writer.close()

        with Store.open(Path(args[0])) as store, store.run("annotate", {}) as run:
            asyncio.run(main(store, run))
        """,
        store.folder,
    )
    assert sum(map(int, lines)) == 60
    money = census.money(store.engine, lambda run: False)
    assert money == census.Money(60 * 30, 0, 0, 0, 0, saved=5 * 60 * 30, saved_requests=5 * 60)


# Any history

KEYS = st.sampled_from(["a", "b", "c"])
RUNS = st.integers(0, 2)
AMOUNTS = st.integers(1, 2**50)


class Histories(RuleBasedStateMachine):
    """Three runs ask for three requests, and are killed at any time; a simple model says what the ledger holds."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store.open(Path(self.folder.name), create=True)
        self.loop = asyncio.Runner()
        self.writer = self.loop.run(self._writer())
        self.born = 0
        self.locks: dict[int, RunLock] = {}
        self.journals: dict[int, StoreJournal] = {}
        self.ids: dict[int, str] = {}
        self.owner: dict[str, tuple[str, int]] = {}
        self.answers: dict[str, Call] = {}
        self.sums = {"settled": 0, "lost": 0, "saved": 0}
        self.counts = {"settled": 0, "lost": 0, "saved": 0}
        for number in range(3):
            self.begin(number)

    async def _writer(self) -> Writer:
        return Writer(self.store.engine)

    def begin(self, number: int) -> None:
        self.born += 1
        self.ids[number] = f"run-{self.born}"
        self.locks[number] = RunLock(self.store.locks, self.ids[number]).__enter__()
        self.journals[number] = StoreJournal(self.writer, self.ids[number], self.store.locks)

    def teardown(self) -> None:
        self.loop.run(self.writer.close())
        self.loop.close()
        self.store.close()
        for lock in self.locks.values():
            lock.__exit__(None, None, None)
        self.folder.cleanup()

    def book(self, state: str, amount: int) -> None:
        self.sums[state] += amount
        self.counts[state] += 1

    def living(self, run_id: str) -> bool:
        return run_id in self.ids.values()

    def held(self, number: int, key: str) -> int | None:
        """What the run has reserved for the request."""
        owner, amount = self.owner.get(key, ("", 0))
        return amount if owner == self.ids[number] else None

    @rule(number=RUNS, key=KEYS, amount=AMOUNTS)
    def reserve(self, number: int, key: str, amount: int) -> None:
        ticket = self.loop.run(self.journals[number].reserve(key, amount))
        owner = self.owner.get(key)
        if key in self.answers:
            assert ticket == self.answers[key]
            self.book("saved", self.answers[key].cost)
        elif owner and self.living(owner[0]):
            assert ticket == "busy"
        else:
            assert ticket == "granted"
            if owner:
                self.book("lost", owner[1])
            self.owner[key] = (self.ids[number], amount)

    @rule(number=RUNS, key=KEYS, cost=AMOUNTS)
    def settle(self, number: int, key: str, cost: int) -> None:
        if self.held(number, key) is not None:
            self.answers[key] = call(key, cost=cost)
            self.loop.run(self.journals[number].settle(self.answers[key]))
            self.book("settled", cost)
            del self.owner[key]

    @rule(number=RUNS, key=KEYS, gives_up=st.booleans())
    def lose(self, number: int, key: str, gives_up: bool) -> None:
        self.loop.run(self.journals[number].lose(key))
        amount = self.held(number, key)
        if amount is not None:
            self.book("lost", amount)
            del self.owner[key]
        if gives_up:
            self.give_up(number, key)

    @rule(number=RUNS, key=KEYS, gives_up=st.booleans())
    def release(self, number: int, key: str, gives_up: bool) -> None:
        self.loop.run(self.journals[number].release(key))
        if self.held(number, key) is not None:
            del self.owner[key]
        if gives_up:
            self.give_up(number, key)

    def give_up(self, number: int, key: str) -> None:
        self.loop.run(self.journals[number].settle(call(key, outcome=Outcome.GAVE_UP, cost=0)))

    @rule(number=RUNS)
    def kill(self, number: int) -> None:
        os.close(self.locks[number]._file)
        self.begin(number)

    @invariant()
    def the_money_adds_up(self) -> None:
        money = census.money(self.store.engine, lambda run_id: alive(self.store.locks, run_id))
        living = [amount for run_id, amount in self.owner.values() if self.living(run_id)]
        dead = [amount for run_id, amount in self.owner.values() if not self.living(run_id)]
        assert money == census.Money(
            spent=self.sums["settled"],
            reserved=sum(living),
            reserved_requests=len(living),
            unclear=self.sums["lost"] + sum(dead),
            unclear_requests=self.counts["lost"] + len(dead),
            saved=self.sums["saved"],
            saved_requests=self.counts["saved"],
        )

    @invariant()
    def each_request_is_reserved_at_most_once(self) -> None:
        reserved = [(key, amount) for key, state, amount in ledger(self.store) if state == "reserved"]
        assert sorted(reserved) == sorted((key, amount) for key, (_, amount) in self.owner.items())


def test_any_history_leaves_a_ledger_that_adds_up(sqlite: None) -> None:
    run_state_machine_as_test(Histories, settings=settings(max_examples=20, stateful_step_count=25))
