"""What a trace that is kept has cost: all calls of a model about a source, those that came to nothing too."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from curation.store.survey import Paid


class Spent(NamedTuple):
    """What one model cost on one source."""

    source: str
    model: str
    calls: int
    cost: int
    """Nano-dollars."""
    kept: int
    """Its traces that stand for their turns, were checked, and have no open error."""

    @property
    def each(self) -> float | None:
        """Nano-dollars for a trace that is kept; None where none is."""
        return self.cost / self.kept if self.kept else None


def spending(paid: Iterable[Paid], kept: Mapping[tuple[str, str], int]) -> list[Spent]:
    """Put together what was paid and what is kept."""
    return [Spent(*each, kept.get((each.source, each.model), 0)) for each in paid]
