"""What a probe says about traces in the store: one Issue for each trace and reason, with its stage and its evidence."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import polars as pl

from curation.probe.astray import PREFIXES, Continued
from curation.probe.report import CODES, Suspect
from schemas.issue import Issue, Severity
from schemas.trace import Stage

STRANGE = 6.0
"""Spreads above the neighbours' median from which on a stage is strange."""
SHOWN = 10
"""Traces that are named."""
ASTRAY = 0.5
"""Part of the continuations that a stage must turn from right to wrong."""


class Finding(NamedTuple):
    """What is said of one trace."""

    trace: str
    sample: str
    turn: int
    code: str
    stage: Stage
    z: float
    """How far the trace's strangest stage stands out, for the order."""
    message: str
    evidence: str


def findings(worst: pl.DataFrame, continued: Sequence[Continued], checkpoints: dict[int, str]) -> list[Finding]:
    """Return what is to be said, the strangest traces first.

    `worst` is what `worst_stages` gives; `checkpoints` are the digests of the models, by fold.
    """
    by_trace = {each.trace: each for each in continued}
    found: list[Finding] = []
    for row in worst.iter_rows(named=True):
        judge = f"checkpoint {checkpoints[row['fold']]}, fold {row['fold']}"
        if row["z"] >= STRANGE:
            found.append(_strange(row, judge))
        if each := by_trace.get(row["trace"]):
            found += _continuations(each, row, judge)
    return found


def _strange(row: dict[str, Any], judge: str) -> Finding:
    stage = Stage(row["stage"])
    message = f"{stage.tag} costs the model {row['loss']:.1f} nats, its neighbours {row['median']:.1f}"
    evidence = f"loss {row['loss']:.3f} nats over {row['tokens']} tokens, median {row['median']:.3f}, z {row['z']:.1f}"
    return Finding(*_about(row), "model:loss", stage, row["z"], message, f"{evidence}; {judge}")


def _about(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["trace"], row["sample"], row["turn"]


def _continuations(each: Continued, row: dict[str, Any], judge: str) -> Iterator[Finding]:
    shares = ", ".join(f"{prefix or 'start'} {share:.0%}" for prefix, share in zip(PREFIXES, each.right, strict=True))
    evidence = f"right when it goes on from {shares}; {judge}"
    steps = zip(each.right, each.right[1:], PREFIXES[1:], strict=False)
    drops = [(before - after, stage) for before, after, stage in steps]
    drop, stage = max(drops, key=lambda pair: pair[0])
    if stage is not None and drop >= ASTRAY:
        message = f"after this {stage.tag} the model is right {drop:.0%} less often"
        yield Finding(*_about(row), "model:leads-astray", stage, row["z"], message, evidence)
    if each.agreeing < ASTRAY:
        message = f"by itself the model comes to {each.answer!r:.80}"
        agrees = f"it comes to the trace's conclusion in {each.agreeing:.0%} of its answers"
        evidence = f"{agrees}; {judge}"
        yield Finding(*_about(row), "model:disagrees", Stage.CONCLUSION, row["z"], message, evidence)


def to_issue(finding: Finding, version: int) -> Issue:
    """Return the finding as an Issue of the part `model`, which a newer version of a probe replaces."""
    return Issue(
        sample_id=finding.sample,
        turn=finding.turn,
        trace_id=finding.trace,
        code=finding.code,
        severity=Severity.WARNING,
        stage=finding.stage,
        message=finding.message,
        evidence=finding.evidence[:400],
        version=version,
    )


def worst(found: Sequence[Finding]) -> list[Suspect]:
    """Return the traces that stand out most, each once, with the first thing that is said of it."""
    first = {finding.trace: finding for finding in reversed(found)}
    ordered = sorted(first.values(), key=lambda finding: -finding.z)[:SHOWN]
    return [
        Suspect(sample=f.sample, turn=f.turn, stage=f.stage.value, z=round(f.z, 2), message=f.message) for f in ordered
    ]


def by_code(found: Sequence[Finding]) -> dict[str, int]:
    """Return how often each thing is said."""
    counts = Counter(finding.code for finding in found)
    return {code: counts[code] for code in CODES}
