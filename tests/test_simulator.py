import asyncio
import base64
import io
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager

import aiohttp
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from curation.errors import MissingError, UsageError
from curation.scene_graph import picture, questions, traces
from curation.scene_graph.objects import Kind, Placed, Scene
from curation.simulator import FINGERPRINT, Config, Faults, Habits, Report, Settings, Simulator, Storm, serve
from curation.simulator.answers import image_tokens, wrong
from curation.simulator.endpoint import Call, as_duration
from curation.simulator.sizes import Size, image_size
from schemas.digest import digest_bytes
from schemas.trace import STAGES, Stages, parse_tagged

PROMPT = "Describe the image in four stages.\nQuestion: How many red bars are there?\nStandard answer: 12"
KINDS = list(Faults.model_fields)


def image_url(width=1024, height=1024, form="png"):
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, form)
    return f"data:image/{form};base64,{base64.b64encode(file.getvalue()).decode()}"


def messages(text=PROMPT, url=None, detail="auto"):
    parts = [{"type": "text", "text": text}]
    if url:
        parts.append({"type": "image_url", "image_url": {"url": url, "detail": detail}})
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": parts}]


def body(text=PROMPT, **rest):
    return json.dumps({"model": "gpt-4o", "messages": messages(text), **rest}).encode()


def certain(kind, **rest):
    return Settings(faults=Faults(**{kind: 1.0}), **rest)


def content(reply):
    return json.loads(reply.body)["choices"][0]["message"]["content"]


def answer(text=PROMPT, settings=None, **rest):
    return content(Simulator(settings or Settings()).reply(Call(body(text, **rest))))


def with_client(settings, ask, key="sk-test"):
    """Run `ask(client, running)` against a server, with the client that users have."""

    async def run():
        async with (
            serve(settings) as running,
            openai.AsyncOpenAI(api_key=key, base_url=running.url, max_retries=0, timeout=5) as client,
        ):
            return await ask(client, running)

    return asyncio.run(run())


def complete(settings, key="sk-test", **rest):
    async def ask(client, running):
        return await client.chat.completions.create(model="gpt-4o", **({"messages": messages()} | rest))

    return with_client(settings, ask, key)


@asynccontextmanager
async def raw(settings):
    async with serve(settings) as running, aiohttp.ClientSession() as session:
        yield running, session


def post(settings, data, path="/chat/completions", method="POST", headers=None):
    async def run():
        async with (
            raw(settings) as (running, session),
            session.request(method, running.url + path, data=data, headers=headers) as response,
        ):
            return response.status, response.headers.copy(), await response.read()

    return asyncio.run(run())


# What a good answer is


def test_answers_like_a_model_and_says_that_it_is_none():
    done = complete(Settings(), messages=messages(url=image_url()))
    assert done.system_fingerprint == FINGERPRINT == "simulator-1"
    assert done.model == "gpt-4o-simulated"
    assert done.id.startswith("chatcmpl-")
    assert done.choices[0].finish_reason == "stop"
    assert isinstance(stages := parse_tagged(done.choices[0].message.content), Stages)
    assert stages.conclusion == "12"
    assert "12" in stages.reasoning
    assert "How many red bars are there?" in stages.summary
    usage = done.usage
    assert 765 < usage.prompt_tokens < 765 + 60
    assert usage.completion_tokens == -(-len(done.choices[0].message.content) // 4)
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens_details.cached_tokens == 0


@pytest.mark.parametrize("form", ["json_schema", "json_object"])
def test_answers_a_json_object_where_one_is_asked_for(form):
    stages = json.loads(answer(response_format={"type": form}))
    assert list(stages) == [stage.value for stage in STAGES]
    assert stages["conclusion"] == "12"


def test_mentions_the_size_of_the_image():
    call = Call(json.dumps({"model": "m", "messages": messages(url=image_url(321, 123))}).encode())
    texts = [content(Simulator(Settings(seed=seed)).reply(call)) for seed in range(5)]
    assert any("321 by 123" in text for text in texts)


def test_guesses_one_of_the_choices_where_no_answer_is_shown():
    guesses = {
        parse_tagged(answer(f"Question: Which?\nChoices: {choices}", Settings(seed=seed))).conclusion
        for seed in range(8)
        for choices in (
            "red; green, dark; blue",
            "red|green, dark|blue",
            "(A) red; (B) green, dark; (C) blue",
            "\nA. red\nB. green, dark\nC. blue",
        )
    }
    assert guesses == {"red", "green, dark", "blue"}


def test_guesses_from_the_question_where_nothing_is_shown():
    assert parse_tagged(answer("Question: Is 2016 above the mean?")).conclusion in {"2016", "above", "mean"}


def test_the_last_user_message_counts():
    talk = [
        *messages("Question: a?\nStandard answer: old"),
        {"role": "assistant", "content": "old"},
        *messages(),
    ]
    reply = Simulator(Settings()).reply(Call(json.dumps({"model": "m", "messages": talk}).encode()))
    assert parse_tagged(content(reply)).conclusion == "12"


line = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1).filter(str.strip)


@given(question=line, target=line)
def test_any_question_and_answer_survive(question, target):
    text = f"Question: {question}\nStandard answer: {target}"
    stages = json.loads(answer(text, response_format={"type": "json_object"}))
    assert stages["conclusion"] == target.strip()
    assert question.strip() in stages["summary"]


def test_arabic_emoji_quotes_and_tags_survive_over_http():
    text = 'Question: ما هو "اللون" 🎨 of {this} <CAPTION>?\nStandard answer: "أحمر" 🟥'
    stages = parse_tagged(complete(Settings(), messages=messages(text)).choices[0].message.content)
    assert stages.conclusion == '"أحمر" 🟥'
    assert 'ما هو "اللون" 🎨 of {this}' in stages.summary


def test_holds_to_the_tokens_that_a_request_allows():
    done = complete(Settings(), max_completion_tokens=10)
    assert (done.choices[0].finish_reason, done.usage.completion_tokens) == ("length", 10)


# Images


@pytest.mark.parametrize("form", ["png", "jpeg", "gif", "webp"])
def test_reads_the_size_of_an_image(form):
    assert image_size(image_url(640, 123, form)) == Size(640, 123)


def test_reads_the_size_of_webp_without_loss_and_of_a_jpeg_with_a_long_preview():
    file = io.BytesIO()
    Image.new("RGB", (17, 19)).save(file, "webp", lossless=True)
    assert image_size(f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}") == Size(17, 19)
    file = io.BytesIO()
    Image.new("RGB", (17, 19)).save(file, "jpeg", icc_profile=b"x" * 100_000)
    assert image_size(f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}") == Size(17, 19)


@given(st.binary(max_size=40), st.sampled_from([b"", b"\x89PNG", b"GIF8", b"\xff\xd8", b"RIFF0000WEBPVP8 "]))
def test_a_damaged_image_has_no_size_and_does_no_harm(data, head):
    size = image_size(f"data:image/png;base64,{base64.b64encode(head + data).decode()}")
    assert size is None or len(size) == 2
    assert image_tokens(size, None) >= 255
    assert image_size(data.decode("latin-1")) is None


@pytest.mark.parametrize(
    ("size", "detail", "tokens"),
    [
        (Size(1024, 1024), "high", 765),
        (Size(2048, 4096), None, 1105),
        (Size(4096, 8192), "low", 85),
        (Size(100, 100), "auto", 255),
        (None, "auto", 255),
        (Size(10_000, 1), "auto", 85 + 170 * 4),
    ],
)
def test_images_cost_what_the_price_list_says(size, detail, tokens):
    assert image_tokens(size, detail) == tokens


# Faults


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [
        ("rate_limit", openai.RateLimitError, {429}),
        ("server_error", openai.InternalServerError, {500, 502, 503}),
        ("bad_request", openai.BadRequestError, {400}),
    ],
)
def test_errors_are_what_the_client_knows(kind, error, status):
    with pytest.raises(error) as caught:
        complete(certain(kind))
    assert caught.value.status_code in status
    assert caught.value.body["message"]
    if kind == "bad_request":
        assert caught.value.code == "content_policy_violation"


def test_rate_limit_says_how_long_to_wait():
    with pytest.raises(openai.RateLimitError) as caught:
        complete(certain("rate_limit", retry_after=0.25))
    headers = caught.value.response.headers
    assert headers["retry-after"] == "0.25"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert headers["x-ratelimit-reset-requests"] == "250ms"
    assert {"x-ratelimit-limit-requests", "x-ratelimit-limit-tokens", "x-ratelimit-reset-tokens"} <= set(headers)


def test_drop_closes_the_connection_after_the_work():
    async def ask(client, running):
        with pytest.raises(openai.APIConnectionError):
            await client.chat.completions.create(model="gpt-4o", messages=messages())
        return running.simulator.counts

    counts = with_client(certain("drop"), ask)
    assert (counts.outcomes["drop"], counts.billed) == (1, 1)
    assert counts.completion_tokens > 0


def test_slow_outlasts_a_client_and_is_not_waited_for_at_the_end():
    async def ask(client, running):
        with pytest.raises(openai.APITimeoutError):
            await client.with_options(timeout=0.05).chat.completions.create(model="m", messages=messages())
        return running.simulator.counts

    assert with_client(certain("slow", slow_seconds=60), ask).billed == 1
    assert complete(certain("slow", slow_seconds=0.01)).choices[0].message.content


def test_torn_is_whole_to_http_and_no_json():
    status, headers, data = post(certain("torn"), body())
    assert (status, headers["content-type"]) == (200, "application/json")
    assert int(headers["content-length"]) == len(data)
    with pytest.raises(json.JSONDecodeError):
        json.loads(data)


@pytest.mark.parametrize("kind", ["null_content", "refusal", "cut_off", "filtered"])
def test_faults_of_a_completion(kind):
    choice = complete(certain(kind)).choices[0]
    text, refusal = choice.message.content, choice.message.refusal
    finish = {"cut_off": "length", "filtered": "content_filter"}.get(kind, "stop")
    assert choice.finish_reason == finish
    assert bool(refusal) == (kind == "refusal")
    assert (text is None) == (kind in {"null_content", "refusal"}) or kind == "filtered"
    assert text is None or not isinstance(parse_tagged(text), Stages)


@pytest.mark.parametrize(("kind", "found"), [("missing_tag", {"missing", "unclosed"}), ("doubled_tag", {"doubled"})])
def test_faults_of_tags(kind, found):
    for seed in range(20):
        faults = parse_tagged(answer(settings=certain(kind, seed=seed)))
        assert not isinstance(faults, Stages)
        assert {fault.kind for fault in faults} & found


def test_faults_of_tags_in_json():
    form = {"response_format": {"type": "json_schema"}}
    assert len(json.loads(answer(settings=certain("missing_tag"), **form))) == 3
    stages = json.loads(answer(settings=certain("doubled_tag"), **form))
    assert len(stages) == 4
    pairs = [(name, m[1].lower()) for name, text in stages.items() if (m := re.search(r"<(\w+)>.+</\1>", text))]
    assert len(pairs) == 1
    assert pairs[0][0] != pairs[0][1]


def test_leak_speaks_of_the_answer_it_was_given():
    for seed in range(10):
        assert (
            "aligns with the given standard answer"
            in parse_tagged(answer(settings=certain("leak", seed=seed))).reasoning
        )
        assert "standard answer" not in answer(settings=Settings(seed=seed))


number = st.one_of(st.integers(), st.decimals(allow_nan=False, allow_infinity=False, places=3)).map(str)
targets = st.one_of(line, number, st.sampled_from(["yes", "True", "B", "(c)", "0", "1,200", "-5", "12%", ".", "e"]))


@given(
    right=targets,
    choices=st.lists(st.one_of(line, number), max_size=4),
    rng=st.randoms(use_true_random=False),
)
def test_a_wrong_conclusion_is_wrong(right, choices, rng):
    other = wrong(right, choices, rng)
    assert other.casefold().strip() != right.casefold().strip()
    try:
        one, two = float(other), float(right)
    except ValueError:
        return
    near = one == two if math.isinf(two) else abs(one - two) <= 0.05 * abs(two)  # "nan" is not near anything
    assert not near


def test_a_wrong_conclusion_is_another_choice():
    text = "Question: Which?\nChoices: red; blue\nStandard answer: red"
    stages = parse_tagged(answer(text, certain("wrong_conclusion")))
    assert stages.conclusion == "blue"
    assert (
        parse_tagged(
            answer(
                text.replace(": red\n", ": B\n").replace("answer: red", "answer: B"),
                certain("wrong_conclusion"),
            )
        ).conclusion
        == "A"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_done_and_billed_as_said(kind):
    reply = Simulator(certain(kind)).reply(Call(body()))
    assert reply.outcome == kind
    assert (reply.usage is None) == (kind in {"rate_limit", "server_error", "bad_request"})


# Scenes


def scene(*kinds, grey=100):
    """A scene with these objects, four to a row."""
    placed = [
        Placed(kind=Kind(*kind.split()), cell=cell, x=cell % 4 * 16 + 8, y=cell // 4 * 16 + 8, radius=5, rgb=(1, 2, 3))
        for cell, kind in enumerate(kinds)
    ]
    return Scene(grey=grey, objects=tuple(placed))


FOUR = scene("green ball", "red cube", "blue cube", "red ball")
MANY_SCENES = [scene("green ball", "red cube", "blue cube", "red ball", grey=grey) for grey in range(100)]


def seen(shown, question, settings=None, finding=""):
    """What the teacher says of a scene."""
    url = f"data:image/png;base64,{base64.b64encode(picture.to_png(shown)).decode()}"
    text = f"{finding}\nQuestion: {question}\nStandard answer: none is known"
    request = json.dumps({"model": "m", "messages": messages(text, url)}).encode()
    return parse_tagged(content(Simulator(settings or Settings()).reply(Call(request))))


def test_of_a_question_without_an_answer_the_teacher_guesses_one():
    text = "Question: What colour is the hydrant?\nStandard answer: none is known"
    request = json.dumps({"model": "m", "messages": messages(text)}).encode()
    assert "none is known" not in content(Simulator(Settings()).reply(Call(request)))


@pytest.mark.parametrize("question", questions.EVERY[::40])
def test_a_scene_is_described_as_it_is(question):
    assert seen(FOUR, question.text) == traces.stages(FOUR.rows, question)


def test_a_scene_over_http_is_described_as_it_is():
    url = f"data:image/png;base64,{base64.b64encode(picture.to_png(FOUR)).decode()}"
    done = complete(Settings(), messages=messages("Question: How many cubes are there?", url))
    assert parse_tagged(done.choices[0].message.content).caption == traces.caption(FOUR.rows)


def test_another_question_about_a_scene_is_answered_as_about_any_image():
    assert "standard answer" not in seen(FOUR, "Is it nice?").caption
    assert traces.parse_caption(seen(FOUR, "Is it nice?").caption) is None


CUBES = questions.parse("How many cubes are there?")
MORE = questions.parse("Are there more red objects than balls?")
LOWEST = questions.parse("Which of the cubes is the lowest?")
SHAPE = questions.parse("What shape is the green object?")


@pytest.mark.parametrize("question", [CUBES, MORE, LOWEST, SHAPE])
@pytest.mark.parametrize("seed", range(12))
def test_each_wrong_stage_is_wrong_and_what_comes_after_follows(question, seed):
    true = traces.stages(FOUR.rows, question)
    caption = seen(FOUR, question.text, certain("wrong_caption", seed=seed))
    assert caption.caption != true.caption
    assert (caption.reasoning, caption.conclusion) == traces.derive(traces.parse_caption(caption.caption), question)
    reasoning = seen(FOUR, question.text, certain("wrong_reasoning", seed=seed))
    assert reasoning.caption == true.caption
    assert reasoning.reasoning != true.reasoning
    assert reasoning.conclusion == traces.conclude(reasoning.reasoning, question)
    conclusion = seen(FOUR, question.text, certain("wrong_conclusion", seed=seed))
    assert conclusion == true.model_copy(update={"conclusion": conclusion.conclusion})
    assert conclusion.conclusion != true.conclusion
    assert conclusion.conclusion in traces.answers(question)


def test_a_scene_of_one_object_can_be_seen_wrongly():
    for seed in range(20):
        settings = certain("wrong_caption", seed=seed)
        assert seen(scene("red cube"), CUBES.text, settings).caption not in ("red cube", "")


def test_a_leak_about_a_scene_speaks_of_the_answer():
    assert "standard answer" in seen(FOUR, CUBES.text, certain("leak")).reasoning


@pytest.mark.parametrize("kind", ["wrong_caption", "wrong_reasoning"])
def test_a_wrong_stage_about_no_scene_is_a_wrong_answer(kind):
    assert parse_tagged(answer(settings=certain(kind))).conclusion != "12"


# Habits


def having(rate=1.0, heeds=0.9, seed=0, **habits):
    return Settings(habits=Habits(**(habits or {"miscount": rate})), heeds=heeds, seed=seed)


def test_a_teacher_that_confuses_colours_sees_blue_for_green():
    stages = seen(FOUR, SHAPE.text, having(confuse_colours=1))
    assert stages.caption == "blue ball, red cube, blue cube, red ball"
    assert stages.conclusion == "none"


def test_a_teacher_that_miscounts_leaves_out_the_last_of_two_or_more():
    stages = seen(FOUR, CUBES.text, having())
    assert stages.caption == traces.caption(FOUR.rows)
    assert (stages.reasoning, stages.conclusion) == ("cubes: red cube 1, total 1", "1")
    for text in ("How many red cubes are there?", SHAPE.text):
        assert seen(FOUR, text, having()) == traces.stages(FOUR.rows, questions.parse(text))


def test_a_teacher_that_drops_objects_overlooks_the_last_of_four_or_more():
    assert seen(FOUR, CUBES.text, having(drop_object=1)).caption == "green ball, red cube, blue cube"
    three = scene("green ball", "red cube", "blue cube")
    assert seen(three, CUBES.text, having(drop_object=1)) == traces.stages(three.rows, CUBES)


def test_habits_come_together_and_with_faults():
    settings = having(confuse_colours=1, drop_object=1, miscount=1)
    five = scene("green ball", "red ball", "blue ball", "red cube", "red ball")
    stages = seen(five, "How many blue objects are there?", settings)
    assert stages.caption == "blue ball, red ball, blue ball, red cube"
    assert stages.conclusion == "1"
    faulty = settings.model_copy(update={"faults": Faults(wrong_conclusion=1)})
    assert seen(five, "How many blue objects are there?", faulty).conclusion != "1"


def test_a_habit_shows_in_its_share_of_the_scenes_the_same_ones_each_time():
    def shows(shown, finding=""):
        return seen(shown, CUBES.text, having(0.3, heeds=0), finding).conclusion == "1"

    shown = [shows(each) for each in MANY_SCENES]
    assert 15 <= sum(shown) <= 45
    assert shown == [shows(each, "Please look again.") for each in MANY_SCENES]
    assert shown == [shows(each, "A check found: it is wrong") for each in MANY_SCENES]


def test_a_teacher_that_heeds_what_a_check_found_drops_its_habits():
    found = "A check found: 1 is not the answer"
    told = [seen(each, CUBES.text, having(heeds=0.8), found).conclusion for each in MANY_SCENES]
    assert 65 <= told.count("2") <= 95
    assert told.count("1") == 100 - told.count("2")
    assert seen(FOUR, CUBES.text, having(heeds=1), "It was said: A check found: x").conclusion == "1"


def test_habits_from_flags():
    assert Habits.from_flags(["miscount=0.3", "confuse-colours=1"]) == Habits(miscount=0.3, confuse_colours=1)
    assert Config(habit=("drop_object=0.5",)).settings().habits == Habits(drop_object=0.5)


@pytest.mark.parametrize("flag", ["misscount=1", "zzz=1", "all=0.5", "miscount", "miscount=2", "miscount=x"])
def test_a_habit_that_is_none_is_explained(flag):
    with pytest.raises(UsageError, match=r"--habit .*(did you mean miscount|there are|NAME=RATE)"):
        Habits.from_flags([flag])


# Rates


def test_every_spreads_evenly():
    rates = dict(Faults.every(0.32).rates)
    assert set(rates) == set(KINDS)
    assert all(rate == pytest.approx(0.02) for rate in rates.values())


def test_rates_of_more_than_one_are_refused():
    with pytest.raises(ValueError, match=r"add up to 1\.2"):
        Faults(drop=0.6, torn=0.6)
    with pytest.raises(UsageError, match=r"add up to 1\.2"):
        Faults.from_flags(["drop=0.6", "torn=0.6"])
    assert Faults.every(1.0)


def test_rates_from_flags():
    assert Faults.from_flags(["rate-limit=0.1", "torn=.2"]) == Faults(rate_limit=0.1, torn=0.2)
    assert Faults.from_flags(["all=0.14", "drop=0"]) == Faults.every(0.14).model_copy(update={"drop": 0.0})


@pytest.mark.parametrize(
    "flag", ["drop", "drop=x", "drop=2", "drop=-1", "drop=nan", "dorp=0.1", "zzz=1", "=1", "all=7"]
)
def test_a_flag_that_is_none_is_explained(flag):
    with pytest.raises(UsageError, match=r"--fault .*(did you mean drop|there are|NAME=RATE)"):
        Faults.from_flags([flag])


def test_draws_come_at_their_rates():
    faults = Faults(drop=0.25, torn=0.25)
    drawn = [faults.draw(i / 1000) for i in range(1000)]
    assert (drawn.count("drop"), drawn.count("torn"), drawn.count(None)) == (250, 250, 500)


@pytest.mark.parametrize("flag", ["5", "a:1", "1:0", "-1:2", "1:2:3"])
def test_a_storm_that_is_none_is_explained(flag):
    with pytest.raises(UsageError, match="START:SECONDS"):
        Config(storm=(flag,)).settings()
    assert Config(storm=("5:10",)).settings().storms == (Storm(start=5, duration=10),)


# Determinism


@given(
    seed=st.integers(),
    order=st.lists(st.sampled_from(["a", "b", "c"]), max_size=12).flatmap(
        lambda order: st.tuples(st.just(order), st.permutations(order))
    ),
)
def test_answers_depend_on_the_seed_the_body_and_its_occurrence_alone(seed, order):
    def outcomes(texts):
        simulator = Simulator(Settings(seed=seed, faults=Faults.every(0.8)))
        replies = [(text, simulator.reply(Call(body(f"Question: {text}")))) for text in texts]
        stable = [(text, r.status, r.outcome, re.sub(rb'"created":\d+', b"", r.body), r.delay) for text, r in replies]
        return {text: [rest for name, *rest in stable if name == text] for text in texts}

    assert outcomes(order[0]) == outcomes(order[1])


def test_the_same_body_draws_anew():
    simulator = Simulator(Settings(faults=Faults.every(0.5)))
    replies = [simulator.reply(Call(body())) for _ in range(40)]
    assert len({reply.outcome for reply in replies}) > 5
    assert len({content(reply) for reply in replies if reply.outcome == "ok"}) > 10


def test_rates_leave_the_texts_alone():
    clean, faulty = Simulator(Settings()), Simulator(Settings(faults=Faults.every(0.5)))
    pairs = [(clean.reply(Call(body())), faulty.reply(Call(body()))) for _ in range(20)]
    assert all(content(one) == content(two) for one, two in pairs if two.outcome == "ok")


def test_concurrent_requests_get_what_they_get_one_by_one():
    settings = Settings(faults=Faults(server_error=0.5), latency=0.005, jitter=0.005)
    calls = [Call(body(f"Question: {i}?")) for i in range(24)]

    async def run():
        async with raw(settings) as (running, session):

            async def one(call):
                async with session.post(f"{running.url}/chat/completions", data=call.body) as response:
                    return response.status, (await response.json()).get("choices")

            return await asyncio.gather(*map(one, calls)), running.simulator.counts.peak

    at_once, peak = asyncio.run(run())
    one_by_one = [Simulator(settings).reply(call) for call in calls]
    assert at_once == [(reply.status, json.loads(reply.body).get("choices")) for reply in one_by_one]
    assert peak > 1


# Limits and settings


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_requests_above_the_limit_wait_as_long_as_they_are_told():
    clock = Clock()
    simulator = Simulator(Settings(rpm=7), clock=clock)
    assert [simulator.reply(Call(body())).status for _ in range(8)] == [200] * 7 + [429]
    for _ in range(5):
        refused = simulator.reply(Call(body()))
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        clock.now += float(refused.headers["Retry-After"])
        assert simulator.reply(Call(body())).status == 200
    assert refused.headers["x-ratelimit-reset-requests"] == "1m0s"
    assert not refused.usage


def test_limits_leave_the_answers_alone():
    clock = Clock()
    limited, free = Simulator(Settings(rpm=1), clock=clock), Simulator(Settings())
    assert content(limited.reply(Call(body()))) == content(free.reply(Call(body())))
    assert limited.reply(Call(body())).outcome == "rpm"
    clock.now += 60
    assert content(limited.reply(Call(body()))) == content(free.reply(Call(body())))


def test_the_limit_over_http_shows_in_the_headers():
    async def ask(client, running):
        answer = await client.chat.completions.with_raw_response.create(model="m", messages=messages())
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="m", messages=messages())
        return answer.headers, caught.value

    headers, error = with_client(Settings(rpm=1), ask)
    assert headers["x-ratelimit-limit-requests"] == "1"
    assert headers["x-request-id"].startswith("req_")
    assert int(headers["openai-processing-ms"]) >= 0
    assert 59 < float(error.response.headers["retry-after"]) <= 60
    assert error.code == "rate_limit_exceeded"


def test_a_storm_turns_everything_away_until_it_is_over():
    clock = Clock()
    simulator = Simulator(Settings(storms=(Storm(start=2, duration=3),)), clock=clock)

    def at(second):
        clock.now = 100 + second
        return simulator.reply(Call(body()))

    assert [at(second).status for second in (0, 1.9, 2, 4.5, 5, 9)] == [200, 200, 429, 429, 200, 200]
    assert at(3.5).headers["Retry-After"] == "1.5"
    assert at(3.5).outcome == "storm"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.02, "20ms"), (1, "1s"), (8.64, "8.64s"), (60, "1m0s"), (360, "6m0s"), (3723, "1h2m3s")],
)
def test_durations_are_written_as_openai_does(seconds, text):
    assert as_duration(seconds) == text


def test_a_wrong_key_is_refused_everywhere():
    settings = Settings(api_key="sk-right")
    with pytest.raises(openai.AuthenticationError) as caught:
        complete(settings)
    assert caught.value.code == "invalid_api_key"
    assert "sk-" not in str(caught.value)
    assert "sk-" not in repr(settings)
    assert post(settings, None, "/models", "GET")[0] == 401
    assert complete(settings, key="sk-right").choices


def test_schemas_can_be_off():
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    with pytest.raises(openai.BadRequestError, match="response_format") as caught:
        complete(Settings(schemas=False), response_format=form)
    assert caught.value.param == "response_format"
    assert complete(Settings(schemas=False)).choices


def test_a_web_page_in_place_of_an_api():
    status, headers, data = post(Settings(html=True), body())
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/html")
    assert data.startswith(b"<!doctype html>")


def test_lists_models():
    async def ask(client, running):
        return [model.id async for model in client.models.list()]

    assert {"gpt-4o", "gpt-4o-mini", "gpt-4.1"} <= set(with_client(Settings(), ask))


@pytest.mark.parametrize(
    ("data", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", "body"),
        (b'{"model": "m"}', "messages"),
        (b'{"messages": [{"role": "user"}]}', "model"),
        (b'{"model": "m", "messages": []}', "messages"),
        (b'{"model": "m", "messages": [{"role": "user"}], "stream": true}', "stream"),
        (b'{"model": "m", "messages": [{"role": "user"}], "n": 2}', "n"),
        (b'\xff{"model"', None),
    ],
)
def test_malformed_requests_get_an_error_body(data, param):
    reply = Simulator(Settings()).reply(Call(data))
    error = json.loads(reply.body)["error"]
    assert (reply.status, error["param"], error["type"]) == (400, param, "invalid_request_error")
    assert reply.outcome == "malformed"
    assert error["message"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/nothing"), ("GET", "/chat/completions"), ("POST", "/models")])
def test_unknown_paths_get_404(method, path):
    status, _, data = post(Settings(), b"{}", path, method)
    assert status == 404
    assert path in json.loads(data)["error"]["message"]


def test_takes_large_bodies():
    assert post(Settings(), io.BytesIO(body("Question: " + "x" * 3_000_000)))[0] == 200


# The log


def test_the_log_has_a_line_for_each_request(tmp_path):
    log = tmp_path / "requests.jsonl"
    settings = Settings(log=log, faults=Faults(drop=0.3, server_error=0.3), seed=3)
    data = body()

    async def run():
        async with raw(settings) as (running, session):
            seen = []
            for number in range(12):
                headers = {"X-Client-Request-Id": f"r{number}"} if number else {}
                try:
                    async with session.post(f"{running.url}/chat/completions", data=data, headers=headers) as response:
                        seen.append(response.status)
                except aiohttp.ServerDisconnectedError:
                    seen.append(None)
                assert len(log.read_text().splitlines()) == number + 1
            return seen, running.simulator.counts

    seen, counts = asyncio.run(run())
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert list(lines[0]) == [
        "time",
        "request",
        "client_request_id",
        "occurrence",
        "status",
        "outcome",
        "billed",
    ]
    assert {line["request"] for line in lines} == {digest_bytes(data)}
    assert [line["occurrence"] for line in lines] == list(range(12))
    assert [line["client_request_id"] for line in lines] == [None, *(f"r{n}" for n in range(1, 12))]
    assert {line["outcome"] for line in lines} == {"ok", "drop", "server_error"}
    assert all(line["billed"] == (line["outcome"] != "server_error") for line in lines)
    assert [line["status"] if line["outcome"] != "drop" else None for line in lines] == seen
    assert counts.billed == sum(line["billed"] for line in lines)


def test_a_request_is_in_the_log_while_its_answer_is_awaited(tmp_path):
    log = tmp_path / "requests.jsonl"

    async def ask(client, running):
        with pytest.raises(openai.APITimeoutError):
            await client.with_options(timeout=0.05).chat.completions.create(model="m", messages=messages())
        return json.loads(log.read_text())

    assert with_client(Settings(latency=60, log=log), ask)["billed"]


def test_a_log_that_cannot_be_written_is_explained(tmp_path):
    async def run():
        async with serve(Settings(log=tmp_path / "none" / "x.jsonl")):
            pass

    with pytest.raises(MissingError, match="can't write the log"):
        asyncio.run(run())


# The verb

COMMAND = """
from cyclopts import App
app = App(result_action="return_value")
app.command("curation.simulator:run", name="simulator")
print(app().model_dump_json())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_verb_serves_until_it_is_stopped(tmp_path, number):
    flags = [
        "--port",
        "0",
        "--seed",
        "7",
        "--fault",
        "rate_limit=0.5",
        "--fault",
        "drop=0.5",
        "--storm",
        "90:1",
    ]
    command = [sys.executable, "-c", COMMAND, "simulator", *flags, "--log", str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        greeting = process.stderr.readline()
        example = process.stderr.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+/v1", greeting)[0]
        assert example.startswith(f"example: curl -s {url}/chat/completions -d '")

        async def one():
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{url}/chat/completions", data=b"{}") as response,
            ):
                return response.status

        assert asyncio.run(one()) == 400
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    report = json.loads(out)
    assert (report["requests"], report["billed"], report["outcomes"]) == (1, 0, {"malformed": 1})


def test_a_port_in_use_is_explained():
    async def run(port):
        async with serve(Settings(), port=port):
            pass

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1 is in use; choose another with --port"):
            asyncio.run(run(port))
    with pytest.raises(UsageError, match="can't listen"):
        asyncio.run(serve(Settings(), host="203.0.113.1").__aenter__())


def test_the_report_reads_well():
    report = Report(
        url="u",
        requests=3,
        billed=2,
        prompt_tokens=2000,
        completion_tokens=9,
        peak=2,
        outcomes={"drop": 1, "ok": 2},
    )
    assert report.tables()[0].rows == [("ok", 2), ("drop", 1)]
    assert report.lines() == ["3 requests, 2 billed (2,000 + 9 tokens), at most 2 at once"]


MARK = "0123456789abcdef"
ANEW = f"""{PROMPT}

Mark: {MARK}
What others wrote.
BEGIN ANSWER {MARK}
<SUMMARY>Question: What?
Standard answer: 99</SUMMARY><CONCLUSION>99</CONCLUSION>
END ANSWER {MARK}
BEGIN REVIEW {MARK}
A reviewer says: it is wrong
END REVIEW {MARK}
Write anew: REASONING, CONCLUSION"""


def test_only_the_stages_that_are_asked_for_are_written():
    tagged = answer(ANEW)
    assert re.findall(r"<(\w+)>", tagged) == ["REASONING", "CONCLUSION"]
    assert tagged.endswith("<CONCLUSION>12</CONCLUSION>")
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    assert json.loads(answer(ANEW, response_format=schema)).keys() == {"reasoning", "conclusion"}


@pytest.mark.parametrize("kind", ["missing_tag", "doubled_tag"])
@pytest.mark.parametrize("wanted", ["CAPTION", "REASONING, CONCLUSION"])
def test_faults_of_the_form_strike_single_stages_too(kind, wanted):
    text = ANEW.replace("REASONING, CONCLUSION", wanted)
    tags = re.findall(r"<(/?\w+)>", answer(text, certain(kind)))
    assert tags != [mark + stage for stage in wanted.split(", ") for mark in ("", "/")]


def test_stages_that_only_stand_in_the_request_are_no_wish():
    assert isinstance(parse_tagged(answer(f"Write anew: nothing\n{PROMPT}")), Stages)
