"""Read traces that were made elsewhere, as samples and traces."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, NamedTuple, TypeVar

from cyclopts import Parameter
from pydantic import Field, PositiveInt
from sqlalchemy import Connection

from curation import imports, validators
from curation.config import Names, Report, Table, WorkspaceConfig
from curation.errors import Exit, UsageError
from curation.images import LoadedImage
from curation.imports import DataSet, Imported, Owner
from curation.ingest import Tally, repeated, take
from curation.ingest.repeats import Repeats
from curation.progress import live, logged
from curation.store import Store
from curation.store.queries import imported
from curation.store.steps import (
    Check,
    Failure,
    StoredTrace,
    put_checks,
    put_failures,
    put_issues,
    put_samples,
    put_traces,
)
from curation.validators import Subject
from schemas.call import Outcome
from schemas.issue import Issue, Severity
from schemas.sample import Sample
from schemas.trace import STAGES, Fault, Provenance, Stages, Trace, parse_answer

T = TypeVar("T")

BATCH = 500
"""Records that are checked and stored at once: each check costs some milliseconds for any number of them."""
_log = logging.getLogger(__name__)


class Config(WorkspaceConfig):
    """Flags of `import`."""

    format: str = Field(
        "llava", description="Format of the records: llava, which is LLaVA-CoT-100k's too, or messages."
    )
    data: Path = Field(description="Folder with the records and the images, or one file of it.")
    name: str = Field("", description="What the samples' ids begin with [default: by the folder's name].")
    split: Names = Field((), description="Splits to read, for instance train of train.jsonl [default: all there are].")
    limit: PositiveInt | None = Field(None, description="Read at most so many records: the first, or those of --seed.")
    seed: int | None = Field(None, description="With --limit: draw the records at random, the same for the same seed.")
    licence: str = Field("", description="Licence of the samples, as their owners name it.")
    citation: str = Field("", description="What their owners ask users to cite.")


class ImportReport(Report):
    """What was read, and what is wrong with it."""

    name: str
    rows: int
    samples: int
    unusable_rows: dict[str, int]
    remarks: dict[str, int]
    turns: int
    traces: int
    already: int
    untraced: int
    """Turns whose answer is no trace."""
    issues: dict[str, int]
    """Of answers that are no traces, and of new traces, by code."""
    licence: str
    seconds: float

    @property
    def exit_code(self) -> Exit:
        """1 where a record can't be a sample or an answer no trace, else 0."""
        return Exit.FAILURES if self.unusable_rows or self.untraced else Exit.DONE

    def tables(self) -> list[Table]:
        """Return what happened to records and turns."""
        rows: list[tuple[str, object]] = [("records read", self.rows), ("samples", self.samples)]
        rows += [(f"  unusable record: {code}", count) for code, count in self.unusable_rows.items()]
        rows += [(f"  remark: {code}", count) for code, count in self.remarks.items()]
        rows += [("turns", self.turns), ("  with an imported trace before", self.already)]
        rows += [("  with a new trace", self.traces), ("  without a trace", self.untraced)]
        rows += [(f"    issue: {code}", count) for code, count in self.issues.items()]
        return [Table(f"import ({self.name})", ("what", "count"), rows)]

    def lines(self) -> list[str]:
        """Return the time, and what is not known."""
        lines = [f"{self.rows:,} records in {self.seconds:.1f} s."]
        if not self.licence:
            lines.append("Their licence is not known: --licence and --citation note it on each sample.")
        return lines


def run(*, config: Annotated[Config, Parameter(name="*")]) -> ImportReport:
    """Read traces that were made elsewhere, as samples and traces.

    Answers in the four stages become traces of the kind `imported`, and are checked like any other; what is wrong with
    the rest is noted. Images may lie in a zip, or in its parts. Importing again adds what is new, and nothing twice.

    LLaVA-CoT-100k: `import --data LLaVA-CoT-100k`.
    """
    begun = time.monotonic()
    if config.seed is not None and config.limit is None:
        raise UsageError("--seed draws as many records as --limit says: give --limit too")
    form = imports.get(config.format)
    owner = Owner.of(config.data, config.name, config.licence, config.citation)
    settings = config.model_dump(mode="json", exclude={"workspace", "debug", "json_"})
    with (
        DataSet(config.data, config.split, form, owner) as data,
        Store.open(config.workspace, create=True) as store,
        store.run("import", settings) as run_,
        logged(store.folder / "logs" / f"{run_.id}.log"),
        live("import", config.limit) as advance,
    ):
        importer = _Importer(store, owner)
        rows = take(data.rows(), config.limit, config.seed, owner.name)
        for batch in _batches(map(importer.keep_images, map(data.read, rows))):
            importer.add(batch)
            advance(importer.tally.rows, f"records, {importer.traces:,} traces, {importer.untraced:,} turns without")
        report = _report(importer, owner, time.monotonic() - begun)
        _log.info("%s", report.model_dump_json())
    return report


def _batches(items: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(items, BATCH)):
        yield batch


class _Raw(NamedTuple):
    """An answer that is no trace."""

    sample: Sample
    turn: int
    text: str
    faults: tuple[Fault, ...]

    @property
    def is_tagged(self) -> bool:
        """Whether there is any of the stages."""
        return sum(fault.kind == "missing" for fault in self.faults) < len(STAGES)


Made = tuple[Sample, Trace]


class _Importer:
    """Stores records in batches, each in one transaction: a batch is there whole or not at all."""

    def __init__(self, store: Store, owner: Owner) -> None:
        self.tally = Tally()
        self.traces = self.already = self.untraced = 0
        self.issues: Counter[str] = Counter()
        self._store = store
        self._owner = owner
        self._repeats = Repeats()
        self._validators = validators.versions()
        # When they were made is not known; this is when they came here.
        self._provenance = Provenance(kind="imported", created_at=datetime.now(UTC))

    def keep_images(self, each: Imported) -> Imported:
        """Store the images of a record, and return it without them: a batch of them can be large."""
        for image in each.row.images if each.sample else ():
            if isinstance(image, LoadedImage):
                self._store.images.put(image)
        return each._replace(row=each.row._replace(fields={}, images=()))

    def add(self, batch: list[Imported]) -> None:
        """Store a batch, whose images are stored. It is checked before others have to wait for the writing."""
        samples: list[Sample] = []
        issues: list[Issue] = []
        made: list[Made] = []
        raw: list[_Raw] = []
        for each in map(self._once, batch):
            self.tally.count(self._owner.name, each.sample, each.issues)
            issues += each.issues
            if each.sample is not None:
                samples.append(each.sample)
                self._read(each.sample, each.answers, made, raw)
        with self._store.snapshot() as connection:
            new = _unknown(connection, made)
        found = [*self._check(new), *_unreadable(raw)]
        with self._store.writing() as connection:
            put_samples(connection, samples)
            put_issues(connection, issues)
            put_failures(connection, [_failure(each) for each in raw])
            stored = self._put(connection, _unknown(connection, new), found)
        self.traces += stored
        self.already += len(made) - stored
        self.untraced += len(raw)

    def _once(self, each: Imported) -> Imported:
        """Return a record, without its sample where that came before."""
        if each.sample is None or not (same := self._repeats.before(each.sample, each.answers)):
            return each
        return Imported(each.row, None, (repeated(each.row, each.sample, same),))

    def _read(self, sample: Sample, answers: Sequence[str | None], made: list[Made], raw: list[_Raw]) -> None:
        """Sort the answers to a sample's turns into traces and what is none."""
        for turn, text in enumerate(answers):
            read = parse_answer(text or "")
            if isinstance(read, Stages):
                trace = Trace(sample_id=sample.id, turn=turn, stages=read, provenance=self._provenance)
                made.append((sample, trace))
            else:
                raw.append(_Raw(sample, turn, text or "", read))

    def _check(self, new: Sequence[Made]) -> Iterator[Issue]:
        """Run every validator over the traces."""
        subjects = [Subject.of(*each) for each in new]
        batch = validators.frame(subjects)
        for name in self._validators if subjects else ():
            yield from validators.run(name, subjects, batch)

    def _put(self, connection: Connection, new: Sequence[Made], found: Sequence[Issue]) -> int:
        """Store traces, and what was found about them and about what is no trace; return how many traces."""
        traces = {trace.id: trace for _, trace in new}
        issues = [issue for issue in found if issue.trace_id is None or issue.trace_id in traces]
        put_traces(connection, [StoredTrace(trace, None) for trace in traces.values()])
        put_issues(connection, issues)
        put_checks(connection, [Check(trace, *pair) for pair in self._validators.items() for trace in traces])
        self.issues.update(issue.code for issue in issues)
        return len(traces)


def _unknown(connection: Connection, made: Sequence[Made]) -> list[Made]:
    """Return the traces whose stages are not those that were imported last for their turn."""
    before = imported(connection, list({trace.sample_id for _, trace in made}))
    return [each for each in made if before.get((each[1].sample_id, each[1].turn)) != each[1].stages.model_dump()]


def _unreadable(raw: Sequence[_Raw]) -> list[Issue]:
    """Say why answers are no traces: there is nothing, there are no tags, or there is something wrong with them."""
    subjects = [
        Subject(each.sample, each.turn, each.text, None, call_key=f"{each.sample.id}#{each.turn}")
        for each in raw
        if each.is_tagged
    ]
    found = validators.run("structure", subjects)
    # No call gave these answers; the key was there only to tell them apart.
    without_call = (Issue.model_validate(issue.model_dump(exclude={"id", "call_key"})) for issue in found)
    return [*map(_bare, (each for each in raw if not each.is_tagged)), *without_call]


def _bare(raw: _Raw) -> Issue:
    empty = not raw.text.strip()
    return Issue(
        sample_id=raw.sample.id,
        turn=raw.turn,
        code="import:no-answer" if empty else "import:untagged",
        severity=Severity.ERROR,
        message="the turn has no answer" if empty else "the answer has none of the four stages",
        evidence=raw.text[:300],
    )


def _failure(raw: _Raw) -> Failure:
    """Note a turn without a trace; what was asked, and of whom, is not known."""
    return Failure(
        sample_id=raw.sample.id,
        turn=raw.turn,
        recipe="",
        prompt_version="",
        model="",
        endpoint="import",
        call_key="",
        outcome=Outcome.UNPARSABLE.value,
        reason="the imported answer is not the four stages",
    )


def _report(importer: _Importer, owner: Owner, seconds: float) -> ImportReport:
    tally = importer.tally
    return ImportReport(
        name=owner.name,
        rows=tally.rows,
        samples=tally.samples,
        unusable_rows=dict(tally.unusable),
        remarks=dict(tally.remarks),
        turns=importer.traces + importer.already + importer.untraced,
        traces=importer.traces,
        already=importer.already,
        untraced=importer.untraced,
        issues=dict(importer.issues),
        licence=owner.licence,
        seconds=round(seconds, 2),
    )
