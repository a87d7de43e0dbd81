"""How long the stages are."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.trace import STAGES

DRAWN = 20_000
"""Traces that are looked at, at most."""
EDGES = tuple(round(10 ** (step / 6)) for step in range(37))
"""Bounds of the bins, in characters: six to each power of ten, up to a million."""


class Lengths(NamedTuple):
    """The lengths of stages, of some traces."""

    traces: int
    binned: dict[str, list[int]]
    """Traces by stage and bin of EDGES; longer ones are in the last."""
    medians: dict[str, dict[str, int]]
    """Characters, by source and stage."""
    longest: dict[str, int]


def measure(drawn: Iterable[tuple[str, tuple[int, ...]]]) -> Lengths:
    """Count lengths, given the sample and the characters in each stage of every trace."""
    by_source: dict[str, list[tuple[int, ...]]] = {}
    for sample_id, characters in drawn:
        by_source.setdefault(sample_id.split("/", 1)[0], []).append(characters)
    tables = {source: np.array(rows, np.int64) for source, rows in sorted(by_source.items())}
    every = np.concatenate([*tables.values(), np.zeros((0, len(STAGES)), np.int64)])
    return Lengths(
        traces=len(every),
        binned={stage.value: _bins(every[:, place]) for place, stage in enumerate(STAGES)},
        medians={source: _medians(table) for source, table in tables.items()},
        longest={stage.value: int(every[:, place].max(initial=0)) for place, stage in enumerate(STAGES)},
    )


def _bins(lengths: NDArray[np.int64]) -> list[int]:
    counted, _ = np.histogram(np.clip(lengths, EDGES[0], EDGES[-1]), EDGES)
    return [int(count) for count in counted]


def _medians(table: NDArray[np.int64]) -> dict[str, int]:
    return {stage.value: int(np.median(table[:, place])) for place, stage in enumerate(STAGES)}
