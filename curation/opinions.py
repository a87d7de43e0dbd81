"""What people said of the traces that a release was chosen from: a line for each, and what it comes to in figures.

    reviews.jsonl       {"reviews": [{"decision": "accept", "duty": "first", "verdicts": {"caption": "positive"}}, …],
                        "sample": …, "split": …, "state": "accepted", "taken": true, "trace": …, "turn": 0}

There is a line for each trace of the sources that somebody decided on, taken or not; no file where nobody did. `state`
is how the turn stands, null for a trace that stands no more. Nobody is named.

α compares what a first and a second reviewer said of the same trace, as they say it without knowing of each other.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field, ValidationError, field_validator

from curation.errors import DataError, first_fault
from curation.statistics.agreement import MISSING, alpha
from schemas.digest import canonical_json
from schemas.manifest import Agreement
from schemas.review import Decision, Duty, StageVerdict, State
from schemas.sample import Record
from schemas.trace import STAGES, Stage

REVIEWS = "reviews.jsonl"
DECISION = "decision"

_DECISIONS = (Decision.ACCEPT, Decision.EDIT, Decision.REJECT)
_VERDICTS = (StageVerdict.NEGATIVE, StageVerdict.NEUTRAL, StageVerdict.POSITIVE)
_DECIDED = frozenset({State.ACCEPTED, State.EDITED, State.REJECTED})
_TWO = (Duty.FIRST, Duty.SECOND)
_DIGITS = 4


class Spoken(Record):
    """What one reviewer said."""

    decision: Decision
    duty: Duty
    verdicts: dict[Stage, StageVerdict] = Field(default_factory=dict)

    @field_validator("decision")
    @classmethod
    def _decides(cls, decision: Decision) -> Decision:
        if decision not in _DECISIONS:
            raise ValueError(f"{decision} says nothing of a trace")
        return decision


class Opinion(Record):
    """What people said of one trace."""

    sample: str
    turn: int
    trace: str
    split: str | None
    taken: bool
    state: State | None
    reviews: tuple[Spoken, ...] = ()

    @property
    def line(self) -> bytes:
        """The line of the file, with its end."""
        return canonical_json(self.model_dump(mode="json")) + b"\n"

    @property
    def says(self) -> bool:
        """Whether anybody decided on it."""
        return bool(self.reviews) or self.state in _DECIDED


class Tally:
    """Counts opinions as they pass."""

    def __init__(self) -> None:
        self._states: Counter[str] = Counter()
        self._decisions: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()
        self._answers = {about: (array("b"), array("b")) for about in (DECISION, *STAGES)}
        """For each question what the first and the second reviewer answered, trace by trace."""

    def add(self, opinion: Opinion) -> None:
        """Count one."""
        if opinion.taken and opinion.split and opinion.state in _DECIDED:
            self._states[opinion.state] += 1
        for review in opinion.reviews:
            self._decisions[review.decision] += 1
            self._verdicts.update(f"{stage} {verdict}" for stage, verdict in review.verdicts.items())
        first, second = (next((r for r in opinion.reviews if r.duty is duty), None) for duty in _TWO)
        if first and second:
            self._compare(first, second)

    def _compare(self, *two: Spoken) -> None:
        for place, review in enumerate(two):
            self._answers[DECISION][place].append(_DECISIONS.index(review.decision))
            for stage in STAGES:
                verdict = review.verdicts.get(stage)
                self._answers[stage][place].append(_VERDICTS.index(verdict) if verdict else MISSING)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the counts as a manifest has them; what there is nothing of is left out."""
        counted = {
            "reviews_by_decision": self._decisions,
            "reviews_by_verdict": self._verdicts,
            "traces_by_review": self._states,
        }
        return {what: dict(sorted(counts.items())) for what, counts in counted.items() if counts}

    def agreement(self) -> dict[str, Agreement]:
        """Return α for decisions, and for each stage on the ordinal scale of its verdicts; none where no two looked."""
        return {str(about): _agreement(str(about), two) for about, two in self._answers.items() if two[0]}


def _agreement(about: str, two: tuple[Sequence[int], Sequence[int]]) -> Agreement:
    codes = np.array(two, dtype=np.int64).T
    figure = alpha(codes, 3, "nominal" if about == DECISION else "ordinal")
    rounded = {name: _rounded(getattr(figure, name)) for name in ("value", "low", "high", "agreed")}
    return Agreement(**rounded, records=figure.records, reason=figure.reason)


def _rounded(value: float | None) -> Any:
    return None if value is None else round(value, _DIGITS)


def read(folder: Path) -> Iterator[Opinion]:
    """Read a release's opinions; there are none where it has no such file. Raises DataError for what is none."""
    path = folder / REVIEWS
    if not path.exists():
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield Opinion.model_validate_json(line)
            except ValidationError as error:
                raise DataError(f"{path}, line {number} is not what reviewers said: {first_fault(error)}") from error


class Told(NamedTuple):
    """What opinions come to."""

    counts: dict[str, dict[str, int]]
    agreement: dict[str, Agreement]


def told(folder: Path) -> Told:
    """Count the opinions of a release anew."""
    tally = Tally()
    for opinion in read(folder):
        tally.add(opinion)
    return Told(tally.counts(), tally.agreement())
