"""Workspaces with traces to be judged, and verdicts with everything that a test doesn't care about filled in."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from curation.store import Store
from curation.store.steps import StoredTrace, put_issues, put_samples, put_traces
from schemas.issue import Issue, Severity
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stages, Trace
from schemas.verdict import Compared, Rank, Verdict
from tests import release_items
from tests.records import BEGIN, picture
from tests.workbench import Endpoint, report

GOOD = {
    "summary": "I will read the chart.",
    "caption": "A chart with three bars, the highest at 7.",
    "reasoning": "The highest bar is at 7. So the answer is 7.",
    "conclusion": "7",
}


def sample_of(number: int, **turn: Any) -> Sample:
    given = {"question": f"How high is the highest bar of chart {number}?", "targets": ("7",), "scorer": "exact_match"}
    return Sample(id=f"charts/train/{number:03}", images=(picture().ref,), turns=(Turn(**given | turn),))


def trace_of(sample: Sample, turn: int = 0, *, parent: str | None = None, at: float = 0, **stages: str) -> Trace:
    provenance = Provenance(kind="simulated", created_at=BEGIN + timedelta(seconds=at), recipe="paper", parent=parent)
    return Trace(sample_id=sample.id, turn=turn, stages=Stages(**GOOD | stages), provenance=provenance)


def workspace(folder: Path, traces: list[Trace], samples: list[Sample], flawed: tuple[Trace, ...] = ()) -> Path:
    """Make a workspace that holds these, with one image that all samples share."""
    with Store.open(folder, create=True) as store:
        store.images.put(picture())
        store.write(put_samples, samples)
        store.write(put_traces, [StoredTrace(trace, "simulator") for trace in traces])
        store.write(put_issues, [wrong(trace) for trace in flawed])
    return folder


def charts(folder: Path, count: int = 4, **stages: str) -> Path:
    """Make a workspace with so many samples that have the same stages."""
    samples = [sample_of(number) for number in range(count)]
    return workspace(folder, [trace_of(sample, **stages) for sample in samples], samples)


def wrong(trace: Trace) -> Issue:
    about = {"sample_id": trace.sample_id, "turn": trace.turn, "trace_id": trace.id}
    return Issue(**about, code="answer:wrong", severity=Severity.ERROR, message="wrong")


def judge(endpoint: Endpoint, folder: Path, *flags: object) -> dict[str, Any]:
    return report("judge", "--workspace", folder, "--base-url", endpoint.url, *flags)


def verdict(trace: Trace, model: str = "m", *, at: float = 0, simulated: bool = False, **against: str) -> Verdict:
    """A verdict on the whole reasoning, negative on the stages that are named, each with its quote."""
    whole = ((0, len(trace.stages.reasoning)),)
    said = release_items.verdict(trace, model, steps="positive", cuts=whole, simulated=simulated, **against)
    place = {"endpoint": "simulator"} if simulated else {}
    return said.model_copy(update={"at": BEGIN + timedelta(seconds=at)} | place)


def compared(trace: Trace, before: Trace, rank: str, model: str = "m") -> Compared:
    return Compared(
        sample_id=trace.sample_id,
        turn=trace.turn,
        trace_id=trace.id,
        before=before.id,
        model=model,
        endpoint="https://host/v1",
        prompt_version="sha256:" + "0" * 64,
        simulated=False,
        at=BEGIN,
        rank=Rank(rank),
        reason="It is so.",
    )
