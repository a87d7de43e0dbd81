"""What a request says, and a text that could be a vision model's answer to it."""

import binascii
import json
import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from pydantic import BaseModel, Field

from curation.prompts.wording import NONE_KNOWN
from curation.scene_graph import picture
from curation.scene_graph.objects import Scene
from curation.simulator.fenced import take_out_all
from curation.simulator.sizes import Size, image_size
from schemas.trace import STAGES, Stage


class ImageUrl(BaseModel):
    """An image of a message, as a data URL or an address."""

    url: str
    detail: str | None = None


class Part(BaseModel):
    """One part of a message's content; parts that are neither text nor image are passed over."""

    text: str | None = None
    image_url: ImageUrl | None = None


class Message(BaseModel):
    """One message of a conversation."""

    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """The texts of the message, each on lines of its own."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text)
        return self.content or ""

    @property
    def images(self) -> Iterator[ImageUrl]:
        """The images of the message."""
        if isinstance(self.content, list):
            yield from (part.image_url for part in self.content if part.image_url)


class ResponseFormat(BaseModel):
    """The form that the answer is asked for in."""

    type: str


class ChatRequest(BaseModel):
    """What the simulator heeds of a chat completion request; other parameters are accepted unread."""

    model: str
    messages: list[Message] = Field(min_length=1)
    response_format: ResponseFormat | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = Field(None, ge=1, le=1)
    stream: bool | None = None

    @property
    def format(self) -> str:
        """The response format's type."""
        return self.response_format.type if self.response_format else "text"

    @property
    def limit(self) -> int | None:
        """The most tokens that the answer may have."""
        return self.max_completion_tokens or self.max_tokens


class Prompt(NamedTuple):
    """What the last user message asks."""

    question: str
    choices: tuple[str, ...]
    standard: str | None
    """The answer that a recipe showed, None where it showed none."""
    size: Size | None
    """Of the first image, None where there is none or it can't be told."""
    scene: Scene | None = None
    """What the first image shows, None where it doesn't say."""
    finding: str | None = None
    """What was wrong with an earlier answer, None where the request doesn't tell."""
    wanted: tuple[Stage, ...] = STAGES
    """The stages that are to be written."""
    caption: str | None = None
    """The first line of a caption that is given, None where none is."""


_LABELLED = r"\(?[A-Z][.):]\s"
_QUESTION = re.compile(r"^Question:[^\S\n]*(\S.*)", re.MULTILINE)
_CHOICES = re.compile(rf"^Choices:[^\S\n]*(.*(?:\n[ \t]*{_LABELLED}.*)*)", re.MULTILINE)
_STANDARD = re.compile(r"^Standard answer:[^\S\n]*(\S.*)", re.MULTILINE)
_FINDING = re.compile(r"^A (?:check found|reviewer says):[^\S\n]*(\S.*)", re.MULTILINE)
_CAPTION = re.compile(r"^Caption:[^\S\n]*(\S.*)", re.MULTILINE)
_WANTED = re.compile(r"^Write(?: anew)?:((?:[,\s]+(?:SUMMARY|CAPTION|REASONING|CONCLUSION))+)$", re.MULTILINE)
_TAG = re.compile("|".join(f"</?{stage.tag}>" for stage in STAGES))


def read_prompt(request: ChatRequest) -> Prompt:
    """Read the labelled lines of the last user message; where a label comes twice, the later line counts.

    What stands in a fence is read for what was found wrong, and for nothing else.
    """
    message = next((m for m in reversed(request.messages) if m.role == "user"), request.messages[-1])
    fenced, text = take_out_all(message.text)
    image = next(message.images, None)
    standard = _last(_STANDARD, text)
    return Prompt(
        question=_last(_QUESTION, text) or (text.strip().splitlines() or [""])[-1],
        choices=_split_choices(_last(_CHOICES, text) or ""),
        standard=None if standard == NONE_KNOWN else standard,
        size=image_size(image.url) if image else None,
        scene=_scene(image.url) if image else None,
        finding=_last(_FINDING, fenced.get("FINDINGS", fenced.get("REVIEW", text))),
        wanted=_wanted(text),
        caption=_last(_CAPTION, text),
    )


def _wanted(text: str) -> tuple[Stage, ...]:
    """Return the stages that the text asks for: all, where it names none."""
    names = (_last(_WANTED, text) or "").replace(",", " ").split()
    return tuple(stage for stage in STAGES if stage.tag in names) or STAGES


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.findall(text)
    return str(found[-1]).strip() or None if found else None


def _split_choices(text: str) -> tuple[str, ...]:
    labelled = re.split(rf"(?:^|(?<=\s)){_LABELLED}", text)
    separator = next((mark for mark in ";|\n" if mark in text), ",")
    parts = labelled if len(labelled) > 1 and not labelled[0].strip() else text.split(separator)
    return tuple(choice for part in parts if (choice := part.strip(" \t\r\n;,|")))


_HEAD = 4_096
"""Base64 characters in which a scene says that it is one."""


def _scene(url: str) -> Scene | None:
    """Read the scene that a PNG in a data URL shows; None where it says none."""
    head, _, data = url[:_HEAD].partition(",")
    if not head.startswith("data:image/png"):
        return None
    try:
        return picture.read_scene(binascii.a2b_base64(data[: len(data) // 4 * 4]))
    except ValueError:
        return None


def image_tokens(size: Size | None, detail: str | None) -> int:
    """Return gpt-4o's price of an image: 85, and 170 for each tile of 512 pixels unless the detail is low.

    The image is first made to fit 2,048 x 2,048, then its shorter side 768; an unknown size is one tile.
    https://platform.openai.com/docs/guides/images-vision#calculating-costs
    """
    if detail == "low":
        return 85
    if size is None or not all(size):
        return 85 + 170
    scale = min(1, 2048 / max(size))
    scale *= min(1, 768 / (min(size) * scale))
    return 85 + 170 * math.prod(math.ceil(round(side * scale) / 512) or 1 for side in size)


def text_tokens(text: str) -> int:
    """Return about what a tokenizer would: four characters a token."""
    return -(-len(text) // 4)


def prompt_tokens(request: ChatRequest) -> int:
    """Return about what an endpoint would bill for the request's messages."""
    images = (image for message in request.messages for image in message.images)
    texts = sum(4 + text_tokens(message.text) for message in request.messages)
    return 3 + texts + sum(image_tokens(image_size(image.url), image.detail) for image in images)


_OPENINGS = (
    "The image is used to answer the question: {question}",
    "I will answer “{question}” from what the image shows.",
    "The task is to find out, by looking at the image: {question}",
    "To settle the question “{question}” I will read the image closely.",
    "What is asked is this: {question}",
)
_PLANS = (
    "I will find what belongs to {topic}, and then draw the conclusion.",
    "First I will describe the image, then reason about {topic}.",
    "The parts that concern {topic} come first, the answer follows from them.",
    "I will look at {topic} step by step.",
    "My plan is to locate {topic} and to check it against the rest.",
)
_FRAMES = (
    "The image{size} shows a scene in which {topic} can be made out.",
    "The picture{size} is clear, and {topic} stands near the {place}.",
    "This is an image{size} whose main content relates to {topic}.",
    "In the image{size}, details that concern {topic} appear in the {place}.",
    "The view{size} is dominated by what concerns {topic}.",
)
_DETAILS = (
    "The {place} is {tone}, with little that distracts.",
    "Around it there are {tone} areas and some smaller marks.",
    "The background is {tone}, which makes the {place} easy to read.",
    "Labels and edges are sharp in the {place}, and the rest is {tone}.",
)
_STEPS = (
    "I start from the {place}, where {topic} can be examined.",
    "The question turns on {topic}, so I compare the parts that belong to it.",
    "Looking at {topic}, I go through the image from the {place} outwards.",
    "What matters here is {topic}; the other parts don't change the result.",
)
_CHECKS = (
    "Nothing else in the image speaks against this.",
    "A second look at the {place} gives the same result.",
    "Each of these observations points the same way.",
    "Taking them together leaves one possibility.",
)
_ENDINGS = (
    "Therefore the answer is {conclusion}.",
    "So the answer must be {conclusion}.",
    "This leads to {conclusion}.",
    "From this it follows that the answer is {conclusion}.",
)
LEAKS = (
    "This aligns with the given standard answer, which is {conclusion}.",
    "The observation aligns with the given standard answer.",
    "It aligns with the given standard answer, so no doubt remains.",
)
"""What a teacher may let slip that was shown the answer; `{conclusion}` stands for it."""
_PLACES = (
    "centre",
    "upper left",
    "upper right",
    "lower half",
    "foreground",
    "left side",
    "right side",
    "upper half",
)
_TONES = ("light", "dark", "plain", "muted", "bright", "evenly lit", "grey", "colourful")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_STRANGERS = ("a zebra", "turquoise", "the lighthouse", "forty violins", "Reykjavik", "an umbrella")


_WRONG = frozenset({"wrong_caption", "wrong_reasoning", "wrong_conclusion"})


def compose(prompt: Prompt, rng: Random, kind: str | None) -> dict[Stage, str]:
    """Write the four stages; the kinds of fault that make a wrong answer, and leak, have their effect here."""
    conclusion = prompt.standard or _guess(prompt, rng)
    if kind in _WRONG:
        conclusion = wrong(conclusion, prompt.choices, rng)
    question = _TAG.sub(" ", prompt.question)
    words = [word for raw in question.split() if len(word := raw.strip("\"'.,:;?!()[]{}<>/“”‘’؟،")) > 3]
    facts = {
        "question": question,
        "topic": " and ".join(rng.sample(words, min(2, len(words)))) or "the question",
        "size": f", {prompt.size.width} by {prompt.size.height} pixels," if prompt.size else "",
        "place": rng.choice(_PLACES),
        "tone": rng.choice(_TONES),
        "conclusion": conclusion,
    }
    evidence = (_STEPS, _CHECKS, LEAKS, _ENDINGS) if kind == "leak" else (_STEPS, _CHECKS, _ENDINGS)
    return {
        Stage.SUMMARY: _say((_OPENINGS, _PLANS), facts, rng),
        Stage.CAPTION: _say((_FRAMES, _DETAILS), facts, rng),
        Stage.REASONING: _say(evidence, facts, rng),
        Stage.CONCLUSION: conclusion,
    }


def _say(sentences: Sequence[Sequence[str]], facts: dict[str, str], rng: Random) -> str:
    return " ".join(rng.choice(wordings).format_map(facts) for wordings in sentences)


def _guess(prompt: Prompt, rng: Random) -> str:
    words: list[str] = re.findall(r"\w{4,}|\d+", _TAG.sub(" ", prompt.question))
    return rng.choice(prompt.choices or words or ("yes", "no"))


def wrong(right: str, choices: Sequence[str], rng: Random) -> str:
    """Return an answer that differs from the right one in letters, and in numbers by half of it or more."""
    folded = right.casefold().strip(" .")
    if letter := re.fullmatch(r"\(?([a-h])[.)]?", folded):
        letters = "abcdefgh"[: max(2, len(choices))].replace(letter[1], "")
        return rng.choice(letters).upper()
    opposites = {"yes": "no", "no": "yes", "true": "false", "false": "true"}
    if folded in opposites:
        return opposites[folded]
    if others := [choice for choice in choices if _differs(choice, right)]:
        return rng.choice(others)
    if number := _NUMBER.search(right):
        return right[: number.start()] + _far_from(number.group(), rng) + right[number.end() :]
    return rng.choice([text for text in _STRANGERS if not folded or folded not in text.casefold()])


def _differs(choice: str, right: str) -> bool:
    """Tell whether texts with numbers differ by more than a twentieth, and others share nothing."""
    numbers = [_decimal(number.group()) for text in (choice, right) if (number := _NUMBER.search(text))]
    if len(numbers) == 2:
        return abs(numbers[0] - numbers[1]) > max(map(abs, numbers)) / 10
    one, other = choice.casefold(), right.casefold()
    return one not in other and other not in one


def _far_from(number: str, rng: Random) -> str:
    value = _decimal(number)
    step = rng.choice((Decimal("0.5"), Decimal(1), Decimal(2)))
    return f"{value + max(Decimal(1), abs(value)) * step:f}"


def _decimal(number: str) -> Decimal:
    return Decimal(number.replace(",", ""))


def render(stages: dict[Stage, str], rng: Random, kind: str | None, *, as_json: bool) -> str:
    """Write tagged text or a JSON object; `kind` missing_tag and doubled_tag have their effect here."""
    stage, other = rng.sample(STAGES, 2) if len(stages) == len(STAGES) else rng.choices(tuple(stages), k=2)
    return _as_json(stages, kind, stage, other) if as_json else _as_tagged(stages, kind, stage, rng)


def _as_json(stages: dict[Stage, str], kind: str | None, stage: Stage, other: Stage) -> str:
    texts: dict[str, Any] = {each.value: text for each, text in stages.items()}
    if kind == "missing_tag":
        del texts[stage.value]
    elif kind == "doubled_tag":
        texts[stage.value] += f" <{other.tag}>{stages[other]}</{other.tag}>"
    return json.dumps(texts, ensure_ascii=False)


def _as_tagged(stages: dict[Stage, str], kind: str | None, stage: Stage, rng: Random) -> str:
    blocks = {each: f"<{each.tag}>{text}</{each.tag}>" for each, text in stages.items()}
    if kind == "missing_tag":
        blocks[stage] = rng.choice(("", blocks[stage].removesuffix(f"</{stage.tag}>")))
    elif kind == "doubled_tag":
        blocks[stage] = f"{blocks[stage]}\n\n{blocks[stage]}"
    return "\n\n".join(filter(None, blocks.values()))
