"""Each stage against the stages before it: does it follow from them? Nothing is compared with the known answer.

Where the question and the caption are a scene's, the reasoning must be what follows from the caption, and the
conclusion what follows from the reasoning. Whether the caption is right can't be told from the text. Of any other
trace, the conclusion must be found in what was said before. A trace may end early: what is null is not judged.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from curation.scene_graph import questions, traces
from curation.scene_graph.questions import Question
from curation.validators import FOUND

VERSION = 1

_Finding = tuple[object, ...]
_READ = ("subject", "question", "caption", "reasoning", "conclusion", "choices")
_OPINIONS = frozenset({"yes", "no", "true", "false"})
"""Conclusions that a reasoning may lead to without the word."""
_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_DIGITS = {word: str(number) for number, word in enumerate(_WORDS)}
_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?|[^\W\d_]+")
_LETTER = re.compile(r"\(?([A-Z])[.)]?")
_QUOTED = 200
"""Characters of a message or of evidence."""


class _Said(NamedTuple):
    """A row of the batch; a stage that is not there is None."""

    subject: str
    question: str
    caption: str | None
    reasoning: str | None
    conclusion: str | None
    choices: list[str]


def check(batch: pl.DataFrame) -> pl.DataFrame:
    """Return the stages that don't follow from the earlier ones."""
    rows = map(_Said._make, batch.select(_READ).iter_rows())
    return pl.DataFrame([found for said in rows for found in _findings(said)], FOUND, orient="row")


def _findings(said: _Said) -> Iterator[_Finding]:
    question = questions.parse(said.question)
    if question is None:
        yield from _unsupported(said)
    elif said.caption is not None:
        yield from _of_scene(said, question, said.caption)


def _of_scene(said: _Said, question: Question, caption: str) -> Iterator[_Finding]:
    seen = traces.parse_caption(caption)
    if seen is None:
        message = "the caption does not list a scene's objects, so nothing can be derived from it"
        yield said.subject, "caption", "warning", "caption", message, caption[:_QUOTED]
    elif said.reasoning is not None:
        derived = traces.derive(seen, question).reasoning
        if _plain(said.reasoning) != derived:
            message = f"from the caption follows: {derived}"
            yield said.subject, "reasoning", "error", "reasoning", message[:_QUOTED], said.reasoning[:_QUOTED]
    if said.reasoning is not None and said.conclusion is not None:
        yield from _conclusion(said, question, said.reasoning, said.conclusion)


def _conclusion(said: _Said, question: Question, reasoning: str, conclusion: str) -> Iterator[_Finding]:
    follows = traces.conclude(reasoning, question)
    if follows is None:
        yield from _unsupported(said)
    elif _plain(conclusion) != follows:
        message = f"from the reasoning follows: {follows}"
        yield said.subject, "conclusion", "error", "conclusion", message, conclusion[:_QUOTED]


def _plain(text: str) -> str:
    return " ".join(text.split())


def _unsupported(said: _Said) -> Iterator[_Finding]:
    """Find a conclusion that nothing before it speaks of."""
    if said.conclusion is None or said.reasoning is None:
        return
    evidence = _tokens(f"{said.caption or ''} {said.reasoning}")
    wanted = [each for text in _wordings(said.conclusion, said.choices) if (each := _tokens(text).strip())]
    if wanted and not any(each in _OPINIONS or f" {each} " in evidence for each in wanted):
        message = "neither the reasoning nor the caption speaks of the conclusion"
        yield said.subject, "unsupported", "warning", "conclusion", message, said.conclusion[:_QUOTED]


def _wordings(conclusion: str, choices: list[str]) -> Iterator[str]:
    """Return the conclusion, and the choice that it names by its letter."""
    yield conclusion
    letter = _LETTER.fullmatch(conclusion.strip())
    number = ord(letter[1]) - ord("A") if letter else len(choices)
    if number < len(choices):
        yield choices[number]


def _tokens(text: str) -> str:
    """Return the words and numbers of a text between blanks: `Two` and `2.0` as 2, `1,200` as 1200."""
    return f" {' '.join(map(_token, _TOKEN.findall(text)))} "


def _token(text: str) -> str:
    if not text[0].isdigit():
        word = text.casefold()
        return _DIGITS.get(word, word)
    whole, _, part = text.replace(",", "").partition(".")
    return f"{whole}.{part}".rstrip("0").rstrip(".") if part else whole
