"""Intervals: as a formula has them where there is one, paired, by image, seeded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.evaluation.bootstrap import resample

ALL = np.ones((1, 400), bool)


def alone(count):
    return [str(number) for number in range(count)]


def draws(*shares, count=400, seed=0):
    random = np.random.default_rng(seed)
    return np.stack([(random.random(count) < share) for share in shares]).astype(np.float32)


def test_an_interval_is_that_of_the_normal_approximation():
    values = draws(0.7, count=2000)
    low, high = resample(values, alone(2000), np.ones((1, 2000), bool), 4000, 1).interval(0, 0)
    mean = values.mean()
    error = 1.96 * np.sqrt(mean * (1 - mean) / 2000)
    assert (low, high) == pytest.approx((mean - error, mean + error), abs=0.002)


def test_the_interval_holds_the_truth_about_19_times_in_20():
    held = 0
    for seed in range(200):
        values = draws(0.8, count=200, seed=seed)
        low, high = resample(values, alone(200), ALL[:, :200], 400, seed).interval(0, 0)
        held += low <= 0.8 <= high
    assert 0.90 <= held / 200 <= 0.99


def test_a_difference_is_paired():
    values = draws(0.5)
    better = values.copy()
    better[0, np.flatnonzero(values[0] == 0)[:20]] = 1
    drawn = resample(np.concatenate([values, better]), alone(400), ALL, 2000, 0)
    low, high = drawn.difference(0, 1)
    assert 0.02 < low < 0.05 < high < 0.08
    apart = drawn.interval(0, 1).low - drawn.interval(0, 0).high
    assert apart < 0  # the intervals of the two overlap, that of their difference does not hold 0
    assert drawn.difference(0, 0) == (0, 0)


def test_questions_of_one_image_are_drawn_together():
    values = np.repeat(draws(0.5, count=100), 4, axis=1)
    by_question = resample(values, alone(400), ALL, 2000, 0).interval(0, 0)
    by_image = resample(values, [str(number // 4) for number in range(400)], ALL, 2000, 0).interval(0, 0)
    wider = (by_image.high - by_image.low) / (by_question.high - by_question.low)
    assert wider == pytest.approx(2, abs=0.25)


def test_a_stratum_is_resampled_by_its_own_questions():
    values = draws(0.3)
    members = np.zeros((2, 400), bool)
    members[0] = True
    members[1, :100] = True
    drawn = resample(values, alone(400), members, 2000, 0)
    low, high = drawn.interval(1, 0)
    mean = values[0, :100].mean()
    assert low < mean < high
    assert high - low == pytest.approx(4 * np.sqrt(mean * (1 - mean) / 100), rel=0.2)


def test_a_stratum_of_one_question_has_an_interval_of_its_value():
    members = np.zeros((1, 400), bool)
    members[0, 7] = True
    values = np.ones((1, 400), np.float32)
    assert resample(values, alone(400), members, 200, 0).interval(0, 0) == (1, 1)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), resamples=st.integers(1, 50))
def test_the_same_seed_gives_the_same_resamples(seed, resamples):
    values = draws(0.4, 0.6)
    one, other = (resample(values, alone(400), ALL, resamples, seed).means for _ in range(2))
    assert one.shape == (resamples, 1, 2)
    assert np.array_equal(one, other)
    assert ((one >= 0) & (one <= 1)).all()


def test_blocks_of_draws_change_nothing(monkeypatch):
    values = draws(0.4, 0.6)
    whole = resample(values, alone(400), ALL, 100, 3).means
    monkeypatch.setattr("curation.evaluation.bootstrap._CELLS", 1000)
    assert np.array_equal(resample(values, alone(400), ALL, 100, 3).means, whole)
