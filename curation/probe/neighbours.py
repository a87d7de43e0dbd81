"""Losses against those of neighbours: what the same model gives to other traces of the same kind that it never saw.

A long caption costs more than a short answer, and a hard question more than an easy one: a loss says nothing by
itself. Neighbours are the turns of the same fold, source and labels.
"""

import polars as pl

MAD_TO_SIGMA = 1.4826
"""Standard deviations in a median absolute deviation of a normal distribution."""
FLOOR = 0.5
"""Nats; the least spread. A model that is sure of all its neighbours would find everything else strange."""
FEWEST = 20
"""Neighbours below which those of the whole source stand in."""

LOSSES = pl.Schema(
    {
        "trace": pl.String,
        "sample": pl.String,
        "turn": pl.Int64,
        "fold": pl.Int64,
        "source": pl.String,
        "stratum": pl.String,
        "stage": pl.String,
        "loss": pl.Float64,
        "tokens": pl.Int64,
    }
)
"""One row for each trace and stage: its loss in nats, summed over its tokens."""


def deviations(losses: pl.DataFrame) -> pl.DataFrame:
    """Add `median` and `spread`, in nats, of the neighbours, and `z`, how many spreads the loss is above the median.

    The spread is the median absolute deviation in standard deviations, and at least `FLOOR`.
    """
    near, far = ["fold", "source", "stratum", "stage"], ["fold", "source", "stage"]
    narrow, wide = _spread(losses, near), _spread(losses, far)
    few = narrow["neighbours"] < FEWEST
    median = pl.select(pl.when(few).then(wide["median"]).otherwise(narrow["median"])).to_series()
    spread = pl.select(pl.when(few).then(wide["spread"]).otherwise(narrow["spread"])).to_series()
    return losses.with_columns(median.alias("median"), spread.alias("spread")).with_columns(
        z=(pl.col("loss") - pl.col("median")) / pl.col("spread")
    )


def _spread(losses: pl.DataFrame, kind: list[str]) -> pl.DataFrame:
    """Return neighbours, median and spread for each row."""
    median = pl.col("loss").median().over(kind)
    deviation = (pl.col("loss") - median).abs().median().over(kind)
    return losses.select(
        neighbours=pl.len().over(kind),
        median=median,
        spread=pl.max_horizontal(deviation * MAD_TO_SIGMA, pl.lit(FLOOR)),
    )


def worst_stages(deviations: pl.DataFrame) -> pl.DataFrame:
    """Return for each trace the stage that stands out most, the traces that stand out most first."""
    return (
        deviations.sort("z", "trace", "stage", descending=[True, False, False])
        .unique("trace", keep="first", maintain_order=True)
        .sort("z", "trace", descending=[True, False])
    )
