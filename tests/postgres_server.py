"""A PostgreSQL server of the tests' own: data in a temporary folder, a Unix socket there, no network."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

START_SECONDS = 30
OWNER = "curation"
_UNTIL_EOF = '"$@" & read -r _; kill -QUIT $!; wait $!; rm -rf "$PWD"'
"""The server and its folder end with the pipe to this shell, however the test process ends."""


def find_programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`, the newest version's; None where PostgreSQL isn't installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda path: float(path.parts[-3]), default=None)
    return newest.parent if newest else None


@contextmanager
def postgres_server(programs: Path) -> Iterator[Path]:
    """Start a server, and return the folder of its socket. It outlives neither the context nor this process."""
    folder = Path(tempfile.mkdtemp(prefix="curation-pg-"))
    try:
        user = _prepare(folder)
        _create(programs, folder / "data", user)
        with (folder / "log").open("wb") as log:
            command = [programs / "postgres", "-D", folder / "data", "-k", folder, "-h", "", "-F"]
            server = subprocess.Popen(
                ["sh", "-c", _UNTIL_EOF, "sh", *command],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, user=user, start_new_session=True,
            )  # fmt: skip
        with server:
            _await(folder, server)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(folder: Path) -> str | None:
    """Give the folder to whoever the server will run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name for user in pwd.getpwall()}
    user = "postgres" if "postgres" in known else "nobody"
    shutil.chown(folder, user)
    return user


def _create(programs: Path, data: Path, user: str | None) -> None:
    """Make the data folder; texts are compared as in English where that can be had, which is not by code points."""
    command = [programs / "initdb", "-D", data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
    english = ["--locale-provider=icu", "--icu-locale=en-US"]
    for options in (english, []):
        done = subprocess.run(
            [*command, *options], cwd=data.parent, user=user, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
    raise RuntimeError(f"initdb failed: {done.stderr}")


def _await(folder: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(host=str(folder), user=OWNER, dbname="postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text()) from None
            time.sleep(0.02)
        else:
            return
