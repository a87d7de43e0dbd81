"""The trace betrays that its writer saw the answer or the instructions, by what it says or by what it knows too early.

`answer-given` is talk of an answer that somebody gave, of a key, of the ground truth, of agreeing with it, or of
arguing back from it. `instructions` is talk of the prompt: its rules, its format, its sections, the user; and words
for a judge. Both are errors; in a CAPTION they are warnings, as a picture of a worksheet may hold the very words, and
talk of formats and instructions is nothing there, as forms are full of it.
`answer-known`, a warning, is an answer spoken of otherwise than one speaks of what is still to be found: beside words
of knowing or giving that are not about the image, as a premise, as something that tells, settles or must come out; and
the target beside those who hand out and label answers.
`likely`, a warning too, is a sentence in which no phrase is found, but whose words are, taken together, those of a
writer who has the answer (see `_tell`).
`answer-announced` is a SUMMARY or CAPTION that says what the answer is; `answer-in-summary` a SUMMARY, which is to
solve nothing, that holds the target's words although question, choices and context don't; `answer-copied` a target of
25 words or more that stands word for word in one of the two. They are warnings.

What is not told: a target in a CAPTION, as what can be read off an image belongs there; a target of one digit, of
fewer than four letters, or yes and no, in a SUMMARY, as plans hold such words by chance; a writer who leans on the
answer without a word of it; and of phrasings in a manner that nobody foresaw, about one in four: phrases alone miss
three in five of them. That takes a judge.
"""

from collections.abc import Iterable

import polars as pl

from curation.validators import _spotting, _tell
from curation.validators._answer_talk import ANSWER_GIVEN, INSTRUCTIONS, NEARLY_GIVEN, OF_CHOICES, OF_THE_IMAGE
from curation.validators._betrayals import (
    BETRAYALS,
    HANDING,
    HARMLESS,
    MENTIONS,
    PERMITTED,
    TARGET,
    TARGET_HANDED,
)
from curation.validators._hearsay import HEARING, HEARSAY, TARGET_HEARD
from curation.validators._spotting import NAMES, QUOTED, Kind, Phrases, findings, holds, pattern, words

VERSION = 4

_GIVEN = Kind("answer-given", "error", "speaks of an answer that was given, instead of finding it")
_TOLD = Kind("instructions", "error", "speaks of instructions, which a reader of the trace never saw")
_HINTED = Kind("answer-known", "warning", "seems to speak of an answer that was there before the reasoning")
_LIKELIHOOD = Kind("likely", "warning", "sounds like a writer who has the answer already")
_ANNOUNCED = Kind("answer-announced", "warning", "says what the answer is before there is any reasoning")
_FORESEEN = Kind("answer-in-summary", "warning", "holds the target, which the question does not name")
_COPIED = Kind("answer-copied", "warning", "holds the whole target, word for word")

_ANNOUNCEMENT = pattern(
    r"\b(?:answer|(?:correct|right) (?:option|choice|one))(?: to (?:the|this) question| here)?,?(?: therefore| then|"
    r" thus)? "
    r"(?:is|was|must be|should be|would be|will be|turns out to be|being|will turn out to be)(?: [^\n]{0,60})",
    r"\b(?:answer|conclusion)(?-u:\s)?[:=][^\n]{0,60}",
)
_OF_FORMS = pattern(r"instruction|guideline|direct|format|^forget|^ignore|^disregard")
"""What forms and labels say."""
_STEPS = (*(Phrases(_GIVEN, each, OF_CHOICES) for each in ANSWER_GIVEN), Phrases(_TOLD, INSTRUCTIONS))
_LIKELY = (
    Phrases(_HINTED, NEARLY_GIVEN, OF_THE_IMAGE),
    *(Phrases(_HINTED, family, HARMLESS) for family in (*BETRAYALS, HEARSAY)),
    Phrases(_HINTED, MENTIONS, PERMITTED),
)
_SHOWN = (
    *(Phrases(_GIVEN._replace(severity="warning"), each, OF_CHOICES) for each in ANSWER_GIVEN),
    Phrases(_TOLD._replace(severity="warning"), INSTRUCTIONS, _OF_FORMS),
)
_BESIDE = ((HANDING, TARGET_HANDED), (HEARING, TARGET_HEARD))
_ARGUED = ("summary", "reasoning", "conclusion")
_APART = ".\n"
"""What stands between stages that are searched as one: no phrase goes on behind it, and it is an end as good as `$`."""
_PLANNED = ("summary", "reasoning")
_BEFORE = ("summary", "caption")
_ANSWER = 100
"""Bytes of a target that can stand in a sentence."""
_LONG = 25
"""Words of a target that nobody writes twice by chance."""


def check(batch: pl.DataFrame) -> pl.DataFrame:
    """Return the phrases that speak of the answer or of instructions, and the places where the target comes early."""
    argued = batch.select("subject", *_ARGUED, pl.concat_str(_ARGUED, separator=_APART, ignore_nulls=True).alias("all"))
    said = [frame for phrases in _STEPS for frame in _said(argued, phrases)]
    shown = [frame for phrases in _SHOWN for frame in _spotting.spotted(batch, phrases, ("caption",))]
    sure = _once([*said, *shown, *_early(batch)])
    hinted = [frame for phrases in _LIKELY for frame in _said(argued, phrases)]
    hinted += [frame for stage in _PLANNED for frame in _handed(batch, stage)]
    found = pl.concat([sure, _once(hinted).join(sure, on=["subject", "stage"], how="anti")])
    return pl.concat([found, _telling(batch).join(found, on=["subject", "stage"], how="anti")])


def _telling(batch: pl.DataFrame) -> pl.DataFrame:
    """Return the sentence of each stage that tells most, where it tells enough."""
    known = batch.select("subject", *_PLANNED, pl.col("targets").list.first().alias("target"))
    rows = known.unpivot(_PLANNED, index=["subject", "target"], variable_name="stage", value_name="text")
    said = _tell.sentences(rows.drop_nulls("text"))
    said = said.with_columns(pl.Series("score", _tell.load().scores(said["words"]))).filter(pl.col("score") > 0)
    said = said.sort("score", descending=True, maintain_order=True)
    return _spotting.together(
        findings(said.filter(pl.col("stage") == stage), _LIKELIHOOD, stage, pl.col("text").str.strip_chars())
        for stage in _PLANNED
    ).unique(["subject", "stage"], keep="first", maintain_order=True)


def _once(found: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return the findings, of each kind in a stage the one that quotes most."""
    ordered = _spotting.together(found).sort(pl.col("evidence").str.len_bytes(), descending=True, maintain_order=True)
    return ordered.unique(["subject", "what", "stage"], keep="first", maintain_order=True)


def _said(argued: pl.DataFrame, phrases: Phrases) -> list[pl.DataFrame]:
    """Find the phrases in the rows that have one in any stage: these are few, and told by one search of all stages."""
    return _spotting.spotted(argued.filter(pl.col("all").str.contains(phrases.pattern)), phrases, _ARGUED)


def _early(batch: pl.DataFrame) -> list[pl.DataFrame]:
    """Compare the preferred target with what is said before the conclusion."""
    known = batch.filter(pl.col("targets").list.len() > 0).select(
        "subject", *NAMES, "question", "context", "choices", pl.col("targets").list.first().alias("target")
    )
    copied = [_copied(known, stage) for stage in _BEFORE]
    announced = [_announced(known, stage) for stage in _BEFORE]
    return [*announced, _foreseen(known), *copied]


def _handed(batch: pl.DataFrame, stage: str) -> list[pl.DataFrame]:
    """Find the target beside words of handing out, asking and annotating; only these words' sentence is quoted."""
    known = batch.select("subject", stage, pl.col("targets").list.first().alias("target"))
    beside = {f"{number}": pl.col(stage).str.contains(gate) for number, (gate, _) in enumerate(_BESIDE)}
    known = known.filter(pl.col("target").str.len_bytes() <= _ANSWER).with_columns(**beside)
    rows = _holding(known.filter(pl.any_horizontal(*beside)), stage)
    rows = rows.with_columns(words(pl.col("target")).alias("said")).filter(pl.col("said").str.len_bytes() > len("  "))
    rows = rows.with_columns(words(pl.col(stage)).str.split(pl.col("said")).list.join(f" {TARGET} ").alias("masked"))
    return [
        findings(
            rows.filter(pl.col(f"{number}") & pl.col("masked").str.contains(handed)),
            _HINTED,
            stage,
            _around(stage, gate),
        )
        for number, (gate, handed) in enumerate(_BESIDE)
    ]


def _around(stage: str, gate: str) -> pl.Expr:
    return pl.col(stage).str.extract(rf"[^.!?\n]{{0,80}}(?:{gate})[^.!?\n]{{0,80}}", 0)


def _holding(known: pl.DataFrame, stage: str) -> pl.DataFrame:
    """Leave the rows whose stage holds the target, whatever the case: cheap, before words are compared."""
    target = pl.col("target").str.strip_chars().str.to_lowercase()
    return known.filter(target != "", holds(pl.col(stage).str.to_lowercase(), target))


def _announced(known: pl.DataFrame, stage: str) -> pl.DataFrame:
    rows = _holding(known.filter(pl.col(stage).str.contains(_ANNOUNCEMENT)), stage)
    rows = rows.with_columns(pl.col(stage).str.extract(_ANNOUNCEMENT, 0).alias("said"))
    return findings(rows.filter(_has(pl.col("said"), pl.col("target"))), _ANNOUNCED, stage, pl.col("said"))


def _foreseen(known: pl.DataFrame) -> pl.DataFrame:
    rows = _holding(known, "summary").filter(
        pl.col("target").str.contains(r"\p{L}{4}|\d[\d.,]*\d"),
        _has(pl.col("summary"), pl.col("target")),
        *(~_has(pl.col(asked), pl.col("target")) for asked in ("question", "context")),
        ~_has(pl.col("choices").list.join(" "), pl.col("target")),
    )
    return findings(rows, _FORESEEN, "summary", _verbatim("summary"))


def _copied(known: pl.DataFrame, stage: str) -> pl.DataFrame:
    rows = _holding(known.filter(pl.col("target").str.count_matches(r"\S+") >= _LONG), stage)
    return findings(rows, _COPIED, stage, _verbatim(stage))


def _has(text: pl.Expr, target: pl.Expr) -> pl.Expr:
    """Tell whether the target's words stand in the text, as they follow each other."""
    return holds(words(text), words(target))


def _verbatim(stage: str) -> pl.Expr:
    """Return the target's beginning as the stage writes it."""
    beginning = pl.col("target").str.strip_chars().str.slice(0, QUOTED).str.escape_regex()
    return pl.col(stage).str.extract(pl.concat_str(pl.lit("(?i)"), beginning), 0).fill_null(pl.col(stage))
