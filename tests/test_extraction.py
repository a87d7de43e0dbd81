"""The answer of a conclusion, and the conclusion of an answer: found place by place, unparsed rather than guessed."""

import json
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import registry, scorers, validators
from curation.evaluation.marking import mark
from curation.evaluation.outcomes import Outcome
from curation.evaluation.questions import Problem
from curation.scorers import UNPARSED
from curation.validators import Subject
from schemas.sample import Sample, Turn
from schemas.trace import STAGES, Stages, to_tagged
from tests.growth import assert_linear

SHARED = Path(__file__).parents[2] / "shared" / "data"

FREE = Turn(question="How many?", targets=("5",), scorer="relaxed-accuracy")
TEXT = Turn(question="Who?", targets=("Turkey",), scorer="exact-match")
CHOICE = Turn(question="What?", targets=("B", "a dog"), choices=("cat", "a dog"), scorer="multiple-choice")
YES_NO = Turn(question="Is it?", targets=("Yes",), scorer="yes-no")
HEAD = "<SUMMARY> s </SUMMARY><CAPTION> c </CAPTION><REASONING> 4, so the sum is 9 </REASONING>"


def extract(text, turn):
    return scorers.mark_answer(text, turn).extracted


CASES = [
    # text, conclusion, how
    (HEAD + "<CONCLUSION> 5 </CONCLUSION>", "5", "tag"),
    (HEAD + "<CONCLUSION>The answer is 5.</CONCLUSION>", "5", "tag+pattern"),
    (HEAD + "<CONCLUSION> So the final answer is: **5.2** </CONCLUSION>", "5.2", "tag+pattern"),
    (HEAD + "<CONCLUSION>The answer is not in the chart</CONCLUSION>", "not in the chart", "tag+pattern"),
    (HEAD + "<CONCLUSION>\n5\n\nof them\n</CONCLUSION>", "5", "tag+sentence"),
    (HEAD + "<CONCLUSION>5", "5", "tag"),
    (HEAD + "<CONCLUSION>5<SUMMARY>again", "5", "tag"),
    (HEAD + "<CONCLUSION>5</CONCLUSION><CONCLUSION>6</CONCLUSION>", "5", "tag"),
    (HEAD + "<CONCLUSION> </CONCLUSION><CONCLUSION>6</CONCLUSION>", "6", "tag"),
    ("<CONCLUSION>5</CONCLUSION>" + HEAD, "5", "tag"),
    ("Sure! " + HEAD + " text <CONCLUSION>5</CONCLUSION> more", "5", "tag"),
    (HEAD + "<CONCLUSION>3 and 2</CONCLUSION>", "", UNPARSED),
    (HEAD + "<CONCLUSION></CONCLUSION>", "", UNPARSED),
    (HEAD, "", UNPARSED),
    ("<SUMMARY> I will count.", "", UNPARSED),
    (HEAD + "The answer is 5.", "5", "pattern"),
    ("There are 3 and 2.\nTherefore, the answer is 5.", "5", "pattern"),
    ("The answer is 4. Wait.\nFinal answer: 5\nThat is all.", "5", "pattern"),
    ("I count.\n\nA chart.\n\n3 and 2 make 5.\n\n5", "5", "last line"),
    ("5", "5", "last line"),
    ("5\n\n", "5", "last line"),
    ("I'm sorry, I can't help.", "I'm sorry, I can't help", "last line+sentence"),
    ("", "", UNPARSED),
    (" \n\t\n", "", UNPARSED),
]


@pytest.mark.parametrize(("text", "conclusion", "how"), CASES)
def test_a_conclusion_is_found_by_the_first_step_that_gives_one(text, conclusion, how):
    assert extract(text, FREE) == (conclusion, how)


CHOSEN = [
    ("<CONCLUSION>B</CONCLUSION>", "B", "tag"),
    ("<CONCLUSION>The answer is (B).</CONCLUSION>", "B", "tag+pattern"),
    ("<CONCLUSION>A bird</CONCLUSION>", "A", "tag+sentence"),
    ("<CONCLUSION>a bird</CONCLUSION>", "", UNPARSED),
    ("<CONCLUSION>A or B</CONCLUSION>", "", UNPARSED),
    ("a dog,\nsure!", "B", "text+sentence"),
    ("The answer is hard to see.\nB", "B", "last line"),
    ("no idea", "", UNPARSED),
]


@pytest.mark.parametrize(("text", "conclusion", "how"), CHOSEN)
def test_what_names_no_option_is_unparsed_and_no_option_is_drawn(text, conclusion, how):
    assert extract(text, CHOICE) == (conclusion, how)


def test_what_says_neither_yes_nor_no_is_unparsed():
    assert extract("<CONCLUSION>Yes, it is</CONCLUSION>", YES_NO) == ("Yes, it is", "tag")
    assert extract("<CONCLUSION>perhaps</CONCLUSION>", YES_NO) == ("", UNPARSED)


REDUCED = [
    # conclusion, target, answer; for a metric that takes any text
    ("The answer is 42.", "42", "42"),
    ("forty-two", "42", "42"),
    ("x = 42 cm", "42", "42"),
    ("3 + 39 = 42", "42", "42"),
    ("It is 42 %", "42%", "42%"),
    ("It is 42 %", "0.42", "42%"),
    ("**42**", "42", "42"),
    (r"So \boxed{42}", "42", "42"),
    ("$42", "42", "42"),
    ("It is 1,042.5 dollars", "1042.5", "1042.5"),
    ("−42", "-42", "-42"),
    ("about 4.2e3 people", "4200", "4.2e3"),
    ("one hundred and two", "102", "102"),
    ("two million three hundred thousand", "2300000", "2300000"),
    ("There are no cubes but this one", "1", "no cubes but this one"),
    ("There is one.", "1", "1"),
    ("42, or 43", "42", None),
    ("2003,2009", "2003", None),
    ("twenty three four", "23", None),
    ("two, three", "2", None),
    ("blue", "42", "blue"),
    ("It is 42.", "forty-two", "42"),
    ("Forty-two", "forty-two", "Forty-two"),
    ("It is $10,596.", "$10,596", "$10,596"),
    ("Yes, it is.", "Yes", "yes"),
    ("No.", "Yes", "no"),
    ("yes and no", "Yes", None),
    ("maybe", "no", "maybe"),
    ("It is Turkey.", "Turkey", "Turkey"),
    ('The answer is "Turkey".', "Turkey", "Turkey"),
    ("[2003, 2009]", "[2003,2009]", "[2003, 2009]"),
    ("The answer, my friend", "Turkey", "The answer, my friend"),
]


@pytest.mark.parametrize(("conclusion", "target", "answer"), REDUCED)
def test_a_conclusion_is_reduced_to_an_answer_of_the_form_that_is_wanted(conclusion, target, answer):
    found = scorers.mark(conclusion, Turn(question="?", targets=(target,), scorer="relaxed-accuracy")).extracted
    assert (found.conclusion, found.parsed) == (answer or "", answer is not None)


OPTIONS = ("neither; both are the same", "sample B", "sample A", "42 cm", "4")
NAMED = [
    ("B", "B"),
    ("b", "B"),
    ("(b)", "B"),
    ("**B**", "B"),
    (r"\boxed{B}", "B"),
    (r"$\boxed{\text{B}}$", "B"),
    ("B) sample B", "B"),
    ("b. sample B", "B"),
    ("Option B", "B"),
    ("The correct answer is option (B): sample B.", "B"),
    ("sample A", "C"),
    ("It is sample A.", "C"),  # the A in an option's text is not its letter
    ("D) 42 cm", "D"),
    ("4", "E"),
    ("It is 4.", "E"),
    ("14", None),
    ("4.5", None),
    ("f", None),
    ("sample A or sample B", None),
    ("B) sample A", None),
    ("The answer is B, or C", None),
    ("I can't tell", None),
]


@pytest.mark.parametrize(("conclusion", "letter"), NAMED)
def test_an_option_is_read_by_letter_or_by_text(conclusion, letter):
    turn = Turn(question="?", targets=("A",), choices=OPTIONS, scorer="multiple-choice")
    found = scorers.mark(conclusion, turn).extracted
    assert (found.conclusion, found.parsed) == (letter or "", letter is not None)


SCORERS = [Turn(question="?", targets=("5",), choices=c, scorer=name) for name in registry.names("curation.scorers")
           for c in ((), ("5", "a dog"))]  # fmt: skip
PIECES = st.lists(
    st.sampled_from([f"<{s}{stage.tag}>" for stage in STAGES for s in ("", "/")] + ["The answer is ", "5.", "\n", " "])
    | st.sampled_from(["\\boxed{", "}", "**", "=", "forty", "-", "two", "B)", "a dog", "yes", "\ud800", "√{", "%", ","])
    | st.text(max_size=4),
    max_size=14,
).map("".join)


@given(text=PIECES, turn=st.sampled_from([FREE, TEXT, CHOICE, YES_NO, *SCORERS]))
def test_extraction_is_total_and_gives_something_or_nothing(text, turn):
    found, score = scorers.mark_answer(text, turn)
    assert found.parsed == bool(found.conclusion)
    assert found.parsed or score == (0.0, False)


@given(text=PIECES)
def test_a_text_is_never_made_up(text):
    assert extract(text, TEXT).conclusion in text


@given(text=st.text(min_size=1).filter(str.strip).filter(lambda text: "answer" not in text.lower() and "<" not in text))
def test_the_conclusion_of_a_whole_record_is_what_was_written(text):
    stages = Stages(summary="s", caption="c", reasoning="r", conclusion=text)
    turn = TEXT.model_copy(update={"targets": (text,)})
    assert extract(to_tagged(stages), turn) == (text.strip(), "tag")


@given(target=st.text(min_size=1).filter(str.strip), name=st.sampled_from(["relaxed-accuracy", "exact-match", "anls"]))
def test_an_answer_with_all_marks_is_not_touched(target, name):
    turn = Turn(question="?", targets=(target,), scorer=name)
    if scorers.get(name).score(target, turn).value == 1.0:
        assert scorers.mark(target, turn) == ((target, "as it is"), (1.0, True))


UNITS = ["The answer is ", "answer: 5, ", "five hundred ", "1,", "1 2 ", "a dog ", "((((", "**", "**a** ", "\\boxed{"]
UNITS += ["√{", "= ", "\\frac{1}", "<CONCLUSION>", "one ", "A) ", "yes "]


def repeated(unit: str, size: int) -> str:
    return unit * (size // len(unit))


@pytest.mark.parametrize("name", ["numeric", "multiple-choice", "relaxed-accuracy"])
def test_long_conclusions_take_no_long_time(name):
    turn = Turn(question="?", targets=("5", "a dog"), choices=("5", "a dog", "c"), scorer=name)
    for unit in UNITS:
        assert_linear(lambda text: scorers.mark_answer(text, turn), partial(repeated, unit), 40_000)


def read(pattern):
    return [json.loads(path.read_text("utf-8")) for path in sorted(SHARED.glob(pattern))]


def gold():
    """Yield scorer, choices, targets and an answer that its owners take, of real records."""
    for rows in read("chartqa/ChartQA Dataset/*/*.json"):
        yield from (("relaxed-accuracy", (), (row["label"],), row["label"]) for row in rows)
    for rows in read("docvqa/val/val_v1.0.json"):
        yield from (("anls", (), tuple(row["answers"]), answer) for row in rows["data"] for answer in row["answers"])
    for rows in read("clevr/CLEVR_v1.0/questions/*.json"):
        yield from (("clevr", (), (row["answer"],), row["answer"]) for row in rows["questions"])
    for path in sorted(SHARED.glob("geoqa/R1-V/*.jsonl")):
        rows = [json.loads(line)["ground_truth"] for line in path.read_text("utf-8").splitlines()]
        yield from (("numeric", (), (answer,), answer) for answer in rows)
    for rows in read("a-okvqa/aokvqa_v1p0_val.json"):
        answers = [tuple(row["direct_answers"]) for row in rows]
        yield from (("direct-answer", (), ten, answer) for ten in answers for answer in ten if ten.count(answer) >= 3)
        yield from chosen((row["choices"], row["correct_choice_idx"]) for row in rows)
    for rows in read("scienceqa/data/scienceqa/problems.json"):
        yield from chosen((row["choices"], row["answer"]) for row in rows.values())


def chosen(rows):
    for choices, right in rows:
        for answer in ("ABCDE"[right], choices[right]):
            yield "multiple-choice", tuple(choices), ("ABCDE"[right], choices[right]), answer


def test_gold_answers_given_as_they_are_score_all_marks_and_are_untouched():
    records = list(gold())
    if not records:
        pytest.skip("the real samples are not beside the repository")
    lost = []
    for name, choices, targets, answer in records:
        turn = Turn(question="?", targets=targets, choices=choices, scorer=name)
        found, score = scorers.mark(answer, turn)
        untouched = found.conclusion == answer or bool(choices)
        if score.value != 1.0 or not untouched:
            lost.append((name, targets, answer, found))
    assert lost == []
    assert len(records) > 1000


def marked(text, turn=FREE, candidates=()):
    problem = Problem("s/t/1#0", "s", turn, (), {})
    return mark(problem, Outcome(id=problem.id, key=problem.key, text=text, candidates=candidates))


def test_an_unparsed_answer_is_not_scored_and_not_right():
    found = marked("<CONCLUSION></CONCLUSION>")
    assert (found.value, found.correct, found.extracted.parsed) == (0.0, False, False)


def test_a_conclusion_of_a_turn_without_a_scorer_cannot_be_marked():
    with pytest.raises(ValueError, match="scorer"):
        scorers.mark("5", Turn(question="?", targets=("5",)))


def test_an_unparsed_conclusion_is_an_issue_of_its_own():
    found = {}
    for conclusion in ("5", "The answer is 5.", "6", "5 or 6"):
        sample = Sample(id="s/t/1", turns=(FREE,))
        stages = Stages(summary="s", caption="c", reasoning="r", conclusion=conclusion)
        subject = Subject(sample, 0, to_tagged(stages), stages, trace_id="sha256:1")
        found[conclusion] = [(issue.code, issue.evidence) for issue in validators.run("answer", [subject])]
    assert found == {
        "5": [],
        "The answer is 5.": [],
        "6": [("answer:wrong", "6")],
        "5 or 6": [("answer:unparsed", "5 or 6")],
    }


def test_format_is_told_apart_from_being_right():
    assert marked("5")[1:4] == (1.0, True, False)
    assert marked(HEAD + "<CONCLUSION>6</CONCLUSION>")[1:4] == (0.0, False, True)


def candidate(text, stage=None, parent=None):
    return {"text": text, "stage": stage, "parent": parent}


def test_the_oracle_takes_any_whole_answer_or_conclusion():
    wrong, right = "<CONCLUSION>6</CONCLUSION>", "<CONCLUSION>5</CONCLUSION>"
    assert marked("6", candidates=(candidate("6"), candidate("5"))).any_correct is True
    assert marked("6", candidates=(candidate("6"), candidate("7"))).any_correct is False
    assert marked("6", candidates=(candidate("6"),)).any_correct is None
    staged = (
        candidate("<REASONING>5</REASONING>", "reasoning"),
        candidate(wrong, "conclusion", 0),
        candidate(right, "conclusion", 0),
    )
    assert marked(wrong, candidates=staged).any_correct is True
    assert marked(wrong, candidates=staged[:2]).any_correct is None


def test_the_oracle_takes_no_sentence_for_an_answer():
    sentences = (candidate("I see 5"), candidate("5", parent=0), candidate("<CONCLUSION>6</CONCLUSION>", parent=1))
    assert marked("6", candidates=(*sentences, sentences[-1])).any_correct is False
