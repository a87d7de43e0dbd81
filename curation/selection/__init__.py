"""What a policy takes of a workspace, and of every other trace the line that excludes it.

All is read twice: once to decide, as a cap is decided over all that the other lines leave, and once to be written. What
is held in between is ids and numbers.
"""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from curation.policies import Policy
from curation.store.contenders import Contender, Contenders, Made, contenders
from exports import STANDING
from schemas.sample import Sample
from schemas.trace import Trace

_DIGEST = 32


class Excluded(NamedTuple):
    """A trace that is not taken."""

    made: Made
    rule: str
    """Name of the line: what stands before the equals sign."""
    line: int
    """Of the policy, from 1; 0 where it is no line that excludes it."""
    reason: str
    codes: tuple[str, ...] = ()
    """Of its open errors."""


class Chosen(NamedTuple):
    """A sample with what is taken of it, and what is not."""

    sample: Sample
    taken: tuple[Contender, ...]
    """In the order of the turns."""
    excluded: tuple[Excluded, ...]
    """In the order of the turns; of a turn, those that stand no more come last."""
    standing: tuple[Contender, ...]
    """All that stand for their turns, in the order of the turns."""

    @property
    def traces(self) -> tuple[Trace, ...]:
        """The traces that are taken."""
        return tuple(one.made.trace for one in self.taken)


class Selection:
    """A policy's decisions on the records of a connection, which has to see the same ones for as long as it is used."""

    def __init__(self, records: Connection, policy: Policy, only: Sequence[str] = (), seed: int = 0) -> None:
        """Decide; `only` are sources, all where there is none."""
        self.ids: list[str] = []
        """Of the samples."""
        self._records = records
        self._policy = policy
        self._only = only
        self._lines = policy.lines
        self._decided = array("H")
        """For each trace that stands the place of the line that excludes it, from 1; 0 where none does."""
        self._counts = array("H")
        """Traces that stand, of each sample."""
        self._ids = bytearray()
        self._decide(seed)

    def _decide(self, seed: int) -> None:
        places = {rule: place for place, rule in enumerate(self._policy.rules, 1)}
        pool, pooled = self._policy.pool(seed), array("Q")
        for sample, standing, *_ in contenders(self._records, self._policy.wanted, self._only):
            self.ids.append(sample.id)
            self._counts.append(len(standing))
            for one in standing:
                broken = self._policy.why(one)
                if pool and broken is None:
                    pool.add(one)
                    pooled.append(len(self._decided))
                self._decided.append(places[broken[0]] if broken else 0)
                self._ids += bytes.fromhex(one.made.id.removeprefix("sha256:"))
        numbers, decided = np.asarray(pooled), np.asarray(self._decided)
        for place, over in enumerate(pool.excluded() if pool else (), len(self._policy.rules) + 1):
            decided[numbers[over]] = place

    @property
    def digest(self) -> str:
        """The digest of the ids of all traces that are taken, in order."""
        digest = hashlib.sha256()
        for number in np.flatnonzero(np.asarray(self._decided) == 0):
            digest.update(f"sha256:{self._ids[_DIGEST * number : _DIGEST * (number + 1)].hex()}".encode())
        return f"sha256:{digest.hexdigest()}"

    def sampled(self) -> Iterator[str]:
        """Give the ids of the samples of which a trace is taken."""
        begin = 0
        for sample_id, count in zip(self.ids, self._counts, strict=True):
            if 0 in self._decided[begin : begin + count]:
                yield sample_id
            begin += count

    def counts(self) -> dict[tuple[str, int], int]:
        """Return how many traces that stand for their turns each line excludes, by name and number of the line."""
        counts = np.bincount(np.asarray(self._decided), minlength=len(self._lines) + 1).tolist()
        return {(rule.name, rule.line): count for rule, count in zip(self._lines, counts[1:], strict=True)}

    def chosen(self) -> Iterator[Chosen]:
        """Read everything again, in the order of the sample ids, and give what becomes of it."""
        begin = 0
        for each in contenders(self._records, self._policy.wanted, self._only):
            decided = self._decided[begin : begin + len(each.standing)]
            begin += len(decided)
            taken = [one for one, place in zip(each.standing, decided, strict=True) if not place]
            excluded = [self._excluded(one, place) for one, place in zip(each.standing, decided, strict=True) if place]
            excluded = sorted([*excluded, *_replaced(each)], key=lambda one: one.made.turn)
            yield Chosen(each.sample, tuple(taken), tuple(excluded), each.standing)

    def _excluded(self, one: Contender, place: int) -> Excluded:
        rule = self._lines[place - 1]
        return Excluded(one.made, rule.name, rule.line, rule.why(one) or "", one.errors)


def _replaced(each: Contenders) -> Iterable[Excluded]:
    """Say of the traces that stand no more what stands in their place."""
    standing = {one.made.turn: one.made.id for one in each.standing}
    for made in each.others:
        now = standing.get(made.turn)
        why = f"{now} stands for its turn" if now else "it was withdrawn"
        yield Excluded(made, STANDING, 0, why, each.errors.get(made.id, ()))
