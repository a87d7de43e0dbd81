"""Commands of the program, each in a process of its own: one after the other, or side by side, one on each core.

The processes are forked from one that has imported PyTorch and transformers while something else was done: that takes
longer than many a command. What a command reported is kept, and a command that has reported is not run again: a demo
that was stopped goes on.
"""

import json
import multiprocessing
import os
import runpy
import shlex
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from multiprocessing import connection, forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from curation.errors import CurationError, Exit, StoppedError
from curation.progress import live
from schemas.digest import digest_json

_LOOK = 0.25
"""Seconds between looks at the logs."""
_FINE = (Exit.DONE, Exit.FAILURES)
_FORKING = multiprocessing.get_context("forkserver")
_IMPORTED: tuple[str, ...] = (
    "curation.recipes",
    "curation.simulator",
    "curation.export",
    "curation.verify",
    "curation.training",
)
_IMPORTED += ("curation.families.tiny", "curation.evaluation.asking")
"""What the commands need, but for what begins threads when it is imported, which no fork has: polars, pyarrow."""


def warm_up() -> None:
    """Begin to import what commands need, in the process that they will be forked from."""
    _FORKING.set_forkserver_preload([*_IMPORTED])
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the commands, not for their imports
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, before)


class Command(NamedTuple):
    """A verb with its flags, what must be done before it, and what tells how far it is."""

    arguments: tuple[str, ...]
    name: str = ""
    after: tuple[str, ...] = ()
    """Names of the commands that it waits for."""
    log: Path | None = None
    """Of a training run: its last line has the step and the loss."""
    total: int = 20
    """How long it takes, in steps of training; of other commands as a rule of thumb."""
    ahead: bool = False
    """Whether another command would do the same: a person does not give it."""

    @property
    def line(self) -> str:
        """As a person writes it."""
        return f"python -m curation {shlex.join(self.arguments)}"


class Crowd:
    """Runs commands, and keeps what they reported in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self.lines: list[str] = []
        """Of the commands that a person would give: without those that were run ahead."""

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run one command, its progress on the terminal; return its report. Raises what `together` raises."""
        command = Command(arguments)
        self.lines.append(command.line)
        if (known := self._known(command)) is not None:
            return known
        running = _Running.of(command, self._file(command), shown=True)
        running.process.join()
        return self._keep(running)

    def together(self, what: str, commands: Sequence[Command]) -> dict[str, dict[str, Any]]:
        """Run the commands, as many at a time as there are cores, the first of the list first; return their reports.

        Raises StoppedError where one was stopped, and CurationError, with what it said last, where one failed.
        """
        self.lines += [command.line for command in commands if not command.ahead]
        waiting = [command for command in commands if self._known(command) is None]
        running: list[_Running] = []
        with live(what, sum(command.total for command in commands)) as advance:
            try:
                while waiting or running:
                    running += self._begin(waiting, running)
                    connection.wait([each.process.sentinel for each in running], _LOOK)
                    for ended in [each for each in running if not each.process.is_alive()]:
                        running.remove(ended)
                        self._keep(ended)
                    last = [_last_line(each.command.log) for each in running]
                    left = sum(command.total for command in (*waiting, *(each.command for each in running)))
                    steps = sum(int(line.get("step", 0)) for line in last)
                    advance(sum(command.total for command in commands) - left + steps, _words(running, last))
            finally:
                for each in running:
                    each.process.terminate()
                for each in running:
                    each.process.join()
        return {command.name: self._known(command) or {} for command in commands}

    def _begin(self, waiting: list[Command], running: Sequence["_Running"]) -> list["_Running"]:
        """Start what waits for nothing any more, where there is a core for it, and take it from those that wait."""
        busy = {command.name for command in waiting} | {each.command.name for each in running}
        ready = [command for command in waiting if busy.isdisjoint(command.after)]
        begun = ready[: max(0, (os.cpu_count() or 1) - len(running))]
        for command in begun:
            waiting.remove(command)
        return [_Running.of(command, self._file(command)) for command in begun]

    def _known(self, command: Command) -> dict[str, Any] | None:
        try:
            report: dict[str, Any] = json.loads(self._file(command).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return report

    def _keep(self, running: "_Running") -> dict[str, Any]:
        code = running.process.exitcode
        if code == Exit.STOPPED:
            raise StoppedError("stopped; the same command goes on from here")
        if code not in _FINE:
            raise CurationError(f"{running.command.line}: {running.said_last() or f'it ended with exit code {code}'}")
        report: dict[str, Any] = json.loads(running.out.read_bytes())
        running.out.replace(self._file(running.command))
        running.errors.unlink(missing_ok=True)
        return report

    def _file(self, command: Command) -> Path:
        digest = digest_json(list(command.arguments)).removeprefix("sha256:")
        return self._folder / f"{command.arguments[0]}-{digest[:16]}.json"


class _Running(NamedTuple):
    command: Command
    process: BaseProcess
    out: Path
    errors: Path

    @classmethod
    def of(cls, command: Command, report: Path, *, shown: bool = False) -> "_Running":
        """Start a command whose report is to go to that file; show its progress, or keep it for itself."""
        out, errors = report.with_suffix(".partial"), report.with_suffix(".err")
        process = _FORKING.Process(target=_command, args=(command.arguments, out, None if shown else errors))
        process.start()
        return cls(command, process, out, errors)

    def said_last(self) -> str:
        """Return its last line on standard error, unless that was shown."""
        said = self.errors.read_text(errors="replace").strip() if self.errors.exists() else ""
        return said.splitlines()[-1] if said else ""


def _command(arguments: tuple[str, ...], out: Path, errors: Path | None) -> None:
    """Be `python -m curation` with these arguments: what a forked process does."""
    for path, number in ((out, 1), (errors, 2)):
        if path is not None:
            with path.open("wb") as file:
                os.dup2(file.fileno(), number)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv[1:] = [*arguments, "--json"]
    runpy.run_module("curation", run_name="__main__", alter_sys=True)


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
