"""A storm of 429: every request is turned away for a while, and the run should neither flood nor crawl afterwards.

    python tests/bench/bench_storm.py [--rows 2000] [--latency 0.3] [--in-flight 50] [--start 3] [--seconds 12]

Prints for three runs the time, what that is beyond the run without a storm, and the requests turned away:
without a storm; with one whose Retry-After names its end; and with one whose Retry-After is always 1 s, so that
nobody knows when it ends.

Measured elsewhere, with the last of the three: curator 0.1.31 sent 1,899 requests that were turned away and was not
done after 200 s (14 s without the storm); DataDesigner 0.9.6 sent 114 and took 38 s (20 s without).
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import harness

from curation.simulator import Faults, Settings, Simulator, serve


class Outcome(NamedTuple):
    """What became of a run."""

    seconds: float
    turned_away: int
    done: int


def outcome(url: str, log: Path, folder: Path, in_flight: int) -> Outcome:
    """Annotate everything, and count in the server's log what it turned away."""
    measured = harness.measure_annotate(url, folder / "data", folder / "workspace", in_flight)
    statuses = Counter(json.loads(line)["status"] for line in log.read_text().splitlines())
    return Outcome(measured["wall"], statuses[429], measured["done"])


def with_simulator(options: argparse.Namespace, folder: Path, name: str, *flags: str) -> Outcome:
    """Run against the simulator with these flags."""
    log = folder / f"{name}.jsonl"
    with harness.simulator("--latency", str(options.latency), "--log", str(log), *flags) as url:
        return outcome(url, log, folder, options.in_flight)


async def with_short_retry_after(options: argparse.Namespace, folder: Path) -> Outcome:
    """Run against a simulator that serves from this process, and turns to 429 and back by the clock."""
    log, over = folder / "short.jsonl", Event()
    settings = Settings(latency=options.latency, retry_after=1.0, log=log)
    async with serve(settings) as running:
        Thread(target=storm, args=(running.simulator, options.start, options.seconds, over), daemon=True).start()
        found = await asyncio.to_thread(outcome, running.url, log, folder, options.in_flight)
        over.set()
    return found


def storm(simulator: Simulator, start: float, seconds: float, over: Event) -> None:
    """Turn every request away for so many seconds, from `start` seconds after the first request."""
    fair = simulator.settings
    while not simulator.counts.requests and not over.wait(0.01):
        pass
    over.wait(start)
    simulator.settings = fair.model_copy(update={"faults": Faults(rate_limit=1.0)})
    over.wait(seconds)
    simulator.settings = fair


def main() -> int:
    """Run the three; the exit code is 1 where a row is missing."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=2000)
    arguments.add_argument("--latency", type=float, default=0.3)
    arguments.add_argument("--in-flight", type=int, default=50)
    arguments.add_argument("--start", type=float, default=3)
    arguments.add_argument("--seconds", type=float, default=12)
    options = arguments.parse_args()
    harness.show_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        harness.make_chartqa(folder / "data", options.rows, image_bytes=20 * 1024)
        calm = with_simulator(options, folder, "calm")
        told = with_simulator(options, folder, "told", "--storm", f"{options.start:g}:{options.seconds:g}")
        short = asyncio.run(with_short_retry_after(options, folder))
    outcomes = {"none": calm, "Retry-After names its end": told, "Retry-After 1 s": short}
    table = [
        (name, f"{each.seconds:.1f}", f"{each.seconds - calm.seconds:+.1f}", each.turned_away, each.done)
        for name, each in outcomes.items()
    ]
    harness.show(("storm", "wall s", "beyond none", "turned away", "rows done"), table)
    return 0 if all(each.done == options.rows for each in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
