"""The sources: one file each, which reads what the data set's owners ship and maps a row to a Sample.

A source never imports torch, a database or a paid client. `rows` and `hub_rows` do the reading, one row at a time;
`to_sample` is pure. What is wrong with one row becomes an Issue, what is wrong with the folder a DataError.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from curation import registry
from curation.images import ImageFault, LoadedImage
from schemas.issue import Issue
from schemas.sample import Sample

BUNDLED = Path(__file__).parent / "_samples"
"""Folder with a small sample of each source, in the official layout, drawn by this project."""


class Row(NamedTuple):
    """One record as its owners ship it."""

    where: str
    """The place to name in an error, for instance `test_human.json, record 12`."""
    split: str
    fields: dict[str, Any]
    images: tuple[LoadedImage | ImageFault, ...]


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
    HUB: str
    """Id of the data set on the Hub; empty where there is none."""
    SPLITS: tuple[str, ...]
    SCORER: str

    def rows(self, folder: Path, split: str) -> Iterator[Row]:
        """Read the official layout below `folder`. Raises DataError where it is not that layout."""

    def hub_rows(self, split: str) -> Iterator[Row]:
        """Stream the same split from the Hub. Raises MissingError where it can't be reached."""

    def to_sample(self, row: Row) -> Ingested:
        """Map one row, with no reading and no writing."""


def get(name: str) -> Source:
    """Return the source of that name. Raises UsageError for an unknown one."""
    return cast("Source", registry.load(__name__, name))
