"""The data sets that can be read: their size, licence and metric, and where to get them."""

from typing import Annotated

from cyclopts import Parameter
from pydantic import BaseModel

from curation import mixtures, registry, sources
from curation.config import Config as _Config
from curation.config import Report, Table


class Config(_Config):
    """Flags of `sources`."""


class Entry(BaseModel):
    """What there is to know about a source."""

    name: str
    title: str
    questions: dict[str, int]
    """In each split, as published; 0 where it is not known."""
    licence: str
    metric: str
    homepage: str
    hub: tuple[str, ...]
    citation: str
    bibtex: str

    @property
    def sizes(self) -> str:
        """The questions in a line."""
        return ", ".join(f"{split} {count:,}" if count else split for split, count in self.questions.items())


class SourcesReport(Report):
    """All sources."""

    sources: list[Entry]
    mixtures: list[str]

    def tables(self) -> list[Table]:
        """Return what fits in a line each, and where to get them."""
        sizes = [(each.name, each.sizes, each.licence, each.metric or "judged only") for each in self.sources]
        places = [(each.name, each.homepage, "\n".join(each.hub) or "–") for each in self.sources]
        return [
            Table("sources", ("source", "questions by split", "licence", "metric"), sizes),
            Table("where to get them", ("source", "official (--data)", "on the Hub (--hub)"), places),
        ]

    def lines(self) -> list[str]:
        """Return what to do with them."""
        return [
            "Try one: python -m curation annotate --source docvqa --sample --offline",
            f"Mixtures of them (--source all --mix NAME): {', '.join(self.mixtures)}",
            "Please cite what you use; --json has the citations.",
        ]


def run(*, config: Annotated[Config, Parameter(name="*")] = Config()) -> SourcesReport:  # noqa: ARG001, B008 - frozen
    """List the data sets that can be read: their size, licence and metric, and where to get them."""
    found = [_entry(name) for name in registry.names("curation.sources")]
    return SourcesReport(sources=found, mixtures=mixtures.names())


def _entry(name: str) -> Entry:
    source = sources.get(name)
    return Entry(
        name=name,
        title=source.TITLE,
        questions=dict(source.COUNTS),
        licence=source.LICENCE,
        metric=source.SCORER,
        homepage=source.HOMEPAGE,
        hub=source.HUBS,
        citation=source.CITATION,
        bibtex=source.BIBTEX,
    )
