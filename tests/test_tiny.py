"""The family that trains from nothing: its tokenizer, its size, and that it is a plain Mllama."""

import numpy as np
import pytest
import torch
from transformers import MllamaForConditionalGeneration

from curation.families import Size, VisionModel, detect, tiny
from schemas.trace import Stages, parse_tagged, to_tagged
from tests.test_families import picture

STAGES = Stages(
    summary="Count the red cubes.",
    caption="1. red cube; 2. blue ball; 3. red cube",
    reasoning="red cubes: 1. and 3., so 2",
    conclusion="2",
)
TRACE = to_tagged(STAGES)
TEXTS = ["How many red cubes are there?", TRACE] * 2


@pytest.fixture(scope="module")
def made() -> VisionModel:
    return tiny.create(TEXTS, seed=0)


def test_the_same_texts_and_seed_make_the_same_model(made):
    again, other = tiny.create(iter(TEXTS), seed=0), tiny.create(TEXTS, seed=1)
    assert again.renderer.tokenizer.backend_tokenizer.to_str() == made.renderer.tokenizer.backend_tokenizer.to_str()
    weights = [vision.model.state_dict() for vision in (made, again, other)]
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())
    assert not all(torch.equal(weight, weights[2][name]) for name, weight in weights[0].items())


def test_making_a_model_leaves_the_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    tiny.create(TEXTS, seed=0)
    assert torch.equal(torch.rand(1), expected)


def test_it_has_less_than_a_million_parameters(made):
    assert 800_000 < sum(parameter.numel() for parameter in made.model.parameters()) < 1_000_000


def test_a_word_is_one_token_wherever_it_stands(made):
    tokenizer, answer = made.renderer.tokenizer, made.renderer.answer(TRACE)
    words = [token for token in tokenizer.convert_ids_to_tokens(answer.ids) if not token.startswith("<")]
    assert words.count("Ġred") == 4
    assert len(answer.ids) == 8 + 1 + len(words)
    assert len(words) <= len(TRACE.split()) + 16  # signs of punctuation and the numbers before them


@pytest.mark.parametrize("space", ["", " ", "\n\n"])
def test_white_space_around_tags_costs_no_tokens(made, space):
    spaced = TRACE.replace("<", f"{space}<").replace(">", f">{space}")
    assert made.renderer.answer(spaced).ids == made.renderer.answer(TRACE).ids


def test_what_is_decoded_is_the_trace(made):
    ids = made.renderer.answer(TRACE).ids
    assert parse_tagged(made.renderer.tokenizer.decode(ids, skip_special_tokens=True)) == STAGES


def test_any_character_can_be_written(made):
    ids = made.renderer.answer("żółw 🐢").ids
    assert made.renderer.tokenizer.decode(ids, skip_special_tokens=True).strip() == "żółw 🐢"


def test_an_image_of_its_size_is_taken_as_it_is(made):
    image = picture(Size(64, 64))
    pixels = made.renderer.pixels([image])["pixel_values"][0, 0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(pixels, (np.asarray(image) / 255 - 0.5) / 0.25, atol=1e-6)


def test_another_image_keeps_its_proportions(made):
    pixels = made.renderer.pixels([picture(Size(128, 32))])["pixel_values"][0, 0]
    assert pixels.shape == (3, 64, 64)
    assert (pixels[:, 16:] == pixels[:, -1:, -1:]).all()
    assert (pixels[:, :16] != pixels[:, -1:, -1:]).any()


def test_plain_mllama_loads_it_and_the_config_still_tells_it(made, tmp_path):
    made.model.save_pretrained(tmp_path)
    MllamaForConditionalGeneration.from_pretrained(tmp_path).save_pretrained(tmp_path / "again")
    assert detect(tmp_path / "again") == "tiny"


def test_a_prompt_is_the_question_and_three_tokens(made):
    renderer = made.renderer
    tokens = renderer.tokenizer.convert_ids_to_tokens(renderer.prompt("red cubes", [Size(64, 64)]))
    assert tokens == ["<|begin|>", "<|image|>", "Ġred", "Ġcubes", "<|answer|>"]


def test_the_image_token_can_not_be_sampled(made):
    assert made.renderer.image_token_id == made.model.lm_head.out_features
