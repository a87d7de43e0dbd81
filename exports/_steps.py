"""Traces as steps with labels: what a process reward model learns from.

The form is TRL's stepwise supervision (`prompt`, `completions`, `labels`), with further columns beside it. A step is a
stage in its tags; the reasoning is cut where reviewers named its wrong steps, or judges were asked about each of them,
unless what they say contradicts the label of the whole: nothing wrong in it, or nothing right. `labels` has 1 for a
positive and a neutral step, 0 for a negative one, and -100, which losses leave out, for one of which nobody said
anything.
Sources: https://huggingface.co/docs/trl/dataset_formats, "Stepwise supervision"; neutral steps count as right ones in
Lightman et al. 2023, "Let's Verify Step by Step", arXiv 2305.20050, where PRM800K comes from.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from curation.prompts.wording import answer_text, question_text
from exports import Item, Rejected, Said
from exports._labels import Label, stage_label, step_labels
from exports._shards import IMAGE, schema
from schemas.review import StageVerdict
from schemas.trace import STAGES, Stage, Trace

UNLABELLED = -100
"""The label that PyTorch's and TRL's losses leave out."""
_OF_VERDICT = {StageVerdict.POSITIVE: 1, StageVerdict.NEUTRAL: 1, StageVerdict.NEGATIVE: 0}

_TEXT = pa.string()
_TEXTS = pa.list_(_TEXT)
COLUMNS = schema(
    [
        ("id", _TEXT),
        ("images", pa.list_(IMAGE)),
        ("prompt", _TEXT),
        ("completions", _TEXTS),
        ("labels", pa.list_(pa.int64())),
        ("verdicts", _TEXTS),
        ("stages", _TEXTS),
        ("label_sources", _TEXTS),
        ("quotes", _TEXTS),
        ("reasons", _TEXTS),
        ("answer", _TEXT),
        ("taken", pa.bool_()),
        ("rule", _TEXT),
        ("source", _TEXT),
        ("licence", _TEXT),
        ("turn", pa.int32()),
        ("trace_id", _TEXT),
    ]
)


class Step(NamedTuple):
    """A part of a trace."""

    stage: Stage
    text: str
    """With the tags that stand at its ends."""
    label: Label


def rows(item: Item) -> Iterator[dict[str, Any]]:
    """Give a row, without the images, for each trace, taken or rejected, of which at least one step has a label."""
    traces = [*((trace, None) for trace in item.traces), *((other.trace, other) for other in item.rejected)]
    by_id = {trace.id: trace for trace, _ in traces}
    for trace, rejected in sorted(traces, key=lambda each: each[0].turn):
        steps = list(steps_of(trace, item.said.get(trace.id, Said()), by_id))
        if any(step.label.verdict for step in steps):
            yield _row(item, trace, rejected) | _columns(steps)


def steps_of(trace: Trace, said: Said, traces: Mapping[str, Trace]) -> Iterator[Step]:
    """Give the steps of a trace; `traces` has the one that it edits, where that is known."""
    for stage in STAGES:
        label = stage_label(trace, stage, said, traces)
        parts = [(trace.stages[stage], label)]
        if stage is Stage.REASONING:
            parts = _cut(trace, label, said)
        for place, (text, worth) in enumerate(parts, 1):
            begin = f"<{stage.tag}> " if place == 1 else ""
            end = f" </{stage.tag}>" if place == len(parts) else ""
            yield Step(stage, f"{begin}{text}{end}", worth)


def _cut(trace: Trace, label: Label, said: Said) -> list[tuple[str, Label]]:
    """Return the reasoning in steps, or as one where what is said of them contradicts its label."""
    steps = step_labels(trace, said)
    wrong = any(each.verdict is StageVerdict.NEGATIVE for _, each in steps)
    agrees = label.verdict is not None and wrong == (label.verdict is StageVerdict.NEGATIVE)
    return steps if steps and agrees else [(trace.stages.reasoning, label)]


def _columns(steps: list[Step]) -> dict[str, list[Any]]:
    labels = [step.label for step in steps]
    return {
        "completions": [step.text for step in steps],
        "labels": [_OF_VERDICT[label.verdict] if label.verdict else UNLABELLED for label in labels],
        "verdicts": [label.verdict.value if label.verdict else None for label in labels],
        "stages": [step.stage.value for step in steps],
        "label_sources": [label.source for label in labels],
        "quotes": [label.quote for label in labels],
        "reasons": [label.reason for label in labels],
    }


def _row(item: Item, trace: Trace, rejected: Rejected | None) -> dict[str, Any]:
    return {
        "id": f"{item.sample.id}#{trace.turn}/{trace.id[-12:]}",
        "prompt": _prompt(item, trace.turn),
        "answer": item.sample.turns[trace.turn].target,
        "taken": rejected is None,
        "rule": rejected.rule if rejected else None,
        "source": item.sample.source,
        "licence": item.sample.licence,
        "turn": trace.turn,
        "trace_id": trace.id,
    }


def _prompt(item: Item, turn: int) -> str:
    """Return the question, after the earlier turns that have a trace."""
    parts = []
    for trace in item.traces:
        if trace.turn < turn:
            parts += [question_text(item.sample.turns[trace.turn]), answer_text(trace.stages)]
    return "\n\n".join([*parts, question_text(item.sample.turns[turn])])
