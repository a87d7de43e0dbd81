"""What calibration has to say: the figures, as tables for a person and as JSON."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer

from curation.config import Table
from curation.statistics.agreement import Figure
from curation.statistics.share import Share

LEAST_REVIEWS = 100
"""Settled reviews from which figures are given: a share of one half is then known to within 14 points."""
LEAST_OF_A_KIND = 20
"""Faulty traces, and sound ones, that have to be among them."""

Kind = Literal["all", "validator", "code", "judge", "stage"]


_ByName = PlainSerializer(lambda figure: figure and figure._asdict(), return_type=dict[str, Any] | None)
Interval = Annotated[Share, _ByName]
Coefficient = Annotated[Figure, _ByName]


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rates(_Figures):
    """How well one way to tell faulty traces does."""

    name: str
    """Of the code, the validator or the judge."""
    kind: Kind
    cut: str
    """From which score a trace is called faulty, in words; empty where there was nothing to choose."""
    reviews: int
    """Reviewed traces that it looked at: of the half that was held out where a cut was chosen, else of all."""
    faulty: int
    """Those of them that people rejected or edited."""
    told: int
    """Those of them that it calls faulty."""
    both: int
    precision: Interval | None
    """Share of faulty ones among those it calls so; None where there are none."""
    recall: Interval | None
    false_alarms: Interval | None
    """Share of those that it calls faulty among the sound ones."""
    kappa: Coefficient


class StageRates(_Figures):
    """How well a stage that people call negative is told."""

    name: str
    stage: str
    reviews: int
    """Traces whose stage people gave a verdict on, and that it looked at."""
    negative: int
    """Those of them that people call negative."""
    macro_f1: Coefficient
    """Mean of F1 for negative stages and F1 for the others; None where there are none of one kind."""
    kappa: Coefficient


class StepRates(_Figures):
    """How well the steps of the reasoning that people call wrong are told."""

    name: str
    reviews: int
    """Reasonings that it judged, and of which people have said which steps are wrong: what intervals are over."""
    steps: int
    negative: int
    """Those of them that people call wrong."""
    told: int
    """Those of them that it calls negative."""
    both: int
    macro_f1: Coefficient
    """Mean of F1 for wrong steps and F1 for the others; None where there are none of one kind."""
    kappa: Coefficient


class CurvePoint(_Figures):
    """Reviewed traces with the same score."""

    score: str
    traces: int
    share: Interval
    """Of faulty ones."""


class Curve(_Figures):
    """Share of faulty traces against what was said of them."""

    name: str
    scores: str
    """What the scores are."""
    points: list[CurvePoint]


class Calibration(_Figures):
    """Checks and judges beside people. Without figures where there are too few reviews: `missing` says what to do."""

    reviews: int
    """Traces on which people's decision is settled."""
    faulty: int
    unsettled: int
    """Traces on which reviewers disagree, and nobody has ruled yet: left out."""
    chosen_on: int = 0
    """Reviews of the half that cuts are chosen on."""
    reported_on: int = 0
    missing: str = ""
    rates: list[Rates] = []
    stages: list[StageRates] = []
    steps: list[StepRates] = []
    steps_unknown: int = 0
    """Judged reasonings of which people have not said which steps are wrong: left out of `steps`."""
    curves: list[Curve] = []

    def tables(self) -> list[Table]:
        """Return a table of the figures by trace, one by stage, and one by step."""
        columns = ("by", "cut", "reviews", "faulty", "told", "precision %", "recall %", "false alarms %", "κ")
        stages = ("by", "stage", "reviews", "negative", "macro-F1", "κ")
        steps = ("by", "reviews", "steps", "wrong", "told", "both", "macro-F1", "κ")
        return [
            Table("calibration: faulty traces", columns, [_row(rates) for rates in self.rates]),
            Table("calibration: negative stages", stages, [_stage_row(rates) for rates in self.stages]),
            Table("calibration: wrong steps", steps, [_step_row(rates) for rates in self.steps]),
        ]

    def lines(self) -> list[str]:
        """Return what the figures are of."""
        left_out = f"; {self.unsettled:,} left out, where nobody has ruled yet" if self.unsettled else ""
        said = f"Calibration: {self.reviews:,} reviewed traces, {self.faulty:,} of them rejected or edited{left_out}."
        if self.missing:
            return [said, self.missing]
        halves = (
            f"Split by image and question: cuts are chosen on {self.chosen_on:,} reviews and reported on "
            f"{self.reported_on:,}; without a choice, figures are of all."
        )
        caveat = "Recall and false alarms are of what was reviewed."
        return [said, halves, caveat, *self._of_steps()]

    def _of_steps(self) -> list[str]:
        if not self.steps and not self.steps_unknown:
            return []
        unknown = f" {self.steps_unknown:,} judged reasonings are left out: nobody said which of their steps are wrong."
        return [
            "A step is wrong where a reviewer named it (`review decide --wrong-step`), or wrote it anew."
            + unknown * bool(self.steps_unknown)
        ]


def percent(share: Share | None) -> str:
    """Write a share with its interval, in percent."""
    if share is None:
        return "–"
    return f"{100 * share.value:.0f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def coefficient(figure: Figure) -> str:
    """Write κ, or an F1, with its interval; a dash where there is none."""
    if figure.value is None:
        return "–"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.2f}"
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


def _row(rates: Rates) -> tuple[object, ...]:
    shares = map(percent, (rates.precision, rates.recall, rates.false_alarms))
    told = rates.name, rates.cut, rates.reviews, rates.faulty, rates.told
    return *told, *shares, coefficient(rates.kappa)


def _stage_row(rates: StageRates) -> tuple[object, ...]:
    figures = coefficient(rates.macro_f1), coefficient(rates.kappa)
    return rates.name, rates.stage, rates.reviews, rates.negative, *figures


def _step_row(rates: StepRates) -> tuple[object, ...]:
    counts = rates.reviews, rates.steps, rates.negative, rates.told, rates.both
    return rates.name, *counts, coefficient(rates.macro_f1), coefficient(rates.kappa)
