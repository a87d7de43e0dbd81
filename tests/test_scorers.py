"""Every scorer keeps the contract; each official metric gives what its authors' code gives."""

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import registry, scorers
from curation.errors import UsageError
from curation.evaluation.marking import mark_all
from curation.evaluation.outcomes import Outcome
from curation.evaluation.questions import Problem
from curation.evaluation.summary import CLASSES_MEAN, Answers, summarise
from curation.evaluation.systems import System
from schemas.sample import Turn
from tests.growth import assert_linear

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


TWINS = ("red", "blue", "red", "Red")
ABOUT_TWINS = [
    # prediction, target, correct
    ("A", "C", True),  # the official script compares texts, and both are `red`
    ("red", "C", True),
    ("C", "A", True),
    ("D", "A", False),
    ("Red", "D", True),  # where options differ in case only, the one that is written so is meant
    ("Red", "A", False),
    ("RED", "A", False),
    ("B", "A", False),
]


@pytest.mark.parametrize(("prediction", "target", "correct"), ABOUT_TWINS)
def test_options_with_the_same_text_are_one_option(prediction, target, correct):
    assert scorers.get("multiple-choice").score(prediction, Turn(question="?", choices=TWINS, targets=(target,))) == (
        float(correct),
        correct,
    )


def test_pictures_without_a_text_are_options_of_their_own():
    turn_ = Turn(question="?", choices=("", ""), targets=("A",))
    assert scorers.get("multiple-choice").score("A", turn_).correct
    assert not scorers.get("multiple-choice").score("B", turn_).correct


def test_an_option_that_is_a_number_is_met_by_the_number():
    turn_ = Turn(question="?", choices=("4", "2", "3"), targets=("3",))
    assert scorers.get("multiple-choice").score("3", turn_).correct
    assert not scorers.get("multiple-choice").score("4", turn_).correct


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


ANLS = [
    # prediction, targets, value
    ("Philip Morris", ["Philip Morris"], 1.0),
    (" philip  MORRIS ", ["Philip Morris"], 1.0),
    ("Philip Moris", ["Philip Morris"], 1 - 1 / 13),
    ("Philip Moris ", ["Philip Morris"], 1 - 1 / 13),
    ("Philip Moris  ", ["Philip Morris"], 1 - 1 / 14),  # the length is that of the text with its blanks
    ("ab", ["ax"], 0.5),  # exactly a half is kept
    ("abc", ["axx"], 0.0),
    ("10,596", ["$10,596"], 1 - 1 / 7),
    ("10,596", ["nothing", "10,596", "$10,596"], 1.0),
    ("", [""], 1.0),
    (" ", [""], 1.0),
    ("", ["a"], 0.0),
    ("ß", ["ß"], 1.0),
    ("ßa", ["ßb"], 1 - 1 / 3),  # and the length is that of the text in upper case, `SSB`
    ("five", ["5"], 0.0),
]


@pytest.mark.parametrize(("prediction", "targets", "value"), ANLS)
def test_anls_is_that_of_the_official_script(prediction, targets, value):
    score = scorers.get("anls").score(prediction, turn(*targets))
    assert score.value == pytest.approx(value, abs=1e-12)
    assert score.correct == (value >= 0.5)


TEN = ("dog",) * 5 + ("puppy",) * 2 + ("Dog", "a dog", "cat")


@pytest.mark.parametrize(
    ("prediction", "value"), [("dog", 1), ("puppy", 2 / 3), ("cat", 1 / 3), ("Dog", 1 / 3), ("dog ", 0), ("a cat", 0)]
)
def test_a_direct_answer_counts_the_people_who_gave_it(prediction, value):
    score = scorers.get("direct-answer").score(prediction, turn(*TEN))
    assert score == (pytest.approx(value), value >= 0.5)


@pytest.mark.parametrize(
    ("prediction", "target", "correct"),
    [("3", "3", True), ("3.0", "3", False), ("yes", "yes", True), ("Yes", "yes", False), ("ball", "sphere", False)],
)
def test_clevr_takes_the_answer_as_it_is_written(prediction, target, correct):
    assert scorers.get("clevr").score(prediction, turn(target)) == (float(correct), correct)


@pytest.mark.parametrize(
    ("conclusion", "target", "answer"),
    [("Yes.", "no", "yes"), ("There are three balls", "2", "3"), ("a shiny ball", "cube", "sphere"),
     ("It is shiny", "rubber", "metal"), ("The big one", "small", "large"), ("red", "3", "red"),
     ("red or blue", "red", None), ("a ball", "red", None), ("8 - 5 = 3", "3", "3"), ("true", "yes", "yes")],
)  # fmt: skip
def test_clevr_reads_an_answer_of_the_kind_that_is_asked_for(conclusion, target, answer):
    turn_ = Turn(question="?", targets=(target,), scorer="clevr")
    assert scorers.mark(conclusion, turn_).extracted.conclusion == (answer or "")


QUANTITIES = [
    # prediction, target, correct
    ("6 cm", "6cm", True),
    ("6", "6cm", True),
    ("6cm", "6", True),
    ("60 mm", "6cm", True),
    ("0.06m", "6 cm", True),
    ("6°", "6cm", False),
    ("7cm", "6cm", False),
    ("6.0005", "6", True),
    ("6.002", "6", False),
    ("20/3", r"\frac{20}{3}", True),
    ("6.6667", r"\dfrac{20}{3}", True),
    (r"$160\sqrt{3}$ m", "160√{3}m", True),
    ("277.1281", "160√3", True),
    ("4π", "4πcm", True),
    ("12.566", r"4\pi", True),
    (r"\frac{3}{2}√{3}", r"\frac{3√{3}}{2}", True),
    ("2√{2}-2", "-2+2√{2}", True),
    (r"70^{\circ}", "70°", True),
    ("70 degrees", "70°", True),
    ("70度", "70°", True),
    ("4.4 m", "4.40米", True),
    ("9π cm²", "9πcm^{2}", True),
    ("5cm^2", "5cm^2^", True),
    ("16π m²", "16π平方米", True),
    ("16π square meters", "16π平方米", True),
    ("2 h", "120 minutes", True),
    ("42%", "42", True),
    ("1,000", "1000", True),
    ("１２", "12", True),
    ("−3", "-3", True),
    ("2^3", "8", True),
    ("1.5×10^3", "1500", True),
    ("(1+2)*3", "9", True),
    ("4:1", "4:1", True),
    ("4:1", "4", False),
    ("x+1", "X + 1", True),
    ("不能确定", "不能确定", True),
    ("nan", "5", False),
    ("inf", "5", False),
    ("", "5", False),
]


@pytest.mark.parametrize(("prediction", "target", "correct"), QUANTITIES)
def test_a_numeric_answer_is_compared_by_value_and_unit(prediction, target, correct):
    assert scorers.get("numeric").score(prediction, turn(target)) == (float(correct), correct)


def test_a_numeric_answer_may_be_an_option():
    lengths = Turn(question="?", choices=("6cm", "7cm", "6cm"), targets=("6cm",), scorer="numeric")
    right = ["A", "C", "6", "6cm", "0.06 m"]
    assert [text for text in (*right, "B", "7", "D") if scorers.get("numeric").score(text, lengths).correct] == right


BUSY = ["9^9^9^9", "9^{9^{9^9}}", "(" * 5000 + "1", "√" * 5000, "-" * 190 + "1", "2^(" * 60, "9" * 199, "1e999"]
BUSY += ["10^100^100", "(10^9)!", "__import__('os')", "\\frac{1}{0}", "0^-1", "√{-1}", "(-8)^0.5", "1/" * 90 + "0"]
BUSY += ["\ud800", "\x00"]


@pytest.mark.parametrize("text", BUSY)
def test_a_hostile_expression_is_no_quantity_and_is_not_evaluated(text):
    """Evaluated, some of them would not come to an end."""
    assert not scorers.get("numeric").score(text, turn("5")).correct


@pytest.mark.parametrize("unit", ["(", "√", "-", "9", "1/", "2^(", "9^", "\\frac{1}{", "1,", "5 cm "])
def test_a_long_expression_takes_its_time_and_no_more(unit):
    assert_linear(
        lambda text: scorers.get("numeric").score(text, turn("5")), lambda size: unit * (size // len(unit)), 40_000
    )


@given(st.integers(-(10**6), 10**6), st.integers(1, 1000), st.sampled_from(["cm", "°", "", "m", " km"]))
def test_a_quantity_reads_what_python_computes(whole, part, unit):
    score = scorers.get("numeric").score
    assert score(f"\\frac{{{whole}}}{{{part}}}{unit}", turn(f"{whole / part:.6f}{unit}")).correct
    assert not score(f"({whole}+{part}){unit}", turn(f"{whole}{unit}")).correct


RELATIONS = ("friends", "family", "couple / lovers", "not intimate", "intimate")


@pytest.mark.parametrize(
    ("conclusion", "name"),
    [("friends", "friends"), ("B", "family"), ("They are lovers.", "couple / lovers"), ("not intimate", "not intimate"),
     ("Intimate.", "intimate"), ("friends or family", None), ("strangers", None)],
)  # fmt: skip
def test_a_class_is_read_by_name_letter_or_synonym(conclusion, name):
    for relation in RELATIONS:
        turn_ = Turn(question="?", choices=RELATIONS, targets=(relation,), scorer="class-recall")
        found, score = scorers.mark(conclusion, turn_)
        assert (found.conclusion or None, score.correct) == (name, name == relation)


def test_recall_is_reported_by_class_and_as_their_mean():
    problems, answers = [], []
    for number, (relation, said) in enumerate(
        [("friends", "friends")] * 6 + [("family", "friends"), ("family", "family")]
    ):
        asked = Turn(question="?", choices=RELATIONS, targets=(relation,), scorer="class-recall")
        problems.append(Problem(f"p/t/{number}#0", "pisc", asked, (), {"relation": relation}))
        answers.append(Outcome(id=problems[-1].id, key=problems[-1].key, text=said))
    system = System(label="m", digest="sha256:0", search="greedy", judge=None, settings={})
    rows = summarise(problems, [Answers(system, answers, mark_all(problems, answers))], 50).strata
    found = {(row.label, row.value): (row.questions, row.accuracy[0].mean) for row in rows}
    assert found["relation", "friends"] == (6, 1.0)
    assert found["relation", "family"] == (2, 0.5)
    assert found["relation", CLASSES_MEAN] == (8, 0.75)
    assert [row.label for row in rows] == ["source", "relation", "relation", "relation"]


GOLD = [
    ("anls", ("10,596", "$10,596"), ()), ("class-recall", ("family",), RELATIONS), ("clevr", ("cyan",), ()),
    ("direct-answer", ("dog",) * 3, ()), ("exact-match", ("red ball",), ()),
    ("multiple-choice", ("B", "a dog"), ANIMALS),
    ("numeric", ("6cm",), ("6cm", "7cm")), ("relaxed-accuracy", ("0.57",), ()), ("yes-no", ("No",), ()),
]  # fmt: skip


def test_every_scorer_gives_all_marks_to_gold():
    assert [name for name, _, _ in GOLD] == list(NAMES)
    for name, targets, choices in GOLD:
        turn_ = Turn(question="?", targets=targets, choices=choices, scorer=name)
        assert scorers.get(name).score(targets[0], turn_) == (1.0, True)
        assert scorers.mark(targets[0], turn_).score == (1.0, True)


HOSTILE = ["\x00", "\ud800", "\u202eB\u202c", "👩‍👩‍👧", "a" * 100_000, " " * 100_000, "٣", "𝟛", "½", "\\boxed{" * 99]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_scored_like_any_other(name, text):
    for turn_ in (turn("5"), turn(text), Turn(question="?", choices=("5", text, "c"), targets=("5",))):
        assert 0.0 <= scorers.get(name).score(text, turn_).value <= 1.0
        assert 0.0 <= scorers.mark(text, turn_.model_copy(update={"scorer": name})).score.value <= 1.0
