"""What a run says while it goes: a line of JSON at a time, TensorBoard where it is installed, and its speed."""

import json
import resource
import sys
import time
from collections.abc import Sequence
from importlib import util
from pathlib import Path
from typing import Any

import torch

from curation import families
from curation.families import VisionModel
from curation.training.batches import Load
from curation.training.settings import Settings
from curation.training.shards import World

EVERY = 10
"""Steps of a line."""

_PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
"""Operations a second in dense bf16, from NVIDIA's data sheets."""


class Log:
    """Writes `log.jsonl`, and the same figures for TensorBoard. Without a folder it writes nothing."""

    def __init__(self, folder: Path | None, step: int) -> None:
        self._path = folder / "log.jsonl" if folder else None
        self._board = _board(folder) if folder else None
        if self._path:
            _forget_after(self._path, step)

    def write(self, line: dict[str, Any]) -> None:
        """Append a line; figures that are not finite are null."""
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(_finite(line)) + "\n")
        if self._board:
            for name, value in _flat(line):
                self._board.add_scalar(name, value, line["step"])

    def close(self) -> None:
        """Finish the files."""
        if self._board:
            self._board.close()


def _board(folder: Path) -> Any | None:
    if util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - optional

    return SummaryWriter(folder / "tensorboard")


def _forget_after(path: Path, step: int) -> None:
    """Keep the lines up to the step that the run goes on from; a torn last line goes too."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    path.write_text("".join(kept), encoding="utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and value - value != 0 else value


def _flat(line: dict[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """Return the figures of a line with the path that leads to each."""
    found: list[tuple[str, float]] = []
    for name, value in line.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float):
            found.append((prefix + name, value))
    return found


class Meter:
    """Tokens, operations and seconds between two lines of the log."""

    def __init__(self, model: VisionModel, settings: Settings, world: World) -> None:
        self._family = families.get(model.family)
        self._config = model.model.config
        self._world = world
        self._whole = not (settings.freeze or settings.lora)
        self._peak = _peak(world.device)
        self._clear()

    def _clear(self) -> None:
        self._tokens, self._operations, self._begun = 0, 0.0, time.perf_counter()

    def add(self, loads: Sequence[Load]) -> None:
        """Count the examples of a micro-batch; padding is not work."""
        self._tokens += sum(load.tokens for load in loads)
        if self._peak and self._whole:
            text = ((load.tokens - load.image_tokens, load.image_tokens) for load in loads)
            self._operations += 3 * sum(self._family.flops(self._config, *counts) for counts in text)

    def read(self) -> dict[str, float | None]:
        """Return the figures of this rank, and begin anew: the ranks' work is alike.

        `mfu` is the share of the device's peak that forward and backward pass (taken as two forward) come to; None
        where the peak is not known, or where part of the backward pass is left out.
        """
        seconds = time.perf_counter() - self._begun
        mfu = self._operations / seconds / self._peak if self._peak and self._whole else None
        figures = {
            "tokens_per_second": round(self._tokens / seconds * self._world.size, 1),
            "mfu": mfu,
            "memory_gib": round(_memory(self._world.device) / 2**30, 3),
        }
        self._clear()
        return figures


def _peak(device: torch.device) -> float | None:
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for model, peak in _PEAKS.items() if model in name), None)


def _memory(device: torch.device) -> float:
    """Return the most bytes that were in use: of the GPU, else of this process."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
