"""What a judge is shown, and how its answer is read: strictly, and closed where it fails."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.critics import quotes, showing
from curation.critics.asking import AGAIN, Critic, told
from curation.critics.reading import SCHEMA, Findings, read_findings
from curation.critics.showing import Case
from schemas.review import StageVerdict
from schemas.sample import Sample, Turn
from schemas.steps import MOST, split
from schemas.trace import STAGES, Stage, Stages
from tests.judged import GOOD, sample_of, trace_of
from tests.strategies import any_text

STAGES_OF = Stages(**GOOD)
STEPS = split(STAGES_OF.reasoning)


def said(verdict: str = "positive", quote: str = "", **more: Any) -> dict[str, Any]:
    return {"verdict": verdict, "quote": quote, **more}


def answer(**changed: Any) -> dict[str, Any]:
    steps = [said(number=1), said(number=2)]
    return {"by_step": steps, **{stage.value: said(reason="Fine.") for stage in STAGES}} | changed


def read(content: Any) -> Findings:
    return read_findings(content if isinstance(content, str) else json.dumps(content), STAGES_OF, STEPS)


def test_a_whole_answer_is_read():
    found = read(
        answer(
            caption=said("negative", "three bars", reason="There are\n\n four."),
            by_step=[said(number=2), said("neutral", number=1)],
        )
    )
    assert found.stages[Stage.CAPTION].verdict is StageVerdict.NEGATIVE
    assert (found.stages[Stage.CAPTION].quote, found.stages[Stage.CAPTION].reason) == ("three bars", "There are four.")
    assert [(step.number, step.verdict.value) for step in found.steps] == [(1, "neutral"), (2, "positive")]
    assert [STAGES_OF.reasoning[step.start : step.end] for step in found.steps] == [step.text for step in STEPS]


def test_a_code_fence_capitals_and_more_properties_are_let_pass():
    text = json.dumps(answer(summary=said(" Positive "), extra=1))
    assert read(f"```json\n{text}\n```") == read(text)


def without(name: str) -> dict[str, Any]:
    whole = answer()
    del whole[name]
    return whole


NO_QUOTE = "caption is negative, and its quote holds no words"
WRONG: dict[str, tuple[Any, str]] = {
    "no JSON": ("All is good.", "not one JSON object"),
    "cut off": (json.dumps(answer())[:-20], "not one JSON object"),
    "text around": (f"Here it is: {json.dumps(answer())}", "not one JSON object"),
    "a list": ([answer()], "not as asked"),
    "deep": ("[" * 100_000, "not one JSON object"),
    "a long number": ('{"by_step": ' + "9" * 5000 + "}", "not one JSON object"),
    "a stage is missing": (without("caption"), "caption is not as asked: it is missing"),
    "the steps are missing": (without("by_step"), "by_step is not as asked: it is missing"),
    "another word": (answer(caption=said("good")), "caption.verdict is not as asked"),
    "no word": (answer(caption=said(None)), "caption.verdict is not as asked"),
    "a step is missing": (answer(by_step=[said(number=1)]), "each of the steps 1 to 2 once"),
    "a step is made up": (answer(by_step=[said(number=n) for n in (1, 2, 3)]), "each of the steps 1 to 2 once"),
    "a step comes twice": (answer(by_step=[said(number=1), said(number=1)]), "each of the steps 1 to 2 once"),
    "step zero": (answer(by_step=[said(number=0), said(number=1)]), "each of the steps 1 to 2 once"),
    "negative without a quote": (answer(caption=said("negative")), NO_QUOTE),
    "a quote that is made up": (answer(caption=said("negative", "four bars")), NO_QUOTE),
    "the quote of another stage": (answer(caption=said("negative", "I will read")), NO_QUOTE),
    "a wrong step in a good reasoning": (
        answer(by_step=[said(number=1), said("negative", number=2)]),
        "step 2 is negative, and the reasoning as a whole is positive",
    ),
    "a stage twice": (json.dumps(answer())[:-1] + ', "caption": {"verdict": "positive"}}', "names something twice"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_incomplete_or_contradicts_itself_is_no_verdict(case):
    content, why = WRONG[case]
    with pytest.raises(ValueError, match=why):
        read(content)


NAMES = st.sampled_from(["by_step", "number", "verdict", "quote", *STAGES])
ANYTHING = st.recursive(
    st.none() | st.booleans() | any_text | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)


@given(ANYTHING)
def test_any_other_answer_is_refused_in_a_few_words_of_ours(content):
    with pytest.raises(ValueError, match=r"^.{10,150}$"):
        read(content)


@given(any_text.map("zzz{}zzz".format))
def test_a_fault_quotes_nothing_that_the_judge_wrote(text):
    for content in (text, {text: text}, answer(caption=said(text)), answer(caption=said("negative", text))):
        with pytest.raises(ValueError, match=r"^[^z]*$"):
            read(content)


def test_a_judge_is_told_the_fault_and_not_shown_its_answer():
    case = Case(sample_of(0), trace_of(sample_of(0)), ())
    prompt = Critic("Judge.").prompt(case, "schema")
    again = told(prompt, "INJECTED", "caption is missing")
    assert again.user == f"{prompt.user}\n\n{AGAIN.format('caption is missing')}"
    assert again.temperature == 0


def test_quotes_that_do_not_stand_there_are_dropped_where_nothing_is_negative():
    assert read(answer(caption=said("neutral", "four bars"))).stages[Stage.CAPTION].quote == ""


@given(any_text)
def test_the_steps_hold_every_letter_in_order(text):
    steps = split(text)
    assert "".join("".join(step.text for step in steps).split()) == "".join(text.split())
    assert all(text[step.start : step.end] == step.text == step.text.strip() for step in steps)
    assert len(steps) <= MOST


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("One is 3.5 high. Two is lower! So?", ["One is 3.5 high.", "Two is lower!", "So?"]),
        ("1. First\n2. Second\n\n(a) third", ["1. First", "2. Second", "(a) third"]),
        ("- red: 2\n- blue: 3", ["- red: 2", "- blue: 3"]),
        ('He says "no." Then he goes.', ['He says "no."', "Then he goes."]),
        ("第一步。第二步。", ["第一步。", "第二步。"]),
        ("no end", ["no end"]),
        ("", []),
    ],
)
def test_steps_are_sentences_and_lines(text, steps):
    assert [step.text for step in split(text)] == steps


@pytest.mark.parametrize(
    "text", [". " * 10**5, "1. " * 10**5, "." * 10**6, "\n" * 10**6, "a" * 10**6, "。" * 10**5, '."' * 10**5]
)
def test_megabytes_are_cut_and_searched_at_once(text):
    assert len(split(text)) <= MOST
    quotes.find("a  b", text)


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("the bar", "the bar"),
        (" the bar ", "the bar"),
        ("the bar is high", "the  bar\nis high"),
        ("The bar", ""),
        ("", ""),
        (" \n", ""),
        ("a bar", ""),
    ],
)
def test_a_quote_is_found_as_it_stands(quote, found):
    text = "So the bar" if found == "the bar" else "So the  bar\nis high."
    assert quotes.find(quote, text) == found


@given(any_text, st.data())
def test_what_stands_in_a_text_is_found_in_it(text, data):
    start = data.draw(st.integers(0, len(text)))
    quote = text[start : data.draw(st.integers(start, len(text)))]
    found = quotes.find(" ".join(quote.split()), text)
    assert found in text
    assert bool(found) == bool(quote.strip())


def test_all_that_belongs_to_a_question_is_shown_in_the_fence():
    turns = (
        Turn(question="Earlier?", targets=("before",)),
        Turn(question="Which?", targets=("B", "b."), choices=("x", "y"), context="A hint."),
    )
    sample = Sample(id="a/b/c", turns=turns)
    user = showing.show(showing.parts_of(Case(sample, trace_of(sample, turn=1), ())), "Judge.")
    mark = user.splitlines()[0].removeprefix("Mark: ")
    texts = {name: f"BEGIN {name} {mark}\n{text}\nEND {name} {mark}" for name, text in {
        "EARLIER QUESTION": "Earlier?", "EARLIER ANSWER": "before", "CONTEXT": "A hint.", "QUESTION": "Which?",
        "CHOICES": "(A) x\n(B) y", "STANDARD ANSWER": "B\nb.", "CAPTION": GOOD["caption"],
        "REASONING": f"STEP 1 {mark}\nThe highest bar is at 7.\nSTEP 2 {mark}\nSo the answer is 7.",
    }.items()}  # fmt: skip
    assert all(text in user for text in texts.values())


def test_an_unknown_answer_is_said_to_be_unknown():
    sample = sample_of(0, targets=())
    assert "\nnone is known\n" in showing.show(showing.parts_of(Case(sample, trace_of(sample), ())), "Judge.")


def test_a_version_changes_with_the_words_and_the_schema_asks_for_every_part():
    assert Critic("a").VERSION != Critic("b").VERSION == Critic("b").VERSION
    assert set(SCHEMA["required"]) == {"by_step", *STAGES}
