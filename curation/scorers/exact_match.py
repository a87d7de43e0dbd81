"""Exact match: the same text, but for case, blanks and a period at the end; for answers of one or two words.

Source: https://arxiv.org/abs/1606.05250, section 6.1 (SQuAD), with a milder normalisation of our own, as scenes have
one way to write each answer: articles and the punctuation within an answer stay as they are.
"""

from curation.scorers import Score
from schemas.sample import Turn


def score(prediction: str, turn: Turn) -> Score:
    """Return 1.0 where the prediction is a target, else 0.0. Raises ValueError where there is none."""
    if not turn.targets:
        raise ValueError("exact match needs a turn with a target")
    correct = _normal(prediction) in {_normal(target) for target in turn.targets}
    return Score(float(correct), correct)


def _normal(text: str) -> str:
    return " ".join(text.split()).removesuffix(".").rstrip().casefold()
