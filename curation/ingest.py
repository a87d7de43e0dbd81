"""Rows become samples: read from where the user says, stored with their images, their faults noted as Issues."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

from curation import sources
from curation.images import LoadedImage
from curation.recipes import Flawed
from curation.sources import Row
from curation.store import Store
from curation.store.queries import flawed_traces
from curation.store.steps import put_issues, put_samples
from curation.store.writer import Writer
from schemas.issue import Issue, Severity
from schemas.sample import Sample


class Place(NamedTuple):
    """Where the rows of a source are read from."""

    source: str
    at: Path | Literal["hub", "bundled"]
    splits: tuple[str, ...] = ()
    """Empty for the usual ones: `train`, or all that the bundled sample has."""
    limit: int | None = None
    """Rows to read, over all splits."""


class Ready(NamedTuple):
    """A sample whose images are at hand."""

    sample: Sample
    images: tuple[LoadedImage, ...]
    flawed: Mapping[int, Flawed] = MappingProxyType({})
    """By turn, the traces to repair: where there is any, no other turn is asked."""


class Tally:
    """What was read."""

    def __init__(self) -> None:
        self.rows = 0
        self.samples = 0
        self.unusable: Counter[str] = Counter()
        """Rows that can't be samples, by code of the error."""
        self.remarks: Counter[str] = Counter()

    def count(self, sample: Sample | None, issues: tuple[Issue, ...]) -> None:
        """Count a row."""
        self.rows += 1
        self.samples += sample is not None
        for issue in issues:
            (self.unusable if issue.severity is Severity.ERROR else self.remarks)[issue.code] += 1


def read(place: Place) -> Iterator[Row]:
    """Read the rows of a place, one at a time. Raises DataError or MissingError where there are none."""
    return islice(_rows(place), place.limit)


def _rows(place: Place) -> Iterator[Row]:
    source = sources.get(place.source)
    if place.at == "bundled":
        folder = sources.BUNDLED / place.source
        for split in place.splits or source.SPLITS:
            yield from source.rows(folder, split)
        return
    for split in place.splits or ("train",):
        yield from source.hub_rows(split) if place.at == "hub" else source.rows(place.at, split)


def ready(place: Place, tally: Tally, store: Store | None = None, writer: Writer | None = None) -> Iterator[Ready]:
    """Read the samples of a place; store them, their images and what is wrong with them, where there is a store."""
    source = sources.get(place.source)
    for row in read(place):
        sample, issues = source.to_sample(row)
        tally.count(sample, issues)
        images = tuple(image for image in row.images if isinstance(image, LoadedImage))
        if store is not None and writer is not None:
            _keep(store, writer, sample, issues, images)
        if sample is not None:
            yield Ready(sample, images)


def flawed(store: Store, sources: Sequence[str], tally: Tally) -> Iterator[Ready]:
    """Read back the samples of these sources with a trace that has an open error and was not repaired yet."""
    for sample, found in flawed_traces(store.engine, sources):
        tally.count(sample, ())
        images = tuple(LoadedImage(ref, store.images.path(ref).read_bytes()) for ref in sample.images)
        yield Ready(sample, images, {each.trace.turn: Flawed(*each) for each in found})


def _keep(
    store: Store, writer: Writer, sample: Sample | None, issues: tuple[Issue, ...], images: tuple[LoadedImage, ...]
) -> None:
    for issue in issues:
        writer.post(put_issues, issue)
    if sample is not None:
        for image in images:
            store.images.put(image)
        writer.post(put_samples, sample)
