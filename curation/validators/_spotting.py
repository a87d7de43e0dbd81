"""Findings by the thousand: columns compared, phrases looked for, all rows at once.

Patterns go to Polars' regular expressions, which are linear in the text whatever the pattern. They have no look-ahead:
a phrase that is harmless with certain words after it is matched together with these, and let go by `innocent`.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import polars as pl

from curation.validators import FOUND
from schemas.trace import STAGES

NAMES: tuple[str, ...] = tuple(stage.value for stage in STAGES)
QUOTED = 200
"""Characters of evidence."""


class Kind(NamedTuple):
    """What all findings of a kind share."""

    what: str
    severity: str
    message: str


class Phrases(NamedTuple):
    """A kind of phrase: what it is told as, its pattern, and the pattern of a match that is harmless."""

    kind: Kind
    pattern: str
    innocent: str | None = None


_MEANT = {
    " ?": r"(?-u:\s)*",
    " ": r"(?-u:\s)+",
    r"\b": r"(?-u:\b)",
    r"\w": r"(?-u:\w)",
    "'": "['’]",
}
"""What `pattern` puts for what is written; in this order, as none of them makes another."""


def pattern(*alternatives: str) -> str:
    r"""Return one pattern of them all, whatever the case.

    A blank stands for any white space, ` ?` for some or none, `'` for ’ as well. White space, `\b` and `\w` are
    those of ASCII: the Unicode ones would make the engine ten times as slow.
    """
    joined = "|".join(f"(?:{each})" for each in alternatives)
    for written, meant in _MEANT.items():
        joined = joined.replace(written, meant)
    return f"(?i){joined}"


def findings(rows: pl.DataFrame, kind: Kind, stage: str | None, evidence: pl.Expr) -> pl.DataFrame:
    """Return one finding for each row; `evidence` is cut to its first characters."""
    said = (kind.what, kind.severity, stage, kind.message)
    what, severity, place, message = (pl.lit(value, pl.String) for value in said)
    return rows.select(
        "subject",
        what.alias("what"),
        severity.alias("severity"),
        place.alias("stage"),
        message.alias("message"),
        evidence.str.slice(0, QUOTED).alias("evidence"),
    )


def together(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return the findings of all frames in one."""
    return pl.concat([FOUND.to_frame(), *frames])


def spotted(batch: pl.DataFrame, phrases: Phrases, stages: Sequence[str] = NAMES) -> list[pl.DataFrame]:
    """Find the phrases in each of the stages (or other columns): one finding a row, its first guilty match quoted."""
    return [_spotted(batch, phrases, stage) for stage in stages]


def _spotted(batch: pl.DataFrame, phrases: Phrases, stage: str) -> pl.DataFrame:
    rows = batch.select("subject", stage).filter(pl.col(stage).str.contains(phrases.pattern))
    if phrases.innocent is None:
        evidence = pl.col(stage).str.extract(phrases.pattern, 0)
        return findings(rows, phrases.kind, stage if stage in NAMES else None, evidence)
    matches = pl.col(stage).str.extract_all(phrases.pattern)
    guilty = matches.list.eval(pl.element().filter(~pl.element().str.contains(phrases.innocent))).list.first()
    rows = rows.with_columns(guilty.alias("guilty")).drop_nulls("guilty")
    return findings(rows, phrases.kind, stage if stage in NAMES else None, pl.col("guilty"))


def holds(text: pl.Expr, part: pl.Expr) -> pl.Expr:
    """Tell whether each text holds the part beside it; matches are counted, as `contains` is quadratic in the part."""
    return text.str.count_matches(part, literal=True) > 0


def words(text: pl.Expr) -> pl.Expr:
    """Return a text's words and numbers between single blanks, in lower case: ` 3 5 red cubes `."""
    plain = text.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}\p{M}]+", " ").str.strip_chars(" ")
    return pl.concat_str(pl.lit(" "), plain, pl.lit(" "))


def may_hold(text: pl.Expr, part: pl.Expr) -> pl.Expr:
    """Tell whether the words of each text may hold those of the part beside it: they don't without its last word."""
    last = part.str.extract(r"([\p{L}\p{N}\p{M}]+)[^\p{L}\p{N}\p{M}]*$").str.to_lowercase()
    return holds(text.str.to_lowercase(), last).fill_null(value=True)
