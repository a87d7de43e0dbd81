"""Ways to tell a faulty trace, each as a score for every reviewed trace that it looked at."""

from array import array
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from curation import registry
from curation.ballots import JUDGE
from curation.calibration.figures import Kind
from curation.calibration.truths import ALL_JUDGES, NEGATIVE, VERDICTS, Truths
from curation.statistics.agreement import MISSING
from curation.store import reviewed
from curation.store.queries import MODEL
from schemas.trace import STAGES

Scores = NDArray[np.float64]
"""[N]: 0 where nothing is said against a trace, not a number where nobody looked at it."""

CONTAMINATION = "contamination"
"""What is found in an evaluation set too is found under this name, as if it were a validator."""
CHECKS = "checks"
"""The name of all validators together."""
_BESIDE = frozenset({JUDGE, MODEL, CONTAMINATION, *registry.names("curation.sweeps")})
"""What is not among them: what models say, and what says of a trace only that it, or its question, is there twice."""
_SEVERITIES = {1: "info", 2: "warning", 3: "error"}


class Signal(NamedTuple):
    """One way to tell a faulty trace."""

    kind: Kind
    name: str
    scores: Scores
    unit: str = ""
    """What the scores count; empty where they are ranks of severities."""

    def words(self, cut: float) -> str:
        """Say from which score a trace is called faulty."""
        if not self.unit:
            return f"≥ {_SEVERITIES[int(cut)]}" if cut < 3 else "error"
        return f"≥ {cut:g} {self.unit}"


class _Column:
    """Scores of some traces, of which there may be several for one: the highest counts, or their sum."""

    def __init__(self) -> None:
        self._rows, self._scores = array("q"), array("d")

    def add(self, row: int, score: float) -> None:
        self._rows.append(row)
        self._scores.append(score)

    def highest(self, looked: NDArray[np.bool_]) -> Scores:
        return self._spread(np.maximum, looked)

    def total(self, looked: NDArray[np.bool_]) -> Scores:
        return self._spread(np.add, looked)

    def rows(self, count: int) -> NDArray[np.bool_]:
        found = np.zeros(count, bool)
        found[np.frombuffer(self._rows, np.int64)] = True
        return found

    def _spread(self, ufunc: np.ufunc, looked: NDArray[np.bool_]) -> Scores:
        scores = np.zeros(len(looked))
        ufunc.at(scores, np.frombuffer(self._rows, np.int64), np.frombuffer(self._scores, np.float64))
        scores[~looked] = np.nan
        return scores


class _Code:
    """What a code says of the traces."""

    def __init__(self) -> None:
        self.severities, self.numbers, self.unnumbered = _Column(), _Column(), 0

    def add(self, row: int, severity: int, number: float | None) -> None:
        self.severities.add(row, severity)
        if number is None:
            self.unnumbered += 1
        else:
            self.numbers.add(row, number)


class Evidence:
    """All that was said of the reviewed traces, by whom."""

    def __init__(self, truths: Truths, connection: Connection) -> None:
        self._count = len(truths.faulty)
        self._looked: dict[str, _Column] = defaultdict(_Column)
        self._codes: dict[str, _Code] = defaultdict(_Code)
        self._worst: dict[str, _Column] = defaultdict(_Column)
        self._stages: dict[str, _Column] = defaultdict(_Column)
        self._judged: dict[str, NDArray[np.int64]] = {}
        self._steps: dict[str, _Column] = defaultdict(_Column)
        self._read_findings(truths, connection)
        self._read_verdicts(truths, connection)

    def _read_findings(self, truths: Truths, connection: Connection) -> None:
        for trace_id, validator in reviewed.looked(connection):
            if " " not in validator and (row := truths.rows.get(trace_id)) is not None:  # else one evaluation set
                self._looked[validator].add(row, 1)
        for found in reviewed.findings(connection):
            if (row := truths.rows.get(found.trace_id)) is not None:
                self._codes[found.code].add(row, found.severity, found.number)
                self._worst[found.validator].add(row, found.severity)
                if found.validator not in _BESIDE and found.severity > 1 and found.stage:
                    self._stages[found.stage].add(row, 1)

    def _read_verdicts(self, truths: Truths, connection: Connection) -> None:
        for said in reviewed.spoken(connection):
            if (row := truths.rows.get(said.trace_id)) is not None:
                name = said.judge.encode("utf-8", "replace").decode()
                if name not in self._judged:
                    self._judged[name] = np.full((self._count, len(STAGES)), MISSING, np.int64)
                self._judged[name][row] = [VERDICTS.index(said.stages[stage]) for stage in STAGES]
                self._steps[name].add(row, said.steps.count(VERDICTS[NEGATIVE]))

    def signals(self) -> Iterator[Signal]:
        """Return all ways to tell a faulty trace: checks together, validators, their codes, judges."""
        checks = [name for name in sorted(self._looked) if name not in _BESIDE]
        looked = {name: self._looked[name].rows(self._count) for name in sorted(self._looked)}
        if checks:
            worst = [self._worst[name].highest(looked[name]) for name in checks]
            yield Signal("all", CHECKS, np.fmax.reduce(worst))
        for name, mine in looked.items():
            yield Signal("validator", name, self._worst[name].highest(mine))
        for code in sorted(self._codes):
            if (within := looked.get(code.split(":", 1)[0])) is not None:
                yield self._of_code(code, within)
        yield from self._of_judges()

    def _of_code(self, code: str, looked: NDArray[np.bool_]) -> Signal:
        said = self._codes[code]
        if said.unnumbered:
            return Signal("code", code, said.severities.highest(looked))
        return Signal("code", code, said.numbers.highest(looked), "%")

    def _of_judges(self) -> Iterator[Signal]:
        for name, verdicts in sorted(self._judged.items()):
            yield Signal("judge", name, _against(verdicts), "negative stages")
            looked = (verdicts != MISSING).any(axis=1)
            yield Signal("judge", f"{name}, steps", self._steps[name].total(looked), "negative steps")
        if len(self._judged) > 1:
            every = np.stack([_against(verdicts) for verdicts in self._judged.values()])
            votes = np.where(np.isnan(every).all(axis=0), np.nan, (every > 0).sum(axis=0))
            yield Signal("judge", ALL_JUDGES, votes, "judges against")

    def counts(self) -> Scores:
        """Return how many errors and warnings all validators have on each trace."""
        looked = np.zeros(self._count, bool)
        total = np.zeros(self._count)
        for name in self._looked.keys() - _BESIDE:
            looked |= self._looked[name].rows(self._count)
        for code, said in self._codes.items():
            if code.split(":", 1)[0] not in _BESIDE:
                total += said.severities.highest(np.ones(self._count, bool)) > 1
        return np.where(looked, total, np.nan)

    def by_stage(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Return who speaks of stages, and what they say [N, 4]: places in VERDICTS, or MISSING.

        Checks call a stage negative where they have an error or a warning that names it.
        """
        looked = ~np.isnan(self.counts())
        told = np.stack([self._stages[stage].rows(self._count) for stage in STAGES], axis=1)
        yield CHECKS, np.where(looked[:, None], np.where(told, NEGATIVE, len(VERDICTS) - 1), MISSING)
        yield from sorted(self._judged.items())
        if len(self._judged) > 1:
            yield ALL_JUDGES, self._voted()

    def _voted(self) -> NDArray[np.int64]:
        """Return a stage as negative where more than half of the judges that spoke of it call it so: [N, 4]."""
        every = np.stack(list(self._judged.values()))
        spoke, against = (every != MISSING).sum(axis=0), (every == NEGATIVE).sum(axis=0)
        return np.where(spoke == 0, MISSING, np.where(2 * against > spoke, NEGATIVE, len(VERDICTS) - 1))


def _against(verdicts: NDArray[np.int64]) -> Scores:
    """Count the stages that a judge calls negative."""
    return np.where((verdicts == MISSING).all(axis=1), np.nan, (verdicts == NEGATIVE).sum(axis=1))
