"""Fixtures that several tests share."""

import gc
import os
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest

from curation.store import Store
from tests.postgres_server import OWNER, find_programs, postgres_server
from tests.processes import PASSED

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of torch, and of the processes that tests start; xdist uses the cores

hypothesis.settings.register_profile("workbench", deadline=None, max_examples=50)
hypothesis.settings.load_profile("workbench")

LONGEST = (
    "test_loop",
    "test_annotate",
    "test_training_resume",
    "test_training_ranks",
    "test_ui_browser",
    "test_training_updates",
    "test_train",
    "test_ui_single_sign_on",
    "test_label_studio_server",
    "test_import",
)
"""Files that come first, so that in the end no core waits for one of them."""


def pytest_configure(config: pytest.Config) -> None:
    """Let pass in this process what passes in those that tests start."""
    config.addinivalue_line("filterwarnings", PASSED)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the others are left in their order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


def pytest_collection_finish() -> None:
    """Keep the thousands of tests and what they import out of every later search for garbage."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Start half as many again as there are cores: much of what is tested waits, for a browser or for a server."""
    return (os.cpu_count() or 1) * 3 // 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each file to one worker, whatever --dist says: what its tests share is made once.

    The mark xdist_group does nothing with pytest 9.2 (pytest-xdist #1386).
    """
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415 - a plugin that need not be there

    config.option.loadscopereorder = False  # the order is that of the collection
    return LoadFileScheduling(config, log)


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
