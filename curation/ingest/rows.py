"""Which rows to read: the flags, what they mean, and the report on what was read."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PositiveInt

from curation import mixtures, sources
from curation.config import Names, Report, Table, WorkspaceConfig
from curation.errors import Exit, UsageError
from curation.ingest import Place, Tally
from curation.mixtures import Mixture


class RowsConfig(WorkspaceConfig):
    """The flags that say which rows to read."""

    source: Names = Field(description="Source to read, for instance chartqa; several as A,B; or all. `sources` lists.")
    data: Path | None = Field(
        None, description="Folder in the source's official layout; with several sources, it holds a folder for each."
    )
    hub: bool = Field(False, description="Stream the source from the Hugging Face Hub (the default).")
    hub_id: str = Field("", description="Which data set on the Hub, where a source knows several.")
    sample: bool = Field(False, description="Use the small sample that comes with this program.")
    split: Names = Field((), description="Split to read [default: train; with --sample every split it has].")
    limit: PositiveInt | None = Field(None, description="Read at most so many rows: the first, or those of --seed.")
    seed: int | None = Field(None, description="With --limit: draw the rows at random, the same for the same seed.")
    mix: str | None = Field(
        None, description="Take so much of each source as this mixture says: llava-cot-100k, or a .toml file."
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The sources, by the names that ids begin with; `all` stands for those with published counts."""
        if "all" in self.source:
            return sources.published()
        return tuple(name.replace("_", "-") for name in self.source)


class IngestReport(Report):
    """What was read."""

    rows: int
    samples: int
    unusable_rows: dict[str, int]
    remarks: dict[str, int]
    by_source: dict[str, int]
    """Rows of each source, where there are several."""
    short: dict[str, int]
    """Sources that had fewer rows than were asked for, and how many were."""
    missing: dict[str, str]
    """Sources that could not be read, of several, and why."""

    @property
    def exit_code(self) -> Exit:
        """1 where a row can't be a sample, or a source can't be read, else 0."""
        return Exit.FAILURES if self.unusable_rows or self.missing else Exit.DONE

    def tables(self) -> list[Table]:
        """Return what happened to the rows."""
        return [Table("ingest", ("what", "count"), self._read()), *self._sources()]

    def lines(self) -> list[str]:
        """Return what is not there."""
        short = [f"{name} had {self.by_source[name]:,} of {asked:,} rows" for name, asked in self.short.items()]
        passed_over = [f"{name} was passed over: {why}" for name, why in self.missing.items()]
        return [f"{'; '.join(short)}."] * bool(short) + passed_over

    def _sources(self) -> list[Table]:
        return [Table("rows by source", ("source", "rows"), list(self.by_source.items()))] * (len(self.by_source) > 1)

    def _read(self) -> list[tuple[str, object]]:
        rows: list[tuple[str, object]] = [("rows read", self.rows), ("samples", self.samples)]
        rows += [(f"  unusable row: {code}", count) for code, count in self.unusable_rows.items()]
        return rows + [(f"  remark: {code}", count) for code, count in self.remarks.items()]


def counted(tally: Tally) -> dict[str, Any]:
    """Return the fields of an IngestReport."""
    return {
        "rows": tally.rows,
        "samples": tally.samples,
        "unusable_rows": dict(tally.unusable),
        "remarks": dict(tally.remarks),
        "by_source": dict(tally.by_source),
        "short": tally.short,
        "missing": tally.missing,
    }


def places_of(config: RowsConfig, known: Collection[str] = ()) -> list[Place]:
    """Return where the rows are. Raises UsageError for flags that contradict each other, and for unknown sources.

    `known` names what is no source, and is asked for by what the workspace holds of it.
    """
    _check(config)
    for name in set(config.names).difference(known):
        sources.get(name)
    if config.mix is None:
        return [_place(config, name, config.limit, config.seed) for name in config.names]
    mixture = mixtures.get(config.mix)
    rows = {name: mixture.rows[name] for name in config.names if name in mixture.rows}
    if not rows:
        raise UsageError(f"the mixture {config.mix} has none of {', '.join(config.names)}")
    shares = Mixture(rows=rows).shares(config.limit)
    return [_place(config, name, count, config.seed or 0) for name, count in shares.items() if count]


def _check(config: RowsConfig) -> None:
    if (config.data is not None) + config.hub + config.sample > 1:
        raise UsageError("--data, --hub and --sample name different places for the rows: give one of them")
    if config.hub_id and (config.data or config.sample or len(config.names) > 1):
        raise UsageError("--hub-id names a data set on the Hub: give it with one --source, without --data and --sample")
    if config.seed is not None and config.limit is None and config.mix is None:
        raise UsageError("--seed draws as many rows as --limit says: give --limit too")


def _place(config: RowsConfig, name: str, limit: int | None, seed: int | None) -> Place:
    at: Path | Literal["hub", "bundled"] = config.data or ("bundled" if config.sample else "hub")
    if config.data is not None and (len(config.source) > 1 or "all" in config.source):
        at = config.data / name
    return Place(name, at, config.split, limit, seed, config.hub_id)
