"""Relaxed accuracy, the metric of ChartQA: a number may be 5 % off, any other answer must be the same text.

Source: https://arxiv.org/abs/2203.10244, section 5.1, in the form of `relaxed_correctness` in
https://github.com/google-research/pix2struct/blob/main/pix2struct/metrics.py, which published figures are
computed with. It is kept as it is, and so are its consequences:

- `62%` is the number 0.62: a prediction `62` for it is wrong, and so is `62%` for `62`.
- A target of zero can't be divided by, and falls to comparing texts: `0.0` for `0` is wrong.
- `1,000` is not a number, nor is `$5`: they are compared as texts.
- A year is a number: 2013 for 2014 is right.
- Case is ignored, but blanks, punctuation and articles are not; a list such as `[a, b]` is one text.
- `nan` and `inf` are numbers as Python reads them; as a target, nothing meets them.

ChartQA ships one label for each question. Where a turn has several targets, meeting any of them is enough.
"""

from curation.scorers import Score
from schemas.sample import Turn

MAX_RELATIVE_CHANGE = 0.05


def score(prediction: str, turn: Turn) -> Score:
    """Return 1.0 where the prediction meets a target, else 0.0. Raises ValueError where there is none."""
    if not turn.targets:
        raise ValueError("relaxed accuracy needs a turn with a target")
    correct = any(_meets(prediction, target) for target in turn.targets)
    return Score(float(correct), correct)


def _meets(prediction: str, target: str) -> bool:
    predicted, wanted = _to_float(prediction), _to_float(target)
    if predicted is not None and wanted:
        return abs(predicted - wanted) / abs(wanted) <= MAX_RELATIVE_CHANGE
    return prediction.lower() == target.lower()


def _to_float(text: str) -> float | None:
    try:
        return float(text.rstrip("%")) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        return None
