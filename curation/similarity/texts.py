"""Texts that are nearly the same, among millions: MinHash over three-word shingles, and locality-sensitive hashing.

The share of equal minima estimates the Jaccard similarity of two texts' sets of shingles (Broder 1997,
https://doi.org/10.1109/SEQUEN.1997.666900). 25 bands of 5 minima find candidates: 99 % of the pairs at 0.7, nearly
all at 0.8. Candidates are then judged by all 125 minima, of which one byte each is kept (b-bit minwise hashing,
https://arxiv.org/abs/0910.3349): 125 + 200 bytes a text, and nothing of its words.

Each word that is changed takes three shingles from both texts. So a copy with one word changed is found from 30 words
on, with two from 50, with three from 75, with four from 90; shorter ones are as unlike as two answers of one form.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

BANDS, ROWS = 25, 5
SHINGLE = 3
"""Words."""
MIN_WORDS = 30
"""Shorter texts are not compared: between short ones, chance alone makes them alike."""
THRESHOLD = 0.7
_CHUNK = 1 << 16
"""Shingles at once: what a core's cache holds."""

_Hashes = npt.NDArray[np.uint32]
_rng = np.random.default_rng(1)
_FACTORS: _Hashes = _rng.integers(0, 2**32, BANDS * ROWS, dtype=np.uint32) | np.uint32(1)
_TERMS: _Hashes = _rng.integers(0, 2**32, BANDS * ROWS, dtype=np.uint32)
_MIX = _rng.integers(0, 2**64, ROWS, dtype=np.uint64) | np.uint64(1)
_PLACES = _rng.integers(0, 2**32, SHINGLE, dtype=np.uint32) | np.uint32(1)


class Pair(NamedTuple):
    """Two texts by their numbers, in the order in which they were added, and how alike they are."""

    later: int
    earlier: int
    similarity: float
    """Jaccard, estimated; its standard error is at most 0.045."""


class Sketches:
    """The sketches of texts, which are added in batches and numbered from 0."""

    def __init__(self) -> None:
        self._count = 0
        self._numbers: list[npt.NDArray[np.int64]] = []
        self._bands: list[npt.NDArray[np.uint64]] = []
        self._bytes: list[npt.NDArray[np.uint8]] = []

    def add(self, texts: pl.Series) -> None:
        """Sketch a batch of texts; null counts as empty."""
        words = texts.fill_null("").str.to_lowercase().str.extract_all(r"[\p{L}\p{N}]+")
        lengths = words.list.len().to_numpy().astype(np.int64)
        long = np.flatnonzero(lengths >= MIN_WORDS)
        numbers = self._count + long
        self._count += len(texts)
        if not len(long):
            return
        hashes = words.gather(long).explode().hash(1).to_numpy().astype(np.uint32)
        minima = np.concatenate(list(_minima(hashes, lengths[long])))
        self._numbers.append(numbers)
        self._bands.append(_band_hashes(minima))
        self._bytes.append(minima.astype(np.uint8))

    def pairs(self, threshold: float = THRESHOLD) -> Iterator[Pair]:
        """Yield each text that is like an earlier one, with the earliest that a band names; each text once."""
        if not self._numbers:
            return
        numbers, marks = np.concatenate(self._numbers), np.concatenate(self._bytes)
        later, earlier = _candidates(np.concatenate(self._bands))
        equal = np.concatenate(
            [
                (marks[later[at : at + _CHUNK]] == marks[earlier[at : at + _CHUNK]]).mean(axis=1)
                for at in range(0, len(later), _CHUNK)
            ]
            or [np.zeros(0)]
        )
        similarity = (equal - 1 / 256) / (1 - 1 / 256)  # of the bytes, one in 256 is equal by chance
        seen: set[int] = set()
        for at in np.flatnonzero(similarity >= threshold):
            if later[at] not in seen:
                seen.add(later[at])
                yield Pair(int(numbers[later[at]]), int(numbers[earlier[at]]), float(similarity[at]))


def _minima(words: _Hashes, lengths: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.uint32]]:
    """Yield the minima of some texts at a time: texts x (bands x rows)."""
    ends = np.cumsum(lengths)
    first = 0
    while first < len(lengths):
        begin = ends[first] - lengths[first]
        last = max(first + 1, int(np.searchsorted(ends, begin + _CHUNK, side="right")))
        yield _minima_of(words[begin : ends[last - 1]], lengths[first:last])
        first = last


def _minima_of(words: _Hashes, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    size = len(words) - SHINGLE + 1
    shingles = np.zeros(size, np.uint32)
    for place, factor in enumerate(_PLACES):
        shingles += words[place : place + size] * factor
    shingles ^= shingles >> np.uint32(15)
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    # A shingle that reaches into the next text takes the place of one of its own text's: the first.
    for behind in range(1, SHINGLE):
        shingles[starts[1:] - behind] = shingles[starts[:-1]]
    found = np.empty((len(_FACTORS), len(lengths)), np.uint32)
    room = np.empty_like(shingles)
    for row, (factor, term) in enumerate(zip(_FACTORS, _TERMS, strict=True)):
        np.multiply(shingles, factor, out=room)
        np.add(room, term, out=room)
        np.minimum.reduceat(room, starts, out=found[row])
    return found.T


def _band_hashes(minima: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """Return a hash of each band of each text: texts x bands."""
    rows = minima.reshape(len(minima), BANDS, ROWS).astype(np.uint64)
    mixed: npt.NDArray[np.uint64] = (rows * _MIX).sum(axis=2, dtype=np.uint64)
    return mixed ^ (mixed >> np.uint64(29))


def _candidates(bands: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return pairs that share a band: each text with the first that has it, and with the one before it.

    That is at most two for each text and band, however many texts share one.
    """
    found = []
    for band in range(bands.shape[1]):
        order = np.argsort(bands[:, band], kind="stable")
        values = bands[order, band]
        same = np.flatnonzero(values[1:] == values[:-1]) + 1
        new = np.concatenate(([True], values[1:] != values[:-1]))
        first = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
        found += [np.stack([order[same], first[same]]), np.stack([order[same], order[same - 1]])]
    pairs = np.unique(np.concatenate(found, axis=1), axis=1)
    return pairs[0], pairs[1]
