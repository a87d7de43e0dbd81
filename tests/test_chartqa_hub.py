"""ChartQA from the Hub: the real client reads from a local server that speaks the Hub's HTTP API."""

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiohttp import web
from PIL import Image

REPO = "HuggingFaceM4/ChartQA"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
READ = """
import json, sys
from curation.errors import CurationError
from curation.sources import chartqa
try:
    for row in chartqa.hub_rows(sys.argv[1]):
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


class Hub:
    """A repository of a few files, as the Hub serves it: its info, its tree, its files by range."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.tokens: set[str] = set()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get(f"/api/datasets/{REPO}", self.info)
        app.router.add_get(f"/api/datasets/{REPO}/revision/{{revision}}", self.info)
        app.router.add_get(f"/api/datasets/{REPO}/tree/{{revision}}{{folder:.*}}", self.tree)
        app.router.add_post(f"/api/datasets/{REPO}/paths-info/{{revision}}", self.paths_info)
        app.router.add_get(f"/datasets/{REPO}/resolve/{{revision}}/{{path:.*}}", self.resolve)
        return app

    def entry(self, path: str) -> dict:
        return {"type": "file", "path": path, "size": len(self.files[path]), "oid": COMMIT}

    def folders(self) -> set[str]:
        return {path.rsplit("/", 1)[0] for path in self.files if "/" in path}

    async def info(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers.get("Authorization", ""))
        siblings = [{"rfilename": path} for path in self.files]
        return web.json_response({"_id": "1", "id": REPO, "sha": COMMIT, "siblings": siblings, "tags": []})

    async def tree(self, request: web.Request) -> web.Response:
        folder = request.match_info["folder"].strip("/")
        inside = [self.entry(path) for path in self.files if path.rpartition("/")[0] == folder]
        below = [{"type": "directory", "path": path, "oid": COMMIT} for path in self.folders() if not folder]
        return web.json_response(below + inside, status=200 if below + inside else 404)

    async def paths_info(self, request: web.Request) -> web.Response:
        asked = (await request.post()).getall("paths")
        return web.json_response([self.entry(path) for path in asked if path in self.files])

    async def resolve(self, request: web.Request) -> web.Response:
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{COMMIT}"', "Accept-Ranges": "bytes"}
        data = self.files.get(request.match_info["path"])
        if data is None:
            return web.Response(status=404, headers=headers | {"X-Error-Code": "EntryNotFound"})
        part = request.http_range
        body = data[part] if part.start is not None else data
        return web.Response(status=206 if len(body) < len(data) else 200, body=body, headers=headers)


@contextlib.contextmanager
def serving(app: web.Application) -> Iterator[str]:
    """Serve the app from a thread; give its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=10)

    runner = web.AppRunner(app, access_log=None)
    try:
        run(runner.setup())
        run(web.TCPSite(runner, "127.0.0.1", 0).start())
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        run(runner.cleanup())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def read(endpoint: str, home: Path, split: str = "test", **environment: str) -> list[str]:
    """Read the split in a process of its own, as the Hub's client looks at its settings once."""
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "*"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    done = subprocess.run(
        [sys.executable, "-c", READ, split],
        env=inherited | settings | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def streamed(tmp_path_factory) -> tuple[list, Hub]:
    hub = Hub(
        {
            f"data/{split}-00000-of-00001.parquet": parquet(pa.Table.from_pylist(rows, schema=SCHEMA))
            for split, rows in {"train": ROWS[:1], "val": ROWS[2:3], "test": ROWS}.items()
        }
    )
    with serving(hub.app()) as endpoint:
        lines = read(endpoint, tmp_path_factory.mktemp("hub"), HF_TOKEN="hf_test")
    return [json.loads(line) for line in lines], hub


def test_rows_are_streamed(streamed):
    print(streamed)
    assert 0
