"""The conclusion of an answer: found step by step, logged, and unparsed rather than guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.evaluation.extraction import UNPARSED, extract
from curation.evaluation.marking import mark
from curation.evaluation.outcomes import Outcome
from curation.evaluation.questions import Problem
from schemas.sample import Turn
from schemas.trace import STAGES, Stages, to_tagged

FREE = Turn(question="How many?", targets=("5",), scorer="relaxed-accuracy")
CHOICE = Turn(question="What?", targets=("B", "a dog"), choices=("cat", "a dog"), scorer="multiple-choice")
YES_NO = Turn(question="Is it?", targets=("Yes",), scorer="yes-no")
HEAD = "<SUMMARY> s </SUMMARY><CAPTION> c </CAPTION><REASONING> 4, so the sum is 9 </REASONING>"

CASES = [
    # text, conclusion, how
    (HEAD + "<CONCLUSION> 5 </CONCLUSION>", "5", "tag"),
    (HEAD + "<CONCLUSION>The answer is 5.</CONCLUSION>", "5", "tag+pattern"),
    (HEAD + "<CONCLUSION> So the final answer is: **5.2** </CONCLUSION>", "5.2", "tag+pattern"),
    (HEAD + "<CONCLUSION>The answer is not in the chart</CONCLUSION>", "not in the chart", "tag+pattern"),
    (HEAD + "<CONCLUSION>\n5\n\nof them\n</CONCLUSION>", "5\n\nof them", "tag"),
    (HEAD + "<CONCLUSION>5", "5", "tag"),
    (HEAD + "<CONCLUSION>5<SUMMARY>again", "5", "tag"),
    (HEAD + "<CONCLUSION>5</CONCLUSION><CONCLUSION>6</CONCLUSION>", "5", "tag"),
    (HEAD + "<CONCLUSION> </CONCLUSION><CONCLUSION>6</CONCLUSION>", "6", "tag"),
    ("<CONCLUSION>5</CONCLUSION>" + HEAD, "5", "tag"),
    ("Sure! " + HEAD + " text <CONCLUSION>5</CONCLUSION> more", "5", "tag"),
    (HEAD + "<CONCLUSION></CONCLUSION>", "", UNPARSED),
    (HEAD, "", UNPARSED),
    ("<SUMMARY> I will count.", "", UNPARSED),
    (HEAD + "The answer is 5.", "5", "pattern"),
    ("There are 3 and 2.\nTherefore, the answer is 5.", "5", "pattern"),
    ("The answer is 4. Wait.\nFinal answer: 5\nThat is all.", "5", "pattern"),
    ("I count.\n\nA chart.\n\n3 and 2 make 5.\n\n5", "5", "last line"),
    ("5", "5", "last line"),
    ("5\n\n", "5", "last line"),
    ("I'm sorry, I can't help.", "I'm sorry, I can't help.", "last line"),
    ("It was answered: nothing", "It was answered: nothing", "last line"),
    ("", "", UNPARSED),
    (" \n\t\n", "", UNPARSED),
]


@pytest.mark.parametrize(("text", "conclusion", "how"), CASES)
def test_a_conclusion_is_found_by_the_first_step_that_gives_one(text, conclusion, how):
    assert extract(text, FREE) == (conclusion, how)


CHOSEN = [
    ("<CONCLUSION>B</CONCLUSION>", "B", "tag"),
    ("<CONCLUSION>The answer is (B).</CONCLUSION>", "(B)", "tag+pattern"),
    ("<CONCLUSION>A bird</CONCLUSION>", "A bird", "tag"),
    ("<CONCLUSION>a bird</CONCLUSION>", "", UNPARSED),
    ("<CONCLUSION>A or B</CONCLUSION>", "", UNPARSED),
    ("a dog,\nsure!", "a dog,\nsure!", "text"),
    ("The answer is hard to see.\nB", "B", "last line"),
    ("no idea", "", UNPARSED),
]


@pytest.mark.parametrize(("text", "conclusion", "how"), CHOSEN)
def test_what_names_no_option_is_unparsed_and_no_option_is_drawn(text, conclusion, how):
    assert extract(text, CHOICE) == (conclusion, how)


def test_what_says_neither_yes_nor_no_is_unparsed():
    assert extract("<CONCLUSION>Yes, it is</CONCLUSION>", YES_NO) == ("Yes, it is", "tag")
    assert extract("<CONCLUSION>perhaps</CONCLUSION>", YES_NO) == ("", UNPARSED)


PIECES = st.lists(
    st.sampled_from([f"<{s}{stage.tag}>" for stage in STAGES for s in ("", "/")] + ["The answer is ", "5.", "\n", " "])
    | st.text(max_size=4),
    max_size=14,
).map("".join)


@given(text=PIECES, turn=st.sampled_from([FREE, CHOICE, YES_NO]))
def test_extraction_is_total_and_gives_a_part_of_the_text(text, turn):
    found = extract(text, turn)
    assert found.conclusion in text
    assert found.parsed == bool(found.conclusion)


@given(text=st.text(min_size=1).filter(str.strip).filter(lambda text: "answer" not in text.lower() and "<" not in text))
def test_the_conclusion_of_a_whole_record_is_what_was_written(text):
    stages = Stages(summary="s", caption="c", reasoning="r", conclusion=text)
    assert extract(to_tagged(stages), FREE) == (text.strip(), "tag")


def marked(text, turn=FREE, candidates=()):
    problem = Problem("s/t/1#0", "s", turn, (), {})
    return mark(problem, Outcome(id=problem.id, key=problem.key, text=text, candidates=candidates))


def test_an_unparsed_answer_is_not_scored_and_not_right():
    found = marked("<CONCLUSION></CONCLUSION>")
    assert (found.value, found.correct, found.extracted.parsed) == (0.0, False, False)


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
