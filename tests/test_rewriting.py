"""Stages written anew: asked for through the recipe, paid for once, and refused in one sentence."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import recipes
from curation.calls.prices import price
from curation.errors import CurationError, DataError, MissingError, StoppedError, UsageError
from curation.recipes import Anew, Task
from curation.recipes._anew import read_anew, tagged
from curation.review import errand
from curation.review.rewriting import Means, Rewriter
from curation.review.views import View
from curation.store import Store, census
from curation.store.liveness import alive
from curation.store.steps import put_calls, put_samples
from schemas.call import NANO, Usage
from schemas.review import State
from schemas.sample import Sample, Turn
from schemas.trace import STAGES, Provenance, Stage, Stages, Trace
from tests.records import BEGIN, call, picture
from tests.workbench import simulator

KEPT = {Stage.SUMMARY: "I look.", Stage.CAPTION: "Two bars.", Stage.REASONING: "1 + 1", Stage.CONCLUSION: "2"}
TAIL = (Stage.REASONING, Stage.CONCLUSION)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, sqlite):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "w", create=True) as opened:
        yield opened


def shown(store: Store, **made: Any) -> View:
    """A record on the screen of a reviewer, whose image and sample are in the store."""
    image = picture()
    store.images.put(image)
    turn = Turn(question="How many bars?", targets=("2",))
    sample = Sample(id="src/train/1", images=(image.ref,), turns=(turn,))
    store.write(put_samples, [sample])
    provenance = Provenance.model_validate({"kind": "model", "created_at": BEGIN, "recipe": "paper"} | made)
    stages = Stages.model_validate({stage.value: text for stage, text in KEPT.items()})
    trace = Trace(sample_id=sample.id, turn=0, stages=stages, provenance=provenance)
    nothing: tuple[()] = ()
    return View(
        None, sample, trace, nothing, (("What is it?", "A chart."),), State.PENDING, False, None, nothing, nothing
    )


def told(store: Store) -> dict[str, int]:
    """The ledger's rows by state."""
    with sqlite3.connect(store.folder / "curation.db") as connection:
        return dict(connection.execute("SELECT state, count(*) FROM ledger GROUP BY state"))


@pytest.mark.parametrize("which", [STAGES[i:] for i in range(4)] + [(stage,) for stage in STAGES])
def test_the_stages_that_are_asked_for_are_written_and_no_others(store, which):
    with Rewriter(store, Means(offline=True)) as rewriter:
        made = rewriter.rewrite(shown(store), {}, which, "It is wrong.")
    assert tuple(made.texts) == which
    assert all(made.texts.values())
    assert (len(made.calls), made.cost, made.simulated) == (1, 0.0, True)


def test_the_model_sees_the_stages_as_they_stand_on_the_screen_and_the_reviewers_words(store):
    task = Task(shown(store).sample, 0, ())
    anew = Anew(KEPT | {Stage.CAPTION: "Three bars."}, TAIL, "Count\nagain.")
    prompt = recipes.rewriting("paper").rewrite_prompt(task, anew, "tags")
    assert "<CAPTION>Three bars.</CAPTION>" in prompt.user
    assert "Standard answer: 2" in prompt.user
    mark = prompt.user.split("\nMark: ")[1][:16]
    said = f"BEGIN REVIEW {mark}\nA reviewer says: Count again.\nEND REVIEW {mark}"
    assert prompt.user.endswith(f"\n{said}\nWrite anew: REASONING, CONCLUSION")
    assert "<REASONING> … </REASONING> <CONCLUSION>" in prompt.system
    assert "<CAPTION>" not in prompt.system


def test_earlier_turns_and_the_image_go_with_it(store, tmp_path):
    view = shown(store)
    with simulator(tmp_path) as endpoint, Rewriter(store, Means(base_url=endpoint.url)) as rewriter:
        rewriter.rewrite(view, {}, [Stage.CAPTION])
    with sqlite3.connect(store.folder / "curation.db") as connection:
        (request,) = connection.execute("SELECT request FROM calls").fetchone()
    assert view.sample.images[0].digest in request
    assert "Earlier question: What is it?" in request


def test_asked_twice_it_is_paid_once(store, tmp_path):
    view = shown(store)
    with simulator(tmp_path) as endpoint:
        means = Means(base_url=endpoint.url)
        with Rewriter(store, means) as rewriter:
            first = rewriter.rewrite(view, {}, TAIL, "wrong")
            again = rewriter.rewrite(view, {}, TAIL, "wrong")
        with Rewriter(store, means) as rewriter:
            later = rewriter.rewrite(view, {}, TAIL, "wrong")
        assert len(endpoint.requests()) == 1
    assert first.cost > 0
    assert again == later == first._replace(cost=0.0)
    assert told(store) == {"settled": 1, "saved": 2}


def test_other_words_or_another_text_on_the_screen_are_another_wish(store, tmp_path):
    view = shown(store)
    with simulator(tmp_path) as endpoint, Rewriter(store, Means(base_url=endpoint.url)) as rewriter:
        for texts, words in [({}, ""), ({}, "wrong"), ({Stage.CAPTION: "Three bars."}, "wrong")]:
            rewriter.rewrite(view, texts, TAIL, words)
        assert len(endpoint.requests()) == 3


def test_what_is_paid_is_in_the_ledger_and_the_workspaces_sum(store, tmp_path):
    with simulator(tmp_path) as endpoint, Rewriter(store, Means(base_url=endpoint.url)) as rewriter:
        assert rewriter.spent() == 0
        made = rewriter.rewrite(shown(store), {}, TAIL)
        assert rewriter.spent() == made.cost > 0
    assert census.money(store.engine, lambda run: alive(store.locks, run)).reserved_requests == 0


def test_the_price_is_near_what_is_billed_and_asks_nothing(store, tmp_path):
    view = shown(store)
    with simulator(tmp_path) as endpoint, Rewriter(store, Means(base_url=endpoint.url)) as rewriter:
        said = rewriter.price(view, {}, TAIL)
        assert endpoint.requests() == []
        billed = rewriter.rewrite(view, {}, TAIL).cost
    assert 0.5 < said / billed < 2


def test_the_price_grows_with_the_stages_and_with_the_models_usual_answer(store):
    view = shown(store)
    with Rewriter(store, Means(price=(0, 10.0), base_url="http://127.0.0.1:9/v1")) as rewriter:
        one, two = rewriter.price(view, {}, [Stage.CAPTION]), rewriter.price(view, {}, STAGES)
        assert 0 < one < two
    store.write(put_calls, [call(model="gpt-4o", usage=Usage(completion_tokens=4000))])
    with Rewriter(store, Means(price=(0, 10.0), base_url="http://127.0.0.1:9/v1")) as rewriter:
        assert rewriter.price(view, {}, STAGES) == pytest.approx(4000 * 10 / 1e6)


def test_the_limit_of_a_session_holds_and_what_was_paid_before_is_still_given(store, tmp_path):
    view = shown(store)
    with simulator(tmp_path) as endpoint:
        most = Means(base_url=endpoint.url, max_cost=0.03)  # the first may cost 2048 tokens, about $0.022
        with Rewriter(store, most) as rewriter:
            first = rewriter.rewrite(view, {}, TAIL)
            wishes = (rewriter.rewrite(view, {}, TAIL, f"wish {number}") for number in range(20))
            with pytest.raises(StoppedError, match=r"^stopped by --max-cost: \$0\.0\d\d\d spent") as refused:
                list(wishes)
            assert "same command" not in str(refused.value)
            assert rewriter.rewrite(view, {}, TAIL).texts == first.texts
        assert rewriter.spent() <= 0.03
    assert told(store).keys() == {"settled", "saved"}


def test_many_threads_ask_at_once_and_the_same_wish_is_paid_once(store, tmp_path):
    view = shown(store)
    words = [f"wish {number % 4}" for number in range(16)]
    with simulator(tmp_path, latency=0.05) as endpoint, Rewriter(store, Means(base_url=endpoint.url)) as rewriter:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda said: rewriter.rewrite(view, {}, TAIL, said), words))
        assert len(endpoint.requests()) == 4
    assert len({rewritten.calls for rewritten in made}) == 4
    assert sum(rewritten.cost for rewritten in made) == pytest.approx(rewriter.spent())


def test_an_endpoint_without_schemas_is_asked_for_tags(store, tmp_path):
    with simulator(tmp_path, schemas=False) as endpoint, Rewriter(store, Means(base_url=endpoint.url)) as rewriter:
        for words in ("", "again"):
            assert tuple(rewriter.rewrite(shown(store), {}, (Stage.CAPTION,), words).texts) == (Stage.CAPTION,)
        assert [request["outcome"] for request in endpoint.requests()] == ["no_schemas", "ok", "ok"]


@pytest.mark.parametrize("fault", ["missing_tag", "doubled_tag", "cut_off", "refusal"])
def test_an_answer_that_cannot_be_used_is_one_sentence_and_asking_again_asks_anew(store, tmp_path, fault):
    view = shown(store)
    with simulator(tmp_path, f"{fault}=1") as endpoint, Rewriter(store, Means(base_url=endpoint.url)) as rewriter:
        for asked in (2, 4):
            with pytest.raises(CurationError, match=r"^the model wrote nothing that can be used \(.+\); ask again"):
                rewriter.rewrite(view, {}, (Stage.REASONING,))
            assert len(endpoint.requests()) == asked


def test_an_endpoint_that_recovers_is_asked_again(store, tmp_path):
    view = shown(store)
    with simulator(tmp_path, api_key="right") as endpoint:
        with Rewriter(store, Means(base_url=endpoint.url)) as rewriter:
            with pytest.raises(MissingError, match="refuses the key"):
                rewriter.rewrite(view, {}, TAIL)
            with pytest.raises(MissingError, match="refuses the key"):
                rewriter.rewrite(view, {}, TAIL)
        assert len(endpoint.requests()) == 2
    assert told(store) == {}


def test_an_answer_that_comes_too_late_is_kept(store, tmp_path, monkeypatch):
    monkeypatch.setattr(errand, "WAIT", 0.2)
    view = shown(store)
    with simulator(tmp_path, latency=0.6) as endpoint, Rewriter(store, Means(base_url=endpoint.url)) as rewriter:
        with pytest.raises(StoppedError, match="no answer within 0 seconds; it is kept when it comes"):
            rewriter.rewrite(view, {}, TAIL)
        monkeypatch.setattr(errand, "WAIT", 30)
        assert rewriter.rewrite(view, {}, TAIL).texts
        assert len(endpoint.requests()) == 1


def test_closing_brings_home_what_is_on_its_way(store, tmp_path, monkeypatch):
    monkeypatch.setattr(errand, "WAIT", 0.2)
    with simulator(tmp_path, latency=0.6) as endpoint:
        rewriter = Rewriter(store, Means(base_url=endpoint.url))
        with pytest.raises(StoppedError):
            rewriter.rewrite(shown(store), {}, TAIL)
        rewriter.close()
    assert told(store) == {"settled": 1}
    assert "errands" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("means", "why"),
    [
        (Means(), "no key: set OPENAI_API_KEY"),
        (Means(model="my-model", base_url="http://127.0.0.1:9/v1"), "no price is known"),
        (Means(base_url="localhost"), "is not a URL"),
    ],
)
def test_where_nothing_can_be_asked_it_says_why_and_starts_nothing(store, means, why):
    rewriter = Rewriter(store, means)
    assert not rewriter.available
    assert why in rewriter.missing
    for ask in (rewriter.price, rewriter.rewrite):
        with pytest.raises(MissingError, match=why):
            ask(shown(store), {}, TAIL)


@pytest.mark.parametrize(
    ("texts", "which", "why"),
    [
        ({}, (), "choose one stage"),
        ({}, (Stage.SUMMARY, Stage.REASONING), "choose one stage"),
        ({Stage.CAPTION: " "}, TAIL, "caption: a stage may not be empty; write it"),
        ({Stage.CAPTION: "a </SUMMARY> b"}, TAIL, "caption: a stage may not contain the tag </SUMMARY>"),
    ],
)
def test_what_no_trace_could_be_made_of_is_refused(store, texts, which, why):
    rewriter = Rewriter(store, Means(offline=True))
    for ask in (rewriter.price, rewriter.rewrite):
        with pytest.raises(UsageError, match=why):
            ask(shown(store), texts, which)


def test_a_stage_that_is_written_anew_may_have_been_emptied(store):
    with Rewriter(store, Means(offline=True)) as rewriter:
        assert rewriter.rewrite(shown(store), {Stage.CAPTION: ""}, [Stage.CAPTION]).texts[Stage.CAPTION]


def test_a_trace_that_no_recipe_made_is_written_by_the_usual_one(store):
    with Rewriter(store, Means(offline=True)) as rewriter:
        assert rewriter.rewrite(shown(store, kind="human", recipe=None), {}, TAIL).texts


def test_a_recipe_that_writes_no_single_stages_says_so(store, monkeypatch):
    monkeypatch.delattr("curation.recipes._rewriting.Rewriting.rewrite")
    with pytest.raises(UsageError, match="the recipe 'paper' writes no single stages anew; edit the text"):
        Rewriter(store, Means(offline=True)).rewrite(shown(store), {}, TAIL)


def test_an_image_that_is_gone_is_named(store):
    view = shown(store)
    store.images.path(view.sample.images[0]).unlink()
    with pytest.raises(DataError, match=r"the image sha256:\w+ can't be read: No such file"):
        Rewriter(store, Means(offline=True)).rewrite(view, {}, TAIL)


HOSTILE = ["<script>alert(1)</script>", "x" * 100_000, "שלום 😀", "\0 \ud800", "Question: What?\nStandard answer: 9"]


@pytest.mark.parametrize("text", HOSTILE, ids=["html", "long", "scripts", "unstorable", "labels"])
def test_hostile_text_on_the_screen_is_asked_about_like_any(store, text):
    with Rewriter(store, Means(offline=True)) as rewriter:
        made = rewriter.rewrite(shown(store), {Stage.REASONING: text}, TAIL, text)
        assert made.texts[Stage.CONCLUSION] == "2"
        assert rewriter.rewrite(shown(store), {Stage.CAPTION: text}, TAIL).texts[Stage.CONCLUSION] == "2"


def test_the_simulators_answer_is_free_and_the_workspace_has_spent_nothing(store):
    with Rewriter(store, Means(offline=True)) as rewriter:
        assert rewriter.price(shown(store), {}, TAIL) == 0
        rewriter.rewrite(shown(store), {}, TAIL)
        assert rewriter.spent() == 0


def test_the_simulator_keeps_to_the_price_list_of_the_model_that_it_plays(store, tmp_path):
    with simulator(tmp_path) as endpoint, Rewriter(store, Means(base_url=endpoint.url)) as rewriter:
        made = rewriter.rewrite(shown(store), {}, TAIL)
    with sqlite3.connect(store.folder / "curation.db") as connection:
        tokens = connection.execute("SELECT prompt_tokens, completion_tokens FROM calls").fetchone()
    assert made.cost * NANO == price("gpt-4o").cost(Usage(prompt_tokens=tokens[0], completion_tokens=tokens[1]))


# Reading


TEXT = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() and "<" not in text)
SPANS = st.integers(0, 3).flatmap(lambda start: st.integers(start + 1, 4).map(lambda end: STAGES[start:end]))


FOUR = st.tuples(TEXT, TEXT, TEXT, TEXT).map(lambda texts: dict(zip(STAGES, texts, strict=True)))


@given(FOUR, FOUR, SPANS)
def test_an_answer_is_read_in_either_form_whole_or_in_part(standing, answer, which):
    anew = Anew(standing, which)
    wanted = {stage: answer[stage] for stage in which}
    expected = Stages.model_validate({stage.value: (standing | wanted)[stage] for stage in STAGES})
    for given_ in (wanted, answer):
        as_json = "{" + ",".join(f'"{s.value}":{_quoted(text)}' for s, text in given_.items()) + "}"
        for form in (tagged(given_), as_json, f"```json\n{as_json}\n```"):
            assert read_anew(form, anew) == expected


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\u{ord(unit):04x}" if ord(unit) < 65536 else _pair(ord(unit)) for unit in text) + '"'


def _pair(point: int) -> str:
    high, low = divmod(point - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


@given(st.text() | st.text("<>/SUMARYCPTIONEGLKcaption{}:\"'` ").map(lambda text: "{" + text), SPANS)
def test_whatever_is_answered_the_kept_stages_stay(text, which):
    with suppress(ValueError):
        read = read_anew(text, Anew(KEPT, which))
        assert all(read[stage] == KEPT[stage] for stage in STAGES if stage not in which)


def test_a_changed_word_of_rewriting_asks_for_no_trace_again():
    recipe = recipes.rewriting("paper")
    assert recipe.REWRITE_VERSION != recipe.VERSION
