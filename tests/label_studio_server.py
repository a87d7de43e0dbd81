"""A Label Studio server of the tests' own: data in a temporary folder, on loopback, without telemetry.

It lives in an environment of its own, as it pins what we need in other versions: LABEL_STUDIO_BIN names its program;
else `make test` has put it into `.venv-label-studio`.
"""

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

START_SECONDS = 300
"""Its first start makes a hundred tables, which takes a minute or two on a busy machine."""
TOKEN = "0123456789abcdef0123456789abcdef01234567"
ADMIN, ANNOTATOR = "admin@example.org", "ann@example.org"
PASSWORD = "only-for-the-tests"
_EMPTY = "curation-empty.sqlite3"
_DATABASE = "label_studio.sqlite3"
_UNTIL_EOF = '"$@" & read -r _; kill $!; wait $!; rm -rf "$PWD"'
"""The server and its folder end with the pipe to this shell, however the test process ends."""


class Running(NamedTuple):
    """A server that answers."""

    url: str
    root: Path
    """The folder whose files it serves."""
    keys: dict[str, str]
    """The legacy token of each user."""


def find_program() -> Path | None:
    """Return the program `label-studio`, None where it isn't installed."""
    named = os.environ.get("LABEL_STUDIO_BIN")
    here = Path(__file__).parent.parent / ".venv-label-studio/bin/label-studio"
    found = named or (str(here) if here.exists() else shutil.which("label-studio"))
    return Path(found) if found else None


@contextmanager
def label_studio_server(program: Path) -> Iterator[Running]:
    """Start a server with two users. It outlives neither the context nor this process."""
    folder = Path(tempfile.mkdtemp(prefix="curation-ls-"))
    try:
        (folder / "files").mkdir()
        environment = _environment(folder)
        shutil.copy(_empty_database(program, environment), folder / _DATABASE)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        with (folder / "log").open("wb") as log:
            command = [
                program, "start", "--no-browser", "--port", port, "--internal-host", "127.0.0.1", "--data-dir", folder,
                "--username", ADMIN, "--password", PASSWORD, "--user-token", TOKEN, "--enable-legacy-api-token",
            ]  # fmt: skip
            server = subprocess.Popen(
                ["sh", "-c", _UNTIL_EOF, "sh", *command],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder, env=environment, start_new_session=True,
            )  # fmt: skip
        with server:
            url = f"http://127.0.0.1:{port}"
            try:
                _await(url, folder, server)
                yield Running(url, folder / "files", {ADMIN: TOKEN, ANNOTATOR: _sign_up(url)})
            finally:
                os.killpg(server.pid, signal.SIGTERM)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LABEL_STUDIO", "DJANGO"))}
    return kept | {
        "COLLECT_ANALYTICS": "0",
        "FRONTEND_SENTRY_DSN": "",
        "HOME": str(folder),
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(folder / "files"),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LATEST_VERSION_CHECK": "0",
        "PYTHONPATH": "",
        "SENTRY_DSN": "",
    }


def _empty_database(program: Path, environment: dict[str, str]) -> Path:
    """Return a database with all tables and nothing in them; made once for each installed version, as that is slow."""
    kept = program.resolve().parent.parent / _EMPTY
    if kept.exists() and kept.stat().st_mtime > program.stat().st_mtime:
        return kept
    made = Path(environment["LABEL_STUDIO_BASE_DATA_DIR"]) / _DATABASE
    with (program.parent / "label-studio").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            subprocess.run(
                [program, "version"], env=environment, check=True, capture_output=True, timeout=START_SECONDS
            )
            shutil.move(made, kept)
    return kept


def prepare(program: Path) -> None:
    """Make the empty database, before anybody waits for it."""
    with tempfile.TemporaryDirectory(prefix="curation-ls-") as folder:
        _empty_database(program, _environment(Path(folder)))


def _await(url: str, folder: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"{url}/health").raise_for_status()
        except httpx.HTTPError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text()) from None
            time.sleep(0.1)
        else:
            return


def _sign_up(url: str) -> str:
    """Sign a second user up, as a person does; return their token."""
    with httpx.Client(base_url=url, follow_redirects=True) as browser:
        page = browser.get("/user/signup/").text
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found, page
        form = {"csrfmiddlewaretoken": found[1], "email": ANNOTATOR, "password": PASSWORD, "allow_newsletters": "false"}
        browser.post("/user/signup/", data=form, headers={"Referer": url}).raise_for_status()
        token: str = browser.get("/api/current-user/token").raise_for_status().json()["token"]
        return token


def access_token(server: Running) -> str:
    """Return a personal access token of the annotator."""
    with httpx.Client(base_url=server.url, follow_redirects=True) as browser:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get("/user/login/").text)
        assert found
        form = {"csrfmiddlewaretoken": found[1], "email": ANNOTATOR, "password": PASSWORD}
        browser.post("/user/login/", data=form, headers={"Referer": server.url}).raise_for_status()
        headers = {"X-CSRFToken": browser.cookies["csrftoken"], "Referer": server.url}
        token: str = browser.post("/api/token/", headers=headers).raise_for_status().json()["token"]
        return token


if __name__ == "__main__":
    prepare(Path(sys.argv[1]).absolute())
