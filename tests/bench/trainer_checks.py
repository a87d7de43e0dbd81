"""Whether the peers can do what ours was written for; in an environment of their own, nothing of ours is imported.

    python trainer_checks.py resume|trl FOLDER

Each prints a JSON list of rows. FOLDER holds checkpoints, each with a `batch.pt`.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoProcessor,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

_CPU: dict[str, Any] = {"use_cpu": True, "report_to": [], "disable_tqdm": True, "per_device_train_batch_size": 1}
_QUESTION, _ANSWER = "How many red cubes are there?", "<CAPTION>a red cube</CAPTION><CONCLUSION>1</CONCLUSION>"
_PATHS: dict[str, dict[str, Any]] = {
    "messages": {},
    "prompt/completion": {},
    "messages, packing": {"packing": True},
    "messages, padding_free": {"padding_free": True},
}


def resumes(folder: Path) -> list[list[str]]:
    """Train two steps, and go on from the checkpoint with a fresh model: are the weights those of the checkpoint?"""
    return [_resume(place) for place in _checkpoints(folder)]


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/batch.pt"))


def _resume(place: Path) -> list[str]:
    batch = torch.load(place / "batch.pt")
    model, initial = _open(place), _weights(_open(place))
    out = place / "trainer"
    arguments = TrainingArguments(
        str(out), max_steps=2, save_steps=2, learning_rate=1e-2, remove_unused_columns=False, **_CPU
    )
    parts: dict[str, Any] = {
        "args": arguments,
        "train_dataset": [batch] * 8,
        "data_collator": lambda rows: dict(rows[0]),
    }
    Trainer(model, **parts).train()
    saved = _weights(model)
    seen = _Seen()
    Trainer(_open(place), callbacks=[seen], **parts).train(resume_from_checkpoint=str(out / "checkpoint-2"))
    by_hand = _weights(_open(out / "checkpoint-2"))
    shutil.rmtree(out)
    moved = [name for name in saved if not torch.equal(saved[name], initial[name])]
    lost = sum(torch.equal(seen.weights[name], initial[name]) for name in moved)
    distances = [_distance(saved, initial), _distance(seen.weights, saved), _distance(by_hand, saved)]
    return [place.name, *(f"{distance:.1e}" for distance in distances), f"{lost} of {len(moved)}"]


class _Seen(TrainerCallback):
    """Keeps the weights that a run begins with."""

    weights: dict[str, Tensor]

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self.weights = _weights(given["model"])


def _open(place: Path) -> PreTrainedModel:
    (name,) = AutoConfig.from_pretrained(place).architectures
    model: PreTrainedModel = getattr(transformers, name).from_pretrained(place, dtype=torch.float32)
    return model


def _weights(model: PreTrainedModel) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def _distance(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def trl_paths(folder: Path) -> list[list[str]]:
    """Train two steps on each path of TRL; a processor that needs torchvision may not be made here."""
    rows = []
    for place in _checkpoints(folder):
        if (place / "tokenizer_config.json").exists():
            rows += [[place.name, *row] for row in _outcomes(place)]
    return rows


def _outcomes(place: Path) -> list[tuple[str, str]]:
    try:
        processor = AutoProcessor.from_pretrained(place)
    except (ImportError, ValueError) as error:
        return [("all", f"not run, no processor: {_line(error)}")]
    return [(path, _outcome(place, processor, path)) for path in _PATHS]


def _outcome(place: Path, processor: Any, path: str) -> str:
    try:
        losses = _train(place, processor, path)
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {_line(error)}"
    return f"runs, loss {losses[0]:.2f} to {losses[-1]:.2f}"


def _train(place: Path, processor: Any, path: str) -> list[float]:
    from trl import SFTConfig, SFTTrainer  # type: ignore[import-not-found]  # noqa: PLC0415 - it may not be there

    arguments = SFTConfig(
        str(place / "out"), max_steps=2, logging_steps=1, max_length=None, bf16=False, gradient_checkpointing=False,
        save_strategy="no", **_CPU, **_PATHS[path],
    )  # fmt: skip
    trainer = SFTTrainer(_open(place), arguments, train_dataset=_rows(path), processing_class=processor)
    trainer.train()
    return [line["loss"] for line in trainer.state.log_history if "loss" in line]


def _rows(path: str) -> Any:
    from datasets import Dataset  # noqa: PLC0415 - comes with TRL
    from PIL import Image  # noqa: PLC0415

    asked, answered = {"role": "user", "content": _QUESTION}, {"role": "assistant", "content": _ANSWER}
    texts = {"prompt": [asked], "completion": [answered]} if path == "prompt/completion" else None
    row = {"images": [Image.new("RGB", (40, 30))], **(texts or {"messages": [asked, answered]})}
    return Dataset.from_list([row] * 4)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:110]


def main() -> None:
    """Print the rows of a check."""
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    check = {"resume": resumes, "trl": trl_paths}[sys.argv[1]]
    print(json.dumps(check(Path(sys.argv[2]))))


if __name__ == "__main__":
    main()
