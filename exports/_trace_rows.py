"""The rows of a trace: what it says, what was said of it, where it came from, and what it needs to be read back."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import pyarrow as pa
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from curation.prompts.wording import question_text
from exports import Asked, Item, Rejected, Said
from exports._shards import IMAGE
from schemas.digest import canonical_json
from schemas.issue import Issue
from schemas.review import Act, Duty, Event, StageVerdict
from schemas.sample import Sample
from schemas.trace import STAGES, Provenance, Stage, Stages, Trace
from schemas.verdict import Verdict

Columns = list[tuple[str, pa.DataType]]

TEXT = pa.string()
TEXTS = pa.list_(TEXT)
_COUNT = pa.int32()
_SHARE = pa.float64()
_STAGES: Columns = [(stage.value, TEXT) for stage in STAGES]

ASKED: Columns = [
    ("id", TEXT),
    ("image", IMAGE),
    ("images", pa.list_(IMAGE)),
    ("question", TEXT),
    ("context", TEXT),
    ("choices", TEXTS),
    ("answer", TEXT),
    ("answers", TEXTS),
]
HISTORY: Columns = [("history", pa.list_(pa.struct([("question", TEXT), ("text", TEXT)])))]
OF_SAMPLE: Columns = [
    ("sample_id", TEXT),
    ("source", TEXT),
    ("source_split", TEXT),
    ("turn", _COUNT),
    ("labels", TEXT),
    ("licence", TEXT),
    ("citation", TEXT),
    ("facts", TEXT),
]
_CALL = pa.struct(
    [("key", TEXT), ("temperature", _SHARE), ("top_p", _SHARE), ("seed", pa.int64()), ("max_tokens", pa.int64())]
)
_REVIEWS = pa.struct(
    [
        ("count", _COUNT),
        ("verdict", TEXT),
        ("agreement", _SHARE),
        ("scores", pa.struct([(stage.value, _SHARE) for stage in STAGES])),
    ]
)
_OF_TRACE: Columns = [
    ("errors", TEXTS),
    ("issues", pa.list_(pa.struct([("code", TEXT), ("severity", TEXT), ("stage", TEXT), ("message", TEXT)]))),
    ("reviews", _REVIEWS),
    (
        "judgements",
        pa.list_(pa.struct([("model", TEXT), ("prompt_version", TEXT), ("simulated", pa.bool_()), *_STAGES])),
    ),
]
_PROVENANCE: Columns = [
    ("trace_id", TEXT),
    ("kind", TEXT),
    ("model", TEXT),
    ("model_answered", TEXT),
    ("recipe", TEXT),
    ("prompt_version", TEXT),
    ("created_at", pa.timestamp("us", tz="UTC")),
    ("parent", TEXT),
    ("edited", pa.bool_()),
    ("repaired", pa.bool_()),
    ("answer_shown", pa.bool_()),
    ("samples_asked", _COUNT),
    ("samples_right", _COUNT),
    ("agreement", _SHARE),
    ("calls", pa.list_(_CALL)),
]
RECORD: Columns = [("record", TEXT)]
_WHY: Columns = [("rule", TEXT), ("line", _COUNT), ("reason", TEXT)]

TAKEN: Columns = [*ASKED, *_STAGES, ("text", TEXT), *HISTORY, *_OF_TRACE, *OF_SAMPLE, *_PROVENANCE, *RECORD]
REJECTED: Columns = [*ASKED, *_STAGES, ("text", TEXT), *HISTORY, *_WHY, *_OF_TRACE, *OF_SAMPLE, *_PROVENANCE, *RECORD]

_AS_THEY_ARE = ("kind", "model", "model_answered", "recipe", "prompt_version", "parent")
_SCORES = {StageVerdict.NEGATIVE: -1, StageVerdict.NEUTRAL: 0, StageVerdict.POSITIVE: 1}
_NO_ASKED = Asked()


def taken(item: Item) -> Iterator[dict[str, Any]]:
    """Give a row, without the images, for each trace that is taken."""
    for number, trace in enumerate(item.traces):
        row = _row(item, trace) | {"errors": item.errors.get(trace.id, ())}
        yield row | {"id": f"{item.sample.id}#{trace.turn}", "record": _record(item, trace, first=number == 0)}


def rejected(item: Item) -> Iterator[dict[str, Any]]:
    """Give a row, without the images, for each trace that is kept although it was rejected."""
    for number, one in enumerate(item.rejected):
        trace = one.trace
        row = _row(item, trace) | _why(one) | {"errors": one.codes}
        name = f"{item.sample.id}#{trace.turn}/{trace.id[-12:]}"
        yield row | {"id": name, "record": _record(item, trace, first=number == 0)}


def _why(one: Rejected) -> dict[str, Any]:
    return {"rule": one.rule, "line": one.line, "reason": one.reason}


def asked(item: Item, turn: int) -> dict[str, Any]:
    """Return what there is to say of a turn, whether it has a trace or not."""
    sample, what = item.sample, item.sample.turns[turn]
    return {
        "question": what.question,
        "context": what.context,
        "choices": what.choices,
        "answer": what.target,
        "answers": what.targets,
        "history": [_exchange(sample, trace) for trace in item.traces if trace.turn < turn],
        "sample_id": sample.id,
        "source": sample.source,
        "source_split": sample.split,
        "turn": turn,
        "labels": json.dumps(sample.labels, ensure_ascii=False, sort_keys=True),
        "licence": sample.licence,
        "citation": sample.citation,
        "facts": json.dumps(sample.facts.model_dump(), ensure_ascii=False) if sample.facts else None,
    }


def _exchange(sample: Sample, trace: Trace) -> dict[str, str]:
    return {"question": question_text(sample.turns[trace.turn]), "text": trace.text}


def _row(item: Item, trace: Trace) -> dict[str, Any]:
    said = item.said.get(trace.id, Said())
    return {
        **asked(item, trace.turn),
        **{stage.value: trace.stages[stage] for stage in STAGES},
        "text": trace.text,
        "issues": [
            {"code": one.code, "severity": one.severity, "stage": one.stage, "message": one.message}
            for one in said.issues
        ],
        "reviews": reviewed(said.reviews),
        "judgements": [_judgement(each) for each in said.verdicts],
        "trace_id": trace.id,
        **_provenance(trace.provenance, item.asked.get(trace.id, _NO_ASKED)),
    }


def _provenance(made: Provenance, how: Asked) -> dict[str, Any]:
    sampling = made.sampling
    known = {call.key: call._asdict() for call in how.calls}
    return {
        **{name: getattr(made, name) for name in _AS_THEY_ARE},
        "created_at": made.created_at,
        "edited": made.parent is not None and made.kind == "human",
        "repaired": made.parent is not None and made.kind != "human",
        "answer_shown": sampling.rationalised if sampling else how.answer_shown,
        "samples_asked": sampling.samples if sampling else None,
        "samples_right": sampling.right if sampling else None,
        "agreement": sampling.agreement if sampling else None,
        "calls": [known.get(key, {"key": key}) for key in made.calls],
    }


def _judgement(verdict: Verdict) -> dict[str, Any]:
    of_judge = {"model": verdict.model, "prompt_version": verdict.prompt_version, "simulated": verdict.simulated}
    return of_judge | {stage.value: verdict.stages[stage].verdict for stage in STAGES}


def reviewed(events: Sequence[Event]) -> dict[str, Any] | None:
    """Return what reviewers said of a trace in figures, None where nobody said anything.

    `verdict` is the ruling, or what all said; null where they disagree and nobody ruled. `agreement` is the share of
    pairs of reviewers who did the same. `scores` are the means of their verdicts on a stage, from -1 to 1.
    """
    last = {event.reviewer: event for event in events}
    if not last:
        return None
    told = [(event.act, event.review) for event in last.values() if event.review is not None]
    reviews = [review for _, review in told]
    substances = [(review.decision, review.content) for review in reviews]
    ruled = [r.decision for act, r in told if act is Act.GOLD or r.duty is Duty.ADJUDICATION]
    agreed = ruled[-1:] or list({decision for decision, _ in substances} if len(set(substances)) == 1 else ())
    return {
        "count": len(reviews),
        "verdict": agreed[0] if agreed else None,
        "agreement": _alike(substances),
        "scores": {stage.value: _mean([r.verdicts[stage] for r in reviews if stage in r.verdicts]) for stage in STAGES},
    }


def _alike(substances: Sequence[tuple[str, str]]) -> float | None:
    """Return the share of pairs that are the same, None where there is no pair."""
    pairs = Counter(one == other for one, other in combinations(substances, 2))
    return pairs[True] / pairs.total() if pairs else None


def _mean(verdicts: Sequence[StageVerdict]) -> float | None:
    return sum(_SCORES[verdict] for verdict in verdicts) / len(verdicts) if verdicts else None


def _record(item: Item, trace: Trace, *, first: bool) -> str:
    """Return what the other columns don't say, as JSON: see `restored` and `issues_of`."""
    parts: dict[str, BaseModel | Sequence[BaseModel]] = {"provenance": trace.provenance}
    if first:
        parts["sample"] = item.sample
    if any(_is_broken(trace.stages[stage]) for stage in STAGES):
        parts["stages"] = trace.stages
    if trace.id in item.said and item.said[trace.id].issues:
        parts["issues"] = item.said[trace.id].issues
    return as_record(parts)


def as_record(parts: Mapping[str, BaseModel | Sequence[BaseModel]]) -> str:
    """Write the column `record`; it has `sample` in the first row of each sample."""
    return "{" + ",".join(f'"{name}":{_json(part)}' for name, part in parts.items()) + "}"


def _json(record: BaseModel | Sequence[BaseModel]) -> str:
    """Write a record, or several, as JSON; in ASCII, which is slower, where it holds half characters."""
    if not isinstance(record, BaseModel):
        return f"[{','.join(map(_json, record))}]"
    try:
        return record.model_dump_json()
    except PydanticSerializationError:
        return canonical_json(record.model_dump(mode="json")).decode("ascii")


def _is_broken(text: str) -> bool:
    """Tell whether a text holds half characters, which a column of text does not."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def restored(row: dict[str, Any]) -> Trace:
    """Return a row's trace. Raises ValueError where its texts are not those that its id was made of."""
    record = json.loads(row["record"])
    stages = record.get("stages") or {stage.value: row[stage.value] for stage in Stage}
    return Trace.model_validate(
        {
            "id": row["trace_id"],
            "sample_id": row["sample_id"],
            "turn": row["turn"],
            "stages": Stages.model_validate(stages),
            "provenance": record["provenance"],
        }
    )


def issues_of(row: dict[str, Any]) -> tuple[Issue, ...]:
    """Return the open issues of a row's trace. Raises ValueError for those of another one."""
    if '"issues":[' not in row["record"]:
        return ()
    found = tuple(Issue.model_validate(each) for each in json.loads(row["record"]).get("issues", ()))
    about = row["sample_id"], row["trace_id"]
    if any((each.sample_id, each.trace_id) != about for each in found):
        raise ValueError("it has issues of another trace")
    return found


RESTORED = ("sample_id", "turn", *(stage.value for stage in STAGES), "errors", "trace_id", "record")
"""The columns that a trace and its sample are read back from."""
