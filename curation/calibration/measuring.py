"""The measuring: cuts chosen on one half, counts on the other, and what they come to."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.calibration.figures import (
    LEAST_OF_A_KIND,
    LEAST_REVIEWS,
    Calibration,
    Curve,
    CurvePoint,
    Rates,
    StageRates,
)
from curation.calibration.signals import CHECKS, Evidence, Scores, Signal
from curation.calibration.steps import step_figures
from curation.calibration.truths import NEGATIVE, Bools, Truths, read_truths
from curation.statistics.agreement import MISSING, kappa_of_counts
from curation.statistics.f1 import macro_f1_of_counts
from curation.statistics.share import wilson
from curation.store import Store
from curation.votes.folding import fold
from schemas.trace import STAGES

_LEAST_OF_A_HALF = 5
"""Faulty traces, and sound ones, that each half needs."""
_MOST_POINTS = 6
"""Points of a curve; the scores beyond are one."""


def calibrate(store: Store) -> Calibration:
    """Compare all checks and judges of a workspace with people."""
    fold(store)
    with store.snapshot() as connection:
        truths = read_truths(connection)
        calibration = Calibration(
            reviews=len(truths.faulty), faulty=int(truths.faulty.sum()), unsettled=truths.unsettled
        )
        if missing := _missing(truths):
            return calibration.model_copy(update={"missing": missing})
        evidence = Evidence(truths, connection)
        steps = step_figures(truths, connection)
    signals = list(evidence.signals())
    return calibration.model_copy(
        update={
            "chosen_on": int((~truths.held).sum()),
            "reported_on": int(truths.held.sum()),
            "rates": [_rates(signal, truths) for signal in signals],
            "stages": list(_stages(evidence, truths)),
            "steps": steps.rates,
            "steps_unknown": steps.unknown,
            "curves": list(_curves(evidence, signals, truths)),
        }
    )


def _missing(truths: Truths) -> str:
    """Say what is missing for figures that mean something."""
    reviews, faulty = len(truths.faulty), int(truths.faulty.sum())
    wanted = {
        "reviews": LEAST_REVIEWS - reviews,
        "rejected or edited": LEAST_OF_A_KIND - faulty,
        "accepted": LEAST_OF_A_KIND - (reviews - faulty),
    }
    more = [f"{count:,} more {what}" for what, count in wanted.items() if count > 0]
    if more:
        return (
            f"Too few for figures: {', '.join(more)} are needed, of at least {LEAST_REVIEWS} with {LEAST_OF_A_KIND} of "
            "either kind. `python -m curation review` opens the queue."
        )
    halves = [truths.faulty[truths.held == side] for side in (True, False)]
    if any(min(half.sum(), (~half).sum()) < _LEAST_OF_A_HALF for half in halves):
        return "Too few for figures: the reviews are of so few images that they can't be halved; review other images."
    return ""


class _Counts(NamedTuple):
    """A two by two table."""

    both: int
    told: int
    faulty: int
    reviews: int

    def table(self) -> NDArray[np.int64]:
        """Return it as [told, faulty]."""
        alarms, missed = self.told - self.both, self.faulty - self.both
        return np.array([[self.reviews - self.told - missed, missed], [alarms, self.both]])


def _rates(signal: Signal, truths: Truths) -> Rates:
    looked = ~np.isnan(signal.scores)
    chosen = looked & ~truths.held
    several = len(np.unique(signal.scores[looked & (signal.scores > 0)])) > 1
    cut = choose(signal.scores[chosen], truths.faulty[chosen]) if several else None
    within = looked & truths.held if several else looked
    counts = _count(signal.scores[within], truths.faulty[within], cut or np.nextafter(0, 1))
    sound = counts.reviews - counts.faulty
    return Rates(
        name=signal.name,
        kind=signal.kind,
        cut=signal.words(cut) if cut else "",
        reviews=counts.reviews,
        faulty=counts.faulty,
        told=counts.told,
        both=counts.both,
        precision=wilson(counts.both, counts.told),
        recall=wilson(counts.both, counts.faulty),
        false_alarms=wilson(counts.told - counts.both, sound),
        kappa=kappa_of_counts(counts.table()),
    )


def _count(scores: Scores, faulty: Bools, cut: float) -> _Counts:
    told = scores >= cut
    return _Counts(int((told & faulty).sum()), int(told.sum()), int(faulty.sum()), len(faulty))


def choose(scores: Scores, faulty: Bools) -> float | None:
    """Return the score from which on calling a trace faulty agrees best with people, by κ; of equals the highest.

    None where there is none above 0.
    """
    values, place = np.unique(scores, return_inverse=True)
    told = np.bincount(place, minlength=len(values))[::-1].cumsum()[::-1]
    both = np.bincount(place, faulty, len(values))[::-1].cumsum()[::-1]
    agreed = kappas(both, told, int(faulty.sum()), len(faulty))
    agreed[values <= 0] = -np.inf
    if not np.isfinite(agreed).any():
        return None
    return float(values[len(values) - 1 - int(np.argmax(agreed[::-1]))])


def kappas(both: Scores, told: NDArray[np.int64], faulty: int, reviews: int) -> Scores:
    """Return Cohen's κ of two by two tables; 0 where chance alone would agree always."""
    seen = (reviews - told - faulty + 2 * both) / reviews
    chance = (told * faulty + (reviews - told) * (reviews - faulty)) / reviews**2
    return np.divide(seen - chance, 1 - chance, out=np.zeros(len(told)), where=chance < 1)


def _stages(evidence: Evidence, truths: Truths) -> Iterator[StageRates]:
    for name, said in evidence.by_stage():
        for place, stage in enumerate(STAGES):
            asked = (said[:, place] != MISSING) & (truths.stages[:, place] != MISSING)
            told = said[asked, place] == NEGATIVE
            negative = truths.stages[asked, place] == NEGATIVE
            counts = _Counts(int((told & negative).sum()), int(told.sum()), int(negative.sum()), len(told))
            if counts.reviews:
                yield StageRates(
                    name=name,
                    stage=stage.value,
                    reviews=counts.reviews,
                    negative=counts.faulty,
                    macro_f1=macro_f1_of_counts(counts.table()),
                    kappa=kappa_of_counts(counts.table()),
                )


def _curves(evidence: Evidence, signals: list[Signal], truths: Truths) -> Iterator[Curve]:
    yield _curve(CHECKS, "codes found on a trace", evidence.counts(), truths)
    for signal in signals:
        if signal.kind == "judge":
            yield _curve(signal.name, signal.unit, signal.scores, truths)


def _curve(name: str, unit: str, scores: Scores, truths: Truths) -> Curve:
    looked = ~np.isnan(scores)
    most = _MOST_POINTS - 1
    scores, faulty = np.minimum(scores[looked], most), truths.faulty[looked]
    points = []
    for score in np.unique(scores):
        here = faulty[scores == score]
        share = wilson(int(here.sum()), len(here))
        assert share is not None
        label = f"{int(score)}" + ("+" if score == most else "")
        points.append(CurvePoint(score=label, traces=len(here), share=share))
    return Curve(name=name, scores=unit, points=points)
