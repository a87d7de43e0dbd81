"""What share of a GPU's peak the steps of ours reach, on a random Mllama of 1.9 billion parameters in bf16.

    python tests/bench/trainer_mfu.py

Prints a JSON list of rows, empty where there is no GPU. A step is what `fit` does in one, with batches that are on the
GPU already: 32 items of 512 text tokens and an image of four tiles, in micro-batches of some size.
"""

import json
import sys
from typing import NamedTuple, cast

import torch
from torch import Tensor
from transformers import MllamaConfig, MllamaForConditionalGeneration
from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig

from curation.families import Renderer, VisionModel
from curation.training import Settings
from curation.training.batches import Batch, Load
from curation.training.log import Meter
from curation.training.objective import Objective
from curation.training.precision import computing
from curation.training.shards import World
from curation.training.updates import Updater

_WARM, _TIMED = 2, 4


class Size(NamedTuple):
    """What is measured."""

    config: MllamaConfig
    items: int
    """Of a step."""
    text: int
    """Tokens of an item, half of them trained."""
    micro: tuple[int, ...]
    """Items of a micro-batch."""


def dense() -> MllamaConfig:
    """The 11B's shape at 1.9 billion parameters."""
    text = MllamaTextConfig(
        vocab_size=32_000, hidden_size=2048, intermediate_size=8192, num_hidden_layers=24,
        cross_attention_layers=[3, 9, 15, 21], num_attention_heads=32, num_key_value_heads=8,
        bos_token_id=1, eos_token_id=2, pad_token_id=0, rope_parameters={"rope_type": "default", "rope_theta": 5e5},
    )  # fmt: skip
    vision = MllamaVisionConfig(
        hidden_size=1024, intermediate_size=4096, num_hidden_layers=16, num_global_layers=4, attention_heads=16,
        vision_output_dim=1024 * 3, intermediate_layers_indices=[3, 11], image_size=560, patch_size=14,
    )  # fmt: skip
    return MllamaConfig(text_config=text, vision_config=vision, image_token_index=32_000)


class _Run:
    """A model under training, and its meter."""

    def __init__(self, size: Size, world: World) -> None:
        torch.manual_seed(0)
        with world.device:
            model = MllamaForConditionalGeneration(size.config)
        self.size, self.world = size, world
        self.settings = Settings(steps=_WARM + _TIMED, batch=size.items, precision="bf16")
        self.objective = Objective(model).train()
        self.updater = Updater(list(model.parameters()), self.settings)
        self.meter = Meter(
            VisionModel("llama3-2-vision", "random", model, cast("Renderer", None)), self.settings, world
        )
        self.parameters = sum(parameter.numel() for parameter in model.parameters())

    def rows(self) -> list[list[str]]:
        """Return a row for each size of micro-batch, up to the one that does not fit."""
        found = []
        for micro in self.size.micro:
            try:
                found.append(self._row(micro))
            except torch.OutOfMemoryError:
                return [*found, [f"{micro}", "out of memory", "", ""]]
        return found

    def _row(self, micro: int) -> list[str]:
        batch = _batch(self.size, micro).to(self.world.device)
        for number in range(_WARM):
            self._step(number, batch)
        self.meter.read()
        for number in range(_WARM, _WARM + _TIMED):
            self._step(number, batch)
        figures = self.meter.read()
        mfu = f"{figures['mfu']:.1%}" if figures["mfu"] else "peak not known"
        return [f"{micro}", mfu, f"{figures['tokens_per_second']:,.0f}", f"{figures['memory_gib']:.1f}"]

    def _step(self, number: int, batch: Batch) -> None:
        """Take a step; that ends with reading a figure, so that the GPU has done its work."""
        losses = [self._backward(batch) for _ in range(self.size.items // len(batch.loads))]
        self.updater.update(number, torch.stack(losses).sum())

    def _backward(self, batch: Batch) -> Tensor:
        self.meter.add(batch.loads)
        with computing(self.settings, self.world):
            losses: Tensor = self.objective(batch.inputs, batch.rows, batch.labels)
        (losses.sum() / (len(losses) * self.size.items / len(batch.loads))).backward()
        return losses.detach().sum()


def _batch(size: Size, micro: int) -> Batch:
    """Return items of noise, each of an image and as many text tokens."""
    text, vision = (
        cast("MllamaTextConfig", size.config.text_config),
        cast("MllamaVisionConfig", size.config.vision_config),
    )
    length, side = size.text + 1, cast("int", vision.image_size)
    ids = torch.randint(3, text.vocab_size, (micro, length))
    ids[:, 0] = size.config.image_token_index
    inputs = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "pixel_values": torch.randn(micro, 1, 4, 3, side, side),
        "aspect_ratio_ids": torch.full((micro, 1), vision.max_aspect_ratio_id),
        "aspect_ratio_mask": torch.ones(micro, 1, 4, dtype=torch.long),
        "cross_attention_mask": torch.ones(micro, length, 1, 4, dtype=torch.long),
    }
    trained = torch.arange(micro)[:, None] * length + torch.arange(size.text // 2, size.text)
    rows = trained.flatten()
    return Batch(inputs, rows, ids.flatten()[rows + 1], torch.zeros_like(rows), [Load(length, 1)] * micro)


def measure(size: Size, world: World) -> list[list[str]]:
    """Return rows: items of a micro-batch, share of the peak, tokens a second, GiB."""
    return _Run(size, world).rows()


if __name__ == "__main__":
    sizes = Size(dense(), 32, 512, (1, 2, 4, 8, 16))
    found = measure(sizes, World(device=torch.device("cuda"))) if torch.cuda.is_available() else []
    json.dump(found, sys.stdout)
