"""Splits: what a model is tested on shows and asks nothing that it was trained on."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate, groupby, pairwise
from math import isclose
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curation.errors import UsageError
from curation.splits.kinship import Kinship, Numbers
from curation.splits.quotas import Profile, Quotas
from schemas.digest import canonical_json

_NAMES = {1: ("train",), 2: ("train", "test"), 3: ("train", "validation", "test")}
NAMES = _NAMES[3]
"""A later one is held out further."""
_NONE = -1

_Splits = npt.NDArray[np.int8]
"""Of each sample the place of its split in NAMES, or _NONE."""
_Flags = npt.NDArray[np.bool_]


class Asked(NamedTuple):
    """The splits that are wanted."""

    fractions: tuple[float, ...]
    """One is for train, two for train and test, three for train, validation and test."""
    seed: int


class Lasting(NamedTuple):
    """Splits of samples, by id."""

    splits: dict[str, str]
    """Of those that have nothing in common with another split; the others are in none."""
    new: dict[str, str]
    """Of those that had none before: from now on they are kept."""


def lasting_splits(kin: Kinship, asked: Asked, kept: Mapping[str, str]) -> Lasting:
    """Return the splits of samples; those that are `kept`, by id, stay where they are, whatever comes.

    New samples that have a new thing in common, also by way of other new ones, are a group. Where a group has nothing
    in common with a kept sample, each source gets its shares as nearly as its groups allow, and of groups that are
    alike, those with the lowest hashes of seed and least id go to train. Where it has, the group goes to that sample's
    split; where there are several such splits, to the one that leaves out the fewest, and those of the group that have
    a thing in common with another split are in none. Kept samples of two splits that are found to have a thing in
    common keep their splits; those that are held out less are left out for as long as that is so.
    Raises UsageError for fractions that are negative or don't sum to 1.
    """
    shares = _shares(asked.fractions)
    places = {name: place for place, name in enumerate(NAMES)}
    before: _Splits = np.fromiter((places.get(kept.get(i, ""), _NONE) for i in kin.ids), np.int8, len(kin.ids))
    held = _held(kin, before)
    leaders = _leaders(kin, held)
    splits = before.copy()
    free = _attach(kin, splits, held, leaders)
    _spread(kin.ids, splits, np.where(free, leaders, _NONE), shares, asked.seed)
    return Lasting(_named(kin, _apart(kin, splits)), _named(kin, np.where(before == _NONE, splits, _NONE)))


def source_splits(kin: Kinship) -> dict[str, str]:
    """Return the split that each sample has in its source.

    What a source calls train, dev, val, testA and so on is train, validation or test here. A sample that has a thing in
    common with one of a split that is held out further (test, then validation) has none: it may not be trained on, and
    is not one of those that the source tests with.
    """
    own = (_held_out(sample_id.split("/", 2)[1]) for sample_id in kin.ids)
    return _named(kin, _apart(kin, np.fromiter(own, np.int8, len(kin.ids))))


def _named(kin: Kinship, splits: _Splits) -> dict[str, str]:
    return {i: NAMES[split] for i, split in zip(kin.ids, splits.tolist(), strict=True) if split != _NONE}


def _held_out(split: str) -> int:
    """Return 0 for a split to train on, 1 for one to choose with, 2 for one to test on."""
    name = split.lower()
    return 2 if name.startswith("test") else 1 if name.startswith(("val", "dev")) else 0


def _apart(kin: Kinship, splits: _Splits) -> _Splits:
    """Return the splits without the samples that have a thing in common with one that is held out further."""
    apart, taken = splits.copy(), np.zeros(kin.kinds, np.bool_)
    for split in reversed(range(len(NAMES))):
        pairs = np.flatnonzero(splits[kin.samples] == split)
        apart[kin.samples[pairs[taken[kin.things[pairs]]]]] = _NONE
        taken[kin.things[pairs[apart[kin.samples[pairs]] == split]]] = True
    return apart


def _held(kin: Kinship, splits: _Splits) -> Numbers:
    """Return for each thing the splits that have it, a bit for each."""
    held = np.zeros(kin.kinds, np.int64)
    pairs = np.flatnonzero(splits[kin.samples] != _NONE)
    np.bitwise_or.at(held, kin.things[pairs], 1 << splits[kin.samples[pairs]].astype(np.int64))
    return held


def _leaders(kin: Kinship, held: Numbers) -> Numbers:
    """Return for each sample the first of its group, which has things in common that no split has."""
    leaders = list(range(len(kin.ids)))
    pairs = np.flatnonzero(held[kin.things] == 0)
    samples, things = kin.samples[pairs], kin.things[pairs]
    linked = np.flatnonzero(things[1:] == things[:-1])
    for one, other in zip(samples[linked].tolist(), samples[linked + 1].tolist(), strict=True):
        first, second = sorted((_leader(leaders, one), _leader(leaders, other)))
        leaders[second] = first
    return np.fromiter((_leader(leaders, number) for number in range(len(leaders))), np.int64, len(leaders))


def _leader(leaders: list[int], number: int) -> int:
    """Return the leader of a sample's group, and shorten the way there."""
    while leaders[number] != number:
        leaders[number] = leaders[leaders[number]]
        number = leaders[number]
    return number


def _attach(kin: Kinship, splits: _Splits, held: Numbers, leaders: Numbers) -> _Flags:
    """Put groups of new samples to the kept ones that they have things in common with; tell which samples are left."""
    new = splits == _NONE
    touched, reached = np.zeros((2, len(splits)), np.int64)
    pairs = np.flatnonzero(new[kin.samples])
    np.bitwise_or.at(touched, kin.samples[pairs], held[kin.things[pairs]])
    np.bitwise_or.at(reached, leaders, touched)
    goals = _least_lost(touched, reached, leaders)[leaders]
    attached = new & (reached[leaders] != 0)
    alone = attached & (touched & ~(1 << goals) == 0)
    splits[alone] = goals[alone]
    free: _Flags = new & ~attached
    return free


def _least_lost(touched: Numbers, reached: Numbers, leaders: Numbers) -> Numbers:
    """Return for each group the split that leaves out the fewest, of those that it reaches; the furthest of equals."""
    order = np.arange(len(NAMES))[::-1]
    lost = [
        np.where(
            reached >> split & 1, np.bincount(leaders[touched & ~(1 << split) != 0], minlength=len(leaders)), np.inf
        )
        for split in order
    ]
    goals: Numbers = order[np.argmin(lost, axis=0)]
    return goals


def _spread(ids: Sequence[str], splits: _Splits, leaders: Numbers, shares: Mapping[int, float], seed: int) -> None:
    """Put the groups that are free into splits; `leaders` is _NONE for samples that are not."""
    named = [sample_id.split("/", 1)[0] for sample_id in ids]
    sources = sorted(set(named))
    numbers = {name: number for number, name in enumerate(sources)}
    of = np.fromiter((numbers[name] for name in named), np.int64, len(ids))
    there, free = splits != _NONE, leaders != _NONE
    totals = np.bincount(of[there | free], minlength=len(sources)).tolist()
    quotas = Quotas(shares, dict(zip(sources, totals, strict=True)))
    for (source, split), count in _counted(of[there], splits[there].astype(np.int64)):
        quotas.hold(sources[source], split, count)
    groups: defaultdict[Profile, list[int]] = defaultdict(list)
    for leader, some in groupby(_counted(leaders[free], of[free]), key=lambda each: each[0][0]):
        groups[tuple((sources[source], count) for (_, source), count in some)].append(leader)
    goals = np.full(len(ids), _NONE, np.int8)
    for profile, placed in quotas.place({profile: len(some) for profile, some in groups.items()}).items():
        ordered = sorted(groups[profile], key=lambda leader: _point(seed, ids[leader]))
        goals[ordered] = np.repeat(list(placed), list(placed.values()))
    splits[free] = goals[leaders[free]]


def _counted(ones: Numbers, others: Numbers) -> Iterator[tuple[tuple[int, int], int]]:
    """Count the pairs of two small numbers each; in order."""
    size = int(others.max(initial=0)) + 1
    pairs, counts = np.unique(ones * size + others, return_counts=True)
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        yield divmod(pair, size), count


def _shares(fractions: Sequence[float]) -> dict[int, float]:
    """Return the splits that get something, in order, by their places in NAMES."""
    _check(fractions)
    named = zip(_NAMES[len(fractions)], fractions, strict=True)
    return {NAMES.index(name): fraction for name, fraction in named if fraction}


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


def _bounds(fractions: Sequence[float]) -> list[tuple[str, float]]:
    """Return the splits that get something, each with the upper end of its part of [0, 1]."""
    _check(fractions)
    named = zip(_NAMES[len(fractions)], fractions, accumulate(fractions), strict=True)
    return [(name, bound) for name, fraction, bound in named if fraction]


def _check(fractions: Sequence[float]) -> None:
    if len(fractions) not in _NAMES:
        raise UsageError(f"{len(fractions)} fractions: give one to three, for train, validation and test")
    if not (all(fraction >= 0 for fraction in fractions) and isclose(sum(fractions), 1, abs_tol=1e-9)):
        raise UsageError(f"the fractions {', '.join(map(str, fractions))} have to be 0 or more, and to add up to 1")


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
