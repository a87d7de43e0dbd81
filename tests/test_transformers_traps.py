"""What transformers does with vision models that nothing warns of, and what is done here in its place.

A test that fails after an upgrade says that a way round can go. Masks, crops and rows that are done: test_lanes.py.
"""

import inspect
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.generation.stopping_criteria import StopStringCriteria

from curation.lanes import Engine, Stop, prepare
from curation.search import Settings, run
from tests import small_models
from tests.test_lanes import QUESTIONS, model_of

MLLAMA = "llama3-2-vision"


@contextmanager
def encoded():
    """The number of image tensors that the vision encoder is given, call by call."""
    seen = []
    encoder = model_of(MLLAMA).model.model.vision_model
    hook = encoder.register_forward_hook(
        lambda _module, args, kwargs, _out: seen.append(len(args[0] if args else kwargs["pixel_values"])),
        with_kwargs=True,
    )
    yield seen
    hook.remove()


def batch():
    engine = Engine(model_of(MLLAMA))
    return engine.renderer.collate([prepare(engine, QUESTIONS[0])])


def test_generate_encodes_the_image_of_mllama_for_every_candidate_and_the_search_once():
    model = model_of(MLLAMA)
    with encoded() as seen:
        model.model.generate(**batch(), do_sample=True, num_return_sequences=4, max_new_tokens=2, pad_token_id=0)
    assert sum(seen) == 4
    with encoded() as seen:
        list(run("best-of-n", model, QUESTIONS[:1], Settings(candidates=4, max_tokens=4)))
    assert sum(seen) == 1


def test_an_image_of_one_tile_costs_as_much_as_one_of_four():
    model = model_of(MLLAMA).model
    inputs = batch()
    assert int(inputs["aspect_ratio_mask"].sum()) < inputs["pixel_values"].shape[2]
    with torch.no_grad():
        states = model.model.vision_model(
            inputs["pixel_values"], inputs["aspect_ratio_ids"], inputs["aspect_ratio_mask"]
        ).last_hidden_state
    assert states.shape[2] == inputs["pixel_values"].shape[2]


def test_batches_of_generate_take_no_image():
    """`generate_batch` would answer blindly; the search batches by itself."""
    generate_batch = getattr(model_of(MLLAMA).model, "generate_batch", None)
    if generate_batch is None:
        pytest.skip("this version has no generate_batch")
    assert "pixel_values" not in inspect.signature(generate_batch).parameters


def test_stop_strings_need_a_tokenizer_of_bytes_and_the_stop_of_the_search_does_not():
    words = {word: number for number, word in enumerate(("<pad>", "so", "it", "is", "</SUMMARY>", "</s>"))}
    inner = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="</s>")
    with pytest.raises(ValueError, match="substring"):
        StopStringCriteria(tokenizer, ["</SUMMARY>"])
    stop = Stop(tokenizer, ("</SUMMARY>",))
    assert [stop.found(tokenizer.encode(text)) for text in ("so it is", "so it is </SUMMARY>")] == [False, True]


WITHOUT_TORCHVISION = """
import sys; sys.modules["torchvision"] = None
from PIL import Image
from curation.families import Size, open_model
image = Image.new("RGB", (50, 40))
for folder in sys.argv[1:]:
    model = open_model(folder)
    print(model.family if model.renderer.pixels([image]) and model.renderer.prompt("How many?", [Size(50, 40)]) else "")
"""


def test_nothing_needs_torchvision(tmp_path):
    folders = [small_models.folder(family, tmp_path / family) for family in small_models.FAMILIES]
    command = [sys.executable, "-c", WITHOUT_TORCHVISION, *folders]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.stdout.split() == [*small_models.FAMILIES], done.stderr
