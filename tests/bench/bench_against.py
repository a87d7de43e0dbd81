"""What `validate --against` costs with a large evaluation set: a TSV as VLMEvalKit has them, its pictures in base64.

    python tests/bench/bench_against.py [--rows 1000 10000 100000] [--samples 10000] [--folder DIR]

Every row and every sample has a picture of its own: patches of colour, drawn at random, with soft edges. Of a hundred
rows one shows a sample's picture in half its size and asks the sample's question, and one asks another about it. Prints
seconds and CPU of the whole command with its workers, and the most MiB that its main process held, for each size; then
how many planted pairs and pictures were found, and how many questions, of which none should be. The workspace's own
pictures are looked at by the first run, of the smallest set.
"""

import argparse
import csv
import io
import json
import os
import random
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import harness
import numpy as np
from PIL import Image

from curation.images import inspect
from curation.store import Store
from curation.store.steps import StoredTrace, put_samples, put_traces
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stages, Trace

_SIZE = (128, 96)
_PATCHES = (6, 5)
_EVERY = 100
"""Of so many rows, one is a pair, and one has a sample's picture alone."""
_HEAD = ("rows", "TSV, MB", "seconds", "CPU s", "MiB", "pairs found", "pictures found", "questions found")
_THINGS = ("bar", "line", "dot", "arrow", "number", "circle", "square", "label", "leaf", "wheel", "window", "shadow")


def drawn(seed: int) -> Image.Image:
    """Return a picture that no other seed gives."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (_PATCHES[1], _PATCHES[0], 3), dtype=np.uint8)
    return Image.fromarray(patches).resize(_SIZE, Image.Resampling.BICUBIC)


def encoded(image: Image.Image) -> bytes:
    """Return the bytes of a JPEG."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=85)
    return data.getvalue()


def asked(seed: int) -> str:
    """Return a short question."""
    one, other = random.Random(seed).sample(_THINGS, 2)
    return f"How many times does the {one} number {seed} touch the {other}?"


def build(folder: Path, samples: int) -> None:
    """Make the workspace: a sample with a picture and a trace for each number."""
    stages = Stages(summary="I count.", caption="Patches of colour.", reasoning="I see two.", conclusion="2")
    made = Provenance(kind="imported", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    with Store.open(folder, create=True) as store:
        for start in range(0, samples, 1000):
            some = []
            for number in range(start, min(start + 1000, samples)):
                image = inspect(encoded(drawn(number)))
                store.images.put(image)
                turn = Turn(question=asked(number), targets=("2",))
                some.append(Sample(id=f"bench/train/{number}", images=(image.ref,), turns=(turn,)))
            store.write(put_samples, some)
            traces = (Trace(sample_id=one.id, turn=0, stages=stages, provenance=made) for one in some)
            store.write(put_traces, [StoredTrace(trace, None) for trace in traces])


def write(path: Path, rows: int, samples: int) -> None:
    """Write an evaluation set."""
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, delimiter="\t")
        lines.writerow(("index", "image", "question", "A", "B", "answer", "category"))
        for number, (question, data) in enumerate(_rows(rows, samples)):
            lines.writerow((number, b64encode(data).decode(), question, "two", "three", "A", "counting"))


def _rows(rows: int, samples: int) -> Iterator[tuple[str, bytes]]:
    for number in range(rows):
        own, place = samples + number, number % _EVERY
        shown = (2 * (number // _EVERY) + place) % samples if place < 2 else None
        picture = drawn(own) if shown is None else drawn(shown).resize((_SIZE[0] // 2, _SIZE[1] // 2))
        question = f"Which colour is next to patch {own}?" if place == 1 else asked(own if shown is None else shown)
        yield question, encoded(picture)


class Cost(NamedTuple):
    """What the command cost, and its report."""

    seconds: float
    cpu: float
    peak: float
    report: dict[str, Any]


def measure(workspace: Path, against: Path) -> Cost:
    """Compare the workspace with a set, and check nothing else."""
    command = harness.curation("validate", "--only", "structure", "--against", str(against), "--json")
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            [*command, "--workspace", str(workspace)], env=harness.environment(), cwd=harness.ROOT, stdout=said
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if child.returncode:
            raise SystemExit(f"validate --against failed with {child.returncode}")
        report: dict[str, Any] = json.loads(said.read())
    return Cost(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, report)


def main() -> None:
    """Build what is not there, and measure."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, nargs="+", default=[1000, 10_000, 100_000])
    arguments.add_argument("--samples", type=int, default=10_000)
    arguments.add_argument("--folder", type=Path)
    options = arguments.parse_args()
    harness.show(_HEAD, [])
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        workspace = folder / f"samples-{options.samples}"
        if not (workspace / "curation.db").exists():
            build(workspace, options.samples)
        for rows in sorted(options.rows):
            against = folder / f"rows-{rows}.tsv"
            if not against.exists():
                write(against, rows, options.samples)
            _show(rows, options.samples, against, measure(workspace, against))


def _show(rows: int, samples: int, against: Path, cost: Cost) -> None:
    [found] = (each["found"] for each in cost.report["against"])
    planted = min(-(-rows // _EVERY), samples // 2)
    said = [f"{found.get(f'contamination:{what}', 0):,} of {planted:,}" for what in ("pair", "image")]
    figures = f"{against.stat().st_size / 1e6:.0f}", f"{cost.seconds:.1f}", f"{cost.cpu:.1f}", f"{cost.peak:.0f}"
    counts = *said, f"{found.get('contamination:question', 0):,}"
    print("|", " | ".join((f"{rows:,}", *figures, *counts)), "|", flush=True)


if __name__ == "__main__":
    main()
