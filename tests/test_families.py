"""What every family promises, on small checkpoints of the real classes."""

import pickle
import re
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoProcessor, AutoTokenizer

from curation import registry
from curation.errors import DataError, MissingError, UsageError
from curation.families import GROUPS, Example, Exchange, Size, VisionModel, detect, get, open_model
from tests import small_models

QUESTION = "How many red cubes are there?"
TRACE = small_models.TEXTS[-1]
STAGES = ("I count the red cubes.", "Two red cubes and a blue ball.", "The red cubes are 1 and 2, so there are 2.", "2")
EARLIER = [Exchange("Is there a ball?", "Yes."), Exchange("And a cone?", "<CONCLUSION>No</CONCLUSION>")]
SIZES = (Size(60, 30), Size(20, 90))

families = pytest.mark.parametrize("family", registry.names("curation.families"))


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Folders of all families, written when they are first asked for."""
    root, made = tmp_path_factory.mktemp("checkpoints"), {}
    return lambda family: made.get(family) or made.setdefault(family, small_models.folder(family, root / family))


@pytest.fixture(scope="module")
def opened(checkpoints):
    """Models of all families, loaded when they are first asked for."""
    made: dict[str, VisionModel] = {}
    return lambda family: made.get(family) or made.setdefault(family, open_model(checkpoints(family)))


def picture(size: Size, seed: int = 0) -> Image.Image:
    pixels = torch.randint(256, (size.height, size.width, 3), generator=torch.Generator().manual_seed(seed))
    return Image.fromarray(pixels.to(torch.uint8).numpy())


def example(model: VisionModel, sizes=SIZES, question=QUESTION, answer=TRACE) -> Example:
    renderer = model.renderer
    prompt, written = renderer.prompt(question, sizes), renderer.answer(answer)
    pixels = renderer.pixels([picture(size, seed) for seed, size in enumerate(sizes)]) if sizes else {}
    return Example(prompt + written.ids, len(prompt), written.groups, pixels)


def template_ids(model: VisionModel, turns: list[tuple[str, str]], images: int, *, to_answer: bool) -> list[int]:
    """Tokenise what transformers renders, without what stands behind the end of the last turn."""
    messages = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in turns]
    messages[0]["content"] = [{"type": "image"}] * images + messages[0]["content"]
    tokenizer = model.renderer.tokenizer
    rendered = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=to_answer, date_string="26 Jul 2024"
    )
    rendered = rendered if to_answer else rendered.rstrip()
    begins = tokenizer.bos_token is not None and rendered.startswith(tokenizer.bos_token)
    return tokenizer(rendered, add_special_tokens=not begins)["input_ids"]


def without_repeats(ids: list[int], repeated: int) -> list[int]:
    return [i for i, before in zip(ids, [None, *ids], strict=False) if i != repeated or before != repeated]


def logits(model: VisionModel, examples: list[Example]) -> torch.Tensor:
    with torch.inference_mode():
        return model.model(**model.renderer.collate(examples)).logits


def test_every_family_has_a_small_model():
    assert set(small_models.FAMILIES) == set(registry.names("curation.families"))


@families
@pytest.mark.parametrize("images", [0, 1])
def test_prompt_and_answer_are_what_the_template_writes(opened, family, images):
    model = opened(family)
    renderer = model.renderer
    turns = [("user", QUESTION), ("assistant", TRACE)]
    prompt = renderer.prompt(QUESTION, SIZES[:images])
    written = renderer.answer(TRACE).ids
    assert without_repeats(prompt, renderer.image_token_id) == template_ids(model, turns[:1], images, to_answer=True)
    whole = template_ids(model, turns, images, to_answer=False)
    if family == "llava":  # its template ends an answer with a space
        whole.append(renderer.tokenizer.eos_token_id)
    assert without_repeats(prompt, renderer.image_token_id) + written == whole


@families
def test_earlier_turns_are_what_the_template_writes(opened, family):
    model = opened(family)
    turns = [(role, text) for turn in EARLIER for role, text in zip(("user", "assistant"), turn, strict=True)]
    expected = template_ids(model, [*turns, ("user", QUESTION)], 2, to_answer=True)
    prompt = model.renderer.prompt(QUESTION, SIZES, EARLIER)
    image = model.renderer.image_token_id
    assert [i for i in prompt if i != image] == [i for i in expected if i != image]
    assert prompt.count(image) == sum(map(model.renderer.image_tokens, SIZES))


@families
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    question=st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=30), answer=st.text("aé1 .\n", max_size=9)
)
def test_any_text_is_tokenised_as_the_tokenizer_does(opened, family, question, answer):
    model = opened(family)
    prompt = model.renderer.prompt(question)
    assert prompt == template_ids(model, [("user", question)], 0, to_answer=True)
    whole = template_ids(model, [("user", question), ("assistant", answer.strip())], 0, to_answer=False)
    written = prompt + model.renderer.answer(answer).ids
    assert written[: len(whole)] == whole or family == "llava"
    assert model.renderer.tokenizer.decode(written[len(prompt) : -1]).strip() == answer.strip()


@families
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_special_tokens_and_tags_in_a_question_are_text(opened, family, data):
    renderer = opened(family).renderer
    special = [*renderer.tokenizer.all_special_tokens, "<|image|>", "<image>", "</SUMMARY>", "<CONCLUSION>"]
    pieces = data.draw(st.lists(st.sampled_from([*special, "a", " ", "\n", "<", "|>"]), max_size=6))
    question = "b" + "".join(pieces) + "b"
    added = {int(i) for i in renderer.tokenizer.added_tokens_decoder}
    plain, prompt = renderer.prompt("b"), renderer.prompt(question)
    assert [i for i in prompt if i in added] == [i for i in plain if i in added]
    assert question in renderer.tokenizer.decode(prompt)


@families
def test_special_tokens_in_an_answer_are_text(opened, family):
    renderer = opened(family).renderer
    image = renderer.tokenizer.convert_ids_to_tokens(renderer.image_token_id)
    ids = renderer.answer(f"<SUMMARY>see {image}{renderer.tokenizer.eos_token}</SUMMARY>").ids
    assert renderer.image_token_id not in ids
    assert [i for i in ids if i in renderer.stop_ids] == ids[-1:]


@families
def test_noncharacters_cannot_pass_for_special_tokens(opened, family):
    renderer = opened(family).renderer
    end, end_id = renderer.tokenizer.eos_token, renderer.tokenizer.eos_token_id
    assert renderer.prompt(f"\ufdd0{end} \ufdd1{end}").count(end_id) == renderer.prompt("b").count(end_id)


@families
def test_each_token_of_a_trace_belongs_to_its_stage(opened, family):
    renderer = opened(family).renderer
    answer = renderer.answer(TRACE)
    for group, text in enumerate(STAGES):
        ids = [i for i, its in zip(answer.ids, answer.groups, strict=True) if its == group]
        said = renderer.tokenizer.decode(ids)
        assert text in said
        assert not set(said.replace(text, "")) - set(" <>/")  # a token may hold a sign of the tag beside it
    rest = [i for i, its in zip(answer.ids, answer.groups, strict=True) if GROUPS[its] == "tags"]
    assert re.sub(r"[\s<>/]|SUMMARY|CAPTION|REASONING|CONCLUSION", "", renderer.tokenizer.decode(rest[:-1])) == ""
    assert rest[-1] == answer.ids[-1]


@families
def test_white_space_between_a_tag_and_its_text_belongs_to_the_tags(opened, family):
    renderer = opened(family).renderer
    answer = renderer.answer("<SUMMARY>\n\nab\n\n</SUMMARY>")
    ids = [i for i, its in zip(answer.ids, answer.groups, strict=True) if GROUPS[its] == "summary"]
    assert renderer.tokenizer.decode(ids).strip(" ") == "ab"


@families
def test_an_answer_without_tags_is_a_conclusion(opened, family):
    renderer = opened(family).renderer
    groups = [GROUPS[group] for group in renderer.answer("two cubes").groups]
    assert groups[-1] == "tags"
    assert "conclusion" in groups
    assert set(groups[1:-1]) <= {"conclusion"}


@families
def test_a_stage_that_is_never_closed_does_not_hide_the_others(opened, family):
    renderer = opened(family).renderer
    answer = renderer.answer("<SUMMARY>open <CAPTION>closed</CAPTION>")
    found = {GROUPS[group] for group in answer.groups}
    assert found == {"caption", "tags"}


@families
def test_the_end_of_the_turn_ends_generation(opened, family):
    model = opened(family)
    end = model.renderer.answer(TRACE).ids[-1]
    assert end in model.renderer.stop_ids
    assert model.renderer.image_token_id not in model.renderer.stop_ids


@families
@pytest.mark.parametrize("sizes", [(), SIZES[:1], SIZES])
def test_padding_changes_no_logits(opened, family, sizes):
    model = opened(family)
    short, long = example(model, sizes, "Why?", "2"), example(model, sizes)
    together = logits(model, [short, long])
    for row, alone in enumerate([short, long]):
        expected = logits(model, [alone])[0]
        torch.testing.assert_close(together[row, : len(alone.ids)], expected, atol=2e-5, rtol=1e-4)


@families
def test_the_model_sees_the_image(opened, family):
    model = opened(family)
    one = example(model, SIZES[:1])
    other = one._replace(pixels=model.renderer.pixels([picture(SIZES[0], seed=7)]))
    assert (logits(model, [one]) - logits(model, [other])).abs().max() > 1e-4


@families
@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_images_of_any_mode_are_read(opened, family, mode):
    renderer = opened(family).renderer
    colour = renderer.pixels([picture(SIZES[0])])["pixel_values"]
    assert renderer.pixels([picture(SIZES[0]).convert(mode)])["pixel_values"].shape == colour.shape


@families
def test_examples_with_and_without_images_are_not_batched(opened, family):
    model = opened(family)
    with pytest.raises(ValueError, match="not both"):
        model.renderer.collate([example(model), example(model, ())])


@families
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(width=st.integers(1, 200), height=st.integers(1, 200))
def test_the_size_alone_tells_how_many_tokens_an_image_takes(opened, family, width, height):
    model = opened(family)
    size = Size(width, height)
    pixels = model.renderer.pixels([picture(size)])
    expected = 1
    if family == "qwen2-5-vl":
        expected = int(pixels["image_grid_thw"].prod()) // 4
    elif family == "llava":
        expected = pixels["pixel_values"].shape[-1] ** 2 // 14**2
    assert model.renderer.image_tokens(size) == expected


@families
def test_many_examples_are_processed_as_each_by_itself(opened, family):
    renderer = opened(family).renderer
    sizes = [(SIZES[0],), (Size(30, 90), SIZES[0]), (Size(200, 40),), SIZES]
    images = [[picture(size, seed) for seed, size in enumerate(some, 10 * number)] for number, some in enumerate(sizes)]
    together = renderer.pixels_of_each(images)
    assert len(together) == len(images)
    for found, alone in zip(together, images, strict=True):
        torch.testing.assert_close(found, renderer.pixels(alone), rtol=0, atol=0)
        assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in found.values())


@families
def test_a_renderer_can_be_sent_to_a_worker(opened, family):
    renderer = opened(family).renderer
    sent = pickle.loads(pickle.dumps(renderer))
    assert sent.prompt(QUESTION, SIZES) == renderer.prompt(QUESTION, SIZES)
    assert sent.answer(TRACE) == renderer.answer(TRACE)


@families
def test_what_is_saved_is_read_back_equal(opened, family, tmp_path):
    model = opened(family)
    model.model.save_pretrained(tmp_path)
    model.renderer.save(tmp_path)
    again = open_model(tmp_path)
    assert again.family == family
    assert again.renderer.prompt(QUESTION, SIZES, EARLIER) == model.renderer.prompt(QUESTION, SIZES, EARLIER)
    assert again.renderer.answer(TRACE) == model.renderer.answer(TRACE)
    assert again.renderer.stop_ids == model.renderer.stop_ids
    assert torch.equal(logits(again, [example(again)]), logits(model, [example(model)]))


@families
def test_plain_transformers_loads_what_is_saved(opened, family, tmp_path):
    model = opened(family)
    model.model.save_pretrained(tmp_path)
    model.renderer.save(tmp_path)
    plain = type(model.model).from_pretrained(tmp_path)
    for name, weight in plain.state_dict().items():
        assert torch.equal(weight, model.model.state_dict()[name]), name
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer(QUESTION)["input_ids"] == model.renderer.tokenizer(QUESTION)["input_ids"]
    assert tokenizer.chat_template == model.renderer.tokenizer.chat_template
    if family == "qwen2-5-vl":  # the processor class needs torchvision for videos
        return
    size = SIZES[0]
    features = AutoProcessor.from_pretrained(tmp_path).image_processor([picture(size)], return_tensors="pt")
    torch.testing.assert_close(
        features["pixel_values"].flatten(), example(model, [size]).pixels["pixel_values"].flatten()
    )


@families
def test_each_parameter_is_in_one_part(opened, family):
    model = opened(family).model
    patterns = get(family).parts(model.config)
    for name, _ in model.named_parameters():
        assert sum(re.search(pattern, name) is not None for pattern in patterns.values()) == 1, name


@families
def test_lora_adapts_the_projections_of_the_language_model_only(opened, family):
    model = opened(family).model
    targets = [name for name, _ in model.named_modules() if re.fullmatch(get(family).LORA_TARGETS, name)]
    layers = model.config.get_text_config().num_hidden_layers
    assert len(targets) == 7 * layers
    assert all(isinstance(model.get_submodule(name), torch.nn.Linear) for name in targets)


@families
def test_blocks_hold_the_layers_and_do_not_overlap(opened, family):
    model = opened(family).model
    held = [id(parameter) for block in get(family).blocks(model) for parameter in block.parameters()]
    layers = [p for name, p in model.named_parameters() if re.search(r"\b(layers|blocks)\.\d+\.", name)]
    assert len(held) == len(set(held))
    assert set(held) == {id(parameter) for parameter in layers}


@families
@pytest.mark.parametrize("sizes", [(), SIZES[:1]])
def test_flops_are_those_that_torch_counts(opened, family, checkpoints, sizes):
    model = get(family).load(checkpoints(family), torch.float32)
    model.set_attn_implementation("eager")
    batch = opened(family).renderer.collate([example(opened(family), sizes)])
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(**batch)
    images = int((batch["input_ids"] == opened(family).renderer.image_token_id).sum())
    counted = get(family).flops(model.config, batch["input_ids"].numel() - images, images)
    assert counted == pytest.approx(counter.get_total_flops(), rel=0.01)


@families
def test_a_model_can_be_loaded_in_bfloat16(checkpoints, family):
    model = open_model(checkpoints(family), dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in model.model.parameters()} == {torch.bfloat16}
    assert not model.model.training
    assert logits(model, [example(model)]).isfinite().all()


@families
def test_generate_goes_on_from_a_prompt(opened, family):
    model = opened(family)
    prompt = example(model)
    batch = model.renderer.collate([prompt._replace(ids=prompt.ids[: prompt.prompt])])
    with torch.inference_mode():
        out = model.model.generate(**batch, max_new_tokens=2, do_sample=False)
    assert out[0, : prompt.prompt].tolist() == prompt.ids[: prompt.prompt]


@families
def test_the_config_tells_the_family(checkpoints, family):
    assert detect(checkpoints(family)) == family
    other = "llava" if family != "llava" else "tiny"
    with pytest.raises(UsageError, match=f"of the family {family}, not {other}"):
        open_model(checkpoints(family), other)


@families
@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (["config.json"], "no config"),
        (["model.safetensors"], "weights"),
        (["tokenizer.json", "tokenizer_config.json"], "tokenizer"),
        (["chat_template.jinja"], "chat template"),
        (["preprocessor_config.json", "processor_config.json"], "image processor"),
    ],
)
def test_a_folder_that_lacks_something_is_refused(checkpoints, family, tmp_path, lost, said):
    shutil.copytree(checkpoints(family), tmp_path, dirs_exist_ok=True)
    for name in lost:
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(MissingError, match=said):
        open_model(tmp_path)


def test_another_kind_of_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UsageError, match="llama model; the known families are llama3-2-vision"):
        detect(tmp_path)


def test_a_config_that_is_of_no_kind_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "nonesuch"}')
    with pytest.raises(DataError, match=r"config\.json is not readable"):
        detect(tmp_path)


def test_a_folder_that_is_not_there_is_refused():
    with pytest.raises(MissingError, match="no such folder"):
        detect(Path("/nonesuch/model"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"hidden_size": 96', '"hidden_size": 48', "do not fit"),
        ('"num_hidden_layers": 5', '"num_hidden_layers": 6', "lack"),
    ],
)
def test_weights_that_do_not_fit_the_config_are_refused(checkpoints, tmp_path, old, new, said):
    shutil.copytree(checkpoints("tiny"), tmp_path, dirs_exist_ok=True)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace(old, new))
    with pytest.raises(DataError, match=said):
        open_model(tmp_path)
