"""How far checks and judges agree with the people who reviewed the same traces.

A trace is faulty where the decision that holds is a rejection or an edit: it could not stay as it was. Ways to tell a
faulty trace (a code, a validator, a judge, …) give each trace a score, 0 where they say nothing; where there are
several scores, the one from which a trace is called faulty is chosen on one half of the reviews, as the one with the
highest κ, and every figure is of the other half. Traces that share an image are in the same half, and so are those
without an image that share a question. Where there is nothing to choose, figures are of all reviews.

Reviewers see what checks found, so agreement may be flattered; and the queue begins with errors, so recall and false
alarms are of what was reviewed, and hold for the workspace only where that was drawn at random. A record's second
reviews are no records of their own, nor are the steps of one reasoning (`steps`).
"""

from curation.calibration.figures import (
    LEAST_OF_A_KIND,
    LEAST_REVIEWS,
    Calibration,
    Curve,
    CurvePoint,
    Rates,
    StageRates,
    StepRates,
)
from curation.calibration.measuring import calibrate

__all__ = [
    "LEAST_OF_A_KIND",
    "LEAST_REVIEWS",
    "Calibration",
    "Curve",
    "CurvePoint",
    "Rates",
    "StageRates",
    "StepRates",
    "calibrate",
]
