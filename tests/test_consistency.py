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
