"""Qwen2.5-VL: the ids and the positions are those that its own processor leads to."""

import pytest
import torch
from transformers import ProcessorMixin, Qwen2_5_VLProcessor

from curation.errors import DataError
from curation.families import Example, Size, VisionModel, open_model
from tests import small_models
from tests.chat_templates import QWEN_2_5_VL
from tests.test_families import picture

SIZES = (Size(60, 30), Size(20, 90))
QUESTION = "How many red cubes are there?"


class StillProcessor(Qwen2_5_VLProcessor):
    """The real processor without videos, for which transformers needs torchvision."""

    @classmethod
    def get_attributes(cls):
        return ["image_processor", "tokenizer"]

    def __init__(self, image_processor, tokenizer):
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        self.image_ids, self.video_ids = [self.image_token_id], [self.video_token_id]
        self.video_processor = None
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=tokenizer.chat_template)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> VisionModel:
    return open_model(small_models.folder("qwen2-5-vl", tmp_path_factory.mktemp("qwen")))


def asked(model: VisionModel) -> Example:
    ids = model.renderer.prompt(QUESTION, SIZES)
    return Example(ids, len(ids), [], model.renderer.pixels([picture(size) for size in SIZES]))


def test_a_batch_is_what_the_processor_makes(small):
    processor = StillProcessor(small.renderer.image_processor, small.renderer.tokenizer)
    turn = {"role": "user", "content": [{"type": "image"}, {"type": "image"}, {"type": "text", "text": QUESTION}]}
    text = processor.apply_chat_template([turn], add_generation_prompt=True)
    expected = processor(images=[picture(size) for size in SIZES], text=[text], return_tensors="pt")
    batch = small.renderer.collate([asked(small)])
    assert set(expected) <= set(batch)
    for name, tensor in expected.items():
        assert torch.equal(tensor, batch[name].to(tensor.dtype)), name


def test_positions_have_three_axes_on_an_image(small):
    batch = small.renderer.collate([asked(small)])
    positions, _ = small.model.model.get_rope_index(
        batch["input_ids"],
        mm_token_type_ids=batch["mm_token_type_ids"],
        image_grid_thw=batch["image_grid_thw"],
        attention_mask=batch["attention_mask"],
    )
    time, height, width = positions[:, 0][:, batch["mm_token_type_ids"][0].bool()]
    assert time.unique().numel() == 2
    assert (height != width).any()
    without = {name: tensor for name, tensor in batch.items() if name != "mm_token_type_ids"}
    with torch.inference_mode():
        assert (small.model(**batch).logits - small.model(**without).logits).abs().max() > 1e-4


def test_what_the_template_writes_behind_the_end_of_the_turn_is_not_trained_on(small):
    assert small.renderer.tokenizer.decode(small.renderer.answer("2").ids) == "2<|im_end|>"


def test_words_that_are_added_tokens_but_not_special_stay_what_they_are(small):
    ids = small.renderer.prompt("a <tool_call> b")
    assert small.renderer.tokenizer.convert_tokens_to_ids("<tool_call>") in ids


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ bos_token }}", "does not put an answer"),
        ("{{ raise_exception('no') }}", "does not take images and text: no"),
        ("{{ messages[0]['content'] + '' }}", "does not take images and text"),
    ],
)
def test_a_template_that_can_not_be_used_is_refused(tmp_path, template, said):
    folder = small_models.folder("qwen2-5-vl", tmp_path)
    (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(DataError, match=said):
        open_model(folder)


def test_a_template_that_drops_images_is_refused(tmp_path):
    folder = small_models.folder("qwen2-5-vl", tmp_path)
    (folder / "chat_template.jinja").write_text(QWEN_2_5_VL.replace("<|image_pad|>", ""))
    small = open_model(folder)
    assert small.renderer.prompt(QUESTION)
    with pytest.raises(DataError, match="does not place 2 images"):
        asked(small)
