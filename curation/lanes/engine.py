"""A vision model taken apart into what the lanes need."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from curation import families
from curation.families import Example, VisionModel
from curation.lanes.cross import CrossSight
from curation.lanes.prefix import PrefixSight
from curation.lanes.sight import Blind, Sight


class Engine:
    """The text model with its head, and how images are seen. Counts the forward passes and the images.

    Logits are over `vocabulary` ids; those that no token has, and the image's placeholder, are minus infinity.
    """

    def __init__(self, vision: VisionModel) -> None:
        self.vision = vision
        self.renderer = vision.renderer
        self.tokenizer = vision.renderer.tokenizer
        self.model = vision.model
        self.text = cast("PreTrainedModel", cast("Any", vision.model.model).language_model)
        self.head = cast("nn.Linear", cast("Any", vision.model).get_output_embeddings())
        self.depth = int(self.text.config.num_hidden_layers)
        self.device = self.head.weight.device
        self.forward_calls = 0
        self.images = 0
        vocabulary = self.head.weight.shape[0]
        banned = torch.arange(vocabulary) >= len(self.tokenizer)
        if self.renderer.image_token_id < vocabulary:
            banned[self.renderer.image_token_id] = True
        self.banned = banned.to(self.device) if bool(banned.any()) else None

    def read(self, hidden: Tensor) -> Tensor:
        """Return the logits [B, vocabulary] of hidden states [B, d], in float32."""
        with torch.no_grad():
            logits: Tensor = self.head(hidden).float()
        return logits if self.banned is None else logits.masked_fill(self.banned, -torch.inf)

    def sight(self, examples: Sequence[Example]) -> Sight:
        """Encode the images of the examples, once. All of them have images, or none has."""
        if not examples[0].pixels:
            return Blind(self.model, len(examples))
        batch = {name: tensor.to(self.device) for name, tensor in self.renderer.collate(examples).items()}
        heads = tuple(_head(example.ids, self.renderer.image_token_id) for example in examples)
        with torch.no_grad():
            if families.get(self.vision.family).LANES == "cross":
                return CrossSight(self.model, batch, heads)
            return PrefixSight(self.model, batch, heads, self.renderer.image_token_id)


def _head(ids: list[int], image_token_id: int) -> int:
    """Return how many ids there are up to the last image placeholder, itself included."""
    return len(ids) - ids[::-1].index(image_token_id)
