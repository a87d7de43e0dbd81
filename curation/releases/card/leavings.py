"""What a release left out, by source and by what was found, as its `excluded.jsonl` says."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from curation.errors import DataError

EXCLUDED = "excluded.jsonl"
"""A line for each trace that was not taken: sample, rule, reason."""
_LINE = pl.Schema({"sample": pl.String, "rule": pl.String, "reason": pl.String})
_CODE = r"^([a-z][\w-]*:[\w-]+) \((\w+)\)$"
"""As a policy's reasons name what was found: `answer:wrong (error)`."""
_MOST = 200
"""Groups that are told."""


class LeftOut(NamedTuple):
    """Traces that were not taken; the largest numbers come first."""

    by_source: Mapping[str, int]
    reasons: Sequence[tuple[str, str, int]]
    """Source, reason and traces: a reason is the code of what was found, or the rule that excludes for another one."""
    by_code: Sequence[tuple[str, str, int]]
    """Code, severity and traces."""


def left_out(folder: Path) -> LeftOut:
    """Count what a release left out; nothing where it says nothing of it. Raises DataError for a damaged file."""
    path = folder / EXCLUDED
    if not path.is_file():
        return LeftOut({}, (), ())
    lines = pl.scan_ndjson(path, schema=_LINE).with_columns(source=pl.col("sample").str.split("/").list.first())
    said = lines.select("source", "rule", found=pl.col("reason").str.split(", ")).explode("found")
    code, severity = (pl.col("found").str.extract(_CODE, index) for index in (1, 2))
    said = said.select("source", code=code, severity=severity, reason=pl.coalesce(code, "rule"))
    try:
        return LeftOut(
            by_source=dict(_counted(lines, "source")),
            reasons=_counted(said, "source", "reason"),
            by_code=_counted(said, "code", "severity"),
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path} can't be read: {' '.join(str(error).split())[:200]}") from error


def _counted(rows: pl.LazyFrame, *by: str) -> list[tuple[Any, ...]]:
    order = [True, *(False for _ in by)]
    found = rows.select(by).drop_nulls().group_by(*by).len().sort("len", *by, descending=order).head(_MOST)
    counted = found.collect(engine="streaming")
    assert isinstance(counted, pl.DataFrame)
    return counted.rows()
