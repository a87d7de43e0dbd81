"""All turns of a workspace as columns: what is asked, and how far each came.

Records are read as columns, and of them what is wanted: a million, made into records, would take minutes. Texts are as
they are stored (see `curation.store.text`). How far a turn came is asked the other way round, as most of them come far:
which ones have a trace that stands and that is not clean. What is held of those is a number each.
"""

from collections.abc import Iterable, Iterator, Sequence
from string import ascii_uppercase
from typing import Any

import polars as pl
from sqlalchemy import Connection, Row, Select, Text, exists, select, type_coerce

from curation.store.queries import is_checked, is_current, outdated
from curation.store.tables import issues, samples, traces, withdrawn
from curation.store.text import AnyText, marked, restored, unmarked
from curation.strata import Asked, answer_of, question_type

_FETCHED = 500
_ROWS, _CHARACTERS = 20_000, 1 << 23
"""Rows, and characters of records, that are gone through at once."""
_KEY: dict[str, Any] = {"sample": pl.String, "turn": pl.Int64}
_TURN = pl.Struct({"targets": pl.List(pl.String), "choices": pl.List(pl.String)})
_TURNS = pl.Struct({"turns": pl.List(_TURN)})
_LABELS = r'"labels":(\{(?:"(?:[^"\\]|\\.)*":"(?:[^"\\]|\\.)*",?)*\})'
"""In a record as `curation.store.text` writes it. Where a text has these words, its quotes have backslashes."""
_SAMPLING = pl.Struct({"provenance": pl.Struct({"sampling": pl.Struct({"samples": pl.Int64, "right": pl.Int64})})})
_NUMBERED: dict[str, Any] = {"number": pl.UInt64}
"""Turns by their numbers, 64 bits of a hash: of a million turns two are taken for one in 1 of 40 million runs."""


def all_turns(connection: Connection) -> Iterator[pl.DataFrame]:
    """Yield the turns of some samples at a time, by their ids, in order.

    sample, source      texts
    labels              of the sample, as JSON; null where it has no such field
    annotated, clean    whether a trace stands for it, and whether that was checked and has no error
    type, answer        of the question (see `curation.strata`); no answer where it has no target
    share               of the right ones among the answers, where it was asked blind
    """
    flawed, shares = _flawed(connection), _shares(connection)
    for page in _pages(connection):
        annotated = _annotated(connection, page["sample"][0], page["sample"][-1])
        turns = page.with_columns(turn=pl.int_ranges(pl.col("turns").list.len())).explode("turns", "turn")
        numbered = turns.unnest("turns").with_columns(number=pl.struct(*_KEY).hash(1))
        came = numbered.with_columns(
            annotated=numbered["number"].is_in(annotated.implode()), flawed=numbered["number"].is_in(flawed.implode())
        )
        known = came.join(shares, on="number", how="left", maintain_order="left")
        clean = pl.col("annotated") & ~pl.col("flawed")
        yield known.select("sample", "source", "labels", "annotated", *_described(known), "share", clean=clean)


def _pages(connection: Connection) -> Iterator[pl.DataFrame]:
    """Yield samples: `sample`, `source`, `labels` as JSON, and `turns` (`_TURN`)."""
    query = select(samples.c.id, samples.c.source, samples.c.record).order_by(samples.c.id)
    for rows in _stored(connection, query, {"sample": pl.String, "source": pl.String, "record": pl.String}):
        yield rows.select(
            "sample",
            "source",
            labels=pl.col("record").str.extract(_LABELS),
            turns=pl.col("record").str.json_decode(_TURNS).struct.field("turns"),
        )


# How far they came


def _annotated(connection: Connection, first: str, last: str) -> pl.Series:
    """Return the numbers of the turns that have a trace, of these samples and those between.

    Some trace stands for each turn that has one which was not withdrawn.
    """
    is_withdrawn = exists().where(withdrawn.c.trace_id == traces.c.id)
    within = traces.c.sample_id.between(restored(first), restored(last))
    return _numbers(connection, select(traces.c.sample_id, traces.c.turn).where(within, ~is_withdrawn).distinct())


def _flawed(connection: Connection) -> pl.Series:
    """Return the numbers of the turns whose trace was not checked, or has an error."""
    turns = select(traces.c.sample_id, traces.c.turn)
    found = turns.join_from(issues, traces, traces.c.id == issues.c.trace_id)
    wrong = found.where(issues.c.severity == "error", ~outdated(), is_current())
    # By id: in that order the index of checks is gone through once, and not jumped about in.
    unchecked = turns.where(~is_checked(), is_current()).order_by(traces.c.id)
    return pl.concat([_numbers(connection, wrong), _numbers(connection, unchecked)]).unique()


def _numbers(connection: Connection, query: Select[Any]) -> pl.Series:
    parts = [rows.select(number=pl.struct(*_KEY).hash(1)) for rows in _stored(connection, query, _KEY)]
    return pl.concat([pl.DataFrame(schema=_NUMBERED), *parts]).to_series()


def _shares(connection: Connection) -> pl.DataFrame:
    """Return the shares of right answers of the turns that were asked blind, by their numbers."""
    query = select(traces.c.sample_id, traces.c.turn, traces.c.record)
    query = query.where(traces.c.record.contains('"sampling":'), is_current())
    sampling = pl.col("record").str.json_decode(_SAMPLING).struct.field("provenance").struct.field("sampling").struct
    share = pl.when(sampling.field("samples") > 0).then(sampling.field("right") / sampling.field("samples"))
    rows = _stored(connection, query, _KEY | {"record": pl.String})
    parts = [some.select(number=pl.struct(*_KEY).hash(1), share=share) for some in rows]
    return pl.concat([pl.DataFrame(schema=_NUMBERED | {"share": pl.Float64}), *parts])


# What is asked


def _described(turns: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return the types and the answers of questions, given by `targets` and `choices`."""
    some = pl.col("choices").list.head(len(ascii_uppercase))
    rows = turns.select(choices=some, target=pl.col("targets").list.first()).with_row_index("row")
    asked = rows.join(_letters(rows), on="row", how="left", maintain_order="left")
    asked = asked.join(_named(rows["target"]), on="target", how="left", maintain_order="left")
    kind = pl.when(pl.col("choices").list.len() > 0).then(pl.lit("choice")).otherwise(pl.col("type").fill_null("open"))
    told = asked.select(type=kind, answer=pl.coalesce("letter", "answer"))
    return told["type"], told["answer"]


def _letters(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the letters of the targets that are choices, by row."""
    places = rows.filter(pl.col("choices").list.len() > 0).with_columns(
        place=pl.int_ranges(pl.col("choices").list.len())
    )
    meant = places.explode("choices", "place").filter(pl.col("choices") == pl.col("target"))
    letters = pl.col("place").min().replace_strict(dict(enumerate(ascii_uppercase)), return_dtype=pl.String)
    return meant.group_by("row").agg(letter=letters)


def _named(targets: pl.Series) -> pl.DataFrame:
    """Return what questions without choices are, by their targets."""
    known = targets.drop_nulls().unique()
    turns = [Asked(unmarked(target), ()) for target in known]
    return pl.DataFrame(
        [
            known.alias("target"),
            pl.Series("type", [question_type(turn) for turn in turns], pl.String),
            pl.Series("answer", [marked(answer_of(turn) or "") for turn in turns], pl.String),
        ]
    )


def _stored(connection: Connection, query: Select[Any], schema: dict[str, Any]) -> Iterator[pl.DataFrame]:
    """Yield rows as columns. The mark of what is escaped in a `record` is written as JSON allows it."""
    raw = (type_coerce(each, Text) if isinstance(each.type, AnyText) else each for each in query.selected_columns)
    result = connection.execute(query.with_only_columns(*raw), execution_options={"yield_per": _FETCHED})
    for rows in _bundled(result.partitions(), weighed="record" in schema):
        columns = zip(schema.items(), zip(*rows, strict=True), strict=True)
        frame = pl.DataFrame([pl.Series(name, values, kind) for (name, kind), values in columns])
        yield frame.with_columns(pl.col("^record$").str.replace_all("\x1a", r"\u001a", literal=True))


def _bundled(parts: Iterable[Sequence[Row[Any]]], *, weighed: bool) -> Iterator[list[Row[Any]]]:
    """Join rows: many at once are quick, and records may be as long as they like. If weighed, these come last."""
    bundle, characters = list[Row[Any]](), 0
    for rows in parts:
        bundle += rows
        characters += sum(len(row[-1]) for row in rows) if weighed else 0
        if len(bundle) >= _ROWS or characters >= _CHARACTERS:
            yield bundle
            bundle, characters = [], 0
    if bundle:
        yield bundle
