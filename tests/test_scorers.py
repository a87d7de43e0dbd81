"""Every scorer keeps the contract; each official metric gives what its authors' code gives."""

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import registry, scorers
from curation.errors import UsageError
from schemas.sample import Turn

NAMES = registry.names("curation.scorers")
TEXTS = st.text() | st.floats().map(str) | st.integers().map(str) | st.floats().map(lambda x: f"{x}%")


def turn(*targets: str) -> Turn:
    return Turn(question="How many?", targets=targets)


@pytest.fixture(params=NAMES)
def module(request: pytest.FixtureRequest) -> ModuleType:
    return registry.load("curation.scorers", request.param)


def test_there_are_scorers():
    assert "relaxed-accuracy" in NAMES


def test_a_scorer_names_the_source_of_its_metric(module):
    assert "Source: https://" in (module.__doc__ or "")
    assert module.score.__doc__


def test_a_scorer_refuses_a_turn_without_targets(module):
    with pytest.raises(ValueError, match="target"):
        module.score("7", turn())


@pytest.mark.parametrize("name", NAMES)
@given(prediction=TEXTS, target=TEXTS)
def test_a_scorer_is_total_and_stays_between_0_and_1(name, prediction, target):
    score = scorers.get(name).score(prediction, turn(target))
    assert 0.0 <= score.value <= 1.0
    assert isinstance(score.correct, bool)


def test_an_unknown_scorer_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'relaxed-accuracy'"):
        scorers.get("relaxed-acuracy")


RELAXED = [
    # prediction, target, correct
    ("5", "5", True),
    ("5.0", "5", True),
    ("105", "100", True),
    ("95", "100", True),
    ("105.1", "100", False),
    ("94.9", "100", False),
    ("-100", "100", False),
    ("-96", "-100", True),
    ("5e1", "50", True),
    ("0", "0", True),
    ("0.0", "0", False),
    ("0", "0.0", False),
    ("0.001", "0", False),
    ("0%", "0", False),
    ("0", "5", False),
    ("62%", "62", False),
    ("62", "62%", False),
    ("62%", "62%", True),
    ("0.62", "62%", True),
    ("62%", "0.62", True),
    ("64%", "62%", True),
    ("62 %", "62%", True),
    ("62%%", "0.62", True),
    ("62%.", "62%", False),
    ("%", "%", True),
    ("1,000", "1000", False),
    ("1000", "1,000", False),
    ("1,000", "1,000", True),
    ("$5", "5", False),
    ("2013", "2014", True),
    ("1914", "2014", True),
    ("1913", "2014", False),
    ("Yes", "yes", True),
    ("ÉTÉ", "été", True),
    ("yes.", "yes", False),
    ("yes ", "yes", False),
    (" yes", "yes", False),
    (" 5 ", "5", True),
    ("the USA", "USA", False),
    ("[a, b]", "[A, B]", True),
    ("[a,b]", "[a, b]", False),
    ("[b, a]", "[a, b]", False),
    ("1_000", "1000", True),
    ("٥", "5", True),
    ("", "5", False),
    ("", "yes", False),
    ("nan", "nan", False),
    ("nan", "5", False),
    ("5", "nan", False),
    ("inf", "inf", False),
    ("inf", "5", False),
    ("5", "inf", False),
    ("-inf", "inf", False),
    ("Infinity", "1e999", False),
    ("1e308", "1e308", True),
    ("1e308", "-1e308", False),
    ("1e308", "1e-308", False),
    ("1e-320", "1e-320", True),
    ("five", "5", False),
]


@pytest.mark.parametrize(("prediction", "target", "correct"), RELAXED)
def test_relaxed_accuracy_is_the_official_one(prediction, target, correct):
    score = scorers.get("relaxed-accuracy").score(prediction, turn(target))
    assert score == (float(correct), correct)


def test_relaxed_accuracy_takes_any_of_several_targets():
    several = turn("Turkey", "Korea", "100")
    score = scorers.get("relaxed-accuracy").score
    assert score("korea", several).correct
    assert score("104", several).correct
    assert not score("Japan", several).correct


@given(st.floats(min_value=1e-6, max_value=1e6), st.floats(min_value=-0.049, max_value=0.049))
def test_relaxed_accuracy_takes_a_number_within_5_percent(target, change):
    score = scorers.get("relaxed-accuracy").score
    assert score(str(target * (1 + change)), turn(str(target))).correct
    assert not score(str(target * 1.051), turn(str(target))).correct


@given(st.text())
def test_relaxed_accuracy_takes_the_same_text_unless_nothing_equals_it(text):
    score = scorers.get("relaxed-accuracy").score
    same = score(text, turn(text)).correct
    assert same or float(text.rstrip("%")) != 0  # only nan and inf are unequal to themselves


EXACT = [
    # prediction, target, correct
    ("red ball", "red ball", True),
    (" Red  ball.\n", "red ball", True),
    ("red ball .", "red ball", True),
    ("ball", "red ball", False),
    ("the red ball", "red ball", False),
    ("2", "2", True),
    ("2.0", "2", False),
    ("2", "3", False),
    ("STRASSE", "straße", True),
    ("", "", True),
    (".", "2", False),
]


@pytest.mark.parametrize(("prediction", "target", "correct"), EXACT)
def test_exact_match_overlooks_case_blanks_and_a_final_period(prediction, target, correct):
    assert scorers.get("exact-match").score(prediction, turn("nothing of it", target)) == (float(correct), correct)


ANIMALS = ("cat", "a dog", "black cat", "None of these.")
OPTIONS = [
    # prediction, option
    ("B", "B"),
    (" B. ", "B"),
    ("(B)", "B"),
    ("**B**", "B"),
    ("B: a dog", "B"),
    ("Option B is right", "B"),
    ("{B}", "B"),
    ("a dog", "B"),
    ("A DOG.", "B"),
    ("A dog", "B"),  # the whole of an option goes before a letter in it
    ("A nice one", "A"),  # an article counts as a letter, as in the original
    ("It is a dog", "B"),
    ("black cat", "C"),
    ("a black cat", None),  # holds two options
    ("b", None),
    ("E", None),
    ("A or B", None),
    ("A and a dog", "A"),
    ("none of these", "D"),
    ("It is a dog" + " for sure" * 8, None),  # longer than twice all options
    ("The answer is B" + " for sure" * 8, "B"),
    ("", None),
    ("...", None),
]


@pytest.mark.parametrize(("prediction", "option"), OPTIONS)
def test_multiple_choice_reads_the_letter_then_the_text(prediction, option):
    score = scorers.get("multiple-choice").score
    right = {
        letter: score(prediction, Turn(question="?", choices=ANIMALS, targets=(letter, ANIMALS["ABCD".index(letter)])))
        for letter in "ABCD"
    }
    assert [letter for letter, (_, correct) in right.items() if correct] == ([option] if option else [])


@pytest.mark.parametrize("targets", [("B", "a dog"), ("B",), ("a dog",), ("A dog.",), ("unknown", "b)", "a dog")])
def test_multiple_choice_takes_the_target_as_letter_or_text(targets):
    turn_ = Turn(question="?", choices=ANIMALS, targets=targets)
    assert scorers.get("multiple-choice").score("B", turn_) == (1.0, True)
    assert scorers.get("multiple-choice").score("C", turn_) == (0.0, False)


def test_multiple_choice_takes_letters_first_where_options_are_letters():
    labels = Turn(question="Which part?", choices=("C", "A", "B"), targets=("A", "C"))
    assert scorers.get("multiple-choice").score("A", labels).correct
    assert not scorers.get("multiple-choice").score("C", labels).correct


def test_multiple_choice_is_never_right_where_the_target_is_no_option():
    turn_ = Turn(question="?", choices=ANIMALS, targets=("horse",))
    assert not any(scorers.get("multiple-choice").score(text, turn_).correct for text in ("horse", *"ABCD", *ANIMALS))


@given(choices=st.lists(st.text(max_size=8), min_size=1, max_size=30), prediction=st.text(max_size=40))
def test_multiple_choice_names_one_of_the_options_or_none(choices, prediction):
    turn_ = Turn(question="?", choices=tuple(choices), targets=(choices[0],))
    chosen = registry.load("curation.scorers", "multiple-choice").chosen
    assert chosen(prediction, turn_) in {None, *range(len(choices))}
    assert [chosen(letter, turn_) for letter in "ABC"[: len(choices)]] == [0, 1, 2][: len(choices)]


ANSWERS = [
    # prediction, target, correct
    ("Yes", "yes", True),
    ("yes.", "Yes", True),
    ("No, it is not.", "No", True),
    ("NO", "Yes", False),
    ("Yes or no", "Yes", False),
    ("Yes or no", "No", False),
    ("yesterday", "Yes", False),
    ("**Yes**", "Yes", True),
    ("It is [no]", "no", True),
    ("know", "no", False),
    ("no/none", "no", True),
    ("yes_", "yes", True),
    ("", "no", False),
    ("Yes", "maybe", False),
]


@pytest.mark.parametrize(("prediction", "target", "correct"), ANSWERS)
def test_yes_or_no_takes_the_one_word_that_is_there(prediction, target, correct):
    assert scorers.get("yes-no").score(prediction, turn(target)) == (float(correct), correct)
