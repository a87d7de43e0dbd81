"""What end-to-end tests drive: the command line, the simulator in a process of its own, and ChartQA folders."""

import asyncio
import io
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from zlib import compress, crc32

from PIL import Image

from curation.__main__ import main
from curation.simulator import Faults, Settings, serve
from tests.processes import STRICT

KEY = "sk-test-0123456789abcdef"
REAL = Path(__file__).parents[2] / "shared/data/chartqa/ChartQA Dataset"


class Endpoint(NamedTuple):
    url: str
    log: Path

    def requests(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def reached(self, count: int, process: subprocess.Popen[str]) -> None:
        """Wait until so many requests have come from a process that has not ended."""
        while len(self.requests()) < count:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
                raise AssertionError(process.communicate())


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CURATION_", "OPENAI_", "HF_"))}
    return kept | {"OPENAI_API_KEY": KEY} | more


def start(*arguments: object, **env: str) -> subprocess.Popen[str]:
    command = [*STRICT, "-m", "curation", *map(str, arguments)]
    return subprocess.Popen(
        command,
        env=environment(**env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def cli(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, in which every warning is an error."""
    with start(*arguments, **env) as process:
        out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def here(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process, which has imported already what a new one would spend seconds on."""
    out, err = io.StringIO(), io.StringIO()
    with mock.patch.dict(os.environ, environment(**env), clear=True), redirect_stdout(out), redirect_stderr(err):
        code = main([*map(str, arguments)])
    return subprocess.CompletedProcess([*map(str, arguments)], code, out.getvalue(), err.getvalue())


def report(*arguments: object, **env: str) -> dict[str, Any]:
    """Run a verb in this process with --json, and return its report; failed rows don't fail the test."""
    done = here(*arguments, "--json", **env)
    assert done.returncode in {0, 1, 3}, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


@contextmanager
def simulator(folder: Path, fault: str = "", port: int = 0, **settings: Any) -> Iterator[Endpoint]:
    """Serve the simulator from a thread of its own, so that requests go over real HTTP."""
    log = folder / "requests.jsonl"
    faults = Faults.from_flags(fault.split(",") if fault else ())
    wanted = Settings(log=log, faults=faults, **{"slow_seconds": 0.2, "retry_after": 0.05} | settings)
    ready: Future[str] = Future()
    stop = threading.Event()

    async def serving() -> None:
        async with serve(wanted, port=port) as running:
            ready.set_result(running.url)
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serving()))
    thread.start()
    try:
        yield Endpoint(ready.result(timeout=60), log)
    finally:
        stop.set()
        thread.join()


def chart(folder: Path, name: str, size: tuple[int, int] = (64, 48), color: int = 0) -> None:
    picture = Image.new("RGB", size, (color * 40 % 256, color * 90 % 256, color * 7 % 256))
    path = folder / "png" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def broken_inside() -> bytes:
    """A PNG whose checksums are right and whose pixels end early."""
    whole = Image.new("RGB", (1000, 1000))
    file = io.BytesIO()
    whole.save(file, "PNG")
    data = file.getvalue()
    chunk = b"IDAT" + compress(bytes(100))
    start, end = data.index(b"IDAT") - 4, data.index(b"IEND") - 4
    return data[:start] + (len(chunk) - 4).to_bytes(4, "big") + chunk + crc32(chunk).to_bytes(4, "big") + data[end:]


def chartqa(folder: Path, rows: int = 6, split: str = "test") -> Path:
    """Make a ChartQA folder with one small chart for every two questions."""
    records = []
    for number in range(rows):
        name = f"{number // 2}.png"
        chart(folder / split, name, color=number // 2)
        records.append({"imgname": name, "query": f"How high is bar {number}?", "label": str(number + 3)})
    write_records(folder, records, split)
    return folder


def write_records(folder: Path, records: list[dict[str, Any]], split: str = "test") -> None:
    (folder / split).mkdir(parents=True, exist_ok=True)
    (folder / split / f"{split}_human.json").write_text(json.dumps(records))
