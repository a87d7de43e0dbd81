"""Releases: built whole or not at all, and proven by their digests to be what was built."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import exports
from curation.errors import CurationError, DataError, MissingError, UsageError
from curation.staging import staged
from exports import Exporter, ImagePath, Item
from schemas.halves import whole
from schemas.manifest import Agreement, FileEntry, Manifest

MANIFEST = "manifest.json"
MANIFEST_SUM = "manifest.sha256"
"""Holds the manifest's own digest, in the form that `sha256sum --check` reads."""
CARD = "README.md"
CARD_PICTURES = "card"
"""The card and the folder of its pictures describe a release, and are none of its files: people edit them."""

UNKNOWN = "unknown"
"""Counts samples whose licence nobody noted, and traces that name no recipe, model or version of a prompt."""

_PACKAGES = ("curation-workbench", "pyarrow", "pydantic")
_THREADS = 4


class Account(Protocol):
    """What else there is to say about the items, kept by whoever gives them."""

    def beside(self, folder: Path) -> AbstractContextManager[None]:
        """Write files of its own into the folder for as long as the items pass."""

    def counts(self) -> dict[str, dict[str, int]]:
        """Return counts by what is counted; asked when all items have passed."""

    def agreement(self) -> dict[str, Agreement]:
        """Return how far reviewers agree; asked when all items have passed."""

    def describe(self, folder: Path) -> None:
        """Write what describes the release, which is there as a whole now: its card."""


def build(
    items_sorted: Iterable[Item],
    out: Path,
    exporter_name: str,
    image_path: ImagePath,
    config: dict[str, Any],
    inputs: dict[str, str],
    further: Account | None = None,
) -> Manifest:
    """Build the release `out` from items in the order of their sample ids, compared by code points.

    An earlier release at `out` is replaced as a whole; where anything fails, `out` is as it was.
    Raises UsageError for a folder that is no release or is being written, StoreError where the disk refuses,
    ValueError for items that are out of order, don't fit together, or bring an image into two splits.
    """
    exporter = exports.get(exporter_name)
    out = out.resolve()
    refuse_foreign(out)
    tally = Tally(_holds(exporter, config))
    with staged(out) as folder:
        with further.beside(folder) if further else nullcontext():
            _writer(exporter, config)(tally.watch(items_sorted), folder, image_path)
        manifest = Manifest(
            kind="release",
            format=exporter_name.replace("_", "-"),
            format_version=exporter.FORMAT_VERSION,
            counts=tally.counts() | rows(exporter, folder) | (further.counts() if further else {}),
            agreement=further.agreement() if further else {},
            config=config,
            inputs=inputs,
            versions={name: metadata.version(name) for name in _PACKAGES},
            files=tuple(_describe(folder)),
        )
        _write_manifest(folder, manifest)
        if further:
            further.describe(folder)
    return manifest


def _writer(exporter: Exporter, config: dict[str, Any]) -> Callable[[Iterable[Item], Path, ImagePath], None]:
    """Return what writes the items; `config["with"]` has the configurations that are wanted beside `default`."""
    if several := exports.configured(exporter):
        return partial(several.write, also=config.get("with", ()))
    return exporter.write


def _holds(exporter: Exporter, config: dict[str, Any]) -> Callable[[Item], bool]:
    """Return what tells whether an item is among the records that are written, and not only what is made of them."""
    if several := exports.configured(exporter):
        return partial(several.holds, also=config.get("with", ()))
    return lambda _: True


def rows(exporter: Exporter, folder: Path) -> dict[str, dict[str, int]]:
    """Return the rows of each configuration by split, as counts; nothing for a format that has but one."""
    several = exports.configured(exporter)
    return {f"rows_{name}": counts for name, counts in several.rows(folder).items()} if several else {}


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the release in the folder.

    Raises MissingError where there is none, DataError where it is damaged or its format is not known here.
    """
    manifest = _parse_manifest(folder)
    known = exports.get(manifest.format).FORMAT_VERSION
    if manifest.format_version != known:
        unknown = f"version {manifest.format_version} of the format {manifest.format}"
        raise DataError(f"{folder / MANIFEST}: {unknown} is not known here, version {known} is")
    return manifest


def _parse_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError(f"{folder} is not a release: it has no {MANIFEST}") from error
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} is not a manifest, or it is damaged") from error
    if manifest.kind != "release":
        raise DataError(f"{path} is the manifest of a {manifest.kind}, not of a release")
    return manifest


def prove(folder: Path) -> str:
    """Return the digest of a release's manifest, when its format loses nothing and nothing was changed.

    Raises MissingError where there is no release, UsageError for another format, DataError for what was changed.
    """
    manifest = read_manifest(folder)
    if not hasattr(exports.get(manifest.format), "pictures"):
        has = f"{folder} has the format {manifest.format}"
        raise UsageError(f"{has}, which no model is trained on: export --format jsonl, or parquet, loses nothing")
    if faults := check(folder):
        raise DataError(f"{folder} is not what was built: {faults[0]}; export it again")
    return file_digest(folder / MANIFEST)


def check(folder: Path) -> list[str]:
    """Re-derive the release's digests; return a sentence for each difference, in the order of the paths."""
    try:
        manifest = read_manifest(folder)
    except CurationError as error:
        return [str(error)]
    files = _files(folder)
    entries = {entry.path: entry for entry in manifest.files}
    described = {path for path in files if is_description(path)}
    extra = files.keys() - entries.keys() - {MANIFEST, MANIFEST_SUM} - described
    found = {path: f"{path}: not in {MANIFEST}" for path in extra}
    found |= {path: f"{path}: not a file of its own" for path in described if not _is_own(files[path])}
    with ThreadPoolExecutor(_THREADS) as pool:
        faults = pool.map(lambda entry: _fault(entry, files.get(entry.path)), entries.values())
        found |= {path: fault for path, fault in zip(entries, faults, strict=True) if fault}
    return [*_manifest_faults(folder), *(fault for _, fault in sorted(found.items()))]


def refuse_foreign(out: Path) -> None:
    """Raise UsageError for a folder that holds something and is no release: it may not be replaced."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        _parse_manifest(out)
    except CurationError as error:
        raise UsageError(f"{error}; give an empty or a new folder") from error


def description(folder: Path) -> dict[str, Path]:
    """Return the card and what belongs to it, by its path in the folder."""
    return {name: path for name, path in _files(folder).items() if is_description(name)}


def is_description(name: str) -> bool:
    """Tell whether a file of this path in a release's folder describes it."""
    return name == CARD or name.startswith(f"{CARD_PICTURES}/")


def _is_own(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _files(folder: Path) -> dict[str, Path]:
    """Return all that is no folder, by its path in the folder; links are not followed."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix(): path for path in sorted(paths)}


def _describe(folder: Path) -> Iterator[FileEntry]:
    files = _files(folder)
    with ThreadPoolExecutor(_THREADS) as pool:
        for name, path, digest in zip(files, files.values(), pool.map(file_digest, files.values()), strict=True):
            yield FileEntry(path=name, bytes=path.stat().st_size, digest=digest)


def file_digest(path: Path) -> str:
    """Return the digest of a file's bytes."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _fault(entry: FileEntry, path: Path | None) -> str | None:
    """Say how the file differs from its entry."""
    if path is None:
        return f"{entry.path}: missing"
    if not _is_own(path):
        return f"{entry.path}: not a file of its own"
    try:
        size, digest = path.stat().st_size, file_digest(path)
    except OSError as error:
        return f"{entry.path}: can't be read ({error.strerror})"
    if size != entry.bytes:
        return f"{entry.path}: {size:,} bytes, {entry.bytes:,} were written"
    return None if digest == entry.digest else f"{entry.path}: its content is not what was written"


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    text = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=1, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8", newline="\n")
    (folder / MANIFEST_SUM).write_bytes(_manifest_sum(folder))


def _manifest_sum(folder: Path) -> bytes:
    digest = file_digest(folder / MANIFEST).removeprefix("sha256:")
    return f"{digest}  {MANIFEST}\n".encode("ascii")


def _manifest_faults(folder: Path) -> list[str]:
    try:
        recorded = (folder / MANIFEST_SUM).read_bytes()
    except OSError as error:
        return [f"{MANIFEST_SUM}: can't be read ({error.strerror})"]
    same = recorded == _manifest_sum(folder)
    return [] if same else [f"{MANIFEST}: its content is not what {MANIFEST_SUM} says"]


_PROVENANCE = ("kind", "recipe", "model", "prompt_version")
COUNTED = (
    *("images", "samples", "samples_by_licence", "samples_by_source", "samples_without_trace"),
    *("traces", "traces_by_licence", "traces_by_source", *(f"traces_by_{name}" for name in _PROVENANCE)),
)
"""What is counted of items."""


class Tally:
    """Counts the items as they stream by, those that `holds` is true of, and refuses those that don't fit together."""

    def __init__(self, holds: Callable[[Item], bool] = lambda _: True) -> None:
        self._holds = holds
        self._counters: dict[str, Counter[str]] = {}
        self._image_splits: dict[str, str] = {}
        self._others: dict[str, str] = {}
        """Splits of images that only items have which are not counted."""

    def watch(self, items: Iterable[Item]) -> Iterator[Item]:
        """Give the items. Raises ValueError for those that are out of order, or don't fit together."""
        last = ""
        for item in items:
            if item.sample.id <= last:
                raise ValueError(f"{item.sample.id} after {last}: sort by the ids' code points")
            last = item.sample.id
            _refuse_misfits(item)
            counts = self._holds(item)
            self._place_images(item, self._image_splits if counts else self._others)
            if counts:
                self._count_item(item)
            yield item

    def _place_images(self, item: Item, places: dict[str, str]) -> None:
        for ref in item.sample.images:
            places.setdefault(ref.digest, item.split)
            for split in (self._image_splits.get(ref.digest), self._others.get(ref.digest)):
                if split not in (None, item.split):
                    raise ValueError(f"the image {ref.digest} is in {split}, {item.sample.id} in {item.split}")

    def _count_item(self, item: Item) -> None:
        source, licence = item.sample.source, item.sample.licence or UNKNOWN
        self._count("samples" if item.traces else "samples_without_trace", item.split)
        self._count("samples_by_source", source)
        self._count("samples_by_licence", licence)
        for trace in item.traces:
            self._count("traces", item.split)
            self._count("traces_by_source", source)
            self._count("traces_by_licence", licence)
            for name in _PROVENANCE:
                self._count(f"traces_by_{name}", getattr(trace.provenance, name) or UNKNOWN)

    def _count(self, what: str, name: str) -> None:
        self._counters.setdefault(what, Counter())[whole(name)] += 1

    def counts(self) -> dict[str, dict[str, int]]:
        """Return what was counted, and under `images` the different ones of each split."""
        counters = self._counters | {"images": Counter(self._image_splits.values())}
        return {what: dict(sorted(counter.items())) for what, counter in sorted(counters.items())}


def _refuse_misfits(item: Item) -> None:
    """Refuse traces of another sample, of a turn that isn't there, or not in the order of the turns."""
    turns = [trace.turn for trace in item.traces]
    in_order = all(one < other for one, other in pairwise([-1, *turns, len(item.sample.turns)]))
    if not in_order or any(trace.sample_id != item.sample.id for trace in item.traces):
        raise ValueError(f"{item.sample.id} comes with traces that are not its own (turns {turns})")
