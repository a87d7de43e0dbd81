"""Fixtures that several tests share."""

import os
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import hypothesis
import psycopg
import pytest

from curation.store import Store
from tests.postgres_server import OWNER, find_programs, postgres_server

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of torch, and of the processes that tests start; xdist uses the cores

hypothesis.settings.register_profile("workbench", deadline=None)
hypothesis.settings.load_profile("workbench")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """The folder of the socket of a running PostgreSQL."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres_server(programs) as folder:
        yield folder


@pytest.fixture
def postgres_url(postgres: Path) -> Iterator[str]:
    """The URL of an empty database: a schema of its own, which is made sooner than a database."""
    name = f"test_{secrets.token_hex(6)}"
    server = partial(psycopg.connect, host=str(postgres), user=OWNER, dbname="postgres", autocommit=True)
    with server() as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    yield f"postgresql://{OWNER}@/postgres?host={postgres}&options=-csearch_path%3D{name}"
    with server() as connection:
        connection.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workspaces keep their records in SQLite."""
    monkeypatch.delenv("CURATION_STORE", raising=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Workspaces keep their records in SQLite, then in an empty PostgreSQL database."""
    if request.param == "postgresql":
        monkeypatch.setenv("CURATION_STORE", request.getfixturevalue("postgres_url"))
    else:
        monkeypatch.delenv("CURATION_STORE", raising=False)
    return request.param


@pytest.fixture
def store(database: str, tmp_path: Path) -> Iterator[Store]:
    """An empty workspace, on either database."""
    with Store.open(tmp_path / "workspace", create=True) as opened:
        yield opened
