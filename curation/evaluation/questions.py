"""What a model is asked: the held-out split of a release, question by question."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from curation.errors import DataError
from exports import Item, jsonl
from schemas.digest import digest_json
from schemas.sample import Sample, Turn
from schemas.trace import Stages


class Picture(NamedTuple):
    """An image by its content; its bytes are read when they are needed."""

    digest: str
    path: Path


class Problem(NamedTuple):
    """One question with a target and a scorer, and what its score is broken down by."""

    id: str
    """`<sample id>#<turn>`, or `<benchmark>/<index>`."""
    source: str
    """Name of the source, or of the benchmark."""
    turn: Turn
    pictures: tuple[Picture, ...]
    labels: dict[str, str]
    reference: Stages | None = None
    """The stages of a trace without an error, where there is one: for the judge that knows it."""

    @property
    def key(self) -> str:
        """Digest of what is asked: an answer that was given to anything else is not an answer to this."""
        return digest_json([self.turn.model_dump(mode="json"), [picture.digest for picture in self.pictures]])

    @property
    def group(self) -> str:
        """The first image, by its digest, else the id: what is drawn as a whole when questions are resampled."""
        return self.pictures[0].digest if self.pictures else self.id


def of_release(folder: Path, split: str, limit: int | None = None) -> list[Problem]:
    """Return every turn of the split that can be scored, with or without a trace, in the order of the release.

    Raises DataError, which says what the release has, where there is none.
    """
    splits = Counter[str]()
    problems = list(islice(_problems(folder, split, splits), limit))
    if not problems:
        have = ", ".join(f"{name} ({count:,} samples)" for name, count in sorted(splits.items())) or "no samples"
        reason = "none that has a target and a scorer" if splits[split] else "it has none"
        raise DataError(f"{folder} has nothing to ask in the split {split!r}: {reason}; it has {have}")
    return problems


def _problems(folder: Path, split: str, splits: Counter[str]) -> Iterator[Problem]:
    for item in jsonl.read(folder):
        splits[item.split] += 1
        if item.split == split:
            yield from _of_item(folder, item)


def _of_item(folder: Path, item: Item) -> Iterator[Problem]:
    sample = item.sample
    for index, turn in enumerate(sample.turns):
        if turn.targets and turn.scorer:
            reference = next((t.stages for t in item.traces if t.turn == index and not item.errors.get(t.id)), None)
            pictures = _pictures(folder, sample)
            yield Problem(f"{sample.id}#{index}", sample.source, turn, pictures, sample.labels, reference)


def _pictures(folder: Path, sample: Sample) -> tuple[Picture, ...]:
    return tuple(Picture(ref.digest, jsonl.image_file(folder, ref)) for ref in sample.images)
