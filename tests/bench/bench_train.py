"""What a step of our trainer costs beside transformers' Trainer and TRL's SFTTrainer, and what those cannot do.

    python tests/bench/bench_train.py [--peer-python /path/to/python] [--repeat 3] [--only speed checks mfu]

`--peer-python` is the interpreter of an environment with transformers, accelerate, and TRL (`python -m venv`, then
`pip install trl` and the versions of torch and transformers that are to be compared); without it, this one.

speed   the same items in batches of as many, fp32, one thread, no workers, no evaluation, no checkpoint; a process for
        each trainer, and they take turns, a step each. Two passes over the items: in the first one ours reads texts and
        images from the release, in the second it still has them. What a step costs is its best in all repeats, summed.
        The peers are given our tensors, or read files (see trainer_peers.py), in our order (then the ids that the
        models are given are compared), or in their own, without length buckets.
checks  whether Trainer goes on with the weights of a checkpoint, and which paths of TRL run for VLMs
mfu     on a GPU: the share of its peak that ours reaches, by the size of a micro-batch
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

import harness

OURS = "ours"
PEERS = {
    "tensors same": "Trainer, our tensors",
    "processor same": "Trainer, its processor",
    "trl same": "SFTTrainer, messages",
    "processor own": "Trainer, its processor, its order",
    "trl own": "SFTTrainer, messages, its order",
}
CASES = ("tiny", "mllama")
VERSIONS = (
    "import importlib.metadata as m, sys; names = {d.name for d in m.distributions()};"
    "print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:] if n in names))"
)


class Runs(NamedTuple):
    """The same run, repeated: for each step that is timed, [wall, CPU] seconds."""

    reports: list[dict[str, Any]]

    def seconds(self, part: str, clock: int) -> float:
        """Return what the steps of a pass cost, each at its best. `part` is first or later, `clock` 0 wall, 1 CPU."""
        steps = zip(*(report[part]["spans"] for report in self.reports), strict=True)
        return sum(min(float(span[clock]) for span in spans) for spans in steps)

    def tokens_per_second(self, part: str) -> float:
        """Return tokens of a CPU second, padding not counted."""
        return float(self.reports[0][part]["tokens"] / self.seconds(part, 1))


def child(python: str, script: str, *arguments: str) -> str | None:
    """Run a script, and return what it prints last; where it fails, say why and return None."""
    cost = harness.run([python, str(harness.BENCH / script), *arguments])
    lines = (cost.stderr if cost.exit_code else cost.stdout).strip().splitlines()
    last = lines[-1] if lines else ""
    if cost.exit_code:
        print(f"{script} {' '.join(arguments)}: {last}\n", flush=True)
        return None
    return last


def prepare(what: str, folder: Path) -> None:
    """Make what the children work on."""
    if child(sys.executable, "trainer_cases.py", what, str(folder)) is None:
        sys.exit(1)


def has(python: str, module: str) -> bool:
    """Tell whether the interpreter can import a module; print that it can't."""
    found = not harness.run([python, "-c", f"import {module}"]).exit_code
    if not found:
        print(f"{module} is not installed for {python}: what needs it is left out\n")
    return found


def show_versions(*pythons: str) -> None:
    """Print what is measured, ours and the peers."""
    names = ("torch", "transformers", "accelerate", "trl", "datasets", "torchvision")
    for name, python in zip(("ours", "peers"), pythons, strict=True):
        print(f"{name}: {harness.run([python, '-c', VERSIONS, *names]).stdout.strip()}\n", flush=True)


def speed(python: str, peers: list[str], repeat: int, folder: Path) -> None:
    """Print what a step costs, for each case."""
    rows = []
    for case in CASES:
        place = folder / case
        prepare(case, place)
        sides = {side: command(python, side, place) for side in (OURS, *peers)}
        told: dict[str, list[Any]] = {side: [] for side in sides}
        for _ in range(repeat):
            for side, report in together(sides).items():
                told[side].append(report)
        runs = {side: Runs(reports) for side, reports in told.items()}
        rows += table(case, json.loads((place / "plan.json").read_text()), runs)
    print("CPU and wall milliseconds of a step; tokens a CPU second; how many times as many are ours\n")
    harness.show(("model", "trainer", "pass", "CPU", "wall", "tokens", "of answers", "ours", "batches"), rows)


def command(python: str, side: str, place: Path) -> list[str]:
    """Return what runs a trainer over a case."""
    if side == OURS:
        return [sys.executable, str(harness.BENCH / "trainer_ours.py"), str(place)]
    return [python, str(harness.BENCH / "trainer_peers.py"), *side.split(), str(place)]


def together(commands: dict[str, list[str]]) -> dict[str, Any]:
    """Run the trainers in turns, a step each, and return their reports; where one fails, say why."""
    pipes = [os.pipe() for _ in commands]
    os.write(pipes[0][1], b".")
    with ExitStack() as stack:
        running = {}
        for number, (side, words) in enumerate(commands.items()):
            turns = pipes[number][0], pipes[(number + 1) % len(pipes)][1]
            running[side] = Running(words, turns, stack.enter_context(TemporaryFile("w+")))
        for pipe in chain.from_iterable(pipes):
            os.close(pipe)  # so that a process hears when the one before it ends
        reports = {side: process.report(side) for side, process in running.items()}
    return {side: report for side, report in reports.items() if report}


class Running:
    """A trainer that runs."""

    def __init__(self, words: list[str], turns: tuple[int, int], told: IO[str]) -> None:
        environment = harness.environment() | {"BENCH_TURNS": "{} {}".format(*turns)}
        self._told = told
        self._process = subprocess.Popen(
            words, env=environment, cwd=harness.ROOT, stdout=told, stderr=subprocess.STDOUT, pass_fds=turns
        )

    def report(self, side: str) -> Any | None:
        """Wait for what it prints last; where it fails, say why and return None."""
        code = self._process.wait()
        self._told.seek(0)
        last = self._told.read().strip().splitlines()[-1:]
        if code:
            print(f"{side}: {''.join(last)}\n", flush=True)
            return None
        return json.loads(last[0])


def table(case: str, plan: dict[str, Any], runs: dict[str, Runs]) -> list[tuple[str, ...]]:
    """Return the rows of a case."""
    share = plan["answers"] / plan["tokens"]
    return [
        (case, PEERS.get(side, side), part, *figures(part, found, runs[OURS], share))
        for part in ("first", "later")
        for side, found in runs.items()
        if found.reports
    ]


def figures(part: str, found: Runs, ours: Runs, share: float) -> list[str]:
    """Return what a pass of a trainer costs, beside that of ours; `share` of the tokens are those of answers."""
    steps, tokens = len(found.reports[0][part]["spans"]), found.tokens_per_second(part)
    each = [f"{found.seconds(part, clock) / steps * 1000:.0f}" for clock in (1, 0)]
    same = all(one["digest"] == ours.reports[0]["digest"] for one in found.reports)
    ratio = "" if found is ours else f"{ours.tokens_per_second(part) / tokens:.2f} x"
    return [*each, f"{tokens:,.0f}", f"{tokens * share:,.0f}", ratio, "the same" if same else "others"]


def checks(python: str, folder: Path, *, trl: bool) -> None:
    """Print what the peers can do."""
    prepare("checkpoints", folder)
    print("Trainer.train(resume_from_checkpoint=...): largest difference of a weight\n")
    head = ("checkpoint", "trained by", "resumed from it", "from_pretrained from it", "tensors not restored")
    harness.show(head, json.loads(child(python, "trainer_checks.py", "resume", str(folder)) or "[]"))
    if trl:
        print("TRL's SFTTrainer on rows with an image\n")
        told = child(python, "trainer_checks.py", "trl", str(folder))
        harness.show(("checkpoint", "path", "outcome"), json.loads(told or "[]"))


def mfu() -> None:
    """Print what share of a GPU's peak is reached."""
    rows = json.loads(child(sys.executable, "trainer_mfu.py") or "[]")
    if rows:
        harness.show(("items of a micro-batch", "of the peak (MFU)", "tokens/s", "GiB"), rows)
    else:
        print("MFU: no GPU here, left out\n")


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--peer-python", default=sys.executable, help="interpreter that has the peers")
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--only", nargs="+", choices=("speed", "checks", "mfu"), default=["speed", "checks", "mfu"])
    options = arguments.parse_args()
    python = options.peer_python
    show_versions(sys.executable, python)
    trainer, trl = has(python, "accelerate"), has(python, "trl")
    peers = [side for side in PEERS if (trl if "trl" in side else trainer)]
    with tempfile.TemporaryDirectory() as folder:
        if "speed" in options.only:
            speed(python, peers, options.repeat, Path(folder))
        if "checks" in options.only and trainer:
            checks(python, Path(folder) / "checkpoints", trl=trl)
    if "mfu" in options.only:
        mfu()


if __name__ == "__main__":
    main()
