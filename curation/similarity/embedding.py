"""Texts as vectors that are near where the texts mean the same, by a sentence-embedding model of the user's choice.

The vector is the mean over the tokens of the last layer, as Sentence-BERT has it (Reimers and Gurevych 2019,
https://arxiv.org/abs/1908.10084), or the first token, where the model's `1_Pooling/config.json` says so.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer
from transformers.utils.hub import cached_file

from curation.errors import MissingError
from curation.similarity.vectors import Vectors

_TOKENS = 512
"""At most, of a text; what comes after them is not seen."""
_AT_ONCE = 32


class Embedder(NamedTuple):
    """A model that embeds."""

    tokenizer: Any
    model: Any
    by_first_token: bool
    digest: str
    """Of weights and tokenizer."""

    @classmethod
    def load(cls, source: str) -> Self:
        """Load a folder, or a model of the Hub by its id. Raises MissingError where there is none that embeds."""
        try:
            tokenizer, model = AutoTokenizer.from_pretrained(source), AutoModel.from_pretrained(source)
            pooling = cached_file(source, "1_Pooling/config.json", _raise_exceptions_for_missing_entries=False)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).strip().split("\n", 1)[0][:200]
            raise MissingError(
                f"no embedder can be loaded from {source} ({reason}); --embedder names a folder with a "
                "sentence-embedding model, or its id on the Hub"
            ) from error
        settings = json.loads(Path(pooling).read_text(encoding="utf-8")) if pooling else {}
        by_first_token = bool(settings.get("pooling_mode_cls_token"))
        return cls(tokenizer, model.eval(), by_first_token, _digest(tokenizer, model))

    @torch.inference_mode()
    def embed(self, texts: list[str]) -> Vectors:
        """Return the vectors of the texts, [n, d], of length 1. Those of about one length are computed together."""
        vectors = np.zeros((len(texts), self.model.config.hidden_size), np.float32)
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        for start in range(0, len(order), _AT_ONCE):
            places = order[start : start + _AT_ONCE]
            vectors[places] = self._embed([texts[place] for place in places]).numpy()
        return vectors

    def _embed(self, texts: list[str]) -> torch.Tensor:
        longest = min(_TOKENS, self.model.config.max_position_embeddings, self.tokenizer.model_max_length)
        read = self.tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        states = self.model(**read).last_hidden_state.float()
        if self.by_first_token:
            pooled = states[:, 0]
        else:
            mask = read["attention_mask"].unsqueeze(-1)
            pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        return torch.nn.functional.normalize(pooled, dim=-1)


def _digest(tokenizer: Any, model: Any) -> str:
    digest = hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode())
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.contiguous().view(torch.uint8).numpy() if tensor.dim() else str(tensor.item()).encode())
    return f"sha256:{digest.hexdigest()}"
