"""How far the samples of a workspace came, by stratum."""

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
from sqlalchemy import Connection

from curation.store.text import restored, unmarked
from curation.store.turns import all_turns
from curation.strata import Coverage, difficulty_of


def coverage(connection: Connection) -> Coverage:
    """Count the samples that are annotated, and those that are clean: checked, and without an error."""
    counted = Coverage()
    for turns in all_turns(connection):
        _count_samples(counted, turns)
        _count_turns(counted, turns, "question-type", pl.col("type"))
        _count_turns(counted, turns, "answer", pl.col("answer"))
        named = {share: difficulty_of(share) for share in turns["share"].drop_nulls().unique()}
        _count_turns(counted, turns, "difficulty", pl.col("share").replace_strict(named, return_dtype=pl.String))
    return counted


def _count_samples(counted: Coverage, turns: pl.DataFrame) -> None:
    """Count samples by source, and by the labels of their source."""
    each = _each(turns, "source", "labels")
    for source, *counts in _summed(each, "source"):
        counted.count_samples(restored(source), counts)
    for source, labels, *counts in _summed(each, "source", "labels"):
        for label, value in json.loads(labels or "{}").items():
            counted.count_labelled(restored(source), label, unmarked(value), counts)


def _count_turns(counted: Coverage, turns: pl.DataFrame, label: str, value: pl.Expr) -> None:
    """Count samples by what their turns have in common, where the source has no label of that name."""
    has_own = pl.col("labels").str.contains(f'"{label}":', literal=True).fill_null(value=False)
    named = turns.filter(~has_own).with_columns(value=value).drop_nulls("value")
    for source, found, *counts in _summed(_each(named, "source", "value"), "source", "value"):
        counted.count_asked(restored(source), label, unmarked(found), counts)


def _each(turns: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Return a row for each sample and what its turns have in common: it came as far as one of them."""
    if not turns["sample"].is_duplicated().any():
        return turns
    return turns.group_by("sample", *by, maintain_order=True).agg(pl.col("annotated", "clean").any())


def _summed(each: pl.DataFrame, *by: str) -> Iterator[tuple[Any, ...]]:
    """Yield how many samples of a kind there are, and how many are annotated, clean and taken: in the order of ids."""
    summed = each.group_by(by, maintain_order=True).agg(pl.len(), pl.col("annotated", "clean").sum())
    return summed.with_columns(taken=pl.lit(0)).iter_rows()
