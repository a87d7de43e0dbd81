"""The exporters: one file for each format a release can have."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol, cast

from curation import registry
from schemas.sample import ImageRef, Record, Sample
from schemas.trace import Trace


class Rejected(Record):
    """A trace that a release does not take, and why: for pairs of a better and a worse one, and for labels of steps."""

    trace: Trace
    rule: str
    """Name of the policy's line that excluded it, or of another reason."""
    line: int
    """Of the policy; 0 where it was no line of it."""
    reason: str
    codes: tuple[str, ...] = ()
    """Of its open errors."""


class Item(NamedTuple):
    """One record of a release: a sample, at most one trace for each of its turns, and its split."""

    sample: Sample
    traces: tuple[Trace, ...]
    """In the order of the turns. A format without QUESTIONS leaves out a turn that has none."""
    split: str
    errors: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Codes of the open errors of each trace that has any, by its id."""
    rejected: tuple[Rejected, ...] = ()
    """By turn. Only a format with REJECTED holds them."""


ImagePath = Callable[[ImageRef], Path]
"""Where the image's bytes lie; read only."""


class Exporter(Protocol):
    """What a file in this folder defines; `read` and `pictures` only where the format loses nothing."""

    FORMAT_VERSION: int
    QUESTIONS: bool
    """Whether samples without a trace belong into validation and test: a model is asked, not shown."""
    REJECTED: bool
    """Whether it has a place for traces that a policy rejects and keeps."""

    def write(self, items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
        """Write the items, in the order given, into the empty folder. The same items give the same bytes."""

    def read(self, folder: Path) -> Iterator[Item]:
        """Read back what `write` wrote. Raises DataError where the folder is not that."""

    def pictures(self, folder: Path) -> Iterator[tuple[ImageRef, bytes]]:
        """Give the images of what `write` wrote, one that several samples show perhaps again."""


def get(name: str) -> Exporter:
    """Return the exporter of that name. Raises UsageError for an unknown one."""
    return cast("Exporter", registry.load(__name__, name))
