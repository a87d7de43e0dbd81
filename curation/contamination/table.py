"""An evaluation set as it is compared: its questions, and its pictures by their marks; no bytes of an image stay."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curation.contamination.rows import Raw
from curation.cores import each
from curation.errors import DataError
from curation.evaluation.benchmark import BadRow, images_in, refers
from curation.images import MAX_BYTES, ImageFault, LoadedImage, inspect
from curation.images.looks import BLANK, THUMB, Marks, look
from curation.progress import Advance
from curation.similarity.pictures import Marked
from schemas.sample import ImageRef

_BATCH = 32


class Row(NamedTuple):
    """A row, and its images by their digests."""

    where: str
    key: str
    question: str
    images: tuple[str, ...]


class _Looked(NamedTuple):
    """What was seen in a row's images."""

    raw: Raw
    images: tuple[tuple[ImageRef, Marks], ...] = ()
    fault: str = ""


class Table:
    """The rows of an evaluation set, and its pictures that can be compared: a picture's number is its place."""

    def __init__(self, rows: Iterable[Raw | str], name: str, advance: Advance) -> None:
        """Read the rows. Raises DataError where there is none."""
        self.rows: list[Row] = []
        self.faults: list[str] = []
        self.refs: dict[str, ImageRef] = {}
        """Of every image, by its digest."""
        self._marks: dict[str, Marks] = {}
        for batch in each(_look_at, _batches(rows)):
            for looked in batch:
                self._add(looked)
            advance(len(self.rows), f"rows of {name}")
        if not self.rows:
            raise DataError(f"{name} has no row to compare with: {self.faults[0] if self.faults else 'it has none'}")
        self._share_images()
        self.digests = list(self._marks)
        """Of the pictures, by their numbers."""

    @property
    def marked(self) -> Marked:
        """The hashes of the pictures."""
        hashes = np.array([(marks.hash, marks.gradient) for marks in self._marks.values()], np.int64).reshape(-1, 2)
        return Marked(hashes[:, 0].copy(), hashes[:, 1].copy())

    def thumbs(self, numbers: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Return the thumbnails of pictures: pictures x bytes."""
        pixels = b"".join(self._marks[self.digests[int(number)]].thumb or b"" for number in numbers)
        return np.frombuffer(pixels, np.uint8).reshape(len(numbers), THUMB)

    def showing(self) -> dict[str, list[int]]:
        """Return the numbers of the rows that show each picture, by its digest."""
        found: dict[str, list[int]] = {}
        for number, row in enumerate(self.rows):
            for digest in row.images:
                if digest in self._marks:
                    found.setdefault(digest, []).append(number)
        return found

    def _add(self, looked: "_Looked | str") -> None:
        if isinstance(looked, str):
            self.faults.append(looked)
            return
        raw = looked.raw
        if looked.fault:
            self.faults.append(f"{raw.where}: {looked.fault}")
        for ref, marks in looked.images:
            self.refs[ref.digest] = ref
            if marks.fault:
                self.faults.append(f"{raw.where}: {marks.fault}")
            elif (marks.contrast or 0) >= BLANK:
                self._marks[ref.digest] = marks
        other = _other_row(raw)
        images = (other,) if other else tuple(ref.digest for ref, _ in looked.images)
        self.rows.append(Row(raw.where, raw.key, raw.question, images))

    def _share_images(self) -> None:
        """Give the rows that name another row its images; that one may come later in the file."""
        by_key: dict[str, tuple[str, ...]] = {}
        for row in self.rows:
            by_key.setdefault(row.key, row.images)
        for number, row in enumerate(self.rows):
            if row.images and row.images[0] not in self.refs:
                images = tuple(digest for digest in by_key.get(row.images[0], ()) if digest in self.refs)
                self.rows[number] = row._replace(images=images)
                if not images:
                    self.faults.append(f"{row.where}: its image is that of row {row.images[0]!r}, which has none")


def images_of(raw: Raw) -> Iterator[LoadedImage]:
    """Decode a row's images. Raises BadRow or ImageFault for one that is none."""
    if isinstance(raw.images, str):
        yield from () if _other_row(raw) else images_in(raw.images)
        return
    for image in raw.images:
        if image is None:
            raise ImageFault("missing", "the row holds no image")
        yield inspect(image.read_bytes()[: MAX_BYTES + 1] if isinstance(image, Path) else image)


def _other_row(raw: Raw) -> str:
    """Return the key of the row that has this one's image; nothing where it has its own."""
    return raw.images.strip() if isinstance(raw.images, str) and refers(raw.images) else ""


def _batches(rows: Iterable[Raw | str]) -> Iterator[list[Raw | str]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def _look_at(batch: list[Raw | str]) -> "list[_Looked | str]":
    return [raw if isinstance(raw, str) else _looked(raw) for raw in batch]


def _looked(raw: Raw) -> _Looked:
    images: list[tuple[ImageRef, Marks]] = []
    try:
        images.extend((loaded.ref, look(loaded.data)) for loaded in images_of(raw))
    except ImageFault as fault:
        return _Looked(_light(raw), tuple(images), f"{fault.message} ({fault.code})")
    except (BadRow, OSError) as error:
        return _Looked(_light(raw), tuple(images), str(error))
    return _Looked(_light(raw), tuple(images))


def _light(raw: Raw) -> Raw:
    """Return the row without its images: they need not travel between processes."""
    return raw if _other_row(raw) else raw._replace(images=())
