"""Recipes against the simulator over real HTTP: what is asked, what is paid, and what is kept."""

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from curation import recipes
from curation.store import Store
from schemas.trace import Trace
from tests.selected import releasable
from tests.test_recipes import OWN_RECIPE
from tests.workbench import Endpoint, chartqa, here, report, simulator, start

PAPER = Path(recipes.__file__).parent / "prompts/paper"


@pytest.fixture(autouse=True)
def _records(sqlite: None) -> None:
    """Records are where these tests look for them."""


def flags(folder: Path, endpoint: Endpoint, source: str = "chartqa") -> tuple[object, ...]:
    split = "test" if source == "chartqa" else "train"
    where = ("--data", folder / "data", "--split", split, "--workspace", folder / "w", "--base-url", endpoint.url)
    return ("annotate", "--source", source, *where)


def scenes(folder: Path, count: int) -> None:
    """Describe scenes that the simulator can see: without the answer it is right but for its faults."""
    (folder / "data").mkdir()
    (folder / "data/scenes.json").write_text(json.dumps({"count": {"train": count}}))


def kept(folder: Path) -> list[Trace]:
    with Store.open(folder / "w") as store, store.snapshot() as records:
        return [trace for chosen in releasable(records, "all") for trace in chosen.traces]


def asked(folder: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / "w/curation.db")) as records:
        return [json.loads(row[0]) for row in records.execute("SELECT request FROM calls ORDER BY rowid")]


def user_texts(folder: Path) -> list[str]:
    return [request["messages"][-1]["content"][-1]["text"] for request in asked(folder)]


# blind


def test_right_samples_are_kept_and_what_none_solves_is_rationalised(tmp_path):
    scenes(tmp_path, 25)
    with simulator(tmp_path, "wrong_conclusion=0.6") as endpoint:
        done = report(*flags(tmp_path, endpoint, "scenes"), "--recipe", "blind", "--samples", 3)
        again = report(*flags(tmp_path, endpoint, "scenes"), "--recipe", "blind", "--samples", 3)
    traces = {trace.id: trace.provenance for trace in kept(tmp_path)}
    found = [provenance.sampling for provenance in traces.values() if provenance.sampling]
    shown = [sampling for sampling in found if sampling.rationalised]
    assert len(found) == done["traces"] == 25
    assert 0 < len(shown) < 25
    assert all((sampling.right == 0) == sampling.rationalised for sampling in found)
    assert {sampling.right for sampling in found} >= {0, 1, 2}
    assert done["requests"] == 25 * 3 + len(shown)
    assert {len(provenance.calls) for provenance in traces.values()} == {3, 4}
    assert 0 < done["issues"]["answer:wrong"] <= len(shown)
    assert (again["already"], again["requests"]) == (25, 0)


def test_a_turn_that_no_sample_solves_fails_with_its_reason_and_more_samples_cost_only_themselves(tmp_path):
    scenes(tmp_path, 12)
    with simulator(tmp_path, "wrong_conclusion=0.8") as endpoint:
        where = (*flags(tmp_path, endpoint, "scenes"), "--recipe", "blind", "--no-rationalise", "--samples")
        first = report(*where, 1)
        second = report(*where, 1)
        third = report(*where, 3)
    unsolved = first["failures"]["unsolved"]
    assert 0 < unsolved < 12
    assert first["traces"] + unsolved == first["requests"] == 12
    assert (second["requests"], second["failures"]) == (0, {"unsolved": unsolved})
    assert third["requests"] == 2 * unsolved
    with closing(sqlite3.connect(tmp_path / "w/curation.db")) as records:
        reasons = [row[0] for row in records.execute("SELECT reason FROM failures")]
    assert reasons.count("none of 3 samples is right") == third["failures"]["unsolved"] > 0


def test_a_rationalisation_that_the_paper_paid_for_is_not_paid_again(tmp_path):
    chartqa(tmp_path / "data", 4)
    with simulator(tmp_path) as endpoint:  # which guesses where it sees no answer
        report(*flags(tmp_path, endpoint), "--recipe", "paper")
        done = report(*flags(tmp_path, endpoint), "--recipe", "blind", "--samples", 2)
    assert (done["traces"], done["requests"], done["from_store"]) == (4, 8, 4)


def test_the_agreement_comes_with_an_exported_trace_and_back(tmp_path):
    scenes(tmp_path, 3)
    with simulator(tmp_path) as endpoint:
        report(*flags(tmp_path, endpoint, "scenes"), "--recipe", "blind", "--samples", 2)
    report("export", "--workspace", tmp_path / "w", "--format", "jsonl", "--out", tmp_path / "out")
    lines = [json.loads(line) for line in (tmp_path / "out/data/train.jsonl").read_text().splitlines()]
    back = [Trace.model_validate(trace) for line in lines for trace in line["traces"]]
    assert {trace.id for trace in back} == {trace.id for trace in kept(tmp_path)}
    assert [trace.provenance.sampling.agreement for trace in back if trace.provenance.sampling] == [1.0] * 3


def test_kill_9_among_the_samples_pays_nothing_twice(tmp_path):
    chartqa(tmp_path / "data", 30)
    with simulator(tmp_path, latency=0.05) as endpoint:
        where = (*flags(tmp_path, endpoint), "--recipe", "blind", "--concurrency", 4)
        with start(*where) as process:
            endpoint.reached(45, process)
            process.kill()
        sent = len(endpoint.requests())
        with closing(sqlite3.connect(tmp_path / "w/curation.db")) as records:
            stored = {row[0] for row in records.execute("SELECT key FROM calls")}
        done = report(*where)
        later = endpoint.requests()[sent:]
    assert len(stored) > 30
    assert not {request["client_request_id"] for request in later} & stored
    assert len(kept(tmp_path)) == 30
    # Four samples each; simulated guesses are seldom right, so most are asked once more.
    assert 120 < len(stored) + done["requests"] <= 150


# caption-first


def test_a_caption_is_paid_once_for_all_that_is_asked_about_its_image_at_the_same_time(tmp_path):
    chartqa(tmp_path / "data", 12)  # two questions about each image, one after the other
    with simulator(tmp_path, latency=0.1) as endpoint:
        done = report(*flags(tmp_path, endpoint), "--recipe", "caption-first")
        requests = Counter(request["client_request_id"] for request in endpoint.requests())
    assert (done["traces"], done["requests"], done["from_store"]) == (12, 18, 6)
    assert len(requests) == 18
    assert len([text for text in user_texts(tmp_path) if text.startswith("Write: CAPTION")]) == 6
    captions = Counter(trace.stages.caption for trace in kept(tmp_path))
    assert set(captions.values()) == {2}
    assert all(len(trace.provenance.calls) == 2 for trace in kept(tmp_path))


def test_a_caption_is_paid_once_for_all_turns_of_a_sample(tmp_path):
    where = ("--source", "sharegpt4v", "--sample", "--workspace", tmp_path / "w", "--offline")
    done = report("annotate", *where, "--recipe", "caption-first")
    with Store.open(tmp_path / "w") as store, store.snapshot() as records:
        chosen = list(releasable(records, "all"))
    assert max(len(each.sample.turns) for each in chosen) == 3
    images = {ref.digest for each in chosen for ref in each.sample.images}
    turns = sum(len(each.traces) for each in chosen if each.sample.images)
    assert len([text for text in user_texts(tmp_path) if text.startswith("Write: CAPTION")]) == len(images)
    assert done["requests"] <= done["traces"] + len(images) < done["traces"] + turns


def test_a_conclusion_that_is_asked_again_costs_no_second_caption(tmp_path):
    chartqa(tmp_path / "data", 4)
    with simulator(tmp_path, "wrong_conclusion=1") as endpoint:
        done = report(*flags(tmp_path, endpoint), "--recipe", "caption-first", "--retry-wrong", 2)
    assert done["requests"] == 2 + 4 * 3


def test_what_the_caption_says_is_what_the_solution_goes_by(tmp_path):
    scenes(tmp_path, 12)
    with simulator(tmp_path, habits={"confuse_colours": 1}) as endpoint:
        report(*flags(tmp_path, endpoint, "scenes"), "--recipe", "caption-first")
    traces = kept(tmp_path)
    assert len(traces) == 12
    assert not any("green" in trace.stages.caption for trace in traces)
    captions = [text.split("\n")[0].removeprefix("Caption: ") for text in user_texts(tmp_path) if "Caption:" in text]
    assert {trace.stages.caption for trace in traces} == set(captions)


# All of them


@pytest.mark.parametrize("recipe", ["paper", "blind", "caption-first"])
def test_an_endpoint_without_schemas_is_asked_for_tags_and_an_estimate_is_right(tmp_path, recipe):
    scenes(tmp_path, 6)
    with simulator(tmp_path, schemas=False) as endpoint:
        where = (*flags(tmp_path, endpoint, "scenes"), "--recipe", recipe)
        told = report(*where, "--estimate")
        done = report(*where, "--concurrency", 1)
        outcomes = Counter(request["outcome"] for request in endpoint.requests())
        over = report(*where, "--estimate")
    assert done["traces"] == 6
    assert told["turns"] == outcomes["ok"]
    assert (over["turns"], over["prompt_tokens"]) == (0, 0)


@pytest.mark.parametrize("recipe", ["paper", "blind", "caption-first"])
@pytest.mark.parametrize("form", ["tags", "schema"])
def test_an_answer_that_can_not_be_read_is_asked_for_once_more_with_the_fault_named(tmp_path, recipe, form):
    scenes(tmp_path, 2)
    with simulator(tmp_path, "doubled_tag=1") as endpoint:
        done = report(*flags(tmp_path, endpoint, "scenes"), "--recipe", recipe, "--form", form)
    texts = user_texts(tmp_path)
    named = [text for text in texts if "\nThe check found: " in text]
    assert done["failures"] == {"unparsable": 2}
    assert len(texts) == done["requests"] == 2 * len(named)
    assert all("\nBEGIN ANSWER " in text for text in named)


def test_another_prompt_asks_again_and_the_same_one_does_not(tmp_path):
    chartqa(tmp_path / "data", 4)
    (tmp_path / "own").mkdir()
    shutil.copy(PAPER / "system.txt", tmp_path / "own")
    with simulator(tmp_path) as endpoint:
        where = (*flags(tmp_path, endpoint), "--prompts", tmp_path / "own")
        report(*flags(tmp_path, endpoint))
        assert report(*where)["requests"] == 0
        with (tmp_path / "own/system.txt").open("a") as text:
            text.write("\nWrite short sentences.")
        assert report(*where, "--estimate")["turns"] == 4
        assert report(*where)["requests"] == 4
    assert asked(tmp_path)[-1]["messages"][0]["content"].count("Write short sentences.") == 1
    assert len({trace.provenance.prompt_version for trace in kept(tmp_path)}) == 1


def test_a_recipe_of_ones_own_is_named_by_its_file(tmp_path):
    chartqa(tmp_path / "data", 2)
    (tmp_path / "my_recipe.py").write_text(OWN_RECIPE)
    with simulator(tmp_path) as endpoint:
        where = (*flags(tmp_path, endpoint), "--recipe", tmp_path / "my_recipe.py")
        assert report(*where, "--estimate")["turns"] == 2
        assert report(*where)["traces"] == 2
        assert report(*where)["requests"] == 0
    assert {trace.provenance.recipe for trace in kept(tmp_path)} == {"my_recipe"}


def test_a_recipe_that_is_none_is_one_line_to_the_user(tmp_path):
    (tmp_path / "mine.py").write_text("VERSION = '1'")
    done = here("annotate", "--source", "chartqa", "--sample", "--offline", "--recipe", tmp_path / "mine.py")
    assert done.returncode == 2
    assert "mine.py is no recipe: it defines no CALLS, prompt, annotate" in done.stderr
    assert len(done.stderr.splitlines()) == 1
