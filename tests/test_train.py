"""The verb `train`: what it refuses, its defaults, its arms, and the folder that it leaves."""

import io
import json
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from curation import release as releases
from curation.__main__ import main
from curation.config import Report
from curation.families import open_model
from curation.train import Config, TrainReport, run
from curation.training import index
from exports.jsonl import image_file
from schemas.manifest import Manifest
from tests import small_models, small_release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_release.build(tmp_path_factory.mktemp("release") / "boxes", plain=5)


def train(release: Path, out: Path, **given: Any) -> TrainReport:
    """Run the verb on a new tiny model, or another."""
    flags = {"steps": 2, "batch": 2, "workers": 0, "threads": 1} | given
    model = {} if "model" in flags else {"family": "tiny"}
    report = run(config=Config.model_validate({"release": release, "out": out} | model | flags))
    assert report is not None
    return report


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Run a command that must end with exit code 2; return the one line that it says."""
    assert main(["train", *map(str, arguments)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_flipped_byte_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = small_release.build(tmp_path / "boxes", 4)
    picture = next((folder / "images").rglob("*.png"))
    data = bytearray(picture.read_bytes())
    data[-20] ^= 1
    picture.write_bytes(data)
    said = refusal(capsys, "--release", folder, "--family", "tiny")
    assert f"{picture.relative_to(folder)}: its content is not what was written; export it again" in said


def test_what_cannot_be_trained_is_refused_in_one_line(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is not a release" in refusal(capsys, "--release", tmp_path, "--family", "tiny")
    assert "--family tiny without it makes a new small one" in refusal(capsys, "--release", release)
    both = ("--steps", 2, "--epochs", 1)
    assert "give one of them" in refusal(capsys, "--release", release, "--family", "tiny", *both)
    (tmp_path / "empty").mkdir()
    assert "config.json" in refusal(capsys, "--release", release, "--model", tmp_path / "empty")
    held_out = small_release.build(tmp_path / "boxes", 0, validation=3)
    assert "no turn with a trace in its split train" in refusal(capsys, "--release", held_out, "--family", "tiny")
    every_flag = small_release.build(tmp_path / "flagged", 4, flagged=4)
    said = refusal(capsys, "--release", every_flag, "--family", "tiny", "--out", tmp_path / "out")
    assert "--arm curated takes none of the 4 turns in train" in said
    assert "--freeze" in refusal(capsys, "--release", release, "--family", "tiny", "--freeze", "ears")


@pytest.mark.parametrize("name", ["llava", "csv"])
def test_a_format_that_loses_something_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    releases.build([], tmp_path / "release", name, lambda ref: tmp_path, {}, {})
    assert "export --format jsonl" in refusal(capsys, "--release", tmp_path / "release", "--family", "tiny")


def test_a_checkpoint_of_another_family_is_refused(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    llava = small_models.folder("llava", tmp_path)
    said = refusal(capsys, "--release", release, "--model", llava, "--family", "qwen2-5-vl")
    assert "is of the family llava, not qwen2-5-vl" in said


@pytest.mark.parametrize("family", small_models.FAMILIES)
def test_the_folder_of_every_family_loads_with_plain_transformers(release: Path, tmp_path: Path, family: str) -> None:
    source = small_models.folder(family, tmp_path / "source")
    report = train(release, tmp_path / "out", model=str(source), lr=1e-3)
    before, after = open_model(source), open_model(tmp_path / "out" / "model")
    assert after.family == before.family == family
    plain = AutoModelForImageTextToText.from_pretrained(tmp_path / "out" / "model").state_dict()
    assert all(torch.equal(plain[name], tensor) for name, tensor in after.model.state_dict().items())
    assert any(not torch.equal(plain[name], tensor) for name, tensor in before.model.state_dict().items())
    assert after.renderer.prompt("How many?") == before.renderer.prompt("How many?")
    assert report.held_out is not None
    again = train(release, tmp_path / "again", model=str(tmp_path / "out" / "model"), lr=1e-12, steps=1)
    assert again.held_out is not None
    assert again.held_out["loss"] == pytest.approx(report.held_out["loss"], abs=1e-6)


def test_the_processor_of_a_run_loads_with_plain_transformers(release: Path, tmp_path: Path) -> None:
    train(release, tmp_path)
    processor = AutoProcessor.from_pretrained(tmp_path / "model")
    assert processor.chat_template


def test_the_manifest_names_inputs_settings_and_files(release: Path, tmp_path: Path) -> None:
    train(release, tmp_path)
    manifest = Manifest.model_validate_json((tmp_path / "manifest.json").read_bytes())
    assert manifest.kind == "run"
    assert manifest.inputs == {"release": json.loads(json.dumps(manifest.config["release"]))}
    assert manifest.config["steps"] == 2
    assert "model/model.safetensors" in {entry.path for entry in manifest.files}
    assert str(tmp_path) not in (tmp_path / "manifest.json").read_text()


def test_a_finished_run_says_again_what_came_of_it(release: Path, tmp_path: Path) -> None:
    first = train(release, tmp_path)
    weights = (tmp_path / "model" / "model.safetensors").stat().st_mtime_ns
    assert train(release, tmp_path) == first
    assert (tmp_path / "model" / "model.safetensors").stat().st_mtime_ns == weights


def test_a_finished_run_with_another_setting_is_refused(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(release, tmp_path)
    command = ("--release", release, "--family", "tiny", "--out", tmp_path, "--batch", 2, "--steps", 3)
    assert "steps was 2 and is 3" in refusal(capsys, *command)


def test_arms_take_the_same_steps_and_raw_without_errors_says_what_it_is(tmp_path: Path) -> None:
    clean = small_release.build(tmp_path / "clean", 6)
    flagged = small_release.build(tmp_path / "flagged", 6, flagged=2)
    arms = ("curated", "raw", "direct", "no-tags")
    reports = {arm: train(flagged, tmp_path / arm, arm=arm, steps=None, epochs=1) for arm in arms}
    assert {arm: report.turns for arm, report in reports.items()} == {"curated": 4, "raw": 6, "direct": 4, "no-tags": 4}
    assert {report.steps for report in reports.values()} == {3}
    direct = reports["direct"].held_out
    assert direct is not None
    assert set(direct["stages"]) == {"conclusion", "tags"}
    told = "the arm raw is the same as curated"
    assert told not in " ".join(reports["raw"].lines())
    assert told in " ".join(train(clean, tmp_path / "same", arm="raw").lines())


def test_no_validation_split_is_said(tmp_path: Path) -> None:
    folder = small_release.build(tmp_path / "boxes", 4, validation=0)
    report = train(folder, tmp_path / "out")
    assert report.held_out is None
    assert any("no validation split" in line for line in report.lines())
    assert report.exit_code == 0


def test_an_image_that_became_unreadable_ends_the_run_with_exit_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small_release.build(tmp_path / "boxes", 4)
    monkeypatch.setattr(releases, "check", lambda _: _spoil(folder))
    report = train(folder, tmp_path / "out")
    assert report.exit_code == 1
    assert any("1 times an image could not be read" in line for line in report.lines())


def _spoil(folder: Path) -> list[str]:
    """Spoil a picture after the release was proven."""
    image_file(folder, index(folder, "train").read(0).line.sample.images[0]).write_bytes(b"")
    return []


def test_the_papers_recipe_sets_its_hyperparameters(release: Path, tmp_path: Path) -> None:
    train(release, tmp_path, recipe="paper", steps=None, batch=8)
    config = json.loads((tmp_path / "manifest.json").read_text())["config"]
    expected = {"lr": 1e-5, "schedule": "step", "warmup": 0, "clip": 0, "weight_decay": 0, "seed": 42, "steps": 9}
    assert {name: config[name] for name in expected} == expected


def test_the_report_prints_as_tables_and_as_json(release: Path, tmp_path: Path) -> None:
    command = ["train", "--release", str(release), "--family", "tiny", "--steps", "1", "--batch", "2"]
    printed = []
    for more in ([], ["--json"]):
        with redirect_stdout(io.StringIO()) as out:
            assert main([*command, "--workers", "0", "--out", str(tmp_path), *more]) == 0
        printed.append(out.getvalue())
    assert "loss by source" in printed[0]
    assert "crates" in printed[0]
    assert TrainReport.model_validate_json(printed[1]).steps == 1
    assert issubclass(TrainReport, Report)


def test_help_comes_without_torch() -> None:
    script = (
        "import sys; from curation.__main__ import main; main(['train', '--help']); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "--micro-tokens" in done.stdout
