"""How far reviewers agree beyond chance: Cohen's κ for two, Krippendorff's α for any number, with 95 % intervals.

Both are 1 − (disagreement that is seen) / (disagreement that chance would give), from the pairs of answers that records
were given; a pair of categories counts by a distance: 0 or 1 (nominal), or more the further they are apart (ordinal).

κ: Cohen, A coefficient of agreement for nominal scales (1960), https://doi.org/10.1177/001316446002000104; weighted:
   Cohen (1968), https://doi.org/10.1037/h0026256.
α: Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), https://repository.upenn.edu/asc_papers/43.
Intervals: records are resampled with replacement, and the middle 95 % of the figures is taken, as Zapf et al. (2016)
   recommend for α, https://doi.org/10.1186/s12874-016-0200-9. Where nobody disagrees every resample would say 1: then
   the lower end is where Wilson's bound for a share that was never seen puts the disagreement.

A figure that is not defined is None, with the reason.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.statistics.share import wilson

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Scale = Literal["nominal", "ordinal"]

MISSING = -1
"""Stands where a reviewer was not asked about a record."""
LEAST = 10
"""Fewer records that two reviewers answered than this tell nothing."""
RESAMPLES = 1000


class Figure(NamedTuple):
    """A coefficient with its interval; all None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None
    records: int
    """Records that at least two reviewers answered."""
    agreed: float | None
    """Share of the pairs of answers that are the same, by record; None where there is no pair."""
    reason: str
    """Why the coefficient, or its interval, is not defined; empty where it is."""


class _Pairs(NamedTuple):
    """Records with the same answers, together. P kinds of records, C categories."""

    weights: Floats
    """[P, C, C]: what one record of the kind adds to the pairs of categories."""
    counts: Codes
    """[P]: how many records are of the kind."""


Coefficient = Callable[[Floats], Floats]
"""From sums of pairs [B, C, C] to figures [B]; not a number where one is not defined."""


def alpha(answers: Codes, categories: int, scale: Scale = "nominal", *, least: int = LEAST) -> Figure:
    """Return Krippendorff's α of answers [records, reviewers], each a category from 0 or MISSING.

    On the ordinal scale categories are in their order; the distance is Krippendorff's, by ranks.
    """
    distances = _rank_distances if scale == "ordinal" else _equal_distances
    return _figure(_coincidences(answers, categories), lambda pairs: _alpha(pairs, distances(pairs)), least)


def kappa(one: Codes, other: Codes, categories: int, scale: Scale = "nominal", *, least: int = LEAST) -> Figure:
    """Return Cohen's κ of two reviewers' answers [records]; on the ordinal scale with quadratic weights."""
    return kappa_of_one(one, other[:, None], categories, scale, least=least)


def kappa_of_one(one: Codes, others: Codes, categories: int, scale: Scale = "nominal", *, least: int = LEAST) -> Figure:
    """Return κ of a reviewer's answers [records] with those of all others [records, reviewers] as if they were one.

    Where several others answered a record, each counts in part, so that every record has the same weight.
    """
    steps = np.arange(categories)
    apart = np.abs(steps[:, None] - steps[None, :]).astype(float)
    distances = apart**2 if scale == "ordinal" else (apart > 0).astype(float)
    return _figure(_crossed(one, others, categories), lambda pairs: _kappa(pairs, distances), least)


def kappa_of_counts(counts: Codes, *, least: int = LEAST) -> Figure:
    """Return Cohen's κ from counts [C, C]: how many records one put into the row's category, the other the column's."""
    apart = 1 - np.eye(len(counts))
    return of_counts(counts, lambda pairs: _kappa(pairs, apart), least=least)


def of_counts(counts: Codes, coefficient: Coefficient, *, least: int = LEAST) -> Figure:
    """Return any coefficient of counts [C, C], with its interval over resampled records."""
    categories = len(counts)
    cells = np.flatnonzero(counts)
    weights = np.zeros((len(cells), categories, categories))
    weights[np.arange(len(cells)), cells // categories, cells % categories] = 1.0
    return _figure(_Pairs(weights, counts.ravel()[cells]), coefficient, least)


def kappa_of_tables(tables: Codes, *, least: int = LEAST) -> Figure:
    """Return Cohen's κ of answers that belong together by record: tables [records, C, C], each as `kappa_of_counts`.

    The steps of one reasoning, for instance, are no records of their own: what is resampled are the reasonings.
    """
    apart = 1 - np.eye(tables.shape[1])
    return of_tables(tables, lambda pairs: _kappa(pairs, apart), least=least)


def of_tables(tables: Codes, coefficient: Coefficient, *, least: int = LEAST) -> Figure:
    """Return any coefficient of the sum of tables [records, C, C], with its interval over resampled records."""
    kinds, counts = np.unique(tables, axis=0, return_counts=True)
    return _figure(_Pairs(kinds.astype(float), counts), coefficient, least)


def _counted(answers: Codes, categories: int) -> Floats:
    """Count each record's answers: [records, reviewers] to [records, C]."""
    return np.stack([(answers == category).sum(axis=1) for category in range(categories)], axis=1).astype(float)


def _coincidences(answers: Codes, categories: int) -> _Pairs:
    """Return Krippendorff's coincidences: each ordered pair of a record's m answers, by 1 / (m − 1)."""
    counted = _counted(answers, categories)
    kinds, counts = np.unique(counted[counted.sum(axis=1) >= 2], axis=0, return_counts=True)
    both = kinds[:, :, None] * kinds[:, None, :] - kinds[:, :, None] * np.eye(categories)
    return _Pairs(both / np.maximum(kinds.sum(axis=1) - 1, 1)[:, None, None], counts)


def _crossed(one: Codes, others: Codes, categories: int) -> _Pairs:
    """Return a reviewer's answer (first) against the others' (second), one in sum for each record."""
    counted = _counted(others, categories)
    asked = (one != MISSING) & (counted.sum(axis=1) > 0)
    rows = np.column_stack([one[asked], counted[asked]])
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    shares = kinds[:, 1:] / np.maximum(kinds[:, 1:].sum(axis=1), 1)[:, None]
    return _Pairs(np.eye(categories)[kinds[:, 0].astype(int)][:, :, None] * shares[:, None, :], counts)


def _equal_distances(pairs: Floats) -> Floats:
    return np.broadcast_to(1 - np.eye(pairs.shape[-1]), pairs.shape)


def _rank_distances(pairs: Floats) -> Floats:
    """Return the squared distances of the categories' middle ranks: [B, C, C]."""
    marginals = pairs.sum(axis=2)
    middles: Floats = marginals.cumsum(axis=1) - marginals / 2
    return (middles[:, :, None] - middles[:, None, :]) ** 2


def _alpha(pairs: Floats, distances: Floats) -> Floats:
    marginals = pairs.sum(axis=2)
    total = marginals.sum(axis=1)
    by_chance = marginals[:, :, None] * marginals[:, None, :]
    seen, expected = (pairs * distances).sum(axis=(1, 2)), (by_chance * distances).sum(axis=(1, 2))
    return 1 - _ratio(seen * (total - 1), expected)


def _kappa(pairs: Floats, distances: Floats) -> Floats:
    total = pairs.sum(axis=(1, 2))
    by_chance = pairs.sum(axis=2)[:, :, None] * pairs.sum(axis=1)[:, None, :]
    seen, expected = (pairs * distances).sum(axis=(1, 2)), (by_chance * distances).sum(axis=(1, 2))
    return 1 - _ratio(seen * total, expected)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def _figure(pairs: _Pairs, coefficient: Coefficient, least: int) -> Figure:
    """Return the coefficient of the records with its interval, or why there is none."""
    records = int(pairs.counts.sum())
    if records == 0:
        return Figure(None, None, None, 0, None, "no record was answered by two")
    whole = np.tensordot(pairs.counts.astype(float), pairs.weights, axes=1)
    agreed = float(np.trace(whole) / whole.sum())
    if records < least:
        return Figure(None, None, None, records, agreed, f"fewer than {least} records were answered by two")
    value = float(coefficient(whole[None])[0])
    if np.isnan(value):
        return Figure(None, None, None, records, agreed, "all answers are the same: chance would give them too")
    low, high = _interval(pairs, coefficient, value)
    reason = "" if low is not None else "nearly all answers are the same: too few others for an interval"
    return Figure(value, low, high, records, agreed, reason)


def _interval(pairs: _Pairs, coefficient: Coefficient, value: float) -> tuple[float | None, float | None]:
    """Return the middle 95 % over resampled records; nothing where one resample in twenty has no figure."""
    if not pairs.weights[:, ~np.eye(pairs.weights.shape[1], dtype=bool)].any():
        return _lowest(pairs, coefficient), value
    records = int(pairs.counts.sum())
    drawn = np.random.default_rng(0).multinomial(records, pairs.counts / records, size=RESAMPLES)
    figures = coefficient(np.tensordot(drawn.astype(float), pairs.weights, axes=1))
    known = figures[~np.isnan(figures)]
    if known.size < 0.95 * RESAMPLES:
        return None, None
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)


def _lowest(pairs: _Pairs, coefficient: Coefficient) -> float:
    """Return the coefficient where as many pairs disagree, as chance has it, as may without one that was seen."""
    none = wilson(0, int(pairs.counts.sum()))
    assert none is not None
    whole = np.tensordot(pairs.counts.astype(float), pairs.weights, axes=1)
    by_chance = whole.sum(axis=1)[:, None] * whole.sum(axis=0)[None, :]
    apart = by_chance * (1 - np.eye(len(whole)))
    mixed = whole * (1 - none.high) + apart * (none.high * whole.sum() / apart.sum())
    return float(coefficient(mixed[None])[0])
