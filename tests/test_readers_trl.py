"""TRL's own trainers on our files: they prepare every record, and take a step on a small model."""

import os

import datasets
import pytest

from tests.release_items import image_folder, records_for, written

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
trl = pytest.importorskip("trl", reason="TRL is not installed: it is in the extra dev")
prm = pytest.importorskip("trl.experimental.prm", reason="TRL has a PRMTrainer up to its version 1.13")

from transformers import (  # noqa: E402 - not needed where TRL is not there
    AutoModelForImageTextToText,
    AutoProcessor,
    LlamaConfig,
    LlamaForTokenClassification,
)

from tests import small_models  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated and will be removed:FutureWarning")  # what TRL calls
IGNORED = -100


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Write a release of all records in a format; return its train split as `datasets` reads it."""
    home = tmp_path_factory.mktemp("releases")
    (home / "store").mkdir()
    store = image_folder(home / "store")

    def load(name):
        items = [it._replace(split="train") for it in records_for(name)]
        folder = written(name, items, home / name, store)
        return datasets.load_dataset(str(folder), split="train", cache_dir=str(home / "cache"))

    return load


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small LLaVA: its processor, and the model."""
    folder = small_models.folder("llava", tmp_path_factory.mktemp("llava"))
    return AutoProcessor.from_pretrained(folder), AutoModelForImageTextToText.from_pretrained(folder)


def settings(folder):
    return {
        "output_dir": str(folder),
        "max_steps": 1,
        "max_length": None,
        "per_device_train_batch_size": 3,
        "report_to": "none",
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "disable_tqdm": True,
    }


def images(rows):
    return sum(len(each) for each in rows["images"])


def test_sft_trains_on_messages(load, model, tmp_path):
    processor, network = model
    rows = load("messages")
    trainer = trl.SFTTrainer(
        network, args=trl.SFTConfig(**settings(tmp_path)), train_dataset=rows, processing_class=processor
    )
    batches = list(trainer.get_train_dataloader())
    assert sum(len(batch["input_ids"]) for batch in batches) == len(rows)
    assert sum(len(batch.get("pixel_values", ())) for batch in batches) == images(rows)
    said = [text for batch in batches for text in processor.batch_decode(batch["input_ids"], skip_special_tokens=True)]
    assert sum(text.count("<CONCLUSION> B </CONCLUSION>") for text in said) == sum(
        len(row["messages"]) // 2 for row in rows
    )
    assert trainer.train().training_loss > 0


def test_dpo_trains_on_pairs(load, model, tmp_path):
    processor, network = model
    rows = load("dpo")
    trainer = trl.DPOTrainer(
        network, args=trl.DPOConfig(**settings(tmp_path)), train_dataset=rows, processing_class=processor
    )
    (batch,) = trainer.get_train_dataloader()
    assert len(batch["input_ids"]) == 2 * len(rows)
    assert len(batch["pixel_values"]) == 2 * images(rows)
    assert trainer.train().training_loss > 0


def test_prm_trains_on_the_steps_that_have_a_label(load, model, tmp_path):
    tokenizer = model[0].tokenizer
    rows = load("prm")
    network = LlamaForTokenClassification(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            pad_token_id=tokenizer.pad_token_id, num_labels=2,
        )
    )  # fmt: skip
    made = prm.PRMConfig(**settings(tmp_path) | {"max_completion_length": None})
    trainer = prm.PRMTrainer(network, args=made, train_dataset=rows, processing_class=tokenizer)
    labels = [[label for label in row["labels"] if label != IGNORED] for row in trainer.train_dataset]
    assert labels == [[label for label in row["labels"] if label != IGNORED] for row in rows]
    assert {label for row in labels for label in row} == {0, 1}
    assert [0] in labels  # of four steps one has a label
    assert trainer.train().training_loss > 0
