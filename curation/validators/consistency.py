"""Each stage against the stages before it: does it follow from them? Nothing is compared with the known answer.

Where the question and the caption are a scene's, the reasoning must be what follows from the caption, and the
conclusion what follows from the reasoning. Whether the caption is right can't be told from the text.

Of any other trace, the arithmetic of each stage must be right (`arithmetic`; a warning where it is told in words); what
the reasoning states, the caption or the question must not have otherwise (`figure`, `colour`, `count`, `name`,
`option`); steps must be in the order of their numbers (`steps`), and not begin with what follows from others (`order`);
and the conclusion must be found in what was said before (`unsupported`), and be what the reasoning calls the answer
(`conclusion`) or reckons last (`result`). A trace may end early: what
is null is not judged.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from curation.scene_graph import questions, traces
from curation.scene_graph.questions import Question
from curation.validators import FOUND
from curation.validators._conclusions import contradiction, same
from curation.validators._equations import LONGEST, equations
from curation.validators._figures import figures
from curation.validators._gates import DRAWS, OPINIONS, gated
from curation.validators._statements import statements
from curation.validators._support import Ground, unsupported
from schemas.trace import STAGES

VERSION = 3

_Finding = tuple[object, ...]
_READ = ("subject", "source", "question", "context", "earlier", "choices", *(stage.value for stage in STAGES))
_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_DIGITS = {word: str(number) for number, word in enumerate(_WORDS)}
_TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?|[^\W\d_]+")
_LETTER = re.compile(r"\(?([A-Z])[.)]?")
_LETTERED = re.compile(r"(?:option |choice )?\(?([A-Z])(?:[.):]\s?|\s?[-–]\s)(\S.*)", re.IGNORECASE | re.DOTALL)
_STEP = re.compile(r"\bstep ?([0-9]{1,2}) ?[:.)]", re.IGNORECASE)
_BEGINS_BEHIND = re.compile(rf"\s*{DRAWS}")
_ORDINALS = ("first", "second", "third", "fourth")
_ORDINAL = re.compile(r"(?:^|[.!?\n]\s{0,3})(First|Second|Third|Fourth)(?:ly)?,")
_QUOTED = 200
"""Characters of a message or of evidence."""
_NONE = re.compile(r"\b(?:no|none|zero|nothing)\b", re.IGNORECASE)
_SCENES = "scenes"
"""The source whose questions and captions are in its own formal language; rows without a source may be its."""
_WORDS_OF_AN_ANSWER = 12
"""A conclusion of more words is a text of its own, which says what was not said before."""
_MOST = 5
"""Findings of a kind in a stage."""


class _Said(NamedTuple):
    """A row of the batch, and which checks it needs; a stage that is not there is None."""

    subject: str
    source: str | None
    question: str
    context: str | None
    earlier: list[str] | None
    choices: list[str]
    summary: str | None
    caption: str | None
    reasoning: str | None
    conclusion: str | None
    equates: list[bool]
    tells: list[bool]
    claims: list[bool]
    steps: bool
    order: bool
    ends: bool

    @property
    def stages(self) -> tuple[str | None, ...]:
        """The four texts."""
        return self.summary, self.caption, self.reasoning, self.conclusion


def check(batch: pl.DataFrame) -> pl.DataFrame:
    """Return the stages that don't follow from the earlier ones."""
    rows = map(_Said._make, gated(batch, _READ, _SCENES).iter_rows())
    return pl.DataFrame([found for said in rows for found in _findings(said)], FOUND, orient="row")


def _findings(said: _Said) -> Iterator[_Finding]:
    question = questions.parse(said.question) if said.source in (None, _SCENES) else None
    if question is None:
        yield from _of_text(said)
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


def _of_text(said: _Said) -> Iterator[_Finding]:
    """Check a trace in anybody's words."""
    for stage, text, equates, tells in zip(STAGES, said.stages, said.equates, said.tells, strict=True):
        if text is not None and (equates or tells):
            yield from _arithmetic(said.subject, stage.value, text, equates=equates, tells=tells)
    if said.steps and said.reasoning is not None:
        yield from _steps(said.subject, said.reasoning)
    if said.order and said.reasoning is not None:
        yield from _order(said.subject, said.reasoning)
    if any(said.claims) and said.reasoning is not None and said.caption is not None:
        yield from _claims(said, said.caption, said.reasoning)
    if said.ends and said.reasoning is not None and said.conclusion is not None:
        yield from _ending(said, said.reasoning, said.conclusion)


def _ending(said: _Said, reasoning: str, conclusion: str) -> Iterator[_Finding]:
    """Find the worst of a conclusion: it denies the reasoning, or is nowhere in it, or is not its result."""
    found = contradiction(reasoning, conclusion, said.choices)
    answers = conclusion.count(" ") < _WORDS_OF_AN_ANSWER and not _has_figure(said)
    lacking = list(_unsupported(said)) if answers and (found is None or found.severity != "error") else []
    yield from lacking
    if found is not None and not lacking:
        yield said.subject, found.what, found.severity, "conclusion", found.message[:_QUOTED], conclusion[:_QUOTED]


def _arithmetic(subject: str, stage: str, text: str, *, equates: bool, tells: bool) -> Iterator[_Finding]:
    told = 0
    wrong = (("error", equations(text) if equates else ()), ("warning", statements(text) if tells else ()))
    for severity, found in wrong:
        for each in found:
            if not each.holds and told < _MOST:
                told += 1
                message = "this does not add up" if severity == "error" else "as it is told, this does not add up"
                yield subject, "arithmetic", severity, stage, message, text[each.start : each.end][:_QUOTED]


def _steps(subject: str, reasoning: str) -> Iterator[_Finding]:
    """Find the first step that does not have the number that comes next; a count may begin again."""
    found = [(int(match[1]), match[0]) for match in _STEP.finditer(reasoning[:LONGEST])]
    before = 0
    for place, (number, written) in enumerate(found):
        again = number == 1 and found[place + 1 : place + 2] and found[place + 1][0] == 1 + 1
        if number != before + 1 and not again:
            message = (
                f"step {number} comes after step {before}" if before else f"the first step has the number {number}"
            )
            yield subject, "steps", "warning", "reasoning", message, written
            return
        before = number


def _order(subject: str, reasoning: str) -> Iterator[_Finding]:
    """Find that a reasoning begins with what can only follow, or that `Second` comes before `First`."""
    if begins := _BEGINS_BEHIND.match(reasoning):
        message = "the reasoning begins with what should follow from something"
        yield subject, "order", "warning", "reasoning", message, reasoning[: begins.end() + 80].strip()[:_QUOTED]
        return
    found = [
        (_ORDINALS.index(match[1].lower()), match[0].strip(".!? \n"))
        for match in _ORDINAL.finditer(reasoning[:LONGEST])
    ]
    for (before, _), (number, written) in pairwise(found):
        if number < before and number > 0:
            yield subject, "order", "warning", "reasoning", "this comes after what should follow it", written
            return


def _claims(said: _Said, caption: str, reasoning: str) -> Iterator[_Finding]:
    asked = "\n".join([said.question, said.context or "", *(said.earlier or ()), *said.choices])
    for claim in unsupported(reasoning, Ground(caption, asked, said.question, said.choices), said.claims):
        evidence = reasoning[claim.start : claim.end][:_QUOTED]
        yield said.subject, claim.what, "warning", "reasoning", claim.message[:_QUOTED], evidence


def _has_figure(said: _Said) -> bool:
    """Tell whether the conclusion is a figure that was given before, in another form: 62 % for 0.62, 15 for 15.33."""
    given = figures((said.conclusion or "")[:_QUOTED])
    if len(given) != 1 or given[0].spelled:
        return False
    if given[0].value == 0 and _NONE.search(said.reasoning or ""):
        return True
    before = (said.reasoning, said.caption)
    return any(same(given[0], figure) for text in before if text for figure in figures(text[:LONGEST]))


def _unsupported(said: _Said) -> Iterator[_Finding]:
    """Find a conclusion that nothing before it speaks of."""
    if said.conclusion is None or said.reasoning is None:
        return
    evidence = _tokens(f"{said.caption or ''} {said.reasoning}")
    wanted = [each for text in _wordings(said.conclusion, said.choices) if (each := _tokens(text).strip())]
    if wanted and not any(each in OPINIONS or f" {each} " in evidence for each in wanted):
        message = "neither the reasoning nor the caption speaks of the conclusion"
        yield said.subject, "unsupported", "warning", "conclusion", message, said.conclusion[:_QUOTED]


def _wordings(conclusion: str, choices: list[str]) -> Iterator[str]:
    """Return the conclusion, and the choice that it names by its letter."""
    yield conclusion
    letter = _LETTER.fullmatch(conclusion.strip()) or _LETTERED.fullmatch(conclusion.strip())
    number = ord(letter[1].upper()) - ord("A") if letter else len(choices)
    if number < len(choices):
        yield choices[number]


def _tokens(text: str) -> str:
    """Return the words and numbers of a text between blanks: `Two` and `2.0` as 2, `1,200` as 1200."""
    return f" {' '.join(map(_token, _TOKEN.findall(text)))} "


@lru_cache(maxsize=8192)
def _token(text: str) -> str:
    if not text[0].isdigit():
        word = text.casefold()
        return _DIGITS.get(word, word)
    whole, _, part = text.replace(",", "").partition(".")
    return f"{whole}.{part}".rstrip("0").rstrip(".") if part else whole
