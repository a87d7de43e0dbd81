"""`review`: serve the app on this machine, in a process of its own, until Ctrl-C."""

import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from pathlib import Path
from types import FrameType
from typing import Annotated
from urllib.error import URLError
from urllib.request import urlopen

from cyclopts import Group, Parameter
from pydantic import BeforeValidator, Field, NonNegativeFloat

from curation.config import ManyInOne, Report, WorkspaceConfig, split_commas
from curation.errors import Exit, MissingError, UsageError
from curation.store import Store

USUAL_PORT = 8501
PEOPLE = "people.toml"
"""The file of a workspace that says who may come in."""
_PORTS_TO_TRY = 20
_ANEW = Group("Stages written anew, at a reviewer's wish", sort_key=2)


class Config(WorkspaceConfig):
    """Flags of `review`."""

    host: str = Field("127.0.0.1", description="Address to serve on; only this machine reaches the default.")
    port: int | None = Field(
        None, ge=1, le=65535, description="Port to serve on [default: 8501, or the next that is free]."
    )
    browser: Annotated[bool, Parameter(negative="--no-browser")] = Field(
        True, description="Open the page in a browser; --no-browser only prints its address."
    )
    reviewer: str = Field(
        "", description="Who sits here, where nobody has to log in [default: the name of this account]."
    )
    people: Path | None = Field(
        None, description="File of those who may come in [default: people.toml of the workspace, if there is one]."
    )
    model: Annotated[str, Parameter(group=_ANEW)] = Field("gpt-4o", description="Model to ask.")
    base_url: Annotated[str | None, Parameter(group=_ANEW)] = Field(
        None, description="OpenAI-compatible endpoint [env: OPENAI_BASE_URL; default: OpenAI's own]."
    )
    offline: Annotated[bool, Parameter(group=_ANEW)] = Field(False, description="Ask the built-in simulator; free.")
    max_cost: Annotated[NonNegativeFloat | None, Parameter(group=_ANEW)] = Field(
        None, description="Most US dollars that may be spent while the app is open."
    )
    price: Annotated[
        tuple[NonNegativeFloat, NonNegativeFloat] | None,
        BeforeValidator(split_commas),
        ManyInOne,
        Parameter(group=_ANEW),
    ] = Field(None, description="US dollars for a million prompt tokens and a million completion tokens, as IN,OUT.")


class ReviewReport(Report):
    """How the app ended."""

    url: str
    code: int
    """Exit code of its process."""

    @property
    def exit_code(self) -> Exit:
        """Return the app's own code where it is one of ours, else 1."""
        return Exit(self.code) if self.code in set(Exit) else Exit.FAILURES


def run(*, config: Annotated[Config, Parameter(name="*")] = Config()) -> ReviewReport:  # noqa: B008 - frozen
    """Review traces in the browser, until Ctrl-C; the commands below do by script what the app does.

    The page opens with the worst records first, and every button shows its key. Several may review at once: let each
    in with `review people add NAME`, then serve on an address that they reach, for instance --host 0.0.0.0.
    """
    if util.find_spec("streamlit") is None:
        raise MissingError("the app needs streamlit: pip install 'curation-workbench[ui]'")
    Store.open(config.workspace).close()
    port = _port(config)
    url = f"http://{_named(config.host)}:{port}"
    with _forwarding(_start(_command(config, port))) as app:
        if _answers(app, config.host, port):
            _greet(url, browser=config.browser)
        code = app.wait()
    return ReviewReport(url=url, code=0 if code in {-signal.SIGINT, -signal.SIGTERM} else code)


def _port(config: Config) -> int:
    """Return the port that was asked for, or the first that is free; say so where it is not the usual one."""
    if config.port is not None:
        if not _is_free(config.host, config.port):
            raise UsageError(f"port {config.port} on {config.host} is taken: give another --port, or none")
        return config.port
    for port in range(USUAL_PORT, USUAL_PORT + _PORTS_TO_TRY):
        if _is_free(config.host, port):
            if port != USUAL_PORT:
                sys.stderr.write(f"port {USUAL_PORT} is taken; serving on {port}\n")
            return port
    raise UsageError(f"ports {USUAL_PORT} to {USUAL_PORT + _PORTS_TO_TRY - 1} are taken: give a free one with --port")


def _is_free(host: str, port: int) -> bool:
    """Tell whether the address can be listened on. Raises UsageError for a host that is none of this machine."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror as error:
        raise UsageError(f"--host {host!r} is no address: {error.strerror}") from error
    except PermissionError as error:
        raise UsageError(f"port {port} on {host} is not allowed here: {error.strerror}; give another --port") from error
    except OSError as error:
        if error.errno is not None and "in use" not in str(error.strerror):
            raise UsageError(f"can't serve on {host}: {error.strerror}; give another --host") from error
        return False
    return True


def _named(host: str) -> str:
    """Return the host as an address has it that a browser on this machine opens."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{host}]" if ":" in host else host


def _command(config: Config, port: int) -> list[str]:
    flags: dict[str, object] = {
        "--workspace": config.workspace,
        "--host": config.host,
        "--port": port,
        "--reviewer": config.reviewer or None,
        "--people": _people(config),
        "--model": config.model,
        "--base-url": config.base_url,
        "--max-cost": config.max_cost,
        "--price": ",".join(map(str, config.price)) if config.price else None,
    }
    given = [str(part) for flag, value in flags.items() if value is not None for part in (flag, value)]
    return [sys.executable, "-m", "ui", *given, *(["--offline"] if config.offline else [])]


def _people(config: Config) -> Path | None:
    """Return the file that is named, or the workspace's own where nobody says that he sits here himself."""
    own = config.workspace / PEOPLE
    return config.people or (own if own.exists() and not config.reviewer else None)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start the app out of the terminal's reach: Ctrl-C comes to it through this process, once.

    What Streamlit prints by itself would stand before the report.
    """
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, process_group=0)  # noqa: S603 - our own program


@contextmanager
def _forwarding(app: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Hand on what ends this process: the app ends first, and cleans up behind it."""

    def forward(number: int, _frame: FrameType | None) -> None:
        if app.poll() is None:
            app.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with app:
            yield app
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _answers(app: subprocess.Popen[bytes], host: str, port: int) -> bool:
    """Wait until the app answers; return False where it ends before it does."""
    while app.poll() is None:
        try:
            with urlopen(f"http://{_named(host)}:{port}/_stcore/health", timeout=5):
                return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False


def _greet(url: str, *, browser: bool) -> None:
    sys.stderr.write(f"review is open at {url} (Ctrl-C ends it)\n")
    sys.stderr.flush()
    if browser and sys.stderr.isatty():
        webbrowser.open(url)
