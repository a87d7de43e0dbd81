"""What a checkpoint holds beside its weights, and what is said where it lacks something."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import torch
from transformers import AutoConfig, AutoTokenizer, GenerationConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers.image_processing_base import ImageProcessingMixin
from transformers.utils.hub import cached_file

from curation.errors import DataError, MissingError

_T = TypeVar("_T")


class _Need(NamedTuple):
    """Something without which a checkpoint is of no use."""

    what: str
    files: tuple[str, ...]
    """Patterns of names; one file is enough."""


_CONFIG = _Need("config", ("config.json",))
_WEIGHTS = _Need("weights", ("*.safetensors", "*.bin"))
_TOKENIZER = _Need("tokenizer", ("tokenizer.json", "tokenizer.model", "vocab.json"))
_IMAGE_PROCESSOR = _Need("image processor", ("preprocessor_config.json", "processor_config.json"))


class Files(NamedTuple):
    """What a renderer is made from."""

    tokenizer: PreTrainedTokenizerFast
    """With its chat template."""
    image_processor: Any
    stop_ids: frozenset[int] = frozenset()
    """Those that the generation config names, if there is one."""


def read(source: str | Path, image_processor: Any) -> Files:
    """Load tokenizer, template, and image processor with the given class. Raises MissingError for what isn't there."""
    tokenizer = _tokenizer(source)
    processor = _found(source, _IMAGE_PROCESSOR, image_processor.from_pretrained)
    return Files(tokenizer, processor, _stop_ids(source))


def image_processor_type(source: str | Path) -> str:
    """Return the name of the class that the checkpoint asks for. Raises MissingError where it asks for none."""
    settings, _ = _found(source, _IMAGE_PROCESSOR, ImageProcessingMixin.get_image_processor_dict)
    return str(settings.get("image_processor_type") or settings.get("feature_extractor_type"))


def token_id(tokenizer: PreTrainedTokenizerFast, token: str) -> int:
    """Return the id of one token. Raises DataError where the tokenizer has no such token."""
    found = tokenizer.get_vocab().get(token)
    if found is None:
        raise DataError(f"{tokenizer.name_or_path}: the tokenizer has no token {token}")
    return int(found)


def config(source: str | Path) -> Any:
    """Load the config. Raises MissingError where there is none, DataError where it is of no known kind."""
    try:
        return _found(source, _CONFIG, AutoConfig.from_pretrained)
    except ValueError as error:
        raise DataError(f"{source}: config.json is not readable: {_line(error)}") from error


def weights(source: str | Path, model_class: Any, dtype: torch.dtype) -> PreTrainedModel:
    """Load the weights. Raises MissingError where there are none, DataError where they don't fit the config."""

    def load(source: str | Path) -> tuple[PreTrainedModel, dict[str, Any]]:
        loaded = model_class.from_pretrained(source, dtype=dtype, output_loading_info=True)
        return cast("tuple[PreTrainedModel, dict[str, Any]]", loaded)

    try:
        model, info = _found(source, _WEIGHTS, load)
    except RuntimeError as error:
        raise DataError(f"{source}: the weights do not fit config.json: {_line(error)}") from error
    if missing := sorted(info["missing_keys"]):
        raise DataError(f"{source}: the weights lack {len(missing)} of the model's tensors, {missing[0]} among them")
    return model


def _tokenizer(source: str | Path) -> PreTrainedTokenizerFast:
    tokenizer = _found(source, _TOKENIZER, AutoTokenizer.from_pretrained)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise MissingError(f"{source}: no tokenizer.json; save the tokenizer with `transformers` first")
    if template := _processor_template(source):
        tokenizer.chat_template = template
    if tokenizer.chat_template is None:
        raise MissingError(f"{source}: the tokenizer has no chat template; take an instruction-tuned checkpoint")
    return tokenizer


def _processor_template(source: str | Path) -> str | None:
    """Return the template of older checkpoints: beside the processor, which comes before the tokenizer's own."""
    if _file(source, "chat_template.jinja") is not None:
        return None
    path = _file(source, "chat_template.json")
    return None if path is None else str(json.loads(path.read_bytes())["chat_template"])


def _stop_ids(source: str | Path) -> frozenset[int]:
    if _file(source, "generation_config.json") is None:
        return frozenset()
    ends = GenerationConfig.from_pretrained(source).eos_token_id
    return frozenset([] if ends is None else [ends] if isinstance(ends, int) else ends)


def _file(source: str | Path, name: str) -> Path | None:
    found = cached_file(
        source,
        name,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if found is None else Path(found)


def _found(source: str | Path, need: _Need, load: Callable[[str | Path], _T]) -> _T:
    folder = Path(source)
    if not folder.exists() and not _may_be_hub_id(source):
        raise MissingError(f"{source}: no such folder")
    if folder.exists() and not any(path for pattern in need.files for path in folder.glob(pattern)):
        raise MissingError(f"{source} has no {need.what} ({' or '.join(need.files)})")
    try:
        return load(source)
    except OSError as error:
        raise MissingError(f"{source}: the {need.what} could not be loaded: {_line(error)}") from error


def _may_be_hub_id(source: str | Path) -> bool:
    return isinstance(source, str) and not source.startswith(("/", ".", "~")) and source.count("/") <= 1


def _line(error: Exception) -> str:
    """Return the first line of a message, without its full stop."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
