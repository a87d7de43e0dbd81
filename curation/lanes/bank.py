"""Rows of text over the images of their questions: the cache, and the forward pass that adds to it."""

from collections.abc import Sequence
from itertools import takewhile

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

from curation.lanes.attention import lane_attention
from curation.lanes.cache import Place, RowLayer
from curation.lanes.engine import Engine
from curation.lanes.sight import Pass, Sight, padded


class Bank:
    """`width` rows for each lane; row r belongs to lane r // width.

    A row has the ids whose keys it holds, and the ids that were put but not yet computed: `logits` computes them.
    """

    def __init__(self, engine: Engine, sight: Sight, width: int) -> None:
        self.engine = engine
        self.sight = sight
        self.width = width
        self.size = len(sight.heads) * width
        self.held: list[list[int]] = [[] for _ in range(self.size)]
        self.pending: list[list[int]] = [[] for _ in range(self.size)]
        layers: list[CacheLayerMixin] = [RowLayer(self.size) for _ in range(engine.depth)]
        self.cache = Cache(layers=layers)  # type: ignore[arg-type]

    def put(self, row: int, ids: Sequence[int]) -> None:
        """Add ids to a row, to be computed by the next `logits`."""
        self.pending[row].extend(ids)

    def restart(self, row: int, ids: Sequence[int]) -> None:
        """Give a row other ids, keeping what it has in common with them."""
        shared = min(common(self.held[row], ids), len(ids) - 1)
        self.held[row] = self.held[row][:shared]
        self.pending[row] = list(ids[shared:])

    def logits(self, rows: Sequence[int]) -> Tensor:
        """Compute what is pending in the rows. Returns the logits [rows, ids] behind the last id of each."""
        for row in rows:
            if not self.pending[row]:
                self.restart(row, self.held[row])
        chosen = list(rows)
        if 2 * len(chosen) > self.size and self.sight.seen and all(len(self.pending[row]) == 1 for row in rows):
            chosen = list(range(self.size))  # idle rows cost less than copies of the keys of the others
        busy = set(rows)
        fresh = [self.pending[row] if row in busy else [] for row in chosen]
        hidden = self._forward(chosen, fresh)
        if chosen != list(rows):
            hidden = hidden[torch.tensor(rows, device=hidden.device)]
        for row in rows:
            self.held[row] += self.pending[row]
            self.pending[row] = []
        return self.engine.read(hidden)

    def _forward(self, rows: list[int], fresh: list[list[int]]) -> Tensor:
        """Add tokens to rows of the cache. Returns the hidden state [B, d] of each row's last token."""
        device = self.engine.device
        starts = [len(self.held[row]) for row in rows]
        tokens = padded([ids or [0] for ids in fresh], device)
        columns = torch.tensor(starts, device=device)[:, None] + torch.arange(tokens.shape[1], device=device)
        view = max(starts) + tokens.shape[1]
        everyone = len(rows) == self.size and rows == list(range(self.size))
        place = Place(torch.tensor(rows, device=device), everyone, columns, view)
        busy = [start for start, ids in zip(starts, fresh, strict=True) if ids]
        step = Pass(tuple(row // self.width for row in rows), min(busy), tokens, columns)
        mask = torch.arange(view, device=device) <= columns[:, None, :, None]
        with lane_attention(self.engine.text):
            given = self.sight.inputs(step)
            self._prepare(place, step)
            out = self.engine.text(attention_mask=mask, past_key_values=self.cache, use_cache=True, **given)
        self.engine.forward_calls += 1
        ends = torch.tensor([max(len(ids), 1) - 1 for ids in fresh], device=device)
        hidden: Tensor = out.last_hidden_state
        return hidden[torch.arange(len(rows), device=device), ends] if tokens.shape[1] > 1 else hidden[:, 0]

    def _prepare(self, place: Place, step: Pass) -> None:
        for layer in self.cache.layers:
            if isinstance(layer, RowLayer):
                layer.place = place
        for index, cross in self.sight.cross_layers(step).items():
            self.cache.layers[index] = cross

    def fork(self, sources: Sequence[int], targets: Sequence[int]) -> None:
        """Make rows the same as others, with what is pending in them."""
        self.take(self, sources, targets, [len(self.held[row]) for row in sources])
        for source, target in zip(sources, targets, strict=True):
            self.pending[target] = list(self.pending[source])

    def take(self, other: "Bank", sources: Sequence[int], targets: Sequence[int], lengths: Sequence[int]) -> None:
        """Let each target row begin with the first `length` ids of its source row in another bank, or in this one."""
        moves = [
            move for move in zip(sources, targets, lengths, strict=True) if other is not self or move[0] != move[1]
        ]
        if not moves:
            return
        device = self.engine.device
        source, target = (torch.tensor([move[end] for move in moves], device=device) for end in (0, 1))
        for own, theirs in zip(self.cache.layers, other.cache.layers, strict=True):
            if isinstance(own, RowLayer) and isinstance(theirs, RowLayer):
                own.take(theirs, source, target, max(move[2] for move in moves))
        for sent, got, length in moves:
            self.held[got] = other.held[sent][:length]
            self.pending[got] = []


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many ids two rows begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
