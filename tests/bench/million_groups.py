"""The row groups of a benchmark's file: what `validate` checks at once."""

from pathlib import Path

import polars as pl

GROUP = 4000
"""Rows of a group."""


def groups(file: Path) -> int:
    """Return the number of row groups of a file."""
    rows: int = pl.scan_parquet(file).select(pl.len()).collect().item()
    return -(-rows // GROUP)


def group(file: Path, number: int) -> pl.DataFrame:
    """Read a row group."""
    return pl.scan_parquet(file).slice(number * GROUP, GROUP).collect()
