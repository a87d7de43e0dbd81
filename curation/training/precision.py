"""What is computed in bf16 while the weights stay in fp32.

In bf16 itself an update of the usual size is lost on most weights: with |w| about 0.02 and a step of 1e-5, on 85 %.
"""

import torch

from curation.training.settings import Settings
from curation.training.shards import World


def computing(settings: Settings, world: World) -> torch.autocast:
    """Return the context of a forward pass: a sharded model casts for itself, a whole one by autocast."""
    wanted = settings.precision == "bf16" and world.size == 1
    return torch.autocast(world.device.type, torch.bfloat16, enabled=wanted)
