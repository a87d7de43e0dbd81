"""The verb `release` and its commands: `release verify DIR`, `release diff BEFORE AFTER`."""

from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from curation import release
from curation.config import Config, Report, Table
from curation.errors import Exit
from curation.progress import live
from curation.releases import comparing, proving
from curation.releases.comparing import Change, Setting
from curation.releases.contents import readable

_SHOWN = 20
"""Records of each kind that are named."""


class VerifyReport(Report):
    """What a release is not."""

    release: Path
    files: int
    bytes: int
    faults: list[str]
    counted: bool
    """Its records can be read, and were counted again."""

    @property
    def exit_code(self) -> Exit:
        """1 where something is not as the manifest says."""
        return Exit.FAILURES if self.faults else Exit.DONE

    def lines(self) -> list[str]:
        """Return each difference, or that there is none."""
        if self.faults:
            return [*self.faults, f"{self.release} is not what was built: export it, or pull it, again."]
        counted = ", and its records were counted again" if self.counted else ""
        return [f"{self.release} is what was built: {self.files:,} files, {self.bytes:,} bytes{counted}."]


def verify(folder: Path, /, *, config: Annotated[Config, Parameter(name="*")] = Config()) -> VerifyReport:  # noqa: ARG001, B008 - frozen
    """Derive a release's digests and counts again, and name each difference from its manifest.

    Every file, every image by its own digest, and the numbers of samples and traces. Exit code 1 where one differs.
    """
    manifest = release.read_manifest(folder)
    size = sum(file.bytes for file in manifest.files)
    return VerifyReport(
        release=folder,
        files=len(manifest.files),
        bytes=size,
        faults=list(proving.faults(folder)),
        counted=readable(manifest),
    )


class DiffReport(Report):
    """What differs between two releases."""

    settings: list[Setting]
    """Of the manifests, by their paths in them."""
    changes: dict[str, int]
    """Samples by what became of them."""
    named: list[Change]
    """Some of each kind, by id."""
    comparable: bool
    """The records of both can be read."""

    def tables(self) -> list[Table]:
        """Return the settings and the samples that differ."""
        rows = [(what, sample_id, _short(before), _short(after)) for what, sample_id, before, after in self.named]
        return [
            Table(
                "manifest", ("what", "before", "after"), [(s.name, str(s.before), str(s.after)) for s in self.settings]
            ),
            Table("samples", ("what", "sample", "before", "after"), rows),
        ]

    def lines(self) -> list[str]:
        """Return the counts."""
        if not self.comparable:
            return ["Their records can't be told from each other in this format: jsonl, webdataset and parquet can."]
        if not self.changes:
            return ["Both hold the same records."]
        return [f"{count:,} samples: {what}." for what, count in self.changes.items()]


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def diff(
    before: Path,
    after: Path,
    /,
    *,
    config: Annotated[Config, Parameter(name="*")] = Config(),  # noqa: ARG001, B008 - frozen
) -> DiffReport:
    """Say what changed from one release to another: settings, counts, and records by their ids."""
    manifests = release.read_manifest(before), release.read_manifest(after)
    comparable = comparing.comparable(*manifests)
    counts: Counter[str] = Counter()
    named: list[Change] = []
    with live("release diff") as advance:
        for change in comparing.changes(before, after) if comparable else ():
            counts[change.what] += 1
            if counts[change.what] <= _SHOWN:
                named.append(change)
            advance(counts.total(), "samples that differ")
    return DiffReport(
        settings=list(comparing.settings(*manifests)), changes=dict(counts), named=named, comparable=comparable
    )


app = App(name="release", help="Built releases: is one what its manifest says, and what differs between two?")
app.command(verify)
app.command(diff)
