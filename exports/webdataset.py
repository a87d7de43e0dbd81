"""WebDataset's shards, for training from large tar files that are read from end to end; nothing is lost.

    <split>-000000.tar, …       shards of at most 500 MB, unless a single sample has more

The files of a sample lie one after another under its key, its number in the split: `000000017.json` is its record as a
line of the format jsonl has it, `000000017.jpg` (or png, webp, gif) its image, `000000017.0.jpg`, `000000017.1.png`, …
where it has several. What has no trace is there too. Nothing says when or by whom a file was written.
Source: https://github.com/webdataset/webdataset, "The WebDataset Format".
"""

import heapq
import io
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from curation.errors import DataError
from exports import ImagePath, Item
from exports._image_files import file_name, read_image
from exports._split_files import path_part
from exports.jsonl import Line, parse
from schemas.digest import canonical_json, digest_bytes
from schemas.sample import ImageRef

FORMAT_VERSION = 1
QUESTIONS = True
REJECTED = True

SHARD_BYTES = 500_000_000


def write(items: Iterable[Item], folder: Path, image_path: ImagePath) -> None:
    """Write the items, samples without a trace too, into the empty folder."""
    with ExitStack() as opened:
        splits: dict[str, _Split] = {}
        for item in items:
            if item.split not in splits:
                splits[item.split] = _Split(folder, item.split)
                opened.callback(splits[item.split].close)
            splits[item.split].add(_files(item, image_path))


def _files(item: Item, image_path: ImagePath) -> list[tuple[str, bytes]]:
    """Return the files of a sample, by what stands behind its key."""
    images = item.sample.images
    endings = [file_name(ref).rsplit(".", 1)[1] for ref in images]
    if len(images) > 1:
        endings = [f"{number}.{ending}" for number, ending in enumerate(endings)]
    record = canonical_json(Line.of(item).model_dump(mode="json"))
    return [*((end, read_image(ref, image_path)) for end, ref in zip(endings, images, strict=True)), ("json", record)]


class _Split:
    """The shards of one split."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder, self._split = folder, path_part(split)
        self._samples = self._shards = self._bytes = 0
        self._tar: tarfile.TarFile | None = None

    def add(self, files: list[tuple[str, bytes]]) -> None:
        """Take a sample, in a new shard where it doesn't fit."""
        size = sum(len(data) for _, data in files)
        if self._tar is None or self._bytes + size > SHARD_BYTES:
            self._begin()
        assert self._tar is not None
        for ending, data in files:
            entry = tarfile.TarInfo(f"{self._samples:09d}.{ending}")
            entry.size = len(data)
            self._tar.addfile(entry, io.BytesIO(data))
        self._bytes += size
        self._samples += 1

    def _begin(self) -> None:
        self.close()
        path = self._folder / f"{self._split}-{self._shards:06d}.tar"
        self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 - closed by close
        self._shards, self._bytes = self._shards + 1, 0

    def close(self) -> None:
        """End the shard that is being written."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None


def read(folder: Path) -> Iterator[Item]:
    """Read back what `write` wrote. Raises DataError, with the file and its member, for what is not of this format."""
    splits = [_read_split(split, paths) for split, paths in _shards(folder).items()]
    return heapq.merge(*splits, key=lambda item: item.sample.id)


def image_faults(folder: Path) -> Iterator[str]:
    """Give a sentence for each sample whose images are not those of its record."""
    for where, refs, images in _pictured(folder):
        if [digest_bytes(data) for data in images] != [ref.digest for ref in refs]:
            yield f"{where}: the images before it are not those of its record"


def pictures(folder: Path) -> Iterator[tuple[ImageRef, bytes]]:
    """Give the images of the samples. Raises DataError where they are not as many as the records say."""
    for where, refs, images in _pictured(folder):
        if len(refs) != len(images):
            raise DataError(f"{where}: the images before it are not those of its record")
        yield from zip(refs, images, strict=True)


def _pictured(folder: Path) -> Iterator[tuple[str, tuple[ImageRef, ...], list[bytes]]]:
    """Give of each sample its place, the images that its record names, and those that lie before it."""
    for path in chain.from_iterable(_shards(folder).values()):
        images: list[bytes] = []
        for name, data in _members(path):
            if name.endswith(".json"):
                yield f"{path.name}, {name}", parse(data, path, name).sample.images, images
                images = []
            else:
                images.append(data)


def _shards(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each split, in their order."""
    splits: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*-[0-9][0-9][0-9][0-9][0-9][0-9].tar")):
        splits.setdefault(path.stem.rsplit("-", 1)[0], []).append(path)
    if not splits:
        raise DataError(f"{folder} has no tar files: it is not a release in the format webdataset")
    return splits


def _read_split(split: str, paths: list[Path]) -> Iterator[Item]:
    for path in paths:
        for name, data in _members(path, ".json"):
            yield parse(data, path, name).item(split)


def _members(path: Path, ending: str = "") -> Iterator[tuple[str, bytes]]:
    """Give the files in a shard whose names end so. Raises DataError for what is no whole tar file."""
    try:
        with tarfile.open(path, "r:") as tar:
            for entry in tar:
                file = tar.extractfile(entry) if entry.name.endswith(ending) else None
                if file is not None:
                    yield entry.name, file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"{path} is not a whole tar file: {error}") from error
