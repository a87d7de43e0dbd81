"""How fast a release with images is written to Parquet, beside `datasets`; and how fast a large one is opened.

    python tests/bench/bench_release.py [--traces 20000] [--image-kb 100] [--rounds 2] [--rows 1000000]
        [--samples 1000000] [--folder DIR]

Every trace has an image of its own: random bytes, a third to five thirds of the size that is given, in a folder by
digest. Each writer runs in a process of its own, in turns, from the same records and files, into a folder that is then
removed:

    write       our Parquet format alone: images are read, held against their digests, and written
    build       a whole release: `write`, then the digests of the files, the manifest, and all of it synced to the disk
    datasets    `Dataset.from_generator`, which caches the rows in an Arrow file, then `to_parquet`
    to_parquet  that second half alone, of one split in one file

MB are those of the images; peaks are of resident memory, files that are mapped into it included. What comes out is held
against what went in, by digest. DIR (default: a temporary one) needs three times the images' size.

The second table is of a release without images, in shards of 20,000 rows, which are copies of one: how long it takes
to count, to select and to measure with Polars. The third is of splits: samples that share pictures as those of the
sources do, put into splits for the first time, and again with a tenth of them new.
"""

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import harness
import metering
import polars as pl
import pyarrow.parquet as pq

sys.path.insert(0, str(harness.ROOT))

from curation import release
from curation.splits import NAMES, Asked, lasting_splits
from curation.splits.kinship import kinship
from exports import Item, parquet
from schemas.sample import ImageRef, Sample, Turn
from schemas.trace import Provenance, Stages, Trace

_WORDS = (
    "the",
    "bar",
    "of",
    "2019",
    "is",
    "taller",
    "than",
    "its",
    "neighbours",
    "and",
    "shows",
    "41",
    "percent",
    "so",
)
_PROSE = " ".join(random.Random(2).choices(_WORDS, k=10_000))
_SHARD = 20_000
_WHEN = datetime(2026, 1, 1, tzinfo=UTC)
_SOURCES = ("ai2d", "chartqa", "clevr", "docvqa", "sharegpt4v")


def prose(rng: random.Random, length: int) -> str:
    """Return so many characters."""
    at = rng.randrange(len(_PROSE) - length)
    return _PROSE[at : at + length].strip()


def make_images(folder: Path, count: int, size: int) -> None:
    """Write the images, and a list of their digests."""
    rng, digests = random.Random(0), []
    for _ in range(count):
        data = rng.randbytes(rng.randint(size // 3, size * 5 // 3))
        digest = hashlib.sha256(data).hexdigest()
        path = folder / "images" / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        digests.append(digest)
    (folder / "digests.json").write_text(json.dumps(digests))


def items(digests: list[str | None]) -> Iterator[Item]:
    """Yield a record for each, in the order of the ids; with an image where there is a digest."""
    rng = random.Random(1)
    for number, digest in enumerate(digests):
        source = _SOURCES[len(_SOURCES) * number // len(digests)]
        ref = () if digest is None else (ImageRef(digest=f"sha256:{digest}", mime="image/jpeg", width=640, height=480),)
        turn = Turn(question=f"Which of {number} is it?", targets=("B",), choices=("one", "two", "three", "B"))
        sample = Sample(id=f"{source}/train/{number:08}", images=ref, turns=(turn,), licence="CC-BY-4.0")
        lengths = {"summary": 100, "caption": 450, "reasoning": rng.randint(300, 900), "conclusion": 8}
        stages = Stages(**{stage: prose(rng, length) for stage, length in lengths.items()})
        made = Provenance(kind="model", created_at=_WHEN, model="gpt-4o", recipe="paper", prompt_version="1")
        trace = Trace(sample_id=sample.id, turn=0, stages=stages, provenance=made)
        yield Item(sample, (trace,), "test" if number % 20 == 0 else "train")


def image_path(folder: Path) -> Callable[[ImageRef], Path]:
    """Return where an image lies."""
    return lambda ref: folder / "images" / ref.digest[7:9] / ref.digest[7:]


def by_write(folder: Path, out: Path, digests: list[str | None]) -> dict[str, Any]:
    """Write with our format."""
    out.mkdir()
    parquet.write(items(digests), out, image_path(folder))
    return {}


def by_build(folder: Path, out: Path, digests: list[str | None]) -> dict[str, Any]:
    """Build a release."""
    release.build(items(digests), out, "parquet", image_path(folder), {}, {})
    return {}


def by_datasets(folder: Path, out: Path, digests: list[str | None]) -> dict[str, Any]:
    """Write with `datasets`; returns the seconds and the CPU seconds of `to_parquet` too."""
    import datasets  # noqa: PLC0415 - a process of ours shall not pay for it

    text, texts = datasets.Value("string"), datasets.List(datasets.Value("string"))
    names = ("id", "question", "answer", "summary", "caption", "reasoning", "conclusion", "text", "sample_id", "source")
    more = ("source_split", "licence", "trace_id", "kind", "model", "recipe", "prompt_version")
    columns = dict.fromkeys((*names, *more), text) | {
        "choices": texts,
        "answers": texts,
        "turn": datasets.Value("int32"),
    }

    def rows() -> Iterator[dict[str, Any]]:
        for item in items(digests):
            [image], [trace], turn = item.sample.images, item.traces, item.sample.turns[0]
            path = image_path(folder)(image)
            yield {
                "image": {"bytes": path.read_bytes(), "path": f"{path.name}.jpg"},
                "id": f"{item.sample.id}#0",
                "question": turn.question,
                "answer": turn.target,
                "choices": turn.choices,
                "answers": turn.targets,
                **trace.stages.model_dump(),
                "text": trace.text,
                "sample_id": item.sample.id,
                "source": item.sample.source,
                "source_split": item.sample.split,
                "licence": item.sample.licence,
                "turn": trace.turn,
                "trace_id": trace.id,
                "kind": trace.provenance.kind,
                **trace.provenance.model_dump(include={"model", "recipe", "prompt_version"}),
            }

    (out / "data").mkdir(parents=True)
    datasets.disable_progress_bars()
    features = datasets.Features({"image": datasets.Image(), **columns})
    made = datasets.Dataset.from_generator(rows, features=features, cache_dir=str(out / "cache"))
    begun, cpu = time.perf_counter(), time.process_time()
    made.to_parquet(out / "data" / "train.parquet")
    return {"half_wall": time.perf_counter() - begun, "half_cpu": time.process_time() - cpu}


_WRITERS = {"write": by_write, "build": by_build, "datasets": by_datasets}


def written(out: Path) -> list[str]:
    """Return the digests of the images in Parquet files, sorted."""
    found = []
    for path in (out / "data").glob("*.parquet"):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(100, columns=["image.bytes"]):
                cells = batch.column("image").field("bytes")
                found += [hashlib.sha256(cell.as_buffer()).hexdigest() for cell in cells]
    return sorted(found)


def measure_writing(folder: Path, rounds: int) -> Iterator[tuple[object, ...]]:
    """Yield a row for each run of each writer."""
    digests = json.loads((folder / "digests.json").read_text())
    size = sum(path.stat().st_size for path in (folder / "images").rglob("*") if path.is_file()) / 1e6
    for number in range(rounds):
        for name in _WRITERS:
            out = folder / "out"
            cost = harness.run_client(Path(__file__).name, "--writer", name, "--folder", str(folder))
            same = "yes" if number or written(out) == sorted(digests) else "NO"
            shutil.rmtree(out)
            yield name, number + 1, *_figures(size, cost["wall"], cost["cpu"]), f"{cost['peak'] / 2**20:,.0f}", same
            if "half_wall" in cost:
                yield "to_parquet", number + 1, *_figures(size, cost["half_wall"], cost["half_cpu"]), "", same


def _figures(size: float, wall: float, cpu: float) -> tuple[str, ...]:
    return f"{wall:.1f}", f"{size / wall:,.0f}", f"{cpu:.1f}", f"{size / cpu:,.0f}"


_SCANS: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "rows by source": lambda rows: rows.group_by("source").len(),
    "ids of one source and recipe": lambda rows: rows.filter(
        pl.col("source") == "docvqa", pl.col("recipe") == "paper"
    ).select("id", "trace_id"),
    "lengths of the four stages, by source": lambda rows: rows.group_by("source").agg(
        pl.col("summary", "caption", "reasoning", "conclusion").str.len_chars().mean()
    ),
    "records whose reasoning names a number": lambda rows: rows.filter(
        pl.col("reasoning").str.contains(r"\b2019\b")
    ).select(pl.len()),
}


def make_shards(folder: Path, rows: int) -> int:
    """Write a release of so many rows without images; return its bytes."""
    by_write(folder, folder / "shard", [None] * _SHARD)
    [*shards] = (folder / "shard" / "data").glob("*.parquet")
    (folder / "out" / "data").mkdir(parents=True)
    for number in range(rows // _SHARD):
        for path in shards:
            shutil.copy(path, folder / "out" / "data" / f"{number:03}-{path.name}")
    return sum(path.stat().st_size for path in shards) * (rows // _SHARD)


def measure_opening(folder: Path) -> Iterator[tuple[object, ...]]:
    """Yield a row for each question that is asked of the release."""
    for name in _SCANS:
        cost = harness.run_client(Path(__file__).name, "--scan", name, "--folder", str(folder))
        yield name, cost["rows"], f"{cost['wall']:.2f}", f"{cost['cpu']:.2f}", f"{cost['peak'] / 2**20:,.0f}"


def scanned(folder: Path, name: str) -> dict[str, Any]:
    """Ask the release one thing."""
    return {"rows": len(_SCANS[name](pl.scan_parquet(folder / "out" / "data" / "*.parquet")).collect())}


_SHAPES = (("ai2d", 0.01, 3), ("chartqa", 0.03, 2), ("clevr", 0.72, 10), ("docvqa", 0.04, 4), ("sharegpt4v", 0.2, 1))
"""Sources, their shares of the samples, and the questions about each of their pictures."""


def samples(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield samples as plain data."""
    rng = random.Random(0)
    for source, share, together in _SHAPES:
        for number in range(int(count * share)):
            digest = hashlib.sha256(f"{source}{number // together}".encode()).hexdigest()
            turn = {"question": f"Which is it, {rng.randrange(50_000)}?", "context": "", "targets": ["this one"]}
            choices = [] if together == 10 else ["this one", "that one", rng.choice(_WORDS), rng.choice(_WORDS)]
            images = [{"digest": f"sha256:{digest}"}]
            yield f"{source}/train/{number:08}", {"images": images, "turns": [turn | {"choices": choices}]}


def split(count: int) -> dict[str, Any]:
    """Put samples into splits twice; return what each time took, and how far any source is from its shares."""
    asked, kept = Asked((0.9, 0.05, 0.05), 0), dict[str, str]()
    figures: dict[str, Any] = {}
    for time_ in ("first", "again"):
        begun = time.process_time()
        kin = kinship(samples(count), {})
        figures[f"compared {time_}"] = time.process_time() - begun
        begun = time.process_time()
        found = lasting_splits(kin, asked, kept)
        figures[time_] = time.process_time() - begun
        sizes = Counter(sample_id.split("/")[0] for sample_id in kin.ids)
        held = Counter((sample_id.split("/")[0], place) for sample_id, place in found.splits.items())
        shares = dict(zip(NAMES, asked.fractions, strict=True))
        figures[f"off {time_}"] = max(abs(held[s, n] - shares[n] * sizes[s]) for s in sizes for n in NAMES)
        kept = {sample_id: place for sample_id, place in found.splits.items() if not sample_id.endswith("7")}
    return figures


def measure_splits(count: int) -> Iterator[tuple[object, ...]]:
    """Yield a row for each of the two times."""
    cost = harness.run_client(Path(__file__).name, "--split", str(count))
    for time_ in ("first", "again"):
        figures = (f"{cost[f'compared {time_}']:.1f}", f"{cost[time_]:.1f}", f"{cost[f'off {time_}']:.1f}")
        yield time_, *figures, f"{cost['peak'] / 2**20:,.0f}"


def bench(flags: argparse.Namespace, folder: Path) -> None:
    """Measure, and print the tables."""
    if flags.traces:
        make_images(folder, flags.traces, flags.image_kb * 1000)
        columns = ("writer", "round", "wall s", "MB/s", "CPU s", "MB/CPU s", "peak MiB", "bytes in = bytes out")
        harness.show(columns, list(measure_writing(folder, flags.rounds)))
        shutil.rmtree(folder / "images")
    if flags.rows:
        size = make_shards(folder, flags.rows) / 1e6
        print(f"{flags.rows:,} rows without images, {size:,.0f} MB:\n")
        harness.show(("asked", "rows", "wall s", "CPU s", "peak MiB"), list(measure_opening(folder)))
    if flags.samples:
        head = ("splits", "comparing, CPU s", "splitting, CPU s", "samples off their share, at most", "peak MiB")
        harness.show(head, list(measure_splits(flags.samples)))


def main() -> None:
    """Read the flags; as a child, do one thing and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=int, default=20_000)
    parser.add_argument("--image-kb", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--writer", choices=_WRITERS, help=argparse.SUPPRESS)
    parser.add_argument("--scan", choices=_SCANS, help=argparse.SUPPRESS)
    parser.add_argument("--split", type=int, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.writer:
        digests = json.loads((flags.folder / "digests.json").read_text())
        if flags.writer == "datasets":
            import datasets  # noqa: F401, PLC0415 - what it takes to load is not counted
        done = metering.metered(lambda: _WRITERS[flags.writer](flags.folder, flags.folder / "out", digests))
        print(json.dumps(done))
    elif flags.split:
        print(json.dumps(metering.metered(lambda: split(flags.split))))
    elif flags.scan:
        print(json.dumps(metering.metered(lambda: scanned(flags.folder, flags.scan))))
    else:
        with tempfile.TemporaryDirectory(dir=flags.folder) as made:
            bench(flags, Path(made))


if __name__ == "__main__":
    main()
