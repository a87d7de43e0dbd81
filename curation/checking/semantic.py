"""Traces that mean what an earlier one means, in other words: `semantic:duplicate`, by a model's text embeddings.

The vectors of caption and reasoning are kept in the workspace, in `embeddings/`, as they are made: they are what takes
long, and are never made twice. Each model counts as a check of its own, by the digest of its weights. All traces are
held as vectors while they are compared: 1.5 GB for a million of 384 numbers.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from curation.finders import SEMANTIC
from curation.progress import Advance
from curation.similarity import vectors as near_vectors
from curation.similarity.embedding import Embedder
from curation.similarity.vectors import Vectors
from curation.store import Store
from curation.store.queries import Unchecked, has_unswept, swept_traces
from curation.store.steps import Check, put_checks, put_issues
from curation.store.text import from_json
from schemas.digest import digest_json
from schemas.issue import Issue, Severity
from schemas.trace import Stage, Trace

VERSION = 1

SIMILARITY = 0.95
"""Cosine from which two mean the same. What is right depends on the model: `validate --calibrate` tells, as the message
holds the figure."""


class _Seen(NamedTuple):
    """A trace, without its texts."""

    sample_id: str
    turn: int
    trace_id: str
    is_new: bool


def compare(store: Store, source: str, advance: Advance) -> int:
    """Compare the meaning of all traces, where there is one that this model has not seen; return how many were new.

    Raises MissingError where the model can't be loaded.
    """
    embedder = Embedder.load(source)
    short = embedder.digest.removeprefix("sha256:")[:16]
    check = f"{SEMANTIC} {short}"
    if not has_unswept(store.engine, check, VERSION):
        return 0
    vectors = _Vectors(store.folder / "embeddings" / short, embedder)
    seen: list[_Seen] = []
    rows: list[Vectors] = []
    for page in swept_traces(store.engine, check, VERSION):
        traces = [from_json(Trace, each.trace) for each in page if each.trace is not None]
        rows.append(vectors.of({trace.id: _said(trace) for trace in traces}))
        seen += [_seen(trace, each) for trace, each in zip(traces, page, strict=True)]
        advance(len(seen), "traces embedded")
    owners = np.unique([each.sample_id for each in seen], return_inverse=True)[1]
    pairs = near_vectors.pairs(np.concatenate(rows), owners, SIMILARITY)
    store.write(
        put_issues, [_issue(seen[row], seen[earlier], like) for row, earlier, like in pairs if seen[row].is_new]
    )
    new = [each.trace_id for each in seen if each.is_new]
    store.write(put_checks, [Check(trace_id, name, VERSION) for trace_id in new for name in (check, SEMANTIC)])
    return len(new)


def _said(trace: Trace) -> str:
    """Return what is compared; halves of characters, which no tokenizer takes, are replaced."""
    text = f"{trace.stages.caption}\n{trace.stages.reasoning}"
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _seen(trace: Trace, unchecked: Unchecked) -> _Seen:
    return _Seen(trace.sample_id, trace.turn, trace.id, bool(unchecked.missing))


def _issue(later: _Seen, earlier: _Seen, similarity: float) -> Issue:
    return Issue(
        sample_id=later.sample_id,
        turn=later.turn,
        trace_id=later.trace_id,
        code=f"{SEMANTIC}:duplicate",
        severity=Severity.WARNING,
        stage=Stage.REASONING,
        message=f"{100 * similarity:.0f} % the same in meaning as {earlier.sample_id}",
        evidence="",
        version=VERSION,
    )


class _Vectors:
    """The vectors of a model: those that were made in earlier runs, and those that are made now."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self._folder, self._embedder = folder, embedder
        folder.mkdir(parents=True, exist_ok=True)
        frames = [pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
        known = pl.concat(frames).unique("trace") if frames else None
        self._places = {trace: place for place, trace in enumerate(known["trace"])} if known is not None else {}
        self._known = known["vector"].to_numpy() if known is not None else None

    def of(self, texts: dict[str, str]) -> Vectors:
        """Return the vectors of the texts by trace, [n, d]; new ones are kept before they are returned."""
        new = [trace for trace in texts if trace not in self._places]
        made = dict(zip(new, self._embedder.embed([texts[trace] for trace in new]), strict=True)) if new else {}
        if made:
            self._keep(new, np.stack(list(made.values())))
        return np.stack([made[trace] if trace in made else self._found(trace) for trace in texts])

    def _found(self, trace: str) -> Vectors:
        assert self._known is not None
        vector: Vectors = self._known[self._places[trace]]
        return vector

    def _keep(self, traces: list[str], vectors: Vectors) -> None:
        """Write a file that is named by what is in it: two processes that make the same vectors write the same."""
        path = self._folder / f"{digest_json(traces).removeprefix('sha256:')[:16]}.parquet"
        passing = path.with_suffix(f".{os.getpid()}.part")
        pl.DataFrame({"trace": traces, "vector": vectors}).write_parquet(passing)
        passing.replace(path)
