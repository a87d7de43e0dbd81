"""What a stage or a step is worth, by the word that counts most: people's, then judges', then validators'."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from curation import registry
from curation.ballots import voters
from exports import Said
from schemas.issue import Severity
from schemas.review import Act, Decision, Duty, Event, Review, StageVerdict
from schemas.steps import split
from schemas.trace import Stage, Trace
from schemas.verdict import StageFinding, StepFinding, Verdict

_VALIDATORS = frozenset(registry.names("curation.validators"))


class Label(NamedTuple):
    """What a stage or a step is worth."""

    verdict: StageVerdict | None = None
    """None where nobody said anything, or people disagree."""
    source: str | None = None
    """Who says so: review, judge, simulated-judge or validator."""
    quote: str = ""
    """The words that it is about, where they are known."""
    reason: str = ""


NONE = Label()


def stage_label(trace: Trace, stage: Stage, said: Said, traces: Mapping[str, Trace]) -> Label:
    """Return the label of a stage of a trace; `traces` are those by which an edit is compared with what it edits."""
    people = _of_people(trace, stage, said.reviews, traces)
    if people is not None:
        return people
    counted = voters(said.verdicts)
    if counted:
        return _of_judges(counted, [verdict.stages[stage] for verdict in counted])
    return _of_validators(stage, said)


def _of_people(trace: Trace, stage: Stage, reviews: Sequence[Event], traces: Mapping[str, Trace]) -> Label | None:
    """Return what people say of a stage, a label without a verdict where they disagree; None where they say nothing."""
    found = {}
    for review in _holding(reviews):
        if (verdict := _worth(review, trace, stage, traces)) is not None:
            found[verdict] = Label(verdict, "review", reason=review.reason)
    if not found:
        return None
    return next(iter(found.values())) if len(found) == 1 else NONE


def _holding(reviews: Sequence[Event]) -> list[Review]:
    """Return the reviews that hold: a known answer, else the last ruling, else the last of each reviewer."""
    told = [(event, event.review) for event in reviews if event.review is not None]
    known = [review for event, review in told if event.act is Act.GOLD]
    ruled = [review for _, review in told if review.duty is Duty.ADJUDICATION]
    if known or ruled:
        return (known or ruled)[-1:]
    return list({event.reviewer: review for event, review in told}.values())


def _worth(review: Review, trace: Trace, stage: Stage, traces: Mapping[str, Trace]) -> StageVerdict | None:
    """Return what a review says of a stage: who accepts a trace vouches for all of it that they say nothing else of."""
    given = review.verdicts.get(stage)
    if review.edited == trace.id:
        return _worth_of_edit(review, given, trace, stage, traces.get(review.trace_id))
    if review.trace_id != trace.id:
        return None
    return given or (StageVerdict.POSITIVE if review.decision is Decision.ACCEPT else None)


def _worth_of_edit(
    review: Review, given: StageVerdict | None, edit: Trace, stage: Stage, before: Trace | None
) -> StageVerdict | None:
    """Return what a review says of a stage of the edit that it made; its verdicts are of the trace that was edited."""
    if stage in review.stale:
        return None
    if given is None or given is StageVerdict.POSITIVE:
        return StageVerdict.POSITIVE
    if before is None:
        return None
    return given if before.stages[stage] == edit.stages[stage] else StageVerdict.POSITIVE


def _of_judges(judges: Sequence[Verdict], found: Sequence[StageFinding | StepFinding]) -> Label:
    """Return what most judges say: negative or positive by more than half of them, else neutral."""
    said = [each.verdict for each in found]
    carried = (v for v in (StageVerdict.NEGATIVE, StageVerdict.POSITIVE) if 2 * said.count(v) > len(said))
    verdict = next(carried, StageVerdict.NEUTRAL)
    first = next((each for each in found if each.verdict is verdict), None)
    source = "simulated-judge" if judges[0].simulated else "judge"
    return Label(verdict, source, first.quote if first else "", getattr(first, "reason", ""))


def _of_validators(stage: Stage, said: Said) -> Label:
    """Return the first open error at the stage; validators can't tell that something is right."""
    for issue in said.issues:
        if issue.stage is stage and issue.severity is Severity.ERROR and issue.validator in _VALIDATORS:
            return Label(StageVerdict.NEGATIVE, "validator", issue.evidence, issue.message)
    return NONE


def step_labels(trace: Trace, said: Said) -> list[tuple[str, Label]]:
    """Return the steps of the reasoning with their labels, nothing where nobody spoke of them.

    People count first, who name the wrong ones. Judges vote on the steps that the last of them was shown.
    """
    reasoning = trace.stages.reasoning
    return _named_by_people(trace.id, reasoning, said.reviews) or _voted(reasoning, voters(said.verdicts))


def _named_by_people(trace_id: str, reasoning: str, reviews: Sequence[Event]) -> list[tuple[str, Label]]:
    """Return the steps with what those say who named wrong ones: a label without a verdict where they disagree."""
    naming = [review for review in _holding(reviews) if review.trace_id == trace_id and review.wrong_steps]
    if not naming:
        return []
    return [(step.text, _named(number, naming)) for number, step in enumerate(split(reasoning), start=1)]


def _named(number: int, naming: Sequence[Review]) -> Label:
    found = {number in review.wrong_steps: review for review in naming}
    if len(found) > 1:
        return NONE
    (wrong, review), *_ = found.items()
    if not wrong:
        return Label(StageVerdict.POSITIVE, "review")
    return Label(StageVerdict.NEGATIVE, "review", reason=review.reason)


def _voted(reasoning: str, counted: Sequence[Verdict]) -> list[tuple[str, Label]]:
    """Return the steps of a reasoning, as the last judge was shown them, with the votes; nothing where none judged."""
    places = _places(counted[-1]) if counted else []
    if not _fit(places, len(reasoning)):
        return []
    voting = [verdict for verdict in counted if _places(verdict) == places]
    labels = [_of_judges(voting, [verdict.steps[at] for verdict in voting]) for at in range(len(places))]
    return [(reasoning[start:end], label) for (start, end), label in zip(places, labels, strict=True)]


def _places(verdict: Verdict) -> list[tuple[int, int]]:
    return [(step.start, step.end) for step in verdict.steps]


def _fit(places: Sequence[tuple[int, int]], length: int) -> bool:
    """Tell whether the steps follow one another within the text."""
    flat = [place for pair in places for place in pair]
    return flat == sorted(flat) and all(start < end <= length for start, end in places)
