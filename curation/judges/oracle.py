"""Knows a right trace: a stage is good where it says the same. A ceiling for judges, to be used in studies only.

It needs `Question.reference`; without one, the conclusion is judged by the official scorer, and earlier stages by
likelihood.
"""

from collections.abc import Sequence

from curation.judges import Case, Manner, Option, squash
from curation.judges.scorer import value
from curation.lanes import Session
from schemas.trace import STAGES, Stage

ABSOLUTE = True


def scores(session: Session, cases: Sequence[Case], manner: Manner) -> list[list[float]]:  # noqa: ARG001 - as Judge has it
    """Return the share of the judged stages that are right, ties broken by likelihood."""
    return [[_right(case, option) + 1e-3 * squash(option.likelihood) for option in case.options] for case in cases]


def _right(case: Case, option: Option) -> float:
    judged = [case.kind] if isinstance(case.kind, Stage) else list(STAGES) if case.kind == "answer" else []
    reference = case.question.reference
    if reference is None:
        return value(case.question, option) if Stage.CONCLUSION in judged else 0.0
    same = [_words(option.part(stage)) == _words(reference[stage]) for stage in judged]
    return sum(same) / len(same) if same else 0.0


def _words(text: str | None) -> list[str]:
    return (text or "").split()
