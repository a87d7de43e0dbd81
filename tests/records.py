"""Records with everything that a test doesn't care about filled in."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from PIL import Image

from curation.images import LoadedImage, inspect
from curation.store.steps import Check, Failure, StoredTrace
from schemas.call import Call, Outcome
from schemas.issue import Issue, Severity
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stages, Trace

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
MADE_BY = {"recipe": "paper", "prompt_version": "v1", "model": "m", "endpoint": "e"}


def sample(name: str = "src/train/1", turns: int = 1) -> Sample:
    return Sample(id=name, turns=tuple(Turn(question=f"question {turn}") for turn in range(turns)))


def trace(
    of: str = "src/train/1",
    turn: int = 0,
    *,
    at: float = 0,
    conclusion: str = "yes",
    by: dict[str, str] = MADE_BY,
    kind: Literal["model", "simulated"] = "model",
) -> StoredTrace:
    """A trace of a turn, made `at` seconds after the beginning."""
    provenance = Provenance(
        kind=kind,
        created_at=BEGIN + timedelta(seconds=at),
        recipe=by["recipe"],
        prompt_version=by["prompt_version"],
        model=by["model"],
    )
    stages = Stages(summary="s", caption="c", reasoning="r", conclusion=conclusion)
    return StoredTrace(Trace(sample_id=of, turn=turn, stages=stages, provenance=provenance), by["endpoint"])


def call(key: str = "key", **fields: Any) -> Call:
    given = {"sample_id": "src/train/1", "turn": 0, "attempt": 0, "request": "{}", "created_at": BEGIN, **MADE_BY}
    return Call(key=key, **(given | {"outcome": Outcome.ANSWERED, "raw": "{}", "cost": 5} | fields))


def failure(key: str = "key", **fields: Any) -> Failure:
    given = {"sample_id": "src/train/1", "turn": 0, "outcome": "unparsable", "reason": "no tags", **MADE_BY}
    return Failure(call_key=key, **(given | fields))


def issue(of: Trace | str, severity: str = "error", version: int = 1, code: str = "structure:missing") -> Issue:
    """An issue of a trace, or of a row that is no sample."""
    about = {"sample_id": of} if isinstance(of, str) else {"sample_id": of.sample_id, "trace_id": of.id}
    return Issue(**about, code=code, severity=Severity(severity), message="wrong", version=version)


def check(of: Trace, version: int = 1, validator: str = "structure") -> Check:
    return Check(of.id, validator, version)


def picture(shade: int = 0) -> LoadedImage:
    data = io.BytesIO()
    Image.new("L", (8, 8), shade).save(data, "PNG")
    return inspect(data.getvalue())
