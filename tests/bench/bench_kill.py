"""Whether anything that was answered is paid for again after `kill -9`, and what `status` says of it.

    python tests/bench/bench_kill.py [--rows 1000] [--in-flight 64] [--kills 5] [--latency 0.3] [--seed 0]

Runs `annotate` against the simulator, kills it at random moments, each time starts the same command again, and lets
the last one finish. Reads the simulator's own log of requests, in which each has the key of its call, and the answers
that were stored when the process died.

Prints for each kill the requests billed, the answers stored, and those billed without a stored answer; then the
requests sent for an answer that was stored (must be 0), those billed twice (at most what was in flight at the kills)
and how many `status` says may have been billed (at least those).
"""

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import harness


class Life(NamedTuple):
    """One process, until it was killed or done."""

    sent: list[str]
    """Keys of the requests that it sent and that were billed."""
    stored_before: set[str]
    """Keys of the answers that were stored when it began."""


class Workplace(NamedTuple):
    """What every life works on."""

    command: list[str]
    database: Path
    log: Path

    def stored(self) -> set[str]:
        """Return the keys of the stored answers."""
        if not self.database.exists():
            return set()
        with closing(sqlite3.connect(self.database)) as connection:
            return {key for (key,) in connection.execute("SELECT key FROM calls WHERE outcome != 'gave-up'")}

    def billed(self) -> list[str]:
        """Return the keys of all requests that were billed so far, in their order."""
        lines = map(json.loads, self.log.read_text().splitlines() if self.log.exists() else ())
        return [line["client_request_id"] for line in lines if line["billed"]]


def live(place: Workplace, kill_after: float | None) -> Life:
    """Run the command; kill it so many seconds after its first request, or let it finish."""
    before, stored = len(place.billed()), place.stored()
    process = subprocess.Popen(
        place.command, env=harness.environment(), cwd=harness.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    if kill_after is not None:
        while len(place.billed()) == before and process.poll() is None:
            time.sleep(0.01)
        time.sleep(kill_after)
        process.send_signal(signal.SIGKILL)
    _, complaint = process.communicate()
    if process.returncode not in {0, -signal.SIGKILL}:
        sys.exit(f"annotate ended with {process.returncode}: {complaint.decode()}")
    return Life(place.billed()[before:], stored)


def status(workspace: Path) -> dict[str, Any]:
    """Return what `status` says."""
    said = harness.run(harness.curation("status", "--json", "--workspace", str(workspace)))
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def report(lives: list[Life], place: Workplace, in_flight: int, found: dict[str, Any]) -> int:
    """Print the figures; return 1 where money was wasted or hidden."""
    ends = [*(life.stored_before for life in lives[1:]), place.stored()]
    rows, seen = [], set[str]()
    for number, (life, stored) in enumerate(zip(lives, ends, strict=True), start=1):
        seen.update(life.sent)
        rows.append((number, len(life.sent), len(stored), len(seen - stored)))
    harness.show(("life", "billed in it", "answers stored at its end", "billed, no answer stored"), rows)
    again = sum(key in life.stored_before for life in lives for key in life.sent)
    twice = sum(count - 1 for count in Counter(place.billed()).values())
    most, maybe = in_flight * (len(lives) - 1), found["money"]["maybe_billed_requests"]
    print(f"requests for an answer that was stored: {again} (must be 0)")
    print(f"requests billed again: {twice} (at most {most} in flight at {len(lives) - 1} kills)")
    print(f"may have been billed without an answer, by `status`: {maybe} (at least {twice})")
    print(f"turns traced: {found['sources'][0]['traced']} of {found['sources'][0]['turns']}")
    return 0 if not again and twice <= most and twice <= maybe else 1


def main() -> int:
    """Kill, resume, and count."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rows", type=int, default=1000)
    arguments.add_argument("--in-flight", type=int, default=64)
    arguments.add_argument("--kills", type=int, default=5)
    arguments.add_argument("--latency", type=float, default=0.3)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    rng = random.Random(options.seed)
    longest = options.rows * options.latency / options.in_flight / (options.kills + 1)
    harness.show_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        harness.make_chartqa(folder / "data", options.rows, image_bytes=100 * 1024)
        log, workspace = folder / "log.jsonl", folder / "workspace"
        with harness.simulator("--latency", str(options.latency), "--log", str(log)) as url:
            flags = harness.annotate_flags(url, folder / "data", workspace, options.in_flight)
            place = Workplace(harness.curation(*flags), workspace / "curation.db", log)
            lives = [live(place, rng.uniform(0, 2 * longest)) for _ in range(options.kills)]
            lives.append(live(place, None))
        return report(lives, place, options.in_flight, status(workspace))


if __name__ == "__main__":
    sys.exit(main())
