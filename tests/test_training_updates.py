"""Updates: normalisation, precision, the guard, schedules, and which parameters move."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import MllamaForConditionalGeneration

from curation import families
from curation.errors import DataError, UsageError
from curation.families import VisionModel, open_model
from curation.training import Settings
from curation.training.schedule import rate
from curation.training.stopping import room
from curation.training.updates import Updater
from tests import small_models, small_release
from tests.training_runs import fresh, run, same, settings, weights


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_release.build(tmp_path_factory.mktemp("release") / "boxes", plain=6)


def farthest(one: VisionModel, other: VisionModel) -> float:
    pairs = zip(one.model.parameters(), other.model.parameters(), strict=True)
    return max(float((p - q).detach().abs().max()) for p, q in pairs)


@pytest.mark.parametrize("more", [{"micro_tokens": 1}, {"recompute": True}, {"workers": 1}])
def test_how_a_step_is_computed_changes_nothing_but_rounding(release: Path, more: dict[str, int]) -> None:
    one, other = fresh(release), fresh(release)
    expected = run(release, model=one, steps=2, lr=1e-4)
    outcome = run(release, model=other, steps=2, lr=1e-4, **more)
    assert outcome.train is not None
    assert expected.train is not None
    assert outcome.train.loss == pytest.approx(expected.train.loss, abs=2e-6)
    assert outcome.train.tokens == expected.train.tokens
    assert farthest(one, other) < 2e-5  # a tenth of what two steps move a weight


def test_losses_of_sources_and_stages_are_parts_of_the_whole(release: Path) -> None:
    outcome = run(release, steps=3, eval_every=1)
    assert outcome.held_out is not None
    assert set(outcome.held_out.sources) == {"boxes", "crates"}
    assert min(outcome.held_out.sources.values()) < outcome.held_out.loss < max(outcome.held_out.sources.values())
    assert list(outcome.held_out.stages) == list(families.GROUPS)


def test_training_lowers_the_loss_of_every_stage(release: Path) -> None:
    model = fresh(release)
    before = run(release, model=model, steps=1, lr=1e-9).held_out
    after = run(release, model=model, steps=40, lr=1e-3, batch=8).held_out
    assert before is not None
    assert after is not None
    assert all(after.stages[stage] < before.stages[stage] - 0.5 for stage in before.stages)


def poison(model: VisionModel, steps: set[int]) -> None:
    """Make the gradient of the output layer not a number, in the backward passes with these numbers from 1."""
    passes = iter(range(1, 1000))
    weight = model.model.get_output_embeddings().weight
    weight.register_hook(lambda gradient: gradient * float("nan") if next(passes) in steps else gradient)


def test_a_gradient_that_is_not_finite_never_reaches_the_weights(release: Path, tmp_path: Path) -> None:
    model = fresh(release)
    poison(model, {2, 3})
    outcome = run(release, tmp_path, model=model, steps=5, micro_tokens=100_000)
    assert outcome.counts["skipped_steps"] >= 1
    assert all(bool(torch.isfinite(p).all()) for p in model.model.parameters())
    assert outcome.train is not None
    assert outcome.train.loss == outcome.train.loss
    assert f'"skipped_steps": {outcome.counts["skipped_steps"]}' in (tmp_path / "log.jsonl").read_text()


def test_five_such_steps_in_a_row_end_the_run_with_the_weights_as_they_were(release: Path) -> None:
    model = fresh(release)
    before = weights(model)
    poison(model, set(range(1, 1000)))
    with pytest.raises(DataError, match=r"5 steps in a row, the last of them step 5: lower --lr"):
        run(release, model=model, steps=9)
    assert same(before, weights(model))


def test_masters_in_fp32_keep_updates_that_bf16_loses() -> None:
    """The paper's recipe keeps its weights in bf16, where a step of 1e-5 changes few weights of the usual size."""
    torch.manual_seed(0)
    start = torch.randn(50_000) * 0.02
    moved = {}
    for dtype in (torch.float32, torch.bfloat16):
        weight = nn.Parameter(start.bfloat16().to(dtype))
        weight.grad = torch.randn(50_000).to(dtype)
        before = weight.detach().clone()
        Updater([weight], settings(lr=1e-5, weight_decay=0, clip=0)).update(0, torch.zeros(()))
        moved[dtype] = float((weight != before).float().mean())
    assert moved[torch.float32] > 0.99
    assert moved[torch.bfloat16] < 0.25


def test_bf16_computes_in_bf16_and_keeps_masters_in_fp32(release: Path) -> None:
    one, other = fresh(release), fresh(release)
    exact = run(release, model=one, steps=2)
    half = run(release, model=other, steps=2, precision="bf16")
    assert {p.dtype for p in other.model.parameters()} == {torch.float32}
    assert exact.train is not None
    assert half.train is not None
    assert exact.train.loss != half.train.loss
    assert half.train.loss == pytest.approx(exact.train.loss, abs=0.05)


def test_the_gradient_is_clipped_to_the_norm() -> None:
    weight = nn.Parameter(torch.zeros(4))
    weight.grad = torch.full((4,), 50.0)
    updater = Updater([weight], settings(clip=1.0))
    seen: list[float] = []
    updater.optimizer.register_step_pre_hook(lambda *_: seen.append(float(weight.grad.norm())))  # type: ignore[union-attr]
    assert updater.update(0, torch.zeros(())).norm == pytest.approx(100)
    assert seen == [pytest.approx(1, rel=1e-4)]


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("cosine", {0: 0.5, 1: 0.9762, 50: 0.515, 99: 0.0302}),
        ("linear", {0: 0.5, 50: 0.515, 99: 0.0397}),
        ("constant", {0: 0.5, 1: 1, 99: 1}),
        ("step", {0: 0.5, 1: 1, 29: 1, 30: 0.85, 60: 0.7225, 99: 0.614125}),
    ],
)
def test_schedules(schedule: str, rates: dict[int, float]) -> None:
    wanted = Settings.model_validate({"steps": 100, "lr": 1, "warmup": 2, "schedule": schedule, "epoch": 30})
    assert {step: rate(wanted, step) for step in rates} == pytest.approx(rates, rel=0.03)


@pytest.mark.parametrize("part", ["vision", "cross", "self"])
def test_a_frozen_part_stays_as_it_was_and_the_others_learn(release: Path, part: str) -> None:
    model = fresh(release)
    patterns = families.get("tiny").parts(model.model.config)
    before = weights(model)
    outcome = run(release, model=model, steps=2, freeze=(part,))
    after = weights(model)
    frozen = {name for name, _ in model.model.named_parameters() if re.search(patterns[part], name)}  # type: ignore[index]
    assert frozen
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    for other in patterns.keys() - {part}:
        assert any(not torch.equal(before[n], after[n]) for n in before if re.search(patterns[other], n)), other
    assert outcome.trained_parameters < outcome.parameters


def test_freezing_what_a_family_lacks_or_all_that_there_is_is_refused(release: Path, tmp_path: Path) -> None:
    llava = open_model(small_models.folder("llava", tmp_path))
    with pytest.raises(UsageError, match="--freeze cross: the family llava has no such part"):
        run(release, model=llava, freeze=("cross",))
    with pytest.raises(UsageError, match="leaves nothing to train"):
        run(release, freeze=("vision", "cross", "self"))


def test_adapters_keep_the_tags_and_are_merged_into_a_plain_folder(release: Path, tmp_path: Path) -> None:
    model = fresh(release)
    before = weights(model)
    outcome = run(release, tmp_path, model=model, lora=2, lr=1e-2)
    assert outcome.trained_parameters < outcome.parameters / 10
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
    plain = MllamaForConditionalGeneration.from_pretrained(tmp_path / "model")
    after = plain.state_dict()
    assert after.keys() == before.keys()
    tags = [i for token, i in model.renderer.tokenizer.get_added_vocab().items() if token[1:].strip("/>").isupper()]
    assert len(tags) == 8
    head = (after["lm_head.weight"] != before["lm_head.weight"]).any(dim=1)
    assert head.nonzero().flatten().tolist() == sorted(tags)
    query = "model.language_model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(after[query], before[query])
    assert same({**after}, weights(model))


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), RuntimeError("can't allocate memory: 9")]
)
def test_out_of_memory_says_what_to_lower(error: Exception) -> None:
    advice = r"step 3: lower --micro-tokens \(now 8,192\), or add --recompute, or --freeze vision"
    with pytest.raises(UsageError, match=advice), room(settings(), 2):
        raise error


def test_another_runtime_error_is_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError, match="shapes differ"), room(settings(), 2):
        raise RuntimeError("shapes differ")
