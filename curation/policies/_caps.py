"""What a policy says about how many traces there may be of a kind, decided over all that its other lines leave.

Which traces stay depends on the seed and their samples' ids alone: those of the samples with the least digests. So a
trace that does not stay never comes to stay when others are added, and the turns of one sample stay together.
"""

from array import array
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.errors import MissingError
from curation.store.contenders import Contender
from schemas.digest import canonical_json

Group = Callable[[Contender], str | None]
"""Names the group in which a trace is counted; None where it is not counted."""
_UNCOUNTED = 0
_TOO_MANY = "there are more than {:,} of {}"


class Cap(NamedTuple):
    """At most so many traces of each group."""

    name: str
    line: int
    most: int
    group: Group

    def why(self, one: Contender) -> str:
        """Say why a trace is not among those that stay."""
        return _TOO_MANY.format(self.most, self.group(one))


class Mixture(NamedTuple):
    """Shares of the sources, in whatever unit; a source without a share has none."""

    line: int
    shares: dict[str, float]
    name: str = "mixture"

    def why(self, one: Contender) -> str:
        """Say why a trace is not among those that stay."""
        source = one.sample.source
        return f"more of {source} than its share" if source in self.shares else f"{source} has no share"


class Pool:
    """What the other lines of a policy leave, as numbers: 12 bytes for each trace, and 8 more for each cap."""

    def __init__(self, caps: tuple[Cap, ...], mixture: Mixture | None, seed: int) -> None:
        self._caps = caps
        self._mixture = mixture
        self._seed = seed
        self._ranks = array("Q")
        self._turns = array("H")
        self._groups = [array("Q") for _ in caps]
        self._sources = array("H")
        self._numbers: dict[str, int] = {}

    def add(self, one: Contender) -> None:
        """Take a trace, whose number is the count of those before it."""
        self._ranks.append(_number([self._seed, one.sample.id]))
        self._turns.append(one.made.turn)
        for cap, groups in zip(self._caps, self._groups, strict=True):
            group = cap.group(one)
            groups.append(_UNCOUNTED if group is None else _number(group) | 1)
        self._sources.append(self._numbers.setdefault(one.sample.source, len(self._numbers)))

    def excluded(self) -> Iterator[NDArray[np.intp]]:
        """Give for each cap in its order, then for the mixture, the numbers of the traces that it excludes."""
        ranks, turns = np.asarray(self._ranks), np.asarray(self._turns)
        left = np.arange(len(ranks))
        for cap, groups in zip(self._caps, self._groups, strict=True):
            place = _places(np.asarray(groups)[left], ranks[left], turns[left])
            over = (place >= cap.most) & (np.asarray(groups)[left] != _UNCOUNTED)
            yield left[over]
            left = left[~over]
        if self._mixture:
            sources = np.asarray(self._sources)[left]
            over = _places(sources, ranks[left], turns[left]) >= self._most(sources)[sources]
            yield left[over]

    def _most(self, sources: NDArray[np.uint16]) -> NDArray[np.int64]:
        """Return how many traces of each source there may be, so that the shares hold and most are kept."""
        assert self._mixture is not None
        counts = np.bincount(sources, minlength=len(self._numbers))
        shares = np.array([self._mixture.shares.get(name, 0) for name in self._numbers], float)
        held = {name for name, number in self._numbers.items() if counts[number]}
        if missing := [name for name in self._mixture.shares if name not in held]:
            raise MissingError(
                f"line {self._mixture.line} of the policy gives a share to {missing[0]}, and no trace of it is left"
            )
        whole = min(count / share for count, share in zip(counts, shares, strict=True) if share)
        most: NDArray[np.int64] = np.floor(whole * shares + 1e-6).astype(np.int64)
        return most


def _number(value: object) -> int:
    """Return 64 bits that stand for a value."""
    return int.from_bytes(blake2b(canonical_json(value), digest_size=8).digest(), "big")


def _places(groups: NDArray[np.uint64], ranks: NDArray[np.uint64], turns: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Return each trace's place in its group, from 0, by rank and then by turn. [n] arrays."""
    order = np.lexsort((turns, ranks, groups))
    in_order = groups[order]
    begins = np.flatnonzero(np.append(True, in_order[1:] != in_order[:-1])[: len(order)])
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    return places
