"""Pictures that look alike, among millions: two hashes of 64 bits name candidates, a thumbnail of each decides.

Candidates are neighbours when the hashes are sorted, with their bits turned round by eight at a time: hashes that
differ in few bits begin alike in one of the turns (Charikar 2002, https://doi.org/10.1145/509907.509965). That takes
as long for a million hashes that are all the same as for a million that are not.

Of a candidate, one thumbnail is laid over the other, moved and stretched until they fit best, by inverse compositional
registration (Baker and Matthews 2004, https://doi.org/10.1023/B:VISI.0000011205.11775.fd). What then is the largest
difference at any place tells a crop from another chart: hashes, and correlation, see the whole, and a map on which
another country is red is nearly the same on the whole. Colours are compared as they lie, where both have some.
"""

from collections.abc import Callable, Iterator, Sequence
from math import isqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

HASH_BITS, GRADIENT_BITS = 10, 14
"""Bits in which the pHash and the dHash of candidates may differ."""
MIRRORED_BITS = 7
"""Bits of the dHash that rise in both directions at most, of a picture and of the mirror image of a candidate."""
ALIKE = 0.5
"""The largest difference between a picture and an altered copy, as a share of the picture's contrast."""
_TURNS = range(0, 64, 8)
_NEIGHBOURS = 4
"""On each side, in each order."""
COLOUR = 20
"""The largest difference of the colours of the two, of 255."""
_COLOURS = 128
"""Bytes of a thumbnail's colours, after its grey pixels: those of `curation.images.looks.Marks`."""
_GREY = 8
"""How far the colours of a grey picture are from none."""
_STEPS = 5
_MOVED = 2.5
"""Pixels of the thumbnail by which a picture is moved or stretched at most."""
_FLAT = 4.0
"""Grey levels that count as contrast at least."""
_CHUNK = 1024
"""Pairs at once."""

_Hashes = npt.NDArray[np.int64]
_Numbers = npt.NDArray[np.int64]
_Bytes = npt.NDArray[np.uint8]
_Images = npt.NDArray[np.float32]
Thumbs = Callable[[Sequence[int]], _Bytes]
"""Returns the thumbnails of the pictures of these numbers: pictures x bytes."""


class Marked(NamedTuple):
    """The hashes of some pictures; a picture's number is its place in them."""

    hashes: _Hashes
    gradients: _Hashes


class Match(NamedTuple):
    """A picture and one of others that looks like it, by their numbers."""

    one: int
    other: int
    difference: float
    """0 for the same picture, up to ALIKE."""


def groups(marked: Marked, thumbs: Thumbs) -> _Numbers:
    """Return for each picture the smallest number among those that look like it, also by way of others."""
    leaders = np.arange(len(marked.hashes))
    pairs = _spread(candidates(marked, marked))
    for at in range(0, len(pairs), _CHUNK):
        some = np.array([_find(leaders, number) for number in pairs[at : at + _CHUNK].ravel().tolist()]).reshape(-1, 2)
        apart = pairs[at : at + _CHUNK][some[:, 0] != some[:, 1]]
        alike = apart[_differences(apart, thumbs, thumbs) <= ALIKE]
        for one, other in alike.tolist():
            first, second = sorted((_find(leaders, one), _find(leaders, other)))
            leaders[second] = first
    return np.array([_find(leaders, number) for number in range(len(leaders))], np.int64)


def matches(marked: Marked, thumbs: Thumbs, others: Marked, other_thumbs: Thumbs) -> Iterator[Match]:
    """Yield each pair of a picture and one of the others that looks like it."""
    pairs = candidates(marked, others)
    for at in range(0, len(pairs), _CHUNK):
        some = pairs[at : at + _CHUNK]
        differences = _differences(some, thumbs, other_thumbs)
        for place in np.flatnonzero(differences <= ALIKE):
            yield Match(int(some[place, 0]), int(some[place, 1]), round(float(differences[place]), 3))


def mirrors(marked: Marked, thumbs: Thumbs) -> Iterator[Match]:
    """Yield each pair of pictures one of which looks like the other's mirror image, the smaller number first.

    The pictures are different ones: of those that look alike, one (see `groups`).
    """
    pairs = candidates(marked, _mirrored(marked), _Clash(np.bitwise_and, MIRRORED_BITS))
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    for at in range(0, len(pairs), _CHUNK):
        some = pairs[at : at + _CHUNK]
        differences = _differences(some, thumbs, lambda numbers: _flipped(thumbs(numbers)))
        for place in np.flatnonzero(differences <= ALIKE):
            yield Match(int(some[place, 0]), int(some[place, 1]), round(float(differences[place]), 3))


def _mirrored(marked: Marked) -> Marked:
    """Return about what the pHashes of the mirror images are, and the dHashes from right to left.

    Odd frequencies change their sign there, and their median is about 0. Where a bit of such a dHash is 1, it gets
    brighter to the right, and the mirror image's is 0; where it is 0, that can be either, as neighbours may be alike.
    """
    odd = np.int64(0x5555555555555555)
    rows = np.unpackbits(marked.gradients.astype(">i8").view(np.uint8)).reshape(-1, 8, 8)[:, :, ::-1]
    turned = np.packbits(rows, axis=2).reshape(-1, 8).copy().view(">i8")[:, 0]
    return Marked(marked.hashes ^ odd, turned.astype(np.int64))


def _flipped(thumbs: _Bytes) -> _Bytes:
    """Return the thumbnails of the mirror images."""
    side, colours = isqrt(thumbs.shape[1] - _COLOURS), isqrt(_COLOURS // 2)
    grey = thumbs[:, :-_COLOURS].reshape(-1, side, side)[:, :, ::-1]
    planes = thumbs[:, -_COLOURS:].reshape(-1, 2, colours, colours)[:, :, :, ::-1]
    return np.concatenate([grey.reshape(len(thumbs), -1), planes.reshape(len(thumbs), -1)], axis=1)


class _Clash(NamedTuple):
    """What keeps two pictures from being candidates: bits of their dHashes, of which there are too many."""

    bits: Callable[[_Hashes, _Hashes], _Hashes]
    most: int


_OTHER = _Clash(np.bitwise_xor, GRADIENT_BITS)


def candidates(marked: Marked, others: Marked, clash: _Clash = _OTHER) -> _Numbers:
    """Return pairs of a picture and one of the others whose hashes are near, each once and in order: pairs x 2.

    Where the others are the pictures themselves, the smaller number comes first.
    """
    found = np.zeros(0, np.int64)
    size = max(len(others.hashes), 1)
    for keys, other_keys in ((marked, others), (Marked(*marked[::-1]), Marked(*others[::-1]))):
        for turn in _TURNS:
            one, other = _neighbours(_turned(keys, turn), _turned(other_keys, turn))
            near = _bits(marked.hashes[one] ^ others.hashes[other]) <= HASH_BITS
            near &= _bits(clash.bits(marked.gradients[one], others.gradients[other])) <= clash.most
            if marked is others:
                one, other = np.minimum(one, other), np.maximum(one, other)
                near &= one != other
            found = np.union1d(found, one[near] * size + other[near])
    return np.stack([found // size, found % size], axis=1)


def _neighbours(keys: Marked, others: Marked) -> tuple[_Numbers, _Numbers]:
    """Return, for each of the others, those that are nearest to its place when the keys are sorted."""
    count = len(keys.hashes)
    together = np.lexsort([np.concatenate(pair) for pair in zip(keys[::-1], others[::-1], strict=True)])
    order = together[together < count]
    places = np.cumsum(together < count)[together >= count]
    near = places[:, None] + np.arange(-_NEIGHBOURS, _NEIGHBOURS + 1)
    inside = (near >= 0) & (near < count)
    other = np.broadcast_to((together[together >= count] - count)[:, None], near.shape)
    return order[near[inside]], other[inside]


def _turned(keys: Marked, bits: int) -> Marked:
    """Turn the bits of the first hashes round to the left."""
    first = keys.hashes.view(np.uint64)
    if bits:
        first = (first << np.uint64(bits)) | (first >> np.uint64(64 - bits))
    return Marked(first.view(np.int64), keys.gradients)


def _bits(hashes: _Hashes) -> npt.NDArray[np.uint8]:
    return np.bitwise_count(hashes.view(np.uint64))


def _spread(pairs: _Numbers) -> _Numbers:
    """Put first one pair of each picture, then a second one: where all are alike, the first ones say so."""
    begins = np.searchsorted(pairs[:, 0], pairs[:, 0])
    return pairs[np.argsort(np.arange(len(pairs)) - begins, kind="stable")]


def _find(leaders: _Numbers, number: int) -> int:
    """Return the leader of a picture's group, and shorten the way there."""
    while leaders[number] != number:
        leaders[number] = leaders[leaders[number]]
        number = leaders[number]
    return int(number)


def _differences(pairs: _Numbers, thumbs: Thumbs, other_thumbs: Thumbs) -> npt.NDArray[np.float32]:
    ones, others = (
        load(numbers)[places]
        for load, (numbers, places) in zip(
            (thumbs, other_thumbs), (np.unique(side, return_inverse=True) for side in pairs.T), strict=True
        )
    )
    return differences(ones, others)


def differences(ones: _Bytes, others: _Bytes) -> npt.NDArray[np.float32]:
    """Return how much thumbnails (pairs x bytes) differ at most, at one place, when one is laid over the other.

    As a share of the contrast; infinite where the colours are others. Either may be the one that is moved: what was
    cut off can't be found again.
    """
    found: npt.NDArray[np.float32] = np.full(len(ones), np.inf, np.float32)
    same = (ones == others).all(axis=1)
    found[same] = 0
    open_ = ~same & _alike_in_colour(ones, others)
    for moving, target in ((ones, others), (others, ones)):
        unlike = np.flatnonzero(open_ & (found > ALIKE))
        if len(unlike):
            found[unlike] = np.minimum(found[unlike], _difference(_grey(moving[unlike]), _grey(target[unlike])))
    return found


def _alike_in_colour(ones: _Bytes, others: _Bytes) -> npt.NDArray[np.bool_]:
    one, other = (thumbs[:, -_COLOURS:].astype(np.int16) - 128 for thumbs in (ones, others))
    grey = np.minimum(np.abs(one).max(axis=1), np.abs(other).max(axis=1)) <= _GREY
    alike: npt.NDArray[np.bool_] = grey | (np.abs(one - other).max(axis=1) <= COLOUR)
    return alike


def _grey(thumbs: _Bytes) -> _Images:
    pixels = thumbs[:, :-_COLOURS]
    side = isqrt(pixels.shape[1])
    return _smooth(pixels.reshape(-1, side, side))


def _smooth(thumbs: _Bytes) -> _Images:
    padded = np.pad(thumbs.astype(np.float32), ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    smooth: _Images = (rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]) * np.float32(1 / 16)
    return smooth


def _difference(moving: _Images, target: _Images) -> npt.NDArray[np.float32]:
    largest = np.abs(_fitted(moving, target) - target)[:, 1:-1, 1:-1].max(axis=(1, 2))
    contrast = target.std(axis=(1, 2)).clip(_FLAT)
    share: npt.NDArray[np.float32] = largest / contrast
    return share


def _fitted(moving: _Images, target: _Images) -> _Images:
    """Move and stretch each picture, in either direction, until it fits its target."""
    side = target.shape[1]
    across: _Images = np.linspace(1 / side - 1, 1 - 1 / side, side, dtype=np.float32)
    slope_y, slope_x = np.gradient(target, axis=(1, 2))
    each = np.stack([slope_x, slope_x * across, slope_y, slope_y * across[:, None]], axis=1)
    slopes: _Images = each.reshape(len(target), 4, side * side)
    curvature = slopes @ slopes.transpose(0, 2, 1) + np.eye(4, dtype=np.float32)
    moves: _Images = np.zeros((len(target), 4), np.float32)
    fitted = _moved(moving, moves, across, target)
    for _ in range(_STEPS):
        off = slopes @ (fitted - target).reshape(len(target), -1, 1)
        moves = (moves - np.linalg.solve(curvature, off)[..., 0]).clip(-_MOVED, _MOVED)
        fitted = _moved(moving, moves, across, target)
    return fitted


def _moved(moving: _Images, moves: _Images, across: _Images, target: _Images) -> _Images:
    """Sample pictures where they were moved to, with the brightness and the contrast of their targets.

    `moves` is pairs x 4, in pixels: to the right, wider, down, higher; `across` goes from -1 to 1 over a side.
    """
    places = np.arange(len(across), dtype=np.float32)
    down = _rows_at(moving, places + moves[:, 2, None] + moves[:, 3, None] * across)
    sampled = _rows_at(down.transpose(0, 2, 1), places + moves[:, 0, None] + moves[:, 1, None] * across)
    sampled = sampled.transpose(0, 2, 1)
    spread = target.std(axis=(1, 2), keepdims=True) / np.maximum(sampled.std(axis=(1, 2), keepdims=True), 0.1)
    mean, wanted = sampled.mean(axis=(1, 2), keepdims=True), target.mean(axis=(1, 2), keepdims=True)
    moved: _Images = (sampled - mean) * spread + wanted
    return moved


def _rows_at(images: _Images, at: _Images) -> _Images:
    """Return the rows at these places (pairs x side), which may lie between two rows."""
    at = at.clip(0, images.shape[1] - 1)
    above = np.minimum(at.astype(np.int64), images.shape[1] - 2)[:, :, None]
    part = at[:, :, None] - above.astype(np.float32)
    rows: _Images = np.take_along_axis(images, above, 1) * (1 - part) + np.take_along_axis(images, above + 1, 1) * part
    return rows
