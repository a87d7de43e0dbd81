"""What is left of each stratum at each step: the samples of a source that have something in common.

That is a label of the source, the type of question, the answer, or how often a model found it. Dropping flawed traces
cures faults that strike anywhere. A teacher that fails on one kind of question only is another matter: dropping its
traces leaves that kind out, and a model that is trained on the rest never learns it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from string import ascii_uppercase
from types import MappingProxyType
from typing import Literal, NamedTuple

from schemas.sample import Sample, Turn

MOST_VALUES = 20
"""A label with more values than this names things, for instance images, and makes no strata."""
FEWEST_SAMPLES = 20
"""Of a smaller stratum nothing can be said."""
EMPTY_BELOW = 1 / 3
"""Share of a stratum that is left, relative to the share of its source, below which it counts as emptied."""
MOST_NAMED = 10
"""Emptied strata that a report names in sentences."""
OTHER = "other"
"""All answers but the most frequent ones of a source."""
_MOST_ANSWERS = 5_000
"""Different answers of a source that are counted, those that come first; the rest is `OTHER`."""
_LONGEST_ANSWER = 30
_NUMBER = re.compile(r"[-+]?[$€£]?\d[\d,]*(?:\.\d+)?\s?%?")

Step = Literal["annotated", "clean", "taken"]
STEPS: tuple[Step, ...] = ("annotated", "clean", "taken")


class Asked(NamedTuple):
    """What strata are made of, of a turn."""

    target: str | None
    choices: Sequence[str]


def question_type(turn: Turn | Asked) -> str:
    """Return what kind of answer a question has: choice, yes-no, number, text, or open where there is no target."""
    if turn.choices:
        return "choice"
    if turn.target is None:
        return "open"
    target = _plain(turn.target)
    if target in {"yes", "no"}:
        return "yes-no"
    return "number" if _NUMBER.fullmatch(target) else "text"


def answer_of(turn: Turn | Asked) -> str | None:
    """Return the target in a form that is counted: a choice by its letter; None where there is no target."""
    if turn.target is None:
        return None
    if turn.target in turn.choices[: len(ascii_uppercase)]:
        return ascii_uppercase[turn.choices.index(turn.target)]
    answer = _plain(turn.target)
    return answer if len(answer) <= _LONGEST_ANSWER else OTHER


def _plain(text: str) -> str:
    return " ".join(text[:200].casefold().split()).strip(" .")


def difficulty_of(share: float) -> str:
    """Return how often a question was answered right, by the share of the answers that were."""
    if share in {0, 1}:
        return "always right" if share else "never right"
    return "mostly right" if share >= 0.5 else "seldom right"


class Reached(NamedTuple):
    """The turns of a sample that came as far as a step, by their numbers."""

    annotated: Set[int] = frozenset()
    clean: Set[int] = frozenset()
    taken: Set[int] = frozenset()


class Stratum(NamedTuple):
    """How many samples of a stratum there are, and how many of them have a turn that came as far as each step."""

    source: str
    label: str
    value: str
    samples: int
    annotated: int
    clean: int
    taken: int

    @property
    def name(self) -> str:
        """For instance `scenes level=hard`."""
        return f"{self.source} {self.label}={''.join(c if c.isprintable() else '�' for c in self.value)}"

    def at(self, step: Step) -> int:
        """Return how many samples came as far as the step."""
        count: int = getattr(self, step)
        return count

    @property
    def share(self) -> float:
        """Part of the samples that was taken."""
        return self.taken / self.samples


def telling(strata: Sequence[Stratum], emptied: Sequence[Stratum]) -> list[Stratum]:
    """Return the strata of which something can be said; of answers, which are many, those that are emptied."""
    large = [one for one in strata if one.samples >= FEWEST_SAMPLES]
    return [one for one in large if one.label != "answer" or one in emptied]


Counts = Sequence[int]
"""Samples, and those that came as far as each step, in the order of STEPS."""
_Counts = list[int]


class Coverage:
    """Counts samples by strata. Memory is bounded by the number of sources and their labels."""

    def __init__(self) -> None:
        self._strata: dict[tuple[str, str], dict[str, _Counts]] = {}
        self._sources: dict[str, _Counts] = {}

    def add(self, sample: Sample, reached: Reached, agreement: Mapping[int, float] = MappingProxyType({})) -> None:
        """Count a sample. `agreement` has the shares of right answers of the turns that were asked blind."""
        every = range(len(sample.turns))
        self.count_samples(sample.source, _one(every, reached))
        for label, value in sample.labels.items():
            self.count_labelled(sample.source, label, value, _one(every, reached))
        for (label, value), turns in _of_turns(sample, agreement).items():
            self.count_asked(sample.source, label, value, _one(turns, reached))

    def count_samples(self, source: str, counts: Counts) -> None:
        """Count samples of a source."""
        _count(self._sources, source, counts, most=len(self._sources) + 1)

    def count_labelled(self, source: str, label: str, value: str, counts: Counts) -> None:
        """Count samples that have a label of their source; no more, once the label has too many values."""
        strata = self._strata.setdefault((source, label), {})
        if len(strata) <= MOST_VALUES:
            _count(strata, value, counts, most=MOST_VALUES + 1)

    def count_asked(self, source: str, label: str, value: str, counts: Counts) -> None:
        """Count samples with turns that have something in common."""
        _count(self._strata.setdefault((source, label), {}), value, counts, most=_MOST_ANSWERS)

    def strata(self) -> list[Stratum]:
        """Return the strata, sorted."""
        return [
            Stratum(source, label, value, *counts)
            for (source, label), strata in sorted(self._strata.items())
            if 1 < len(named := _frequent(strata) if label == "answer" else strata) <= MOST_VALUES
            for value, counts in sorted(named.items())
        ]

    def emptied(self, step: Step = "taken") -> list[Stratum]:
        """Return the strata of which much less came as far as a step than of their source as a whole."""
        return [
            stratum
            for stratum in self.strata()
            if stratum.samples >= FEWEST_SAMPLES
            and stratum.at(step) / stratum.samples < EMPTY_BELOW * self._share(stratum.source, step)
        ]

    def _share(self, source: str, step: Step) -> float:
        samples, *reached = self._sources[source]
        return reached[STEPS.index(step)] / samples

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the counts as a manifest has them, by the names of the strata."""
        strata = self.strata()
        return {
            "strata": {stratum.name: stratum.taken for stratum in strata},
            "strata_annotated": {stratum.name: stratum.annotated for stratum in strata},
            "strata_before": {stratum.name: stratum.samples for stratum in strata},
            "strata_clean": {stratum.name: stratum.clean for stratum in strata},
        }


def _of_turns(sample: Sample, agreement: Mapping[int, float]) -> dict[tuple[str, str], list[int]]:
    """Return the turns of a sample by what each is in, but for what the source has a label of its own for."""
    found: dict[tuple[str, str], list[int]] = {}
    for number, turn in enumerate(sample.turns):
        for label, value in _labels(turn, agreement.get(number)):
            if label not in sample.labels:
                found.setdefault((label, value), []).append(number)
    return found


def _labels(turn: Turn | Asked, agreement: float | None) -> Iterator[tuple[str, str]]:
    yield "question-type", question_type(turn)
    if (answer := answer_of(turn)) is not None:
        yield "answer", answer
    if agreement is not None:
        yield "difficulty", difficulty_of(agreement)


def _one(turns: range | list[int], reached: Reached) -> Counts:
    """Return the counts of one sample with these turns in a stratum."""
    return 1, *(not step.isdisjoint(turns) for step in reached)


def _count(strata: dict[str, _Counts], value: str, counts: Counts, *, most: int) -> None:
    """Count samples in a stratum; a new one that is one too many is counted with `OTHER`."""
    value = value if value in strata or len(strata) < most else OTHER
    known = strata.setdefault(value, [0, 0, 0, 0])
    for place, count in enumerate(counts):
        known[place] += count


def _frequent(strata: Mapping[str, _Counts]) -> dict[str, _Counts]:
    """Return the answers that are frequent enough, and all others as one."""
    counted = Counter({value: counts[0] for value, counts in strata.items() if counts[0] >= FEWEST_SAMPLES})
    named = {value: strata[value] for value, _ in counted.most_common(MOST_VALUES - 1) if value != OTHER}
    rest = [counts for value, counts in strata.items() if value not in named]
    if rest:
        named[OTHER] = [sum(column) for column in zip(*rest, strict=True)]
    return named
