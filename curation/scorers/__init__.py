"""The scorers: one file for each official metric."""

from typing import NamedTuple, Protocol, cast

from curation import registry
from schemas.sample import Turn


class Score(NamedTuple):
    """How well a prediction meets a turn's targets: `value` from 0 to 1 as the metric defines it."""

    value: float
    correct: bool


class Scorer(Protocol):
    """What a file in this folder defines."""

    def score(self, prediction: str, turn: Turn) -> Score:
        """Score one prediction. Raises ValueError for a turn without targets."""


def get(name: str) -> Scorer:
    """Return the scorer of that name. Raises UsageError for an unknown one."""
    return cast("Scorer", registry.load(__name__, name))
