"""What Label Studio's annotators say, read from its exports: JSON, and JSON_MIN, which leaves out skipped tasks.

What our tasks and their annotations are told by, and how texts are written that Label Studio can't hold, is here too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curation.errors import DataError
from schemas.digest import digest_json
from schemas.review import StageVerdict
from schemas.trace import STAGES, Stage

FORMAT_VERSION = 1
MARK = f"curation-workbench/label-studio/{FORMAT_VERSION}"
"""Says in each task that it is ours."""

_FAMILY = MARK.rpartition("/")[0]
_UNHELD = re.compile("[\0\r\ud800-\udfff]|⟦(?=u\\+)")
_ESCAPED = re.compile(r"⟦u\+([0-9a-f]{4})⟧")
_SHORT = 24
"""Hexadecimal digits that tell the traces of a turn from each other."""
_REGION = re.compile(rf"[a-z]+-([0-9a-f]{{{_SHORT}}})")
_RECORD = re.compile(r"(\S+)#(\d{1,9})")

Verdict = Literal["accept", "reject", "skip"]


class Annotation(NamedTuple):
    """What one annotator said of one task."""

    id: str
    """Of the annotation, in its Label Studio."""
    annotator: str
    """Who made it: an address, or a number where the file has no more."""
    sample_id: str
    turn: int
    trace: str
    """The trace that was corrected: the beginning of its id."""
    verdict: Verdict
    verdicts: dict[Stage, StageVerdict]
    texts: dict[Stage, str]
    """Of the stages that were handed in, changed or not."""
    reason: str
    seconds: float
    created_at: str
    updated_at: str

    @property
    def digest(self) -> str:
        """Tell two versions of the annotation apart, and nothing else: every export of one gives the same."""
        said = self._asdict()
        return digest_json({name: said[name] for name in said if name not in {"annotator", "seconds", "trace"}})


class Unread(NamedTuple):
    """A task or an annotation that can't be read."""

    place: str
    reason: str


class _Data(BaseModel):
    """What we wrote into a task, as far as it is needed to bring its annotations back."""

    model_config = ConfigDict(extra="ignore")

    format: str
    record: str
    trace: str


class _Result(BaseModel):
    """A piece of an annotation: the texts of a text area, or what was chosen."""

    model_config = ConfigDict(extra="ignore")

    id: str = ""
    from_name: str
    value: dict[str, Any]


class _Raw(BaseModel):
    """An annotation as both forms have it."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: str
    completed_by: str | dict[str, Any] | None = None
    was_cancelled: bool = False
    lead_time: float | None = Field(None, ge=0, allow_inf_nan=False)
    created_at: str
    updated_at: str
    result: list[_Result] = []


class _Fault(Exception):
    """An annotation can't be read; the message says why."""


def escape(text: str) -> str:
    """Write a text so that Label Studio gives it back as it was; `unescape` restores it."""
    return _UNHELD.sub(lambda found: f"⟦u+{ord(found[0]):04x}⟧", text)


def unescape(text: str) -> str:
    """Restore what `escape` wrote."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def verdict_name(stage: str) -> str:
    """Return the name of the stage's verdict in the labelling configuration."""
    return f"{stage}_verdict"


def region_id(stage: str, trace_id: str) -> str:
    """Name the text of a stage; an annotation that corrects it keeps the name, so that it tells what was corrected."""
    return f"{stage}-{trace_id.removeprefix('sha256:')[:_SHORT]}"


def read_annotations(exported: Any, people: Mapping[str, str]) -> Iterator[Annotation | Unread]:
    """Read an export in either form, already parsed from JSON; `people` has the addresses of annotators by number.

    A task or an annotation that can't be read is told with its reason. Raises DataError where no task is ours.
    """
    tasks = exported if isinstance(exported, list) else []
    marks = {mark for task in tasks if isinstance(mark := _data(task).get("format"), str)}
    if MARK not in marks and tasks:
        raise DataError(_foreign(marks))
    if not isinstance(exported, list):
        raise DataError("not an export of Label Studio: export the project as JSON or JSON-MIN")
    for number, task in enumerate(tasks, 1):
        yield from _read_task(task, f"task {number}", people)


def _foreign(marks: set[str]) -> str:
    ours = sorted(mark for mark in marks if mark.startswith(f"{_FAMILY}/"))
    if ours:
        version = ours[-1].rpartition("/")[2][:20]
        return f"made by another version of the workbench (format {version}; this one reads {FORMAT_VERSION})"
    return "it was not made by `review export label-studio`"


def _data(task: Any) -> dict[str, Any]:
    data = task.get("data", task) if isinstance(task, dict) else None
    return data if isinstance(data, dict) else {}


def _read_task(task: Any, place: str, people: Mapping[str, str]) -> Iterator[Annotation | Unread]:
    try:
        data = _Data.model_validate(_data(task))
    except ValidationError:
        yield Unread(place, _foreign(set()))
        return
    if data.format != MARK:
        yield Unread(place, _foreign({data.format}))
        return
    for number, raw in enumerate(_raws(task), 1):
        where = f"{unescape(data.record)}, annotation {raw.get('id', number) if isinstance(raw, dict) else number}"
        try:
            yield _annotation(data, _Raw.model_validate(raw), people)
        except ValidationError as error:
            detail = error.errors()[0]
            yield Unread(where, f"{'.'.join(map(str, detail['loc'])) or 'it'}: {detail['msg']}")
        except _Fault as fault:
            yield Unread(where, str(fault))


def _raws(task: dict[str, Any]) -> list[Any]:
    """Return the annotations of a task in either form."""
    if "data" not in task:
        return [] if task.get("annotation_id") is None else [_from_min(task)]
    found = task.get("annotations", [])
    return found if isinstance(found, list) else [found]


def _from_min(task: dict[str, Any]) -> dict[str, Any]:
    """Bring a line of JSON_MIN into the form of an annotation."""
    names = [*STAGES, *map(verdict_name, STAGES), "decision", "reason"]
    given = {str(name): task[name] for name in names if name in task}
    return {
        "id": task.get("annotation_id"),
        "completed_by": task.get("annotator"),
        **{name: task.get(name) for name in ("lead_time", "created_at", "updated_at")},
        "result": [{"from_name": name, "value": _min_value(value)} for name, value in given.items()],
    }


def _min_value(value: Any) -> dict[str, Any]:
    values = value if isinstance(value, list) else [value]
    return {"text": values, "choices": values}


def _annotation(data: _Data, raw: _Raw, people: Mapping[str, str]) -> Annotation:
    record = _RECORD.fullmatch(unescape(data.record))
    if record is None:
        raise _Fault(f"{data.record[:80]!r} names no record")
    given = _given(raw.result)
    return Annotation(
        id=raw.id,
        annotator=_annotator(raw.completed_by, people),
        sample_id=record[1],
        turn=int(record[2]),
        trace=_corrected(raw.result) or data.trace,
        verdict="skip" if raw.was_cancelled else _verdict(given),
        verdicts={stage: _stage_verdict(given, stage) for stage in STAGES if verdict_name(stage) in given},
        texts={} if raw.was_cancelled else {stage: _text(given, stage) for stage in STAGES if stage in given},
        reason=unescape("\n".join(given.get("reason", ()))).strip(),
        seconds=raw.lead_time or 0.0,
        created_at=raw.created_at,
        updated_at=raw.updated_at,
    )


def _given(results: Sequence[_Result]) -> dict[str, list[str]]:
    """Return what was handed in under each name."""
    given: dict[str, list[str]] = {}
    for result in results:
        values = result.value.get("choices", result.value.get("text", []))
        values = values if isinstance(values, list) else [values]
        if not all(isinstance(value, str) for value in values):
            raise _Fault(f"{result.from_name} is not text")
        given.setdefault(result.from_name, []).extend(values)
    return given


def _corrected(results: Sequence[_Result]) -> str:
    """Return the beginning of the id of the trace whose texts were corrected; empty where no text tells."""
    found = {name[1] for result in results if (name := _REGION.fullmatch(result.id))}
    if len(found) > 1:
        raise _Fault("it mixes the texts of several traces")
    return f"sha256:{found.pop()}" if found else ""


def _annotator(who: str | dict[str, Any] | None, people: Mapping[str, str]) -> str:
    if isinstance(who, dict):
        who = str(who.get("email") or who.get("id") or "")
    return people.get(who or "", who or "unknown")


def _verdict(given: Mapping[str, list[str]]) -> Verdict:
    match given.get("decision", []):
        case ["accept"]:
            return "accept"
        case ["reject"]:
            return "reject"
        case []:
            raise _Fault("it has no decision")
        case other:
            raise _Fault(f"{', '.join(other)[:80]!r} is no decision")


def _stage_verdict(given: Mapping[str, list[str]], stage: Stage) -> StageVerdict:
    try:
        (value,) = given[verdict_name(stage)]
        return StageVerdict(value)
    except ValueError:
        raise _Fault(f"{', '.join(given[verdict_name(stage)])[:80]!r} is no verdict on the {stage}") from None


def _text(given: Mapping[str, list[str]], stage: Stage) -> str:
    if len(given[stage]) != 1:
        raise _Fault(f"it has {len(given[stage])} texts for the {stage}")
    return unescape(given[stage][0]).strip()
