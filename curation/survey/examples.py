"""Issues to look at: the trace, with the evidence marked, and the picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from curation.calibration.signals import CONTAMINATION
from curation.calls.answer import read
from curation.evidence import spans
from curation.similarity.overlap import Pair
from curation.store.images import ImageStore
from curation.store.survey import Case
from schemas.issue import Issue, Severity
from schemas.trace import STAGES

MOST_PICTURES = 120
"""Pictures on a page, at most: it stays below a few megabytes."""
_AROUND = 600
"""Characters of a text before and behind what is marked in it."""

_TWIN = "image:near-duplicate"
_SHORT = 240
"""Characters of a question and of its target."""


class Passage(NamedTuple):
    """A stage, or a text that is none, cut to what is shown, with a part of it marked."""

    name: str
    before: str
    marked: str
    behind: str


class Counterpart(NamedTuple):
    """What a sample is said to repeat."""

    name: str
    question: str
    picture: Path | None


class Example(NamedTuple):
    """An issue to look at."""

    code: str
    severity: Severity
    sample_id: str
    message: str
    evidence: str
    """Where it stands in none of the passages; empty where it is marked in one."""
    question: str
    target: str
    picture: Path | None
    passages: tuple[Passage, ...]
    counterpart: Counterpart | None = None


def examples(cases: Mapping[str, Case], by_code: Mapping[str, Sequence[str]], images: ImageStore) -> list[Example]:
    """Return the examples of each code, in order; those whose issue is gone are left out."""
    chosen = [cases[each] for ids in by_code.values() for each in ids if each in cases]
    return [_example(case, images) for case in chosen]


def _example(case: Case, images: ImageStore) -> Example:
    issue, sample = case.issue, case.sample
    turn = sample.turns[issue.turn] if sample and issue.turn is not None and issue.turn < len(sample.turns) else None
    counterpart = _counterpart(issue, images)
    passages = () if counterpart else tuple(_passages(case))
    return Example(
        code=issue.code,
        severity=issue.severity,
        sample_id=issue.sample_id,
        message=issue.message[:_AROUND],
        evidence="" if counterpart or any(each.marked for each in passages) else issue.evidence[:_AROUND],
        question=_short(turn.question) if turn else "",
        target=_short(turn.target or "") if turn else "",
        picture=images.path(sample.images[0]) if sample and sample.images else None,
        passages=passages,
        counterpart=counterpart,
    )


def _counterpart(issue: Issue, images: ImageStore) -> Counterpart | None:
    """Return what the evidence of a repeat names: the row of an evaluation set, or another sample's picture."""
    if issue.validator == CONTAMINATION:
        try:
            pair = Pair.model_validate_json(issue.evidence)
        except ValidationError:
            return None
        picture = images.path(pair.image) if pair.image else None
        return Counterpart(_short(f"{pair.benchmark} {pair.index}"), _short(pair.question), picture)
    if issue.code == _TWIN:
        return Counterpart(_short(issue.message.rsplit(" ", 1)[-1]), "", images.find(issue.evidence))
    return None


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]} …"


def _passages(case: Case) -> list[Passage]:
    """Return the stages, those first in which something is marked or that the issue names."""
    issue, trace = case.issue, case.trace
    if trace is None:
        text = read(case.raw).text if case.raw else ""
        return [_cut("answer", text, 0, 0)] if text else []
    marked = {stage: (start, end) for stage, start, end in spans(trace, issue)}
    told = [_cut(stage.value, trace.stages[stage], *marked.get(stage.value, (0, 0))) for stage in STAGES]
    return sorted(told, key=lambda passage: (not passage.marked, passage.name != (issue.stage or "")))


def _cut(name: str, text: str, start: int, end: int) -> Passage:
    end = min(end, start + _AROUND)
    low, high = max(0, start - _AROUND), min(len(text), end + _AROUND)
    before = ("… " if low else "") + text[low:start]
    behind = text[end:high] + (" …" if high < len(text) else "")
    return Passage(name, before, text[start:end], behind)
