"""What is left of each kind of question to train on, of what there was before curation."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from curation.strata import MOST_VALUES
from exports import jsonl
from schemas.manifest import Manifest


class Coverage(NamedTuple):
    """A kind of question, for instance `scenes level=hard`."""

    name: str
    before: int
    left: int


def of_release(folder: Path) -> list[Coverage]:
    """Return the strata of a proven release, as its manifest counts them before and after the selection.

    Where all was selected, they are those of the traces in train: all, and those without an open error.
    """
    counts = Manifest.model_validate_json((folder / "manifest.json").read_bytes()).counts
    before, left = counts.get("strata_before", {}), counts.get("strata", {})
    if before != left:
        return [Coverage(name, count, left.get(name, 0)) for name, count in before.items()]
    return _of_traces(folder)


def _of_traces(folder: Path) -> list[Coverage]:
    every, clean = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for kind, is_clean in _traces(folder):
        every[kind] += 1
        clean[kind] += is_clean
    values = Counter(label for label, _ in every)
    return [
        Coverage(f"{label}={value}", count, clean[label, value])
        for (label, value), count in sorted(every.items())
        if 1 < values[label] <= MOST_VALUES
    ]


def _traces(folder: Path) -> Iterator[tuple[tuple[str, str], bool]]:
    """Yield the label and the value of each stratum of each trace in train, and whether the trace is clean."""
    for item in jsonl.read(folder):
        if item.split == "train":
            for trace in item.traces:
                for label, value in item.sample.labels.items():
                    yield (f"{item.sample.source} {label}", value), not item.errors.get(trace.id)
