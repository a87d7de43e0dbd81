"""The engine beside plain forward passes and `generate`, for all families, with their real classes."""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from torch import Tensor
from transformers import DynamicCache

from curation.errors import CurationError
from curation.families import Example, VisionModel, open_model
from curation.lanes import Ask, Draws, Engine, Pen, Question, Sampling, Session, Stop, at_rest, prepare, text_of, write
from curation.lanes.bank import Bank
from curation.lanes.cache import CrossLayer, RowLayer
from curation.search import Settings, run
from schemas.sample import Turn
from tests import small_models

FAMILIES = small_models.FAMILIES
GREEDY = Sampling(0.0)


@cache
def model_of(family: str) -> VisionModel:
    with TemporaryDirectory() as folder:
        return open_model(small_models.folder(family, Path(folder)))


def png(width: int, height: int, seed: int) -> bytes:
    file = io.BytesIO()
    noise = torch.randint(0, 255, (height, width, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    Image.fromarray(noise.numpy()).save(file, "PNG")
    return file.getvalue()


QUESTIONS = (
    Question("short", Turn(question="How many?"), (png(24, 24, 0),)),
    Question("long", Turn(question="Which colour has the largest bar of the chart? " * 3), (png(56, 28, 1),)),
    Question("two images", Turn(question="How many red cubes are there?"), (png(40, 60, 2), png(100, 100, 3))),
)
BLIND = tuple(Question(f"blind {question.id}", question.turn) for question in QUESTIONS)


class Lab(SimpleNamespace):
    """A session, and the plain forward pass of what its rows hold."""

    session: Session
    bank: Bank
    engine: Engine

    @classmethod
    def of(cls, family: str, questions: Sequence[Question] = QUESTIONS, width: int = 3) -> "Lab":
        engine = Engine(model_of(family))
        session = Session(engine, questions, [prepare(engine, question) for question in questions], width)
        return cls(session=session, bank=session.bank, engine=engine)

    def plain(self, lane: int, ids: Sequence[int], *, looks: bool = True) -> Tensor:
        """The logits behind ids, without a cache and without other rows."""
        example = Example(list(ids), len(ids), [], self.session.prompts[lane].pixels if looks else {})
        batch = self.engine.renderer.collate([example])
        with torch.no_grad():
            return self.engine.model(**batch).logits[0, -1]

    def error(self, logits: Tensor, lane: int, ids: Sequence[int], *, looks: bool = True) -> float:
        expected = self.plain(lane, ids, looks=looks)
        allowed = torch.isfinite(logits)
        return float((logits - expected)[allowed].abs().max())


@pytest.mark.parametrize("questions", [QUESTIONS, BLIND], ids=["images", "no images"])
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_those_of_a_forward_pass_without_a_cache(family: str, questions: Sequence[Question]) -> None:
    lab = Lab.of(family, questions)
    bank, numbers = lab.bank, torch.Generator().manual_seed(0)
    first = bank.logits([0, 3, 6])
    assert max(lab.error(first[lane], lane, lab.session.prompts[lane].ids) for lane in range(3)) < 1e-4
    bank.fork([0, 0, 3, 3, 6, 6], [1, 2, 4, 5, 7, 8])
    for rows in (list(range(9)), [1, 4, 8], [7], [5, 0, 1, 2, 3, 8], [2]):
        for row in rows:
            bank.put(row, torch.randint(10, 100, (row % 3 + 1,), generator=numbers).tolist())
        logits = bank.logits(rows)
        errors = [lab.error(logits[k], row // 3, bank.held[row]) for k, row in enumerate(rows)]
        assert max(errors) < 1e-4
    bank.fork([8, 8], [6, 7])  # over rows that were longer, and others that were shorter
    for row in (6, 7, 8):
        bank.put(row, [20 + row])
    logits = bank.logits([6, 7, 8])
    assert max(lab.error(logits[row - 6], 2, bank.held[row]) for row in (6, 7, 8)) < 1e-4


@pytest.mark.parametrize("family", FAMILIES)
def test_judge_prompts_share_the_image_and_what_they_begin_with(family: str) -> None:
    lab = Lab.of(family)
    lab.bank.logits([0, 3, 6])
    texts = [f"Which is better? {'One ' * k}" for k in range(4)]
    asks = [Ask(lane, text, looks=looks) for lane in (2, 0) for text in texts for looks in (True, False)]
    for begun in ((), (40, 41)):  # the second time, most is there already
        some = [ask._replace(begun=begun) for ask in asks]
        before = lab.session.spent.judged.total()
        logits = lab.session.read(some)
        for ask, row in zip(some, logits, strict=True):
            sizes = lab.session.sizes[ask.lane] if ask.looks else ()
            ids = [*lab.engine.renderer.prompt(ask.text, sizes), *begun]
            assert lab.error(row, ask.lane, ids, looks=ask.looks) < 1e-4
        spent = lab.session.spent.judged.total() - before
        alone = sum(len(lab.engine.renderer.prompt(ask.text)) for ask in some)
        assert spent < alone if not begun else spent <= 5 * len(asks)


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_text_is_that_of_generate(family: str) -> None:
    model, engine = model_of(family), Engine(model_of(family))
    settings = Settings(max_tokens=12, at_once=3)
    found = list(run("greedy", model, (*QUESTIONS, *BLIND), settings))
    vocabulary = engine.head.weight.shape[0]
    never = [model.renderer.image_token_id] if model.renderer.image_token_id < vocabulary else None
    never = [*(never or []), *range(len(engine.tokenizer), vocabulary)] or None
    for question, result in zip((*QUESTIONS, *BLIND), found, strict=True):
        batch = model.renderer.collate([prepare(engine, question)])
        ends = sorted(model.renderer.stop_ids)
        kwargs = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": ends, "pad_token_id": ends[0]}
        ids = model.model.generate(**batch, **kwargs, suppress_tokens=never)[0, batch["input_ids"].shape[1] :].tolist()
        kept = [token for token in ids if token not in model.renderer.stop_ids]
        assert result.text == text_of(engine.tokenizer, kept)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_image_is_encoded_once_a_question(family: str) -> None:
    model = model_of(family)
    inner = model.model.model
    tower = next(getattr(inner, name) for name in ("vision_model", "visual", "vision_tower") if hasattr(inner, name))
    calls: list[int] = []
    handle = tower.register_forward_pre_hook(lambda *_: calls.append(1))
    try:
        settings = Settings(candidates=3, max_tokens=6, judge="verdict", temperature=1.5)
        found = list(run("sentence", model, QUESTIONS, settings))
    finally:
        handle.remove()
    assert len(calls) == 1
    assert [result.cost.images for result in found] == [1, 1, 2]
    assert all(result.cost.judge_tokens > 0 for result in found)


def test_an_image_token_is_never_written() -> None:
    model = model_of("llava")
    head = model.model.lm_head.weight
    assert model.renderer.image_token_id < len(head)
    engine = Engine(model)
    scores = engine.read(torch.randn(4, head.shape[1]))
    assert bool((scores[:, model.renderer.image_token_id] == -torch.inf).all())
    assert bool((scores[:, len(engine.tokenizer) :] == -torch.inf).all())


def test_a_mask_left_out_is_not_the_model_that_the_engine_runs() -> None:
    lab = Lab.of("llama3-2-vision")
    prompt = lab.session.prompts[0]
    batch = lab.engine.renderer.collate([prompt])
    mask = batch.pop("cross_attention_mask")
    with torch.no_grad():
        without = lab.engine.model(**batch).logits[0, -1]
    logits = lab.bank.logits([0, 3, 6])
    assert float((without - lab.plain(0, prompt.ids)).abs().max()) > 1e-2  # transformers #48172
    assert lab.error(logits[0], 0, prompt.ids) < 1e-4
    assert mask.shape[:2] == (1, len(prompt.ids))


def test_text_before_the_image_looks_at_all_its_tiles_and_is_silenced_behind() -> None:
    lab = Lab.of("llama3-2-vision")
    sight = lab.session.sight
    tiles = lab.engine.renderer.collate([lab.session.prompts[0]])["cross_attention_mask"][0, -1].sum()
    assert tiles < 4  # some are padding
    before, behind = sight.table[0, 0], sight.table[0, sight.heads[0]]
    assert int(before[:4].sum()) == 4  # padding included (transformers #39379)
    assert not before[4:].any()  # but not the second image, which only another question has
    assert int(behind.sum()) == tiles
    assert not sight.lit[0, 0]
    assert sight.lit[0, sight.heads[0]]


def test_nothing_is_cropped_since_that_cuts_vision_tokens() -> None:
    lab = Lab.of("llama3-2-vision")
    batch = lab.engine.renderer.collate([lab.session.prompts[0]])
    cache = DynamicCache(config=lab.engine.model.config)
    with torch.no_grad():
        lab.engine.model(**batch, past_key_values=cache, use_cache=True)
    seen = cache.layers[1].keys.shape[2]
    cache.crop(-3)
    assert cache.layers[1].keys.shape[2] == seen - 3  # what transformers does
    lab.bank.logits([0, 3, 6])
    tokens = [layer.get_seq_length() for layer in lab.session.sight.layers.values()]
    lab.bank.restart(0, lab.bank.held[0][:-3])
    lab.bank.logits([0])
    assert [layer.get_seq_length() for layer in lab.session.sight.layers.values()] == tokens
    assert not any(layer.is_croppable for layer in (RowLayer(1), CrossLayer()))


def test_rows_that_are_done_do_not_go_on() -> None:
    lab = Lab.of("tiny", width=1)
    logits = lab.bank.logits([0, 1, 2])
    limits = (1, 5, 9)
    pens = [Pen(lane, Draws(lane), limit) for lane, limit in enumerate(limits)]
    held = [len(row) for row in lab.bank.held]
    wrote = write(lab.bank, pens, logits, Stop(lab.engine.tokenizer), Sampling(2.0, 1.0))
    assert [written.tokens for written in wrote] == list(limits)
    assert [len(row) - before for row, before in zip(lab.bank.held, held, strict=True)] == [0, 4, 8]
    assert [len(row) for row in lab.bank.pending] == [1, 1, 1]
    for lane in range(3):
        logits = lab.bank.logits([lane])
        assert lab.error(logits[0], lane, lab.bank.held[lane]) < 1e-4


def test_the_end_of_a_turn_ends_a_row_and_is_no_part_of_its_text() -> None:
    lab = Lab.of("tiny", width=1)
    logits = lab.bank.logits([0, 1, 2])
    end = min(lab.engine.renderer.stop_ids)
    logits[1, end] = 1e9
    pens = [Pen(lane, Draws(lane), 3) for lane in range(3)]
    wrote = write(lab.bank, pens, logits, Stop(lab.engine.tokenizer), GREEDY)
    assert (wrote[1].end, wrote[1].ids, wrote[1].tokens) == ("turn", [], 1)
    assert wrote[0].end == wrote[2].end == "limit"


def test_the_attention_of_the_model_is_as_before_also_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab.of("llama3-2-vision")
    config = lab.engine.text.config
    before = config._attn_implementation
    lab.bank.logits([0, 3, 6])
    assert config._attn_implementation == before
    monkeypatch.setattr(lab.engine.text, "forward", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lab.bank.logits([0])
    assert config._attn_implementation == before


def test_a_model_that_is_in_training_is_so_afterwards() -> None:
    model = model_of("tiny")
    model.model.train()
    try:
        list(run("greedy", model, QUESTIONS[:1], Settings(max_tokens=2)))
        assert model.model.training
        loss = model.model(**model.renderer.collate([prepare(Engine(model), QUESTIONS[0])])).logits.sum()
        loss.backward()
        assert model.model.lm_head.weight.grad is not None
    finally:
        model.model.zero_grad()
        model.model.eval()


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA"), RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError()]
)
def test_memory_that_runs_out_names_the_settings_to_lower(error: Exception) -> None:
    with pytest.raises(CurationError, match="--at-once"), at_rest(model_of("tiny").model):
        raise error


def test_other_errors_are_left_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shape"), at_rest(model_of("tiny").model):
        raise RuntimeError("shape")


def test_rows_grow_beyond_what_was_reserved() -> None:
    lab = Lab.of("tiny", QUESTIONS[:1], width=2)
    lab.bank.logits([0])
    lab.bank.fork([0], [1])
    lab.bank.put(0, [15] * 150)
    lab.bank.put(1, [16] * 3)
    logits = lab.bank.logits([0, 1])
    assert lab.error(logits[0], 0, lab.bank.held[0]) < 1e-4
    assert lab.error(logits[1], 0, lab.bank.held[1]) < 1e-4
