"""Commands of the program, each in a process of its own: one after the other, or side by side, one on each core.

What a command reported is kept, and a command that has reported is not run again: a demo that was stopped goes on.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from curation.errors import CurationError, Exit, StoppedError
from curation.progress import live
from schemas.digest import digest_json

_LOOK = 0.25
"""Seconds between looks."""
_FINE = (Exit.DONE, Exit.FAILURES)


class Command(NamedTuple):
    """A verb with its flags, and what tells how far it is."""

    arguments: tuple[str, ...]
    name: str = ""
    log: Path | None = None
    """Of a training run: its last line has the step and the loss."""
    total: int = 1
    """Steps of the run."""

    @property
    def line(self) -> str:
        """As a person writes it."""
        return f"python -m curation {shlex.join(self.arguments)}"


class Crowd:
    """Runs commands, and keeps what they reported in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lines: list[str] = []
        """Of the commands that a person would give: without those that were run ahead."""

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run one command, its progress on the terminal; return its report. Raises what `together` raises."""
        command = Command(arguments)
        self.lines.append(command.line)
        if (known := self._known(command)) is not None:
            return known
        process = _start(command, errors=None)
        out, _ = process.communicate()
        return self._keep(command, process.returncode, out, "")

    def together(self, what: str, commands: Sequence[Command], *, ahead: bool = False) -> list[dict[str, Any]]:
        """Run the commands, as many at a time as there are cores; `ahead` of one that does all of them.

        Returns their reports, in the order of the commands. Raises StoppedError where one was stopped, and
        CurationError, with what it said last, where one failed.
        """
        self.lines += [] if ahead else [command.line for command in commands]
        waiting = [command for command in commands if self._known(command) is None]
        running: list[_Running] = []
        cores = os.cpu_count() or 1
        with live(what, sum(command.total for command in waiting)) as advance:
            done = 0
            try:
                while waiting or running:
                    while waiting and len(running) < cores:
                        running.append(_Running.of(waiting.pop(0)))
                    time.sleep(_LOOK)
                    for each in [each for each in running if each.process.poll() is not None]:
                        running.remove(each)
                        self._keep(each.command, each.process.returncode, *each.said())
                        done += each.command.total
                    last = [_last_line(each.command.log) for each in running]
                    advance(done + sum(int(line.get("step", 0)) for line in last), _words(running, last))
            finally:
                for each in running:
                    each.process.terminate()
                for each in running:
                    each.process.wait()
                    each.said()
        return [self._known(command) or {} for command in commands]

    def _known(self, command: Command) -> dict[str, Any] | None:
        try:
            report: dict[str, Any] = json.loads(self._file(command).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return report

    def _keep(self, command: Command, code: int, out: bytes, errors: str) -> dict[str, Any]:
        if code == Exit.STOPPED:
            raise StoppedError("stopped; the same command goes on from here")
        if code not in _FINE:
            last = (errors.strip().splitlines() or [f"it ended with exit code {code}"])[-1]
            raise CurationError(f"{command.line}: {last}")
        report: dict[str, Any] = json.loads(out)
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._file(command).with_suffix(".partial")
        partial.write_bytes(out)
        partial.replace(self._file(command))
        return report

    def _file(self, command: Command) -> Path:
        digest = digest_json(list(command.arguments)).removeprefix("sha256:")
        return self._folder / f"{command.arguments[0]}-{digest[:16]}.json"


class _Running(NamedTuple):
    command: Command
    process: subprocess.Popen[bytes]
    out: IO[bytes]
    errors: IO[bytes]

    @classmethod
    def of(cls, command: Command) -> "_Running":
        out, errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - read when it has ended
        return cls(command, _start(command, out, errors), out, errors)

    def said(self) -> tuple[bytes, str]:
        """Return what it wrote, report and errors, and close the files."""
        with self.out, self.errors:
            self.out.seek(0)
            self.errors.seek(0)
            return self.out.read(), self.errors.read().decode(errors="replace")


def _start(command: Command, out: IO[bytes] | int = subprocess.PIPE, errors: IO[bytes] | None = None) -> Any:
    line = [sys.executable, "-m", "curation", *command.arguments, "--json"]
    return subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)  # noqa: S603 - our own program


def _words(running: Iterable[_Running], last: Iterable[dict[str, Any]]) -> str:
    pairs = zip(running, last, strict=True)
    return ", ".join(f"{each.command.name} {_loss(line)}".strip() for each, line in pairs)


def _loss(line: dict[str, Any]) -> str:
    return f"loss {line['loss']:.3f}" if isinstance(line.get("loss"), float) else ""


def _last_line(log: Path | None) -> dict[str, Any]:
    """Return the last whole line of a log that has a loss."""
    if log is None or not log.is_file():
        return {}
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        for line in reversed(file.read().splitlines()):
            with suppress(ValueError):
                read = json.loads(line)
                if isinstance(read, dict) and "loss" in read:
                    return read
    return {}
