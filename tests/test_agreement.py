"""Agreement: as its authors define it, whatever the order, and a reason where it is not defined."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from curation.statistics.agreement import LEAST, MISSING, alpha, kappa, kappa_of_one
from curation.statistics.share import wilson

RELIABILITY = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
)
"""Krippendorff (2011), part C: four observers, twelve units, five values; 0 where there is none."""

EXAMPLE = RELIABILITY.T - 1
answers = arrays.arrays(np.int64, st.tuples(st.integers(10, 40), st.integers(2, 5)), elements=st.integers(MISSING, 2))


def by_definition(codes, distance):
    """α as 1 − D_o / D_e over all pairs of values, one by one."""
    units = [[value for value in row if value != MISSING] for row in codes]
    units = [row for row in units if len(row) > 1]
    every = [value for row in units for value in row]
    n = len(every)
    seen = sum(
        distance(a, b) / (len(row) - 1) for row in units for i, a in enumerate(row) for j, b in enumerate(row) if i != j
    )
    chance = sum(distance(a, b) for i, a in enumerate(every) for j, b in enumerate(every) if i != j)
    return 1 - (seen / n) / (chance / (n * (n - 1))) if chance else None


def ranks_apart(codes):
    """The ordinal distance of two values, as Krippendorff writes it: by how many values lie between."""
    kept = codes[(codes != MISSING).sum(axis=1) > 1]
    count = [int((kept == value).sum()) for value in range(5)]

    def distance(a, b):
        low, high = min(a, b), max(a, b)
        return (sum(count[low : high + 1]) - (count[a] + count[b]) / 2) ** 2

    return distance


def test_the_published_example_of_alpha():
    assert alpha(EXAMPLE, 5).value == pytest.approx(0.743, abs=0.0005)
    assert alpha(EXAMPLE, 5, "ordinal").value == pytest.approx(0.815, abs=0.0005)
    assert alpha(EXAMPLE, 5).records == 11  # one unit has a single value


def test_the_published_example_of_two_observers():
    """Krippendorff (2011), part A: ten units, 0 or 1, α = 0.095."""
    one, other = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert alpha(np.array([one, other]).T, 2).value == pytest.approx(0.095, abs=0.0005)


def test_the_published_example_of_kappa():
    """Cohen (1960), table 1, of 200 records: κ = 0.49."""
    table = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    one, other = np.array([(i, j) for i, j in product(range(3), repeat=2) for _ in range(table[i, j])]).T
    assert kappa(one, other, 3).value == pytest.approx(0.4915, abs=0.0005)
    assert kappa(one, other, 3).agreed == pytest.approx(0.70)


def test_quadratic_weights_forgive_what_is_near():
    """By hand: 1 − Σ w·o / Σ w·e with w = (i − j)²."""
    one, other = (
        np.repeat([0, 1, 2, 0, 1, 0], [10, 10, 10, 4, 2, 1]),
        np.repeat([0, 1, 2, 1, 2, 2], [10, 10, 10, 4, 2, 1]),
    )
    seen = (4 + 2 + 1 * 4) / 37
    first, second = np.bincount(one) / 37, np.bincount(other) / 37
    chance = sum((i - j) ** 2 * first[i] * second[j] for i, j in product(range(3), repeat=2))
    assert kappa(one, other, 3, "ordinal").value == pytest.approx(1 - seen / chance)
    assert kappa(one, other, 3, "ordinal").value > kappa(one, other, 3).value


@settings(max_examples=60)
@given(answers)
def test_alpha_is_what_its_definition_says(codes):
    for scale, distance in (("nominal", lambda a, b: float(a != b)), ("ordinal", ranks_apart(codes))):
        expected, figure = by_definition(codes, distance), alpha(codes, 3, scale, least=1)
        assert (figure.value is None) == (expected is None)
        if expected is not None:
            assert figure.value == pytest.approx(expected)


@settings(max_examples=60)
@given(answers, st.randoms())
def test_the_order_of_records_and_reviewers_changes_nothing(codes, random):
    rows, columns = list(range(codes.shape[0])), list(range(codes.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    for scale in ("nominal", "ordinal"):
        assert alpha(codes[rows][:, columns], 3, scale) == pytest.approx(alpha(codes, 3, scale), abs=1e-9)
    one, other = codes[:, 0], codes[:, 1]
    assert kappa(one[rows], other[rows], 3) == pytest.approx(kappa(one, other, 3), abs=1e-9)


@settings(max_examples=60)
@given(answers)
def test_the_names_of_categories_change_nothing(codes):
    renamed = np.where(codes == MISSING, MISSING, (codes + 1) % 3)
    reversed_ = np.where(codes == MISSING, MISSING, 2 - codes)
    assert alpha(renamed, 3).value == pytest.approx(alpha(codes, 3).value)
    assert alpha(reversed_, 3, "ordinal").value == pytest.approx(alpha(codes, 3, "ordinal").value)
    assert kappa(reversed_[:, 0], reversed_[:, 1], 3, "ordinal").value == pytest.approx(
        kappa(codes[:, 0], codes[:, 1], 3, "ordinal").value
    )


@settings(max_examples=40)
@given(answers)
def test_kappa_doesnt_mind_who_is_first(codes):
    one, other = codes[:, 0], codes[:, 1]
    for scale in ("nominal", "ordinal"):
        assert kappa(one, other, 3, scale).value == pytest.approx(kappa(other, one, 3, scale).value)


@settings(max_examples=60)
@given(answers)
def test_a_figure_is_defined_or_says_why_not(codes):
    figures = [alpha(codes, 3), alpha(codes, 3, "ordinal"), kappa(codes[:, 0], codes[:, 1], 3)]
    for figure in [*figures, kappa_of_one(codes[:, 0], codes[:, 1:], 3, "ordinal")]:
        assert not any(np.isnan(part) for part in figure if isinstance(part, float))
        assert (figure.reason == "") == (None not in {figure.value, figure.low, figure.high})
        if figure.low is not None:
            assert figure.value <= 1 + 1e-12
            assert figure.low <= figure.high


def test_chance_agrees_on_nothing():
    codes = np.random.default_rng(1).integers(0, 3, (20_000, 3))
    for figure in (alpha(codes, 3), alpha(codes, 3, "ordinal"), kappa(codes[:, 0], codes[:, 1], 3)):
        assert figure.value == pytest.approx(0, abs=0.02)
        assert figure.low < 0.01 < figure.high + 0.02


def test_one_against_the_rest_counts_a_record_once():
    one = np.tile([0, 1], 10)
    alone = kappa(one, one, 2)
    doubled = kappa_of_one(one, np.stack([one, one, np.full(20, MISSING)], axis=1), 2)
    assert doubled.value == alone.value == 1
    assert doubled.records == 20
    split = kappa_of_one(one, np.stack([one, 1 - one], axis=1), 2)
    assert split.agreed == pytest.approx(0.5)
    assert split.value == pytest.approx(0)


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (np.full((30, 2), MISSING), "no record was answered by two"),
        (np.array([[0, MISSING], [MISSING, 1]] * 20), "no record was answered by two"),
        (np.zeros((0, 2), dtype=int), "no record was answered by two"),
        (np.array([[0, 1]] * (LEAST - 1)), f"fewer than {LEAST} records were answered by two"),
        (np.ones((50, 2), dtype=int), "all answers are the same: chance would give them too"),
    ],
)
def test_what_is_not_defined_has_a_reason(codes, said):
    for figure in (alpha(codes, 3), kappa(codes[:, 0], codes[:, 1], 3)):
        assert (figure.value, figure.low, figure.high) == (None, None, None)
        assert figure.reason == said


def test_an_interval_that_hangs_on_one_record_is_none():
    codes = np.zeros((40, 2), dtype=int)
    codes[0] = 0, 1
    figure = alpha(codes, 2)
    assert figure.value == pytest.approx(0)
    assert figure.low is figure.high is None
    assert "too few others" in figure.reason


def test_full_agreement_is_surer_with_more_records():
    few, many = (np.tile([0, 1, 2], count) for count in (5, 100))
    lows = [kappa(codes, codes, 3).low for codes in (few, many)]
    assert 0.6 < lows[0] < 0.8
    assert 0.97 < lows[1] < 1
    assert kappa(many, many, 3).high == 1


def test_the_interval_is_as_wide_as_its_standard_error_says():
    """Fleiss, Cohen and Everitt (1969), https://doi.org/10.1037/h0028106, equation 13, for unweighted κ."""
    table = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    one, other = np.array([(i, j) for i, j in product(range(3), repeat=2) for _ in range(table[i, j])]).T
    p, n = table / 200, 200
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    agreed, chance = np.trace(p), rows @ columns
    value = (agreed - chance) / (1 - chance)
    on = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - value)) ** 2 for i in range(3))
    off = sum(p[i, j] * (columns[i] + rows[j]) ** 2 for i, j in product(range(3), repeat=2) if i != j)
    error = np.sqrt(on + (1 - value) ** 2 * off - (value - chance * (1 - value)) ** 2) / ((1 - chance) * np.sqrt(n))
    figure = kappa(one, other, 3)
    assert (figure.high - figure.low) == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_the_interval_holds_the_truth_about_19_times_in_20():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(150):
        truth = rng.integers(0, 2, 200)
        codes = np.stack([np.where(rng.random(200) < 0.9, truth, 1 - truth) for _ in range(2)], axis=1)
        figure = alpha(codes, 2)
        held += figure.low <= 0.64 <= figure.high  # (0.82 − 0.5) / 0.5
    assert 0.89 <= held / 150 <= 0.99


def test_wilsons_interval():
    """Newcombe (1998), https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I."""
    assert wilson(81, 263) == pytest.approx((0.3080, 0.2553, 0.3662), abs=0.0001)
    assert wilson(15, 148) == pytest.approx((0.1014, 0.0624, 0.1605), abs=0.0001)
    assert wilson(0, 20) == pytest.approx((0, 0, 0.1611), abs=0.0001)
    assert wilson(1, 29) == pytest.approx((0.0345, 0.0061, 0.1718), abs=0.0001)
    assert wilson(0, 0) is None
