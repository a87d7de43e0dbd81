"""Fit the statistical tell of leakage, and write it: `python -m tests.make_leak_tell`.

Phrasings that leak against phrasings that don't and the sentences of good traces: logistic regression with a penalty
on squares, by Nesterov's accelerated gradient (Beck and Teboulle 2009, https://doi.org/10.1137/080716542). Nothing
is drawn but the good traces and the targets that are put in the phrasings, from a seed; weights have two decimals.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.validators import Subject, _tell
from tests import plain_phrases
from tests.clean_traces import clean
from tests.leak_phrases import KNOWN, TAUGHT

FILE = Path(_tell.__file__).with_name("leak_tell.tsv")
_TARGETS = ("a dog", "42", "Norway", "red", "7", "Brookfield", "the left one", "3.5", "two", "B")
_SEEN = 3
"""Phrasings that leak, in which a word has to stand."""
_GOOD = 3000
_STEPS = 1500
_PENALTY = 1.0
_THRESHOLD = 1.25
"""What the weights have to sum to: chosen on texts of people and models who had no answer; less than 1 % are told."""

Floats = npt.NDArray[np.float64]


class Sparse(NamedTuple):
    """A matrix of counts: which feature stands in which sentence."""

    at: _tell.Ints
    features: _tell.Ints
    sentences: int
    size: int

    def times(self, weights: Floats) -> Floats:
        """Return the sum of the weights for each sentence."""
        return np.bincount(self.at, weights[self.features], self.sentences)

    def transposed(self, of_sentences: Floats) -> Floats:
        """Return the sum of the sentences' values for each feature."""
        return np.bincount(self.features, of_sentences[self.at], self.size)


def phrased(phrases: Iterable[str], seed: int = 0) -> pl.DataFrame:
    """Return phrasings as rows of a text and its target."""
    rng = Random(seed)
    rows = [(phrase, rng.choice(_TARGETS)) for phrase in phrases]
    made = [(phrase.replace("{answer}", target), target) for phrase, target in rows]
    return pl.DataFrame(made, ["text", "target"], orient="row")


def spoken(subjects: Iterable[Subject]) -> pl.DataFrame:
    """Return the summaries and reasonings of traces as rows of a text and its target."""
    rows = [(text, each.sample.turns[each.turn].target) for each in subjects for text in _argued(each)]
    return pl.DataFrame(rows, ["text", "target"], orient="row")


def _argued(subject: Subject) -> tuple[str, ...]:
    return (subject.stages.summary, subject.stages.reasoning) if subject.stages else ()


def fitted(leaks: Sequence[str], others: Sequence[str], good: pl.DataFrame) -> _tell.Tell:
    """Return the model of phrasings that leak against others, and sentences of good traces."""
    leaking = _tell.sentences(phrased(leaks))["words"]
    harmless = pl.concat([_tell.sentences(phrased(others)), _tell.sentences(good).unique("words", maintain_order=True)])
    counts = Counter(word for words in leaking.to_list() for word in set(words))
    numbers = {word: number for number, word in enumerate(sorted(w for w, n in counts.items() if n >= _SEEN), 1)}
    said = pl.concat([leaking, harmless["words"]])
    labels = np.arange(len(said)) < len(leaking)
    at, features = _tell.featured(said, numbers)
    used, places = np.unique(features, return_inverse=True)
    weights, bias = _regression(Sparse(at, places, len(said), len(used)), labels)
    size = len(numbers) + 1
    table = np.zeros(size + 2 * size * size)
    table[used] = weights.round(2)
    return _tell.Tell(numbers, table, round(bias - _THRESHOLD, 2))


def _regression(matrix: Sparse, labels: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
    """Return the weights and the bias that explain the labels best."""
    step = 1 / (_PENALTY + _largest(matrix) / 4)
    weights, before = np.zeros((2, matrix.size + 1))
    for count in range(_STEPS):
        ahead = weights + count / (count + 3) * (weights - before)
        wrong = 1 / (1 + np.exp(-matrix.times(ahead[:-1]) - ahead[-1])) - labels
        slope = np.append(matrix.transposed(wrong) + _PENALTY * ahead[:-1], wrong.sum())
        before, weights = weights, ahead - step * slope
    return weights[:-1], float(weights[-1])


def _largest(matrix: Sparse) -> float:
    """Return the largest eigenvalue of the matrix, with a column of ones, times its transpose: by power iteration."""
    guess: Floats = np.ones(matrix.size + 1)
    for _ in range(50):
        guess /= np.linalg.norm(guess)
        seen = matrix.times(guess[:-1]) + guess[-1]
        guess = np.append(matrix.transposed(seen), seen.sum())
    return float(np.linalg.norm(guess))


def written(tell: _tell.Tell) -> str:
    """Return the model as the file has it: a line for each weight, in the order of their names."""
    words = [_tell.OTHER, *tell.numbers]
    named = {_tell.name(int(each), words): tell.weights[each] for each in np.flatnonzero(tell.weights)}
    return "".join(f"{weight:.2f}\t{name}\n" for name, weight in sorted({"": tell.bias, **named}.items()))


def main() -> None:
    """Fit to all that is known, and write the file."""
    tell = fitted((*KNOWN, *TAUGHT), plain_phrases.PLAIN, spoken(clean(_GOOD)))
    FILE.write_text(written(tell), encoding="utf-8")
    print(f"{len(tell.numbers)} words, {np.count_nonzero(tell.weights)} weights, {FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
