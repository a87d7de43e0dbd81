"""The answers on the disk, so that a run that was killed goes on: one file for each system, one line for each answer.

The first line says what the system is; another setting or other weights are another system, and another file. A line
that is not whole, as a kill leaves it at the end, is dropped, and its question asked again.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from curation.errors import DataError, UsageError
from curation.evaluation.predictions import file_part
from curation.evaluation.questions import Problem
from curation.evaluation.systems import System
from schemas.digest import canonical_json
from schemas.sample import Record


class Cost(Record):
    """What one answer took; of what was done for several questions at once, its share."""

    new_tokens: int = 0
    judge_tokens: int = 0
    """That judges wrote."""
    forward_calls: float = 0.0
    """One after another."""
    images: float = 0.0
    """Encoded."""
    seconds: float = 0.0


class Outcome(Record):
    """The answer of a system to a problem, with every candidate of the search."""

    id: str
    key: str
    """Of the problem: what was asked."""
    text: str
    candidates: tuple[dict[str, Any], ...] = ()
    """As the search gives them: stage, round, parent, text, tokens, logprob, score, kept, fault."""
    cost: Cost = Cost()

    @property
    def unasked(self) -> str | None:
        """Why the model could not be asked; None where it was."""
        first = self.candidates[0] if self.candidates and not self.text else {}
        return None if first.get("kept", True) or first["tokens"] else first["fault"]


Search = Callable[[Sequence[Problem]], Iterator[Outcome]]
"""Answers the problems, one by one, in their order."""


def answer(
    folder: Path, system: System, problems: Sequence[Problem], search: Search, seen: Callable[[int], None]
) -> list[Outcome]:
    """Return the outcome of every problem, in their order; only those that the folder has not yet are asked for.

    `seen` is told how many there are by now. Raises UsageError while another process answers for the same system.
    """
    wanted = [(problem.id, problem.key) for problem in problems]
    with _opened(folder / _file_name(system)) as file:
        known = _known(file, system)
        missing = [problem for problem, key in zip(problems, wanted, strict=True) if key not in known]
        kept = len(problems) - len(missing)
        seen(kept)
        for count, outcome in enumerate(search(missing) if missing else (), kept + 1):
            file.write(_line(outcome))
            file.flush()
            known[outcome.id, outcome.key] = outcome
            seen(count)
    return [known[key] for key in wanted]


def _file_name(system: System) -> str:
    return f"{file_part(system.label)}_{file_part(system.way)}_{system.key.removeprefix('sha256:')[:12]}.jsonl"


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open the file to read and to append, for this process alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"another process is writing {path}: wait for it, or give another --out") from error
        yield file


def _known(file: BinaryIO, system: System) -> dict[tuple[str, str], Outcome]:
    """Read the answers so far; the file ends with a whole line then, and what is written is appended."""
    _drop_torn_line(file)
    file.seek(0)
    header = file.readline()
    if not header:
        file.write(_line(system))
        file.flush()
        return {}
    _refuse_other(header, system, file.name)
    return {(outcome.id, outcome.key): outcome for outcome in _outcomes(file)}


def _refuse_other(header: bytes, system: System, path: str) -> None:
    try:
        other = System.model_validate_json(header)
    except ValidationError as error:
        raise DataError(f"{path} does not begin with what its answers are of: remove it") from error
    if other != system:
        pairs = zip(other, system, strict=True)
        differs = ", ".join(f"{name} {was!r} is {now!r} here" for (name, was), (_, now) in pairs if was != now)
        raise DataError(f"{path} is of another system ({differs}): give another --out")


def _outcomes(file: BinaryIO) -> Iterator[Outcome]:
    for line in file:
        try:
            yield Outcome.model_validate_json(line)
        except ValidationError:
            continue


def _drop_torn_line(file: BinaryIO) -> None:
    """Cut what stands behind the last line end."""
    file.seek(0)
    torn = b""
    for line in file:
        torn = line
    if not torn.endswith(b"\n"):
        file.truncate(file.seek(0, os.SEEK_END) - len(torn))


def _line(record: Record) -> bytes:
    return canonical_json(json.loads(record.model_dump_json())) + b"\n"
