"""What a training run wrote down beside its model: the loss on held-out questions, by stage."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from schemas.trace import STAGES

LOG = "log.jsonl"
"""In a run's folder; the lines with `held_out` hold the losses on held-out questions."""


class Losses(NamedTuple):
    """Held-out loss of a run by stage: (step, nats a token), in the order of the steps."""

    label: str
    by_stage: dict[str, list[tuple[int, float]]]


def losses(label: str, run: Path | None) -> Losses | None:
    """Read the run's log. None where there is no run, no log, or no held-out loss in it."""
    by_stage: dict[str, list[tuple[int, float]]] = {}
    for record in _records(run / LOG) if run else ():
        for stage, loss in _stages(record).items():
            by_stage.setdefault(stage, []).append((record["step"], loss))
    return Losses(label, by_stage) if by_stage else None


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file of JSON lines; a line that is torn is no object."""
    if not path.is_file():
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record


def _stages(record: dict[str, Any]) -> dict[str, float]:
    """Return the losses by stage of a record that has some; a stage without a token has none."""
    held_out = record.get("held_out")
    stages = held_out.get("stages") if isinstance(held_out, dict) else None
    if not isinstance(stages, dict) or not isinstance(record.get("step"), int):
        return {}
    found = {stage.value: stages.get(stage.value) for stage in STAGES}
    return {stage: float(loss) for stage, loss in found.items() if isinstance(loss, int | float)}
