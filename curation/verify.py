"""Ask models the held-out questions, with every search, and say how good they are, with intervals."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter
from pydantic import Field, PositiveFloat, PositiveInt

from curation import release
from curation.config import ManyInOne, Names, Report, Table, WorkspaceConfig
from curation.errors import Exit, StoppedError, UsageError
from curation.evaluation.exam import Exam, Places, read
from curation.evaluation.publication import PAGE, Evaluated, publish
from curation.evaluation.questions import Problem, of_release
from curation.evaluation.summary import Answers, StratumRow, SystemRow, summarise
from curation.evaluation.systems import Contender, Options, contenders, ways
from curation.page import put
from curation.probe.report import ProbeReport
from curation.progress import live
from curation.releases.unpacking import unpacked
from curation.store import Store
from curation.store.queries import MODEL, known_traces, probes
from curation.store.steps import Check, put_checks, put_issues

if TYPE_CHECKING:
    from curation.probe.folds import Plan


_PROBE = Group("Back to the records", sort_key=2)


class Config(WorkspaceConfig):
    """Flags of `verify`."""

    model: Names = Field(description="Folder of a run or of a model, or Hub id; several as A,B or by repeating it.")
    release: Path | None = Field(None, description="Release whose held-out questions are asked, as `train` takes it.")
    split: str = Field("test", description="Split of the release to ask.")
    benchmark: Annotated[tuple[Path, ...], ManyInOne] = Field((), description="TSV file in VLMEvalKit's form.")
    limit: PositiveInt | None = Field(None, description="Ask at most so many questions of each.")
    family: str = Field("auto", description="Model family; auto goes by the model's config.")
    search: Names = Field(
        ("greedy",),
        description="How to search: greedy, best-of-n, majority, sentence, stage-beam, retracing; several as A,B.",
    )
    judge: Names = Field(
        ("rules",),
        description="Judge of candidates: rules, verdict, generated, likelihood, scorer, random, oracle.",
    )
    candidates: PositiveInt = Field(4, description="Candidates of a stage, or of an answer.")
    width: PositiveInt = Field(1, description="Paths that a beam keeps.")
    temperature: PositiveFloat = Field(0.6, description="Of sampled candidates.")
    top_p: PositiveFloat = Field(0.9, description="Of sampled candidates.")
    compat: bool = Field(
        False, description="For the judge generated: what names no response is for the second, as in LLaVA-CoT."
    )
    max_tokens: PositiveInt = Field(2048, description="New tokens of an answer at most, the same for every model.")
    seed: int = Field(0, description="Of sampling, and of the resamples.")
    at_once: PositiveInt = Field(16, description="Questions that are worked on at a time.")
    threads: PositiveInt | None = Field(None, description="Threads to compute with.")
    device: str = Field("auto", description="cpu, cuda, cuda:1, …; auto is cuda where there is one.")
    out: Path | None = Field(
        None, description="Folder for answers, figures and the page [default: runs/verify-NAME in the workspace]."
    )
    resamples: PositiveInt = Field(10_000, description="Bootstrap resamples for the intervals.")
    probe: Annotated[bool, Parameter(group=_PROBE)] = Field(
        False,
        description="Ask no questions: judge the traces it is trained on, and note what is strange.",
    )
    folds: Annotated[int, Parameter(group=_PROBE)] = Field(
        2,
        ge=2,
        description="The run is repeated without each fold, and that model judges the fold.",
    )
    base: Annotated[str | None, Parameter(group=_PROBE)] = Field(
        None, description="Model that the run began with, where that was a folder."
    )
    suspects: Annotated[PositiveInt, Parameter(group=_PROBE)] = Field(
        200, description="Traces, the strangest, that the model goes on from after each of their stages."
    )


class VerifyReport(Report):
    """What was found."""

    out: Path
    page: Path
    questions: int
    systems: tuple[SystemRow, ...]
    strata: tuple[StratumRow, ...]
    faults: list[str]
    """Rows of benchmarks that could not be used, and questions that could not be asked."""
    predictions: list[Path]
    traces: str | None = None
    """Digest of the traces of the release whose questions were asked, as its manifest has it."""

    @property
    def exit_code(self) -> Exit:
        """Return 1 where rows could not be used."""
        return Exit.FAILURES if self.faults else Exit.DONE

    def tables(self) -> list[Table]:
        """Return the figures as a whole, then by source and label."""
        return [
            Table("accuracy, % [95 % interval]", _COLUMNS, [_cells(row) for row in self.systems]),
            Table("cost of a question", _COSTS, [_cost_cells(row) for row in self.systems]),
            *self._by_kind(),
        ]

    def _by_kind(self) -> Iterator[Table]:
        """Yield a table for each label; its values side by side, as many as a line holds."""
        for label, group in groupby(self.strata, key=lambda row: row.label):
            rows = list(group)
            for start in range(0, len(rows), _MOST_COLUMNS):
                yield self._kinds(label, rows[start : start + _MOST_COLUMNS])

    def _kinds(self, label: str, kinds: Sequence[StratumRow]) -> Table:
        columns = (f"{kind.value} ({kind.questions:,})" for kind in kinds)
        rows = [
            (row.model, row.way, *(str(kind.accuracy[number]) for kind in kinds))
            for number, row in enumerate(self.systems)
        ]
        return Table(f"accuracy by {label} (questions)", ("model", "search", *columns), rows)

    def lines(self) -> list[str]:
        """Return where the page is, and what could not be used."""
        lines = [f"{self.questions:,} questions for each; the page: {self.page}"]
        if self.faults:
            lines.append(f"{len(self.faults):,} could not be used or asked; the first: {self.faults[0]}")
        return lines


_MOST_COLUMNS = 4
_COLUMNS = ("model", "search", "accuracy", "against the first", "any candidate", "unparsed", "format")
_COSTS = ("model", "search", "tokens", "by judges", "calls in a row", "images", "seconds")


def _cells(row: SystemRow) -> tuple[object, ...]:
    oracle = "–" if row.any_correct is None else f"{100 * row.any_correct:.1f}"
    form = f"{100 * row.follows_form:.1f}"
    return row.model, row.way, str(row.accuracy), str(row.difference or "–"), oracle, row.unparsed, form


def _cost_cells(row: SystemRow) -> tuple[object, ...]:
    figures = (row.tokens, row.judge_tokens, row.forward_calls, row.images)
    return row.model, row.way, *(f"{figure:,.1f}" for figure in figures), f"{row.seconds:.3g}"


def run(*, config: Annotated[Config, Parameter(name="*")]) -> VerifyReport | ProbeReport:
    """Ask every model the same questions with every search, with the same seeds and the same limit of tokens.

    Answers are kept one by one: a run that was stopped goes on with the same command. Conclusions are scored by the
    official scorer of the source; answers that can't be read are counted apart.

    With --probe, the traces themselves are judged, each by a model that never saw it; what it finds strange becomes an
    issue in the workspace.
    """
    return _probe(config) if config.probe else _verify(config)


def _verify(config: Config) -> VerifyReport:
    places = Places(config.release, None, config.split, config.benchmark, config.limit)
    out = (config.out or config.workspace / "runs" / f"verify-{places.name}").resolve()
    models = contenders(config.model)
    if config.release:
        places = places._replace(records=_records(config, config.release, release.prove(config.release)))
    exam = read(places, out / "images")
    with _stoppable(out):
        answers = _ask(config, models, places, exam, out)
    summary = summarise(exam.problems, answers, config.resamples, config.seed)
    evaluated = Evaluated(places, exam, models, answers)
    written = publish(evaluated, summary, out)
    report = VerifyReport(
        out=out,
        page=out / PAGE,
        questions=len(exam.problems),
        systems=summary.systems,
        strata=summary.strata,
        faults=evaluated.faults,
        predictions=written,
        traces=release.read_manifest(config.release).inputs.get("traces") if config.release else None,
    )
    put(out / "results.json", report.model_dump_json(indent=1) + "\n")
    return report


def _records(config: Config, folder: Path, digest: str) -> Path:
    """Return where the records of a proven release are, unpacked where they have to be."""
    with live("verify") as advance:
        return unpacked(folder, digest, config.workspace / "unpacked", advance)


@contextmanager
def _stoppable(out: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as error:
        raise StoppedError(f"stopped by Ctrl-C; the answers so far are in {out}, the same command goes on") from error


def _ask(config: Config, models: Sequence[Contender], places: Places, exam: Exam, out: Path) -> list[Answers]:
    import torch  # noqa: PLC0415 - seconds that --help must not wait for

    from curation.evaluation import asking  # noqa: PLC0415

    if config.threads:
        torch.set_num_threads(config.threads)
    chosen = ways(config.search, config.judge)
    asking.check(models, chosen)
    options = Options.model_validate(config.model_dump(include=set(Options.model_fields)))
    fitting = partial(_held_out, places)
    setup = asking.Setup(options, config.family, config.device, config.at_once, out / "answers", fitting)
    with live("verify", len(models) * len(chosen) * len(exam.problems)) as advance:
        return asking.ask_all(models, chosen, exam.problems, setup, advance)


def _held_out(places: Places) -> list[Problem]:
    """Return the questions that a threshold may be fitted on."""
    if places.records is None or places.split == "validation":
        raise UsageError("retracing fits a threshold on the validation split: give a --release, and ask another split")
    return of_release(places.records, "validation")


def _probe(config: Config) -> ProbeReport:
    """Judge the traces, and write what was found to the store."""
    models = contenders(config.model)
    if config.release is None or len(models) != 1 or config.benchmark:
        raise UsageError("--probe judges the traces of one --release with one --model, without --benchmark")
    from curation.probe.planning import Wish, planned  # noqa: PLC0415 - imports torch

    out = (config.out or config.workspace / "runs" / f"probe-{models[0].label}").resolve()
    values = config.model_dump(include=set(Wish._fields))
    digest = release.prove(config.release)
    records = _records(config, config.release, digest)
    wish = Wish(**values | {"release": records, "release_digest": digest, "out": out})
    plan = planned(models[0], wish)
    with Store.open(config.workspace) as store, _stoppable(out):
        return _probed(plan, store)


def _probed(plan: "Plan", store: Store) -> ProbeReport:
    from curation.probe.findings import by_code, to_issue, worst  # noqa: PLC0415
    from curation.probe.folds import probe  # noqa: PLC0415

    with live("probe", plan.folds) as advance:
        judged = probe(plan, advance)
    traces = judged.worst["trace"].to_list()
    known = known_traces(store.engine, traces)
    found = [finding for finding in judged.findings if finding.trace in known]
    version = probes(store.engine) + 1
    store.write(put_issues, [to_issue(finding, version) for finding in found])
    store.write(put_checks, [Check(trace, MODEL, version) for trace in known])
    return ProbeReport(
        out=plan.out,
        traces=len(traces),
        folds=plan.folds,
        issues=by_code(found),
        strangers=len(traces) - len(known),
        worst=worst(judged.findings),
    )
