"""A trace is written in its question's language, in one script, from the first stage to the last.

Scripts are told by Unicode's ranges: a stage of 24 letters or more most of which are of another script than most of
the question's is `other-script`; one of two scripts, the lesser with 24 letters and a fifth of all, is
`mixed-scripts`. Latin letters count in words of four or more, as formulas and names of points are written in them
everywhere; Han and Kana are one script here. `homoglyph` is a word of Latin and Cyrillic letters, which no language
writes.

Among the languages of Latin script seven are told apart by their commonest words, those that hardly occur in the
other six: a text is of the one that has most, where it has three or more and twice as many as the next.
`other-language` is a stage in another language than the question's, or, where a question is too short to tell, than
the trace's longest stage; `mixed-languages` is a stage whose halves are of two.

Findings on the CAPTION are warnings, as is a trace that is in another language from end to end: a picture may hold
foreign words, and a user may want it so. A stage that differs from others of its trace is an error.

What is not told: the language of a CONCLUSION, or of fewer letters or words than said; languages of one script other
than Latin; languages that none of the lists is of.
"""

import polars as pl

from curation.validators import _spotting
from curation.validators._spotting import Kind, findings

VERSION = 1

_JUDGED = ("summary", "caption", "reasoning")
_OTHER_SCRIPT = Kind("other-script", "error", "is in another script than the question")
_MIXED_SCRIPTS = Kind("mixed-scripts", "warning", "is in two scripts")
_HOMOGLYPH = Kind("homoglyph", "warning", "has a word of Latin and Cyrillic letters")
_OTHER_LANGUAGE = Kind("other-language", "error", "is in another language than the question, or than the other stages")
_MIXED_LANGUAGES = Kind("mixed-languages", "error", "begins in one language and goes on in another")

_SCRIPTS = {
    "Han": (r"[\p{Han}\p{Hiragana}\p{Katakana}]", 3),
    "Hangul": (r"\p{Hangul}", 2),
    "Cyrillic": (r"\p{Cyrillic}", 1),
    "Arabic": (r"\p{Arabic}", 1),
    "Hebrew": (r"\p{Hebrew}", 1),
    "Greek": (r"\p{Greek}{4}", 4),
    "Devanagari": (r"\p{Devanagari}", 1),
    "Thai": (r"\p{Thai}", 1),
}
"""A pattern of the script's letters, and how many Latin letters say as much as a match of it."""
_LATIN = r"\p{Latin}{4,}"
_FOREIGN = "|".join(letters for letters, _ in _SCRIPTS.values())
_FOREIGN_RUN = rf"(?:{_FOREIGN})[\p{{L}}\p{{M}}\p{{N}}\p{{P}}\s]*"
"""Without a bound, which would take a tenth of a second to make ready: evidence is cut anyway."""
_LETTERS = 24
"""Letters from which on a script is judged; a question's, from the first."""
_LESSER = 0.2
"""Share of the letters from which on a second script is more than a quotation."""
_JOINED = r"[A-Za-z]\p{Cyrillic}|\p{Cyrillic}[A-Za-z]"

_WORDS = {
    "English": "the of and with are this that which from there have each because it to we has its",
    "German": "der und ist nicht mit eine ein sich auf dem wird sind zu für im von dass wir auch zeigt",
    "French": "les est dans une du et pour sur avec cette qui sont nous au aux ce donc il nous pas",
    "Spanish": "el los las y del con muestra se su por lo cada entre más esta respuesta imagen hasta",
    "Italian": "il di che è della nel gli sono della per questa più dell un si dei immagine alla",
    "Portuguese": "o os uma não em da na ao mais são dos das pela isso imagem há",
    "Dutch": "het van een zijn niet dat met op voor te er deze wordt naar aan ook bij",
}
"""Words of each language that are rare in the others."""
_PATTERNS = {name: _spotting.pattern(rf"\b(?:{said.replace(' ', '|')})\b") for name, said in _WORDS.items()}
_NOT_ENGLISH = _spotting.pattern(rf"\b(?:{'|'.join(' '.join(list(_WORDS.values())[1:]).split())})\b")
_BOUNDED = 4000
"""Characters of a stage that are looked at for its language."""
_TELLING = 12
"""Words from which on a language is judged."""
_ENOUGH = 3


def check(batch: pl.DataFrame) -> pl.DataFrame:
    """Return the stages in another script or language than the question."""
    written = batch.select("subject", "question", *_JUDGED).filter(pl.col("summary").is_not_null())
    return _spotting.together([*_scripts(_foreign(written)), *_languages(_doubtful(written))])


def _by_stage(written: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each stage, which is `said`."""
    kept = [column for column in written.columns if column not in _JUDGED]
    return written.unpivot(_JUDGED, index=kept, variable_name="stage", value_name="said").drop_nulls("said")


def _foreign(written: pl.DataFrame) -> pl.DataFrame:
    """Leave the traces with a letter of another script than Latin, in their stages or their question."""
    texts = ("question", *_JUDGED)
    beyond = written.filter(
        pl.any_horizontal(pl.col(text).str.len_bytes() != pl.col(text).str.len_chars() for text in texts)
    )
    return _by_stage(beyond.filter(pl.any_horizontal(pl.col(text).str.contains(_FOREIGN) for text in texts)))


def _scripts(foreign: pl.DataFrame) -> list[pl.DataFrame]:
    own = foreign.with_columns(_unquoted().alias("own"))
    counted = own.with_columns(_letters("own").alias("letters"), _letters("question").alias("asked"))
    judged = counted.filter(pl.col("letters").list.sum() >= _LETTERS).with_columns(
        pl.col("letters").list.arg_max().alias("is"),
        pl.when(pl.col("asked").list.sum() > 0).then(pl.col("asked").list.arg_max()).alias("expected"),
    )
    second = pl.col("letters").list.sort(descending=True).list.get(1)
    mixed = judged.filter(second >= _LETTERS, second >= _LESSER * pl.col("letters").list.sum())
    joined = foreign.filter(pl.col("said").str.contains(_JOINED))
    return [
        _differing(judged, _OTHER_SCRIPT),
        _placed(mixed, _MIXED_SCRIPTS, pl.col("said").str.extract(_FOREIGN_RUN, 0)),
        _placed(joined, _HOMOGLYPH, pl.col("said").str.extract(rf"\S{{0,40}}(?:{_JOINED})\S{{0,40}}", 0)),
    ]


def _unquoted() -> pl.Expr:
    """Return a stage's own words: one that quotes a Chinese question in English is English."""
    apart = pl.col("said").str.split(pl.col("question")).list.join(" ")
    return pl.when(pl.col("question") != "").then(apart).otherwise("said")


def _letters(text: str) -> pl.Expr:
    """Return how many letters of Latin and of each other script a text has, in letters of Latin."""
    latin = pl.col(text).str.extract_all(_LATIN).list.join("").str.len_chars()
    return pl.concat_list(latin, *(pl.col(text).str.count_matches(like) * worth for like, worth in _SCRIPTS.values()))


def _doubtful(written: pl.DataFrame) -> pl.DataFrame:
    """Leave the traces with words of another language than English in a stage or in the question."""
    texts = ("question", *_JUDGED)
    doubtful = pl.any_horizontal(pl.col(text).str.count_matches(_NOT_ENGLISH) >= _ENOUGH for text in texts)
    return _by_stage(written.filter(doubtful).with_columns(_language(_hits(pl.col("question"))).alias("asked")))


def _languages(stages: pl.DataFrame) -> list[pl.DataFrame]:
    said = pl.col("said").str.slice(0, _BOUNDED)
    half = said.str.len_chars() // 2
    judged = stages.filter(pl.col("said").str.count_matches(" ", literal=True) >= _TELLING)
    profiled = judged.with_columns(
        _hits(said.str.slice(0, half)).alias("first"), _hits(said.str.slice(half)).alias("second")
    ).with_columns(
        _language(pl.col("first") + pl.col("second")).alias("is"),
        _language(pl.col("first")).alias("begins"),
        _language(pl.col("second")).alias("ends"),
    )
    halved = (pl.col("begins") != pl.col("ends")).fill_null(value=False)
    whole = profiled.filter(~halved, pl.col("is").is_not_null())
    longest = whole.sort(pl.col("said").str.len_chars(), "stage", descending=True).unique("subject", keep="first")
    whole = whole.join(longest.select("subject", pl.col("is").alias("mostly")), on="subject")
    return [
        _differing(whole.with_columns(pl.coalesce("asked", "mostly").alias("expected")), _OTHER_LANGUAGE),
        _placed(profiled.filter(halved), _MIXED_LANGUAGES, pl.col("said").str.slice(half)),
    ]


def _hits(text: pl.Expr) -> pl.Expr:
    """Count a text's common words of each language."""
    return pl.concat_list(text.str.count_matches(like) for like in _PATTERNS.values())


def _language(hits: pl.Expr) -> pl.Expr:
    """Return the language that has by far the most words, null where none has."""
    ranked = hits.list.sort(descending=True)
    clear = (ranked.list.first() >= _ENOUGH) & (ranked.list.first() >= 2 * ranked.list.get(1))
    names = dict(enumerate(_PATTERNS))
    return pl.when(clear).then(hits.list.arg_max().replace_strict(names, return_dtype=pl.String))


def _differing(judged: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """Find the stages that are not what is expected: an error where other stages of the trace are."""
    other = pl.col("is") != pl.col("expected")
    partly = (~other).any().over("subject") & (pl.col("stage") != "caption")
    rows = judged.with_columns(partly.alias("partly")).filter(other)
    return _placed(rows, kind, pl.col("said")).with_columns(
        pl.when(rows["partly"]).then("severity").otherwise(pl.lit("warning")).alias("severity")
    )


def _placed(rows: pl.DataFrame, kind: Kind, evidence: pl.Expr) -> pl.DataFrame:
    return findings(rows, kind, None, evidence).with_columns(rows["stage"])
