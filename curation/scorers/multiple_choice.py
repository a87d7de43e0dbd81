"""Multiple choice: the option that a prediction names, by its letter or by its text, must be the target's.

Source: https://github.com/open-compass/VLMEvalKit/blob/main/vlmeval/utils/matching_util.py, `can_infer_option` and
`can_infer_text`, without the language model that reads what these can't. The rules, the first that finds one option:

1. The prediction is an option's letter, or the text of exactly one option; white space at the ends, a final period,
   and, for a text, its case do not matter. (The original has no such rule, and takes `A dog` for A.) Where options
   differ only in these, the one that is written in the same way is meant.
2. With `.()[],:;!*#{}` as white space, exactly one option's letter is among the words. A capital A that is an article
   counts, as it does there; a letter in lower case does not. (Some versions also look at where the letter stands.)
3. The prediction, in lower case and no longer than twice all options, holds the text of exactly one option.

What names no option, or several, is not read: it is wrong here, and `chosen` tells it from a wrong option. The
original draws an option at random when its language model fails too; nothing is drawn here.

Targets may be an option's letter, its text, or both; the letter goes first where an option's text is a letter.
Options with the same text are one option, as in https://github.com/allenai/aokvqa/blob/main/evaluation/eval_predictions.py,
which compares texts; five questions of its validation split have such options. Where texts are unique, as in
https://github.com/lupantech/ScienceQA, whose script compares indices, this is the same.
A turn without choices is met by the same text as a target's, by the measure of rule 1.
"""

import re
from collections.abc import Sequence
from string import ascii_uppercase

from curation.scorers import Score, _naming
from schemas.sample import Turn

_SPACES = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_DECORATION = " \t\r\n*_()[]{}<>$.,:;!\"'`“”"
_BLANKS = " \t\r\n*"
_ALONE = re.compile(r"(?:\\[a-z]{1,8}\{)?(?:(?:option|choice|letter)\s+)?\(?([a-z])", re.IGNORECASE)
_LED = re.compile(
    r"[\s*_\"'(\[]{0,8}(?:(?:option|choice)\s+)?([a-z])\s?[*_]{0,2}[)\].:][*_]{0,2}(?=\s|$)", re.IGNORECASE
)


def score(prediction: str, turn: Turn) -> Score:
    """Return 1.0 where the prediction names the target's option, else 0.0. Raises ValueError where there is none."""
    if not turn.targets:
        raise ValueError("multiple choice needs a turn with a target")
    if turn.choices:
        correct = is_wanted(chosen(prediction, turn), turn)
    else:
        correct = _bare(prediction) in map(_bare, turn.targets)
    return Score(float(correct), correct)


def chosen(prediction: str, turn: Turn) -> int | None:
    """Return the index of the option that the prediction names; None where it names none, or several."""
    option = same(prediction, turn.choices)
    if option is None:
        option = _by_letter(prediction, len(turn.choices))
    return _by_text(prediction, turn.choices) if option is None else option


def wanted(turn: Turn) -> int | None:
    """Return the index of the option that is the target; None where it is no option."""
    options = (same(target, turn.choices) for target in turn.targets)
    return next((option for option in options if option is not None), None)


def is_wanted(option: int | None, turn: Turn) -> bool:
    """Tell whether an option is the target's, or has its text."""
    target = wanted(turn)
    if option is None or target is None:
        return False
    return option == target or (bool(turn.choices[option].strip()) and turn.choices[option] == turn.choices[target])


def same(text: str, choices: Sequence[str]) -> int | None:
    """Return the index of the option whose letter or text this is."""
    written = text.strip()
    letter = written.removesuffix(".").strip("()")
    if len(letter) == 1 and letter in ascii_uppercase[: len(choices)]:
        return ascii_uppercase.index(letter)
    equal, bare = [index for index, choice in enumerate(choices) if choice.strip() == written], _bare(text)
    return _only(equal or [index for index, choice in enumerate(choices) if _bare(choice) == bare], choices)


def read(text: str, turn: Turn) -> str | None:
    """Return the letter of the option that a text names; without choices, the text.

    `b`, `(b)`, `B) 42 cm` and `option B: 42 cm` are B, as is a sentence that holds B's text and no other option's, by
    whole words: `It is sample A` is the option `sample A`. A letter beside the text of another option is none.
    """
    if not turn.choices:
        return text
    name = read_short(text, turn)
    return _name(_in_sentence(text, turn.choices), turn.choices) if name is None else name or None


def read_short(text: str, turn: Turn) -> str | None:
    """Return the letter of the option that a text is, or begins with; None for neither.

    Empty where the letter stands beside the text of another option.
    """
    option = same(text, turn.choices)
    if option is None and (alone := _ALONE.fullmatch(text.strip(_DECORATION))):
        option = _index(alone[1], len(turn.choices))
    if option is None and (led := _LED.match(text)):
        option, beside = _index(led[1], len(turn.choices)), same(text[led.end() :].strip(_BLANKS), turn.choices)
        if option is not None and beside is not None and turn.choices[option] != turn.choices[beside]:
            return ""
    return _name(option, turn.choices)


def _name(option: int | None, choices: Sequence[str]) -> str | None:
    if option is None:
        return None
    return ascii_uppercase[option] if option < len(ascii_uppercase) else choices[option]


def _in_sentence(text: str, choices: Sequence[str]) -> int | None:
    held = _naming.named(text, choices)
    if len(held) == 1:
        return same(held.pop(), choices)
    if set(ascii_uppercase[: len(choices)]) & set(" ".join(choices).translate(_SPACES).split()):
        return None  # where an option is called `sample A`, a letter in a sentence may be part of such a name
    return _by_letter(_naming.without(text, choices), len(choices))


def _index(letter: str, count: int) -> int | None:
    index = ascii_uppercase.index(letter.upper())
    return index if index < count else None


def _by_letter(prediction: str, count: int) -> int | None:
    words = set(prediction.translate(_SPACES).split())
    found = [index for index, letter in enumerate(ascii_uppercase[:count]) if letter in words]
    return found[0] if len(found) == 1 else None


def _by_text(prediction: str, choices: Sequence[str]) -> int | None:
    if len(prediction) > 2 * sum(map(len, choices)):
        return None
    text = prediction.lower()
    return _only([index for index, choice in enumerate(choices) if choice.strip() and choice.lower() in text], choices)


def _only(found: Sequence[int], choices: Sequence[str]) -> int | None:
    """Return the one option that was found; those with the same text are one."""
    return found[0] if found and len({choices[index] for index in found}) == 1 else None


def _bare(text: str) -> str:
    return text.strip().removesuffix(".").strip().lower()
