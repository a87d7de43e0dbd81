"""The process of a peer that is measured, in an environment of its own: nothing of the project is imported.

    python trainer_peers.py tensors|processor|trl same|own FOLDER

tensors     transformers' Trainer over batches that are tensors already, as our collator made them
processor   transformers' Trainer; each batch is made by the checkpoint's processor from files and texts, as the
            documentation does it: all tokens but padding and images are trained
trl         TRL's SFTTrainer on rows of `messages` and `images`, with its own collator

`same` takes the items in the order that ours does, `own` shuffles them as it would by itself: without length buckets.
No workers, no evaluation, no checkpoint, fused AdamW, a line of log every 10 steps, as ours.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image
from trainer_clock import Clock
from transformers import AutoModelForImageTextToText, AutoProcessor, Trainer, TrainingArguments

_ARGUMENTS: dict[str, Any] = {
    "learning_rate": 1e-3,
    "adam_beta2": 0.98,
    "weight_decay": 0.05,
    "max_grad_norm": 1.0,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 5,
    "optim": "adamw_torch_fused",
    "remove_unused_columns": False,
    "dataloader_num_workers": 0,
    "dataloader_pin_memory": False,
    "logging_steps": 10,
    "save_strategy": "no",
    "report_to": [],
    "use_cpu": True,
    "disable_tqdm": True,
}


class Peer:
    """What the three have in common."""

    def __init__(self, folder: Path, *, shuffled: bool) -> None:
        self.folder = folder
        self.plan: dict[str, Any] = json.loads((folder / "plan.json").read_text())
        steps = self.plan["rows"][: self.plan["steps"]] if shuffled else self.plan["rows"]
        self.rows = [row for step in steps for row in step]
        order = (
            {"num_train_epochs": 2} if shuffled else {"num_train_epochs": 1, "train_sampling_strategy": "sequential"}
        )
        self.arguments = _ARGUMENTS | order
        self.model = AutoModelForImageTextToText.from_pretrained(folder / "model", dtype=torch.float32)
        self.processor = AutoProcessor.from_pretrained(folder / "model")

    def tensors(self) -> Trainer:
        """Trainer over finished batches."""
        batches = torch.load(self.folder / "batches.pt")
        return self._trainer(batches, 1, lambda chosen: chosen[0])

    def through_processor(self) -> Trainer:
        """Trainer with the processor in its collator."""
        return self._trainer(self.rows, self.plan["batch"], self._collate)

    def trl(self) -> Trainer:
        """TRL's."""
        from datasets import Dataset, Image, List  # noqa: PLC0415 - not there without TRL
        from trl import SFTConfig, SFTTrainer  # type: ignore[import-not-found]  # noqa: PLC0415

        columns = {"images": [[row["image"]] for row in self.rows], "messages": [_messages(row) for row in self.rows]}
        arguments = SFTConfig(
            str(self.folder / "out"),
            per_device_train_batch_size=self.plan["batch"],
            max_length=None,
            bf16=False,
            gradient_checkpointing=False,
            **self.arguments,
        )
        rows = Dataset.from_dict(columns).cast_column("images", List(Image()))
        trainer: Trainer = SFTTrainer(self.model, arguments, train_dataset=rows, processing_class=self.processor)
        return trainer

    def _trainer(self, rows: list[Any], batch: int, collate: Any) -> Trainer:
        arguments = TrainingArguments(str(self.folder / "out"), per_device_train_batch_size=batch, **self.arguments)
        return Trainer(self.model, arguments, data_collator=collate, train_dataset=rows)

    def _collate(self, rows: list[dict[str, str]]) -> dict[str, torch.Tensor]:
        texts = [self.processor.apply_chat_template(_parts(row), tokenize=False) for row in rows]
        images = [[Image.open(row["image"]).convert("RGB")] for row in rows]
        batch = self.processor(images=images, text=texts, padding=True, add_special_tokens=False, return_tensors="pt")
        labels = batch["input_ids"].clone()
        labels[(batch["attention_mask"] == 0) | (labels == self.plan["image_token_id"])] = -100
        return {**batch, "labels": labels}


def _messages(row: dict[str, str]) -> list[dict[str, str]]:
    return [{"role": "user", "content": row["question"]}, {"role": "assistant", "content": row["answer"]}]


def _parts(row: dict[str, str]) -> list[dict[str, Any]]:
    question, answer = ({"type": "text", "text": row[name]} for name in ("question", "answer"))
    return [
        {"role": "user", "content": [{"type": "image"}, question]},
        {"role": "assistant", "content": [answer]},
    ]


def main() -> None:
    """Train, and print when the steps began."""
    side, order, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    peer = Peer(folder, shuffled=order == "own")
    trainer: Trainer = {"tensors": peer.tensors, "processor": peer.through_processor, "trl": peer.trl}[side]()
    clock = Clock()
    clock.watch(peer.model.model)
    trainer.train()
    print(json.dumps(clock.report(peer.plan["warm"], peer.plan["steps"])))


if __name__ == "__main__":
    main()
