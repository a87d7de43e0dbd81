"""Where a check of consistency may find something: columns that Polars makes of a batch, so that few rows are read.

A gate may be open for nothing, but is never shut where something would be found. Its patterns are Polars' own, which
take a fiftieth of the time that the check behind them takes.
"""

import polars as pl

from curation.validators._colours import COLOURS
from curation.validators._equations import LONGEST
from curation.validators._figures import SMALL
from curation.validators._spotting import holds, words
from schemas.trace import STAGES

OPINIONS = ("yes", "no", "true", "false")
"""Conclusions that a reasoning may lead to without the word."""
DRAWS = (
    r"(?i:(?:therefore|thus|hence|consequently|as a result|in conclusion|to conclude|it follows|finally|after that|"
    r"lastly|so|from this|this (?:leads|is consistent|matches|means|gives|leaves)|that (?:makes|leaves|means|gives))\b|"
    r"(?:next|then|second(?:ly)?|third(?:ly)?),)"
)
"""Pattern of an opening that can't be a reasoning's first."""
_SPELLED = "(?:[$€£]? ?[0-9]|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|[a-z]{3,5}teen|[a-z]{3,5}ty)"
_EQUATES = (
    r"[=≈≅≃]|\\approx|\\simeq|[0-9)] [-+×*/÷−x] [0-9(]|"
    rf"(?i:[a-z0-9).] (?:plus|minus|times|multiplied by|divided by) {_SPELLED})"
)
"""Pattern of what an equation can't be written without."""
_TELLS = (
    r"(?i:(?-u:\b)(?:half|third|quarter|fifth|tenth|ratio|sum|total|product|average|mean|difference|%|percent) "
    rf"(?:of|between) {_SPELLED}|% of {_SPELLED}|(?-u:\b)(?:twice|double|triple|(?:subtract|add|multiply|divid)"
    rf"(?:ing)?) {_SPELLED})"
)
"""Pattern of what arithmetic can't be told in words without."""
_COMPARED = (
    r"[A-Z0-9][\w'’-]*(?:,? (?:stands at|at|with|has|had|is|was|reached|reaches|recorded|scored|shows)(?: a value of)? "
    r"| ?[:=] ?| ?\()[$€£]?[0-9]|[0-9]%? (?:for|in) [A-Z0-9]|[0-9][0-9,]{3}",
    r"(?-u:\b)(?:red|green|blue|yellow|purple|brown|gr[ae]y|cyan|orange|pink|black|white)(?-u:\b)",
    r"(?i:(?-u:\b)(?:[0-9]{1,2}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)) [a-z]{3,20} [a-z]{3}",
)
"""Patterns of what caption and reasoning are compared in, where both have it: values, colours, counts."""
_STATED = (
    "(?i)(?:answer|option|choice)(?: (?:choice|option))?(?: to (?:the|this) question)?"
    "(?: is|:| must be| should be| would be) "
)
_WORDY = r"^[A-Za-z][A-Za-z .,'()*-]*$"
_NUMBERS = rf"(?i-u:\b(?:{'|'.join(SMALL)})\b)"
_ENDS_IN_A_FIGURE = (
    r"(?:=|\b(?:is|are|equals|gives|leaves|left|makes|get|to|of|with|has|conclude)) "
    r"([0-9]{1,3}(?:\.[0-9]+)?)((?:[^0-9\p{L}][^0-9]*)?)$"
)
"""Pattern of a reasoning with the last figure of it in digits, which no label is, and what stands behind that."""
_A_FIGURE = r"^[$€£]?([0-9]{1,3}(?:\.[0-9]+)?)[°%]?\.?$"
_EDGES = " \t\n.*"
_LAST = 200


def gated(batch: pl.DataFrame, read: tuple[str, ...], formal: str) -> pl.DataFrame:
    """Return the rows for which a gate is open, in the columns named and those of the gates.

    Rows of the source `formal`, and of none, are all returned: they may be in a formal language.
    """
    gates = batch.select(*read, *_gates())
    is_formal = pl.col("source").is_null() | (pl.col("source") == formal)
    lists = (pl.col(each).list.any() for each in ("equates", "tells", "claims"))
    return _with_ends(gates).filter(pl.any_horizontal(is_formal, *lists, "steps", "order", "ends"))


def _gates() -> list[pl.Expr]:
    """Return a column for each check of texts but those of the ending."""
    caption, reasoning = pl.col("caption").str.slice(0, LONGEST), pl.col("reasoning").str.slice(0, LONGEST)
    before = pl.concat_str([pl.col("question"), caption], separator="\n")
    values, colours, counts = (before.str.contains(each) & reasoning.str.contains(each) for each in _COMPARED)
    options = (pl.col("choices").list.len() > 0) & reasoning.str.contains("(?:[oO]ption|[cC]hoice) ")
    stages = [pl.col(stage.value).str.slice(0, LONGEST) for stage in STAGES]
    return [
        pl.concat_list(each.str.contains(_EQUATES).fill_null(False) for each in stages).alias("equates"),
        pl.concat_list(each.str.contains(_TELLS).fill_null(False) for each in stages).alias("tells"),
        pl.concat_list(each.fill_null(False) for each in (values, colours, counts, options)).alias("claims"),
        reasoning.str.contains("(?i:step) ?[0-9]").fill_null(False).alias("steps"),
        reasoning.str.contains(rf"^\s*{DRAWS}|(?:Second|Third|Fourth)(?:ly)?,").fill_null(False).alias("order"),
    ]


def _with_ends(gates: pl.DataFrame) -> pl.DataFrame:
    """Say where the conclusion may be wrong by what was said before: hardly where it is said there, in plain words."""
    ended = pl.col("reasoning").is_not_null() & pl.col("conclusion").is_not_null()
    said = _is_plainly_said() | _is_last_figure()
    gates = gates.with_columns((ended & ~said.fill_null(False)).alias("ends")).with_row_index("row")
    left = gates.filter("ends").select("row", "caption", "reasoning", "conclusion").filter(_cant_differ())
    wanted = words(pl.col("conclusion"))
    said = holds(words(pl.col("reasoning")), wanted) | holds(words(pl.col("caption").fill_null("")), wanted)
    settled = left.filter(said | wanted.str.strip_chars(" ").is_in(OPINIONS))["row"]
    return gates.with_columns(pl.col("ends") & ~pl.col("row").is_in(settled.implode())).drop("row")


def _is_plainly_said() -> pl.Expr:
    """Tell where the conclusion, plain words, is the last thing that the reasoning says: most are written so."""
    end = pl.col("reasoning").str.slice(-_LAST).str.strip_chars(_EDGES).str.to_lowercase()
    wanted = pl.col("conclusion").str.strip_chars(_EDGES).str.to_lowercase()
    plain = wanted.str.contains(r"^[$a-z0-9][a-z0-9 .,%$-]*$") & (wanted.str.len_bytes() < _LAST // 2)
    return plain & (end.str.ends_with(pl.lit(" ") + wanted) | (end == wanted))


def _is_last_figure() -> pl.Expr:
    """Tell where the conclusion is a figure, and the last one that the reasoning, which states no answer, gives."""
    reasoning = pl.col("reasoning")
    figure = reasoning.str.extract(_ENDS_IN_A_FIGURE, 1) == pl.col("conclusion").str.extract(_A_FIGURE)
    more = reasoning.str.extract(_ENDS_IN_A_FIGURE, 2).str.contains(_NUMBERS) | reasoning.str.contains(_STATED)
    return figure & ~more & (reasoning.str.len_bytes() < LONGEST)


def _cant_differ() -> pl.Expr:
    """Tell where neither a stated answer, nor a figure or a colour can be another than the conclusion's."""
    plain = pl.col("conclusion").str.strip_chars(" .*").str.to_lowercase()
    return (
        (pl.col("conclusion").str.len_bytes() < _LAST)
        & pl.col("conclusion").str.contains(_WORDY)
        & ~pl.col("conclusion").str.contains(_NUMBERS)
        & ~plain.is_in(sorted(COLOURS))
        & ~pl.col("reasoning").str.contains(_STATED)
    )
