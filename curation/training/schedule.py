"""The learning rate at a step."""

from math import cos, floor, pi

from curation.training.settings import Settings

LAST = 0.03
"""What cosine and linear leave of the peak at the end."""
STEP_FACTOR = 0.85
"""After each epoch, with the schedule `step`: PyTorch's StepLR as the paper's trainer (llama-cookbook) uses it."""


def rate(settings: Settings, step: int) -> float:
    """Return the learning rate of a step, counted from 0: the schedule, times a linear warm-up."""
    warm = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    return settings.lr * warm * _decay(settings, step)


def _decay(settings: Settings, step: int) -> float:
    done = min(1.0, step / settings.steps)
    match settings.schedule:
        case "cosine":
            return LAST + (1 - LAST) * (1 + cos(pi * done)) / 2
        case "linear":
            return LAST + (1 - LAST) * (1 - done)
        case "step":
            return float(STEP_FACTOR ** floor(step / settings.epoch))
        case "constant":
            return 1.0
