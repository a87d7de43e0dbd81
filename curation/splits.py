"""Splits by image: what a model is tested on shows nothing that it was trained on."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import accumulate, pairwise
from math import isclose

from curation.errors import UsageError
from schemas.digest import canonical_json

_NAMES = {1: ("train",), 2: ("train", "test"), 3: ("train", "validation", "test")}


def assign_splits(
    samples: Iterable[tuple[str, Sequence[str]]], fractions: Sequence[float], seed: int
) -> dict[str, str]:
    """Return the split of each sample, given ids and digests of images, so that no image is in two splits.

    One fraction is for train, two for train and test, three for train, validation and test. Samples that
    share an image, also by way of others, go together; a sample without images goes by its id. Where a group
    goes depends on the seed and its key alone, so added records move others only where they link two groups.
    Raises UsageError for fractions that are negative or don't sum to 1.
    """
    bounds = _bounds(fractions)
    listed = list(samples)
    groups = _Groups(images for _, images in listed)
    keys = ((sample_id, groups.key(images[0]) if images else sample_id) for sample_id, images in listed)
    return {sample_id: _split(_point(seed, key), bounds) for sample_id, key in keys}


def source_splits(samples: Iterable[tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Return the split that each sample has in its source, given ids and digests of images.

    What a source calls train, dev, val, testA and so on is train, validation or test here. A sample that shares an
    image with one of a split that is held out further (test, then validation) has none: it may not be trained on, and
    is not one of those that the source tests with.
    """
    listed = list(samples)
    groups = _Groups(images for _, images in listed)
    keys = [groups.key(images[0]) if images else sample_id for sample_id, images in listed]
    own = [_held_out(sample_id.split("/", 2)[1]) for sample_id, _ in listed]
    furthest: dict[str, int] = {}
    for key, split in zip(keys, own, strict=True):
        furthest[key] = max(split, furthest.get(key, 0))
    named = zip(listed, keys, own, strict=True)
    return {sample_id: _NAMES[3][split] for (sample_id, _), key, split in named if split == furthest[key]}


def _held_out(split: str) -> int:
    """Return 0 for a split to train on, 1 for one to choose with, 2 for one to test on."""
    name = split.lower()
    return 2 if name.startswith("test") else 1 if name.startswith(("val", "dev")) else 0


def _bounds(fractions: Sequence[float]) -> list[tuple[str, float]]:
    """Return the splits that get something, each with the upper end of its part of [0, 1]."""
    if len(fractions) not in _NAMES:
        raise UsageError(f"{len(fractions)} fractions: give one to three, for train, validation and test")
    if not (all(fraction >= 0 for fraction in fractions) and isclose(sum(fractions), 1, abs_tol=1e-9)):
        raise UsageError(f"the fractions {', '.join(map(str, fractions))} are not parts of 1")
    named = zip(_NAMES[len(fractions)], fractions, accumulate(fractions), strict=True)
    return [(name, bound) for name, fraction, bound in named if fraction]


def _split(point: float, bounds: list[tuple[str, float]]) -> str:
    """Return the split whose part holds the point; the last one where rounding left a gap below 1."""
    return next((name for name, bound in bounds if point < bound), bounds[-1][0])


def _point(seed: int, key: str) -> float:
    """Return a number in [0, 1) that depends on seed and key alone."""
    digest = sha256(canonical_json([seed, key])).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


class _Groups:
    """Images linked by samples that have several (union-find); a group's key is the least of its digests."""

    def __init__(self, samples: Iterable[Sequence[str]]) -> None:
        self._parent: dict[str, str] = {}
        for images in samples:
            for one, other in pairwise(images):
                self._link(self.key(one), self.key(other))

    def _link(self, one: str, other: str) -> None:
        if one != other:
            self._parent[max(one, other)] = min(one, other)

    def key(self, image: str) -> str:
        """Return the key of the image's group, and shorten the way there for the next time."""
        passed = []
        while (parent := self._parent.get(image)) is not None:
            passed.append(image)
            image = parent
        self._parent.update(dict.fromkeys(passed, image))
        return image
