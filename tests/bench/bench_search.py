"""What stage search costs beside the algorithm of LLaVA-CoT written out with plain `generate`.

    python tests/bench/bench_search.py [--candidates 2 4 10] [--at-once 1 4 16] [--judges generated verdict]
                                       [--reference 1] [--scale 0.25] [--hf]

The model is a random Mllama in which one image costs as much as 974 text tokens (the 11B's ratio is 1,081). Both sides
write the same tokens for each candidate and each verdict, which are forced: stage lengths are drawn once, of `--scale`
times real ones. Judge prompts are the same on both sides.

`reference`: candidates one after another, each encoding the image and the whole prompt again; matches one after
another, a reasoning's two checks before each. `hf`: the same with all candidates in one `generate`.

Prints for each: CPU seconds a question, images encoded, forward calls of the text model one after another, and the
ratios to the reference. It is measured on at most `--reference` questions, as its cost is the same for each.
"""

import argparse
import io
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    MllamaConfig,
    MllamaForConditionalGeneration,
    PreTrainedTokenizerFast,
)
from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig
from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil

from curation.families import Size, VisionModel, open_model
from curation.families._files import Files
from curation.families.llama3_2_vision import MllamaRenderer
from curation.judges import Case, Option, _prompts
from curation.lanes import Engine, Pen, Question, Sampling, Stop, Written, prepare, text_of
from curation.lanes.bank import Bank
from curation.lanes.sampling import pick
from curation.search import Settings, run
from schemas.sample import Turn
from schemas.trace import STAGES, Stage
from tests import small_models

LENGTHS = {Stage.SUMMARY: 40, Stage.CAPTION: 80, Stage.REASONING: 120, Stage.CONCLUSION: 20}
VERDICT, CHECK = 50, 100
WORDS = ("How", "many", "red", "blue", "cubes", "balls", "are", "there", "left", "of", "the", "large", "one")
SAMPLING = Sampling()


@dataclass
class Script:
    """How long everything is; the same for both sides."""

    scale: float
    candidates: int

    def stage(self, question: int, stage: Stage, candidate: int) -> int:
        """Tokens of the body of a candidate, 0.7 to 1.3 times the usual."""
        seed = random.Random(repr((question, stage, candidate)))
        return max(2, round(LENGTHS[stage] * self.scale * seed.uniform(0.7, 1.3)))

    def reply(self, text: str) -> int:
        """Tokens of a judge's answer."""
        return max(4, round((CHECK if "Reasoning Process" in text else VERDICT) * self.scale))


@dataclass
class Meter:
    """What was done, in all."""

    counts: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def on(self, model: torch.nn.Module) -> Iterator[None]:
        """Count images and forward calls of the text model."""
        inner = model.model
        hooks = [
            inner.vision_model.register_forward_pre_hook(self._images, with_kwargs=True),
            inner.language_model.register_forward_pre_hook(lambda *_: self.counts.update(["calls"])),
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _images(self, module: object, args: object, kwargs: dict[str, Tensor]) -> None:
        self.counts["images"] += kwargs["pixel_values"].shape[0]


def build(folder: Path) -> VisionModel:
    """A random Mllama of 6 million text parameters, with a tokenizer that knows the judges' words."""
    case = Case(0, Question("", Turn(question=" ".join(WORDS))), Stage.REASONING, (), 0)
    options = Option(f"<CAPTION>{' '.join(WORDS)}</CAPTION><REASONING>a</REASONING>", 0.0)
    texts = [_prompts.check(options)]
    texts += [_prompts.comparison(case._replace(kind=kind), options, options) for kind in Stage]
    texts += [f"<{stage.tag}> a </{stage.tag}> I choose response 1. 2. correct incorrect" for stage in Stage]
    tokenizer = open_model(small_models.folder("llama3-2-vision", folder, texts * 4)).renderer.tokenizer
    processor = MllamaImageProcessorPil(size={"height": 112, "width": 112}, max_image_tiles=4)
    renderer = MllamaRenderer(Files(tokenizer, processor))
    model = MllamaForConditionalGeneration(_config(renderer)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("attn_gate", "mlp_gate")):
                parameter.fill_(0.5)
    model.generation_config.eos_token_id = None
    return VisionModel("llama3-2-vision", "random", model, renderer)


def _config(renderer: MllamaRenderer) -> MllamaConfig:
    image = renderer.image_token_id
    text = MllamaTextConfig(
        vocab_size=image,
        hidden_size=192,
        num_hidden_layers=10,
        num_attention_heads=6,
        num_key_value_heads=2,
        intermediate_size=672,
        cross_attention_layers=[3, 8],
        max_position_embeddings=4096,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4},
    )
    vision = MllamaVisionConfig(
        hidden_size=384,
        num_hidden_layers=8,
        num_global_layers=2,
        attention_heads=6,
        intermediate_size=1536,
        vision_output_dim=384 * 3,
        image_size=112,
        patch_size=14,
        max_num_tiles=4,
        intermediate_layers_indices=[3, 6],
    )
    return MllamaConfig(text_config=text, vision_config=vision, image_token_index=image)


def make_questions(count: int, scale: float) -> list[Question]:
    """Questions of about 80 words times the scale, with an image of four tiles."""
    numbers = random.Random(1)
    questions = []
    for number in range(count):
        text = " ".join(numbers.choice(WORDS) for _ in range(max(4, round(80 * scale) + numbers.randint(-3, 3))))
        file = io.BytesIO()
        noise = np.random.RandomState(number).randint(0, 255, (224, 224, 3), dtype=np.uint8)
        Image.fromarray(noise).save(file, "PNG")
        questions.append(Question(f"q{number}", Turn(question=text), (file.getvalue(),)))
    return questions


# The reference


class Forced(LogitsProcessor):
    """Forces the ids at some places of what is written."""

    def __init__(self, prompt: int, forced: dict[int, int]) -> None:
        self.prompt, self.forced = prompt, forced

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        token = self.forced.get(input_ids.shape[1] - self.prompt)
        if token is None:
            return scores
        only = torch.full_like(scores, -torch.inf)
        only[:, token] = 0.0
        return only


class Body(NamedTuple):
    """What is forced: the ids that open and close, and the tokens in all."""

    forced: dict[int, int]
    length: int


def body(tokenizer: PreTrainedTokenizerFast, opening: str, closing: str, length: int) -> Body:
    """Force words in between, as random tokens would come back from text as several each."""
    first = tokenizer.encode(opening, add_special_tokens=False)
    last = tokenizer.encode(closing, add_special_tokens=False)
    words = tokenizer.encode(" " + " ".join(WORDS), add_special_tokens=False)
    numbers = random.Random(repr((opening, length)))
    ids = [*first, *(numbers.choice(words) for _ in range(length)), *last]
    return Body(dict(enumerate(ids)), len(ids))


class Reference:
    """The algorithm of LLaVA-CoT's `generate_inner_stage_beam`, with scripted lengths."""

    def __init__(self, model: VisionModel, script: Script, *, batched: bool) -> None:
        self.model, self.script, self.batched = model, script, batched
        self.tokenizer = model.renderer.tokenizer
        self.engine = Engine(model)

    def generate(self, ids: list[int], question: Question | None, what: Body, count: int = 1) -> list[list[int]]:
        """One call, with the image preprocessed and encoded again. Returns the new ids."""
        example = prepare(self.engine, question) if question else prepare(self.engine, Question("", Turn(question="")))
        batch = self.model.renderer.collate([example._replace(ids=ids, prompt=len(ids))])
        out = self.model.model.generate(
            **batch,
            do_sample=True,
            temperature=SAMPLING.temperature,
            top_p=SAMPLING.top_p,
            top_k=0,
            max_new_tokens=what.length,
            eos_token_id=None,
            pad_token_id=0,
            num_return_sequences=count,
            logits_processor=LogitsProcessorList([Forced(len(ids), what.forced)]),
        )
        return [row[len(ids) :].tolist() for row in out]

    def answer(self, number: int, question: Question) -> None:
        ids = list(prepare(self.engine, question).ids)
        text = ""
        for stage in STAGES:
            options = [
                (new, Option(text + text_of(self.tokenizer, new), 0.0))
                for new in self.stage(number, stage, ids, question)
            ]
            while len(options) > 1:
                one = options.pop(np.random.randint(len(options)))
                other = options.pop(np.random.randint(len(options)))
                options.append(self.match(stage, question, one, other))
            ids += options[0][0]
            text = options[0][1].text

    def stage(self, number: int, stage: Stage, ids: list[int], question: Question) -> list[list[int]]:
        bodies = [
            body(self.tokenizer, f"<{stage.tag}>", f"</{stage.tag}>", self.script.stage(number, stage, candidate))
            for candidate in range(self.script.candidates)
        ]
        if not self.batched:
            return [self.generate(ids, question, what)[0] for what in bodies]
        longest = max(bodies, key=lambda what: what.length)
        return self.generate(ids, question, longest, len(bodies))

    def match(
        self, stage: Stage, question: Question, one: tuple[list[int], Option], other: tuple[list[int], Option]
    ) -> tuple[list[int], Option]:
        if stage is Stage.REASONING:
            for _, option in (one, other):
                self.ask(_prompts.check(option), None, "correct")
        prompt = _prompts.comparison(Case(0, question, stage, (), 0), one[1], other[1])
        return one if self.ask(prompt, question, "I choose response 1").endswith("1") else other

    def ask(self, text: str, question: Question | None, says: str) -> str:
        sizes = [image_size(question)] if question else []
        ids = self.model.renderer.prompt(text, sizes)
        what = body(self.tokenizer, "", says, self.script.reply(text))
        return text_of(self.tokenizer, self.generate(ids, question, what)[0])


def answer_all(side: Reference, questions: Sequence[Question]) -> None:
    for number, question in enumerate(questions):
        side.answer(number, question)


def image_size(question: Question) -> Size:
    return Size(*Image.open(io.BytesIO(question.images[0])).size)


# Ours, with the same lengths


class Scripted:
    """Stands in for `write`: the same loop, with the tokens of the script forced."""

    def __init__(self, script: Script, tokenizer: PreTrainedTokenizerFast) -> None:
        self.script, self.tokenizer = script, tokenizer

    def __call__(self, bank: Bank, pens: list[Pen], logits: Tensor, stop: Stop, sampling: Sampling) -> list[Written]:
        bodies = [self._body(bank, pen, stop) for pen in pens]
        done = [Written(end="stop") for _ in pens]
        active = list(range(len(pens)))
        while active:
            ids, known = pick(logits, [pens[k].draws for k in active], sampling)
            for k, token, likelihood in zip(active, ids, known, strict=True):
                forced = bodies[k].forced.get(len(done[k].ids), token)
                done[k].ids.append(forced)
                done[k].tokens += 1
                done[k].likelihood += max(likelihood, -1e3)
                bank.put(pens[k].row, [forced])
                stop.found(done[k].ids)
            active = [k for k in active if len(done[k].ids) < bodies[k].length]
            if active:
                logits = bank.logits([pens[k].row for k in active])
        return done

    def _body(self, bank: Bank, pen: Pen, stop: Stop) -> Body:
        lane, candidate = divmod(pen.row, bank.width)
        if stop.texts:
            stage = Stage(stop.texts[0][2:-1].lower())
            return body(self.tokenizer, f"<{stage.tag}>", stop.texts[0], self.script.stage(lane, stage, candidate))
        text = text_of(self.tokenizer, bank.held[pen.row])
        return body(
            self.tokenizer,
            "",
            "correct" if "Reasoning Process" in text else "I choose response 1",
            self.script.reply(text),
        )


def ours(model: VisionModel, questions: Sequence[Question], script: Script, judge: str) -> None:
    scripted = Scripted(script, model.renderer.tokenizer)
    settings = Settings(candidates=script.candidates, judge=judge, at_once=len(questions), max_tokens=100_000)
    with patch("curation.search._paths.write", scripted), patch("curation.lanes.session.write", scripted):
        found = list(run("stage-beam", model, questions, settings))
    faults = {candidate.fault for result in found for candidate in result.candidates}
    assert faults == {None}, faults


def measured(model: VisionModel, questions: int, work: Callable[[], None]) -> dict[str, float]:
    meter = Meter()
    with meter.on(model.model), torch.no_grad():
        began, cpu = time.perf_counter(), time.process_time()
        work()
        row = {"cpu": (time.process_time() - cpu) / questions, "wall": (time.perf_counter() - began) / questions}
    return row | {"images": meter.counts["images"] / questions, "calls": meter.counts["calls"] / questions}


def show(case: str, name: str, row: dict[str, float], base: dict[str, float] | None) -> None:
    ratios = f"{base['cpu'] / row['cpu']:8.1f} x {base['calls'] / row['calls']:8.1f} x" if base else ""
    print(
        f"{case:14s} {name:16s} {row['cpu']:8.2f} {row['wall']:8.2f} {row['images']:7.0f} {row['calls']:8.0f} {ratios}",
        flush=True,
    )


def main() -> None:
    """Run the cases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, nargs="+", default=[2, 4, 10])
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--judges", nargs="+", default=["generated", "verdict"])
    parser.add_argument("--reference", type=int, default=1, help="questions that the reference is measured on")
    parser.add_argument("--scale", type=float, default=0.25)
    parser.add_argument("--hf", action="store_true", help="also generate with num_return_sequences")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        model = build(Path(folder))
    questions = make_questions(max(*args.at_once, args.reference), args.scale)
    print(f"{'':31s} {'CPU s':>8s} {'wall s':>8s} {'images':>7s} {'calls':>8s} {'CPU':>10s} {'calls':>10s}")
    for candidates in args.candidates:
        script = Script(args.scale, candidates)
        some = questions[: args.reference]
        base = None
        for name in ("reference", *(["hf"] if args.hf else [])):
            side = Reference(model, script, batched=name == "hf")
            row = measured(model, len(some), partial(answer_all, side, some))
            show(f"N={candidates}", name, row, base)
            base = base or row
        for at_once in args.at_once:
            for judge in args.judges:
                chosen = questions[:at_once]
                row = measured(model, at_once, partial(ours, model, chosen, script, judge))
                show(f"N={candidates} Q={at_once}", judge, row, base)


if __name__ == "__main__":
    main()
