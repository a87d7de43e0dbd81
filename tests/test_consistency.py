"""The check of consistency finds the stage that doesn't follow from the earlier ones, and only that."""

import base64
import json
from random import Random

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from curation import sources, validators
from curation.scene_graph import objects, questions, traces
from curation.simulator import Settings, Simulator
from curation.simulator.endpoint import Call
from curation.validators import SCHEMA, Subject, run
from schemas.issue import Severity
from schemas.sample import Sample, Turn
from schemas.trace import Stages, parse_tagged, to_tagged

COUNT = "How many balls are there?"
TRUE = Stages(
    summary="Count the balls.",
    caption="red cube, blue ball; red ball",
    reasoning="balls: blue ball 1, red ball 2, total 2",
    conclusion="2",
)
asked = st.sampled_from(questions.EVERY)
scenes = st.integers(0, 2**32).map(lambda seed: objects.draw(Random(seed), 1, 6).rows)


def subject(stages, question=COUNT, choices=()):
    turn = Turn(question=question, choices=choices)
    sample = Sample(id="scenes/train/000001", turns=(turn,))
    return Subject(sample, 0, to_tagged(stages), stages, trace_id="t")


def codes(stages, question=COUNT, choices=()):
    return [issue.code.split(":")[1] for issue in run("consistency", [subject(stages, question, choices)])]


def changed(**stages):
    return TRUE.model_copy(update=stages)


@given(scenes, asked)
def test_a_true_trace_is_consistent_and_so_is_one_of_another_scene(rows, question):
    assert codes(traces.stages(rows, question), question.text) == []


@given(scenes, scenes, asked)
def test_reasoning_on_another_scene_is_found(rows, other, question):
    right, wrong = traces.stages(rows, question), traces.stages(other, question)
    assume(right.reasoning != wrong.reasoning)
    stages = right.model_copy(update={"reasoning": wrong.reasoning, "conclusion": wrong.conclusion})
    assert codes(stages, question.text) == ["reasoning"]


@given(scenes, asked, st.data())
def test_another_conclusion_is_found(rows, question, data):
    right = traces.stages(rows, question)
    other = data.draw(st.sampled_from(traces.answers(question)).filter(lambda answer: answer != right.conclusion))
    assert codes(right.model_copy(update={"conclusion": other}), question.text) == ["conclusion"]


@pytest.mark.parametrize(
    ("stages", "found"),
    [
        (TRUE, []),
        (changed(summary="Anything at all."), []),
        (changed(reasoning=" balls:  blue ball 1,\nred ball 2, total 2"), []),
        (changed(reasoning="balls: blue ball 1, total 1"), ["reasoning", "conclusion"]),
        (changed(reasoning="balls: blue ball 1, total 1", conclusion="1"), ["reasoning"]),
        (changed(reasoning="There are two."), ["reasoning"]),
        (changed(reasoning="I look at them.", conclusion="7"), ["reasoning", "unsupported"]),
        (changed(conclusion="3"), ["conclusion"]),
        (changed(caption="A cube and two balls."), ["caption"]),
        (changed(caption="A cube and two balls.", conclusion="3"), ["caption", "conclusion"]),
    ],
)
def test_a_scene_is_checked_stage_by_stage(stages, found):
    assert codes(stages) == found


def test_an_issue_says_what_follows_and_what_was_said():
    (issue,) = run("consistency", [subject(changed(conclusion="3"))])
    assert (issue.code, issue.stage, issue.severity) == ("consistency:conclusion", "conclusion", Severity.ERROR)
    assert (issue.message, issue.evidence) == ("from the reasoning follows: 2", "3")
    (issue,) = run("consistency", [subject(changed(caption="Three things."))])
    assert (issue.stage, issue.severity) == ("caption", Severity.WARNING)


@pytest.mark.parametrize(
    ("given_stages", "found"),
    [
        ({}, []),
        ({"caption": "red ball"}, []),
        ({"caption": "nothing"}, ["caption"]),
        ({"caption": "red ball", "reasoning": "balls: red ball 1, total 1"}, []),
        ({"caption": "red ball", "reasoning": "balls: total 0"}, ["reasoning"]),
        ({"reasoning": "balls: total 0", "conclusion": "0"}, []),
    ],
)
def test_a_trace_that_is_not_finished_is_checked_as_far_as_it_goes(given_stages, found):
    row = dict.fromkeys(SCHEMA) | {"subject": "s", "text": "", "question": COUNT, "choices": []} | given_stages
    batch = pl.DataFrame([row], schema=SCHEMA)
    assert list(validators.get("consistency").check(batch)["what"]) == found


def other(reasoning, conclusion, caption="Some chart."):
    return Stages(summary="I look.", caption=caption, reasoning=reasoning, conclusion=conclusion)


@pytest.mark.parametrize(
    ("reasoning", "conclusion", "supported"),
    [
        ("1 + 1 = 2", "2", True),
        ("1 + 1 = 2", "3", False),
        ("It shows 12 bars.", "2", False),
        ("It shows two bars.", "2", True),
        ("The sum is 1,200.50 dollars.", "$1200.5", True),
        ("The sum is 62 %.", "62%", True),
        ("The tallest is South Korea.", "south korea", True),
        ("The tallest is South Korea.", "North Korea", False),
        ("The cat is larger.", "a", False),
        ("One is larger, so it is true.", "Yes", True),
        ("One is larger.", "...", True),
        ("It is a zebra.", "B", True),
        ("It is a horse.", "(B)", False),
        ("The answer is (A).", "A", True),
    ],
)
def test_another_trace_must_speak_of_its_conclusion(reasoning, conclusion, supported):
    found = codes(other(reasoning, conclusion), "Which?", ("a horse", "a zebra"))
    assert found == ([] if supported else ["unsupported"])


def test_a_conclusion_may_stand_in_the_caption():
    assert codes(other("It is the largest.", "Peru", "Bars for Peru and Chile."), "Which?") == []


def test_simulated_traces_of_charts_have_no_findings():
    source = sources.get("chartqa")
    simulator = Simulator(Settings())
    found = []
    for row in source.rows(sources.BUNDLED / "chartqa", "train"):
        sample, _ = source.to_sample(row)
        turn = sample.turns[0]
        url = f"data:image/png;base64,{base64.b64encode(row.images[0].data).decode()}"
        text = {"type": "text", "text": f"Question: {turn.question}\nStandard answer: {turn.target}"}
        content = [{"type": "image_url", "image_url": {"url": url}}, text]
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()
        reply = json.loads(simulator.reply(Call(body)).body)
        stages = parse_tagged(reply["choices"][0]["message"]["content"])
        found += run("consistency", [Subject(sample, 0, "", stages, trace_id="t")])
    assert found == []


def of(source, reasoning, conclusion="2", caption="A chart.", question="Which?", choices=()):
    """What is found in a trace of another source, as code and evidence."""
    turn = Turn(question=question, choices=choices)
    stages = other(reasoning, conclusion, caption)
    subject = Subject(Sample(id=f"{source}/train/1", turns=(turn,)), 0, to_tagged(stages), stages, trace_id="t")
    return [(issue.code.split(":")[1], issue.evidence) for issue in run("consistency", [subject])]


@pytest.mark.parametrize("stage", ["summary", "caption", "reasoning", "conclusion"])
def test_wrong_arithmetic_is_found_in_each_stage_with_the_words_that_are_wrong(stage):
    stages = other("2", "2").model_copy(update={stage: "We see that 12 + 30 = 41. So 2."})
    issues = [each for each in run("consistency", [subject(stages, "Which?")]) if "arithmetic" in each.code]
    assert [(each.stage, each.severity, each.evidence) for each in issues] == [(stage, Severity.ERROR, "12 + 30 = 41")]


def test_arithmetic_in_words_is_a_warning():
    (issue,) = run("consistency", [subject(other("Half of 50 is 20. So it is 2.", "2"), "Which?")])
    assert (issue.severity, issue.evidence) == (Severity.WARNING, "Half of 50 is 20")


@pytest.mark.parametrize(
    ("reasoning", "conclusion", "found"),
    [
        ("The answer is 5.", "5", []),
        ("The answer is 5.", "7", ["conclusion"]),
        ("The answer is 5, not 7.", "7", []),
        ("The answer is $1,200.", "1200 dollars", []),
        ("The answer is 0.62.", "62%", []),
        ("The answer is 62 percent.", "64%", ["conclusion"]),
        ("The answer is yes.", "No", ["conclusion"]),
        ("The answer is yes.", "Yes.", []),
        ("7 comes up first. The sum is 3 + 2 = 5.", "7", ["result"]),
        ("7 comes up first. Therefore there are 5.", "7", ["result"]),
        ("The sum is 3 + 4 = 7. A check: 7 - 4 = 3.", "7", []),
        ("Apples come to 7. So there are 5 more than pears.", "7", []),
        ("The colour is green.", "blue", ["unsupported"]),
        ("A blue one and a green one. It is green.", "blue", ["result"]),
        ("None is above it.", "0", []),
        ("It is 15.33.", "15", []),
    ],
)
def test_the_conclusion_is_what_the_reasoning_leads_to(reasoning, conclusion, found):
    assert [code for code, _ in of("chartqa", reasoning, conclusion)] == found


@pytest.mark.parametrize(
    ("reasoning", "conclusion", "found"),
    [
        ("It is a zebra, so the answer is B.", "B", []),
        ("It is a zebra, so the answer is B.", "a zebra", []),
        ("It is a zebra, so the answer is B.", "B. a zebra", []),
        ("It is a horse, so the answer is (A).", "B", ["conclusion"]),
        ("It is a zebra, so the answer is B.", "A", ["conclusion"]),
        ("The answer is a zebra.", "(B)", []),
        ("The answer is a zebra.", "A", ["conclusion"]),
        ("The answer is not A but a zebra.", "B", []),
        ("Option E is a lion. It is a zebra.", "B", ["option"]),
        ("Option A: a zebra. It has stripes.", "B", ["option"]),
        ("Option B: a zebra. It has stripes.", "B", []),
    ],
)
def test_options_are_compared_by_letter_and_by_words(reasoning, conclusion, found):
    assert [code for code, _ in of("ai2d", reasoning, conclusion, choices=("a horse", "a zebra"))] == found


@pytest.mark.parametrize(
    ("caption", "reasoning", "found"),
    [
        ("Peru: 42, Chile: 30.", "Peru is 42, so 2.", []),
        ("Peru: 42, Chile: 30.", "Peru is 47, so 2.", [("figure", "47")]),
        ("Peru: 42, Chile: 30.", "Spain is 47, so 2.", [("name", "Spain")]),
        ("Peru: 42, Chile: 30.", "Peru has 42 and Chile has 30; 42 - 30 = 12. So 2.", []),
        ("Peru is about 42, Chile: 30.", "Peru is 43, so 2.", []),
        ("It sold 61,250 units.", "With 61,450 units sold, 2.", [("figure", "61,450")]),
        ("It sold 61,250 units.", "With 61,250 units sold, 2.", []),
        ("A red car.", "The red car is parked, so 2.", []),
        ("A red car.", "The blue car is parked, so 2.", [("colour", "blue car")]),
        ("A red car.", "There is no blue car, so 2.", []),
        ("Two red cubes stand there.", "I see three red cubes, so 2.", [("count", "three red cubes")]),
        ("Two red cubes stand there.", "I see two red cubes, so 2.", []),
        ("Two red cubes stand there.", "In total there are three red cubes, so 2.", []),
        ("A dog.", "Step 1: look. Step 2: count. So 2.", []),
        ("A dog.", "Step 1: look. Step 3: count. So 2.", [("steps", "Step 3:")]),
        ("A dog.", "Therefore, it is 2. We count.", [("order", "Therefore, it is 2. We count.")]),
        ("A dog.", "We look. Second, we count 2. First, we look. So 2.", []),
        ("A dog.", "We look. Third, it is 2. Second, we count. So 2.", [("order", "Second,")]),
        ("A dog.", "Step 1: look. Step 1: look again. Step 2: count. So 2.", []),
    ],
)
def test_what_the_reasoning_claims_the_caption_must_not_have_otherwise(caption, reasoning, found):
    assert of("chartqa", reasoning, "2", caption) == found


def test_a_reasoning_that_does_not_speak_of_the_colour_that_is_asked_for_is_found():
    question = "How many red cubes are there in all?"
    assert of("clevr", "I count the red cubes: 2.", question=question) == []
    assert of("clevr", "I count the green cubes: 2.", question=question) == [("colour", "green cubes")]
    assert of("clevr", "It is green, as all are: 2.", question=question) == [("colour", "green")]


def test_a_question_of_another_source_in_the_words_of_scenes_is_not_taken_for_one():
    caption, reasoning = "Two red balls lie on the floor.", "I count the red balls: there are 2."
    assert of("clevr", reasoning, "2", caption, COUNT) == []
    assert of("scenes", reasoning, "2", caption, COUNT) == [("caption", caption)]


def test_a_text_of_its_own_needs_no_support():
    text = "A small boat with a brown hull floats on calm water, and three birds fly above it."
    assert of("sharegpt4v", "I name what stands out.", text) == []


@pytest.mark.parametrize("source", [None, "chartqa"])
def test_what_is_null_is_not_judged(source):
    row = dict.fromkeys(SCHEMA) | {"subject": "s", "text": "", "question": "Which?", "choices": [], "source": source}
    rows = [
        row,
        row | {"reasoning": "1 + 1 = 3"},
        row | {"conclusion": "3"},
        row | {"caption": "Peru: 3", "reasoning": "x"},
    ]
    found = validators.get("consistency").check(pl.DataFrame(rows, schema=SCHEMA))
    assert list(found["what"]) == ["arithmetic"]


@pytest.mark.parametrize("text", ["Peru: 1, " * 10**5, "red cubes " * 10**5, "Step 1: " * 10**5, "option A " * 10**5])
def test_a_megabyte_of_claims_does_not_hang(text):
    assert len(of("chartqa", text + " So 2.", "2", text, choices=("a", "b"))) < 20
