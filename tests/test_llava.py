"""LLaVA: what its own processor makes is what the model gets."""

import json

import pytest
import torch
from transformers import LlavaProcessor

from curation.errors import UsageError
from curation.families import Example, Size, VisionModel, open_model
from tests import small_models
from tests.chat_templates import LLAVA_1_5
from tests.test_families import picture

SIZES = (Size(60, 30), Size(20, 90))
QUESTION = "How many red cubes are there?"


@pytest.fixture
def folder(tmp_path):
    return small_models.folder("llava", tmp_path / "llava")


def asked(model: VisionModel, text: str = QUESTION) -> Example:
    ids = model.renderer.prompt(text, SIZES)
    return Example(ids, len(ids), [], model.renderer.pixels([picture(size) for size in SIZES]))


def test_a_batch_is_what_the_processor_makes(folder):
    small = open_model(folder)
    processor = LlavaProcessor.from_pretrained(folder)
    turn = {"role": "user", "content": [{"type": "image"}, {"type": "image"}, {"type": "text", "text": QUESTION}]}
    text = processor.apply_chat_template([turn], add_generation_prompt=True)
    expected = processor(images=[picture(size) for size in SIZES], text=[text], return_tensors="pt")
    batch = small.renderer.collate([asked(small)])
    assert set(expected) == set(batch)
    for name, tensor in expected.items():
        torch.testing.assert_close(tensor, batch[name])


def test_an_answer_ends_with_the_end_of_the_sequence(folder):
    """The template of LLaVA 1.5 writes none, so that a model that is trained on it would go on for ever."""
    small = open_model(folder)
    assert small.renderer.tokenizer.decode(small.renderer.answer("2").ids).strip() == "2</s>"


def test_the_template_beside_an_older_processor_comes_first(folder):
    template = LLAVA_1_5
    (folder / "chat_template.jinja").unlink()
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": "of the tokenizer"}))
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    assert open_model(folder).renderer.tokenizer.chat_template == template


def test_the_class_token_counts_where_the_model_keeps_it(folder):
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "vision_feature_select_strategy": "full"}))
    small = open_model(folder)
    assert small.renderer.image_tokens(SIZES[0]) == 5
    with torch.inference_mode():
        assert small.model(**small.renderer.collate([asked(small)])).logits.isfinite().all()


def test_an_encoder_whose_images_take_tokens_by_their_size_is_refused(folder):
    settings = json.loads((folder / "config.json").read_text())
    pixtral = {**settings, "vision_config": {"model_type": "pixtral"}}
    (folder / "config.json").write_text(json.dumps(pixtral))
    with pytest.raises(UsageError, match="sees with pixtral"):
        open_model(folder)


def test_an_image_processor_that_is_not_the_encoders_is_refused(folder):
    settings = json.loads((folder / "processor_config.json").read_text())
    settings["image_processor"]["image_processor_type"] = "PixtralImageProcessor"
    (folder / "processor_config.json").write_text(json.dumps(settings))
    with pytest.raises(UsageError, match="PixtralImageProcessorPil"):
        open_model(folder)
