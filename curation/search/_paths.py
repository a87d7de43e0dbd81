"""Partial answers, and how they grow: the step that all strategies share."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from curation.judges import Option
from curation.lanes import Draws, End, Pen, Session, Stop, Written, seed_of, text_of, write
from curation.search import Candidate, Settings
from schemas.trace import Stage


@dataclass
class Path:
    """A partial answer of one question: a row of the bank, and what was written in it."""

    lane: int
    row: int
    ids: list[int] = field(default_factory=list)
    text: str = ""
    tokens: int = 0
    step_text: str = ""
    step_tokens: int = 0
    logprob: float = 0.0
    """Mean of the last step."""
    end: End = "stop"
    candidate: int | None = None
    """Its place in the book."""

    @property
    def option(self) -> Option:
        """The path as a judge sees it."""
        return Option(self.text, self.logprob)


class Growth(NamedTuple):
    """A path that is to grow into some candidates."""

    path: Path
    rows: tuple[int, ...]
    """Of the candidates; the path's own may be one of them."""


class Step(NamedTuple):
    """What is common to the candidates of a step."""

    name: str
    stage: Stage | None
    round: int
    stop: Stop


@dataclass
class Book:
    """The candidates of each question, by lane."""

    entries: list[list[Candidate]]

    @classmethod
    def of(cls, session: Session) -> "Book":
        """Return an empty book."""
        return cls([[] for _ in session.questions])

    def add(self, path: Path, step: Step, parent: int | None) -> None:
        """Enter what a path wrote in a step."""
        entry = Candidate(step.stage, step.round, parent, path.step_text, path.step_tokens, path.logprob, kept=False)
        path.candidate = len(self.entries[path.lane])
        self.entries[path.lane].append(entry)

    def score(self, path: Path, score: float) -> None:
        """Enter the judge's score."""
        self._change(path, score=score)

    def keep(self, path: Path) -> None:
        """Enter that a path is kept."""
        self._change(path, kept=True)

    def fault(self, path: Path, fault: str) -> None:
        """Enter what is wrong with a path, and what was done about it."""
        self._change(path, fault=fault)

    def _change(self, path: Path, **changes: object) -> None:
        entries = self.entries[path.lane]
        place = path.candidate or 0
        entries[place] = replace(entries[place], **changes)  # type: ignore[arg-type]


def roots(session: Session) -> list[Path]:
    """Return an empty path for each question, in the row that holds its prompt."""
    return [Path(lane, lane * session.bank.width) for lane in range(len(session.questions))]


def grow(session: Session, growths: Sequence[Growth], step: Step, settings: Settings, book: Book) -> list[list[Path]]:
    """Let each path grow into candidates, written until the step's stop. Returns them in the order of the growths.

    What is pending in a path is computed once, and forked. A candidate's numbers depend on its question, the step and
    its place among the candidates of the question.
    """
    if not growths:
        return []
    logits = session.bank.logits([growth.path.row for growth in growths])
    moves = [(growth.path.row, row) for growth in growths for row in growth.rows if row != growth.path.row]
    session.bank.fork([source for source, _ in moves], [target for _, target in moves])
    origin = [number for number, growth in enumerate(growths) for _ in growth.rows]
    pens, places = [], [0] * len(session.questions)
    for growth in growths:
        for row in growth.rows:
            lane = growth.path.lane
            key = (settings.seed, session.questions[lane].id, step.name, step.round, places[lane])
            pens.append(Pen(row, Draws(seed_of(*key)), settings.max_tokens - growth.path.tokens))
            places[lane] += 1
    wrote = iter(write(session.bank, pens, logits[origin], step.stop, settings.sampling))
    return [[_child(session, growth.path, row, next(wrote), step, book) for row in growth.rows] for growth in growths]


def _child(session: Session, parent: Path, row: int, wrote: Written, step: Step, book: Book) -> Path:
    tokenizer = session.engine.tokenizer
    ids = parent.ids + wrote.ids
    path = Path(
        parent.lane,
        row,
        ids,
        text_of(tokenizer, ids),
        parent.tokens + wrote.tokens,
        step_text=text_of(tokenizer, wrote.ids),
        step_tokens=wrote.tokens,
        logprob=wrote.likelihood / wrote.tokens,
        end=wrote.end,
    )
    session.spent.new[parent.lane] += wrote.tokens
    book.add(path, step, parent.candidate)
    return path
