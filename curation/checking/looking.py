"""The images of a workspace, each looked at once, on as many processes as there are cores; and which look alike."""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from curation.cores import each
from curation.images import MAX_BYTES
from curation.images.looks import BLANK, THUMB, Marks, look
from curation.progress import Advance
from curation.similarity.pictures import Marked, groups, mirrors
from curation.store import Store
from curation.store.pictured import Picture, all_seen, put_pictures, seen_well, thumbs_of
from curation.sweeps import LOOKS
from schemas.sample import ImageRef

_BATCH = 64


class _Filed(NamedTuple):
    """An image, and where it lies."""

    digest: str
    path: Path


def look_at(store: Store, images: Iterable[ImageRef], advance: Advance) -> None:
    """Look at the images that were not looked at yet. What was seen is kept, some at a time: one may stop and go on."""
    seen = 0
    for found in each(_look, _unseen(store, images)):
        store.write(put_pictures, found)
        seen += len(found)
        advance(seen, "images")


def of_samples(records: Iterable[str]) -> Iterator[ImageRef]:
    """Yield the images of samples, given as JSON."""
    for record in records:
        yield from map(ImageRef.model_validate, json.loads(record)["images"])


def _unseen(store: Store, images: Iterable[ImageRef]) -> Iterator[list[_Filed]]:
    """Yield each image once, a batch at a time, that is not known yet."""
    passed: set[str] = set()
    remaining = iter(images)
    while some := list(islice(remaining, 20 * _BATCH)):
        new = {ref.digest: ref for ref in some if ref.digest not in passed}
        passed |= new.keys()
        known = seen_well(store.engine, list(new))
        filed = [_Filed(digest, store.images.path(ref)) for digest, ref in new.items() if digest not in known]
        for at in range(0, len(filed), _BATCH):
            yield filed[at : at + _BATCH]


def _look(images: Sequence[_Filed]) -> list[Picture]:
    return [Picture(digest, _marks(path)) for digest, path in images]


def _marks(path: Path) -> Marks:
    try:
        with path.open("rb") as file:
            return look(file.read(MAX_BYTES + 1))
    except OSError as error:
        return Marks(fault=f"it can't be read from the workspace: {error.strerror}")


def looks(store: Store) -> pl.DataFrame:
    """Return what is known of every image that was looked at (`sweeps.LOOKS`), by digest."""
    found = _grouped(store)
    mirrored = _mirrored(store, found.filter(pl.col("digest") == pl.col("group")))
    return found.join(mirrored, on="group", how="left", maintain_order="left").select(LOOKS.names())


def _grouped(store: Store) -> pl.DataFrame:
    """Return what is known of every image (`SEEN`), and the least digest of those that look like it."""
    seen = all_seen(store.engine)
    clear = seen.filter(is_clear())
    leaders = groups(marked(clear), partial(thumbs, store, clear["digest"]))
    grouped = clear.select("digest", clear["digest"].gather(leaders).alias("group"))
    return seen.join(grouped, on="digest", how="left", maintain_order="left")


def _mirrored(store: Store, leaders: pl.DataFrame) -> pl.DataFrame:
    """Return the groups, by their leaders, that show another group's mirror image, with the least of those."""
    found = [
        (leaders["digest"][number], leaders["digest"][other])
        for match in mirrors(marked(leaders), partial(thumbs, store, leaders["digest"]))
        for number, other in ((match.one, match.other), (match.other, match.one))
    ]
    pairs = pl.DataFrame(found, {"group": pl.String, "mirror": pl.String}, orient="row")
    return pairs.group_by("group").agg(pl.col("mirror").min())


def is_clear() -> pl.Expr:
    """Tell of each image (`SEEN`) whether it can be read and shows something."""
    return (pl.col("fault") == "") & (pl.col("contrast") >= BLANK)


def alike(store: Store) -> dict[str, str]:
    """Return for each image that looks like another, by digest, the least digest among those that look like it.

    For splits: a picture and its near duplicates belong together. Images that were never looked at are not in it.
    """
    found = _grouped(store).drop_nulls("group").filter(pl.col("group").count().over("group") > 1)
    return dict(zip(found["digest"], found["group"], strict=True))


def marked(seen: pl.DataFrame) -> Marked:
    """Return the hashes of images (`SEEN`), numbered by their rows."""
    return Marked(seen["hash"].to_numpy(), seen["gradient"].to_numpy())


def thumbs(store: Store, digests: pl.Series, numbers: Sequence[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the thumbnails of the images of these numbers among the digests: images x bytes."""
    wanted = [digests[int(number)] for number in numbers]
    found = thumbs_of(store.engine, wanted)
    pixels = np.frombuffer(b"".join(found[digest] for digest in wanted), np.uint8)
    return pixels.reshape(len(wanted), THUMB)
