"""The process of ours that is measured: `fit` over the steps of a plan.

python tests/bench/trainer_ours.py FOLDER
"""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor
from trainer_cases import Case
from trainer_clock import Clock

from curation.families import open_model
from curation.training import Data, fit, index
from curation.training.objective import Objective


def _watch(clock: Clock) -> None:
    """Begin a step where the objective is asked for: the model is not told which tokens are padding."""
    whole = Objective.forward

    def timed(self: Objective, inputs: dict[str, Tensor], rows: Tensor, labels: Tensor) -> Tensor:
        clock.begin(inputs)
        return whole(self, inputs, rows, labels)

    Objective.forward = timed  # type: ignore[method-assign]


def main() -> None:
    """Train, and print when the steps began."""
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    plan = json.loads((folder / "plan.json").read_text())
    case = Case(plan["items"], plan["batch"], plan["warm"])
    model = open_model(folder / "model")
    clock = Clock()
    _watch(clock)
    fit(model, Data(index(folder / "release", "train")), case.settings())
    print(json.dumps(clock.report(case.warm, case.steps)))


if __name__ == "__main__":
    main()
