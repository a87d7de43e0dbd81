"""Llama 3.2 Vision (Mllama): cross-attention layers look at the image, which is one token of the prompt."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import torch
from PIL.Image import Image
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import MllamaForConditionalGeneration, MllamaProcessor, PreTrainedModel
from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil
from transformers.models.mllama.processing_mllama import (
    convert_sparse_cross_attention_mask_to_dense,
    get_cross_attention_token_mask,
)

from curation.families import Example, Part, Size, _flops
from curation.families._files import Files, read, weights
from curation.families._rendering import ChatRenderer

MODEL_TYPES = ("mllama",)
LANES: Literal["cross", "prefix"] = "cross"
LORA_TARGETS = r"model\.language_model\.layers\.\d+\.(?:(?:self|cross)_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj)"
IMAGE_TOKEN = "<|image|>"  # noqa: S105 - no password


class MllamaRenderer(ChatRenderer):
    """Cuts an image into tiles, at most four in the 11B and the 90B."""

    def __init__(self, files: Files) -> None:
        super().__init__(files, IMAGE_TOKEN)

    def image_tokens(self, size: Size) -> int:  # noqa: ARG002 - the contract's; an image of any size is one token
        """Return 1: what is seen goes to the cross-attention layers."""
        return 1

    def pixels_of_each(self, examples: Sequence[Sequence[Image]]) -> list[dict[str, Tensor]]:
        """Return pixel_values [images, tiles, C, H, W], aspect_ratio_ids and num_tiles [images], aspect_ratio_mask."""
        features = self.image_processor([list(images) for images in examples], return_tensors="pt")
        names = ("pixel_values", "aspect_ratio_ids", "aspect_ratio_mask")  # padded to the largest number of images
        return [
            {name: features[name][number, : len(tiles)].clone() for name in names} | {"num_tiles": torch.tensor(tiles)}
            for number, tiles in enumerate(features["num_tiles"])
        ]

    def _images(self, examples: Sequence[Example], input_ids: Tensor) -> dict[str, Tensor]:
        """Return pixel_values [B, images, tiles, C, H, W] and the masks.

        cross_attention_mask [B, T, images, tiles] is never left out: without it the cross-attention of a whole prompt
        is causal, so that the text sees only as many vision tokens as there are tokens before it. Each image is seen
        from its placeholder on to the next image; what is padded counts as seen by the last token.
        """
        batch = {name: _padded(examples, name) for name in ("pixel_values", "aspect_ratio_ids", "aspect_ratio_mask")}
        batch["aspect_ratio_mask"][..., 0] = 1
        seen = [get_cross_attention_token_mask(row, self.image_token_id) for row in input_ids.tolist()]
        dense = convert_sparse_cross_attention_mask_to_dense(
            seen,
            [example.pixels["num_tiles"].tolist() for example in examples],
            max_num_tiles=self.image_processor.max_image_tiles,
            length=input_ids.shape[1],
        )
        return {**batch, "cross_attention_mask": torch.from_numpy(dense)}

    def save(self, folder: Path) -> None:
        """Write tokenizer, template and image processor, as one MllamaProcessor."""
        processor: Any = MllamaProcessor
        processor(self.image_processor, self.tokenizer, self.tokenizer.chat_template).save_pretrained(folder)


def renderer(source: str | Path) -> MllamaRenderer:
    """Load tokenizer, template and image processor. Raises MissingError for a folder that lacks one of them."""
    return MllamaRenderer(read(source, MllamaImageProcessorPil))


def load(source: str | Path, dtype: torch.dtype) -> PreTrainedModel:
    """Load the weights. Raises MissingError where there are none, DataError where they don't fit the config."""
    return weights(source, MllamaForConditionalGeneration, dtype)


def parts(config: Any) -> dict[Part, str]:
    """Return regular expressions for the parameters of each part."""
    cross = "|".join(map(str, config.text_config.cross_attention_layers))
    return {
        "vision": r"vision_model\.|multi_modal_projector\.",
        "cross": rf"language_model\.layers\.(?:{cross})\.",
        "self": rf"language_model\.(?!layers\.(?:{cross})\.)|lm_head\.",
    }


def blocks(model: PreTrainedModel) -> list[nn.Module]:
    """Return the layers of the vision encoder, then those of the language model."""
    vision, text = model.model.vision_model, model.model.language_model
    return [*chain(vision.transformer.layers, vision.global_transformer.layers, text.layers)]


def flops(config: Any, text_tokens: int, image_tokens: int) -> float:
    """Return the operations of a forward pass over one example; the layers that look at no image are left out.

    The vision encoder computes all tiles, those that are padding too, each padded to a multiple of eight patches.
    """
    vision, text = config.vision_config, config.text_config
    patches = (vision.image_size // vision.patch_size) ** 2
    tiles = image_tokens * vision.max_num_tiles
    seen = tiles * (patches + 1)
    encoded = vision.max_num_tiles * -(-(patches + 1) // 8) * 8
    layers = vision.num_hidden_layers + vision.num_global_layers
    length = text_tokens + image_tokens
    cross = len(text.cross_attention_layers)
    return float(
        _flops.linear(tiles * patches, vision.num_channels * vision.patch_size**2, vision.hidden_size)
        + image_tokens * layers * _flops.encoder_layer(vision, encoded, encoded)
        + _flops.linear(seen, vision.vision_output_dim, text.hidden_size)
        + (cross * _flops.cross_layer(text, length, seen) if image_tokens else 0.0)
        + (text.num_hidden_layers - cross) * _flops.decoder_layer(text, length)
        + _flops.linear(length, text.hidden_size, text.vocab_size)
    )


def _padded(examples: Sequence[Example], name: str) -> Tensor:
    """Return the tensors of all examples, padded with zeros to the largest number of images."""
    return pad_sequence([example.pixels[name] for example in examples], batch_first=True)
