"""Images as tokens of the prompt (LLaVA, Qwen2.5-VL): their features take the place of the placeholders once."""

import inspect
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from curation.lanes.cache import CrossLayer
from curation.lanes.sight import Pass


class PrefixSight:
    """The images of some lanes, encoded once. Rows of a question get their tokens by being forked from its first row.

    Positions are columns, but for a model with positions of its own in the image (`get_rope_index`): there, a text
    token behind the image stands at its column plus a lane's offset, on all three axes.
    """

    def __init__(
        self, model: PreTrainedModel, batch: dict[str, Tensor], heads: tuple[int, ...], image_token_id: int
    ) -> None:
        self.inner = cast("Any", model.model)
        self.heads = heads
        self.seen = False
        self.image_token_id = image_token_id
        found = self.inner.get_image_features(**_accepted(self.inner.get_image_features, batch), return_dict=True)
        self.features: Tensor | None = torch.cat([image.flatten(0, -2) for image in found.pooler_output])
        self.first = torch.tensor(heads, device=model.device)
        self.table: Tensor | None = None
        if hasattr(self.inner, "get_rope_index"):
            self._read_positions(batch)

    def _read_positions(self, batch: dict[str, Tensor]) -> None:
        """Make `table` [3, lanes, longest head], the positions of the first columns, and the offsets [lanes]."""
        positions, offsets = self.inner.get_rope_index(**_accepted(self.inner.get_rope_index, batch))
        self.table = positions[:, :, : max(self.heads)]
        self.offsets = offsets.flatten()

    def inputs(self, step: Pass) -> dict[str, Any]:
        """Return the embeddings, the images' in place of the placeholders, and their positions."""
        embeds = cast("nn.Module", self.inner.get_input_embeddings())(step.tokens)
        if self.features is not None:
            places = (step.tokens == self.image_token_id)[..., None]
            embeds = embeds.masked_scatter(places, self.features.to(embeds.dtype))
            self.features = None
        return {"inputs_embeds": embeds, "position_ids": self._positions(step)}

    def _positions(self, step: Pass) -> Tensor:
        if self.table is None:
            return step.columns
        lanes = torch.tensor(step.lanes, device=step.columns.device)[:, None]
        later: Tensor = step.columns + self.offsets[lanes]
        if step.first >= max(self.heads):
            return later.expand(3, -1, -1)
        early: Tensor = self.table[:, lanes, step.columns.clamp(max=self.table.shape[2] - 1)]
        return torch.where(step.columns < self.first[lanes], early, later)

    def cross_layers(self, step: Pass) -> dict[int, CrossLayer]:  # noqa: ARG002 - as Sight has it
        """Return nothing: there are no such layers."""
        self.seen = True
        return {}


def _accepted(function: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what of the batch the function takes, by name; versions of transformers differ in what that is."""
    names = inspect.signature(inspect.unwrap(function)).parameters
    return {name: batch[name] for name in names if name in batch}
