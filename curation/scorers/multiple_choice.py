"""Multiple choice: the option that a prediction names, by its letter or by its text, must be the target's.

Source: https://github.com/open-compass/VLMEvalKit/blob/main/vlmeval/utils/matching_util.py, `can_infer_option` and
`can_infer_text`, without the language model that reads what these can't. The rules, the first that finds one option:

1. The prediction is an option's letter, or the text of exactly one option; white space at the ends, a final period,
   and, for a text, its case do not matter. (The original has no such rule, and takes `A dog` for A.)
2. With `.()[],:;!*#{}` as white space, exactly one option's letter is among the words. A capital A that is an article
   counts, as it does there; a letter in lower case does not. (Some versions also look at where the letter stands.)
3. The prediction, in lower case and no longer than twice all options, holds the text of exactly one option.

What names no option, or several, is not read: it is wrong here, and `chosen` tells it from a wrong option. The
original draws an option at random when its language model fails too; nothing is drawn here.

Targets may be an option's letter, its text, or both; the letter goes first where an option's text is a letter.
A turn without choices is met by the same text as a target's, by the measure of rule 1.
"""

from string import ascii_uppercase

from curation.scorers import Score
from schemas.sample import Turn

_SPACES = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))


def score(prediction: str, turn: Turn) -> Score:
    """Return 1.0 where the prediction names the target's option, else 0.0. Raises ValueError where there is none."""
    if not turn.targets:
        raise ValueError("multiple choice needs a turn with a target")
    if turn.choices:
        option = chosen(prediction, turn)
        correct = option is not None and option == _wanted(turn)
    else:
        correct = _bare(prediction) in map(_bare, turn.targets)
    return Score(float(correct), correct)


def chosen(prediction: str, turn: Turn) -> int | None:
    """Return the index of the option that the prediction names; None where it names none, or several."""
    option = _same(prediction, turn.choices)
    if option is None:
        option = _by_letter(prediction, len(turn.choices))
    return _by_text(prediction, turn.choices) if option is None else option


def _wanted(turn: Turn) -> int | None:
    options = (_same(target, turn.choices) for target in turn.targets)
    return next((option for option in options if option is not None), None)


def _same(text: str, choices: tuple[str, ...]) -> int | None:
    letter = text.strip().removesuffix(".").strip("()")
    if len(letter) == 1 and letter in ascii_uppercase[: len(choices)]:
        return ascii_uppercase.index(letter)
    return _only([index for index, choice in enumerate(choices) if _bare(choice) == _bare(text)])


def _by_letter(prediction: str, count: int) -> int | None:
    words = set(prediction.translate(_SPACES).split())
    return _only([index for index, letter in enumerate(ascii_uppercase[:count]) if letter in words])


def _by_text(prediction: str, choices: tuple[str, ...]) -> int | None:
    if len(prediction) > 2 * sum(map(len, choices)):
        return None
    text = prediction.lower()
    return _only([index for index, choice in enumerate(choices) if choice.strip() and choice.lower() in text])


def _only(found: list[int]) -> int | None:
    return found[0] if len(found) == 1 else None


def _bare(text: str) -> str:
    return text.strip().removesuffix(".").strip().lower()
