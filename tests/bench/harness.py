"""What the benchmarks share: rows with images, servers in processes of their own, measured children, tables."""

import argparse
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from math import isqrt
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

ROOT = Path(__file__).parents[2]
BENCH = Path(__file__).parent
_URL = re.compile(r"http://\S+/v1")
_START_SECONDS = 30


class Cost(NamedTuple):
    """What a child process cost, and what it printed."""

    seconds: float
    cpu: float
    """Seconds of user and system time."""
    exit_code: int
    stdout: str
    stderr: str


def make_chartqa(folder: Path, rows: int, image_bytes: int, seed: int = 0) -> None:
    """Write `rows` records with an image of noise each, in ChartQA's official layout, as its split `test`.

    The question carries the row's number for servers that answer by it; the label is what they answer.
    """
    images = folder / "test" / "png"
    images.mkdir(parents=True)
    side = isqrt(image_bytes)
    rng = random.Random(seed)
    for number in range(rows):
        noise = Image.frombytes("L", (side, side), rng.randbytes(side * side))
        noise.save(images / f"{number:06}.png", compress_level=0)
    records = [
        {
            "imgname": f"{number:06}.png",
            "query": f"Which item is this? [[id={number}]]",
            "label": f"item {number}: B",
        }
        for number in range(rows)
    ]
    (folder / "test" / "test_human.json").write_text(json.dumps(records))


def annotate_flags(url: str, data: Path, workspace: Path, in_flight: int) -> list[str]:
    """Return the command line of `annotate` over the rows, for nothing."""
    flags = {
        "source": "chartqa",
        "data": data,
        "split": "test",
        "base-url": url,
        "price": "0,0",
        "concurrency": in_flight,
        "workspace": workspace,
    }
    return ["annotate", "--json", *(part for name, value in flags.items() for part in (f"--{name}", str(value)))]


def curation(*arguments: str) -> list[str]:
    """Return the command that runs a verb."""
    return [sys.executable, "-m", "curation", *arguments]


def environment() -> dict[str, str]:
    """Return the variables for a child: this working tree first, no settings of the user's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CURATION_", "OPENAI_"))}
    return kept | {"PYTHONPATH": str(ROOT)}


def run(command: Sequence[str]) -> Cost:
    """Run a child to its end, and say what it cost."""
    begun, before = time.perf_counter(), os.times()
    done = subprocess.run(command, env=environment(), cwd=ROOT, capture_output=True, text=True, check=False)
    after = os.times()
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return Cost(time.perf_counter() - begun, cpu, done.returncode, done.stdout, done.stderr)


def run_client(script: str, *arguments: str) -> dict[str, Any]:
    """Run a client that is metered, and return what it and its process cost."""
    cost = run([sys.executable, str(BENCH / script), *arguments])
    if cost.exit_code:
        sys.exit(f"{script} failed: {cost.stderr.strip()}")
    measured: dict[str, Any] = json.loads(cost.stdout.splitlines()[-1])
    return measured | {"whole_wall": cost.seconds, "whole_cpu": cost.cpu}


def measure_annotate(url: str, data: Path, workspace: Path, in_flight: int) -> dict[str, Any]:
    """Run `annotate` over the rows in a new workspace, and return what it cost and reported."""
    try:
        return run_client("client_ours.py", *annotate_flags(url, data, workspace, in_flight))
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


@contextmanager
def simulator(*flags: str) -> Iterator[str]:
    """Serve the project's own simulator for as long as the context lasts; returns its base URL."""
    with _served(curation("simulator", "--port", "0", *flags)) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if found := _URL.search(line):
                yield found.group()
                return
        raise RuntimeError("the simulator did not start")


@contextmanager
def stub(source: Path, folder: Path, latency: float) -> Iterator[str]:
    """Compile the C server `source` into the folder, and serve it; it takes PORT and `lat=` in milliseconds."""
    binary, port = folder / source.stem, 8900 + os.getpid() % 1000
    subprocess.run(["gcc", "-O2", "-w", "-o", str(binary), str(source), "-lm"], check=True)
    with _served([str(binary), str(port), f"lat={latency * 1000:g}"]):
        url = f"http://127.0.0.1:{port}/v1"
        _wait_for(f"{url}/models")
        yield url


@contextmanager
def server(source: Path | None, folder: Path, latency: float) -> Iterator[str]:
    """Serve the C server where its source is given, else the simulator."""
    serve = stub(source, folder, latency) if source else simulator("--latency", str(latency))
    with serve as url:
        yield url


@contextmanager
def _served(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, env=environment(), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def _wait_for(url: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a command line whose help is the benchmark's docstring, with the choice of the server."""
    arguments = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--stub", type=Path, help="source of a C server to use instead of the simulator")
    return arguments


def show(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print("|", " | ".join(head), "|")
    print("|", " | ".join("---" for _ in head), "|")
    for row in rows:
        print("|", " | ".join(str(cell) for cell in row), "|", flush=True)
    print()


def show_machine() -> None:
    """Print what the figures were measured with."""
    packages = ("openai", "aiohttp", "pydantic", "sqlalchemy", "polars")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}\n", flush=True)
