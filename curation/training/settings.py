"""The settings of a run: what decides its weights, and what only decides how fast and how watched it gets there."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

Arm = Literal["curated", "raw", "direct", "no-tags"]
ScheduleKind = Literal["cosine", "linear", "constant", "step"]
Part = Literal["vision", "cross", "self"]

FREE = frozenset({"micro_tokens", "recompute", "workers", "cache_mb", "eval_every", "save_every"})
"""Settings that another process may change when it goes on with a run: the objective stays the same."""


class Settings(BaseModel):
    """All that `fit` is told, with nothing left to guess."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: Arm = "curated"
    steps: PositiveInt
    batch: PositiveInt = 16
    """Items a step, over all micro-batches and ranks."""
    lr: PositiveFloat = 1e-3
    """At its peak."""
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: NonNegativeFloat = 0.05
    clip: NonNegativeFloat = 1.0
    """Largest norm of the gradient; 0 clips nothing."""
    schedule: ScheduleKind = "cosine"
    warmup: NonNegativeInt = 50
    """Steps."""
    epoch: PositiveFloat = 1.0
    """Steps of a pass over all items; the schedule `step` goes by it."""
    seed: NonNegativeInt = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of the computation; weights and moments are always kept in fp32."""
    freeze: tuple[Part, ...] = ()
    lora: NonNegativeInt = 0
    """Rank; 0 trains the weights themselves."""
    max_tokens: PositiveInt = 4096
    """Longest row, prompt, image tokens and answer."""
    overlong: Literal["truncate", "drop"] = "drop"
    micro_tokens: PositiveInt = 8192
    """Most tokens of a micro-batch, padding included; an image counts as many as cost what it does."""
    recompute: bool = False
    workers: NonNegativeInt = 0
    cache_mb: NonNegativeInt = 1024
    """Of processed images, over all workers of a rank."""
    eval_every: NonNegativeInt = 0
    """Steps; 0 evaluates at the end only."""
    save_every: NonNegativeInt = 500

    def binding(self) -> dict[str, Any]:
        """Return what a checkpoint must have in common with the run that goes on from it."""
        return self.model_dump(mode="json", exclude=set(FREE))
