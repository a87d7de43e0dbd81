"""What is compared: models, each with a label, and systems, which are a model with a search and its settings."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from curation.errors import UsageError
from schemas.digest import digest_json
from schemas.sample import Record

JUDGED = frozenset({"best-of-n", "sentence", "stage-beam", "retracing"})
"""Searches whose candidates are judged."""


class Contender(NamedTuple):
    """A model as it was named on the command line."""

    label: str
    source: str
    """Folder with config and weights, or Hub id."""
    run: Path | None
    """Folder of the training run that it came from, where it has one."""


class Way(NamedTuple):
    """A search, and what judges its candidates."""

    search: str
    judge: str | None
    """None for a search without one."""


class Options(Record):
    """How every model is searched with: the same budget and the same seeds for all."""

    candidates: int = 4
    width: int = 1
    temperature: float = 0.6
    top_p: float = 0.9
    max_tokens: int = 2048
    seed: int = 0
    compat: bool = False
    """Read generated verdicts as LLaVA-CoT's code does: what names no response is for the second."""

    def of(self, way: Way) -> dict[str, Any]:
        """Return those that decide what this search finds."""
        return self.model_dump(include={"max_tokens"} if way.search == "greedy" else None)


class System(Record):
    """A model with a search, and all that decides its answers but the questions."""

    label: str
    digest: str
    """Of the model's files."""
    search: str
    judge: str | None
    """None for a search without one."""
    settings: dict[str, Any]
    """What decides the answers of this search: candidates, temperature, seed, …"""

    @property
    def name(self) -> str:
        """Label, search and judge, for a table."""
        return f"{self.label} {self.way}"

    @property
    def way(self) -> str:
        """Search and judge, for a table."""
        return f"{self.search} ({self.judge})" if self.judge else self.search

    @property
    def key(self) -> str:
        """Digest of everything."""
        return digest_json(self.model_dump(mode="json"))


def ways(searches: Sequence[str], judges: Sequence[str]) -> list[Way]:
    """Return every search once, those that are judged once with each judge."""
    every = (Way(search, judge) for search in searches for judge in (judges if search in JUDGED else (None,)))
    return list(dict.fromkeys(every))


def contenders(names: Sequence[str]) -> list[Contender]:
    """Resolve models: a run's folder stands for the model inside. Raises UsageError where two can't be told apart."""
    found = [_contender(name) for name in names]
    labels = Counter(contender.label for contender in found)
    found = [_longer(contender) if labels[contender.label] > 1 else contender for contender in found]
    twice = [label for label, count in Counter(contender.label for contender in found).items() if count > 1]
    if twice:
        raise UsageError(f"two models are named {twice[0]!r}: give each once, or rename a folder")
    return found


def _contender(name: str) -> Contender:
    folder = Path(name)
    if (folder / "model").is_dir():
        return Contender(folder.resolve().name, str(folder / "model"), folder)
    if not folder.is_dir():
        return Contender(name.rstrip("/").rsplit("/", 1)[-1], name, None)
    folder = folder.resolve()
    inside = folder.name == "model"
    return Contender(folder.parent.name if inside else folder.name, name, folder.parent if inside else None)


def _longer(contender: Contender) -> Contender:
    """Put the name of the folder above before the label."""
    place = contender.run or Path(contender.source)
    above = place.resolve().parent.name if place.is_dir() else place.parent.name
    return contender._replace(label=f"{above}-{contender.label}")


def digest(folder: Path) -> str:
    """Return the digest of all files of a model's folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest_json({path.relative_to(folder).as_posix(): _file_digest(path) for path in files})


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
