"""The open issues counted, and a few of each code to look at."""

from bisect import insort
from collections import Counter
from collections.abc import Iterable
from itertools import zip_longest
from typing import NamedTuple

from curation.calibration.signals import CONTAMINATION
from curation.store.survey import Found

EXAMPLES = 2
"""Issues of a code that are shown,"""
PAIRS = 6
"""and pairs of a sample and the row of an evaluation set."""


class Tally(NamedTuple):
    """What was found how often."""

    counts: dict[tuple[str, str, str], int]
    """By source, code and severity."""
    examples: dict[str, list[str]]
    """Ids of issues to look at, by code: of different sources where there are such."""

    def by_code(self) -> dict[str, dict[str, int]]:
        """Return counts by code and severity, the most frequent codes first."""
        found: dict[str, Counter[str]] = {}
        for (_, code, severity), count in self.counts.items():
            found.setdefault(code, Counter())[severity] += count
        return {code: dict(found[code]) for code in sorted(found, key=lambda code: (-found[code].total(), code))}

    def by_source(self, code: str) -> dict[str, int]:
        """Return how often a code was found, by source."""
        found: Counter[str] = Counter()
        for (source, each, _), count in self.counts.items():
            if each == code:
                found[source] += count
        return dict(found)


def tally(findings: Iterable[Found]) -> Tally:
    """Count findings. Of each code and source the issues with the lowest ids are kept: that is drawing at random."""
    counts: Counter[tuple[str, str, str]] = Counter()
    first: dict[str, dict[str, list[str]]] = {}
    for found in findings:
        source = found.sample_id.split("/", 1)[0]
        counts[source, found.code, found.severity] += 1
        kept = first.setdefault(found.code, {}).setdefault(source, [])
        insort(kept, found.id)
        del kept[_most(found.code) :]
    examples = {code: _in_turn(kept.values())[: _most(code)] for code, kept in sorted(first.items())}
    return Tally(dict(sorted(counts.items())), examples)


def _most(code: str) -> int:
    return PAIRS if code.startswith(f"{CONTAMINATION}:") else EXAMPLES


def _in_turn(kept: Iterable[list[str]]) -> list[str]:
    """Return one of each source, then another one of each."""
    rounds = zip_longest(*sorted(kept))
    return [each for round_ in rounds for each in round_ if each is not None]
