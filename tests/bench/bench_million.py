"""All validators, and near duplicates, over a million rows, and beside them what others would take.

    python tests/bench/bench_million.py [--sizes 10000 100000 1000000] [--folder DIR] [--plot growth.svg]
        [--datatrove PYTHON] [--data-juicer PYTHON] [--text-dedup PYTHON] [--peer-rows 100000] [--processes 2]
        [--only checks|near]

The rows are made once in the folder (see `million_rows`): traces with faults among them, and texts every tenth of which
is a copy with one to four words changed. Prints rows a second, CPU, and the most MiB that a process held, for each
number of rows; then the same of the peers on the same file of `--peer-rows`, on as many processes, one after another,
and how many times as long they took. `--plot` draws seconds over rows.

A peer's Python has it installed: `pip install datatrove[io,processing] datasketch orjson tokenizers "xxhash<3.6"`,
`pip install py-data-juicer aiohttp`; `pip install --no-deps text-dedup`, with `datasets "click<9" scipy xxhash regex
"click-option-group<0.6" "rich<14" ftfy` (its other requirements are Spark and Sphinx). Datatrove's and Data-Juicer's
filters drop a row at the first that it fails; our validators all see all rows. Near duplicates of ours take one
process. On a busy machine only CPU can be compared.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import harness
import million_rows
import numpy as np
from million_groups import group, groups
from million_ours import recall

_FOLDER = Path("/tmp/curation-million")
_HEAD = ("what", "rows", "seconds", "rows/s", "CPU s", "rows/CPU s", "MiB", "recall", "false", "times ours: wall, CPU")
_PEERS = {
    "checks": (("datatrove", "datatrove-filters"), ("data_juicer", "data-juicer")),
    "near": (("datatrove", "datatrove-minhash"), ("datatrove", "datasketch"), ("text_dedup", "text-dedup")),
}
"""The peers of each half: the flag that names their Python, and what they run."""


class Run(NamedTuple):
    """What it took to go over a file."""

    what: str
    rows: int
    seconds: float
    cpu: float
    peak: float
    """MiB."""
    quality: dict[str, float]

    def row(self, ours: "Run | None" = None) -> tuple[str, ...]:
        """Return a row of the table; a peer's says how many times as long as we it took over the same file."""
        shares = [f"{100 * self.quality[name]:.3g} %" if name in self.quality else "" for name in ("recall", "false")]
        times = f"{self.seconds / ours.seconds:.1f}, {self.cpu / ours.cpu:.1f}" if ours else ""
        wall = (f"{self.rows:,}", f"{self.seconds:.1f}", f"{self.rows / self.seconds:,.0f}")
        return (self.what, *wall, f"{self.cpu:.0f}", f"{self.rows / self.cpu:,.0f}", f"{self.peak:.0f}", *shares, times)


def ours(half: str, file: Path, rows: int, processes: int) -> Run:
    """Run our half of the benchmark over a file."""
    script = [sys.executable, str(harness.BENCH / "million_ours.py"), half, str(file), "--processes", str(processes)]
    made, cpu = _child(script)
    quality = {name: made[name] for name in ("recall", "false") if name in made}
    return Run(f"ours: {half}", rows, made["seconds"], cpu, made["peak"], quality)


def peer(python: str, what: str, file: Path, rows: int, processes: int) -> Run:
    """Run a peer over the same rows, in parts."""
    made_of = million_rows.parts(file, processes)
    script = [python, str(harness.BENCH / "million_peers.py"), what, *map(str, made_of), "--processes", str(processes)]
    made, cpu = _child(script)
    quality = _quality(file, made["told"]) if "told" in made else {}
    return Run(what, rows, made["seconds"], cpu, made["peak"], quality)


def _child(command: Sequence[str]) -> tuple[dict[str, Any], float]:
    cost = harness.run(command)
    if cost.exit_code:
        sys.exit(f"{' '.join(command)} failed: {cost.stderr[-2000:]}")
    return json.loads(cost.stdout.splitlines()[-1]), cost.cpu


def _quality(file: Path, told: Sequence[str]) -> dict[str, float]:
    """Return how many planted pairs are told, by the copy or, as datatrove keeps either, by what it is a copy of."""
    of = np.concatenate([group(file, number)["of"] for number in range(groups(file))])
    copies = {int(original): number for number, original in enumerate(of) if original >= 0}
    named = [copies.get(int(each), int(each)) for each in told]
    return recall(of, np.array(sorted(set(named)), dtype=np.int64))


def plot(runs: Sequence[Run], file: Path) -> None:
    """Draw seconds over rows, both on logarithmic scales: what is linear rises at one in one."""
    rows = [math.log10(run.rows) for run in runs]
    seconds = [math.log10(run.seconds) for run in runs]
    low, high = math.floor(min(seconds)), math.ceil(max(seconds))
    left, right = math.floor(min(rows)), math.ceil(max(rows))

    def at(run: Run) -> str:
        x = 70 + 500 * (math.log10(run.rows) - left) / max(1, right - left)
        return f"{x:.1f},{330 - 300 * (math.log10(run.seconds) - low) / max(1, high - low):.1f}"

    parts = [_grid(range(left, right + 1), range(low, high + 1))]
    for number, what in enumerate(dict.fromkeys(run.what for run in runs)):
        points, colour = [at(run) for run in runs if run.what == what], ("#2c5aa0", "#c0504d", "#6a9a3b")[number % 3]
        parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y in (each.split(",") for each in points)]
        parts.append(f'<text x="80" y="{50 + 18 * number}" fill="{colour}">{what}</text>')
    style = 'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 380" font-family="sans-serif" font-size="13"'
    file.write_text(f"<svg {style}>{''.join(parts)}</svg>")


def _grid(across: range, up: range) -> str:
    lines = []
    for number in across:
        x = 70 + 500 * (number - across[0]) / max(1, len(across) - 1)
        lines.append(f'<path d="M{x} 30V330" stroke="#ddd"/><text x="{x}" y="350" text-anchor="middle">')
        lines.append(f"{10**number:,}</text>")
    for number in up:
        y = 330 - 300 * (number - up[0]) / max(1, len(up) - 1)
        lines.append(f'<path d="M70 {y}H570" stroke="#ddd"/><text x="62" y="{y + 4}" text-anchor="end">')
        lines.append(f"{10.0**number:g} s</text>")
    return "".join(lines) + '<text x="320" y="372" text-anchor="middle">rows</text>'


def measure(half: str, options: argparse.Namespace) -> list[Run]:
    """Run a half for every size, then its peers, and print the tables; return our runs."""
    make = {"checks": million_rows.traces, "near": million_rows.texts}[half]
    runs = [ours(half, make(options.folder, size), size, options.processes) for size in sorted(options.sizes)]
    harness.show(_HEAD, [run.row() for run in runs])
    there = [(python, what) for flag, what in _PEERS[half] if (python := getattr(options, flag))]
    if there:
        rows, file = options.peer_rows, make(options.folder, options.peer_rows)
        mine = next((run for run in runs if run.rows == rows), None) or ours(half, file, rows, options.processes)
        others = [peer(python, what, file, rows, options.processes) for python, what in there]
        harness.show(_HEAD, [mine.row(), *(run.row(mine) for run in others)])
        if half == "checks":
            like = ours("alike", file, rows, options.processes)
            harness.show(_HEAD, [like.row(), *(run.row(like) for run in others)])
    return runs


def main() -> None:
    """Run both halves, or the one that is asked for."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    arguments.add_argument("--folder", type=Path, default=_FOLDER)
    arguments.add_argument("--plot", type=Path)
    arguments.add_argument("--datatrove")
    arguments.add_argument("--data-juicer")
    arguments.add_argument("--text-dedup")
    arguments.add_argument("--peer-rows", type=int, default=100_000)
    arguments.add_argument("--processes", type=int, default=2)
    arguments.add_argument("--only", choices=tuple(_PEERS))
    options = arguments.parse_args()
    runs = [run for half in _PEERS if options.only in (None, half) for run in measure(half, options)]
    if options.plot:
        plot(runs, options.plot)


if __name__ == "__main__":
    main()
