"""The exporters: one file for each format a release can have."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Protocol, cast

from curation import registry
from schemas.issue import Issue
from schemas.review import Event
from schemas.sample import ImageRef, Record, Sample
from schemas.trace import Trace
from schemas.verdict import Compared, Verdict

STANDING = "standing"
"""Stands for a rule where no line of a policy excludes a trace: another one stands for its turn."""


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


class Said(NamedTuple):
    """What was said of one trace."""

    reviews: tuple[Event, ...] = ()
    """Decisions that count, in their order, without skips; of an edit those on the trace that it edits."""
    verdicts: tuple[Verdict, ...] = ()
    """Of all judges."""
    issues: tuple[Issue, ...] = ()
    """The open ones, by code."""
    comparisons: tuple[Compared, ...] = ()
    """What judges said of it beside the trace that it repairs."""


class Parameters(NamedTuple):
    """How a call was sampled; None where the endpoint did what it does by itself."""

    key: str
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    max_tokens: int | None = None


class Asked(NamedTuple):
    """How a model was asked for a trace, as far as it is known."""

    calls: tuple[Parameters, ...] = ()
    answer_shown: bool | None = None
    """The standard answer was in view."""


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
    said: Mapping[str, Said] = MappingProxyType({})
    """Of each trace, rejected ones too, of which something was said, by its id. Only a format with SAID has it."""
    asked: Mapping[str, Asked] = MappingProxyType({})
    """How a model was asked for each trace, rejected ones too, by its id. Only a format with SAID has it."""
    direct: Mapping[int, str] = MappingProxyType({})
    """Why turns whose answers are known have no trace, by turn. Only a format with CONFIGURATIONS has them."""


ImagePath = Callable[[ImageRef], Path]
"""Where the image's bytes lie; read only."""


class Exporter(Protocol):
    """What a file in this folder defines; `read` and `pictures` only where the format loses nothing.

    Where SAID is true, its items come with what was said of their traces; where CONTRASTS is true, they have rejected
    traces whatever the policy says.
    """

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


class Configured(Exporter, Protocol):
    """A format that holds several configurations."""

    CONFIGURATIONS: tuple[str, ...]
    """Those that are written where they are asked for, beside `default`."""

    def write(self, items: Iterable[Item], folder: Path, image_path: ImagePath, also: Sequence[str] = ()) -> None:
        """Write the items, and these configurations beside `default`."""

    def holds(self, item: Item, also: Sequence[str]) -> bool:
        """Tell whether `read` gives an item back that was written with these; else it only has rows made of it."""

    def rows(self, folder: Path) -> dict[str, dict[str, int]]:
        """Return how many rows each configuration has in each split."""


def configured(exporter: Exporter) -> Configured | None:
    """Return the exporter as one of several configurations, None where it has but one."""
    return cast("Configured", exporter) if hasattr(exporter, "CONFIGURATIONS") else None


def get(name: str) -> Exporter:
    """Return the exporter of that name. Raises UsageError for an unknown one."""
    return cast("Exporter", registry.load(__name__, name))
