"""Questions that are asked together: their images encoded once, their prompts prefilled once."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from curation.families import Example, Size
from curation.lanes.bank import Bank, common
from curation.lanes.engine import Engine
from curation.lanes.sampling import Draws, Sampling
from curation.lanes.sight import Blind
from curation.lanes.stopping import Stop, text_of
from curation.lanes.writing import Pen, write
from curation.prompts.wording import question_text
from schemas.sample import Turn
from schemas.trace import Stages


class Question(NamedTuple):
    """A question to a model, with the bytes of its images."""

    id: str
    turn: Turn
    images: tuple[bytes, ...] = ()
    reference: Stages | None = None
    """A trace that is known to be right, for the judge that knows it."""
    begun: tuple[int, ...] = ()
    """Ids that the answer begins with; what is written goes on from there, and holds nothing of it."""


class Ask(NamedTuple):
    """A prompt of a judge about a question."""

    lane: int
    text: str
    looks: bool = True
    """Whether the images of the question are shown."""
    begun: tuple[int, ...] = ()
    """Ids that the answer begins with."""


@dataclass
class Spent:
    """What the questions of a session have cost, by lane."""

    new: Counter[int] = field(default_factory=Counter)
    """Tokens that candidates were written with."""
    judged: Counter[int] = field(default_factory=Counter)
    """Tokens of judge prompts, but for what was cached, and of verdicts."""


def prepare(engine: Engine, question: Question) -> Example:
    """Make the prompt and the pixels of a question. Raises OSError or ValueError for an image that can't be read."""
    images = [Image.open(io.BytesIO(data)).convert("RGB") for data in question.images]
    sizes = [Size(*image.size) for image in images]
    ids = [*engine.renderer.prompt(question_text(question.turn), sizes), *question.begun]
    return Example(ids, len(ids), [], engine.renderer.pixels(images) if images else {})


def _size(data: bytes) -> Size:
    with Image.open(io.BytesIO(data)) as image:
        return Size(*image.size)


class Session:
    """Some questions, one lane each, with `width` rows for what is written, and as many for judges as they need.

    All of the questions have images, or none has. The first row of each lane holds the prompt, and nothing is computed
    yet.
    """

    def __init__(self, engine: Engine, questions: Sequence[Question], prompts: Sequence[Example], width: int) -> None:
        self.engine = engine
        self.questions = tuple(questions)
        self.prompts = tuple(prompts)
        self.sizes = [tuple(_size(data) for data in question.images) for question in questions]
        self.spent = Spent()
        self.sight = engine.sight(prompts)
        engine.images += sum(len(question.images) for question in questions)
        self.bank = Bank(engine, self.sight, width)
        for lane, prompt in enumerate(prompts):
            self.bank.put(lane * width, prompt.ids)
        self._judging: dict[bool, Bank] = {}

    def read(self, asks: Sequence[Ask]) -> Tensor:
        """Return the logits [asks, ids] behind each prompt and what its answer begins with."""
        logits = torch.empty(0)
        for looks in (True, False):
            chosen = [index for index, ask in enumerate(asks) if self._looks(ask) is looks]
            if chosen:
                part, _ = self._logits([asks[index] for index in chosen], looks=looks)
                logits = logits if len(logits) else part.new_zeros(len(asks), part.shape[1])
                logits[chosen] = part
        return logits

    def reply(self, asks: Sequence[Ask], draws: Sequence[Draws], sampling: Sampling, limit: int) -> list[str]:
        """Return the answers that are written to prompts, at most `limit` tokens long."""
        answers = [""] * len(asks)
        for looks in (True, False):
            chosen = [index for index, ask in enumerate(asks) if self._looks(ask) is looks]
            if not chosen:
                continue
            logits, rows = self._logits([asks[index] for index in chosen], looks=looks)
            pens = [Pen(row, draws[index], limit) for row, index in zip(rows, chosen, strict=True)]
            stop = Stop(self.engine.tokenizer)
            for index, written in zip(chosen, write(self._judging[looks], pens, logits, stop, sampling), strict=True):
                answers[index] = text_of(self.engine.tokenizer, written.ids)
                self.spent.judged[asks[index].lane] += written.tokens
        return answers

    def _looks(self, ask: Ask) -> bool:
        """Tell whether images are shown; a question without images has none to show."""
        return ask.looks and not isinstance(self.sight, Blind)

    def _logits(self, asks: Sequence[Ask], *, looks: bool) -> tuple[Tensor, list[int]]:
        """Put the prompts into rows of the judges' bank and compute them. Returns the rows, too."""
        bank, rows = self._rows(asks, looks=looks)
        shared: dict[int, list[int]] = {}
        for ask, row in zip(asks, rows, strict=True):
            ids = self._ids(ask, looks=looks)
            known = shared.get(ask.lane)
            shared[ask.lane] = ids if known is None else known[: common(known, ids)]
            self._begin(bank, row, ids, looks=looks)
        self._share(bank, shared, [row for row in rows if row % bank.width])
        for ask, row in zip(asks, rows, strict=True):
            self.spent.judged[ask.lane] += len(bank.pending[row])
        return bank.logits(rows), rows

    def _share(self, bank: Bank, shared: dict[int, list[int]], others: Sequence[int]) -> None:
        """Compute what the prompts of a lane begin with once, in its first row, and fork it to the other rows."""
        lanes = {row // bank.width for row in others}
        firsts = []
        for lane in sorted(lanes):
            first = lane * bank.width
            fresh = len(shared[lane]) - len(bank.held[first])
            if fresh > 0 and len(bank.pending[first]) > fresh:
                firsts.append(first)
        rest = {first: self._split(bank, first, shared[first // bank.width]) for first in firsts}
        if firsts:
            for first in firsts:
                self.spent.judged[first // bank.width] += len(bank.pending[first])
            bank.logits(firsts)
        for first, ids in rest.items():
            bank.put(first, ids)
        for row in others:
            first = row // bank.width * bank.width
            ids = bank.held[row] + bank.pending[row]
            length = min(common(bank.held[first], ids), len(ids) - 1)
            if length > len(bank.held[row]):
                bank.take(bank, [first], [row], [length])
                bank.pending[row] = ids[length:]

    @staticmethod
    def _split(bank: Bank, row: int, shared: list[int]) -> list[int]:
        """Leave in the row only what is shared. Returns the rest of what was pending."""
        fresh = len(shared) - len(bank.held[row])
        rest = bank.pending[row][fresh:]
        bank.pending[row] = bank.pending[row][:fresh]
        return rest

    def _ids(self, ask: Ask, *, looks: bool) -> list[int]:
        sizes = self.sizes[ask.lane] if looks else ()
        return [*self.engine.renderer.prompt(ask.text, sizes), *ask.begun]

    def _begin(self, bank: Bank, row: int, ids: list[int], *, looks: bool) -> None:
        """Let a row begin with what it has in common with what is there: itself, or the images of the question."""
        if looks and not bank.held[row]:
            lane = row // bank.width
            bank.take(self.bank, [lane * self.bank.width], [row], [self.sight.heads[lane]])
        bank.restart(row, ids)

    def _rows(self, asks: Sequence[Ask], *, looks: bool) -> tuple[Bank, list[int]]:
        """Return the judges' bank, made new where it is too narrow, and a row for each ask."""
        most = max(Counter(ask.lane for ask in asks).values())
        bank = self._judging.get(looks)
        if bank is None or bank.width < most:
            sight = self.sight if looks else Blind(self.engine.model, len(self.questions))
            bank = self._judging[looks] = Bank(self.engine, sight, most)
        used = Counter[int]()
        rows = []
        for ask in asks:
            rows.append(ask.lane * bank.width + used[ask.lane])
            used[ask.lane] += 1
        return bank, rows
