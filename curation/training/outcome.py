"""What came of a run."""

from pydantic import BaseModel, ConfigDict


class Losses(BaseModel):
    """Means in nats over exactly the tokens that were counted; NaN over none."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")

    loss: float
    stages: dict[str, float]
    sources: dict[str, float]
    tokens: int


class Outcome(BaseModel):
    """What came of a run. A run that went on after a stop counts its earlier steps, not its earlier seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int
    parameters: int
    trained_parameters: int
    counts: dict[str, int]
    """tokens (of answers), skipped_steps, dropped, truncated, unreadable (each time an item was met)."""
    train: Losses | None
    """Of the last steps; None where none was left to do."""
    held_out: Losses | None
    """Of the validation split; None where the release has none."""
    unreadable: tuple[str, ...]
    """Names of items that were met in these steps and whose image can't be read."""
    seconds: float
    """Of the steps of this process, evaluations and checkpoints included."""
    seconds_per_step: float
