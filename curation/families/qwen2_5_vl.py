"""Qwen2.5-VL: an image stands in the prompt as many tokens as its size makes; positions have three axes."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import torch
from PIL.Image import Image
from torch import Tensor, nn
from transformers import PreTrainedModel, Qwen2_5_VLForConditionalGeneration
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil, smart_resize

from curation.families import Example, Part, Size, _flops
from curation.families._files import Files, read, weights
from curation.families._rendering import ChatRenderer, concatenated, parted

MODEL_TYPES = ("qwen2_5_vl",)
LANES: Literal["cross", "prefix"] = "prefix"
LORA_TARGETS = r"model\.language_model\.layers\.\d+\.(?:self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj)"
_PARTS: dict[Part, str] = {"vision": r"visual\.", "self": r"language_model\.|lm_head\."}


class QwenRenderer(ChatRenderer):
    """Resizes an image to whole patches. The processor class of transformers can't be made without torchvision."""

    def __init__(self, files: Files) -> None:
        super().__init__(files, "<|image_pad|>")

    def image_tokens(self, size: Size) -> int:
        """Return the number of squares of merged patches."""
        side = self.image_processor.patch_size * self.image_processor.merge_size
        limits = self.image_processor.size
        height, width = smart_resize(size.height, size.width, side, limits["shortest_edge"], limits["longest_edge"])
        return int(height // side) * int(width // side)

    def pixels_of_each(self, examples: Sequence[Sequence[Image]]) -> list[dict[str, Tensor]]:
        """Return pixel_values [patches of all images, values] and image_grid_thw [images, 3]: time, height, width."""
        features = self.image_processor([*chain.from_iterable(examples)], return_tensors="pt")
        grids = parted(features["image_grid_thw"], [len(images) for images in examples])
        values = parted(features["pixel_values"], [int(grid.prod(1).sum()) for grid in grids])
        return [{"pixel_values": part, "image_grid_thw": grid} for part, grid in zip(values, grids, strict=True)]

    def _images(self, examples: Sequence[Example], input_ids: Tensor) -> dict[str, Tensor]:
        """Return the patches, and mm_token_type_ids [B, T]: 1 for an image's tokens, from which positions are made."""
        return {
            "pixel_values": concatenated(examples, "pixel_values"),
            "image_grid_thw": concatenated(examples, "image_grid_thw"),
            "mm_token_type_ids": (input_ids == self.image_token_id).int(),
        }


def renderer(source: str | Path) -> QwenRenderer:
    """Load tokenizer, template and image processor. Raises MissingError for a folder that lacks one of them."""
    return QwenRenderer(read(source, Qwen2VLImageProcessorPil))


def load(source: str | Path, dtype: torch.dtype) -> PreTrainedModel:
    """Load the weights. Raises MissingError where there are none, DataError where they don't fit the config."""
    return weights(source, Qwen2_5_VLForConditionalGeneration, dtype)


def parts(config: Any) -> dict[Part, str]:  # noqa: ARG001 - the contract's
    """Return regular expressions for the parameters of each part."""
    return dict(_PARTS)


def blocks(model: PreTrainedModel) -> list[nn.Module]:
    """Return the layers of the vision encoder, then those of the language model."""
    return [*chain(model.model.visual.blocks, model.model.language_model.layers)]


def flops(config: Any, text_tokens: int, image_tokens: int) -> float:
    """Return the operations of a forward pass over one example, the images being one.

    Most layers of the vision encoder look at windows only; windows at the edge count as whole ones.
    """
    vision, text = config.vision_config, config.text_config
    merged = vision.spatial_merge_size**2
    patches = image_tokens * merged
    values = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
    window = min(patches, (vision.window_size // vision.patch_size) ** 2)
    whole = len(vision.fullatt_block_indexes)
    wide = vision.hidden_size * merged
    return float(
        _flops.linear(patches, values, vision.hidden_size)
        + whole * _vision_layer(vision, patches, patches)
        + (vision.depth - whole) * _vision_layer(vision, patches, window)
        + _flops.linear(image_tokens, wide, wide + vision.out_hidden_size)
        + _flops.decoder(text, text_tokens + image_tokens)
    )


def _vision_layer(vision: Any, tokens: float, keys: float) -> float:
    width = vision.hidden_size
    return (
        4 * _flops.linear(tokens, width, width)
        + _flops.attention(tokens, keys, width)
        + _flops.gated_mlp(vision, tokens)
    )
