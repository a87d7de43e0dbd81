"""Images as keys and values of cross-attention layers (Mllama): they depend on the image only, not on the text."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from curation.lanes.attention import Fold, spread
from curation.lanes.cache import CrossLayer
from curation.lanes.sight import Pass, cross_attention


class CrossSight:
    """The images of some lanes, encoded once and projected once.

    Which vision tokens a text token looks at is read from the `cross_attention_mask` that the family collates, which
    must always be given: without it, transformers lets text token t look at vision tokens up to t (#48172).
    """

    def __init__(self, model: PreTrainedModel, batch: dict[str, Tensor], heads: tuple[int, ...]) -> None:
        inner = cast("nn.Module", model.model)
        vision = cast("nn.Module", inner.vision_model)
        names = ("pixel_values", "aspect_ratio_ids", "aspect_ratio_mask")
        encoded = vision(**{name: batch[name] for name in names}).last_hidden_state
        states = cast("nn.Module", inner.multi_modal_projector)(encoded)
        self.heads = heads
        self.seen = False
        self.states: Tensor | None = states.reshape(len(heads), -1, states.shape[-1])
        self.layers = {index: CrossLayer() for index in cross_attention(model)}
        self.first = torch.tensor(heads, device=states.device)
        self._read_mask(batch)
        self.patches = int(self.states.shape[1]) // self.table.shape[2]
        self.dtype = states.dtype
        self.chosen: tuple[tuple[int, ...], dict[int, CrossLayer], Fold, Tensor] | None = None

    def _read_mask(self, batch: dict[str, Tensor]) -> None:
        """Make `table` [lanes, head + 1, tiles], which tiles are looked at; the last place is for all later columns.

        Text before the image, which may look at none, looks at the vision tokens of all its tiles, padding included:
        its row of the mask is empty, and transformers turns an empty row into a full one (#39379). `lit` [lanes,
        head + 1] is False there, and silences the layer's second half only.
        """
        mask = batch["cross_attention_mask"].flatten(2).bool()
        real = (batch["aspect_ratio_ids"] > 0).repeat_interleave(mask.shape[2] // batch["aspect_ratio_ids"].shape[1], 1)
        last = batch["attention_mask"].sum(1) - 1
        lanes = torch.arange(len(self.heads), device=mask.device)
        columns = torch.arange(max(self.heads) + 1, device=mask.device).minimum(self.first[:, None])
        columns = torch.where(columns < self.first[:, None], columns, last[:, None])
        rows = mask[lanes[:, None], columns]
        self.lit = rows.any(-1)
        self.table = torch.where(self.lit[..., None], rows, real[:, None])
        self.everything = bool(self.table.all()) and bool(self.lit.gather(1, self.first[:, None]).all())

    def inputs(self, step: Pass) -> dict[str, Any]:
        """Return the token ids, their positions, and what they see."""
        fold, lanes = self._layout(step)[2:]
        given: dict[str, Any] = {"input_ids": step.tokens, "position_ids": step.columns, "fold": fold}
        if self.states is not None:
            given["cross_attention_states"], self.states = self.states, None
        if step.first >= max(self.heads):
            given["cross_attention_mask"] = None if self.everything else self._later_mask(fold, lanes)
            return given
        own = torch.tensor(step.lanes, device=lanes.device)[:, None]
        places = step.columns.minimum(self.first[own])
        given["full_text_row_masked_out_mask"] = self.lit[own, places][:, None, :, None].to(self.dtype)
        given["cross_attention_mask"] = None if self.everything else self._mask(self.table[own, places], fold)
        return given

    def _later_mask(self, fold: Fold, lanes: Tensor) -> Tensor:
        """Return the mask [lanes, 1, 1, S] of text behind the images."""
        rows = self.table[lanes, self.first[lanes]]
        return rows.repeat_interleave(self.patches, -1).view(fold.lanes, 1, 1, -1)

    def _mask(self, rows: Tensor, fold: Fold) -> Tensor:
        """Return the mask [lanes, 1, width * T, S] of rows [B, T, tiles]; places without a row look at everything."""
        laid = ~spread((~rows).to(torch.uint8), fold).bool()
        return laid.flatten(1, 2).repeat_interleave(self.patches, -1)[:, None]

    def cross_layers(self, step: Pass) -> dict[int, CrossLayer]:
        """Return the layers with the keys of all lanes, or of those of this pass where they are the smaller part."""
        layers = self._layout(step)[1]
        self.seen = True
        return layers

    def _layout(self, step: Pass) -> tuple[tuple[int, ...], dict[int, CrossLayer], Fold, Tensor]:
        """Return how the rows of a pass lie, with the keys; kept, as the next pass mostly has the same rows."""
        if self.chosen is None or self.chosen[0] != step.lanes:
            used = sorted(set(step.lanes))
            some = self.seen and 2 * len(used) <= len(self.heads)
            lanes = used if some else list(range(len(self.heads)))
            chosen = torch.tensor(lanes, device=self.first.device)
            layers = {i: layer.select(chosen) for i, layer in self.layers.items()} if some else self.layers
            self.chosen = step.lanes, layers, _fold(step.lanes, lanes, self.first.device), chosen
        return self.chosen


def _fold(rows: tuple[int, ...], lanes: list[int], device: torch.device) -> Fold:
    """Lay rows, given by their lane, out over the lanes."""
    order = {lane: place for place, lane in enumerate(lanes)}
    filled = [0] * len(lanes)
    slots = []
    for row in rows:
        place = order[row]
        slots.append((place, filled[place]))
        filled[place] += 1
    width = max(filled)
    flat = [place * width + slot for place, slot in slots]
    plain = flat == list(range(len(lanes) * width))
    return Fold(len(lanes), width, None if plain else torch.tensor(flat, device=device))
