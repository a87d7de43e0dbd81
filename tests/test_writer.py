"""The writer: durable writes in groups, and what becomes of those who wait when one fails."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select, text

from curation.errors import StoreError
from curation.store import Store, tables
from curation.store import writer as writer_module
from curation.store.steps import put_samples
from curation.store.writer import Writer
from tests.records import sample

SECONDS = 20
"""After which a wait that should have ended is taken to hang."""


def writing(store: Store, work: Callable[[Writer], Awaitable[Any]]) -> Any:
    """Do the work with a writer, and close it."""

    async def main() -> Any:
        writer = Writer(store.engine)
        try:
            return await work(writer)
        finally:
            await writer.close()

    async def limited() -> Any:
        return await asyncio.wait_for(main(), SECONDS)

    return asyncio.run(limited())


def held(store: Store) -> int:
    with store.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(tables.samples)).scalar_one()


def doubled(_connection: Connection, numbers: Sequence[int]) -> list[int]:
    return [2 * number for number in numbers]


def negated(_connection: Connection, numbers: Sequence[int]) -> list[int]:
    return [-number for number in numbers]


def wrong(connection: Connection, _arguments: Sequence[None]) -> None:
    connection.execute(text("INSERT INTO nowhere VALUES (1)"))


def faulty(_connection: Connection, _arguments: Sequence[None]) -> None:
    raise ZeroDivisionError("a fault of the program")


def test_every_one_of_many_concurrent_writes_arrives(store: Store) -> None:
    async def work(writer: Writer) -> None:
        await asyncio.gather(*(writer.write(put_samples, sample(f"src/train/{n}")) for n in range(1000)))
        assert held(store) == 1000, "what was awaited is durable"

    writing(store, work)


def test_each_result_belongs_to_its_argument(store: Store) -> None:
    async def work(writer: Writer) -> list[int]:
        steps = [doubled, negated]
        return await asyncio.gather(*(writer.write(steps[n % 2], n) for n in range(600)))

    assert writing(store, work) == [2 * n if n % 2 == 0 else -n for n in range(600)]


def test_writes_that_are_asked_for_together_share_a_commit(store: Store) -> None:
    sizes = []

    def note(_connection: Connection, arguments: Sequence[int]) -> None:
        sizes.append(len(arguments))

    async def work(writer: Writer) -> None:
        await asyncio.gather(*(writer.write(note, n) for n in range(1000)))

    writing(store, work)
    assert sum(sizes) == 1000
    assert max(sizes) <= writer_module.GROUP
    assert len(sizes) < 100


def test_flush_returns_when_what_was_posted_is_durable(store: Store) -> None:
    async def work(writer: Writer) -> None:
        writer.post(put_samples, sample())
        await writer.flush()
        assert held(store) == 1

    writing(store, work)


def test_close_writes_what_was_posted(store: Store) -> None:
    async def work(writer: Writer) -> None:
        for n in range(700):
            writer.post(put_samples, sample(f"src/train/{n}"))

    writing(store, work)
    assert held(store) == 700


def test_a_closed_writer_takes_nothing_more(store: Store) -> None:
    async def work(writer: Writer) -> None:
        await writer.close()
        with pytest.raises(RuntimeError, match="closed"):
            await writer.flush()
        with pytest.raises(RuntimeError, match="closed"):
            writer.post(put_samples, sample())

    writing(store, work)


def test_after_a_failure_every_write_raises_the_same_clear_error(store: Store) -> None:
    async def work(writer: Writer) -> None:
        with pytest.raises(StoreError, match=r"^the workspace can't be written: .*nowhere") as first:
            await writer.write(wrong, None)
        assert "\n" not in str(first.value)
        for again in (writer.write(doubled, 1), writer.flush()):
            with pytest.raises(StoreError) as later:
                await again
            assert later.value is first.value
        with pytest.raises(StoreError) as posted:
            writer.post(put_samples, sample())
        assert posted.value is first.value

    with pytest.raises(StoreError, match="nowhere"):  # from close
        writing(store, work)


def test_everyone_who_waits_hears_of_a_failure(store: Store) -> None:
    async def work(writer: Writer) -> list[Any]:
        waits = [writer.write(put_samples, sample(f"src/train/{n}")) for n in range(500)]
        return await asyncio.gather(*waits, writer.write(wrong, None), return_exceptions=True)

    async def main() -> list[Any]:
        writer = Writer(store.engine)
        ends = await work(writer)
        with pytest.raises(StoreError):
            await writer.close()
        return ends

    ends = asyncio.run(asyncio.wait_for(main(), SECONDS))
    assert isinstance(ends[-1], StoreError)
    assert sum(end is None for end in ends) == held(store), "a write succeeds exactly if it is durable"


def test_nothing_of_a_group_that_fails_is_written(store: Store) -> None:
    def half(connection: Connection, arguments: Sequence[None]) -> None:
        put_samples(connection, [sample()])
        wrong(connection, arguments)

    with pytest.raises(StoreError, match="nowhere"):
        writing(store, lambda writer: writer.write(half, None))
    assert held(store) == 0


def test_a_fault_of_the_program_reaches_who_waits_as_it_is(store: Store) -> None:
    async def work(writer: Writer) -> None:
        for wait in (writer.write(faulty, None), writer.flush()):
            with pytest.raises(ZeroDivisionError, match="a fault of the program"):
                await wait

    with pytest.raises(ZeroDivisionError):
        writing(store, work)


def test_a_failure_of_what_was_only_posted_comes_out_at_the_end(store: Store) -> None:
    async def work(writer: Writer) -> None:
        writer.post(wrong, None)

    with pytest.raises(StoreError, match="nowhere"):
        writing(store, work)


def test_a_waiter_that_is_cancelled_does_no_harm(store: Store) -> None:
    async def work(writer: Writer) -> None:
        waiter = asyncio.create_task(writer.write(put_samples, sample("src/train/left")))
        others = [writer.write(put_samples, sample(f"src/train/{n}")) for n in range(20)]
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(*others)

    writing(store, work)
    assert held(store) == 21, "what was asked for is written all the same"


def test_a_waiter_that_is_cancelled_does_not_hide_a_failure(store: Store) -> None:
    async def work(writer: Writer) -> None:
        waiter = asyncio.create_task(writer.write(wrong, None))
        await asyncio.sleep(0)
        waiter.cancel()

    with pytest.raises(StoreError, match="nowhere"):
        writing(store, work)


@pytest.mark.parametrize(
    ("pragma", "says"), [("query_only=1", "readonly database"), ("max_page_count=1", "database or disk is full")]
)
def test_a_database_that_takes_nothing_more_is_one_clear_error(sqlite: None, tmp_path, pragma: str, says: str) -> None:
    with Store.open(tmp_path, create=True) as store:
        store.engine.dispose()
        event.listen(store.engine, "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}").close())

        async def work(writer: Writer) -> None:
            for n in range(10_000):
                await writer.write(put_samples, sample(f"src/train/{n}", turns=50))

        with pytest.raises(StoreError, match=f"^the workspace can't be written: .*{says}$"):
            writing(store, work)
        with pytest.raises(StoreError, match=f"^the workspace can't be written: .*{says}$"):
            store.write(put_samples, [sample("src/train/last", turns=5000)])


def test_a_database_that_goes_away_is_one_clear_error(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setenv("CURATION_STORE", postgres_url)
    others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"

    async def work(writer: Writer) -> None:
        await writer.flush()
        with watcher.engine.connect() as connection:
            connection.execute(text(f"{others} AND datname = current_database()"))
        await writer.write(put_samples, sample())

    with Store.open(tmp_path, create=True) as store, Store.open(tmp_path) as watcher:
        with pytest.raises(StoreError, match=r"^the workspace can't be written: \S"):
            writing(store, work)
        store.write(put_samples, [sample()])
        assert held(store) == 1, "the next run connects anew"
