"""How fast the review desk is on a large workspace, and whether a crowd of reviewers loses anything.

    PYTHONPATH=. python tests/bench/bench_review.py queries [--traces 100000] [--decisions 20000] [--workspace DIR]
    PYTHONPATH=. python tests/bench/bench_review.py crowd [--seconds 60] [--reviewers 8] [--postgres] [--workspace DIR]
    PYTHONPATH=. python tests/bench/bench_review.py keys [--presses 100] [--workspace DIR]

`queries` times taking the next records, counting and listing for slices of every kind, and the figures of the
overview. `crowd` has reviewers in processes of their own decide at full speed on one store. `keys` measures from a key
to the next record in a browser on the running app. A workspace is built first, unless --workspace names one that is
there; `--charts DIR` takes its images from another folder than that of the bundled sample.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import harness
import numpy as np
import review_workspace
from numpy.typing import NDArray
from review_workspace import REVIEWERS, Size
from sqlalchemy import select

from curation.review import Desk, Reviewer, Slice
from curation.review.batches import batches
from curation.review.comparisons import agreement
from curation.review.overview import overview
from curation.statistics.agreement import MISSING, alpha
from curation.store import Store, tables
from schemas.review import Duty, State
from schemas.trace import Stage

SAMPLE = harness.ROOT / "curation/sources/_samples/chartqa"
SLICES = {
    "everything": Slice(),
    "a source": Slice(source=("docvqa",)),
    "a code": Slice(code=("answer:wrong",)),
    "two codes": Slice(code=("model:fails", "structure:leak")),
    "a source and a code": Slice(source=("geoqa",), code=("answer:wrong",)),
    "a stage": Slice(stage=(Stage.CAPTION,)),
    "no open issue": Slice(severity=("none",)),
    "a severity and a source": Slice(severity=("warning",), source=("geoqa",)),
    "a model": Slice(model=("gpt-4o-mini",)),
    "rejected": Slice(state=(State.REJECTED,)),
    "to adjudicate": Slice(needs=(Duty.ADJUDICATION,)),
    "a reviewer": Slice(reviewer=("ben",)),
    "a rare word": Slice(text="difference legend axis percentage"),
    "a frequent word": Slice(text="percentage"),
}
ROUNDS = 20
AHEAD = 3


def timed(work: Callable[[], Any], rounds: int) -> list[float]:
    """Return the milliseconds of each round, in order of size."""
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        found.append((time.perf_counter() - begun) * 1000)
    return sorted(found)


def at(share: float, times: Sequence[float]) -> float:
    """Return the percentile of times that are in order."""
    return times[min(len(times) - 1, int(share * len(times)))]


def queries(folder: Path) -> None:
    """Print how long the desk's queries and the figures take."""
    with Store.open(folder) as store:
        desk = Desk(store, Reviewer("ada", "adjudicator"))
        figures = {
            "folding decisions in, once": lambda: overview(store),
            "overview": lambda: overview(store),
            "agreement": lambda: agreement(store),
            **{f"α of {len(codes):,} records, 8 reviewers": partial(alpha, codes, 3, "ordinal") for codes in drawn()},
            "batches": lambda: batches(store, desk.terms),
            "values to filter by": desk.facets,
        }
        harness.show(("figures", "s"), [(name, f"{timed(work, 1)[0] / 1000:.2f}") for name, work in figures.items()])
        head = "slice", "turns", "take 3 and give back, p50 ms", "p95 ms", "count ms", "list 20 ms"
        harness.show(head, (_row(desk, name, slice_) for name, slice_ in SLICES.items()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = sum(path.stat().st_size for path in folder.glob("curation.db*")) / 1e6
    print(f"database {size:,.0f} MB, peak memory {peak:.0f} MB\n")


def drawn() -> Iterator[NDArray[np.int64]]:
    """Draw answers of 8 reviewers, a quarter of whom were not asked: for 10,000 records, then for 100,000."""
    for count in (10_000, 100_000):
        yield np.random.default_rng(2).integers(MISSING, 3, (count, 8))


def _row(desk: Desk, name: str, slice_: Slice) -> tuple[object, ...]:
    takes = timed(lambda: (desk.take(slice_, AHEAD), desk.give_back()), ROUNDS)
    listed = timed(lambda: desk.browse(slice_), 1)
    counted = timed(lambda: desk.count(slice_), 1)
    figures = at(0.5, takes), at(0.95, takes), *counted, *listed
    return name, f"{desk.count(slice_):,}", *(f"{figure:.0f}" for figure in figures)


def crowd(folder: Path, reviewers: int, seconds: float) -> None:
    """Have reviewers decide at once, and print what came of it."""
    names = REVIEWERS[:reviewers]
    with Store.open(folder) as store:
        Desk(store, Reviewer("ada")).refresh()
        before = _reviews(store)
    processes = [_begin(folder, name, seconds) for name in names]
    said = [process.communicate() for process in processes]
    failed = [
        err.strip().splitlines()[-1] for process, (_, err) in zip(processes, said, strict=True) if process.returncode
    ]
    told = {name: json.loads(out) for name, (out, _) in zip(names, said, strict=True) if out}
    with Store.open(folder) as store:
        stored = _reviews(store) - before
    decided = Counter(deed for each in told.values() for deed in each["decided"])
    waits = sorted(wait for each in told.values() for wait in each["waits"])
    harness.show(
        ("crowd", "figure"),
        [
            ("reviewers, seconds", f"{reviewers}, {seconds:.0f}"),
            ("decisions", f"{decided.total():,}, {decided.total() / seconds:.0f} a second"),
            ("take 3, p50 and p95 ms", f"{at(0.5, waits):.0f}, {at(0.95, waits):.0f}"),
            ("told, but not stored", len(decided.keys() - stored.keys())),
            ("stored twice, or not told", sum((stored - decided).values())),
            ("held by two at once", len(list(_doubled(told)))),
            ("refused", Counter(fault for each in told.values() for fault in each["faults"]).most_common(3)),
            ("processes that failed", failed or 0),
        ],
    )


def _begin(folder: Path, name: str, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, str(harness.BENCH / "review_crowd.py"), str(folder), name, str(seconds)]
    environment = dict(os.environ) | {"PYTHONPATH": str(harness.ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _reviews(store: Store) -> Counter[str]:
    with store.snapshot() as connection:
        return Counter(connection.execute(select(tables.events.c.id).where(tables.events.c.act == "review")).scalars())


def _doubled(told: dict[str, dict[str, Any]]) -> Iterator[tuple[str, int]]:
    """Return the records that two reviewers held at the same time; a gold item is for everybody."""
    spans: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for each in told.values():
        for sample, turn, duty, begun, ended in each["held"]:
            if duty != Duty.GOLD:
                spans.setdefault((sample, turn), []).append((begun, ended))
    for key, held in spans.items():
        held.sort()
        if any(later[0] < earlier[1] for earlier, later in pairwise(held)):
            yield key


@contextmanager
def workspace(options: argparse.Namespace) -> Iterator[Path]:
    """Yield the workspace that was named, or one in a temporary folder; built where there is none."""
    place = nullcontext(options.workspace) if options.workspace else tempfile.TemporaryDirectory()
    with _database(options.postgres), place as name:
        folder = Path(name) / "workspace" if not options.workspace else options.workspace
        if not (folder / "images").exists():
            charts = sorted(path for path in options.charts.rglob("*") if path.suffix in {".png", ".jpg"})[:300]
            built = review_workspace.build(folder, Size(options.traces, options.decisions), charts)
            print(f"{options.traces:,} traces, {options.decisions:,} decisions: {built}\n", flush=True)
        yield folder


@contextmanager
def _database(postgres: bool) -> Iterator[None]:
    """Keep the records in a PostgreSQL server of our own, if that is asked for."""
    if not postgres:
        yield
        return
    from tests.postgres_server import OWNER, find_programs, postgres_server  # noqa: PLC0415

    programs = find_programs()
    if programs is None:
        sys.exit("PostgreSQL is not installed")
    with postgres_server(programs) as socket:
        os.environ["CURATION_STORE"] = f"postgresql://{OWNER}@/postgres?host={socket}"
        yield


def main() -> None:
    """Measure what was asked for."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", choices=["queries", "crowd", "keys"])
    arguments.add_argument("--traces", type=int, default=100_000)
    arguments.add_argument("--decisions", type=int, default=20_000)
    arguments.add_argument("--workspace", type=Path)
    arguments.add_argument("--charts", type=Path, default=SAMPLE)
    arguments.add_argument("--postgres", action="store_true")
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--reviewers", type=int, default=len(REVIEWERS), choices=range(1, len(REVIEWERS) + 1))
    arguments.add_argument("--presses", type=int, default=100)
    options = arguments.parse_args()
    harness.show_machine()
    with workspace(options) as folder:
        if options.what == "queries":
            queries(folder)
        elif options.what == "crowd":
            crowd(folder, options.reviewers, options.seconds)
        else:
            import review_keys  # noqa: PLC0415 - needs a browser

            review_keys.measure(folder, options.presses)


if __name__ == "__main__":
    main()
