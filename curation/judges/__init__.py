"""The judges: one file for each way to tell which candidate is better.

A judge gives every candidate of a case a score, and higher is better. The scores of a judge that is `ABSOLUTE` mean
the same from case to case; those of the others only rank the candidates of one case.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol, cast

from curation import registry
from curation.lanes import Question, Sampling, Session
from schemas.trace import STAGES, Stage

Kind = Stage | Literal["answer", "sentence"]
"""What is judged: a stage, a whole answer, or the next sentence."""


class Option(NamedTuple):
    """A candidate as a judge sees it."""

    text: str
    """The answer so far, with what is judged at its end."""
    likelihood: float
    """Mean log-likelihood of the tokens that are judged."""

    def part(self, stage: Stage) -> str | None:
        """Return what stands in the first pair of a stage's tags; None where there is none."""
        found = re.search(f"<{stage.tag}>(.*?)</{stage.tag}>", self.text, re.DOTALL)
        return found[1] if found else None


class Case(NamedTuple):
    """The candidates for one step of one question."""

    lane: int
    question: Question
    kind: Kind
    options: tuple[Option, ...]
    seed: int


class Manner(NamedTuple):
    """How a judge that asks the model goes about it."""

    sampling: Sampling
    compat: bool = False
    """As LLaVA-CoT's code has it: an answer that doesn't name the first response names the second."""
    tokens: int = 2048
    """At most, of a verdict."""


class Judge(Protocol):
    """What a file in this folder defines."""

    ABSOLUTE: bool

    def scores(self, session: Session, cases: Sequence[Case], manner: Manner) -> list[list[float]]:
        """Return a score for each option of each case."""


def get(name: str) -> Judge:
    """Return the judge of that name. Raises UsageError for an unknown one."""
    return cast("Judge", registry.load(__name__, name))


def squash(likelihood: float) -> float:
    """Return a mean log-likelihood as a number above 0 and at most 1, to break ties between whole numbers."""
    return 1 / (1 - min(likelihood, 0.0))


def conclusion(option: Option) -> str:
    """Return the conclusion; for an answer without tags, all of it."""
    found = option.part(Stage.CONCLUSION)
    tagged = any(f"<{stage.tag}>" in option.text for stage in STAGES)
    return (found or ("" if tagged else option.text)).strip()
