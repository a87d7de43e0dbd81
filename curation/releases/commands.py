"""The verb `release` and its commands: `release verify DIR`, `release diff BEFORE AFTER`, `release card DIR`."""

from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from pydantic import Field

from curation import release
from curation.config import Config, Report, Table
from curation.errors import Exit, UsageError
from curation.progress import live
from curation.releases import card, comparing, proving
from curation.releases.card import results as told
from curation.releases.card.front import terms
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
    card: list[str]
    """What its card says, and its data doesn't."""

    @property
    def exit_code(self) -> Exit:
        """1 where something is not as the manifest says."""
        return Exit.FAILURES if self.faults or self.card else Exit.DONE

    def lines(self) -> list[str]:
        """Return each difference, or that there is none."""
        if self.faults:
            return [*self.faults, *self.card, f"{self.release} is not what was built: export it, or pull it, again."]
        counted = ", and its records were counted again" if self.counted else ""
        built = f"{self.release} is what was built: {self.files:,} files, {self.bytes:,} bytes{counted}."
        return [built, *self.card, *([card.REMEDY] if self.card else [])]


def verify(folder: Path, /, *, config: Annotated[Config, Parameter(name="*")] = Config()) -> VerifyReport:  # noqa: ARG001, B008 - frozen
    """Derive a release's digests and counts again, and name each difference from its manifest.

    Every file, every image by its own digest, and every number that follows from what is there; what the card says of
    licence, size and configurations, too. Exit code 1 where something differs.
    """
    manifest = release.read_manifest(folder)
    size = sum(file.bytes for file in manifest.files)
    return VerifyReport(
        release=folder,
        files=len(manifest.files),
        bytes=size,
        faults=list(proving.faults(folder)),
        counted=readable(manifest),
        card=list(card.differences(folder)),
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


class CardConfig(Config):
    """Flags of `release card`."""

    results: Path | None = Field(
        None, description="The results.json that `verify` wrote: the card says how the trained models did."
    )
    repo: str = Field(card.NOWHERE, description="Name on the Hub, for the lines that load it.")
    out: Path | None = Field(
        None, description="File for the text alone [default: README.md in the release, with pictures in card/]."
    )


class CardReport(Report):
    """What was written."""

    path: Path
    licence: str
    """The strictest of the samples'."""

    def lines(self) -> list[str]:
        """Return where it is."""
        return [f"{self.path} is written; the strictest licence is {self.licence!r}."]


def write_card(folder: Path, /, *, config: Annotated[CardConfig, Parameter(name="*")] = CardConfig()) -> CardReport:  # noqa: B008 - frozen
    """Write a release's card, README.md, as the Hub shows it, from the data alone: `export` does so, too.

    A card that people edited is not overwritten: write the new one elsewhere with --out, or remove it first.
    """
    if config.out is None and card.is_edited(folder):
        raise UsageError(f"{folder / release.CARD} was edited: --out FILE writes the new one elsewhere, or remove it")
    results = told.read(config.results) if config.results else None
    with live("release card"):
        path = card.write(folder, results, config.repo, config.out)
    return CardReport(path=path, licence=terms(release.read_manifest(folder)).licence)


app = App(name="release", help="Built releases: is one what its manifest says, and what differs between two?")
app.command(verify)
app.command(diff)
app.command(write_card, name="card")
