"""What the rows of a batch see: the interface between rows of text and the images of their questions."""

from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from curation.lanes.cache import CrossLayer


class Pass(NamedTuple):
    """One forward pass over new tokens of some rows."""

    lanes: tuple[int, ...]
    """Of each row; on the host."""
    first: int
    """The earliest column that is written; on the host."""
    tokens: Tensor
    """[B, T], padded on the right."""
    columns: Tensor
    """[B, T]"""


class Sight(Protocol):
    """The images of some questions, one lane each. The first pass must be over one row of every lane, in order."""

    heads: tuple[int, ...]
    """Of each lane, how many tokens its prompts begin with in common: those up to the last image placeholder."""
    seen: bool
    """Whether the first pass was made."""

    def inputs(self, step: Pass) -> dict[str, Any]:
        """Return the keyword arguments that the text model needs for a pass."""

    def cross_layers(self, step: Pass) -> dict[int, CrossLayer]:
        """Return the cross-attention layers for a pass, by their number."""


class Blind:
    """No images: the rows are text alone, and layers that would look at an image are skipped."""

    seen = True

    def __init__(self, model: PreTrainedModel, lanes: int) -> None:
        self.heads = (0,) * lanes
        self.layers = {index: CrossLayer() for index in cross_attention(model)}

    def inputs(self, step: Pass) -> dict[str, Any]:
        """Return the token ids and their positions."""
        return {"input_ids": step.tokens, "position_ids": step.columns}

    def cross_layers(self, step: Pass) -> dict[int, CrossLayer]:  # noqa: ARG002 - as Sight has it
        """Return empty layers, which the model skips."""
        return self.layers


def cross_attention(model: PreTrainedModel) -> tuple[int, ...]:
    """Return the numbers of the cross-attention layers of a model; none for most."""
    return tuple(getattr(model.config.get_text_config(), "cross_attention_layers", None) or ())


def padded(rows: list[list[Any]], device: torch.device) -> Tensor:
    """Return rows of numbers as one tensor, padded on the right with zeros."""
    longest = max(map(len, rows))
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows]).to(device, non_blocking=True)
