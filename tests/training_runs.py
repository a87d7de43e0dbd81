"""Short runs of a tiny model on a small release, in this process."""

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from curation.families import VisionModel, tiny
from curation.training import Data, Outcome, Place, Settings, fit, index
from curation.training.records import texts
from curation.training.updates import Updater

IDENTITY = {"release": "sha256:0", "family": "tiny", "model": "new"}


def fresh(release: Path, seed: int = 0) -> VisionModel:
    return tiny.create(texts(release, "train"), seed)


def settings(**given: Any) -> Settings:
    return Settings(**{"steps": 6, "batch": 4, "warmup": 0, "save_every": 2} | given)


def run(release: Path, out: Path | None = None, *, model: VisionModel | None = None, **given: Any) -> Outcome:
    """Train a fresh model, or the one given, and return what came of it."""
    data = Data(index(release, "train"), index(release, "validation"))
    place = Place(out, IDENTITY) if out else None
    return fit(model or fresh(release), data, settings(**given), place)


def weights(model: VisionModel) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Tell whether all weights are equal to the last bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch, number: int = signal.SIGINT) -> None:
    """Send this process a signal while the step, counted from 1, is being taken."""
    update = Updater.update

    def interrupted(self: Updater, current: int, loss: Tensor) -> Any:
        if current + 1 == step:
            signal.raise_signal(number)
        return update(self, current, loss)

    monkeypatch.setattr(Updater, "update", interrupted)
