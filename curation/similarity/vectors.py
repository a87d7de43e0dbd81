"""Vectors that point the same way, among millions, without comparing all of them with all.

Vectors are put into clusters by spherical k-means, each into the two that are nearest, and compared inside of them:
SemDeDup, Abbas et al. 2023, https://arxiv.org/abs/2303.09540. Two that are alike are missed where they share none of
the two. A cluster is compared with its first rows only where it is so large that most of it must be alike.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

_ROWS = 1000
"""Rows of a cluster, on average."""
_TRAINED_ON = 64
"""Rows for each cluster, by which the clusters are found."""
_ROUNDS = 10
_FIRST = 10_000
"""Rows of a cluster with which its others are compared."""
_BLOCK = 2048


class Pair(NamedTuple):
    """A row, and the earlier one that is most like it."""

    row: int
    earlier: int
    similarity: float
    """Cosine."""


def pairs(vectors: Vectors, owners: Rows, least: float, seed: int = 0) -> list[Pair]:
    """Return, by row, each row that is like an earlier one of another owner.

    vectors: [n, d], of length 1. owners: [n], rows of one owner are no pair. least: cosine from which two are alike.
    """
    best: dict[int, Pair] = {}
    for members in _clusters(vectors, seed):
        for pair in _inside(vectors, owners, members, least):
            if pair.row not in best or pair.similarity > best[pair.row].similarity:
                best[pair.row] = pair
    return [best[row] for row in sorted(best)]


def _clusters(vectors: Vectors, seed: int) -> Iterator[Rows]:
    """Give the rows of each cluster, in ascending order."""
    count = max(1, len(vectors) // _ROWS)
    if count == 1:
        yield np.arange(len(vectors))
        return
    centres = _centres(vectors, count, seed)
    nearest = np.concatenate([_two_nearest(block, centres) for block in _blocks(vectors)])
    rows = np.repeat(np.arange(len(vectors)), 2)
    order = np.argsort(nearest.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(nearest.ravel(), minlength=count))[:-1]
    yield from np.split(rows[order], ends)


def _centres(vectors: Vectors, count: int, seed: int) -> Vectors:
    """Find the centres of so many clusters, [count, d]; one that loses all its rows stays where it was."""
    random = np.random.default_rng(seed)
    some = vectors[np.sort(random.choice(len(vectors), min(len(vectors), count * _TRAINED_ON), replace=False))]
    centres = some[np.sort(random.choice(len(some), count, replace=False))]
    for _ in range(_ROUNDS):
        nearest = np.concatenate([(block @ centres.T).argmax(1) for block in _blocks(some)])
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, some)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), centres)
    return centres


def _two_nearest(block: Vectors, centres: Vectors) -> Rows:
    """Return the two nearest centres of each row, [rows, 2]."""
    return np.argpartition(-(block @ centres.T), 1, axis=1)[:, :2]


def _blocks(vectors: Vectors) -> Iterator[Vectors]:
    return (vectors[start : start + _BLOCK] for start in range(0, len(vectors), _BLOCK))


def _inside(vectors: Vectors, owners: Rows, members: Rows, least: float) -> Iterator[Pair]:
    """Compare each member of a cluster with the earlier ones among its first."""
    first = members[:_FIRST]
    for start in range(0, len(members), _BLOCK):
        rows = members[start : start + _BLOCK]
        likeness = vectors[rows] @ vectors[first].T
        likeness[(first >= rows[:, None]) | (owners[first] == owners[rows][:, None])] = -1
        nearest = likeness.argmax(1)
        found = likeness[np.arange(len(rows)), nearest]
        for place in np.flatnonzero(found >= least):
            yield Pair(int(rows[place]), int(first[nearest[place]]), float(found[place]))
