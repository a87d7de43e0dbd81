"""The conclusion of an answer, and how it was found: what a scorer gets, and what is counted as unparsed.

The steps, the first that finds something readable:

    tag         the body of <CONCLUSION>; where the closing tag is missing, all after the opening one. From a body that
                is a sentence such as `The answer is 5.`, the answer (`tag+pattern`).
    pattern     what stands after the last `the answer is` or `answer:`, up to the end of the line
    last line   of an answer without any stage tag
    text        the whole of an answer without any stage tag

An answer with tags but no conclusion was cut: its last line is no conclusion, so only the pattern is tried. Readable
is what a scorer can tell from a wrong answer: an option of a multiple-choice question, yes or no, else any text.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from curation.scorers import multiple_choice, yes_no
from schemas.sample import Turn
from schemas.trace import STAGES

UNPARSED = "unparsed"

_CLOSED = re.compile(r"<CONCLUSION>((?:(?!<CONCLUSION>).)*?)</CONCLUSION>", re.DOTALL)
_OPENED = re.compile(r"<CONCLUSION>(.*)", re.DOTALL)
_TAG = re.compile("|".join(f"</?{stage.tag}>" for stage in STAGES))
_ANSWER = re.compile(
    r"\banswer(?: to (?:the|this) question)?(?: is)?(?: *[:=] *|(?<= is) +)\**(?P<answer>\S[^\n]*)", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?:so|thus|therefore)?,? *(?:the |final |correct |right )*" + _ANSWER.pattern, re.IGNORECASE)
_READERS: dict[str | None, Callable[[str, Turn], object | None]] = {
    "multiple-choice": lambda text, turn: multiple_choice.chosen(text, turn) if turn.choices else text,
    "yes-no": lambda text, _: yes_no.said(text),
}


class Extracted(NamedTuple):
    """An answer's conclusion; empty where it is unparsed."""

    conclusion: str
    how: str
    """`tag`, `tag+pattern`, `pattern`, `last line`, `text`, or UNPARSED."""

    @property
    def parsed(self) -> bool:
        """Whether there is a conclusion to score."""
        return self.how != UNPARSED


def extract(text: str, turn: Turn) -> Extracted:
    """Find the conclusion in an answer to the turn's question. Total: any text gives one, or UNPARSED."""
    for found in _candidates(text):
        if found.conclusion and _readable(found.conclusion, turn):
            return found
    return Extracted("", UNPARSED)


def _candidates(text: str) -> Iterator[Extracted]:
    body = tagged(text)
    if body is not None:
        sentence = _SENTENCE.fullmatch(body)
        if sentence:
            yield Extracted(_trimmed(sentence["answer"]), "tag+pattern")
        yield Extracted(body, "tag")
        return
    if answers := [match["answer"] for match in _ANSWER.finditer(text)]:
        yield Extracted(_trimmed(answers[-1]), "pattern")
    if not _TAG.search(text):
        lines = text.split("\n")
        yield Extracted(next((line.strip() for line in reversed(lines) if line.strip()), ""), "last line")
        yield Extracted(text.strip(), "text")


def tagged(text: str) -> str | None:
    """Return the body of the first conclusion that is closed and not empty, else of an open one; None for neither."""
    bodies = (match[1].strip() for match in _CLOSED.finditer(text))
    if body := next(filter(None, bodies), ""):
        return body
    opened = _OPENED.search(text)
    return _TAG.split(opened[1], maxsplit=1)[0].strip() if opened else None


def _trimmed(answer: str) -> str:
    return answer.strip().removesuffix(".").strip("*\"' ")


def _readable(text: str, turn: Turn) -> bool:
    reader = _READERS.get(turn.scorer and turn.scorer.replace("_", "-"))
    return reader is None or reader(text, turn) is not None
