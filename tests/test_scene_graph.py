"""Scenes are drawn the same for the same seed; what is written about them is read back."""

import io
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from curation.images import inspect
from curation.scene_graph import objects, picture, questions, traces
from curation.scene_graph.objects import COLOURS, KINDS, Kind, Scene
from curation.scene_graph.questions import EVERY, LEVELS, TYPES, Group, Question
from schemas.trace import Stages

RED_CUBE, RED_BALL, BLUE_BALL = Kind("red", "cube"), Kind("red", "ball"), Kind("blue", "ball")
ROWS = ((RED_CUBE, BLUE_BALL), (RED_BALL,))
kinds = st.sampled_from(KINDS)
rows = st.lists(st.lists(kinds, min_size=1, max_size=4).map(tuple), min_size=1, max_size=4).map(tuple)
asked = st.sampled_from(EVERY)
seeds = st.integers(0, 2**32)


def drawn(seed, fewest=2, most=5):
    return objects.draw(Random(seed), fewest, most)


# Scenes


@given(seeds)
def test_the_same_seed_draws_the_same_scene(seed):
    assert drawn(seed) == drawn(seed)
    assert Scene.model_validate_json(drawn(seed).model_dump_json()) == drawn(seed)


@given(seeds, st.integers(1, 16), st.integers(0, 15))
def test_a_scene_has_as_many_objects_as_were_asked_for(seed, fewest, more):
    most = min(16, fewest + more)
    assert fewest <= len(drawn(seed, fewest, most).objects) <= most


@given(seeds)
def test_rows_hold_the_objects_in_reading_order(seed):
    scene = drawn(seed, 1, 16)
    assert [kind for row in scene.rows for kind in row] == [placed.kind for placed in scene.objects]
    assert len(scene.rows) == len({placed.cell // 4 for placed in scene.objects})


def test_a_scene_that_cannot_be_is_refused():
    good = drawn(1, 2, 2).model_dump()
    with pytest.raises(ValidationError, match="must ascend"):
        Scene.model_validate(good | {"objects": good["objects"][::-1]})
    with pytest.raises(ValidationError, match="there is no pink cube"):
        Scene.model_validate(good | {"objects": [good["objects"][0] | {"kind": ("pink", "cube")}]})


# Pictures


@given(seeds)
def test_a_picture_is_the_same_bytes_again_and_says_what_it_shows(seed):
    scene = drawn(seed, 1, 16)
    data = picture.to_png(scene)
    assert data == picture.to_png(scene)
    assert picture.read_scene(data[:3000]) == scene
    ref = inspect(data).ref
    assert (ref.mime, ref.width, ref.height) == ("image/png", 64, 64)


@given(seeds)
def test_each_object_is_in_the_pixels_in_its_colour_and_inside_its_cell(seed):
    scene = drawn(seed, 1, 16)
    image = picture.render(scene)
    for placed in scene.objects:
        assert image.getpixel((placed.x, placed.y)) == placed.rgb
        near = min(COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(COLOURS[name], placed.rgb, strict=True)))
        assert near == placed.kind.colour
        for middle, start in ((placed.x, placed.cell % 4 * 16), (placed.y, placed.cell // 4 * 16)):
            assert start <= middle - placed.radius
            assert middle + placed.radius < start + 16


def test_the_three_shapes_look_different():
    scene = drawn(3, 1, 1)
    looks = [
        scene.model_copy(update={"objects": (scene.objects[0].model_copy(update={"kind": Kind("red", shape)}),)})
        for shape in objects.SHAPES
    ]
    assert len({picture.render(look).tobytes() for look in looks}) == 3


def test_a_picture_without_a_scene_says_none():
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "PNG")
    assert picture.read_scene(file.getvalue()) is None
    assert picture.read_scene(b"") is None
    whole = picture.to_png(drawn(1))
    assert picture.read_scene(whole[:60]) is None
    assert picture.read_scene(whole.replace(b'"grey"', b'"gray"')) is None


@given(st.binary(max_size=60))
def test_damaged_bytes_show_no_scene_and_do_no_harm(data):
    assert picture.read_scene(picture.to_png(drawn(1))[:41] + data) is None


# Questions


def test_no_two_questions_read_the_same():
    assert len({question.text for question in EVERY}) == len(EVERY) > 300
    assert {question.asks for question in EVERY} == set(TYPES)


@given(asked)
def test_a_question_is_read_back(question):
    assert questions.parse(question.text) == question
    assert questions.parse(f" {question.text}\n") == question


@pytest.mark.parametrize("text", ["", "How many bars are there?", "how many cubes are there?", "How many are there?"])
def test_another_question_is_none(text):
    assert questions.parse(text) is None


@given(seeds)
def test_a_drawn_question_has_an_answer_in_the_scene(seed):
    rng = Random(seed)
    here = drawn(seed, 1, 16).rows
    question = questions.draw(here, rng)
    assert question in EVERY
    assert question.level(here) in LEVELS
    conclusion = traces.derive(here, question).conclusion
    assert conclusion != traces.NOTHING
    if question.asks != "count":
        assert conclusion in traces.answers(question)


@given(seeds)
def test_the_highest_and_the_lowest_are_so_in_the_picture(seed):
    rng = Random(seed)
    scene = drawn(seed, 4, 8)
    asked_here = (questions.draw(scene.rows, rng) for _ in range(50))
    question = next((each for each in asked_here if each.type == "relation"), None)
    assume(question is not None)
    by_row = {}
    for placed in scene.objects:
        if question.groups[0].holds(placed.kind):
            by_row.setdefault(placed.cell // 4, []).append(str(placed.kind))
    row = min(by_row) if question.asks == "highest" else max(by_row)
    assert len(by_row) > 1
    assert by_row[row] == [traces.derive(scene.rows, question).conclusion]


def test_every_type_and_level_is_drawn():
    rng = Random(0)
    drawn_ones = [
        (question, here) for here in (drawn(n).rows for n in range(300)) for question in [questions.draw(here, rng)]
    ]
    assert {question.asks for question, _ in drawn_ones} == set(TYPES)
    assert {question.level(here) for question, here in drawn_ones} == set(LEVELS)


@pytest.mark.parametrize(
    ("question", "level"),
    [
        (Question("count", (Group(shape="cube"),)), "easy"),
        (Question("count", (Group(shape="ball"),)), "hard"),
        (Question("compare", (Group(shape="cube"), Group(colour="blue"))), "medium"),
        (Question("compare", (Group(shape="cube"), Group(colour="red"))), "hard"),
        (Question("shape", (Group(colour="blue"),)), "easy"),
        (Question("lowest", (Group(colour="red"),)), "medium"),
    ],
)
def test_counting_two_or_more_is_hard(question, level):
    assert question.level(ROWS) == level


# Traces


@pytest.mark.parametrize(
    ("text", "reasoning", "conclusion"),
    [
        ("How many balls are there?", "balls: blue ball 1, red ball 2, total 2", "2"),
        ("How many yellow objects are there?", "yellow objects: total 0", "0"),
        (
            "Are there more red objects than balls?",
            "red objects: red cube 1, red ball 2, total 2; balls: blue ball 1, red ball 2, total 2",
            "no",
        ),
        (
            "Are there more red objects than cubes?",
            "red objects: red cube 1, red ball 2, total 2; cubes: red cube 1, total 1",
            "yes",
        ),
        ("What colour is the cube?", "cube: red cube", "red"),
        ("What shape is the blue object?", "blue object: blue ball", "ball"),
        ("Which of the balls is the highest?", "balls: blue ball 1, red ball 2, total 2", "blue ball"),
        ("Which of the balls is the lowest?", "balls: blue ball 1, red ball 2, total 2", "red ball"),
        # what a teacher that sees wrongly may be asked
        ("What colour is the cone?", "cone: none", "none"),
        ("Which of the cones is the lowest?", "cones: total 0", "none"),
    ],
)
def test_a_trace_follows_from_what_is_there(text, reasoning, conclusion):
    assert traces.derive(ROWS, questions.parse(text)) == (reasoning, conclusion)


def test_a_trace_has_four_stages():
    assert traces.stages(ROWS, questions.parse("How many balls are there?")) == Stages(
        summary="Count the balls.",
        caption="red cube, blue ball; red ball",
        reasoning="balls: blue ball 1, red ball 2, total 2",
        conclusion="2",
    )


@given(rows)
def test_a_caption_is_read_back(here):
    assert traces.parse_caption(traces.caption(here)) == here


@pytest.mark.parametrize("text", ["", "none", "A red cube.", "red cube,blue ball", "red cube, ", "pink cube", ";"])
def test_another_caption_is_none(text):
    assert traces.parse_caption(text) is None


@given(rows, asked)
def test_the_conclusion_can_be_told_from_the_reasoning_alone(here, question):
    reasoning, conclusion = traces.derive(here, question)
    assert traces.conclude(reasoning, question) == conclusion


@given(asked, st.text() | st.sampled_from(["total", "total x", "total 1; total 2; total 3", "cube: "]))
def test_what_is_no_reasoning_leads_nowhere(question, text):
    assert traces.conclude(text, question) in (None, traces.NOTHING)
