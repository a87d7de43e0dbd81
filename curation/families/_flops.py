"""Floating point operations of the layers that the families are made of. A multiplication and an addition are two."""

from typing import Any


def linear(tokens: float, inputs: int, outputs: int) -> float:
    """Return those of a matrix that is applied to each token."""
    return 2.0 * tokens * inputs * outputs


def attention(queries: float, keys: float, width: int) -> float:
    """Return those of the scores and of the weighted sum; `width` is the heads' number times their size.

    All pairs count, those that a causal mask hides too, as is the custom for the utilisation of a device
    (Chowdhery et al. 2022, PaLM, appendix B).
    """
    return 4.0 * queries * keys * width


def encoder_layer(config: Any, tokens: float, keys: float) -> float:
    """Return those of a layer with full heads and an MLP of two matrices, where each token looks at `keys` tokens."""
    width = config.hidden_size
    mlp = 2 * linear(tokens, width, config.intermediate_size)
    return 4 * linear(tokens, width, width) + attention(tokens, keys, width) + mlp


def decoder_layer(config: Any, tokens: float) -> float:
    """Return those of a Llama layer, where each token looks at all."""
    queries, keys = _widths(config)
    projections = linear(tokens, config.hidden_size, 2 * queries + 2 * keys)
    return projections + attention(tokens, tokens, queries) + gated_mlp(config, tokens)


def cross_layer(config: Any, tokens: float, vision_tokens: float) -> float:
    """Return those of a Llama layer that looks at an image and not at the text."""
    queries, keys = _widths(config)
    projections = linear(tokens, config.hidden_size, 2 * queries) + linear(vision_tokens, config.hidden_size, 2 * keys)
    return projections + attention(tokens, vision_tokens, queries) + gated_mlp(config, tokens)


def gated_mlp(config: Any, tokens: float) -> float:
    """Return those of an MLP of three matrices."""
    return 3 * linear(tokens, config.hidden_size, config.intermediate_size)


def decoder(config: Any, tokens: float) -> float:
    """Return those of a Llama or Qwen2 decoder with its head, over one sequence."""
    head = linear(tokens, config.hidden_size, config.vocab_size)
    return float(config.num_hidden_layers * decoder_layer(config, tokens) + head)


def _widths(config: Any) -> tuple[int, int]:
    """Return the width of all query heads, and that of all key heads."""
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return size * config.num_attention_heads, size * (config.num_key_value_heads or config.num_attention_heads)
