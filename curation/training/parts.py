"""Which parameters are trained: all, all but the frozen parts, or low-rank adapters (LoRA, arXiv 2106.09685)."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import util
from pathlib import Path
from re import search
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from curation import families
from curation.errors import MissingError, UsageError
from curation.families import VisionModel
from curation.training.settings import Part, Settings
from schemas.trace import STAGES

Adapters = Any
"""A PeftModel; peft comes only with the extra `train`."""


def rebuilt(model: VisionModel, settings: Settings, parameters: Mapping[str, Tensor]) -> tuple[VisionModel, Adapters]:
    """Return the model anew around such parameters, with its adapters: a model that is shared out can't be saved."""
    with torch.device("meta"):
        fresh = type(model.model)(model.model.config)
    fresh.generation_config = model.model.generation_config
    copy = model._replace(model=fresh)
    adapters = _adapt(copy, settings.lora) if settings.lora else None
    fresh.load_state_dict(parameters, strict=False, assign=True)
    return copy, adapters


def prepare(model: VisionModel, settings: Settings) -> Adapters | None:
    """Freeze what is to be frozen, and add adapters where they are wanted."""
    model.model.requires_grad_(True)
    freeze(model, settings.freeze)
    torch.manual_seed(settings.seed)  # adapters begin at random, and on every rank alike
    return _adapt(model, settings.lora) if settings.lora else None


def freeze(model: VisionModel, parts: Sequence[Part]) -> None:
    """Freeze parts of a model. Raises UsageError for a part that it lacks, and where nothing is left to train."""
    patterns = families.get(model.family).parts(model.model.config)
    for part in parts:
        names = [
            name for name, _ in model.model.named_parameters() if part in patterns and search(patterns[part], name)
        ]
        if not names:
            raise UsageError(f"--freeze {part}: the family {model.family} has no such part")
        for name in names:
            model.model.get_parameter(name).requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.model.parameters()):
        raise UsageError(f"--freeze {','.join(parts)} leaves nothing to train")


def _adapt(model: VisionModel, rank: int) -> Adapters:
    """Put adapters beside the family's targets, and make the rows of tags trainable where a tag is a token."""
    if util.find_spec("peft") is None:
        raise MissingError("--lora needs peft: pip install 'curation-workbench[train]'")
    import peft  # noqa: PLC0415 - optional

    tags = _tag_ids(model.renderer.tokenizer)
    rows = dict.fromkeys(_ends(model.model), tags) if tags else None
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.0,
        target_modules=families.get(model.family).LORA_TARGETS,
        trainable_token_indices=rows,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning
        )  # peft 0.21 reads it
        return peft.get_peft_model(model.model, config)


def _tag_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Return the ids of the tags that are tokens of their own."""
    added = tokenizer.get_added_vocab()
    tags = (f"<{slash}{stage.tag}>" for stage in STAGES for slash in ("", "/"))
    return sorted(added[tag] for tag in tags if tag in added)


def _ends(model: PreTrainedModel) -> Iterator[str]:
    """Give the names of the modules that hold a row for each token: one where they are tied, else two."""
    ends = [model.get_input_embeddings(), model.get_output_embeddings()]
    if model.config.get_text_config().tie_word_embeddings:
        ends.pop()
    for name, module in model.named_modules():
        if module in ends:
            yield name.rsplit(".", 1)[-1]


def merge(adapters: Adapters, folder: Path) -> None:
    """Write the adapters to a folder of their own, then add them to the weights of the model that they are in."""
    adapters.save_pretrained(folder)
    adapters.merge_and_unload()


@contextmanager
def recomputed(blocks: Sequence[nn.Module], *, wanted: bool) -> Iterator[None]:
    """Keep only what goes into each block, and compute the rest again in the backward pass."""
    chosen = blocks if wanted else ()
    for block in chosen:
        block.forward = _recomputing(block.forward)
    try:
        yield
    finally:
        for block in chosen:
            del block.forward


def _recomputing(forward: Callable[..., Any]) -> Callable[..., Any]:
    return partial(checkpoint, forward, use_reentrant=False)
