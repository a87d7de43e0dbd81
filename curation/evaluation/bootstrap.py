"""Intervals by the paired bootstrap: the same resamples for every system, so that a difference is one of answers.

Resampled are groups of questions (those that share an image), with replacement, as many as there are; a mean of a
resample is its sum over its number of questions. The interval is that of percentiles.
Sources: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; for groups, Field and Welsh,
Bootstrapping clustered data, https://doi.org/10.1111/j.1467-9868.2007.00593.x.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_CELLS = 4_000_000
"""Draws that are held at a time: at four bytes each, and eight while they are counted."""


class Interval(NamedTuple):
    """The middle 95 % of the resampled figures."""

    low: float
    high: float


class Resampled(NamedTuple):
    """Means of every resample, and what they are of. R resamples, K strata, S systems."""

    means: Floats
    """[R, K, S]; not a number where a resample has no question of the stratum."""

    def interval(self, stratum: int, system: int) -> Interval:
        """Return the interval of a system's mean in a stratum."""
        return _middle(self.means[:, stratum, system])

    def difference(self, stratum: int, system: int, base: int = 0) -> Interval:
        """Return the interval of how far a system's mean is above that of another."""
        return _middle(self.means[:, stratum, system] - self.means[:, stratum, base])


def resample(values: Floats, groups: Sequence[str], strata: NDArray[np.bool_], resamples: int, seed: int) -> Resampled:
    """Resample the means of `values` [S, Q] in every stratum; `strata` [K, Q] says which questions are in which."""
    systems, kinds = len(values), len(strata)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    count = int(group.max()) + 1
    asked = _sums(strata.astype(np.float32), group, count)
    right = _sums((strata[:, None, :] * values[None, :, :]).reshape(kinds * systems, -1), group, count)
    totals = np.concatenate([asked, right], axis=1)
    drawn = np.concatenate([weights @ totals for weights in _weights(count, resamples, seed)])
    with np.errstate(invalid="ignore", divide="ignore"):
        means = drawn[:, kinds:].reshape(-1, kinds, systems) / drawn[:, :kinds, None]
    return Resampled(means)


def _sums(values: Floats, group: NDArray[np.intp], count: int) -> Floats:
    """Sum the columns of each group: [N, Q] to [groups, N]."""
    sums = np.zeros((count, len(values)), dtype=np.float32)
    np.add.at(sums, group, values.T)
    return sums


def _weights(count: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield, in blocks [B, groups], how often each group is drawn."""
    random = np.random.default_rng(seed)
    block = max(1, _CELLS // count)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        draws = random.integers(0, count, size=(size, count), dtype=np.int64)
        draws += np.arange(size, dtype=np.int64)[:, None] * count
        yield np.bincount(draws.ravel(), minlength=size * count).reshape(size, count).astype(np.float32)


def _middle(means: Floats) -> Interval:
    known = means[~np.isnan(means)]
    low, high = np.percentile(known, (2.5, 97.5)) if known.size else (float("nan"), float("nan"))
    return Interval(float(low), float(high))
