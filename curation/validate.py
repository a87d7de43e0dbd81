"""Check traces, and say what was found: the yield by source, the issues by code."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from pydantic import Field

from curation import registry, survey, sweeps, validators
from curation.calibration import Calibration, calibrate
from curation.checking import check_all, sweep_all
from curation.checking.looking import look_at, looks, of_samples
from curation.config import Names, Report, Table, WorkspaceConfig
from curation.contamination import compare
from curation.contamination.report import NAME, Compared, table_of
from curation.errors import MissingError
from curation.finders import SEMANTIC
from curation.progress import Advance, live
from curation.store import Store
from curation.store.census import SourceCount, by_code, by_source
from curation.store.coverage import coverage
from curation.store.queries import has_unswept, swept_traces, unchecked_answers, unchecked_traces
from curation.store.steps import put_checks, put_issues
from curation.strata import MOST_NAMED, Stratum, telling

_NAMES = ", ".join(sorted(registry.names("curation.validators") + registry.names("curation.sweeps")))


class Config(WorkspaceConfig):
    """Flags of `validate`."""

    only: Names = Field((), description=f"Validators to run, of {_NAMES} [default: all].")
    against: Names = Field(
        (), description="Evaluation sets to compare with: VLMEvalKit .tsv, .parquet, a folder of them, or a release."
    )
    embedder: str | None = Field(
        None, description="Model of text embeddings, a folder or an id on the Hub: finds traces that mean the same."
    )
    calibrate: bool = Field(False, description="Compare checks and judges with the reviews that people made.")
    report: Path | None = Field(None, description="HTML file to write: charts, examples, figures, in one page.")


class YieldRow(Report):
    """How many of a source's turns ended well."""

    source: str
    turns: int
    traced: int
    clean: int
    share: float
    """Clean turns among all."""


class ValidateReport(Report):
    """What was checked now, and how the workspace stands."""

    checked: dict[str, int]
    """Traces and answers that were checked now, by validator; what was checked before is not checked again."""
    sources: list[YieldRow]
    issues: list[tuple[str, str, str, int]]
    """Source, code, severity, count; of the whole workspace."""
    strata: list[Stratum]
    """How far the samples of each stratum came; nothing is taken yet."""
    emptied: list[Stratum]
    """Those of which much less came through than of their source."""
    against: list[Compared]
    """The evaluation sets that the traces were compared with."""
    calibration: Calibration | None = None
    """How far checks and judges agree with people, where that was asked for."""
    report: Path | None = None
    """The page, where one was asked for."""

    def tables(self) -> list[Table]:
        """Return the yield and the issues."""
        rows = [(row.source, row.turns, row.traced, row.clean, f"{row.share:.1%}") for row in self.sources]
        return [
            Table("yield", ("source", "turns", "traced", "clean", "share"), rows),
            Table("issues", ("source", "code", "severity", "count"), self.issues),
            Table(
                "coverage",
                ("stratum", "samples", "annotated", "clean", "share"),
                [(s.name, *s[3:6], f"{s.clean / s.samples:.1%}") for s in telling(self.strata, self.emptied)],
            ),
            *([table_of(self.against)] if self.against else ()),
            *(self.calibration.tables() if self.calibration else ()),
        ]

    def lines(self) -> list[str]:
        """Return what was checked now."""
        new = [f"{count:,} by {name}" for name, count in self.checked.items() if count]
        said = [_EMPTIED.format(s.name, s.samples, s.annotated, s.clean) for s in self.emptied[:MOST_NAMED]]
        said += self.calibration.lines() if self.calibration else []
        page = [f"Report: {self.report}"] if self.report else []
        compared = [line for one in self.against for line in one.lines()]
        return [f"Checked now: {', '.join(new)}." if new else "Nothing was left to check.", *compared, *said, *page]


_EMPTIED = (
    "{} is all but emptied: of {:,} samples {:,} are annotated and {:,} clean. Dropping the others leaves such "
    "questions out; `annotate --repair` asks again."
)


def run(*, config: Annotated[Config, Parameter(name="*")] = Config()) -> ValidateReport:  # noqa: B008 - frozen
    """Check every trace, and every answer that could not be read as one, that this version has not checked yet."""
    row_by_row, sweeping = _versions(config.only)
    with Store.open(config.workspace) as store, live("validate") as advance:
        checked = _check(store, row_by_row, advance) | _sweep(store, sweeping, advance)
        against = [compare(store, Path(path), advance) for path in config.against]
        checked |= {NAME: sum(one.checked for one in against)}
        if config.embedder:
            checked |= {SEMANTIC: _compare_meanings(store, config.embedder, advance)}
        sources = by_source(store.engine)
        with store.snapshot() as records:
            counted = coverage(records)
        calibration = calibrate(store) if config.calibrate or config.report else None
        if config.report and calibration:
            survey.put(store, config.report, survey.Counted(sources, counted, calibration))
        return ValidateReport(
            checked=checked,
            sources=[_yield(count) for count in sources],
            issues=by_code(store.engine),
            strata=counted.strata(),
            against=against,
            emptied=list(dict.fromkeys(counted.emptied("annotated") + counted.emptied("clean"))),
            calibration=calibration if config.calibrate else None,
            report=config.report,
        )


def _compare_meanings(store: Store, embedder: str, advance: Advance) -> int:
    try:
        from curation.checking import semantic  # noqa: PLC0415 - PyTorch, which only this flag needs
    except ImportError as error:
        needs = "--embedder needs PyTorch and transformers: pip install 'curation-workbench[train]'"
        raise MissingError(needs) from error
    return semantic.compare(store, embedder, advance)


def _versions(only: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the versions of the validators and of the sweeps that are to run, by name."""
    sweeping = [name for name in only if name in registry.names("curation.sweeps")]
    row_by_row = [name for name in only if name not in sweeping]
    return (
        {} if sweeping and not row_by_row else validators.versions(row_by_row),
        {} if row_by_row and not sweeping else sweeps.versions(sweeping),
    )


def _sweep(store: Store, versions: dict[str, int], advance: Advance) -> dict[str, int]:
    """Compare all traces, where there is one that a sweep has not seen; first look at the images that are new."""
    done = dict.fromkeys(versions, 0)
    new = {name: version for name, version in versions.items() if has_unswept(store.engine, name, version)}
    if not new:
        return done
    some = chain.from_iterable(unchecked_traces(store.engine, new))
    look_at(store, of_samples(unchecked.sample for unchecked in some), advance)
    seen = looks(store)
    for name, version in new.items():
        advance(0, name)
        found = sweep_all(swept_traces(store.engine, name, version), name, version, seen)
        store.write(put_issues, found.issues)
        store.write(put_checks, found.checks)
        done[name] = len(found.checks)
    return done


def _check(store: Store, versions: dict[str, int], advance: Advance) -> dict[str, int]:
    """Check what is unchecked; what was found in a page is stored before the page counts as checked."""
    done = Counter(dict.fromkeys(versions, 0))
    if not versions:
        return {}
    seen = 0
    pages = chain(unchecked_traces(store.engine, versions), unchecked_answers(store.engine, versions))
    for found in check_all(pages, versions):
        store.write(put_issues, found.issues)
        store.write(put_checks, found.checks)
        done.update(check.validator for check in found.checks)
        seen += len({check.subject for check in found.checks})
        advance(seen, "traces and answers")
    return dict(done)


def _yield(count: SourceCount) -> YieldRow:
    share = count.clean / count.turns if count.turns else 0.0
    return YieldRow(
        source=count.source, turns=count.turns, traced=count.traced, clean=count.clean, share=round(share, 4)
    )
