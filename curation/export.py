"""Build a release: a data set that trainers can read."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from cyclopts import Parameter
from pydantic import BeforeValidator, Field, NonNegativeFloat
from sqlalchemy import Connection

import exports
from curation import registry, release, sources
from curation.config import ManyInOne, Names, Report, Table, WorkspaceConfig, split_commas
from curation.errors import MissingError
from curation.progress import Advance, live
from curation.splits import assign_splits, source_splits
from curation.store import Store
from curation.store.queries import Chosen, Selection, held_sources, releasable
from curation.strata import Coverage, Stratum
from exports import Item


def _read_splits(value: Any) -> Any:
    return "source" if value in ("source", ("source",), ["source"]) else split_commas(value)


class Config(WorkspaceConfig):
    """Flags of `export`."""

    format: str = Field("parquet", description=f"Format of the release, of {', '.join(registry.names('exports'))}.")
    out: Path | None = Field(
        None, description="Folder to build, new or an earlier release [default: releases/FORMAT in the workspace]."
    )
    select: Selection = Field(
        "clean",
        description="Traces to take: accepted by a person, as they are or edited; clean, which is checked, without an"
        " error and not rejected by a person; or all.",
    )
    source: Names = Field((), description="Sources to take, A,B [default: all].")
    splits: Annotated[tuple[NonNegativeFloat, ...] | Literal["source"], BeforeValidator(_read_splits), ManyInOne] = (
        Field(
            (0.9, 0.05, 0.05),
            description="Shares of train, validation and test, as 0.9,0.05,0.05, or `source` for the splits of the"
            " sources; an image is never in two of them.",
        )
    )
    seed: int = Field(0, description="Seed of the splits; a record stays in its split when others are added.")


class ExportReport(Report):
    """What was built."""

    out: Path
    format: str
    counts: dict[str, dict[str, int]]
    files: int
    bytes: int
    left_out: int
    """Samples of the chosen sources of which no trace was taken."""
    held_out: dict[str, int]
    """Samples in train by the split of their source, where that is not train."""
    leaks: int
    """Samples that are in no split, as their image is in one that is held out further."""
    questions: int
    """Samples without a trace that were taken into validation and test: a model is asked, not shown."""
    strata: list[Stratum]
    """What is left of each stratum."""
    emptied: list[Stratum]
    """Those of which much less is left than of their source."""

    def tables(self) -> list[Table]:
        """Return samples and traces by split, and what is left of the strata."""
        splits = [split for split in ("train", "validation", "test") if split in self.counts.get("images", {})]
        columns = {name: self.counts.get(what, {}) for name, what in _COLUMNS.items() if what in self.counts}
        rows = [(split, *(counts.get(split, 0) for counts in columns.values())) for split in splits]
        tables = [Table(f"release ({self.format})", ("split", *columns), rows)]
        if any(stratum.taken < stratum.samples for stratum in self.strata):
            strata = [(s.name, s.samples, s.taken, f"{s.share:.1%}") for s in self.strata]
            tables.append(Table("coverage", ("stratum", "samples", "taken", "share"), strata))
        return tables

    def lines(self) -> list[str]:
        """Return where it is, how large, and what was not taken."""
        lines = [f"{self.out}: {self.files:,} files, {self.bytes:,} bytes."]
        if self.left_out:
            held_out = f"; {self.questions:,} of them are questions of validation and test" if self.questions else ""
            lines.append(f"{self.left_out:,} samples have no trace that was selected{held_out}.")
        if self.leaks:
            lines.append(f"{self.leaks:,} samples share an image with a split that is held out further: left out.")
        if reviews := self.counts.get("traces_by_review"):
            said = ", ".join(f"{count:,} {state}" for state, count in reviews.items())
            lines.append(f"Reviewed by a person: {said}.")
        lines += [_EMPTIED.format(s.name, s.taken, s.samples) for s in self.emptied]
        if simulated := self.counts.get("traces_by_kind", {}).get("simulated"):
            lines.append(f"{simulated:,} traces are simulated: they are for trials, not for training.")
        for split, count in self.held_out.items():
            lines.append(f"{count:,} samples in train come from {split}: don't test a model on that split.")
        return lines


_EMPTIED = (
    "{} is all but emptied: {:,} of {:,} samples are left. A model that is trained on this will be bad at it; "
    "`annotate --repair` asks again for flawed traces."
)
_COLUMNS = {
    "samples": "samples",
    "questions only": "samples_without_trace",
    "traces": "traces",
    "images": "images",
}


def run(*, config: Annotated[Config, Parameter(name="*")] = Config()) -> ExportReport:  # noqa: B008 - frozen
    """Build a release from the workspace: whole or not at all, and the same bytes for the same records.

    Formats: parquet (for the Hub, images inside, `datasets.load_dataset(FOLDER)` loads it), jsonl (for `train` and
    `verify`; lossless), messages (for TRL), sharegpt (for LLaMA-Factory), llava (the records of LLaVA-CoT-100k),
    webdataset (tar shards; lossless), vlmevalkit (a benchmark), csv (for people), label-studio.
    """
    exports.get(config.format)
    out = config.out or config.workspace / "releases" / config.format
    with Store.open(config.workspace) as store, store.snapshot() as records, live("export") as advance:
        _check_sources(records, config.source)
        plan = _plan(records, config)
        tally = _Tally()
        items = _items(records, config, plan, tally, advance)
        inputs = {"traces": plan.digest}
        manifest = release.build(items, out, config.format, store.images.path, _settings(config), inputs, tally)
    return ExportReport(
        out=out,
        format=config.format,
        counts=manifest.counts,
        files=len(manifest.files),
        bytes=sum(file.bytes for file in manifest.files),
        left_out=plan.left_out,
        leaks=plan.leaks,
        held_out=plan.held_out,
        questions=sum(manifest.counts.get("samples_without_trace", {}).values()),
        strata=tally.coverage.strata(),
        emptied=tally.coverage.emptied(),
    )


def _check_sources(records: Connection, names: Iterable[str]) -> None:
    """Refuse a name that is neither a source's nor that of something imported."""
    for name in set(names) - held_sources(records):
        sources.get(name)


class _Tally:
    """Counts what is selected: strata of the train split, and what people said of the traces."""

    def __init__(self) -> None:
        self.coverage = Coverage()
        self._reviews: Counter[str] = Counter()

    def add(self, chosen: Chosen, split: str) -> None:
        """Count a sample of a split."""
        if split == "train":
            self.coverage.add(chosen.sample, taken=bool(chosen.traces))
        self._reviews.update(state for state in chosen.states.values() if state in _DECIDED)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the counts as a manifest has them."""
        reviews = {"traces_by_review": dict(sorted(self._reviews.items()))} if self._reviews else {}
        return self.coverage.counts() | reviews


_DECIDED = frozenset({"accepted", "edited", "rejected"})


class _Plan(NamedTuple):
    splits: dict[str, str]
    """Of each sample that has a trace, by id."""
    digest: str
    """Of the ids of all traces that are taken, in order."""
    left_out: int
    leaks: int
    held_out: dict[str, int]


def _plan(records: Connection, config: Config) -> _Plan:
    """Read once through what is selected, for its splits; nothing but ids is held."""
    images: list[tuple[str, tuple[str, ...]]] = []
    traced: set[str] = set()
    digest = hashlib.sha256()
    for chosen in releasable(records, config.select, config.source):
        images.append((chosen.sample.id, tuple(image.digest for image in chosen.sample.images)))
        if chosen.traces:
            traced.add(chosen.sample.id)
        for trace in chosen.traces:
            digest.update(trace.id.encode())
    if not traced:
        raise MissingError(
            "nothing to export: no trace is selected; `status` says what there is, `validate` checks it, "
            "`review` is where people accept it, --select all takes what was not checked"
        )
    shares = config.splits
    splits = source_splits(images) if shares == "source" else assign_splits(images, shares, config.seed)
    left_out = len(images) - len(traced & splits.keys())
    held_out = _held_out(sample_id for sample_id in traced if splits.get(sample_id) == "train")
    return _Plan(splits, f"sha256:{digest.hexdigest()}", left_out, len(images) - len(splits), held_out)


def _held_out(train: Iterable[str]) -> dict[str, int]:
    """Count what goes to train although its source keeps it for validation or test."""
    places = (sample_id.split("/", 2)[:2] for sample_id in train)
    return dict(sorted(Counter(f"{source}/{split}" for source, split in places if split != "train").items()))


def _items(records: Connection, config: Config, plan: _Plan, tally: _Tally, advance: Advance) -> Iterator[Item]:
    """Give what has a trace; where the format holds them, also the questions of validation and test that have none.

    What a model is tested on must not depend on which traces were selected.
    """
    done = 0
    keeps_questions = exports.get(config.format).QUESTIONS
    for chosen in releasable(records, config.select, config.source):
        split = plan.splits.get(chosen.sample.id)
        if split:
            tally.add(chosen, split)
        if split and (chosen.traces or (keeps_questions and split != "train")):
            yield Item(chosen.sample, chosen.traces, split, chosen.errors)
            done += 1
            advance(done, "samples")


def _settings(config: Config) -> dict[str, Any]:
    """Return the flags that decide the content."""
    return config.model_dump(mode="json", include={"format", "select", "source", "splits", "seed"})
