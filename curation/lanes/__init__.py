"""Asking a vision model many things at once: images encoded once, prompts prefilled once, rows of own lengths.

A `Session` holds the questions that are asked together. Each has a lane; a lane has rows, which share its images. The
logits are those of a plain forward pass without a cache: rows begin in column 0, a token's column is its position, and
a mask keeps every row from what is behind it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel

from curation.errors import CurationError
from curation.lanes.engine import Engine
from curation.lanes.sampling import Draws, Sampling, seed_of
from curation.lanes.session import Ask, Question, Session, prepare
from curation.lanes.stopping import Stop, text_of
from curation.lanes.writing import End, Pen, Written, write

__all__ = [
    "Ask",
    "Draws",
    "End",
    "Engine",
    "Pen",
    "Question",
    "Sampling",
    "Session",
    "Stop",
    "Written",
    "at_rest",
    "prepare",
    "seed_of",
    "text_of",
    "write",
]


@contextmanager
def at_rest(model: PreTrainedModel) -> Iterator[None]:
    """Put the model into evaluation, and afterwards back to where it was. Memory that runs out is a CurationError."""
    training = model.training
    model.train(mode=False)
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise CurationError(_MEMORY) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        raise CurationError(_MEMORY) from error
    finally:
        if training:
            model.train()


_MEMORY = "out of memory: lower --at-once, or --candidates"
