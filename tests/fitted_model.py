"""A tiny model that knows four questions by heart: enough to search with, in a few seconds."""

import io
from functools import cache

import torch
from PIL import Image
from torch.nn.functional import cross_entropy

from curation.families import Example, Size, VisionModel, tiny
from curation.lanes import Question
from curation.prompts.wording import answer_text
from schemas.sample import Turn
from schemas.trace import Stages

COLOURS = ("red", "blue", "green", "grey")
TRACES = tuple(
    Stages(
        summary=f"I count the {colour} cubes.",
        caption=f"There are {number} {colour} cubes. The floor is white.",
        reasoning=f"The {colour} cubes are {number}.",
        conclusion=str(number),
    )
    for number, colour in enumerate(COLOURS, 1)
)
_SIDE = 64
_STEPS = 45


def png(colour: str, width: int = _SIDE, height: int = _SIDE) -> bytes:
    """An image of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


def question(number: int, name: str = "") -> Question:
    """One of the four questions, under its own name or another."""
    colour = COLOURS[number]
    turn = Turn(question=f"How many {colour} cubes are there?", targets=(str(number + 1),), scorer="relaxed-accuracy")
    return Question(name or colour, turn, (png(colour),), TRACES[number])


@cache
def fitted() -> VisionModel:
    """The model; a test must leave it as it was."""
    texts = [text for trace in TRACES for text in (answer_text(trace), trace.summary.replace("I count", "How many"))]
    model = tiny.create([*texts, "I choose response 1 2 correct incorrect"] * 4, seed=0)
    examples = [_example(model, number) for number in range(len(COLOURS))]
    batch = model.renderer.collate(examples)
    labels = batch["input_ids"].clone()
    for row, example in zip(labels, examples, strict=True):
        row[: example.prompt] = -100
        row[len(example.ids) :] = -100
    optimizer = torch.optim.AdamW(model.model.parameters(), lr=2e-3)
    model.model.train()
    for _ in range(_STEPS):
        logits = model.model(**batch).logits[:, :-1].flatten(0, 1)
        cross_entropy(logits, labels[:, 1:].flatten(), ignore_index=-100).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.model.eval()
    return model


def _example(model: VisionModel, number: int) -> Example:
    image = Image.open(io.BytesIO(png(COLOURS[number])))
    ids = model.renderer.prompt(question(number).turn.question, [Size(_SIDE, _SIDE)])
    answer = model.renderer.answer(answer_text(TRACES[number]))
    return Example(ids + answer.ids, len(ids), answer.groups, model.renderer.pixels([image]))
