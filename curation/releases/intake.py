"""A release's records and images on their way into a workspace, under the ids that they have.

Rejected traces come with what speaks against them (see `reasons`), so that no policy takes what one rejected there.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import Connection, select

import exports
from curation import opinions
from curation.errors import DataError
from curation.images import ImageFault, LoadedImage, inspect
from curation.progress import Advance
from curation.releases.reasons import Opinions, Origin, bring
from curation.splits import NAMES
from curation.store import Store
from curation.store.divided import plan_of, put_splits
from curation.store.queries import PAGE
from curation.store.steps import StoredTrace, put_samples, put_traces
from curation.store.tables import samples, traces
from curation.store.text import from_json
from exports import Item
from schemas.manifest import Manifest
from schemas.sample import ImageRef, Sample

T = TypeVar("T")

BATCH = 200
"""Samples that are stored at once."""


def possible(manifest: Manifest) -> bool:
    """Tell whether a release of this format loses nothing, images included."""
    return hasattr(exports.get(manifest.format), "pictures")


class Intake:
    """Puts what is new into a workspace, and counts it. What is there stays as it is.

    Samples stay in the splits of the release: what one team tests with, no other trains on.
    """

    def __init__(self, store: Store, origin: str) -> None:
        """Begin; `origin` names the release's repository."""
        self.samples = self.traces = self.already = self.rejected = 0
        self.differing: list[str] = []
        """Samples that are there with another content: their traces may be about something else."""
        self._store = store
        self._origin = Origin.of(origin)

    def take(self, folder: Path, manifest: Manifest, advance: Advance) -> None:
        """Bring in a release that was proven. Images come first: a record is never without them.

        Raises DataError, before any record is stored, where an image is not what its record says.
        """
        exporter = exports.get(manifest.format)
        kept: set[str] = set()
        for ref, data in exporter.pictures(folder):
            if ref.digest not in kept:
                self._store.images.put(_image(folder, ref, data))
                kept.add(ref.digest)
                advance(0, f"{len(kept):,} images")
        done, plan, told = 0, _plan(manifest), Opinions(opinions.read(folder))
        for batch in _batches(exporter.read(folder)):
            with self._store.writing() as connection:
                self._add(connection, batch, told)
                if plan:
                    put_splits(connection, plan, {i.sample.id: i.split for i in batch if i.split in NAMES})
            done += len(batch)
            advance(done, f"samples, {self.samples:,} of them new")

    def _add(self, connection: Connection, batch: Sequence[Item], told: Opinions) -> None:
        """Store a batch, all of it or nothing."""
        before = _stored(connection, [item.sample.id for item in batch])
        differs = {item.sample.id for item in batch if before.get(item.sample.id, item.sample) != item.sample}
        fitting = [item for item in batch if item.sample.id not in differs]
        taken = [trace for item in fitting for trace in item.traces]
        rejected = [one.trace for item in fitting for one in item.rejected]
        known = _known(connection, [trace.id for trace in (*taken, *rejected)])
        new = [trace for trace in (*taken, *rejected) if trace.id not in known]
        samples_new = [item.sample for item in batch if item.sample.id not in before]
        put_samples(connection, samples_new)
        put_traces(connection, [StoredTrace(trace, None) for trace in new])
        bring(connection, fitting, frozenset(trace.id for trace in new), told, self._origin)
        self.samples += len(samples_new)
        self.traces += sum(trace.id not in known for trace in taken)
        self.rejected += sum(trace.id not in known for trace in rejected)
        self.already += len(batch) - len(samples_new) - len(differs) + len(known)
        self.differing += sorted(differs)


def _plan(manifest: Manifest) -> str | None:
    """Return the name of the release's splits; None where they are those of the sources, or it doesn't say."""
    try:
        asked = _Asked.model_validate(manifest.config)
    except ValidationError:
        return None
    return plan_of(asked.splits, asked.seed)


class _Asked(BaseModel):
    """What a release's settings say of its splits; others wrote them."""

    splits: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)]


def _image(folder: Path, ref: ImageRef, data: bytes) -> LoadedImage:
    """Look at an image as at one that a source has: others made it, and it will be shown to people."""
    try:
        image = inspect(data)
    except ImageFault as fault:
        raise DataError(f"{folder}: the image {ref.digest} can't be used: {fault.message}") from fault
    if image.ref != ref:
        raise DataError(f"{folder}: the image {ref.digest} is not what its record says")
    return image


def _stored(connection: Connection, ids: Sequence[str]) -> dict[str, Sample]:
    found = connection.execute(select(samples.c.id, samples.c.record).where(samples.c.id.in_(ids)))
    return {row.id: from_json(Sample, row.record) for row in found}


def _known(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return those of the ids that traces of the workspace have."""
    found: set[str] = set()
    for start in range(0, len(ids), PAGE):
        query = select(traces.c.id).where(traces.c.id.in_(ids[start : start + PAGE]))
        found |= set(connection.execute(query).scalars())
    return found


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
