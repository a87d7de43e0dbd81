"""A small Llama 3.2 Vision that trains from nothing on a CPU: the real classes, few layers, a tokenizer of its own.

Its code is that of `llama3_2_vision`, and its folders load with plain transformers. config.json tells the two apart.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any, cast

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import MllamaConfig, MllamaForConditionalGeneration, PreTrainedModel, PreTrainedTokenizerFast
from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig
from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil
from transformers.utils.logging import disable_progress_bar

from curation.families import VisionModel
from curation.families._files import Files, token_id
from curation.families._marking import TAGS
from curation.families.llama3_2_vision import (
    IMAGE_TOKEN,
    LANES,
    LORA_TARGETS,
    MllamaRenderer,
    blocks,
    flops,
    load,
    parts,
    renderer,
)

__all__ = ["LANES", "LORA_TARGETS", "MODEL_TYPES", "blocks", "create", "flops", "load", "parts", "renderer"]

MODEL_TYPES: tuple[str, ...] = ()
"""None of its own: `curation_family` in config.json names it."""

_BEGIN, _END, _PAD, _ANSWER = "<|begin|>", "<|end|>", "<|pad|>", "<|answer|>"
_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'assistant' %}<|answer|>{% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<|image|>{% else %}{{ part['text'] }}"
    "{% endif %}{% endfor %}{% if message['role'] == 'assistant' %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|answer|>{% endif %}"
)
_VOCABULARY = 2048
_WIDTH = 96
_IMAGE = 64
"""Pixels on either side."""
_STD = 0.06
"""Of the initial weights: wider than is usual, since the model is that narrow."""


def create(texts: Iterable[str], seed: int) -> VisionModel:
    """Return an untrained model, with a tokenizer learnt from the texts: questions, answers, traces with their tags.

    The same texts give the same tokenizer, and with the same seed the same weights.
    """
    disable_progress_bar()
    processor = MllamaImageProcessorPil(
        size={"height": _IMAGE, "width": _IMAGE}, max_image_tiles=1, image_mean=[0.5] * 3, image_std=[0.25] * 3
    )
    renderer = MllamaRenderer(Files(_tokenizer(texts), processor))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = cast("PreTrainedModel", _model(renderer.tokenizer).eval())
    return VisionModel("tiny", "tiny", model, renderer)


def _tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Learn byte-level BPE. Words get a space before them where they have none, and tags swallow the space around them.

    So a word is one token wherever it stands, and what is decoded has white space about its tags, which means nothing.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    special = [_PAD, _BEGIN, _END, _ANSWER]
    tags = [AddedToken(tag, lstrip=True, rstrip=True, normalized=False) for tag in TAGS]
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY - len(tags) - 1,
        min_frequency=2,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(chain.from_iterable(map(_without_tags, texts)), trainer)
    tokenizer.add_tokens(tags)
    tokenizer.add_special_tokens([IMAGE_TOKEN])
    fast: Any = PreTrainedTokenizerFast
    made: PreTrainedTokenizerFast = fast(
        tokenizer_object=tokenizer,
        pad_token=_PAD,
        bos_token=_BEGIN,
        eos_token=_END,
        chat_template=_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )
    return made


def _without_tags(text: str) -> list[str]:
    for tag in TAGS:
        text = text.replace(tag, "\n")
    return [part.strip() for part in text.split("\n")]


def _model(tokenizer: PreTrainedTokenizerFast) -> nn.Module:
    """Make the model: five text layers of which two are cross-attention, three of vision; 0.9 million parameters."""
    config = MllamaConfig(
        text_config=_text_config(tokenizer),
        vision_config=_vision_config(),
        image_token_index=token_id(tokenizer, IMAGE_TOKEN),
    )
    config.curation_family = "tiny"
    model: nn.Module = MllamaForConditionalGeneration(config)
    for name, parameter in model.named_parameters():
        if name.endswith(("cross_attn_attn_gate", "cross_attn_mlp_gate", "gate_attn", "gate_ffn")):
            nn.init.ones_(parameter)  # as initialised they are closed, and open too late
        if name.endswith("gated_positional_embedding.embedding"):
            nn.init.normal_(parameter, std=0.5)
    return model


def _text_config(tokenizer: PreTrainedTokenizerFast) -> MllamaTextConfig:
    return MllamaTextConfig(
        vocab_size=len(tokenizer) - 1,  # as in the 11B: the last token is the image's, for which the head has no row
        hidden_size=_WIDTH,
        num_hidden_layers=5,
        cross_attention_layers=[1, 3],
        num_attention_heads=4,
        num_key_value_heads=4,
        intermediate_size=256,
        max_position_embeddings=4096,
        rope_parameters={"rope_type": "default", "rope_theta": 1000.0},
        initializer_range=_STD,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _vision_config() -> MllamaVisionConfig:
    return MllamaVisionConfig(
        hidden_size=_WIDTH,
        num_hidden_layers=2,
        num_global_layers=1,
        attention_heads=4,
        intermediate_size=2 * _WIDTH,
        vision_output_dim=2 * _WIDTH,
        image_size=_IMAGE,
        patch_size=16,
        max_num_tiles=1,
        supported_aspect_ratios=[[1, 1]],
        intermediate_layers_indices=[0],
        initializer_range=_STD,
    )
