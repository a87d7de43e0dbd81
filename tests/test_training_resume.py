"""A run that was stopped, killed or begun twice goes on exactly, or is refused."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from curation.__main__ import main
from curation.errors import DataError, StoppedError, UsageError
from curation.training import checkpoint
from curation.training.stopping import occupied
from tests import processes, small_release
from tests.training_runs import fresh, interrupt_at, run, same, weights


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_release.build(tmp_path_factory.mktemp("release") / "boxes", plain=6)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_goes_on_bit_by_bit(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    straight, stopped = fresh(release), fresh(release)
    expected = run(release, tmp_path / "straight", model=straight)
    with monkeypatch.context() as patch:
        interrupt_at(3, patch, number)
        with pytest.raises(StoppedError, match="stopped after step 3 of 6; the same command goes on"):
            run(release, tmp_path / "stopped", model=stopped)
    again = fresh(release, seed=7)
    outcome = run(release, tmp_path / "stopped", model=again)
    assert same(weights(straight), weights(again))
    assert outcome.counts == expected.counts
    assert outcome.held_out == expected.held_out
    lines = [json.loads(line) for line in (tmp_path / "stopped" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [6, 6]


def test_a_run_without_a_place_keeps_nothing(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_at(1, monkeypatch)
    with pytest.raises(StoppedError, match="nothing was kept"):
        run(release)


def test_the_last_two_checkpoints_are_kept_until_the_run_is_finished(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_at(7, patch)
        with pytest.raises(StoppedError):
            run(release, tmp_path, steps=9)
    assert [folder.name for folder in checkpoint.found(tmp_path)] == ["step-00000006", "step-00000007"]
    state = checkpoint.read_state(checkpoint.found(tmp_path)[-1])
    assert state.config["release"] == "sha256:0"
    assert state.config["seed"] == 0
    assert state.counts["tokens"] > 0
    run(release, tmp_path, steps=9)
    assert checkpoint.found(tmp_path) == []


def test_another_configuration_in_the_same_place_is_refused_with_the_difference(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_at(2, patch)
        with pytest.raises(StoppedError):
            run(release, tmp_path)
    with pytest.raises(UsageError, match=r"lr was 0.001 and is 0.002.*another --out"):
        run(release, tmp_path, lr=0.002)
    assert run(release, tmp_path, micro_tokens=300).steps == 6


def test_a_damaged_checkpoint_is_named_and_the_one_before_takes_over(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, again = fresh(release), fresh(release)
    run(release, tmp_path / "straight", model=straight)
    with monkeypatch.context() as patch:
        interrupt_at(5, patch)
        with pytest.raises(StoppedError):
            run(release, tmp_path / "damaged")
    last = checkpoint.found(tmp_path / "damaged")[-1]
    (last / ".metadata").write_bytes(b"no pickle")
    with pytest.raises(DataError, match=f"{last.name} can't be read: remove it"):
        run(release, tmp_path / "damaged")
    (last / "state.json").unlink()
    with pytest.raises(DataError, match="goes on from the one before"):
        run(release, tmp_path / "damaged")
    shutil.rmtree(last)
    run(release, tmp_path / "damaged", model=again)
    assert same(weights(straight), weights(again))


def test_two_processes_in_one_place_are_refused(release: Path, tmp_path: Path) -> None:
    with occupied(tmp_path), pytest.raises(UsageError, match="another process is training"):
        run(release, tmp_path)


TELLING = """
import sys
from curation.__main__ import main
from curation.training import checkpoint

save = checkpoint.save

def telling(*given):
    save(*given)
    print("saved", flush=True)

checkpoint.save = telling
sys.exit(main(sys.argv[1:]))
"""


def _command(release: Path, out: Path) -> list[str]:
    run_flags = ["--steps", 9, "--batch", 4, "--save-every", 3, "--workers", 1, "--threads", 1]
    return [*map(str, ["train", "--release", release, "--family", "tiny", "--out", out, *run_flags])]


@pytest.fixture(scope="module")
def straight(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run by command that nothing stopped."""
    out = tmp_path_factory.mktemp("straight")
    assert main(_command(release, out)) == 0
    return out


def test_a_killed_process_goes_on_with_the_same_command(release: Path, straight: Path, tmp_path: Path) -> None:
    with processes.start(TELLING, *_command(release, tmp_path)) as process:
        process.kill()
    assert checkpoint.found(tmp_path)
    _goes_on(release, straight, tmp_path)


def test_ctrl_c_ends_with_exit_code_3_and_the_same_command_goes_on(
    release: Path, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        interrupt_at(4, patch)
        assert main(_command(release, tmp_path)) == 3
    assert "stopped after step 4 of 9; the same command goes on from there" in capsys.readouterr().err
    _goes_on(release, straight, tmp_path)


def _goes_on(release: Path, straight: Path, out: Path) -> None:
    assert not (out / "model").exists()
    assert main(_command(release, out)) == 0
    for name in ("manifest.json", "model/model.safetensors"):
        assert (out / name).read_bytes() == (straight / name).read_bytes()
