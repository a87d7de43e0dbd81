"""Llama 3.2 Vision: what its own processor makes is what the model gets, and its traps are not fallen into."""

import pytest
import torch
from transformers import MllamaConfig, MllamaProcessor
from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig

from curation.families import Example, Size, VisionModel, open_model
from curation.families import llama3_2_vision as family
from tests import small_models
from tests.test_families import picture

TRACE = small_models.TEXTS[-1]
SIZES = (Size(60, 30), Size(20, 90), Size(30, 30))


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> VisionModel:
    return open_model(small_models.folder("llama3-2-vision", tmp_path_factory.mktemp("llama")))


def asked(model: VisionModel, question: str, sizes: tuple[Size, ...]) -> Example:
    ids = model.renderer.prompt(question, sizes)
    return Example(ids, len(ids), [], model.renderer.pixels([picture(size) for size in sizes]))


def test_a_batch_is_what_the_processor_makes(small):
    questions, images = ["Why?", "How many red cubes are there?"], [SIZES[:1], SIZES]
    batch = small.renderer.collate([asked(small, *pair) for pair in zip(questions, images, strict=True)])
    tokenizer = small.renderer.tokenizer
    processor = MllamaProcessor(small.renderer.image_processor, tokenizer, tokenizer.chat_template)
    texts = [
        processor.apply_chat_template(
            [{"role": "user", "content": [*[{"type": "image"}] * len(sizes), {"type": "text", "text": question}]}],
            add_generation_prompt=True,
        )
        for question, sizes in zip(questions, images, strict=True)
    ]
    expected = processor(
        images=[[picture(size) for size in sizes] for sizes in images],
        text=texts,
        padding=True,
        padding_side="right",
        add_special_tokens=False,
        return_tensors="pt",
    )
    assert set(batch) == set(expected)
    for name, tensor in batch.items():
        assert torch.equal(tensor, expected[name]), name


def test_without_its_mask_the_cross_attention_would_be_causal(small):
    batch = small.renderer.collate([asked(small, "How many red cubes are there?", SIZES[:1])])
    unmasked = {name: tensor for name, tensor in batch.items() if name != "cross_attention_mask"}
    with torch.inference_mode():
        right, wrong = small.model(**batch).logits, small.model(**unmasked).logits
        small.model.set_attn_implementation("eager")
        eager = small.model(**batch).logits
        small.model.set_attn_implementation("sdpa")
    torch.testing.assert_close(right, eager, atol=1e-4, rtol=1e-4)
    assert (right - wrong).abs().max() > 1e-3


def test_the_image_token_has_no_row_in_the_head_and_is_never_a_label(small):
    assert small.renderer.image_token_id == small.model.lm_head.out_features
    for text in (TRACE, "<|image|>", "<SUMMARY><|image|></SUMMARY>"):
        assert max(small.renderer.answer(text).ids) < small.model.lm_head.out_features


def test_the_template_writes_one_date_on_every_day(small):
    said = small.renderer.tokenizer.decode(small.renderer.prompt("Why?"))
    assert "Today Date: 26 Jul 2024\n" in said


def test_generation_stops_at_all_ends_that_the_checkpoint_names(small):
    names = small.renderer.tokenizer.convert_ids_to_tokens(sorted(small.renderer.stop_ids))
    assert set(names) == {"<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"}


def test_the_parts_of_the_11b_are_those_of_its_config():
    config = MllamaConfig()
    assert "3|8|13|18|23|28|33|38" in family.parts(config)["cross"]


def test_flops_of_the_11b_are_those_that_were_counted_from_its_weights():
    vision = MllamaVisionConfig(image_size=560, vision_output_dim=7680)
    config = MllamaConfig(text_config=MllamaTextConfig(), vision_config=vision)
    image = family.flops(config, 0, 1) - family.flops(config, 1, 0)
    assert image == pytest.approx(19.9e12, rel=0.01)
    step = 3 * family.flops(config, 400, 1)
    assert step == pytest.approx(83e12, rel=0.02)
