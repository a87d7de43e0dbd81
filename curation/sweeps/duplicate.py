"""Traces that say what an earlier one says, and turns that ask what an earlier one asks about the same image.

    duplicate:exact     the same four stages, but for case and blanks
    duplicate:near      caption and reasoning share most of their three-word sequences (see similarity.texts)
    duplicate:question  the same question, choices and images as an earlier sample's; or images that look alike

All are warnings: which of two goes is for a policy or a person to say. Turns of one sample are not compared.
"""

from collections.abc import Iterator, Mapping

import polars as pl

from curation.similarity.texts import Sketches
from curation.validators import SCHEMA
from schemas.trace import STAGES

VERSION = 2

_BODY = ("caption", "reasoning")
_NAMED = 200
_NEAR = {"row": pl.UInt32, "earlier": pl.UInt32, "similarity": pl.Float64}


def sweep(batches: Iterator[pl.DataFrame], looks: pl.DataFrame) -> pl.DataFrame:
    """Return each subject that repeats an earlier one, and which; one finding of a kind for each subject."""
    twins = looks.filter(pl.col("digest") != pl.col("group"))
    groups = dict(zip(twins["digest"], twins["group"], strict=True))
    sketches, parts = Sketches(), [_marks(SCHEMA.to_frame(), groups)]
    for batch in batches:
        parts.append(_marks(batch, groups))
        sketches.add(batch.select(pl.concat_str(_BODY, separator="\n", ignore_nulls=True)).to_series())
    rows = pl.concat(parts).with_row_index("row")
    exact = _repeats(rows, "said")
    near = pl.DataFrame(sketches.pairs(), _NEAR, orient="row").join(exact, on="row", how="anti")
    asked = _repeats(rows, "asked")
    alike = _repeats(rows, "alike").join(asked, on="row", how="anti")
    percent = (100 * pl.col("similarity")).round().cast(pl.Int64)
    return pl.concat(
        [
            _found(rows, exact, "exact", pl.lit("the same four stages as")),
            _found(rows, near, "near", pl.format("{} % of its three-word sequences are those of", percent)),
            _found(rows, asked, "question", pl.lit("the same question about the same image as in")),
            _found(rows, alike, "question", pl.lit("the same question about the same picture, altered, as in")),
        ]
    )


def _marks(batch: pl.DataFrame, groups: Mapping[str, str]) -> pl.DataFrame:
    """Keep of a batch what tells repeats, and what names them: hashes and ids, and none of the words.

    `groups` has the group of each image that looks like another.
    """
    stages = pl.concat_str([_plain(stage) for stage in STAGES], separator="\x1f")
    asked = [_plain("question"), pl.col("context"), pl.col("choices").list.join("\x1e")]
    images = pl.col("images")
    alike = images.list.eval(pl.element().replace(groups)) if groups else images
    pictured = images.list.len() > 0
    return batch.select(
        "subject",
        "sample",
        stages.hash(1).alias("said"),
        *(
            pl.when(pictured)
            .then(pl.concat_str([*asked, shown.list.join("\x1e")], separator="\x1f").hash(1))
            .alias(name)
            for name, shown in (("asked", images), ("alike", alike))
        ),
    )


def _plain(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def _repeats(rows: pl.DataFrame, mark: str) -> pl.DataFrame:
    """Return the rows whose mark an earlier row of another sample has, each with the first of them."""
    marked = rows.select("row", "sample", mark).drop_nulls(mark)
    first = marked.group_by(mark, maintain_order=True).first().rename({"row": "earlier", "sample": "other"})
    return marked.join(first, on=mark).filter(pl.col("sample") != pl.col("other")).select("row", "earlier")


def _found(rows: pl.DataFrame, repeats: pl.DataFrame, what: str, words: pl.Expr) -> pl.DataFrame:
    earlier = rows.select(pl.col("row").alias("earlier"), pl.col("sample").alias("other"))
    pairs = repeats.join(rows, on="row").join(earlier, on="earlier").filter(pl.col("sample") != pl.col("other"))
    return pairs.sort("row").select(
        "subject",
        pl.lit(what).alias("what"),
        pl.lit("warning").alias("severity"),
        pl.lit(None if what == "question" else "reasoning", pl.String).alias("stage"),
        pl.concat_str(words, pl.lit(" "), pl.col("other").str.slice(0, _NAMED)).alias("message"),
        pl.lit("").alias("evidence"),
    )
