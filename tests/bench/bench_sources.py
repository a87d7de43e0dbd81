"""How fast the sources read, and in how much memory, beside `datasets` on the same file.

    python tests/bench/bench_sources.py [--rows 1000000] [--only NAME ...] [--folder DIR]

`source_files` writes the files: 1,000,000 records of text, 100,000 where there are pictures, 10,000 problems of GeoQA,
whose owners ship 3,499. Each line is a process of its own:

    datasets   `load_dataset("json", streaming=True)` gives each record as a dictionary, with `field` where they lie
               under a key. It knows no pickles, no object with an entry for each record and no file for each picture.
    +pictures  The same; and each picture is read, hashed and opened by Pillow, as we do.
    parse      We give each record as a dictionary, by `json_files`.
    sample     All that `annotate` does before it stores: each record is checked, its picture read and hashed, and a
               Sample made, with its remarks.
"""

import argparse
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import harness
from metering import metered
from source_files import CASES, JSON_CASES, Case, multiply

from curation import json_files
from curation.ingest import Place, Tally, ready
from curation.json_files import Broken

TEXT_ROWS = 1_000_000


def parse(case: Case, path: Path) -> Iterator[object]:
    """Give each record of the file."""
    if case.inside == "*":
        return (record for _, record in json_files.entries(path, ("question",)))
    return json_files.records(path, (), case.inside)


def theirs(case: Case, path: Path) -> Iterator[Any]:
    """Give each record of the file."""
    from datasets import load_dataset  # noqa: PLC0415 - only its own process pays for it

    field = {"field": case.inside} if case.inside else {}
    return iter(load_dataset("json", data_files=str(path), split="train", streaming=True, **field))


def theirs_with_pictures(case: Case, path: Path) -> Iterator[object]:
    """Give each record, with its picture read, hashed and opened."""
    from PIL import Image  # noqa: PLC0415 - see above

    model = _root(case, path) / case.picture[1]
    for record in theirs(case, path):
        name = record[case.picture[0]]
        stem = f"{name:012}" if isinstance(name, int) else Path(name).stem
        data = model.with_name(stem + model.suffix).read_bytes()
        picture = Image.open(io.BytesIO(data))
        picture.verify()
        yield record, hashlib.sha256(data).hexdigest(), picture.size


def samples(case: Case, path: Path) -> Iterator[object]:
    """Give each sample of the file, through all that `annotate` does before it stores one."""
    return (found.sample for found in ready(Place(case.source, _root(case, path), (case.split,)), Tally()))


def _root(case: Case, path: Path) -> Path:
    return path.parents[len(Path(case.file).parts) - 1]


WORK = {"datasets": theirs, "+pictures": theirs_with_pictures, "parse": parse, "sample": samples}


def works(case: Case) -> list[str]:
    """Return what can be measured of a source."""
    if case not in JSON_CASES:
        return ["sample"]
    if case.inside == "*":
        return ["parse", "sample"]
    return ["datasets", *["+pictures"] * bool(case.picture[0]), "parse", "sample"]


def child(what: str, name: str, path: Path) -> None:
    """Read the file to its end, and print what it took."""
    case = CASES[name]
    if WORK[what] in (theirs, theirs_with_pictures):
        import datasets  # noqa: PLC0415 - before the clock starts

        datasets.disable_progress_bars()

    def read() -> dict[str, Any]:
        begun = time.perf_counter()
        found = WORK[what](case, path)
        first = [one for one in islice(found, 1) if not isinstance(one, Broken)]
        waited = time.perf_counter() - begun
        return {"first": waited, "rows": len(first) + sum(1 for _ in found)}

    print(json.dumps(metered(read)))


# What is printed


def measure(case: Case, rows: int, folder: Path) -> Iterator[tuple[object, ...]]:
    """Yield a line for each way of reading one source's file."""
    path = multiply(case, folder / case.name, rows)
    size = f"{path.stat().st_size / 1e6:,.0f} MB" if path.is_file() else "a file a diagram"
    speeds: dict[str, float] = {}
    for what in works(case):
        found = _run(what, case.name, path)
        if "error" in found:
            yield case.name, size, what, found["error"][:90]
            continue
        speed = speeds[what] = found["rows"] / found["cpu"]
        ratios = [f"{speed / speeds[of]:.2f}x" if of in speeds else "–" for of in ("datasets", "+pictures")]
        costs = f"{speed:,.0f}", *ratios, f"{found['peak'] / 2**20:,.0f}", f"{found['first']:.2f}"
        yield case.name, size, what, f"{found['rows']:,}", *costs
    shutil.rmtree(folder / case.name)


def _run(what: str, name: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", what, name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


HEAD = ("source", "file", "what", "rows", "rows/CPU s", "of datasets", "of +pictures", "peak MiB", "first after s")


def main() -> None:
    """Measure the sources that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=TEXT_ROWS, help="of text; those with pictures have a tenth")
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument(
        "--folder", type=Path, help="where the files are written, and removed again [default: temporary]"
    )
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], given.child[1], Path(given.child[2]))
        return
    harness.show_machine()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for name in given.only:
            case = CASES[name]
            rows = case.rows * given.rows // TEXT_ROWS
            harness.show(HEAD, list(measure(case, rows, Path(folder))))


if __name__ == "__main__":
    main()
