"""Build a release: a data set that trainers can read."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from cyclopts import Parameter
from pydantic import BeforeValidator, Field, NonNegativeFloat
from sqlalchemy import Connection

import exports
from curation import policies, registry, release, sources
from curation.config import ManyInOne, Names, Report, Table, WorkspaceConfig, split_commas
from curation.division import divide
from curation.errors import MissingError, UsageError
from curation.policies import Policy
from curation.progress import Advance, live
from curation.release import CARD
from curation.releases import card
from curation.selection import Chosen, Selection
from curation.selection.asked import with_asked
from curation.selection.exclusions import EXCLUDED, Exclusions
from curation.selection.items import Items, Wish
from curation.selection.reviews import Reviews, Said
from curation.selection.said import with_said
from curation.store import Store
from curation.store.queries import held_sources
from curation.strata import MOST_NAMED, Coverage, Reached, Stratum, telling
from exports import Exporter, Item
from schemas.manifest import Agreement


def _read_splits(value: Any) -> Any:
    return "source" if value in ("source", ("source",), ["source"]) else split_commas(value)


class Config(WorkspaceConfig):
    """Flags of `export`."""

    format: str = Field("parquet", description=f"Format of the release, of {', '.join(registry.names('exports'))}.")
    out: Path | None = Field(
        None, description="Folder to build, new or an earlier release [default: releases/FORMAT in the workspace]."
    )
    select: str = Field(
        "clean",
        description="Policy that says which traces to take: accepted by a person, as they are or edited; clean, that"
        " is checked, without an error and not rejected by a person; all; or a .toml file.",
    )
    source: Names = Field((), description="Sources to take, A,B [default: all].")
    splits: Annotated[tuple[NonNegativeFloat, ...] | Literal["source"], BeforeValidator(_read_splits), ManyInOne] = (
        Field(
            (0.9, 0.05, 0.05),
            description="Shares of train, validation and test, as 0.9,0.05,0.05, which every source gets, or `source`"
            " for the splits of the sources. Images that look alike and questions that are the same are never in two.",
        )
    )
    seed: int = Field(
        0,
        description="Seed of the splits and of a policy's caps; with the same --splits and --seed, a record stays in"
        " its split for good.",
    )
    with_: Annotated[Names, Parameter(name="--with")] = Field(
        (),
        description="What a parquet release holds beside `default`, each loaded by its name: direct, questions whose"
        " traces failed, with the answer alone; preferences, a taken and a rejected trace of the same turn; steps, with"
        " labels of what people, judges and checks said of each; rejected, what the policy excludes, and why [default:"
        " rejected where the policy says keep_rejected, else nothing].",
    )
    explain: str | None = Field(
        None, description="Build nothing; say what becomes of the trace, or of the sample's traces, of this id."
    )


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
    excluded: list[tuple[int, str, int]]
    """Traces that each line of the policy excluded: number of the line, what it is about, traces. Line 0 is none."""
    dropped: bool
    """The policy keeps rejected traces, and the format can't hold them."""
    card_kept: bool
    """The release that was there has a card that people edited, which stays."""
    leaks: int
    """Samples that are in no split: their image, one that looks like it, or their question is in another."""
    questions: int
    """Samples without a trace that were taken into validation and test: a model is asked, not shown."""
    empty: list[str]
    """Configurations that were asked for, and have no rows."""
    strata: list[Stratum]
    """What is left of each stratum."""
    emptied: list[Stratum]
    """Those of which much less is left than of their source."""

    def tables(self) -> list[Table]:
        """Return samples and traces by split, and what is left of the strata."""
        splits = [split for split in ("train", "validation", "test") if split in self.counts.get("images", {})]
        columns = {name: self.counts.get(what, {}) for name, what in _COLUMNS.items() if what in self.counts}
        rows = [(split, *(counts.get(split, 0) for counts in columns.values())) for split in splits]
        excluded = [(line or "-", rule, count) for line, rule, count in self.excluded]
        return [
            Table(f"release ({self.format})", ("split", *columns), rows),
            Table("excluded traces", ("line", "rule", "traces"), excluded),
            Table(
                "coverage of train",
                ("stratum", "samples", "annotated", "clean", "taken", "share"),
                [(s.name, *s[3:], f"{s.share:.1%}") for s in telling(self.strata, self.emptied)],
            ),
        ]

    def lines(self) -> list[str]:
        """Return where it is, how large, and what was not taken."""
        lines = [f"{self.out}: {self.files:,} files, {self.bytes:,} bytes."]
        if self.left_out:
            held_out = f"; {self.questions:,} of them are questions of validation and test" if self.questions else ""
            lines.append(f"{self.left_out:,} samples have no trace that was selected{held_out}.")
        if any(count for *_, count in self.excluded):
            lines.append(f"{EXCLUDED} says of each trace that was not taken which line of policy.toml excluded it.")
        if self.dropped:
            lines.append(f"The policy keeps rejected traces, which {self.format} can't hold: --format jsonl can.")
        lines += self._beside()
        lines += [_CARD_KEPT] * self.card_kept
        if self.leaks:
            lines.append(f"{self.leaks:,} samples share a picture or a question with another split: they are left out.")
        if reviews := self.counts.get("traces_by_review"):
            said = ", ".join(f"{count:,} {state}" for state, count in reviews.items())
            lines.append(f"Reviewed by a person: {said}.")
        lines += [_EMPTIED.format(s.name, s.taken, s.samples, s.annotated, s.clean) for s in self.emptied[:MOST_NAMED]]
        if len(self.emptied) > MOST_NAMED:
            lines.append(f"So are {len(self.emptied) - MOST_NAMED} more; --json names them.")
        if simulated := self.counts.get("traces_by_kind", {}).get("simulated"):
            lines.append(f"{simulated:,} traces are simulated: they are for trials, not for training.")
        for split, count in self.held_out.items():
            lines.append(f"{count:,} samples in train come from {split}: don't test a model on that split.")
        return lines

    def _beside(self) -> list[str]:
        """Say what there is of other configurations."""
        rows = {name: sum(self.counts.get(f"rows_{name}", {}).values()) for name in _WHY_EMPTY}
        held = [f"{count:,} in {name}" for name, count in rows.items() if count]
        empty = [f"{name} has no rows: {_WHY_EMPTY[name]}." for name in self.empty]
        return [*([f"Rows beside the records: {', '.join(held)}."] if held else []), *empty]


_CARD_KEPT = f"{CARD} was edited by people, and stays: `release card DIR --out FILE` writes the new one elsewhere."
_EMPTIED = (
    "{} is all but emptied: {:,} of {:,} samples are left ({:,} annotated, {:,} of them clean). A model trained on "
    "this will be bad at it; `annotate --repair` asks again for flawed traces."
)
_WHY_EMPTY = {
    "direct": "no trace of a question with a known answer failed",
    "preferences": "no turn has both a taken and a rejected trace; `annotate --repair` and edits in `review` make some",
    "steps": "nobody said anything of the traces; `judge`, `validate` and `review` do",
    "rejected": "the policy excludes nothing",
}
_OF_ALL = frozenset({"rejected", "steps"})
"""Configurations that have rows of samples of which no trace was taken, too."""
_COLUMNS = {
    "samples": "samples",
    "questions only": "samples_without_trace",
    "traces": "traces",
    "images": "images",
}


class Fate(Report):
    """What becomes of one trace."""

    trace: str
    turn: int
    taken: bool
    rule: str = ""
    """What excludes it; empty where it is taken."""
    line: int = 0
    """Of the policy; 0 where it is no line of it."""
    reason: str = ""


class Explanation(Report):
    """What becomes of the traces of one sample, or of one of them."""

    sample: str
    policy: str
    traces: list[Fate]

    def lines(self) -> list[str]:
        """Return a sentence for each trace."""
        return [f"{self.sample}, turn {one.turn}, {one.trace}: {self._said(one)}" for one in self.traces]

    def _said(self, one: Fate) -> str:
        if one.taken:
            return f"taken by the policy {self.policy}."
        where = f"excluded by line {one.line} of the policy {self.policy}, {one.rule}" if one.line else "not taken"
        return f"{where}: {one.reason}."


def run(*, config: Annotated[Config, Parameter(name="*")] = Config()) -> Report:  # noqa: B008 - frozen
    """Build a release from the workspace: whole or not at all, and the same bytes for the same records.

    Formats: parquet (for the Hub, images inside, `datasets.load_dataset(FOLDER)` loads it; lossless), jsonl (for
    `train` and `verify`; lossless), messages (for TRL), sharegpt (for LLaMA-Factory), llava (the records of
    LLaVA-CoT-100k), webdataset (tar shards; lossless), dpo (pairs of a taken and a rejected trace), prm (steps with
    labels, for process reward models), vlmevalkit (a benchmark), csv (for people), label-studio.
    """
    if config.explain is not None:
        return explain(config, config.explain)
    return export(config)


def explain(config: Config, name: str) -> Explanation:
    """Say what becomes of a trace, or of the traces of a sample. Raises MissingError where there is no such thing."""
    policy = policies.get(config.select)
    with Store.open(config.workspace) as store, store.snapshot() as records, live("export"):
        for chosen in Selection(records, policy, config.source, config.seed).chosen():
            fates = [Fate(trace=one.made.id, turn=one.made.turn, taken=True) for one in chosen.taken]
            fates += [
                Fate(trace=o.made.id, turn=o.made.turn, taken=False, rule=o.rule, line=o.line, reason=o.reason)
                for o in chosen.excluded
            ]
            found = [fate for fate in fates if name in {fate.trace, chosen.sample.id}]
            if found:
                return Explanation(sample=chosen.sample.id, policy=policy.name, traces=found)
    raise MissingError(f"the workspace has no trace {name}, and no sample of this id that has a trace")


def export(config: Config) -> ExportReport:
    """Build a release."""
    exporter, policy = exports.get(config.format), policies.get(config.select)
    out = config.out or config.workspace / "releases" / config.format
    with Store.open(config.workspace) as store, store.snapshot() as records, live("export") as advance:
        _check_sources(records, config.source)
        selection = Selection(records, policy, config.source, config.seed)
        traced = _traced(selection, policy)
        also = _configurations(exporter, config, policy)
        plan = _plan(selection, traced, divide(store, records, config.splits, config.seed, advance))
        tally = _Tally(policy, out)
        wish = Wish(
            questions=exporter.QUESTIONS,
            rejected=exporter.REJECTED
            and (policy.keep_rejected or not _OF_ALL.isdisjoint(also) or getattr(exporter, "CONTRASTS", False)),
            compared="preferences" in also,
            direct="direct" in also,
        )
        items = _counted(Items(records, policy, wish, tally).of(selection.chosen(), plan.splits), advance)
        if getattr(exporter, "SAID", False):
            items = with_asked(records, with_said(records, items))
        inputs = {"policy": policy.digest, "traces": selection.digest}
        manifest = release.build(items, out, config.format, store.images.path, _settings(config, also), inputs, tally)
    return ExportReport(
        out=out,
        format=config.format,
        counts=manifest.counts,
        files=len(manifest.files),
        bytes=sum(file.bytes for file in manifest.files),
        left_out=plan.left_out,
        excluded=tally.exclusions.by_line(),
        dropped=policy.keep_rejected and not exporter.REJECTED,
        card_kept=tally.card_kept,
        leaks=plan.leaks,
        held_out=plan.held_out,
        questions=_questions(manifest.counts) if exporter.QUESTIONS else 0,
        empty=[name for name in also if f"rows_{name}" not in manifest.counts],
        strata=tally.coverage.strata(),
        emptied=tally.coverage.emptied(),
    )


def _configurations(exporter: Exporter, config: Config, policy: Policy) -> tuple[str, ...]:
    """Return what is written beside `default`, in the order of the format. Raises UsageError for what it has not."""
    several = exports.configured(exporter)
    known = several.CONFIGURATIONS if several else ()
    for name in config.with_:
        if name not in known:
            has = registry.hint(name, list(known)) if known else f"{config.format} has nothing beside its records"
            raise UsageError(f"no configuration {name!r} for --with; {has}")
    return tuple(name for name in known if name in config.with_ or (name == "rejected" and policy.keep_rejected))


def _questions(counts: dict[str, dict[str, int]]) -> int:
    return sum(count for split, count in counts.get("samples_without_trace", {}).items() if split != "train")


def _check_sources(records: Connection, names: Iterable[str]) -> None:
    """Refuse a name that is neither a source's nor that of something imported."""
    for name in set(names) - held_sources(records):
        sources.get(name)


class _Tally:
    """Counts what is selected: strata of the train split, what people said of the traces, and what is excluded."""

    def __init__(self, policy: Policy, earlier: Path) -> None:
        self.coverage = Coverage()
        self.exclusions = Exclusions(policy)
        self.reviews = Reviews()
        self.card_kept = False
        self._earlier = earlier

    @contextmanager
    def beside(self, folder: Path) -> Iterator[None]:
        """Write into the folder what is excluded, and why, and what people said."""
        with self.exclusions.beside(folder), self.reviews.beside(folder):
            yield

    def describe(self, folder: Path) -> None:
        """Write the card; one that people edited in the release that was there before stays."""
        self.card_kept = card.renew(folder, self._earlier)

    def add(self, chosen: Chosen, split: str | None, said: Said) -> None:
        """Count a sample of a split, or of none."""
        self.exclusions.add(chosen, split)
        self.reviews.add(chosen, split, said)
        if split == "train":
            shares = {one.made.turn: one.agreement for one in chosen.standing}
            agreement = {turn: share for turn, share in shares.items() if share is not None}
            self.coverage.add(chosen.sample, _reached(chosen), agreement)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the counts as a manifest has them."""
        excluded = self.exclusions.counts()
        counts = self.coverage.counts() | self.reviews.tally.counts()
        return counts | ({"traces_excluded": excluded} if excluded else {})

    def agreement(self) -> dict[str, Agreement]:
        """Return how far reviewers agree."""
        return self.reviews.tally.agreement()


def _reached(chosen: Chosen) -> Reached:
    return Reached(
        annotated=frozenset(one.made.turn for one in chosen.standing),
        clean=frozenset(one.made.turn for one in chosen.standing if one.clean),
        taken=frozenset(one.made.turn for one in chosen.taken),
    )


class _Plan(NamedTuple):
    splits: dict[str, str]
    """By the samples' ids; those that may be in none are not there."""
    left_out: int
    leaks: int
    held_out: dict[str, int]


def _traced(selection: Selection, policy: Policy) -> set[str]:
    """Return the ids of the samples of which a trace is taken. Raises MissingError where there is none."""
    traced = set(selection.sampled())
    if not traced:
        raise MissingError(_nothing(selection, policy))
    return traced


def _plan(selection: Selection, traced: set[str], splits: dict[str, str]) -> _Plan:
    """Count what the splits, given by the samples' ids, make of what is selected."""
    left_out = len(selection.ids) - len(traced & splits.keys())
    held_out = _held_out(sample_id for sample_id in traced if splits.get(sample_id) == "train")
    return _Plan(splits, left_out, sum(sample_id not in splits for sample_id in selection.ids), held_out)


def _nothing(selection: Selection, policy: Policy) -> str:
    """Say why nothing is selected, and what to do."""
    lost = [f"{count:,} by {rule} (line {line})" for (rule, line), count in selection.counts().items() if count]
    why = f", the policy {policy.name} excludes {', '.join(lost)}" if lost else ""
    return (
        f"nothing to export: no trace is selected{why}; `status` says what there is, `validate` checks it, "
        "`review` is where people accept it, --select all takes what was not checked"
    )


def _held_out(train: Iterable[str]) -> dict[str, int]:
    """Count what goes to train although its source keeps it for validation or test."""
    places = (sample_id.split("/", 2)[:2] for sample_id in train)
    return dict(sorted(Counter(f"{source}/{split}" for source, split in places if split != "train").items()))


def _counted(items: Iterable[Item], advance: Advance) -> Iterator[Item]:
    for done, item in enumerate(items, 1):
        yield item
        advance(done, "samples")


def _settings(config: Config, also: tuple[str, ...]) -> dict[str, Any]:
    """Return the flags that decide the content."""
    settings = config.model_dump(mode="json", include={"format", "source", "splits", "seed"})
    return settings | {"select": Path(config.select).stem} | ({"with": list(also)} if also else {})
