"""Releases as folders: built whole or not at all, checked by their digests, split by image.

A build writes into `.<name>.partial-<pid>` beside the target and renames it into place when everything is on the
disk. An earlier release is first renamed to `.<name>.previous-<pid>`, and removed at the end. What a crash can leave:

- a partial folder, and the earlier release where it was: the next build removes the partial one;
- between the two renames, the earlier release under its `previous` name only: the next build puts it back first;
- after them, the new release in place, and all or some of the earlier one: the next build removes that.

Which of them are leftovers is told by a lock that the building process holds on its partial folder.
"""

import errno
import fcntl
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import file_digest, sha256
from importlib import metadata
from itertools import accumulate, pairwise
from math import isclose
from pathlib import Path
from typing import Any

import exports
from curation.errors import CurationError, DataError, MissingError, StoreError, UsageError
from exports import ImagePath, Item
from schemas.digest import canonical_json
from schemas.manifest import FileEntry, Manifest

MANIFEST = "manifest.json"
MANIFEST_SUM = "manifest.sha256"
"""The manifest's own digest, as `sha256sum --check` reads it."""

SPLITS = ("train", "validation", "test")
_PACKAGES = ("curation-workbench", "pyarrow", "pydantic")
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DIGESTING_THREADS = 4


def build(
    items: Iterable[Item],
    out: Path,
    exporter_name: str,
    image_path: ImagePath,
    config: dict[str, Any],
    inputs: dict[str, str],
) -> Manifest:
    """Build the release `out` from items in the order of their sample ids, compared by code points.

    An earlier release at `out` is replaced as a whole. Where anything fails, `out` is as it was.
    Raises UsageError for a folder that is not a release or is being built, StoreError where the disk refuses,
    ValueError for items that are out of order, don't fit together, or have an image in two splits.
    """
    exporter = exports.get(exporter_name)
    out = out.resolve()
    tally = _Tally()
    try:
        with _partial_folder(out) as partial:
            exporter.write(tally.watch(items), partial, image_path)
            manifest = Manifest(
                kind="release",
                format=exporter_name.replace("_", "-"),
                format_version=exporter.FORMAT_VERSION,
                counts=tally.counts(),
                config=config,
                inputs=inputs,
                versions={name: metadata.version(name) for name in _PACKAGES},
                files=tuple(_seal(partial)),
            )
            _write_manifest(partial, manifest)
            _put_in_place(partial, out)
    except OSError as error:
        raise _refused(error, out) from error
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the release in the folder.

    Raises MissingError where there is none, DataError where it can't be read or is of a version unknown here.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise MissingError(f"{folder} has no {MANIFEST}: it is not a release") from error
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} is not a manifest: {_first_line(error)}") from error
    if manifest.kind != "release":
        raise DataError(f"{path} is the manifest of a {manifest.kind}, not of a release")
    return manifest


def check(folder: Path) -> list[str]:
    """Re-derive the digests of the release; return a sentence for each difference, in the order of the paths."""
    try:
        manifest = read_manifest(folder)
    except CurationError as error:
        return [str(error)]
    files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    files.pop(MANIFEST, None)
    recorded = {entry.path: entry for entry in manifest.files}
    with ThreadPoolExecutor(_DIGESTING_THREADS) as pool:
        found = list(pool.map(lambda entry: _compare(entry, files.get(entry.path)), manifest.files))
    extra = [(path, f"{path} is not in {MANIFEST}") for path in files.keys() - recorded - {MANIFEST_SUM}]
    differing = [(path, fault) for path, fault in zip(recorded, found, strict=False) if fault]
    return [*_check_manifest(folder, manifest), *(fault for _, fault in sorted(differing + extra))]


def assign_splits(
    samples: Iterable[tuple[str, Sequence[str]]], fractions: Sequence[float], seed: int
) -> dict[str, str]:
    """Return the split of each sample, given ids with the digests of their images, so that no image is in two.

    One fraction is for train, two for train and test, three for train, validation and test. Samples that share an
    image, also by way of others, go together; a sample without images goes by its id. A group's place depends on
    nothing but the seed and the group, so that adding records moves others only where they link two groups.
    Raises UsageError for fractions that are negative or don't sum to 1.
    """
    names = _split_names(fractions)
    bounds = list(accumulate(fractions))
    last = max(index for index, fraction in enumerate(fractions) if fraction > 0)
    listed = list(samples)
    groups = _Groups(images for _, images in listed)
    splits = {}
    for sample_id, images in listed:
        point = _point(seed, groups.key(images[0]) if images else sample_id)
        index = next((index for index, bound in enumerate(bounds) if point < bound), last)
        splits[sample_id] = names[min(index, last)]
    return splits


def _split_names(fractions: Sequence[float]) -> tuple[str, ...]:
    names = {1: SPLITS[:1], 2: (SPLITS[0], SPLITS[2]), 3: SPLITS}.get(len(fractions))
    if names is None:
        raise UsageError(f"{len(fractions)} fractions: give one to three, for train, validation and test")
    if not (all(fraction >= 0 for fraction in fractions) and isclose(sum(fractions), 1, abs_tol=1e-9)):
        raise UsageError(f"the fractions {', '.join(map(str, fractions))} are not shares of 1")
    return names


def _point(seed: int, key: str) -> float:
    """Return a number in [0, 1) that depends on seed and key alone."""
    digest = sha256(canonical_json([seed, key])).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53


class _Groups:
    """Images that samples with several images link (union-find); a group's key is the least of its digests."""

    def __init__(self, samples: Iterable[Sequence[str]]) -> None:
        self._parent: dict[str, str] = {}
        for images in samples:
            for one, other in pairwise(images):
                self._link(self.key(one), self.key(other))

    def _link(self, one: str, other: str) -> None:
        if one != other:
            self._parent[max(one, other)] = min(one, other)

    def key(self, image: str) -> str:
        """Return the key of the image's group; shortens the way there for the next time."""
        path = []
        while (parent := self._parent.get(image)) is not None:
            path.append(image)
            image = parent
        self._parent.update(dict.fromkeys(path, image))
        return image


class _Tally:
    """Counts the items as they stream by, and refuses those that can't be in one release."""

    def __init__(self) -> None:
        self._counters: dict[str, Counter[str]] = {}
        self._image_splits: dict[str, str] = {}

    def watch(self, items: Iterable[Item]) -> Iterator[Item]:
        last = ""
        for item in items:
            _require(item.sample.id > last, f"{item.sample.id} comes after {last}: sort by code points")
            last = item.sample.id
            self._take(item)
            yield item

    def _take(self, item: Item) -> None:
        sample, traces = item.sample, item.traces
        turns = [-1, *(trace.turn for trace in traces), len(sample.turns)]
        _require(all(one < next_ for one, next_ in pairwise(turns)), f"{sample.id} has traces of turns {turns[1:-1]}")
        _require(all(trace.sample_id == sample.id for trace in traces), f"{sample.id} has traces of another sample")
        for ref in sample.images:
            split = self._image_splits.setdefault(ref.digest, item.split)
            _require(split == item.split, f"the image {ref.digest} is in {split} and in {item.split}")
        self._count("samples" if traces else "samples_without_trace", item.split)
        self._count("samples_by_source", sample.source)
        for trace in traces:
            self._count("traces", item.split)
            self._count("traces_by_source", sample.source)
            self._count("traces_by_kind", trace.provenance.kind)

    def _count(self, what: str, name: str) -> None:
        self._counters.setdefault(what, Counter())[name] += 1

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the counts so far, by what is counted; `images` are different ones by split."""
        images = Counter(self._image_splits.values())
        everything = {**self._counters, "images": images}
        return {what: dict(sorted(counter.items())) for what, counter in sorted(everything.items())}


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001
    if not holds:
        raise ValueError(otherwise)


@contextmanager
def _partial_folder(out: Path) -> Iterator[Path]:
    """Give an empty, locked folder beside `out`; remove it when it was not renamed."""
    out.parent.mkdir(parents=True, exist_ok=True)
    _tidy(out)
    _refuse_foreign(out)
    partial = _sibling(out, "partial")
    partial.mkdir()
    lock = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield partial
    except OSError as error:
        error.add_note(f"{_size(partial):,} bytes")
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        os.close(lock)
