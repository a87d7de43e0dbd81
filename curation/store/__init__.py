"""The workspace's records: SQLite in the workspace by default, PostgreSQL by URL, and images in a folder.

curation.db     the records, where CURATION_STORE names no PostgreSQL
images/         by content
locks/          one file for each run that is alive
releases/       built data sets
logs/           what each run had to say
"""

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, make_url, update
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from curation.errors import MissingError, StoreError, UsageError
from curation.store import tables
from curation.store.images import ImageStore
from curation.store.liveness import RunLock
from curation.store.migrations import migrate
from curation.store.queries import snapshot
from curation.store.writer import Step, one_line, refused

A = TypeVar("A")

BUSY_SECONDS = 60
"""How long a write waits for those of other processes."""
_WRITING = 7283490
"""The lock that whoever writes to PostgreSQL holds."""


class Run(NamedTuple):
    """A run that writes, alive for as long as its context."""

    id: str
    locks: Path


class Store:
    """An open workspace."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.folder = folder
        self.engine = engine
        self.images = ImageStore(folder / "images")
        self.locks = folder / "locks"

    @staticmethod
    def exists(folder: Path) -> bool:
        """Tell whether there is a workspace in the folder."""
        return (folder / ("images" if os.environ.get("CURATION_STORE") else "curation.db")).exists()

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Self:
        """Open the workspace, and bring its database up to date.

        Raises MissingError where there is none and `create` is not set, StoreError where it can't be used.
        """
        if not create and not cls.exists(folder):
            raise MissingError(f"no workspace at {folder}; `annotate` makes one, --workspace names another")
        try:
            (folder / "images").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the workspace {folder} can't be written: {error.strerror}") from error
        engine = _engine(folder)
        try:
            migrate(engine)
        except BaseException as error:
            engine.dispose()
            if isinstance(error, SQLAlchemyError):
                raise StoreError(f"the records of {folder} can't be opened: {one_line(error)}") from error
            raise
        return cls(folder, engine)

    def write(self, step: Step[A, Any], records: Sequence[A]) -> None:
        """Write the records in one transaction."""
        with self.writing() as connection:
            step(connection, records)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Return a connection to read and write with: all of it or nothing, while nobody else writes."""
        try:
            with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
                yield connection
        except SQLAlchemyError as error:
            raise refused(error) from error

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Return a connection that sees the records as they are now, whatever is written meanwhile."""
        with snapshot(self.engine) as connection:
            yield connection

    @contextmanager
    def run(self, verb: str, config: dict[str, Any]) -> Iterator[Run]:
        """Note that a run of the verb begins and ends; it holds a lock that dies with the process."""
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        row = {"id": run_id, "verb": verb, "started_at": datetime.now(UTC).isoformat(), "config": json.dumps(config)}
        with RunLock(self.locks, run_id):
            self.write(_begin_run, [row])
            try:
                yield Run(run_id, self.locks)
            finally:
                self.write(_end_run, [run_id])

    def analyze(self) -> None:
        """Let the database look at what its tables hold; without that it chooses slow ways on large ones."""
        with self.writing() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA analysis_limit = 1000")
            connection.exec_driver_sql("ANALYZE")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _begin_run(connection: Connection, rows: Sequence[dict[str, str]]) -> None:
    connection.execute(insert(tables.runs), rows)


def _end_run(connection: Connection, run_ids: Sequence[str]) -> None:
    now = datetime.now(UTC).isoformat()
    connection.execute(update(tables.runs).where(tables.runs.c.id.in_(run_ids)).values(finished_at=now))


def _engine(folder: Path) -> Engine:
    """Return connections to the workspace's database; one process writes at a time, whichever database it is."""
    if url := os.environ.get("CURATION_STORE"):
        try:
            engine = create_engine(_postgresql(url))
        except ModuleNotFoundError as error:
            raise MissingError("PostgreSQL needs its driver: pip install 'curation-workbench[postgres]'") from error
        _prepare_postgresql(engine)
    else:
        engine = create_engine(URL.create("sqlite", database=str(folder / "curation.db")))
        _prepare_sqlite(engine)
    return engine


def _postgresql(url: str) -> URL:
    """Read the URL. What is wrong with it stays unsaid: it may hold a password."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = URL.create("unreadable")
    if parsed.drivername not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise UsageError("CURATION_STORE is not a PostgreSQL URL, for instance postgresql://user@host/name")
    return parsed.set(drivername="postgresql+psycopg", query={"connect_timeout": "10", **parsed.query})


def _prepare_postgresql(engine: Engine) -> None:
    """Transactions that write take turns, so that two processes can't lock each other out."""

    @event.listens_for(engine, "begin")
    def _begun(connection: Any) -> None:
        if connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITING})")


def _prepare_sqlite(engine: Engine) -> None:
    """Write-ahead log, durable commits, and transactions that begin as what they are.

    A transaction that will write takes the lock at once: upgrading a read lock fails where two processes try it.
    """

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}").close()
        _use_log(connection)
        connection.execute("PRAGMA synchronous=FULL").close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Any) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_log(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; SQLite does not wait by itself where others are switching the same file."""
    patience = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > patience:
                raise
            time.sleep(0.01)


__all__ = ["Run", "Store"]
