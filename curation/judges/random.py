"""Chance: the control that a judge must beat."""

from collections.abc import Sequence

from curation.judges import Case, Manner
from curation.lanes import Draws, Session

ABSOLUTE = True


def scores(session: Session, cases: Sequence[Case], manner: Manner) -> list[list[float]]:  # noqa: ARG001 - as Judge has it
    """Return seeded numbers from 0 to 1."""
    return [_numbers(case) for case in cases]


def _numbers(case: Case) -> list[float]:
    draws = Draws(case.seed)
    return [draws.next() for _ in case.options]
