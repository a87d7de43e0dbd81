"""The half without a model: the bundled charts annotated with one request in five failing, checked, and released."""

import json
from pathlib import Path

from curation import annotate, export, status, validate
from curation.config import Report, Table

_FAULTS = "all=0.2"


class ChartsReport(Report):
    """What each step reported."""

    annotate: annotate.AnnotateReport
    validate_: validate.ValidateReport
    llava: export.ExportReport
    parquet: export.ExportReport
    status: status.StatusReport
    example: str
    """One record of the llava release: question and tagged text."""

    def tables(self) -> list[Table]:
        """Return the tables of the steps that say most, in their order."""
        return [*self.annotate.tables(), *self.validate_.tables(), *self.parquet.tables(), *self.status.tables()]

    def lines(self) -> list[str]:
        """Return a trace, and the commands that were run."""
        verbs = (
            f"annotate --source chartqa --sample --offline --fault {_FAULTS}",
            "validate",
            "export --source chartqa --format llava",
            "export --source chartqa --format parquet",
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


def charts(workspace: Path) -> ChartsReport:
    """Annotate, validate, export and count. Running it again sends nothing: every answer is stored."""
    asked = annotate.Config(workspace=workspace, source=("chartqa",), sample=True, offline=True, fault=(_FAULTS,))
    annotated = annotate.run(config=asked)
    assert isinstance(annotated, annotate.AnnotateReport)
    validated = validate.run(config=validate.Config(workspace=workspace))
    llava, parquet = (
        export.export(export.Config(workspace=workspace, source=("chartqa",), format=format_))
        for format_ in ("llava", "parquet")
    )
    return ChartsReport(
        annotate=annotated,
        validate_=validated,
        llava=llava,
        parquet=parquet,
        status=status.run(config=status.Config(workspace=workspace)),
        example=_example(llava.out / "train.jsonl"),
    )


def _example(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        record = json.loads(next(lines))
    question, answer = (turn["value"] for turn in record["conversations"][:2])
    return f"{question}\n{answer}"
