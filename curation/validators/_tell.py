"""A statistical tell: how much a sentence sounds like those of a writer who has the answer already.

A linear model over a few hundred words: those that such sentences are made of, not what they are about; the target is
one word too. Each word of a sentence has a weight, each two that follow each other, and each two with one between
them. `tests/make_leak_tell.py` fits them by logistic regression to phrasings that leak and others that don't, and
writes `leak_tell.tsv`: a line for each, as `the answer` or `the _ answer`. A sentence whose weights sum to more than 0
is told. No weight is of a word that leaks have less than three times, so that the rest of the language counts nothing.
"""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

TARGET = "@@"
"""What stands for the target."""
OTHER = "*"
"""What stands for a word that is none of the model's."""
_GAP = "_"
_SENTENCE = r"(?:[^.!?\n]|[.!?][^ \n\t\r])+"
_WORD = r"'(?:[stmd]|ll|ve|re)|[a-z]+|[0-9]+(?:[.,][0-9]+)*|[^\x00-\x7f]+"
_BYTES = (12, 600)
"""Of a sentence that is looked at: a longer one is a list or a loop, in which chance adds up."""
_ANSWER = 100
"""Bytes of a target that can stand in a sentence."""
_MUTE = ("  ", " a ", " i ")
"""Targets that stand in any sentence."""
_AT_ONCE = 1 << 13
"""Sentences, of which a mark for each word of the model is kept: 5 MB."""

Ints = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]


class Tell(NamedTuple):
    """The model."""

    numbers: dict[str, int]
    """Its words' numbers, from 1; 0 is any other word."""
    weights: Weights
    """Of each feature."""
    bias: float

    def scores(self, said: pl.Series) -> Weights:
        """Return the sum of the weights for each sentence, which is a list of words."""
        found = np.full(len(said), self.bias)
        for start in range(0, len(said), _AT_ONCE):
            some = said.slice(start, _AT_ONCE)
            at, features = featured(some, self.numbers)
            found[start : start + len(some)] += np.bincount(at, self.weights[features], len(some))
        return found


@cache
def load() -> Tell:
    """Read the model."""
    lines = files("curation.validators").joinpath("leak_tell.tsv").read_text(encoding="utf-8").splitlines()
    weight_of = {feature: float(weight) for weight, feature in (line.split("\t") for line in lines)}
    bias = weight_of.pop("")
    words = {word for feature in weight_of for word in feature.split(" ")} - {OTHER, _GAP}
    numbers = {word: number for number, word in enumerate(sorted(words), 1)}
    size = len(numbers) + 1
    weights = np.zeros(size + 2 * size * size)
    for feature, weight in weight_of.items():
        weights[_index(feature, numbers)] = weight
    return Tell(numbers, weights, bias)


def _index(feature: str, numbers: dict[str, int]) -> int:
    words, size = feature.split(" "), len(numbers) + 1
    if len(words) == 1:
        return numbers[feature]
    pair = numbers.get(words[0], 0) * size + numbers.get(words[-1], 0)
    return size + pair + (size * size if words[1] == _GAP else 0)


def name(feature: int, words: list[str]) -> str:
    """Return how the file writes a feature; `words` has the model's by number, `OTHER` first."""
    size = len(words)
    if feature < size:
        return words[feature]
    apart, pair = divmod(feature - size, size * size)
    return (f" {_GAP} " if apart else " ").join((words[pair // size], words[pair % size]))


def featured(said: pl.Series, numbers: dict[str, int]) -> tuple[Ints, Ints]:
    """Return the features of sentences, lists of words: for each the number of its sentence, and its own.

    First each word of the model that stands in a sentence, once; then each pair of neighbours of which one is of the
    model; then each pair with a word between them of which both are.
    """
    size = len(numbers) + 1
    lengths = said.list.len().to_numpy()
    at = np.repeat(np.arange(len(said)), lengths)
    names = pl.Enum([OTHER, *numbers])
    ids = said.explode(empty_as_null=False).cast(names, strict=False).to_physical().fill_null(0).to_numpy().astype(int)
    there = np.zeros(len(said) * size, np.bool_)
    there[at * size + ids] = True
    alone = np.flatnonzero(there)
    alone = alone[alone % size > 0]
    next_to = np.flatnonzero((at[1:] == at[:-1]) & (ids[1:] + ids[:-1] > 0))
    apart = np.flatnonzero((at[2:] == at[:-2]) & (ids[2:] * ids[:-2] > 0))
    features = (
        alone % size,
        size + ids[next_to] * size + ids[next_to + 1],
        size + size * size + ids[apart] * size + ids[apart + 2],
    )
    return np.concatenate([alone // size, at[next_to], at[apart]]), np.concatenate(features)


def sentences(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the sentences of texts, in English: of `text`, beside its `target`, one a row, with its `words`.

    The other columns stay; `text` becomes the sentence, and `target` the words that are looked for.
    """
    target = pl.when(pl.col("target").str.len_bytes() <= _ANSWER).then(_plain("target"))
    each = rows.with_columns(pl.when(~target.is_in(_MUTE)).then(target).alias("target"))
    each = each.with_columns(pl.col("text").str.extract_all(_SENTENCE)).explode("text", empty_as_null=False)
    each = each.filter(pl.col("text").str.len_bytes().is_between(*_BYTES)).with_columns(_plain("text").alias("said"))
    masked = pl.col("said").str.split(pl.col("target")).list.join(f" {TARGET} ").fill_null(pl.col("said"))
    return each.select(pl.exclude("said"), masked.str.strip_chars(" ").str.split(" ").alias("words"))


def _plain(column: str) -> pl.Expr:
    """Return the words of a text in lower case, each between blanks."""
    words = pl.col(column).str.to_lowercase().str.replace_all("’", "'", literal=True).str.extract_all(_WORD)
    return pl.concat_str(pl.lit(" "), words.list.join(" "), pl.lit(" "))
