"""The faults of the generator that made LLaVA-CoT-100k, one test each: here they can't happen.

The numbers are those of the list in the tests' names; the script is `dataset_generation/generate.py` of LLaVA-CoT.
"""

import asyncio
import base64
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from curation.asking.crew import Crew, Results, Terms
from curation.calls.asker import Attempts
from curation.calls.budget import Budget
from curation.calls.caller import Caller, Service
from curation.calls.client import Client
from curation.calls.limits import Gate, Limits
from curation.calls.prices import Price
from curation.calls.request import Model
from curation.images import LoadedImage, inspect
from curation.ingest import Ready
from curation.store import Store
from curation.store.journal import StoreJournal
from curation.store.steps import put_samples
from curation.store.writer import Writer
from schemas.sample import Sample, Turn
from schemas.trace import STAGES
from tests.selected import releasable
from tests.workbench import broken_inside, chart, chartqa, report, simulator, start


def picture(folder: Path, size: tuple[int, int] = (64, 48), suffix: str = "png") -> LoadedImage:
    chart(folder, f"a.{suffix}", size)
    return inspect((folder / "png" / f"a.{suffix}").read_bytes())


def dialogues(image: LoadedImage, count: int, turns: int = 3) -> Iterator[Ready]:
    for number in range(count):
        asked = tuple(Turn(question=f"Question {number}.{turn}?", targets=(f"gold {turn}",)) for turn in range(turns))
        yield Ready(Sample(id=f"talks/train/{number}", images=(image.ref,), turns=asked), (image,))


def annotate(folder: Path, url: str, samples: list[Ready], retry_failed: bool = False) -> Results:
    """Annotate samples that no source has to read."""

    async def work() -> Results:
        with Store.open(folder, create=True) as store, store.run("annotate", {}) as run:
            store.write(put_samples, [ready.sample for ready in samples])
            for image in {image.ref.digest: image for ready in samples for image in ready.images}.values():
                store.images.put(image)
            writer = Writer(store.engine)
            journal = StoreJournal(writer, run.id, run.locks)
            client = Client(url, "none", 10)
            gate = Gate(Limits(8))
            caller = Caller(client, Service(url, Model("gpt-4o"), Price(2.5, 10)), gate, journal, Budget())
            terms = Terms("paper", "schema", fall_back=True, attempts=Attempts(1, retry_failed))
            crew = Crew(caller, store, writer, terms)
            try:
                await crew.work(iter(samples))
            finally:
                await client.close()
                await writer.close()
            return crew.results

    return asyncio.run(work())


def taken(folder: Path) -> dict[str, list[int]]:
    """Return the turns that a release takes of each sample."""
    with Store.open(folder) as store, store.snapshot() as records:
        return {chosen.sample.id: [trace.turn for trace in chosen.traces] for chosen in releasable(records, "all")}


def rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "curation.db")) as records:
        return records.execute(query).fetchall()


@contextmanager
def recording(answer: dict[str, str], *, counts: bool = True) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve an endpoint that always gives the same stages, and keeps the bodies that it got."""
    bodies: list[dict[str, Any]] = []
    loop = asyncio.new_event_loop()

    async def chat(request: web.Request) -> web.Response:
        bodies.append(json.loads(await request.read()))
        message = {"role": "assistant", "content": json.dumps(answer)}
        usage = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": {"cached_tokens": 400}}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        body = {"id": "x", "model": "gpt-4o-2024-08-06", "choices": choices}
        return web.json_response(body | {"usage": usage} if counts else body)

    async def begin() -> tuple[web.AppRunner, str]:
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", chat)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/v1"

    runner, url = loop.run_until_complete(begin())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield url, bodies
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


STAGES_SAID = {stage.value: f"the {stage.value}" for stage in STAGES}


def test_1_a_failed_turn_leaves_no_raw_answer_in_a_record(tmp_path):
    samples = list(dialogues(picture(tmp_path), 30))
    with simulator(tmp_path, "refusal=0.2,missing_tag=0.2") as endpoint:
        done = annotate(tmp_path / "w", endpoint.url, samples)
    turns = taken(tmp_path / "w")
    assert sum(map(len, turns.values())) == done.traces
    assert 0 < done.traces < 90
    broken = [sample for sample, kept in turns.items() if 0 < len(kept) < 3]
    assert broken, "some records have both a failed turn and a good one"
    report("export", "--workspace", tmp_path / "w", "--format", "llava", "--select", "all", "--splits", "1")
    for line in (tmp_path / "w/releases/llava/train.jsonl").read_text().splitlines():
        said = [turn["value"] for turn in json.loads(line)["conversations"] if turn["from"] == "gpt"]
        assert all(text.startswith("<SUMMARY>") and text.endswith("</CONCLUSION>") for text in said)


def test_2_a_partly_failed_record_is_counted_once_and_finished_by_a_later_run(tmp_path):
    samples = list(dialogues(picture(tmp_path), 20))
    with simulator(tmp_path, "bad_request=0.3") as endpoint:
        first = annotate(tmp_path / "w", endpoint.url, samples)
        assert first.traces + first.failures.total() == 60
        again = annotate(tmp_path / "w", endpoint.url, samples)
        assert (again.traces, again.already) == (0, first.traces)
        assert again.failures == first.failures
        for _ in range(8):
            annotate(tmp_path / "w", endpoint.url, samples, retry_failed=True)
    assert taken(tmp_path / "w") == {sample.sample.id: [0, 1, 2] for sample in samples}
    counted = report("status", "--workspace", tmp_path / "w")
    assert (counted["sources"][0]["traced"], counted["failed"]) == (60, {})


def test_3_no_error_of_one_row_stops_another(tmp_path):
    data = chartqa(tmp_path / "data", 40)
    (data / "test/png/3.png").write_bytes(b"no image")
    with simulator(tmp_path, "all=0.4") as endpoint:
        where = ("--data", data, "--split", "test", "--base-url", endpoint.url, "--workspace", tmp_path / "w")
        for _ in range(2):
            done = report("annotate", "--source", "chartqa", *where)
            assert done["unusable_rows"] == {"source:image-unreadable": 2}
            assert done["traces"] + done["already"] + sum(done["failures"].values()) == 38


@pytest.mark.parametrize(("fault", "found"), [("missing_tag", {"structure:missing"}), ("doubled_tag", None)])
@pytest.mark.parametrize("form", ["tags", "schema"])
def test_4_an_answer_without_exactly_the_four_stages_is_no_trace(tmp_path, fault, found, form):
    data = chartqa(tmp_path / "data", 8)
    with simulator(tmp_path, f"{fault}=1") as endpoint:
        where = ("--data", data, "--split", "test", "--base-url", endpoint.url, "--workspace", tmp_path / "w")
        done = report("annotate", "--source", "chartqa", "--form", form, *where)
    assert (done["traces"], done["failures"]) == (0, {"unparsable": 8})
    assert set(done["issues"]) <= {f"structure:{kind}" for kind in ("missing", "unclosed", "doubled", "nested")}
    assert found is None or form == "tags" or set(done["issues"]) == found
    stages = {stage for (stage,) in rows(tmp_path / "w", "SELECT stage FROM issues")}
    assert stages <= {stage.value for stage in STAGES}
    assert stages


def test_5_what_was_not_checked_is_not_taken_for_good(tmp_path):
    with recording(STAGES_SAID) as (url, _):
        annotate(tmp_path / "w", url, list(dialogues(picture(tmp_path), 3)))
    with closing(sqlite3.connect(tmp_path / "w/curation.db", isolation_level=None)) as records:
        records.execute("DELETE FROM checks")
    with Store.open(tmp_path / "w") as store, store.snapshot() as snapshot:
        assert not [chosen for chosen in releasable(snapshot, "clean") if chosen.traces]


def test_6_images_are_sent_as_what_they_are_and_no_larger_than_the_model_can_use(tmp_path):
    large = picture(tmp_path, (3000, 2000), "jpg")
    small = picture(tmp_path)
    with recording(STAGES_SAID) as (url, bodies):
        annotate(tmp_path / "large", url, list(dialogues(large, 1, turns=1)))
        annotate(tmp_path / "small", url, list(dialogues(small, 1, turns=1)))
    sent = [body["messages"][1]["content"][0]["image_url"]["url"] for body in bodies]
    assert [url.partition(";")[0] for url in sent] == ["data:image/jpeg", "data:image/png"]
    shrunk = _image(sent[0])
    assert (shrunk.ref.width, shrunk.ref.height) == (1152, 768)
    assert _image(sent[1]).data == small.data


def _image(url: str) -> LoadedImage:
    return inspect(base64.b64decode(url.partition(",")[2]))


def test_7_earlier_turns_are_in_the_prompt_and_everything_is_kept(tmp_path):
    with recording(STAGES_SAID) as (url, bodies):
        annotate(tmp_path / "w", url, list(dialogues(picture(tmp_path), 1)))
    last = bodies[-1]["messages"][1]["content"][-1]["text"]
    assert (
        last.index("Question 0.0?") < last.index("gold 0") < last.index("Question 0.1?") < last.index("Question 0.2?")
    )
    columns = "model, prompt_version, prompt_tokens, completion_tokens, cached_tokens, cost, raw"
    for model, version, prompt, completion, cached, cost, raw in rows(tmp_path / "w", f"SELECT {columns} FROM calls"):
        assert (model, prompt, completion, cached) == ("gpt-4o", 1000, 100, 400)
        assert version.startswith("sha256:")
        assert cost == (600 * 2500 + 400 * 2500 + 100 * 10_000)
        assert json.loads(raw)["model"] == "gpt-4o-2024-08-06"


def test_7_an_answer_without_a_count_of_its_tokens_is_not_free(tmp_path):
    with recording(STAGES_SAID, counts=False) as (url, _):
        annotate(tmp_path / "w", url, list(dialogues(picture(tmp_path), 1)))
    assert all(cost > 0 for (cost,) in rows(tmp_path / "w", "SELECT cost FROM calls"))


def test_7_rejected_answers_are_kept_with_their_raw_text(tmp_path):
    with simulator(tmp_path, "refusal=0.3,cut_off=0.3,filtered=0.3") as endpoint:
        annotate(tmp_path / "w", endpoint.url, list(dialogues(picture(tmp_path), 10)))
    kept = rows(tmp_path / "w", "SELECT outcome, reason, raw FROM calls WHERE outcome != 'answered'")
    assert {outcome for outcome, _, _ in kept} == {"refused", "cut-off", "filtered"}
    assert all(reason and json.loads(raw)["choices"] for _, reason, raw in kept)


def test_8_a_torn_end_of_the_store_loses_no_earlier_record(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 60), tmp_path / "w"
    with simulator(tmp_path, latency=0.02) as endpoint:
        where = ("--data", data, "--split", "test", "--base-url", endpoint.url, "--workspace", workspace)
        with start("annotate", "--source", "chartqa", *where, "--concurrency", 4) as process:
            endpoint.reached(30, process)
            process.kill()
        log = workspace / "curation.db-wal"
        before = len(log.read_bytes())
        with log.open("r+b") as file:
            file.truncate(before - 100)
        stored = len(rows(workspace, "SELECT 1 FROM calls"))
        assert stored > 10
        done = report("annotate", "--source", "chartqa", *where)
    assert done["traces"] + done["already"] == 60
    assert done["requests"] <= 60 - stored


def test_3_an_image_whose_pixels_are_damaged_fails_its_own_row_only(tmp_path):
    damaged = inspect(broken_inside())
    samples = [*dialogues(picture(tmp_path), 2, turns=1)]
    bad = Sample(id="talks/train/bad", images=(damaged.ref,), turns=samples[0].sample.turns)
    with recording(STAGES_SAID) as (url, bodies):
        done = annotate(tmp_path / "w", url, [Ready(bad, (damaged,)), *samples])
    assert (done.traces, done.failures, len(bodies)) == (2, {"rejected": 1}, 2)
    assert "pixels" in rows(tmp_path / "w", "SELECT reason FROM calls WHERE outcome = 'rejected'")[0][0]
