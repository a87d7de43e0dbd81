"""The dataset card: README.md, as the Hub shows it, and the pictures in `card/` that it refers to.

It is made of a release's data alone, so that the same release has the same card. It is a description, which people
may edit: it is none of the release's files, and no digest of the manifest covers it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from curation import release
from curation.errors import DataError, StoreError, UsageError
from curation.page import put
from curation.release import CARD, CARD_PICTURES
from curation.releases.card import front
from curation.releases.card.examples import Example, examples
from curation.releases.card.leavings import left_out
from curation.releases.card.making import Made
from curation.releases.card.mark import is_generated, marked
from curation.releases.card.page import Card, render
from curation.releases.card.results import Results
from curation.releases.card.rows import facts

NOWHERE = "ORG/NAME"
"""Stands for a name on the Hub."""
REMEDY = f"`release card DIR` writes {CARD} again; one that people edited has to be removed first."
FORMATS = ("parquet", "jsonl")
"""Formats whose releases have a card."""


def write(folder: Path, results: Results | None = None, repo: str = NOWHERE, out: Path | None = None) -> Path:
    """Write the card of a release into its folder, or only its text to `out`; return where it is.

    `repo` is its name on the Hub, for the lines that load it. Raises what `read_manifest` does, UsageError for a format
    without a card, DataError where the records can't be read, StoreError where the card can't be written.
    """
    manifest = release.read_manifest(folder)
    if manifest.format not in FORMATS:
        raise UsageError(f"{folder} has the format {manifest.format}, which has no card: {' and '.join(FORMATS)} have")
    made = Made(folder, manifest, facts(folder, manifest.format), _digest(folder), repo)
    shown = _examples(made)
    pictures = [f"{CARD_PICTURES}/{number:02d}.jpg" if each.picture else None for number, each in enumerate(shown, 1)]
    text = render(Card(made, left_out(folder), shown, pictures, results))
    path = out or folder / CARD
    try:
        if out is None:
            _put_pictures(folder, dict(zip(pictures, (each.picture for each in shown), strict=True)))
        put(path, marked(text))
    except OSError as error:
        raise StoreError(f"{error.filename or path} can't be written: {error.strerror}") from error
    return path


def _digest(folder: Path) -> str:
    return release.file_digest(folder / release.MANIFEST).removeprefix("sha256:")


def _examples(made: Made) -> list[Example]:
    try:
        return examples(made.facts.examples, front.by_size(made.manifest.counts.get("samples_by_source", {})))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{made.folder} can't be read: {' '.join(str(error).split())[:200]}") from error


def _put_pictures(folder: Path, pictures: dict[str | None, bytes | None]) -> None:
    """Write the pictures, and remove those of an earlier card; what people put beside them stays."""
    (folder / CARD_PICTURES).mkdir(exist_ok=True)
    for earlier in (folder / CARD_PICTURES).glob("[0-9][0-9].jpg"):
        earlier.unlink()
    for name, data in pictures.items():
        if name and data:
            (folder / name).write_bytes(data)


def is_edited(folder: Path) -> bool:
    """Tell whether a folder has a card that people wrote, or changed."""
    path = folder / CARD
    return path.is_file() and not is_generated(path.read_bytes())


def copy(folder: Path, to: Path) -> None:
    """Copy a card with its pictures."""
    for name, path in release.description(folder).items():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to / name)


def differences(folder: Path) -> Iterator[str]:
    """Give a sentence for each thing that the card in a release's folder says and its manifest does not."""
    path = folder / CARD
    if path.is_file():
        manifest = release.read_manifest(folder)
        yield from (f"{CARD}: {each}" for each in front.differences(path.read_bytes(), manifest))


def renew(folder: Path, earlier: Path) -> bool:
    """Write the card of a release that takes the place of another; tell whether it is that one's, as people edited it.

    Formats without a card get none. Raises what `write` does.
    """
    if release.read_manifest(folder).format not in FORMATS:
        return False
    if is_edited(earlier):
        copy(earlier, folder)
        return True
    write(folder)
    return False
