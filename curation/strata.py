"""What a selection leaves of each stratum: the samples of a source that have a label's value in common.

Dropping flawed traces cures faults that strike anywhere. A teacher that fails on one kind of question only is another
matter: dropping its traces leaves that kind out, and a model that is trained on the rest never learns it.
"""

from collections import Counter
from typing import NamedTuple

from schemas.sample import Sample

MOST_VALUES = 20
"""A label with more values than this names things, for instance images, and makes no strata."""
FEWEST_SAMPLES = 20
"""Of a smaller stratum nothing can be said."""
EMPTY_BELOW = 1 / 3
"""Share of a stratum that is left, relative to the share of its source, below which it counts as emptied."""


class Stratum(NamedTuple):
    """How many samples of a stratum there are, and of how many a trace was taken."""

    source: str
    label: str
    value: str
    samples: int
    taken: int

    @property
    def name(self) -> str:
        """For instance `scenes level=hard`."""
        return f"{self.source} {self.label}={self.value}"

    @property
    def share(self) -> float:
        """Part of the samples that was taken."""
        return self.taken / self.samples


class Coverage:
    """Counts samples by the strata of their source's labels."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], Counter[str]] = {}
        self._taken: Counter[tuple[str, str, str]] = Counter()
        self._sources: Counter[str] = Counter()
        self._sources_taken: Counter[str] = Counter()

    def add(self, sample: Sample, *, taken: bool) -> None:
        """Count a sample."""
        self._sources[sample.source] += 1
        self._sources_taken[sample.source] += taken
        for label, value in sample.labels.items():
            values = self._samples.setdefault((sample.source, label), Counter())
            if len(values) <= MOST_VALUES:
                values[value] += 1
                self._taken[sample.source, label, value] += taken

    def strata(self) -> list[Stratum]:
        """Return the strata, sorted."""
        return [
            Stratum(source, label, value, count, self._taken[source, label, value])
            for (source, label), values in sorted(self._samples.items())
            if 1 < len(values) <= MOST_VALUES
            for value, count in sorted(values.items())
        ]

    def emptied(self) -> list[Stratum]:
        """Return the strata of which much less is left than of their source as a whole."""
        return [
            stratum
            for stratum in self.strata()
            if stratum.samples >= FEWEST_SAMPLES
            and stratum.share < EMPTY_BELOW * self._sources_taken[stratum.source] / self._sources[stratum.source]
        ]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the counts as a manifest has them, by the names of the strata."""
        strata = self.strata()
        return {
            "strata": {stratum.name: stratum.taken for stratum in strata},
            "strata_before": {stratum.name: stratum.samples for stratum in strata},
        }
