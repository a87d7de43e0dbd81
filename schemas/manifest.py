"""What a built folder was made from, and how to tell that it is still what was built."""

from typing import Any, Literal

from pydantic import Field

from schemas.sample import Record


class FileEntry(Record):
    """One file of the folder, by its path relative to it."""

    path: str
    bytes: int
    digest: str


class Agreement(Record):
    """How far reviewers agree beyond chance: Krippendorff's α, with its 95 % interval, rounded to four digits."""

    value: float | None
    """None where it is not defined."""
    low: float | None
    high: float | None
    records: int
    """Traces that two reviewers looked at, neither knowing what the other said."""
    agreed: float | None
    """Share of these of which both said the same."""
    reason: str
    """Why the figure, or its interval, is not defined; empty where it is."""


class Manifest(Record):
    """A release's or a training run's inputs, counts, files and versions.

    It holds no time and no machine path: the same inputs give the same bytes.
    """

    kind: Literal["release", "run"]
    format: str
    format_version: int = Field(ge=1)
    counts: dict[str, dict[str, int]]
    """Counts by what is counted, for instance `{"traces": {"train": 12}, "sources": {"chartqa": 12}}`."""
    agreement: dict[str, Agreement] = Field(default_factory=dict)
    """Of reviewers on their decisions (`decision`) and on each stage; empty where nobody looked twice."""
    config: dict[str, Any]
    """The settings that decide the content."""
    inputs: dict[str, str]
    """Digests of what went in, for instance `{"traces": "sha256:…"}`."""
    versions: dict[str, str]
    """Versions of the packages that wrote it."""
    files: tuple[FileEntry, ...]
