"""What is planted is found, and what is good is let pass: the aims, on fewer traces than the benchmark has."""

from collections import defaultdict

import pytest

from curation import registry, scorers, validators
from curation.validators import Subject, frame
from schemas.trace import Stages, parse_tagged
from tests.clean_traces import clean
from tests.corruptor import FAULTS, corrupted

GOOD = 240


@pytest.fixture(scope="module")
def good():
    return clean(GOOD, seed=1)


@pytest.fixture(scope="module")
def planted(good):
    by_fault = defaultdict(dict)
    for fault, subject in corrupted(good, seed=1):
        by_fault[fault][subject.id] = subject
    return {fault: list(subjects.values()) for fault, subjects in by_fault.items()}


def told(name: str, subjects: list[Subject]) -> set[str]:
    """The subjects of which a validator has something to say."""
    found = validators.get(name).check(frame(subjects))
    return set(found.filter(found["severity"] != "info")["subject"])


def share(name: str, subjects: list[Subject]) -> float:
    return len(told(name, subjects)) / len(subjects)


# What is made


def test_good_traces_are_of_every_source_and_all_different(good):
    assert len({subject.id for subject in good}) == GOOD
    assert {subject.sample.source for subject in good} == set(registry.names("curation.sources"))


def test_good_traces_are_well_formed_and_right(good):
    for subject in good:
        turn = subject.sample.turns[subject.turn]
        assert isinstance(parse_tagged(subject.text), Stages)
        if turn.scorer:
            assert scorers.mark(subject.stages.conclusion, turn).score.correct


def test_the_same_seed_makes_the_same(good, planted):
    assert [subject.id for subject in clean(GOOD, seed=1)] == [subject.id for subject in good]
    assert corrupted(good[:9], seed=1) == corrupted(good[:9], seed=1) != corrupted(good[:9], seed=2)


def test_what_is_planted_does_not_depend_on_the_neighbours(good):
    assert corrupted(good[:9]) == [planted for subject in good[:9] for planted in corrupted([subject])]


def test_every_fault_is_planted_and_changes_what_it_is_planted_in(good, planted):
    assert set(planted) == set(FAULTS)
    before = {subject.id for subject in good}
    assert all(subject.id not in before for subjects in planted.values() for subject in subjects)


# What is found


@pytest.mark.parametrize("name", ["structure", "answer"])
def test_nothing_is_said_of_good_traces(good, name):
    assert told(name, good) == set()


@pytest.mark.parametrize("name", ["leakage", "refusal", "language", "length"])
def test_hardly_anything_is_said_of_good_traces(good, name):
    assert share(name, good) <= 0.01


@pytest.mark.parametrize("fault", ["drop-tag", "truncate"])
def test_structure_finds_every_broken_answer(planted, fault):
    assert share("structure", planted[fault]) == 1


def test_answer_finds_every_conclusion_that_the_scorer_marks_wrong(planted):
    assert share("answer", planted["wrong-conclusion"]) == 1


@pytest.mark.parametrize(
    ("name", "fault", "least"),
    [
        ("leakage", "leak", 0.95),
        ("leakage", "foresee", 0.95),
        ("leakage", "inject", 0.95),
        ("leakage", "leak-held-out", 0.6),  # manners of speaking that no rule was written for, and no tell fitted to
        ("refusal", "refuse", 0.95),
        ("refusal", "leave-open", 0.95),
        ("refusal", "leave-blank", 0.95),
        ("refusal", "empty-talk", 0.95),
        ("language", "translate", 0.95),
        ("length", "loop", 0.95),
        ("length", "copy-stage", 0.95),
        ("length", "break-off", 0.95),
        ("consistency", "shuffle-steps", 0.6),  # where the last step begins with the word that draws it
    ],
)
def test_most_of_what_is_planted_is_found(planted, name, fault, least):
    assert share(name, planted[fault]) >= least
