"""Stages that are too long or too short, that repeat themselves, break off, or are copies of each other.

`loop` (an error) is text that goes round: the same 1 to 40 words four times in a row, over 12 words or more; or, where
words are not told by blanks, text that zlib packs to an eighth or less, which prose never does.
`repeated` is a stage of which three sentences in ten, by characters, stood there before: the measure and the limit of
Gopher (Rae et al. 2021, arXiv 2112.11446, table A1). `copied` is a stage that is an earlier one, and little else.
`long` is a stage above its limit of words, or a trace of more than 16,384 characters, which a trainer's context of
4,096 tokens cuts; `short` a CAPTION of one word, or a REASONING no longer than the conclusion; `cut` a stage that ends
in a comma or in a word that wants another. Length alone says little of quality, and a filter on it harms (HoneyBee,
arXiv 2510.12225): all but the loop are warnings, for a person or a policy to decide on.

What is not told: a sentence said twice in a long stage, and a paraphrase that goes round in other words. Of a stage of
more than 100,000 characters, both ends are looked at for loops.
"""

import re
import zlib

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curation.validators import _spotting
from curation.validators._spotting import NAMES, QUOTED, Kind, findings, holds, may_hold, words

VERSION = 1

_LOOP = Kind("loop", "error", "says the same over and over")
_REPEATED = Kind("repeated", "warning", "repeats what it said before, three sentences in ten or more")
_COPIED = Kind("copied", "warning", "is a copy of an earlier stage")
_LONG = Kind("long", "warning", "is longer than a stage of its kind should be")
_LONG_TRACE = Kind("long", "warning", "the trace is longer than 4,096 tokens, where trainers cut")
_SHORT = Kind("short", "warning", "is too short to say anything")
_CUT = Kind("cut", "warning", "breaks off in the middle of a sentence")

_MOST_WORDS = {"summary": 200, "caption": 700, "reasoning": 1500, "conclusion": 100}
_MOST_CHARACTERS = 16_384
_ANSWER = 100
"""Characters of a conclusion up to which it is an answer that wants reasons; a longer one describes."""
_ENDS_OPEN = r"(?:[,;(]|\b(?:the|an?|of|and|or|to|is|are|was|were|with|in|that|which|because|by|for|from|on|at|as))$"
_COPY_FROM = 40
"""Bytes from which on two stages being the same is no chance."""
_SENTENCE = re.compile(r"[^.!?\n。！？]{20,}")
"""A sentence or a line, of a length from which on saying it twice is a repetition."""
_GOPHER = 0.3
_QUOTES = {"subject": pl.String, "quote": pl.String}
_PERIOD, _TIMES, _OVER = 40, 4, 12
"""Words that a loop has at most, how often they come, and words that they make together."""
_GRAM = 4
"""Words that are compared at once."""
_PACKED = 8
_LONG_WORDS = 12
"""Characters of a word, on average, from which on blanks don't divide the text into words."""
_SLICE = 20_000
"""Rows whose words are held at once."""
_END = 50_000
"""Characters at each end of a stage that are looked at for loops."""


def check(batch: pl.DataFrame) -> pl.DataFrame:
    """Return what is wrong with the lengths of stages, and what is said more than once."""
    written = batch.filter(pl.col("summary").is_not_null())
    return _spotting.together(
        [
            *(_looping(written, stage) for stage in NAMES),
            *(_repeated(written, stage) for stage in NAMES),
            *_copied(written),
            *(_long(written, stage) for stage in NAMES),
            findings(written.filter(pl.col("text").str.len_chars() > _MOST_CHARACTERS), _LONG_TRACE, None, pl.lit("")),
            *_short(written),
            *(_cut(written, stage) for stage in NAMES[:3]),
        ]
    )


def _long(written: pl.DataFrame, stage: str) -> pl.DataFrame:
    """Find stages above their limit; a conclusion may be twice as long as its target."""
    most = pl.lit(_MOST_WORDS[stage])
    if stage == "conclusion":
        targets = pl.col("targets").list.join(" ").str.count_matches(" ", literal=True)
        most = pl.max_horizontal(most, 2 * targets.fill_null(0))
    rows = written.filter(pl.col(stage).str.len_bytes() > 2 * _MOST_WORDS[stage])
    rows = rows.filter(pl.col(stage).str.count_matches(r"\s+") >= most)
    return findings(rows, _LONG, stage, pl.col(stage))


def _short(written: pl.DataFrame) -> list[pl.DataFrame]:
    wordless = ~pl.col("caption").str.contains(r"\S\s+\S|[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]{2}")
    lengths = {stage: pl.col(stage).str.len_chars() for stage in ("reasoning", "conclusion")}
    bare = (lengths["reasoning"] <= lengths["conclusion"]) & (lengths["conclusion"] <= _ANSWER)
    return [
        findings(written.filter(wordless), _SHORT, "caption", pl.col("caption")),
        findings(written.filter(bare), _SHORT, "reasoning", pl.col("reasoning")),
    ]


def _cut(written: pl.DataFrame, stage: str) -> pl.DataFrame:
    ending = pl.col(stage).str.tail(QUOTED)
    rows = written.filter(pl.col(stage).str.tail(12).str.contains(_ENDS_OPEN))
    return findings(rows, _CUT, stage, ending)


def _copied(written: pl.DataFrame) -> list[pl.DataFrame]:
    pairs = (("summary", "caption"), ("summary", "reasoning"), ("caption", "reasoning"), ("reasoning", "conclusion"))
    return [_copies(written, one, other) for one, other in pairs]


def _copies(written: pl.DataFrame, one: str, other: str) -> pl.DataFrame:
    """Find where the longer of two stages is the shorter, and little else; the later one is told."""
    lengths = [pl.col(stage).str.len_bytes() for stage in (one, other)]
    shorter, longer = pl.min_horizontal(lengths), pl.max_horizontal(lengths)
    near = written.filter(shorter >= _COPY_FROM, 3 * shorter >= 2 * longer)
    near = near.filter(may_hold(pl.col(one), pl.col(other)) | may_hold(pl.col(other), pl.col(one)))
    near = near.with_columns(words(pl.col(one)).alias("one"), words(pl.col(other)).alias("other"))
    same = holds(pl.col("one"), pl.col("other")) | holds(pl.col("other"), pl.col("one"))
    return findings(near.filter(same), _COPIED, other, pl.col(other))


def _repeated(written: pl.DataFrame, stage: str) -> pl.DataFrame:
    rows = written.select("subject", stage).filter(pl.col(stage).str.len_bytes() > 80)
    lines = pl.col(stage).str.replace_all("\n", ". ", literal=True).str.split(". ")
    rows = rows.filter(lines.list.n_unique() < lines.list.len())
    found = [
        (subject, again[0])
        for subject, text in rows.iter_rows()
        if (again := _said_before(_SENTENCE.findall(text))) and sum(map(len, again)) >= _GOPHER * len(text)
    ]
    return findings(pl.DataFrame(found, _QUOTES, orient="row"), _REPEATED, stage, pl.col("quote"))


def _said_before(sentences: list[str]) -> list[str]:
    """Return the sentences that came before, each time they come again."""
    seen = set[str]()
    again = []
    for sentence in map(str.strip, sentences):
        if sentence in seen:
            again.append(sentence)
        seen.add(sentence)
    return again


def _looping(written: pl.DataFrame, stage: str) -> pl.DataFrame:
    rows = written.select("subject", stage).filter(pl.col(stage).str.len_bytes() > 2 * _OVER)
    likely = pl.concat([part.filter(_may_loop(part[stage])) for part in rows.iter_slices(_SLICE)] or [rows])
    found = [(subject, loop) for subject, text in likely.iter_rows() if (loop := _loop(text))]
    return findings(pl.DataFrame(found, _QUOTES, orient="row"), _LOOP, stage, pl.col("quote"))


def _may_loop(texts: pl.Series) -> pl.Series:
    """Tell which texts hold a few words that stood so many words before, or are hardly divided into words.

    A loop is at least nine words in a row that are the same as those a period before. So one in four of all words is
    compared with those up to 40 before, and where it is the same the next three are.
    """
    flat = pl.select(said=texts.str.replace_all("\n", " ", literal=True).str.split(" ")).with_row_index("row")
    undivided = texts.str.len_chars() > _LONG_WORDS * flat["said"].list.len()
    flat = flat.explode("said").with_columns(pl.col("said").hash().alias("hash"))
    row, said = (np.pad(flat[name].to_numpy(), (_PERIOD, _GRAM)) for name in ("row", "hash"))
    loops = np.zeros(len(texts), dtype=bool)
    for period in range(1, _PERIOD + 1):
        at = _same(said, period)
        loops[row[at[row[at] == row[at - period]]]] = True
    return undivided | pl.Series(loops)


def _same(said: NDArray[np.uint64], period: int) -> NDArray[np.intp]:
    """Return places where four words are those a period before; the first 40 words are padding."""
    steps = said[_PERIOD:-_GRAM:_GRAM] == said[_PERIOD - period : -_GRAM - period : _GRAM]
    at = _PERIOD + _GRAM * np.flatnonzero(steps)
    for step in range(1, _GRAM):
        at = at[said[at + step] == said[at + step - period]]
    return at


def _loop(text: str) -> str | None:
    """Return the text from where it goes round."""
    if len(text) > 2 * _END:
        return _loop(text[:_END]) or _loop(text[-_END:])
    said = text.split()
    if len(text) > _LONG_WORDS * len(said):
        return _packed(text)
    at = _round(said)
    return None if at is None else _from_word(text, at)


def _packed(text: str) -> str | None:
    data = text.encode()
    return text if len(data) >= 256 and len(zlib.compress(data, 1)) * _PACKED <= len(data) else None


def _round(said: list[str]) -> int | None:
    """Return the number of the word where a loop begins.

    One pass: where each gram is as far from the last one of its kind as the gram before it was, words come again. Only
    what has a letter counts, as tables have rows of noughts and of dashes.
    """
    last: dict[tuple[str, ...], int] = {}
    period = run = 0
    for at, gram in enumerate(zip(said, said[1:], said[2:], said[3:], strict=False)):
        before = at - last.get(gram, at)
        last[gram] = at
        run = run + 1 if before == period else 1
        period = before
        again = run + _GRAM - 1 + period
        if 0 < period <= _PERIOD and again >= max(_OVER, _TIMES * period) and any(map(_has_letter, gram)):
            return at - run - period + 1
    return None


def _has_letter(word: str) -> bool:
    return any(map(str.isalpha, word))


def _from_word(text: str, number: int) -> str:
    starts = (match.start() for match in re.finditer(r"\S+", text))
    return text[next(start for at, start in enumerate(starts) if at == number) :]
