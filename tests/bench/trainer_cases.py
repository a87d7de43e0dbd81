"""Makes what the trainers are measured with: a release of scenes, a model, and the order that ours takes them in.

    python tests/bench/trainer_cases.py tiny|mllama FOLDER
    python tests/bench/trainer_cases.py checkpoints FOLDER

`release/`, `model/`, `plan.json` (the rows of each step, with the sizes of the case) and `batches.pt` (the same steps,
as our collator makes them); `checkpoints` makes a model of each kind that the checks of the peers need, and a batch.
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import harness
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, MllamaConfig, MllamaForConditionalGeneration
from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig
from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

from curation.families import Renderer, VisionModel, open_model, tiny
from curation.families._files import Files
from curation.families.llama3_2_vision import MllamaRenderer
from curation.training import Settings, index
from curation.training.arms import ask
from curation.training.batches import Batch, Budget, Load, Member, gather, rounds
from curation.training.examples import Encoder
from curation.training.order import Order
from curation.training.pixels import PixelCache
from curation.training.records import Rows, texts
from exports.jsonl import image_file
from tests import small_models

ONE_BATCH = 2**30
"""A budget of tokens that no step outgrows: a step is one micro-batch, as it is for the peers."""


class Case(NamedTuple):
    """The sizes of a run of two passes."""

    items: int
    batch: int
    warm: int
    """Steps that are not timed."""

    @property
    def steps(self) -> int:
        """Of one pass."""
        return self.items // self.batch

    def settings(self) -> Settings:
        """What ours is told."""
        return Settings(
            arm="raw", steps=2 * self.steps, batch=self.batch, micro_tokens=ONE_BATCH, warmup=5, save_every=0
        )


CASES = {"tiny": Case(480, 16, 5), "mllama": Case(96, 8, 3)}


def make(name: str, folder: Path) -> None:
    """Make a case."""
    case = CASES[name]
    release = _release(folder, case.items)
    model = tiny.create(texts(release, "train"), 0) if name == "tiny" else _mllama(folder, release)
    _save(model, folder / "model")
    _plan(case, open_model(folder / "model").renderer, index(release, "train"), folder)


def _release(folder: Path, items: int) -> Path:
    data, workspace, out = folder / "data", folder / "workspace", folder / "release"
    data.mkdir(parents=True)
    (data / "scenes.json").write_text(json.dumps({"seed": 0, "objects": [2, 5], "count": {"train": items}}))
    workspace_flags = ("--workspace", str(workspace))
    for command in (
        ("annotate", "--source", "scenes", "--data", str(data), "--split", "train", "--offline", *workspace_flags),
        ("export", "--format", "jsonl", "--select", "all", "--splits", "source", "--out", str(out), *workspace_flags),
    ):
        cost = harness.run(harness.curation(*command))
        assert not cost.exit_code, cost.stderr
    return out


def _mllama(folder: Path, release: Path) -> VisionModel:
    """An untrained Llama 3.2 Vision of 6 text layers and 9 of vision, with the 11B's kind of tokenizer and template."""
    found = open_model(small_models.folder("llama3-2-vision", folder / "words", texts(release, "train"))).renderer
    processor = MllamaImageProcessorPil(size={"height": 56, "width": 56}, max_image_tiles=4)
    renderer = MllamaRenderer(Files(found.tokenizer, processor, found.stop_ids))
    torch.manual_seed(0)
    model = MllamaForConditionalGeneration(_config(renderer))
    for name, parameter in model.named_parameters():
        if "gate" in name and "gate_proj" not in name:
            torch.nn.init.ones_(parameter)
    return VisionModel("llama3-2-vision", "random", model, renderer)


def _config(renderer: MllamaRenderer) -> MllamaConfig:
    text = MllamaTextConfig(
        vocab_size=renderer.image_token_id,
        hidden_size=256,
        intermediate_size=896,
        num_hidden_layers=6,
        cross_attention_layers=[1, 4],
        num_attention_heads=8,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=renderer.tokenizer.bos_token_id,
        eos_token_id=renderer.tokenizer.eos_token_id,
        pad_token_id=renderer.tokenizer.pad_token_id,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4},
    )
    vision = MllamaVisionConfig(
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=6,
        num_global_layers=3,
        attention_heads=4,
        vision_output_dim=128 * 3,
        intermediate_layers_indices=[1, 4],
        image_size=56,
        patch_size=14,
        max_num_tiles=4,
    )
    return MllamaConfig(text_config=text, vision_config=vision, image_token_index=renderer.image_token_id)


def _save(model: VisionModel, folder: Path) -> None:
    model.model.save_pretrained(folder)
    model.renderer.save(folder)


def _plan(case: Case, renderer: Renderer, rows: Rows, folder: Path) -> None:
    """Write down the steps that ours will take."""
    settings = case.settings()
    order = Order(rows, settings.arm, settings.batch, settings.seed)
    encoder = Encoder(renderer, rows, settings)
    cache = PixelCache(renderer, rows.folder, 1024)
    steps, batches = [], []
    for number in range(settings.steps):
        items = order.step(number)
        encoded = [encoder.encode(item) for item in items]
        ((share,),) = rounds([Load(len(one.ids), one.image_tokens) for one in encoded], Budget(ONE_BATCH), 1)
        members = [Member(encoded[place].with_pixels(cache.get(encoded[place].refs)), 0) for place in share.items]
        batch = gather(renderer, members)
        batches.append(_labelled(batch))
        steps.append([_row(rows, items[place], settings) for place in share.items])
    plan = {**case._asdict(), "steps": case.steps, "image_token_id": renderer.image_token_id, "rows": steps}
    plan["answers"] = sum(int((batch["labels"] != -100).sum()) for batch in batches)
    plan["tokens"] = sum(int(batch["attention_mask"].sum()) for batch in batches)
    (folder / "plan.json").write_text(json.dumps(plan))
    torch.save(batches, folder / "batches.pt")


def _labelled(batch: Batch) -> dict[str, Tensor]:
    """Return a batch as the peers take it: -100 where nothing is trained."""
    labels = torch.full_like(batch.inputs["input_ids"], -100)
    labels.view(-1)[batch.rows + 1] = batch.labels  # theirs is shifted by the model
    return {**batch.inputs, "labels": labels}


def _row(rows: Rows, item: int, settings: Settings) -> dict[str, Any]:
    row = rows.read(item)
    asked = ask(row, settings.arm)
    (ref,) = row.line.sample.images
    return {"image": str(image_file(rows.folder, ref)), "question": asked.question, "answer": asked.answer}


def make_checkpoints(folder: Path) -> None:
    """Make small checkpoints, and a batch of one item for each; one of text only shows that the check can be passed."""
    rows = index(_release(folder / "scenes", 1), "train")
    for family in ("llama3-2-vision", "llava", "qwen2-5-vl"):
        place = small_models.folder(family, folder / family)
        renderer = open_model(place).renderer
        example = Encoder(renderer, rows, Case(1, 1, 0).settings()).encode(0)
        pixels = PixelCache(renderer, rows.folder, 16).get(example.refs)
        torch.save(_labelled(gather(renderer, [Member(example.with_pixels(pixels), 0)])), place / "batch.pt")
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    text = folder / "llama, text only"
    LlamaForCausalLM(LlamaConfig(vocab_size=64, bos_token_id=1, eos_token_id=2, **sizes)).save_pretrained(text)
    ids = torch.arange(16)[None]
    torch.save({"input_ids": ids, "labels": ids}, text / "batch.pt")


if __name__ == "__main__":
    wanted, where = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    if wanted == "checkpoints":
        make_checkpoints(where)
    else:
        make(wanted, where)
