"""Checkpoints: the trained weights and their moments, and all that is needed to go on exactly where they were.

    checkpoints/step-00000500/      torch.distributed.checkpoint, and state.json

Whole or not at all; the last two are kept. Frozen weights are not in it: they are those that the run began with.
"""

import shutil
import warnings
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.state_dict_loader import load as load_tensors
from torch.distributed.checkpoint.state_dict_saver import save as save_tensors

from curation.errors import CurationError, DataError
from curation.staging import staged
from curation.training.shards import World

KEPT = 2
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class State(BaseModel):
    """What a checkpoint holds beside tensors. Order and randomness follow from the seed and the step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    """Steps that are done, dropped ones included."""
    dropped_in_a_row: int
    counts: dict[str, int]
    config: dict[str, Any]
    """The release's digest, the model's family and name, and all settings."""
    ranks: int
    versions: dict[str, str]


class Trained(NamedTuple):
    """What is saved and put back."""

    parameters: Mapping[str, nn.Parameter]
    optimizer: torch.optim.Optimizer

    def tensors(self) -> dict[str, Tensor]:
        """Return weights and moments under their names; those that there are."""
        found: dict[str, Tensor] = {}
        for name, parameter in self.parameters.items():
            state = self.optimizer.state.get(parameter, {})
            found[name] = parameter.detach()
            found |= {f"{moment}/{name}": state[moment] for moment in _MOMENTS if moment in state}
        return found

    def make_room(self, saved: Container[str]) -> None:
        """Give each parameter the moments that were saved for it; a parameter that had no gradient yet has none."""
        self.optimizer.state.clear()
        for name, parameter in self.parameters.items():
            if f"step/{name}" in saved:
                step = torch.zeros((), device=parameter.device)
                self.optimizer.state[parameter] = {
                    "step": step,
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }


def save(out: Path, state: State, trained: Trained, world: World) -> None:
    """Write a checkpoint and remove those before the last two. Every rank has to call it."""
    folder = out / "checkpoints" / f"step-{state.step:08d}"
    with _staged_by_first(folder, world) as partial, _alone():
        _write(trained.tensors(), partial)
        if world.rank == 0:
            (partial / "state.json").write_text(state.model_dump_json(indent=1) + "\n")
    if world.rank == 0:
        for old in found(out)[:-KEPT]:
            shutil.rmtree(old)


def _write(tensors: dict[str, Tensor], folder: Path) -> None:
    """Write the tensors. Raises the OSError of whichever rank had one: PyTorch hides it in an exception of its own."""
    try:
        save_tensors(tensors, checkpoint_id=folder)
    except CheckpointException as error:
        causes = [cause for cause, _ in error.failures.values() if isinstance(cause, OSError)]
        raise (causes[0] if causes else OSError(str(error))) from error


@contextmanager
def _staged_by_first(folder: Path, world: World) -> Iterator[Path]:
    """Give every rank the folder that rank 0 puts in place when all are done."""
    if world.size == 1:
        with staged(folder) as partial:
            yield partial
        return
    if world.rank:
        yield Path(world.first_says(None))
        world.all_say(None)
        world.first_says(None)
        return
    try:
        with staged(folder) as partial:
            world.first_says(str(partial))
            yield partial
            world.all_say(None)
    except CurationError as error:
        world.first_says(error)
    world.first_says(None)


@contextmanager
def _alone() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)
        yield


def found(out: Path) -> list[Path]:
    """Return the checkpoints of a run, the last one last."""
    return sorted((out / "checkpoints").glob("step-*"))


def read_state(folder: Path) -> State:
    """Read what a checkpoint holds beside tensors. Raises DataError where it is damaged."""
    path = folder / "state.json"
    try:
        return State.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{path} can't be read: remove {folder}, and the run goes on from the one before") from error


def load(folder: Path, trained: Trained) -> None:
    """Put weights and moments back, bit by bit. Raises DataError where it is damaged, or of another model."""
    try:
        with _alone():
            saved = FileSystemReader(folder).read_metadata().state_dict_metadata
            if missing := trained.parameters.keys() - saved.keys():
                raise DataError(f"{folder} lacks {len(missing)} weights of this model, {min(missing)} among them")
            trained.make_room(saved)
            load_tensors(trained.tensors(), checkpoint_id=folder)
    except (OSError, ValueError, EOFError, UnpicklingError, CheckpointException) as error:
        raise DataError(f"{folder} can't be read: remove it, and the run goes on from the one before") from error
