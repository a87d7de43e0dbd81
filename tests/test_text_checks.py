"""The checks on the text alone, each on what it is for, and on what looks like it and is none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.validators import Subject, get, run
from schemas.sample import ImageRef, Sample, Turn
from schemas.trace import STAGES, Provenance, Stage, Stages, Trace
from tests.growth import assert_linear
from tests.plain_phrases import ONCE_TOLD

NAMES = ["leakage", "refusal", "language", "length"]
PICTURE = ImageRef(digest=f"sha256:{0:064x}", mime="image/png", width=8, height=8)
QUESTION = "How many bars of the chart are higher than the one for Japan?"
GOOD = Stages(
    summary="I will read the height of each bar and count those above the bar for Japan.",
    caption="A bar chart with the bars Peru at 40, Japan at 30 and Kenya at 20.",
    reasoning="The bar for Japan stands at 30. Only the bar for Peru is higher than that, with its 40.",
    conclusion="1",
)
LONG = 2**16


def traced(turn=None, images=(PICTURE,), **texts):
    """A good trace, with other texts in some of its stages."""
    sample = Sample(id="chartqa/train/1", images=images, turns=(turn or asked("1"),))
    provenance = Provenance(kind="human", created_at="2025-01-01T00:00:00Z")
    trace = Trace(sample_id=sample.id, turn=0, stages=GOOD.model_copy(update=texts), provenance=provenance)
    return Subject.of(sample, trace)


def asked(*targets, question=QUESTION, choices=()):
    return Turn(question=question, targets=targets, choices=choices)


def told(name, subject):
    return {(issue.code.split(":")[1], issue.severity.value, issue.stage) for issue in run(name, [subject])}


def kinds(name, subject):
    return {what for what, _, _ in told(name, subject)}


@pytest.mark.parametrize("name", NAMES)
def test_a_good_trace_is_let_pass(name):
    assert told(name, traced()) == set()


def test_all_of_them_say_what_they_do_not_tell():
    assert all("What is not told" in (get(name).__doc__ or "") for name in NAMES)


# Leakage


@pytest.mark.parametrize(
    "said",
    [
        *ONCE_TOLD,
        "So the angle is 25°\n\nThe answer is B.",
        "So the answer to your question is 1.",
        "Therefore, the correct option letter is C.",
        "The final integer answer is: 7",
        "I cannot provide a numerical answer without the scale.",
        "The solution cannot be provided as the image has no scale.",
    ],
)
def test_talk_of_what_is_given_in_the_question_is_no_leak(said):
    assert told("leakage", traced(reasoning=f"{GOOD.reasoning} {said}")) == set()


@pytest.mark.parametrize(
    "said",
    [
        "If the correct answer is Peru, the axis starts at zero.",
        "The correct answer tells us to count both bars.",
        "The annotator must have counted twice.",
        "I have to make 40 look plausible.",
        "What the evaluator expects is 1.",
        "Recall that the answer is 1.",
        "The solution was disclosed beforehand, so little is left.",
        "My own count differs, but I go along with it.",
    ],
)
def test_an_answer_that_was_there_before_is_a_warning(said):
    assert told("leakage", traced(reasoning=f"{said} {GOOD.reasoning}")) == {
        ("answer-known", "warning", Stage.REASONING)
    }


def test_a_leak_at_the_end_of_a_stage_is_found():
    assert ("answer-given", "error", Stage.SUMMARY) in told("leakage", traced(summary="I match the given answer"))


def test_a_leak_is_an_error_and_its_words_are_the_evidence():
    (issue,) = run("leakage", [traced(reasoning="This agrees with the given\nanswer, so it holds.")])
    assert (issue.code, issue.severity.value, issue.stage) == ("leakage:answer-given", "error", Stage.REASONING)
    assert issue.evidence == "agrees with the given\nanswer"


def test_what_a_form_says_is_at_most_looked_at():
    assert told("leakage", traced(caption="The form says: follow the instructions, in the required format.")) == set()
    assert told("leakage", traced(caption="At the bottom stands: see answer key.")) == {
        ("answer-given", "warning", Stage.CAPTION)
    }


def test_a_summary_that_announces_or_holds_the_target_is_told():
    turn = asked("Brookfield", question="Which orchard has most?")
    assert kinds("leakage", traced(turn, summary="The answer to the question is Brookfield.")) == {
        "answer-announced",
        "answer-in-summary",
    }
    assert kinds("leakage", traced(turn, summary="I look at Brookfield's bar.")) == {"answer-in-summary"}
    assert told("leakage", traced(turn, caption="The highest bar is Brookfield's.")) == set()


@pytest.mark.parametrize("target", ["yes", "B", "7", "two"])
def test_a_short_target_may_stand_in_a_summary_by_chance(target):
    assert told("leakage", traced(asked(target), summary=f"In {target} steps I will see, yes or no.")) == set()


def test_what_the_question_or_the_choices_name_is_not_foreseen():
    summary = "I compare Brookfield with Hillside."
    assert told("leakage", traced(asked("Brookfield", question="Brookfield or Hillside?"), summary=summary)) == set()
    assert told("leakage", traced(asked("Brookfield", choices=("Brookfield", "Hillside")), summary=summary)) == set()


# Refusal


def test_an_answer_that_could_not_be_read_can_be_a_refusal():
    sample = Sample(id="chartqa/train/1", turns=(asked("1"),))
    (issue,) = run("refusal", [Subject(sample, 0, "I'm sorry, but I can't assist with that.", None, call_key="k")])
    assert (issue.code, issue.stage, issue.call_key) == ("refusal:refused", None, "k")


def test_a_missing_image_is_only_said_to_be_missing_where_there_is_one():
    blind = "No image was provided, so I use the text."
    assert told("refusal", traced(reasoning=blind)) == {("not-seen", "error", Stage.REASONING)}
    assert told("refusal", traced(images=(), reasoning=blind)) == set()


def test_nothing_can_be_determined_only_where_that_is_no_answer():
    open_ = "It cannot be determined."
    assert told("refusal", traced(conclusion=open_)) == {("unanswered", "error", Stage.CONCLUSION)}
    assert told("refusal", traced(asked(open_), conclusion=open_)) == set()
    assert told("refusal", traced(asked("1", choices=("1", "Not enough information")), conclusion=open_)) == set()
    assert told("refusal", traced(asked(), conclusion=open_)) == set()


@pytest.mark.parametrize("text", ["...", "[Insert caption here]", "N/A", "{caption}", "—"])
def test_a_blank_is_no_text(text):
    assert ("placeholder", "error", Stage.CAPTION) in told("refusal", traced(caption=text))


def test_signs_can_be_an_answer():
    assert told("refusal", traced(asked("<"), conclusion="<")) == set()
    assert told("refusal", traced(conclusion="<")) == {("placeholder", "error", Stage.CONCLUSION)}


def test_a_stage_that_only_says_the_question_again_is_told():
    assert kinds("refusal", traced(reasoning=f"The question asks: {QUESTION}")) == {"restated", "empty-talk"}
    assert kinds("refusal", traced(reasoning="By looking at the image, we can find the answer.")) == {"empty-talk"}


# Language

GERMAN = "Das Bild zeigt einen Tisch, auf dem mehrere Dinge stehen, und wir vergleichen die Höhe der Balken im Bild."
CHINESE = "图中显示了一个柱状图,其中秘鲁的数值是四十,日本的数值是三十,肯尼亚的数值是二十,因此只有一个比日本高。"


def test_a_stage_in_another_language_is_an_error_where_the_others_are_in_the_questions():
    assert told("language", traced(reasoning=GERMAN)) == {("other-language", "error", Stage.REASONING)}
    assert told("language", traced(reasoning=CHINESE)) == {("other-script", "error", Stage.REASONING)}


def test_a_trace_in_another_language_from_end_to_end_asks_for_a_look():
    whole = traced(summary=GERMAN, caption=GERMAN, reasoning=GERMAN)
    assert {severity for _, severity, _ in told("language", whole)} == {"warning"}


def test_a_trace_may_be_in_the_questions_language_whatever_it_is():
    german = asked("1", question="Wie viele Balken sind höher als der, auf dem Japan steht, und wie ist das zu sehen?")
    assert told("language", traced(german, summary=GERMAN, caption=GERMAN, reasoning=GERMAN)) == set()
    chinese = asked("1", question="有几个柱子比日本的高?")
    assert told("language", traced(chinese, summary=CHINESE, caption=CHINESE, reasoning=CHINESE)) == set()


def test_an_english_trace_that_quotes_its_chinese_question_asks_for_a_look_only():
    question = asked("1", question=CHINESE)
    found = told("language", traced(question, summary=f"The question is {CHINESE} I will count the bars."))
    assert {severity for _, severity, _ in found} == {"warning"}


def test_a_stage_that_changes_its_language_is_told():
    assert kinds("language", traced(reasoning=f"{GOOD.reasoning} {GERMAN}")) == {"mixed-languages"}
    assert "mixed-scripts" in kinds("language", traced(reasoning=f"{GOOD.reasoning} {CHINESE}"))


def test_a_quoted_sign_and_letters_of_formulas_are_no_other_script():
    assert told("language", traced(caption=f"{GOOD.caption} A sign says 北京大学.")) == set()
    assert told("language", traced(reasoning=f"{GOOD.reasoning} So α + β = 90°, and μ = 3.")) == set()


def test_a_word_of_two_alphabets_is_told():
    assert kinds("language", traced(reasoning=GOOD.reasoning.replace("bar", "b\u0430r", 1))) == {"homoglyph"}


# Length


@pytest.mark.parametrize("again", ["and so on", "So it is one", "no"])
def test_words_that_go_round_are_a_loop(again):
    looping = f"{GOOD.reasoning} {' '.join([again] * 15)}"
    assert ("loop", "error", Stage.REASONING) in told("length", traced(reasoning=looping))


@pytest.mark.parametrize(
    "said",
    [
        "| a | b | c | d | e |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n| 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 |",
        "red cube, red cube, blue cube, red cube, red cube; red ball, red cube",
        "1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 = 11, which is what was to be found.",
    ],
)
def test_tables_lists_and_sums_are_no_loop(said):
    assert told("length", traced(caption=said)) == set()


def test_a_loop_without_blanks_is_one():
    assert "loop" in kinds("length", traced(reasoning="答案是一。" * 90))


def test_a_sentence_that_comes_twice_counts_by_its_share():
    assert kinds("length", traced(reasoning=f"{GOOD.reasoning} {GOOD.reasoning}")) == {"repeated"}
    varied = " ".join(f"The bar number {number} has a height of its own, {number * 7}." for number in range(9))
    assert told("length", traced(reasoning=f"{GOOD.reasoning} {varied} Only the bar for Peru is higher.")) == set()


def test_a_stage_that_is_another_is_a_copy():
    assert told("length", traced(reasoning=GOOD.caption)) == {("copied", "warning", Stage.REASONING)}


def test_lengths_are_warnings():
    prose = " ".join(f"word{number} is followed by word{number + 1}." for number in range(4000))
    assert told("length", traced(reasoning=prose)) == {("long", "warning", Stage.REASONING), ("long", "warning", None)}
    assert told("length", traced(caption="Bars")) == {("short", "warning", Stage.CAPTION)}
    assert told("length", traced(reasoning="Japan stands at 30, and Peru is higher than the")) == {
        ("cut", "warning", Stage.REASONING)
    }


# Whatever is written

_PIECES = [
    "the given answer ",
    "I'm sorry, but I ",
    "и ",
    "图",
    "no image was provided. ",
    "<b>",
    "\0",
    "\u202e",
    "der ",
    "…",
]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(texts=st.lists(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=30).map("".join), min_size=4, max_size=4))
def test_evidence_stands_in_the_stage(name, texts):
    written = {stage.value: f"x{text}" for stage, text in zip(STAGES, texts, strict=True)}
    subject = traced(**{stage: text.strip() for stage, text in written.items()})
    for issue in run(name, [subject]):
        assert issue.evidence in (subject.stages[issue.stage] if issue.stage else subject.text)


_LOOPS = ["the given ", "a", "answer ", "no image ", "图", "I can't see the ", "ab а", "x\n"]


@pytest.mark.parametrize("name", NAMES)
def test_a_long_stage_takes_no_more_than_its_share(name):
    def subjects(size: int) -> list[Subject]:
        return [traced(reasoning=piece.strip() + piece * (size // len(piece.encode()))) for piece in _LOOPS]

    assert_linear(lambda subjects: run(name, subjects), subjects, LONG)
