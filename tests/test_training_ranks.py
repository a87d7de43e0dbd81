"""Two processes on CPUs train what one does: FSDP2 over gloo, started as `torchrun` starts them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from curation.training.stopping import occupied
from tests import processes, small_release

DRIVER = """
import json, os, signal, socket, sys
from curation.__main__ import main
from curation.training.updates import Updater

update = Updater.update

def interrupted(self, step, loss):
    if step + 1 == STOP:
        signal.raise_signal(signal.SIGINT)
    return update(self, step, loss)

def child(rank, job, port):
    global STOP
    shared = {"WORLD_SIZE": job["ranks"], "RANK": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in shared.items()})
    STOP = job["stop"] if rank == 0 else 0
    Updater.update = interrupted
    return main(job["command"])

for job in json.loads(sys.argv[1]):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    children = []
    for rank in range(job["ranks"]):
        children.append(os.fork())
        if not children[-1]:
            code = 70
            try:
                code = child(rank, job, port)
            finally:
                os._exit(code)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) for number in children]), flush=True)
"""
"""Imports once, then forks the ranks of one job after the other; prints their exit codes."""


def job(release: Path, out: Path, *more: object, ranks: int = 1, stop: int = 0) -> dict[str, Any]:
    """Train in so many processes, the first of them interrupted in a step, counted from 1."""
    flags = ["--steps", 6, "--batch", 5, "--lr", 1e-3, "--workers", 0, "--threads", 1, "--warmup", 0, *more]
    command = ["train", "--release", release, "--family", "tiny", "--out", out, *flags]
    return {"command": [*map(str, command)], "ranks": ranks, "stop": stop}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of some runs that began alike."""
    folder = tmp_path_factory.mktemp("runs")
    release = small_release.build(folder / "boxes", plain=7)
    wanted = [
        (job(release, folder / "one"), [0]),
        (job(release, folder / "two", ranks=2), [0, 0]),
        (job(release, folder / "mixed", ranks=2, stop=3), [3, 3]),
        (job(release, folder / "mixed"), [0]),
        (job(release, folder / "adapted", "--lora", 2), [0]),
        (job(release, folder / "adapted-two", "--lora", 2, ranks=2), [0, 0]),
        (job(release, folder / "held", ranks=2), [2, 2]),
    ]
    with occupied(folder / "held"):
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, json.dumps([one for one, _ in wanted])],
            capture_output=True, text=True, timeout=4 * processes.SECONDS, check=False,
        )  # fmt: skip
    codes = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert codes == [expected for _, expected in wanted], done.stderr
    assert done.stderr.count("another process is training") == 2
    return folder


def losses(out: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((out / "result.json").read_text())
    return result


def close(one: Any, other: Any) -> bool:
    """Tell whether all figures agree to 1e-6."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(close(one[name], other[name]) for name in one)
    return bool(one == pytest.approx(other, abs=1e-6))


def farthest(one: Path, other: Path) -> float:
    """Return the largest difference of two models' weights."""
    found, wanted = (load_file(out / "model" / "model.safetensors") for out in (one, other))
    assert found.keys() == wanted.keys()
    return max(float((found[name] - wanted[name]).abs().max()) for name in wanted)


@pytest.mark.parametrize("name", ["two", "mixed"])
def test_the_losses_are_those_of_one_rank_with_two_and_after_a_change_from_two_to_one(runs: Path, name: str) -> None:
    got, expected = losses(runs / name), losses(runs / "one")
    assert close(got["held_out"], expected["held_out"])
    assert got["counts"] == expected["counts"]
    assert farthest(runs / name, runs / "one") < 1e-4  # six steps of 1e-3 move a weight by up to 6e-3


def test_adapters_of_two_ranks_are_merged_into_a_plain_folder(runs: Path) -> None:
    assert close(losses(runs / "adapted-two")["held_out"], losses(runs / "adapted")["held_out"])
    assert farthest(runs / "adapted-two", runs / "adapted") < 1e-4
    assert farthest(runs / "adapted", runs / "one") > 1e-3
