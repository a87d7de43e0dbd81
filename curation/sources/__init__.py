"""The sources: one file each, which reads what the data set's owners ship and maps a row to a Sample.

A source never imports torch, a database or a paid client. `rows` and `hub_rows` do the reading, one row at a time;
`to_sample` is pure. What is wrong with one row becomes an Issue, what is wrong with the folder a DataError.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast, overload

from curation import registry
from curation.images import ImageFault, LoadedImage
from schemas.issue import Issue
from schemas.sample import Facts, Sample

BUNDLED = Path(__file__).parent / "_samples"
"""Folder with a small sample of each source, in the official layout, drawn by this project."""


class Pictures(Sequence[LoadedImage | ImageFault]):
    """The images of a row: read when one looks at them, so that a row which isn't taken costs no reading."""

    def __init__(self, *readers: Callable[[], LoadedImage | ImageFault]) -> None:
        self._readers = readers
        self._images: tuple[LoadedImage | ImageFault, ...] | None = None

    def _read(self) -> tuple[LoadedImage | ImageFault, ...]:
        if self._images is None:
            self._images = tuple(reader() for reader in self._readers)
        return self._images

    def __iter__(self) -> Iterator[LoadedImage | ImageFault]:
        """Return the images one after the other; the one that a Sequence has is five times as slow."""
        return iter(self._read())

    @overload
    def __getitem__(self, index: int) -> LoadedImage | ImageFault: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LoadedImage | ImageFault, ...]: ...
    def __getitem__(self, index: Any) -> Any:
        """Return an image, or what is wrong with it."""
        return self._read()[index]

    def __eq__(self, other: object) -> bool:
        """Tell whether the images are the same."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        """Count the images, without reading them."""
        return len(self._readers)


class Row(NamedTuple):
    """One record as its owners ship it."""

    where: str
    """The place to name in an error, for instance `test_human.json, record 12`."""
    split: str
    fields: dict[str, Any]
    images: Sequence[LoadedImage | ImageFault] = ()
    facts: Facts | None = None
    """What the owners say is in the image, where they do."""


class Ingested(NamedTuple):
    """A row as a Sample, or as the Issues that say why it can't be one; with a Sample they are remarks."""

    sample: Sample | None
    issues: tuple[Issue, ...] = ()


class Source(Protocol):
    """What a file in this folder defines."""

    TITLE: str
    HOMEPAGE: str
    LICENCE: str
    CITATION: str
    """What its owners ask users to cite, as it stands on each sample."""
    BIBTEX: str
    """The same for a card: an entry for each paper."""
    HUBS: tuple[str, ...]
    """Ids of data sets on the Hub whose columns are known, the usual one first; empty where there is none."""
    COUNTS: Mapping[str, int]
    """Questions in each split, as published; 0 where it is not known. The keys are the splits."""
    SCORER: str
    """Name of the official metric; empty where there is none."""

    def rows(self, folder: Path, split: str) -> Iterator[Row]:
        """Read the official layout below `folder`. Raises DataError where it is not that layout."""

    def hub_rows(self, split: str, hub: str = "") -> Iterator[Row]:
        """Stream the same split from a data set on the Hub. Raises MissingError where it can't be reached."""

    def to_sample(self, row: Row) -> Ingested:
        """Map one row, with no reading but of its images, and no writing."""


def get(name: str) -> Source:
    """Return the source of that name. Raises UsageError for an unknown one."""
    return cast("Source", registry.load(__name__, name))


def published() -> tuple[str, ...]:
    """Return the names of the sources that their owners publish: all but those that are drawn here."""
    return tuple(name for name in registry.names(__name__) if any(get(name).COUNTS.values()))
