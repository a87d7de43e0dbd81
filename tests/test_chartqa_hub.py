"""ChartQA from the Hub: the real client reads from a local server that speaks the Hub's HTTP API."""

import asyncio
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiohttp import web
from PIL import Image

from curation.errors import DataError, MissingError
from curation.sources import _reading, chartqa
from tests.hub_server import READER, drop, listening, serving

REPO = "HuggingFaceM4/ChartQA"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
READ = """
import json
from curation.errors import CurationError
from curation.sources import chartqa
try:
    for row in chartqa.hub_rows("test"):
        sample, issues = chartqa.to_sample(row)
        found = {issue.code: issue.message for issue in issues}
        print(json.dumps([row.where, sample and sample.model_dump(mode="json"), found]))
except CurationError as error:
    print(type(error).__name__ + ": " + str(error))
"""


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


def row(colour: str, query: str, *labels: str, machine: int = 0) -> dict:
    image = {"bytes": png(colour), "path": None}
    return {"image": image, "query": query, "label": list(labels), "human_or_machine": machine}


ROWS = [
    row("red", "What colour is it?", "Red"),
    row("red", "What colour is it?", "Red"),
    row("blue", "How many are there?", "1", machine=1),
    row("blue", "Which two?", "a", "b"),
    {"image": None, "query": "Where is it?", "label": ["Here"], "human_or_machine": 0},
    row("blue", "Is it blue? ", "Yes"),
]
TEXT = {"dtype": "string", "_type": "Value"}
FEATURES = {
    "image": {"_type": "Image"},
    "query": TEXT,
    "label": {"feature": TEXT, "_type": "List"},
    "human_or_machine": {"names": ["human", "machine"], "_type": "ClassLabel"},
}
SCHEMA = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("query", pa.string()),
        ("label", pa.list_(pa.string())),
        ("human_or_machine", pa.int64()),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
)


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def read(endpoint: str, home: Path, before: str = "", **environment: str) -> list[str]:
    """Read the test split in a process of its own, as the Hub's client looks at its settings once."""
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "*"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    done = subprocess.run(
        [sys.executable, "-c", before + READ],
        env=inherited | settings | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


def tabled(rows: list[dict]) -> bytes:
    return parquet(pa.Table.from_pylist(rows, schema=SCHEMA))


@pytest.fixture(scope="module")
def streamed(tmp_path_factory) -> list:
    """The test split of a private data set, as [where, sample, messages by code]."""
    splits = {"train": ROWS[:1], "val": ROWS[2:3], "test": ROWS}
    with serving() as hub:
        hub.upload(REPO, {f"data/{split}-00000-of-00001.parquet": tabled(rows) for split, rows in splits.items()})
        lines = read(hub.endpoint, tmp_path_factory.mktemp("hub"), HF_TOKEN=READER)
    return [json.loads(line) for line in lines]


# Reading


def test_every_row_is_read_in_order(streamed):
    places = [where for where, _, _ in streamed]
    assert places == [f"{REPO} test, row {number}" for number in range(1, len(ROWS) + 1)]


def test_a_row_becomes_a_sample(streamed):
    _, sample, issues = streamed[0]
    digest = hashlib.sha256(png("red")).hexdigest()
    assert issues == {}
    assert sample["id"].startswith(f"chartqa/test/human-{digest[:16]}-")
    assert sample["images"] == [{"digest": f"sha256:{digest}", "mime": "image/png", "width": 40, "height": 30}]
    assert sample["labels"] == {"origin": "human", "image": digest[:16]}
    assert sample["turns"][0]["question"] == "What colour is it?"
    assert sample["turns"][0]["targets"] == ["Red"]


def test_the_machine_is_the_augmented_origin(streamed):
    assert streamed[2][1]["labels"]["origin"] == "augmented"


def test_what_is_wrong_with_a_row_is_an_issue(streamed):
    found = [(sample is not None, list(messages)) for _, sample, messages in streamed]
    assert found == [
        (True, []),
        (True, []),
        (True, []),
        (False, ["source:bad-record"]),
        (False, ["source:image-missing"]),
        (True, ["source:trailing-blanks"]),
    ]


def test_other_columns_are_refused(monkeypatch):
    records = iter([{"image": None, "question": "?", "answer": "a"}])
    monkeypatch.setattr(chartqa, "hub_records", lambda hub, split, images: records)
    with pytest.raises(DataError) as caught:
        next(chartqa.hub_rows("test"))
    expected = "expected columns image, query, label, human_or_machine; found image, question, answer"
    assert str(caught.value) == f"{REPO} on the Hub: {expected}"


def test_a_connection_that_keeps_breaking_is_given_up(tmp_path):
    with serving() as hub:
        hub.upload(REPO, {"data/test-00000-of-00001.parquet": tabled(ROWS)}, private=False)
        hub.fail(r"/resolve/.*\.parquet", drop, times=10_000)
        (line,) = read(hub.endpoint, tmp_path, before="import time; time.sleep = lambda seconds: None")
    assert line.startswith(f"MissingError: can't read {REPO} from the Hub (")
    assert 1 < hub.asked(r"/resolve/.*\.parquet") <= 12


# Not reaching it: asked once, in this process


def refusal(monkeypatch, endpoint: str) -> str:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    monkeypatch.setattr(_reading, "HUB_SECONDS", 0.5)
    with pytest.raises(MissingError) as caught:
        next(chartqa.hub_rows("test"))
    before, reason, after = re.fullmatch(r"(.*) \((.*)\); (.*)", str(caught.value)).groups()
    assert before == f"can't read {REPO} from the Hub"
    assert after == "use --data DIR for the official folder, or --sample for the bundled one"
    return reason


def answering(handler) -> web.Application:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    return app


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (404, "RepoNotFound", "there is no such data set, or HF_TOKEN is not set to a token that may read it"),
        (403, "GatedRepo", "it is gated: ask for access on its page, and set HF_TOKEN"),
        (503, "", "it answers 503 Service Unavailable"),
    ],
)
def test_a_refusal_is_told(monkeypatch, status, code, reason):
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"X-Error-Code": code} if code else {})

    with listening(answering(refuse)) as [endpoint]:
        assert refusal(monkeypatch, endpoint) == reason


def test_a_hub_that_is_not_there_is_told(monkeypatch):
    assert "refused" in refusal(monkeypatch, "http://127.0.0.1:1")


def test_a_hub_that_never_answers_is_told(monkeypatch):
    released = threading.Event()

    async def hold(request: web.Request) -> web.Response:
        await asyncio.to_thread(released.wait)
        return web.Response(status=503)

    with listening(answering(hold)) as [endpoint]:
        try:
            assert refusal(monkeypatch, endpoint) == "no answer within 0.5 seconds"
        finally:
            released.set()


def test_being_offline_is_told(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert refusal(monkeypatch, "http://127.0.0.1:1") == "HF_HUB_OFFLINE is set"
