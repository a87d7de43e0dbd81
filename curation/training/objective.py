"""The objective: the mean loss of the answers' tokens, and its sums for each stage."""

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from curation.families import GROUPS, Example, VisionModel
from curation.training.batches import Budget, Member, gather, load, rounds
from curation.training.outcome import Losses
from curation.training.shards import World

_LOGITS = 2**26
"""Most logits that are alive at a time: 256 MiB in fp32."""


class Objective(nn.Module):
    """A model with its loss as forward pass, so that what is hooked to the root of a sharded model happens."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: dict[str, Tensor], rows: Tensor, labels: Tensor) -> Tensor:
        """Return the negative log-likelihood of each label in nats, [K], float32.

        `inputs` are of the model, padded on the right; `rows`, [K], are positions in its flattened hidden states
        [B·T]. The attention mask is left out: it would hide padding from what comes after it, which is padding, and a
        causal mask alone takes less time and, on a GPU, a kernel that needs no mask in memory.
        """
        given = {name: tensor for name, tensor in inputs.items() if name != "attention_mask"}
        hidden = self.model.model(**given, use_cache=False).last_hidden_state
        return _losses(self.head, hidden.flatten(0, 1).index_select(0, rows), labels)

    @property
    def head(self) -> nn.Module:
        """What makes logits of hidden states."""
        return cast("nn.Module", self.model.get_output_embeddings())


def _losses(head: nn.Module, hidden: Tensor, labels: Tensor) -> Tensor:
    """Return the losses of hidden states [K, D], with the logits of one chunk alive at a time."""
    chunk = max(1, _LOGITS // cast("Tensor", head.weight).shape[0])
    if len(labels) <= chunk:
        return _chunk_losses(head, hidden, labels)
    parts = zip(torch.split(hidden, chunk), torch.split(labels, chunk), strict=True)
    return torch.cat([checkpoint(_chunk_losses, head, *part, use_reentrant=False) for part in parts])


def _chunk_losses(head: nn.Module, hidden: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(head(hidden).float(), labels, reduction="none")


class Sums:
    """Losses and tokens of each source and group, [S·G] in float64."""

    def __init__(self, sources: Sequence[str], device: torch.device) -> None:
        self._sources = sources
        self.losses = torch.zeros(len(sources) * len(GROUPS), dtype=torch.float64, device=device)
        self.counts = torch.zeros(len(sources) * len(GROUPS), dtype=torch.float64)

    def add(self, losses: Tensor, cells: Tensor) -> None:
        """Add losses [K], each to its cell; waits for nothing on a GPU."""
        self.losses.index_add_(0, cells, losses.detach().double())

    def take(self, world: World) -> Losses:
        """Return the means over all ranks, and begin anew."""
        shape = len(self._sources), len(GROUPS)
        sums, counts = world.sum(torch.stack([self.losses.cpu(), self.counts])).view(2, *shape)
        self.losses.zero_()
        self.counts.zero_()
        return Losses(
            loss=_mean(sums, counts),
            stages={name: _mean(sums[:, i], counts[:, i]) for i, name in enumerate(GROUPS) if counts[:, i].sum()},
            sources={name: _mean(sums[i], counts[i]) for i, name in enumerate(self._sources) if counts[i].sum()},
            tokens=int(counts.sum()),
        )


def _mean(sums: Tensor, counts: Tensor) -> float:
    return float(sums.sum() / counts.sum())


class StageLosses(NamedTuple):
    """Of each example and group, [N, G] in float64, groups as in GROUPS."""

    sums: Tensor
    """Nats."""
    counts: Tensor
    """Tokens."""


@torch.no_grad()
def stage_losses(model: VisionModel, examples: Sequence[Example], tokens: int = 8192) -> StageLosses:
    """Return the losses of the examples' answers under the model, in batches of so many tokens with padding.

    The model is used as it is: put it into `eval()` first where it has dropout.
    """
    cells = len(examples) * len(GROUPS)
    sums, counts = torch.zeros(cells, dtype=torch.float64), torch.zeros(cells, dtype=torch.float64)
    objective = Objective(model.model)
    loads = [load(model.renderer, example) for example in examples]
    for (share,) in rounds(loads, Budget(tokens), ranks=1):
        members = [Member(examples[number], number) for number in share.items]
        batch = gather(model.renderer, members).to(model.model.device)
        losses = objective(batch.inputs, batch.rows, batch.labels)
        here = batch.cells.cpu()
        sums.index_add_(0, here, losses.double().cpu())
        counts += torch.bincount(here, minlength=cells)
    return StageLosses(sums.view(-1, len(GROUPS)), counts.view(-1, len(GROUPS)))
