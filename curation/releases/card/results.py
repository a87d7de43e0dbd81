"""How trained models did: what the verb `verify` found, told on a card."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from curation.errors import DataError, MissingError
from curation.evaluation.summary import StratumRow, SystemRow
from curation.releases.card.markdown import inline, section, table
from curation.releases.card.names import title

_MOST_SYSTEMS = 20
_MOST_SOURCES = 40


class Results(BaseModel):
    """What is told of a `results.json`; paths of the machine that it was made on are not."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    questions: int
    systems: tuple[SystemRow, ...]
    strata: tuple[StratumRow, ...] = ()
    traces: str | None = None
    """Digest of the traces of the release that was asked about."""


def read(path: Path) -> Results:
    """Read what `verify` wrote. Raises MissingError where there is none, DataError for anything else."""
    try:
        return Results.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MissingError(f"{path} can't be read: {error.strerror}; `verify` writes results.json") from error
    except ValidationError as error:
        raise DataError(f"{path} is not what `verify` writes as results.json") from error


def told(results: Results, traces: str | None) -> str:
    """Return the section of a card, given the digest of its release's traces."""
    systems = results.systems[:_MOST_SYSTEMS]
    rows = [
        (
            inline(row.model),
            inline(row.way),
            str(row.accuracy),
            "–" if row.difference is None else str(row.difference),
            f"{100 * row.follows_form:.1f}",
        )
        for row in systems
    ]
    lead = (
        f"Accuracy in percent with 95 % intervals, on {results.questions:,} held-out questions, scored by the official "
        "metric of each source. *Form* is the share of answers that are exactly the four stages."
    )
    other = "The questions are those of another release: of another selection of traces, or of a benchmark."
    columns = ("model", "search", "accuracy", "against the first", "form")
    return section(
        "How models do with it",
        lead,
        other if results.traces != traces else "",
        table(columns, rows),
        table(*_by_source(systems, list(_sources(results)))),
    )


def _sources(results: Results) -> Iterator[StratumRow]:
    rows = [row for row in results.strata if row.label == "source"]
    if len(rows) > 1:
        yield from rows[:_MOST_SOURCES]


def _by_source(
    systems: Sequence[SystemRow], sources: Sequence[StratumRow]
) -> tuple[Sequence[str], Iterator[Sequence[object]]]:
    """Return columns and rows of the accuracy by source."""
    columns = ["source", "questions", *(f"{inline(row.model)}, {inline(row.way)}" for row in systems)]
    rows = (
        [inline(title(row.value)), row.questions, *(str(figure) for figure in row.accuracy[: len(systems)])]
        for row in sources
    )
    return columns, rows
