"""The whole loop, offline, on the bundled samples."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from pydantic import Field

from curation import annotate, export, status, validate
from curation.config import Config as BaseConfig
from curation.config import Report, Table
from curation.errors import Exit


class Config(BaseConfig):
    """Flags of `demo`."""

    workspace: Path = Field(Path("demo"), description="Folder for the demo's records and releases.")


class DemoReport(Report):
    """What each step reported."""

    annotate: annotate.AnnotateReport
    validate_: validate.ValidateReport
    llava: export.ExportReport
    parquet: export.ExportReport
    status: status.StatusReport
    example: str
    """One record of the llava release: question and tagged text."""

    @property
    def exit_code(self) -> Exit:
        """0: that some turns fail is what the demo shows."""
        return Exit.DONE

    def tables(self) -> Sequence[Table]:
        """Return the tables of the steps that say most, in their order."""
        return [*self.annotate.tables(), *self.validate_.tables(), *self.parquet.tables(), *self.status.tables()]

    def lines(self) -> list[str]:
        """Return the commands that were run, and what to do next."""
        verbs = (
            f"annotate --source chartqa --sample --offline --fault {_FAULTS}",
            "validate",
            "export --format llava",
            "export --format parquet",
            "status",
        )
        workspace = self.llava.out.parent.parent
        return [
            "One of the traces, as a trainer reads it:",
            self.example,
            "",
            "The same by hand:",
            *(f"  python -m curation {verb} --workspace {workspace}" for verb in verbs),
            f"Releases: {self.llava.out} and {self.parquet.out}",
        ]


_FAULTS = "all=0.2"


def run(*, config: Annotated[Config, Parameter(name="*")] = Config()) -> DemoReport:  # noqa: B008 - frozen
    """Annotate the bundled sample with the simulator, one request in five failing; validate, export, and count.

    Running it again sends nothing: every answer is stored.
    """
    workspace = config.workspace
    asked = annotate.Config(workspace=workspace, source=("chartqa",), sample=True, offline=True, fault=(_FAULTS,))
    annotated = annotate.run(config=asked)
    assert isinstance(annotated, annotate.AnnotateReport)
    validated = validate.run(config=validate.Config(workspace=workspace))
    llava, parquet = (
        export.run(config=export.Config(workspace=workspace, format=format_)) for format_ in ("llava", "parquet")
    )
    counted = status.run(config=status.Config(workspace=workspace))
    return DemoReport(
        annotate=annotated,
        validate_=validated,
        llava=llava,
        parquet=parquet,
        status=counted,
        example=_example(llava.out / "train.jsonl"),
    )


def _example(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        record = json.loads(next(lines))
    question, answer = (turn["value"] for turn in record["conversations"][:2])
    return f"{question}\n{answer}"
