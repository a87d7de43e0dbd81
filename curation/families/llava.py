"""LLaVA, and what shares its classes: patches of CLIP or SigLIP in the prompt of any language model."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import torch
from PIL.Image import Image
from torch import Tensor, nn
from transformers import LlavaForConditionalGeneration, LlavaProcessor, PreTrainedModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from curation.errors import UsageError
from curation.families import Example, Part, Size, _flops
from curation.families._files import Files, config, image_processor_type, read, weights
from curation.families._rendering import ChatRenderer, concatenated, parted

MODEL_TYPES = ("llava",)
LANES: Literal["cross", "prefix"] = "prefix"
LORA_TARGETS = r"model\.language_model\.layers\.\d+\.(?:self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj)"
_PARTS: dict[Part, str] = {
    "vision": r"vision_tower\.|multi_modal_projector\.",
    "self": r"language_model\.|lm_head\.",
}
_ENCODERS = ("clip_vision_model", "siglip_vision_model")
_PROCESSORS = {kind.__name__: kind for kind in (CLIPImageProcessorPil, LlavaImageProcessorPil, SiglipImageProcessorPil)}


class LlavaRenderer(ChatRenderer):
    """All images become squares of one size, so that they take equally many tokens."""

    def __init__(self, files: Files, settings: Any) -> None:
        super().__init__(files, str(files.tokenizer.convert_ids_to_tokens(int(settings.image_token_id))))
        self._vision = settings.vision_config
        self._strategy: str = settings.vision_feature_select_strategy

    def image_tokens(self, size: Size) -> int:  # noqa: ARG002 - the contract's; all sizes become one
        """Return the number of patches, and of the class token where the model keeps it."""
        return _encoded(self._vision) - (self._strategy == "default")

    def pixels_of_each(self, examples: Sequence[Sequence[Image]]) -> list[dict[str, Tensor]]:
        """Return pixel_values [images, C, H, W]."""
        images = [image.convert("RGB") for image in chain.from_iterable(examples)]
        values = self.image_processor(images, return_tensors="pt")["pixel_values"]
        return [{"pixel_values": part} for part in parted(values, [len(images) for images in examples])]

    def _images(self, examples: Sequence[Example], input_ids: Tensor) -> dict[str, Tensor]:  # noqa: ARG002
        return {"pixel_values": concatenated(examples, "pixel_values")}

    def save(self, folder: Path) -> None:
        """Write tokenizer, template and image processor, as one LlavaProcessor."""
        processor: Any = LlavaProcessor
        processor(
            self.image_processor,
            self.tokenizer,
            patch_size=self._vision.patch_size,
            vision_feature_select_strategy=self._strategy,
            chat_template=self.tokenizer.chat_template,
            image_token=self.tokenizer.convert_ids_to_tokens(self.image_token_id),
            num_additional_image_tokens=_class_tokens(self._vision),
        ).save_pretrained(folder)


def renderer(source: str | Path) -> LlavaRenderer:
    """Load tokenizer, template and image processor. Raises MissingError for a folder that lacks one of them.

    Raises UsageError for an encoder whose images take tokens by their size.
    """
    settings = config(source)
    if settings.vision_config.model_type not in _ENCODERS:
        encoder = settings.vision_config.model_type
        raise UsageError(f"{source} sees with {encoder}; the family llava takes {' and '.join(_ENCODERS)}")
    kind = image_processor_type(source).removesuffix("Fast").removesuffix("Pil") + "Pil"
    if kind not in _PROCESSORS:
        raise UsageError(f"{source} has an image processor {kind}; the family llava takes {', '.join(_PROCESSORS)}")
    return LlavaRenderer(read(source, _PROCESSORS[kind]), settings)


def load(source: str | Path, dtype: torch.dtype) -> PreTrainedModel:
    """Load the weights. Raises MissingError where there are none, DataError where they don't fit the config."""
    return weights(source, LlavaForConditionalGeneration, dtype)


def parts(config: Any) -> dict[Part, str]:  # noqa: ARG001 - the contract's
    """Return regular expressions for the parameters of each part."""
    return dict(_PARTS)


def blocks(model: PreTrainedModel) -> list[nn.Module]:
    """Return the layers of the vision encoder, then those of the language model."""
    tower = model.model.vision_tower
    return [*chain(getattr(tower, "vision_model", tower).encoder.layers, model.model.language_model.layers)]


def flops(config: Any, text_tokens: int, image_tokens: int) -> float:
    """Return the operations of a forward pass over one example; the encoder computes all its layers."""
    vision, text = config.vision_config, config.text_config
    images = image_tokens / (_encoded(vision) - (config.vision_feature_select_strategy == "default"))
    patches = images * (_encoded(vision) - _class_tokens(vision))
    layers = 1 if isinstance(config.vision_feature_layer, int) else len(config.vision_feature_layer)
    projector = _flops.linear(image_tokens, layers * vision.hidden_size + text.hidden_size, text.hidden_size)
    return float(
        _flops.linear(patches, 3 * vision.patch_size**2, vision.hidden_size)
        + images * vision.num_hidden_layers * _flops.encoder_layer(vision, _encoded(vision), _encoded(vision))
        + projector
        + _flops.decoder(text, text_tokens + image_tokens)
    )


def _class_tokens(vision: Any) -> int:
    """Return 1 for CLIP, which puts a class token before the patches, and 0 for SigLIP."""
    return int(vision.model_type == "clip_vision_model")


def _encoded(vision: Any) -> int:
    """Return how many tokens the encoder makes of an image."""
    return int((vision.image_size // vision.patch_size) ** 2) + _class_tokens(vision)
