"""The sweeps: checks that compare all traces with each other, one file each.

Where a validator looks at each row by itself, a sweep sees every batch of the workspace, in an order in which what
was swept before comes first: so that of two that are alike, the later one is found.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, cast

import polars as pl

from curation import registry

_COLUMNS: dict[str, Any] = {
    "digest": pl.String,
    "width": pl.Int32,
    "height": pl.Int32,
    "contrast": pl.Float64,
    "fault": pl.String,
    "group": pl.String,
    "mirror": pl.String,
}
LOOKS = pl.Schema(_COLUMNS)
"""What is known of each image: `curation.images.looks.Marks`, and the least digest of those that look like it, its own
included; and the least of the groups that show their mirror image. There is none for an image that can't be read, or
that is blank, and looks like any other."""


class Sweep(Protocol):
    """What a file in this folder defines."""

    VERSION: int
    """Raised when it finds other things than before; everything is then swept again."""

    def sweep(self, batches: Iterator[pl.DataFrame], looks: pl.DataFrame) -> pl.DataFrame:
        """Return the findings in all batches (`validators.SCHEMA`), in the columns of `validators.FOUND`.

        `looks` (`LOOKS`) is what is known of the images; nothing of one that was not looked at.
        """


def get(name: str) -> Sweep:
    """Return the sweep of that name. Raises UsageError for an unknown one."""
    return cast("Sweep", registry.load(__name__, name))


def versions(names: Iterable[str] = ()) -> dict[str, int]:
    """Return the version of each sweep named, of all where none is named."""
    return {name: get(name).VERSION for name in (tuple(names) or registry.names(__name__))}
