"""What the rows of a release say, counted by lazy scans: neither pictures nor texts are held.

The scans read what the formats parquet and jsonl have in common, under parquet's names. A column that a release does
not have is null in every row.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import polars as pl

from curation.errors import DataError

EXAMPLES_OF_SOURCE = 6
"""Rows of a source that may become its example: the first with a picture does."""
_MOST = 1_000
"""Groups of a kind that are counted on with."""
_LONGEST = 2_000
"""Characters by which licences and citations are told apart."""
_SHORT = 900
"""Bytes of question and stages, up to which an example is nice to read."""
_BEGIN = len("sha256:")
_DIGITS = 15
"""Of a trace's id, that make a number: examples are drawn by it."""
_FEW = 0.01
"""Share of the traces, below which a language is not one of the release."""

_TEXTS = ("trace_id", "sample_id", "source", "source_split", "licence", "citation", "question")
_MADE = ("kind", "recipe", "prompt_version", "model", "model_answered")
_OWNER = ("source", "licence", "citation")
_STAGES = ("summary", "caption", "reasoning", "conclusion")
_CALL = pl.Struct({"temperature": pl.Float64, "top_p": pl.Float64, "max_tokens": pl.Int64})
_ISSUE = pl.Struct({"code": pl.String, "severity": pl.String})
_SHARDS = "*-*-of-*.parquet"
_LANGUAGES = ("en", "zh", "ja", "ko")
_FLAGS = ("answer_shown", "repaired", "edited")
_COLUMNS: Mapping[str, Any] = MappingProxyType(
    dict.fromkeys((*_TEXTS, *_MADE, *_STAGES), pl.String)
    | dict.fromkeys(_FLAGS, pl.Boolean)
    | {"issues": pl.List(_ISSUE), "calls": pl.List(_CALL)}
)


class Making(NamedTuple):
    """How some traces were made."""

    kind: str
    recipe: str
    prompts: str
    """Digest."""
    model: str
    answered: str
    """What the endpoint said that it is."""
    traces: int


class Owner(NamedTuple):
    """Whose some rows are."""

    source: str
    licence: str
    citation: str
    rows: int


class Finding(NamedTuple):
    """What checks found in traces that were taken."""

    code: str
    severity: str
    traces: int


class Setting(NamedTuple):
    """How models were asked; None where a request leaves it to the model."""

    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    calls: int


class Place(NamedTuple):
    """Where a row is."""

    source: str
    path: Path
    row: int
    """From 0, in its file; a line of jsonl."""
    key: int
    """What the trace's id begins with, as a number: traces of one line are told apart by it."""


class Facts(NamedTuple):
    """What the rows say."""

    makings: Sequence[Making]
    owners: Sequence[Owner]
    findings: Sequence[Finding]
    settings: Sequence[Setting]
    flags: Mapping[str, int]
    """Traces of which something is noted: `answer_shown`, `repaired`, `edited`."""
    held_out: Sequence[tuple[str, str, int]]
    """Source, split there, and traces in train, where that split is another."""
    languages: tuple[str, ...]
    """ISO 639-1, as far as they can be told by letters and by the smallest words."""
    examples: Sequence[Place]
    """Several for each source, those first that are best to show."""


def facts(folder: Path, form: str) -> Facts:
    """Return what the rows of a release say. Raises DataError where they can't be read."""
    tally = _Tally()
    try:
        for path in _paths(folder, form):
            tally.add(_placed(_parquet(path) if form == "parquet" else _jsonl(path), path))
        for path in _others(folder):
            tally.add_owners(_placed(_parquet(path), path))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{folder} can't be read: {' '.join(str(error).split())[:200]}") from error
    return tally.facts()


class _Tally:
    """Counts file by file: what a scan takes grows with the files that it opens."""

    def __init__(self) -> None:
        self._counts: dict[str, pl.DataFrame] = {}
        self._sums: Counter[str] = Counter()
        self._places: list[tuple[Any, ...]] = []

    def add(self, rows: pl.LazyFrame) -> None:
        """Count the rows of a file of the default configuration."""
        traces = rows.filter(pl.col("trace_id").is_not_null())
        elsewhere = traces.filter(pl.col("split") == "train", pl.col("source_split") != "train")
        counted = {
            "owners": _counted(rows, *_OWNER),
            "makings": _counted(traces, *_MADE),
            "findings": _counted(_exploded(traces, "issues"), *_ISSUE.to_schema()),
            "settings": _counted(_exploded(traces, "calls"), *_CALL.to_schema()),
            "held_out": _counted(elsewhere, "source", "source_split"),
        }
        *counts, sums, places = pl.collect_all(
            [*counted.values(), traces.select(_sums()), _examples(traces)], engine="streaming"
        )
        self._merge(dict(zip(counted, counts, strict=True)))
        self._sums.update({name: value or 0 for name, value in sums.row(0, named=True).items()})
        self._places += places.rows()

    def add_owners(self, rows: pl.LazyFrame) -> None:
        """Note whose the rows of another configuration are."""
        self._merge({"owners": _counted(rows, *_OWNER).collect(engine="streaming")})

    def _merge(self, counts: Mapping[str, pl.DataFrame]) -> None:
        for name, frame in counts.items():
            both = pl.concat([self._counts[name], frame]) if name in self._counts else frame
            by = frame.columns[:-1]
            summed = both.group_by(by).sum().sort("count", *by, descending=[True, *(False for _ in by)])
            self._counts[name] = summed.head(_MOST)

    def facts(self) -> Facts:
        """Return what was counted; the largest numbers come first."""
        listed = {name: frame.rows() for name, frame in self._counts.items()}
        traces = self._sums["traces"]
        return Facts(
            makings=[Making(*row) for row in listed["makings"]],
            owners=[Owner(*row) for row in listed["owners"]],
            findings=[Finding(*row) for row in listed["findings"]],
            settings=[Setting(*row) for row in listed["settings"]],
            flags={name: self._sums[name] for name in _FLAGS},
            held_out=listed["held_out"],
            languages=tuple(name for name in _LANGUAGES if traces and self._sums[name] / traces >= _FEW),
            examples=[Place(source, Path(path), row, key) for *_, source, path, row, key in sorted(self._places)],
        )


def _counted(rows: pl.LazyFrame, *by: str) -> pl.LazyFrame:
    """Count rows by columns. A text that is null is empty."""
    kinds = [pl.col(pl.String).fill_null("").str.head(_LONGEST), pl.exclude(pl.String)]
    return rows.select(by).select(kinds).select(by).group_by(by).agg(count=pl.len())


def _exploded(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Give a row for each different entry of a list of structs."""
    entries = rows.select(pl.col(column).list.unique()).filter(pl.col(column).list.len() > 0)
    return entries.explode(column).unnest(column)


def _sums() -> list[pl.Expr]:
    """Count traces: all, those with a flag, and those in each language."""
    texts = pl.concat_str("question", "summary", separator="\n", ignore_nulls=True).str.head(_LONGEST)
    kana, hangul = texts.str.contains(r"[\p{Hiragana}\p{Katakana}]"), texts.str.contains(r"\p{Hangul}")
    spoken = {
        "en": texts.str.contains(r"(?i)\b(the|is|are|what|which|how|of|in)\b"),
        "zh": texts.str.contains(r"\p{Han}") & ~kana & ~hangul,
        "ja": kana,
        "ko": hangul,
    }
    languages = [spoken[name].sum().alias(name) for name in _LANGUAGES]
    return [pl.len().alias("traces"), pl.col(*_FLAGS).sum(), *languages]


def _examples(traces: pl.LazyFrame) -> pl.LazyFrame:
    """Return the best rows of each source: rank, source, path, row and key."""
    length = pl.sum_horizontal(pl.col("question", *_STAGES).str.len_bytes())
    worse = 2 * (pl.col("split") != "train").cast(pl.Int64) + (length > _SHORT).cast(pl.Int64)
    key = pl.col("trace_id").str.slice(_BEGIN, _DIGITS).str.to_integer(base=16, strict=False).fill_null(0)
    places = traces.select("source", "path", "row", key=key, rank=worse * 16**_DIGITS + key)
    best = places.group_by("source").agg(
        pl.struct("path", "row", "key", "rank").bottom_k_by("rank", EXAMPLES_OF_SOURCE)
    )
    return best.explode("path").unnest("path").select("rank", "source", "path", "row", "key")


def key_of(trace_id: str) -> int:
    """Return the number that a trace's id, a SHA-256 digest, begins with."""
    return int(trace_id[_BEGIN : _BEGIN + _DIGITS], 16)


def _paths(folder: Path, form: str) -> list[Path]:
    """Return the files of the default configuration. Raises DataError where there is none."""
    if not (paths := sorted((folder / "data").glob({"parquet": _SHARDS, "jsonl": "*.jsonl"}[form]))):
        raise DataError(f"{folder / 'data'} has no files of the format {form}")
    return paths


def _others(folder: Path) -> list[Path]:
    """Return those of configurations that have samples of their own."""
    return [path for name in ("direct", "rejected") for path in sorted((folder / name).glob(_SHARDS))]


def _placed(rows: pl.LazyFrame, path: Path) -> pl.LazyFrame:
    """Give the columns that are asked for, whatever the file has."""
    there = rows.collect_schema()
    columns = [pl.col(name) if name in there else pl.lit(None, dtype).alias(name) for name, dtype in _COLUMNS.items()]
    split = path.stem.rsplit("-", 3)[0] if path.suffix == ".parquet" else path.stem
    return rows.select(*columns, "row", path=pl.lit(str(path)), split=pl.lit(split))


def _parquet(path: Path) -> pl.LazyFrame:
    rows = pl.scan_parquet(path, row_index_name="row", glob=False)
    there = rows.collect_schema()
    lists = {"issues": _ISSUE, "calls": _CALL}
    cut = [
        pl.col(name).list.eval(
            pl.struct(pl.element().struct.field(field).cast(kind) for field, kind in entry.to_schema().items())
        )
        for name, entry in lists.items()
        if name in there
    ]
    return rows.with_columns(cut)


_PROVENANCE = pl.Struct(dict.fromkeys(_MADE, pl.String) | {"sampling": pl.Struct({"rationalised": pl.Boolean})})
_LINE = {
    "sample": pl.Struct(
        {
            "id": pl.String,
            "licence": pl.String,
            "citation": pl.String,
            "turns": pl.List(pl.Struct({"question": pl.String})),
        }
    ),
    "traces": pl.List(
        pl.Struct(
            {
                "id": pl.String,
                "turn": pl.Int64,
                "stages": pl.Struct(dict.fromkeys(_STAGES, pl.String)),
                "provenance": _PROVENANCE,
            }
        )
    ),
}


def _jsonl(path: Path) -> pl.LazyFrame:
    """Give a row for each trace, and for each sample without one."""
    sample, trace = pl.col("sample").struct, pl.col("traces").struct
    made, stages = trace.field("provenance").struct, trace.field("stages").struct
    parts = sample.field("id").str.splitn("/", 3).struct
    turn = trace.field("turn")
    rows = pl.scan_ndjson(path, schema=_LINE, row_index_name="row", ignore_errors=False).explode("traces")
    return rows.select(
        "row",
        trace_id=trace.field("id"),
        sample_id=sample.field("id"),
        source=parts.field("field_0"),
        source_split=parts.field("field_1"),
        licence=sample.field("licence"),
        citation=sample.field("citation"),
        question=sample.field("turns").list.get(turn, null_on_oob=True).struct.field("question"),
        answer_shown=made.field("sampling").struct.field("rationalised"),
        **{name: made.field(name) for name in _MADE},
        **{name: stages.field(name) for name in _STAGES},
    )
