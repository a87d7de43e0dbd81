"""Images that can't be read or that show little, and pictures that are another sample's picture, altered.

    image:unreadable      an error: the file is missing or damaged, its pixels can't be decoded, or it would be a bomb
    image:tiny            a side is shorter than 28 pixels, a patch of Qwen2.5-VL (https://arxiv.org/abs/2502.13923)
    image:blank           one brightness from edge to edge; a picture that is told by its colours alone is taken for one
    image:near-duplicate  it looks like an earlier sample's picture, whose bytes are others: another size, format or
                          quality, or a little crop (see similarity.pictures)
    image:mirrored        it looks like the mirror image of an earlier sample's picture: what is left there is right
                          here, so that an answer to one may be wrong for the other

All but the first are warnings. Of a sample's images, the first with a fault is named. The same bytes in several samples
are no finding: a picture may have many questions. VERSION is raised with that of `curation.images.looks` too.
"""

from collections.abc import Iterator

import polars as pl

from curation.images.looks import BLANK
from curation.validators import FOUND, SCHEMA

VERSION = 2

_PATCH = 28
_NAMED = 200


def sweep(batches: Iterator[pl.DataFrame], looks: pl.DataFrame) -> pl.DataFrame:
    """Return what is wrong with the subjects' images; one finding of a kind for each subject."""
    readable = pl.col("fault") == ""
    tiny = readable & (pl.min_horizontal("width", "height") < _PATCH)
    blank = readable & (pl.col("contrast") < BLANK)
    twins = pl.col("digest").count().over("group") > 1
    alike = (twins & pl.col("group").is_not_null()) | pl.col("mirror").is_not_null()
    odd = looks.filter(~readable | tiny | blank | alike)
    shown = pl.concat([_shown(batch, odd) for batch in (SCHEMA.to_frame(), *batches)]).with_row_index("at")
    size = pl.format("the image is {} x {} pixels", "width", "height")
    fault = pl.format("the image can't be used: {}", pl.col("fault").str.slice(0, _NAMED))
    return pl.concat(
        [
            _found(shown.filter(~readable), "unreadable", fault, severity="error"),
            _found(shown.filter(tiny), "tiny", size),
            _found(shown.filter(blank), "blank", pl.lit("the image shows nothing: it is of one brightness")),
            _found(
                _repeated(shown),
                "near-duplicate",
                pl.format("the picture is, altered, that of {}", pl.col("other").str.slice(0, _NAMED)),
                evidence=pl.col("original"),
            ),
            _found(
                _turned_round(shown),
                "mirrored",
                pl.format("the picture is the mirror image of that of {}", pl.col("other").str.slice(0, _NAMED)),
                evidence=pl.col("original"),
            ),
        ]
    )


def _shown(batch: pl.DataFrame, odd: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each image of each subject that there is something to say of."""
    images = batch.select("subject", "sample", pl.col("images").alias("digest")).explode("digest")
    return images.join(odd, on="digest", how="inner", maintain_order="left")


def _repeated(shown: pl.DataFrame) -> pl.DataFrame:
    """Return the rows whose picture looks like an earlier one of another sample: `original`, shown by `other`."""
    grouped = shown.drop_nulls("group")
    return grouped.join(_first(grouped), on="group", maintain_order="left").filter(
        pl.col("digest") != pl.col("original"), pl.col("sample") != pl.col("other")
    )


def _turned_round(shown: pl.DataFrame) -> pl.DataFrame:
    """Return the rows whose picture is the mirror image of an earlier one of another sample."""
    first = _first(shown.drop_nulls("group")).rename({"group": "mirror"})
    return shown.join(first, on="mirror", maintain_order="left").filter(
        pl.col("begun") < pl.col("at"), pl.col("sample") != pl.col("other")
    )


def _first(grouped: pl.DataFrame) -> pl.DataFrame:
    """Return for each group which picture is shown first (`original`), by which sample (`other`), where (`begun`)."""
    named = pl.col("digest").alias("original"), pl.col("sample").alias("other"), pl.col("at").alias("begun")
    return grouped.group_by("group", maintain_order=True).first().select("group", *named)


def _found(
    rows: pl.DataFrame, what: str, message: pl.Expr, severity: str = "warning", evidence: pl.Expr | None = None
) -> pl.DataFrame:
    found = rows.unique("subject", keep="first", maintain_order=True).select(
        "subject",
        pl.lit(what).alias("what"),
        pl.lit(severity).alias("severity"),
        pl.lit(None, pl.String).alias("stage"),
        message.alias("message"),
        (pl.lit("") if evidence is None else evidence).alias("evidence"),
    )
    return found.match_to_schema(FOUND)
