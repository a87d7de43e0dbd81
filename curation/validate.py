"""Check traces, and say what was found: the yield by source, the issues by code."""

from typing import Annotated

from cyclopts import Parameter
from pydantic import Field

from curation import validators
from curation.calls.answer import read
from curation.config import Names, Report, Table, WorkspaceConfig
from curation.progress import Advance, live
from curation.store import Store
from curation.store.census import SourceCount, by_code, by_source
from curation.store.queries import unchecked_answers, unchecked_traces
from curation.store.steps import Check, put_checks, put_issues
from curation.validators import Subject


class Config(WorkspaceConfig):
    """Flags of `validate`."""

    only: Names = Field((), description="Validators to run, of answer,structure [default: all].")


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

    def tables(self) -> list[Table]:
        """Return the yield and the issues."""
        rows = [(row.source, row.turns, row.traced, row.clean, f"{row.share:.1%}") for row in self.sources]
        return [
            Table("yield", ("source", "turns", "traced", "clean", "share"), rows),
            Table("issues", ("source", "code", "severity", "count"), self.issues),
        ]

    def lines(self) -> list[str]:
        """Return what was checked now."""
        new = [f"{count:,} by {name}" for name, count in self.checked.items() if count]
        return [f"Checked now: {', '.join(new)}." if new else "Nothing was left to check."]


def run(*, config: Annotated[Config, Parameter(name="*")] = Config()) -> ValidateReport:  # noqa: B008 - frozen
    """Check every trace, and every answer that could not be read as one, that this version has not checked yet."""
    with Store.open(config.workspace) as store, live("validate") as advance:
        checked = {
            name: _check(store, name, version, advance) for name, version in validators.versions(config.only).items()
        }
        sources = [_yield(count) for count in by_source(store.engine)]
        return ValidateReport(checked=checked, sources=sources, issues=by_code(store.engine))


def _check(store: Store, name: str, version: int, advance: Advance) -> int:
    done = 0
    for traces in unchecked_traces(store.engine, name, version):
        done += _keep(store, name, version, [Subject.of(sample, trace) for sample, trace in traces])
        advance(done, name)
    for answers in unchecked_answers(store.engine, name, version):
        subjects = [
            Subject(sample, call.turn, read(call.raw).text, None, call_key=call.key) for sample, call in answers
        ]
        done += _keep(store, name, version, subjects)
    return done


def _keep(store: Store, name: str, version: int, subjects: list[Subject]) -> int:
    """Check the subjects; what was found is stored before they count as checked."""
    store.write(put_issues, validators.run(name, subjects))
    store.write(put_checks, [Check(subject.id, name, version) for subject in subjects])
    return len(subjects)


def _yield(count: SourceCount) -> YieldRow:
    share = count.clean / count.turns if count.turns else 0.0
    return YieldRow(
        source=count.source, turns=count.turns, traced=count.traced, clean=count.clean, share=round(share, 4)
    )
