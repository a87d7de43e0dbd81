"""Rows become samples: read from where the user says, stored with their images, their faults noted as Issues."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Literal, NamedTuple

from curation import sources
from curation.errors import DataError, MissingError, UsageError
from curation.images import LoadedImage
from curation.ingest.repeats import Repeats
from curation.recipes import Flawed
from curation.sources import Row
from curation.store import Store
from curation.store.flaws import Repair, flawed_traces
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
    seed: int | None = None
    """With a limit: draw the rows at random, each as likely as any other. None takes the first ones."""
    hub: str = ""
    """Id of the data set on the Hub; empty for the source's usual one."""


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
        self.missing: dict[str, str] = {}
        """Sources that could not be read, of several, and why."""
        self.by_source: Counter[str] = Counter()
        """Rows of each source."""
        self.short: dict[str, int] = {}
        """Sources that had fewer rows than were asked for, and how many were."""

    def count(self, source: str, sample: Sample | None, issues: tuple[Issue, ...]) -> None:
        """Count a row."""
        self.rows += 1
        self.by_source[source] += 1
        self.samples += sample is not None
        for issue in issues:
            (self.unusable if issue.severity is Severity.ERROR else self.remarks)[issue.code] += 1


def read(place: Place) -> Iterator[Row]:
    """Read the rows of a place, one at a time. Raises DataError or MissingError where there are none."""
    return take(_rows(place), place.limit, place.seed, place.source)


def take(rows: Iterator[Row], limit: int | None, seed: int | None, source: str) -> Iterator[Row]:
    """Return all rows, the first ones, or, with a seed, so many that are drawn at random."""
    if limit is None or seed is None:
        return islice(rows, limit)
    return iter(_drawn(rows, limit, Random(f"{seed}:{source}")))  # noqa: S311 - not secrets


def _drawn(rows: Iterator[Row], limit: int, rng: Random) -> list[Row]:
    """Draw rows, in one pass that keeps no more of them (algorithm R: https://doi.org/10.1145/3147.3165)."""
    kept = list(enumerate(islice(rows, limit)))
    for number, row in enumerate(rows, start=limit):
        if (place := rng.randrange(number + 1)) < limit:
            kept[place] = number, row
    return [row for _, row in sorted(kept, key=itemgetter(0))]


def _rows(place: Place) -> Iterator[Row]:
    source = sources.get(place.source)
    if place.at == "bundled":
        folder = sources.BUNDLED / place.source
        for split in place.splits or source.COUNTS:
            yield from source.rows(folder, split)
        return
    for split in place.splits or ("train",):
        yield from source.hub_rows(split, place.hub) if place.at == "hub" else source.rows(place.at, split)


def ready_all(
    places: Sequence[Place], tally: Tally, store: Store | None = None, writer: Writer | None = None
) -> Iterator[Ready]:
    """Read the samples of several places; of several, one that can't be read is noted, and the next is read."""
    for place in places:
        try:
            yield from ready(place, tally, store, writer)
            if place.limit is not None and tally.by_source[place.source] < place.limit:
                tally.short[place.source] = place.limit
        except (DataError, MissingError, UsageError) as error:  # the last for a split that this one has not
            if len(places) == 1:
                raise
            tally.missing[place.source] = str(error)
    if places and len(tally.missing) == len(places):
        raise MissingError(f"none of the sources can be read; {places[0].source}: {tally.missing[places[0].source]}")


def ready(place: Place, tally: Tally, store: Store | None = None, writer: Writer | None = None) -> Iterator[Ready]:
    """Read the samples of a place; store them, their images and what is wrong with them, where there is a store."""
    source = sources.get(place.source)
    repeats = Repeats()
    for row in read(place):
        sample, issues = source.to_sample(row)
        if sample is not None:
            same = repeats.before(sample)
            sample, issues = (None, (repeated(row, sample, same),)) if same else (sample, issues)
        tally.count(place.source, sample, issues)
        images = tuple(image for image in row.images if isinstance(image, LoadedImage)) if sample else ()
        if store is not None and writer is not None:
            _keep(store, writer, sample, issues, images)
        if sample is not None:
            yield Ready(sample, images)


def repeated(row: Row, sample: Sample, same: Literal["row", "id"]) -> Issue:
    """Name a row that an earlier one already is: a warning, as an error would count against the earlier sample."""
    why = "an earlier record is the same" if same == "row" else "an earlier record has this id, and another content"
    return Issue(
        sample_id=sample.id,
        code=f"source:duplicate-{same}",
        severity=Severity.WARNING,
        message=f"{row.where}: {why}",
        evidence=sample.turns[0].question[:200],
    )


def flawed(store: Store, sources: Sequence[str], tally: Tally, repair: Repair) -> Iterator[Ready]:
    """Read back the samples of these sources with a trace that the repair is for."""
    for sample, found in flawed_traces(store.engine, sources, repair):
        tally.count(sample.source, sample, ())
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
