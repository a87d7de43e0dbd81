"""Attention for rows of own lengths, with keys and values that several rows share.

Registered beside the implementations that transformers brings, so that no model is patched. A model uses it inside
`lane_attention` only: the same object can be trained in between.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "curation_lanes"


class Fold(NamedTuple):
    """How the rows of a batch are laid out over the lanes whose keys they share."""

    lanes: int
    width: int
    """Most rows that a lane has in this batch."""
    slots: Tensor | None
    """[B], lane * width + place of each row; None where that is its number in the batch."""


def spread(rows: Tensor, fold: Fold) -> Tensor:
    """Lay rows [B, …] out as [lanes, width, …]; places that no row has are zero."""
    if fold.slots is not None:
        rows = rows.new_zeros(fold.lanes * fold.width, *rows.shape[1:]).index_copy_(0, fold.slots, rows)
    return rows.view(fold.lanes, fold.width, *rows.shape[1:])


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    fold: Fold | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Return the attention [B, T, H, D] of queries [B, H, T, D].

    Heads that share a key head are folded into the query length, so that keys [·, G, S, D] are never repeated. In
    cross-attention (a module that isn't causal) the rows of a lane are folded too: keys are [lanes, G, S, D], and the
    mask, True where a query may look, is [lanes, 1, 1 or width * T, S]. In self-attention it is [B, 1, T, S].
    """
    if getattr(module, "is_causal", False):
        return _attend_self(query, key, value, attention_mask, scaling), None
    if fold is None:
        raise RuntimeError("this version of transformers does not hand the lanes on to its cross-attention")
    batch, heads, length, size = query.shape
    groups = key.shape[1]
    shape = (fold.lanes, fold.width, groups, heads // groups, length, size)
    laid = spread(query, fold).reshape(shape).permute(0, 2, 3, 1, 4, 5)
    mask = _for_each_head(attention_mask, heads // groups)
    out = _sdpa(laid.reshape(fold.lanes, groups, -1, size), key, value, mask, scaling)
    out = out.view(fold.lanes, groups, heads // groups, fold.width, length, size).permute(0, 3, 4, 1, 2, 5)
    out = out.reshape(fold.lanes * fold.width, length, heads, size)
    return (out if fold.slots is None else out[fold.slots]).view(batch, length, heads, size), None


def _attend_self(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None) -> Tensor:
    batch, heads, length, size = query.shape
    groups = key.shape[1]
    if heads != groups:
        query = query.reshape(batch, groups, -1, size)
        mask = _for_each_head(mask, heads // groups)
    out = _sdpa(query, key, value, mask, scaling)
    return out.view(batch, heads, length, size).transpose(1, 2).contiguous()


def _sdpa(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None) -> Tensor:
    return nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scaling)


def _for_each_head(mask: Tensor | None, heads: int) -> Tensor | None:
    """Repeat a mask [·, 1, T, S] for the heads that are folded into the query length; one of T = 1 fits as it is."""
    return mask if mask is None or mask.shape[2] == 1 or heads == 1 else mask.repeat(1, 1, heads, 1)


ALL_ATTENTION_FUNCTIONS.register(NAME, attend)


@contextmanager
def lane_attention(text: PreTrainedModel) -> Iterator[None]:
    """Let the text model use `attend` in this block, without gradients."""
    before = text.config._attn_implementation
    text.config._attn_implementation = NAME
    try:
        with torch.no_grad():
            yield
    finally:
        text.config._attn_implementation = before
