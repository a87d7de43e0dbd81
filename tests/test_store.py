"""The workspace: opening and migrating it, its records, its images, and which of its runs are alive."""

import signal
import sys
from collections.abc import Iterator
from datetime import UTC, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Float, Integer, LargeBinary, Text, func, inspect, select, text
from sqlalchemy.types import TypeDecorator, TypeEngine

from curation.errors import MissingError, StoreError, UsageError
from curation.store import Store, migrations, tables
from curation.store.journal import call_from
from curation.store.liveness import RunLock, alive
from curation.store.steps import (
    Check,
    Failure,
    StoredTrace,
    put_calls,
    put_checks,
    put_failures,
    put_issues,
    put_samples,
    put_traces,
)
from curation.store.text import from_json
from schemas.call import Call, Outcome, Usage
from schemas.issue import Issue, Severity
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stages, Trace
from tests.processes import at_once, start
from tests.records import BEGIN, call, check, failure, issue, picture, sample, trace

NEWEST = max(migrations.MIGRATIONS)

# Opening and migrating


def version(store: Store) -> int:
    with store.engine.connect() as connection:
        return connection.execute(text("SELECT MAX(version) FROM migrations")).scalar_one()


def made(store: Store) -> set[str]:
    return set(inspect(store.engine).get_table_names())


@pytest.fixture
def add_migration(monkeypatch: pytest.MonkeyPatch):
    """Pretend that there is a newer migration."""
    return lambda *statements: monkeypatch.setitem(migrations.MIGRATIONS, NEWEST + 1, statements)


def test_a_new_workspace_is_of_the_newest_version(store: Store) -> None:
    assert version(store) == NEWEST


def test_opening_again_changes_nothing(store: Store) -> None:
    store.write(put_samples, [sample()])
    with Store.open(store.folder) as again:
        assert version(again) == NEWEST
        assert rows(again, tables.samples) == rows(store, tables.samples) != []


def kind(of: TypeEngine) -> type:
    of = of.impl_instance if isinstance(of, TypeDecorator) else of
    return next(kind for kind in (BigInteger, Integer, Float, LargeBinary, Text) if isinstance(of, kind))


def test_the_tables_are_what_the_migrations_made(store: Store) -> None:
    found = inspect(store.engine)
    names = {name for name in found.get_table_names() if not name.startswith("texts")}  # how a database indexes words
    assert names == {*tables.metadata.tables, "migrations"}
    for name, table in tables.metadata.tables.items():
        columns = [(column["name"], kind(column["type"]), column["nullable"]) for column in found.get_columns(name)]
        by_name = sorted((column.name, kind(column.type), column.nullable) for column in table.columns)
        assert sorted(columns, key=str) == sorted(by_name, key=str), name
        key = found.get_pk_constraint(name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key], name


def test_a_workspace_of_a_newer_program_is_refused(store: Store) -> None:
    with store.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text("INSERT INTO migrations VALUES (99, 'later')"))
    with pytest.raises(StoreError, match=rf"^the workspace is of version 99, .* up to {NEWEST}: update the program$"):
        Store.open(store.folder)


def test_an_older_workspace_is_brought_up_to_date(store: Store, add_migration) -> None:
    store.write(put_samples, [sample()])
    add_migration("CREATE TABLE more (id INTEGER PRIMARY KEY)", "INSERT INTO more VALUES (7)")
    with Store.open(store.folder) as again:
        assert version(again) == NEWEST + 1
        assert "more" in made(again)
        assert len(rows(again, tables.samples)) == 1


def test_a_migration_that_fails_leaves_nothing_of_itself(store: Store, add_migration) -> None:
    add_migration("CREATE TABLE half (id INTEGER PRIMARY KEY)", "INSERT INTO nowhere VALUES (1)")
    with pytest.raises(StoreError, match=r"can't be opened: .*nowhere"):
        Store.open(store.folder)
    assert version(store) == NEWEST
    assert "half" not in made(store)


def test_processes_that_open_a_new_workspace_at_once_all_succeed(database: str, tmp_path: Path) -> None:
    at_once(
        6,
        """
        with Store.open(Path(args[0]), create=True) as store:
            store.write(steps.put_samples, [sample(f"src/train/{number}")])
        """,
        tmp_path / "new",
    )
    with Store.open(tmp_path / "new") as store:
        assert version(store) == NEWEST
        assert len(rows(store, tables.samples)) == 6


def test_only_create_makes_a_workspace(database: str, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no workspace at"):
        Store.open(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_of_any_name_can_be_a_workspace(sqlite: None, tmp_path: Path) -> None:
    folder = tmp_path / "100%? #1 ü"
    with Store.open(folder, create=True) as store:
        store.write(put_samples, [sample()])
    assert (folder / "curation.db").stat().st_size > 0


def test_a_file_that_is_no_database_is_refused(sqlite: None, tmp_path: Path) -> None:
    (tmp_path / "curation.db").write_bytes(b"this is a text, and a long one " * 100)
    with pytest.raises(StoreError, match=r"can't be opened: file is not a database$"):
        Store.open(tmp_path)


def test_a_file_in_the_place_of_a_workspace_is_refused(sqlite: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here first")
    with pytest.raises(StoreError, match="can't be written"):
        Store.open(tmp_path / "file", create=True)


# The URL of PostgreSQL


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "postgresql://user:s3cret@host:port/name",
        "mysql://user:s3cret@host/name",
        "postgresql+asyncpg://user:s3cret@host/name",
        "unheard://user:s3cret@host/name",
    ],
)
def test_a_url_that_is_not_of_postgresql_is_refused(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CURATION_STORE", url or " ")
    with pytest.raises(UsageError, match=r"^CURATION_STORE is not a PostgreSQL URL, for instance \S+$"):
        Store.open(tmp_path, create=True)


@pytest.mark.parametrize(
    "where", ["127.0.0.1:1/name", "/name?host=/nowhere", "127.0.0.1:1/name?what=1", "127.0.0.1:99999/name"]
)
def test_a_database_that_does_not_answer_is_named_without_the_password(
    where: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CURATION_STORE", f"postgresql://user:s3cret@{where}")
    with pytest.raises(StoreError, match=r"^the records of \S+ can't be opened: .") as refused:
        Store.open(tmp_path, create=True)
    assert "\n" not in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_missing_driver_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setenv("CURATION_STORE", "postgresql://user:s3cret@host/name")
    with pytest.raises(MissingError, match=r"^PostgreSQL needs its driver: pip install '\S+'$"):
        Store.open(tmp_path, create=True)


# Records

anything = st.text(st.characters(), max_size=40)
"""NUL, emoji, right-to-left, lone surrogates."""
visible = st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from("\0\x1a"), min_size=1, max_size=20)
stage_text = anything.map("x".__add__)
zones = st.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(-timedelta(hours=3, minutes=30))])
samples = st.builds(
    Sample,
    id=visible.map("src/train/".__add__),
    turns=st.lists(
        st.builds(Turn, question=anything, targets=st.lists(anything).map(tuple), context=anything),
        min_size=1,
        max_size=3,
    ).map(tuple),
    labels=st.dictionaries(visible, anything, max_size=2),
)
traces = st.builds(
    Trace,
    id=st.just(""),
    sample_id=anything,
    turn=st.integers(0, 9),
    stages=st.builds(Stages, summary=stage_text, caption=stage_text, reasoning=stage_text, conclusion=stage_text),
    provenance=st.builds(
        Provenance,
        kind=st.just("imported"),
        created_at=st.datetimes(timezones=zones | st.none()),
        model=st.none() | anything,
        recipe=st.none() | anything,
    ),
)
issues = st.builds(
    Issue,
    id=st.just(""),
    sample_id=anything,
    turn=st.none() | st.integers(0, 9),
    trace_id=st.none() | anything,
    code=st.just("structure:missing"),
    severity=st.sampled_from(Severity),
    message=anything,
    evidence=anything,
)
calls = st.builds(
    Call,
    key=visible,
    sample_id=anything,
    turn=st.integers(0, 9),
    attempt=st.integers(0, 9),
    endpoint=anything,
    model=anything,
    recipe=anything,
    prompt_version=anything,
    request=anything,
    outcome=st.just(Outcome.GAVE_UP),
    reason=anything,
    raw=anything,
    usage=st.builds(Usage, prompt_tokens=st.integers(0, 2**40)),
    cost=st.integers(0, 2**60),
    seconds=st.floats(0, 1e6),
    created_at=st.datetimes(timezones=zones),
)
failures = st.builds(
    Failure, anything, st.integers(0, 9), anything, anything, anything, anything, anything, anything, anything
)
some = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def rows(store: Store, table) -> list:
    with store.engine.connect() as connection:
        return connection.execute(select(table).order_by(*table.primary_key)).all()


def row(store: Store, table, **key: object):
    with store.engine.connect() as connection:
        return connection.execute(select(table).filter_by(**key)).one()


@some
@given(record=samples)
def test_a_sample_comes_back_as_it_was(store: Store, record: Sample) -> None:
    store.write(put_samples, [record])
    assert from_json(Sample, row(store, tables.samples, id=record.id).record) == record


@some
@given(record=traces, endpoint=st.none() | anything)
def test_a_trace_comes_back_as_it_was(store: Store, record: Trace, endpoint: str | None) -> None:
    store.write(put_traces, [StoredTrace(record, endpoint)])
    found = row(store, tables.traces, id=record.id)
    assert from_json(Trace, found.record) == record
    assert (found.sample_id, found.model) == (record.sample_id, record.provenance.model)


@some
@given(record=issues)
def test_an_issue_comes_back_as_it_was(store: Store, record: Issue) -> None:
    store.write(put_issues, [record])
    assert from_json(Issue, row(store, tables.issues, id=record.id).record) == record


@some
@given(record=calls)
def test_a_call_comes_back_as_it_was(store: Store, record: Call) -> None:
    store.write(put_calls, [record])
    assert call_from(row(store, tables.calls, key=record.key)) == record


@some
@given(record=failures)
def test_a_failure_comes_back_as_it_was(store: Store, record: Failure) -> None:
    store.write(put_failures, [record])
    key = {column.name: getattr(record, column.name) for column in tables.failures.primary_key}
    assert row(store, tables.failures, **key) == record


@some
@given(record=st.builds(Check, anything, anything, st.integers(1, 9)))
def test_a_check_comes_back_as_it_was(store: Store, record: Check) -> None:
    store.write(put_checks, [record])
    assert row(store, tables.checks, **record._asdict()) == record


@pytest.mark.parametrize(
    ("put", "table", "record"),
    [
        (put_samples, tables.samples, sample()),
        (put_traces, tables.traces, trace()),
        (put_issues, tables.issues, issue("src/train/1")),
        (put_checks, tables.checks, check(trace().trace)),
        (put_failures, tables.failures, failure()),
        (put_calls, tables.calls, call()),
    ],
)
def test_writing_a_record_again_adds_nothing(store: Store, put, table, record) -> None:
    store.write(put, [record])
    once = rows(store, table)
    store.write(put, [record, record])
    assert rows(store, table) == once
    assert len(once) == 1


def test_a_sample_that_is_read_again_replaces_the_earlier(store: Store) -> None:
    store.write(put_samples, [sample(turns=1)])
    store.write(put_samples, [sample(turns=3)])
    assert [found.turns for found in rows(store, tables.samples)] == [3]


def test_a_call_that_gave_up_is_replaced_by_the_answer(store: Store) -> None:
    answered = call(raw="at last")
    store.write(put_calls, [call(outcome=Outcome.GAVE_UP, raw="", cost=0)])
    store.write(put_calls, [answered])
    assert [call_from(found) for found in rows(store, tables.calls)] == [answered]


@pytest.mark.parametrize("later", [Outcome.GAVE_UP, Outcome.REFUSED, Outcome.ANSWERED])
def test_an_answered_call_is_never_replaced(store: Store, later: Outcome) -> None:
    answered = call(raw="paid for")
    store.write(put_calls, [answered])
    store.write(put_calls, [call(outcome=later, raw="something else")])
    assert [call_from(found) for found in rows(store, tables.calls)] == [answered]


def test_times_of_traces_compare_as_text_whatever_their_zone(store: Store) -> None:
    east, west = timezone(timedelta(hours=9)), timezone(timedelta(hours=-5))
    earlier, later = BEGIN, BEGIN + timedelta(microseconds=1)
    moved = [earlier.astimezone(east), later.astimezone(west), later.replace(tzinfo=None)]
    records = [
        Trace(sample_id="a", turn=turn, stages=trace().trace.stages, provenance=Provenance(kind="human", created_at=at))
        for turn, at in enumerate(moved)
    ]
    store.write(put_traces, [StoredTrace(record, None) for record in records])
    first, second, third = (row(store, tables.traces, turn=turn).created_at for turn in range(3))
    assert first < second == third


# Images


@pytest.fixture
def workspace(sqlite: None, tmp_path: Path) -> Iterator[Store]:
    """An empty workspace with SQLite, where the database is not what is tested."""
    with Store.open(tmp_path / "workspace", create=True) as opened:
        yield opened


def files(store: Store) -> list[Path]:
    return [path for path in store.images.folder.rglob("*") if path.is_file()]


def test_an_image_lies_under_its_digest_and_type(workspace: Store) -> None:
    image = picture()
    digest = image.ref.digest.removeprefix("sha256:")
    workspace.images.put(image)
    assert files(workspace) == [workspace.images.path(image.ref)]
    assert workspace.images.path(image.ref) == workspace.folder / "images" / digest[:2] / f"{digest}.png"


def test_an_image_that_is_put_twice_is_kept_once_and_not_written_again(workspace: Store) -> None:
    image = picture()
    workspace.images.put(image)
    before = workspace.images.path(image.ref).stat()
    workspace.images.put(image)
    assert len(files(workspace)) == 1
    assert workspace.images.path(image.ref).stat().st_ino == before.st_ino


def test_a_half_written_image_is_not_taken_for_the_image(workspace: Store) -> None:
    image = picture()
    path = workspace.images.path(image.ref)
    path.parent.mkdir(parents=True)
    path.write_bytes(image.data[:20])
    workspace.images.put(image)
    assert path.read_bytes() == image.data


def test_what_a_killed_process_left_does_not_count_as_an_image(workspace: Store) -> None:
    process = start(
        """
        import sys
        from pathlib import Path
        from curation.store import Store
        from tests.records import picture

        def stop(path, target):
            print("written", flush=True)
            sys.stdin.read()

        Path.replace = stop
        with Store.open(Path(sys.argv[1])) as store:
            store.images.put(picture())
        """,
        workspace.folder,
    )
    with process:
        process.kill()
    image = picture()
    assert not workspace.images.path(image.ref).exists()
    workspace.images.put(image)
    assert workspace.images.path(image.ref).read_bytes() == image.data


def test_processes_that_put_the_same_images_at_once_keep_each_once(workspace: Store) -> None:
    at_once(
        4,
        """
        with Store.open(Path(args[0])) as store:
            for shade in range(50):
                store.images.put(picture(shade))
        """,
        workspace.folder,
    )
    assert sorted(files(workspace)) == sorted(workspace.images.path(picture(shade).ref) for shade in range(50))
    assert all(workspace.images.path(picture(n).ref).read_bytes() == picture(n).data for n in range(50))


def test_an_image_for_which_there_is_no_room_is_one_clear_error(workspace: Store) -> None:
    (said,) = at_once(
        1,
        """
        import resource
        from curation.errors import StoreError

        with Store.open(Path(args[0])) as store:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
            try:
                store.images.put(picture())
            except StoreError as error:
                print(error)
        """,
        workspace.folder,
    )
    assert said.endswith("can't be written: File too large")
    assert files(workspace) == []


# Runs

_RUN = """
    import sys
    from pathlib import Path
    from curation.store import Store

    with Store.open(Path(sys.argv[1])) as store, store.run("annotate", {}) as run:
        print(run.id, flush=True)
        sys.stdin.read()
"""


def test_a_run_is_noted_with_its_begin_and_its_end(store: Store) -> None:
    with store.run("annotate", {"limit": 3}) as run:
        begun = row(store, tables.runs, id=run.id)
        assert (begun.verb, begun.config, begun.finished_at) == ("annotate", '{"limit": 3}', None)
    assert row(store, tables.runs, id=run.id).finished_at > begun.started_at


def test_a_run_that_fails_has_ended_too(store: Store) -> None:
    with pytest.raises(ValueError, match="broken"), store.run("annotate", {}) as run:
        raise ValueError("broken")
    assert row(store, tables.runs, id=run.id).finished_at
    assert not alive(store.locks, run.id)


def test_runs_in_one_process_live_and_end_each_for_itself(workspace: Store) -> None:
    with workspace.run("annotate", {}) as outer:
        with workspace.run("validate", {}) as inner:
            assert alive(workspace.locks, outer.id)
            assert alive(workspace.locks, inner.id)
        assert alive(workspace.locks, outer.id)
        assert not alive(workspace.locks, inner.id)
    assert not alive(workspace.locks, outer.id)
    assert list(workspace.locks.iterdir()) == []


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_is_alive_until_its_process_is_killed(workspace: Store, end: signal.Signals) -> None:
    with start(_RUN, workspace.folder) as process:
        (lock,) = workspace.locks.iterdir()
        assert alive(workspace.locks, lock.name)
        assert lock.exists()
        process.send_signal(end)
    assert not alive(workspace.locks, lock.name)
    assert not lock.exists(), "the lock file of a dead run is removed"


def test_a_run_that_is_asked_about_while_it_lives_stays_alive(tmp_path: Path) -> None:
    with RunLock(tmp_path, "run"):
        assert [alive(tmp_path, "run") for _ in range(3)] == [True] * 3
    assert not alive(tmp_path, "run")


def test_a_run_that_was_never_there_is_not_alive(tmp_path: Path) -> None:
    assert not alive(tmp_path, "run")


# Many processes


def test_eight_processes_that_write_at_once_lose_nothing(store: Store) -> None:
    at_once(
        8,
        """
        async def main(store):
            writer = Writer(store.engine)
            for batch in range(10):
                writer.post(steps.put_samples, sample("src/train/shared", turns=number + 1))
                names = [f"src/train/{number}-{batch}-{place}" for place in range(10)]
                await asyncio.gather(*(writer.write(steps.put_samples, sample(name)) for name in names))
                store.write(steps.put_traces, [trace(name) for name in names])
            await writer.close()

        with Store.open(Path(args[0])) as store:
            asyncio.run(main(store))
        """,
        store.folder,
    )
    with store.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tables.samples)).scalar_one() == 801
        assert connection.execute(select(func.count()).select_from(tables.traces)).scalar_one() == 800


def test_a_snapshot_does_not_see_what_is_written_later(store: Store) -> None:
    store.write(put_samples, [sample("src/train/1")])
    count = select(func.count()).select_from(tables.samples)
    with store.snapshot() as connection:
        assert connection.execute(count).scalar_one() == 1
        store.write(put_samples, [sample("src/train/2")])
        assert connection.execute(count).scalar_one() == 1
    with store.snapshot() as connection:
        assert connection.execute(count).scalar_one() == 2
