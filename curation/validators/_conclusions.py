"""The conclusion against what the reasoning itself calls the answer, and against what it reckons last."""

import re
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from curation.validators._colours import COLOUR, COLOURS
from curation.validators._equations import LONGEST, sentences
from curation.validators._figures import Figure, figures, is_label

_STATED = re.compile(
    r"\b(?:answer|option|choice)(?: (?:choice|option))?(?: to (?:the|this) question)?"
    r"(?: is|:| must be| should be| would be) (?:therefore |thus |clearly |indeed )?(?P<rest>[^\n]{1,120})",
    re.IGNORECASE,
)
_LETTER = re.compile(r"\W{0,3}(?:(?:option|choice) )?\W{0,3}([A-H])(?=[.:),*]|\W*$| (?:because|since|as|which)\b)")
_ALONE = re.compile(
    r"\W{0,3}(?:(?:the answer is|option|choice|answer:?) )?\W{0,3}([A-H])(?:[.):*]\W*(.*)|\W*)",
    re.IGNORECASE | re.DOTALL,
)
_OPINION = re.compile(r"\W{0,3}(yes|no|true|false)\b", re.IGNORECASE)
_UNDECIDED = re.compile(r"\bnot\b|\bor\b|\beither\b|n't\b|\?|\bbetween\b|\bneither\b", re.IGNORECASE)
_DRAWN = re.compile(
    r"\b(?:therefore|thus|so|hence|total|result|consequently|finally|answer|conclude|that is)\b|=", re.IGNORECASE
)
_COMPARED = re.compile(
    r"\b(?:more|less|fewer|greater|higher|lower|larger|smaller|above|below|over|under|than)\b", re.IGNORECASE
)
_CHECKED = re.compile(r"\b(?:check\w*|verif\w+|confirm\w*|indeed|conversely)\b", re.IGNORECASE)
_THEN = re.compile(
    r"=|\b(?:so|therefore|thus|hence|leaving|which is|which gives|that is|conclude|equals)\b", re.IGNORECASE
)
_QUOTED = 200
_GRAYS = {"gray", "grey"}
_OPINIONS = {"true": "yes", "false": "no"}


class Answer(NamedTuple):
    """What a text gives as the answer, as far as it can be compared: one of these, or none."""

    option: int | None = None
    """From 0, of the choices."""
    figure: Figure | None = None
    opinion: str = ""


class Contradiction(NamedTuple):
    """Where a conclusion is another than what the reasoning leads to."""

    what: str
    severity: str
    message: str


def contradiction(reasoning: str, conclusion: str, choices: Sequence[str]) -> Contradiction | None:
    """Find how a conclusion differs from what the reasoning calls the answer, or from its last result."""
    given = _answer(conclusion[:LONGEST], choices, whole=True)
    stated = deque(_STATED.finditer(reasoning[:LONGEST]), maxlen=1) if _may_state(reasoning) else ()
    if stated and (differs := _differs(stated[0]["rest"], given, choices)):
        return Contradiction("conclusion", "error", f"the reasoning says that the answer is {differs}")
    if stated:
        return None
    if given.figure is not None:
        return _other_figure(reasoning[:LONGEST], given.figure)
    return _other_colour(reasoning[:LONGEST], conclusion.strip(" .*").lower())


def _may_state(reasoning: str) -> bool:
    """Tell whether a text may say what the answer is; of those that are not ASCII, the pattern tells."""
    plain = reasoning.lower()
    return not plain.isascii() or any(word in plain for word in ("answer", "option", "choice"))


def _other_figure(reasoning: str, given: Figure) -> Contradiction | None:
    """Find that the reasoning has figures, but not this one, or draws another in the end."""
    found = [figure for figure in figures(reasoning) if not (figure.is_year or is_label(reasoning, figure))]
    last = _last_result(reasoning)
    if last is None and found and not any(same(figure, given) for figure in found):
        last = found[-1]
    if last is None or same(last, given) or (last.spelled and last.value == 1):
        return None  # `one of them` counts nothing
    return Contradiction("result", "warning", f"the last result of the reasoning is {last.value:g}")


def _other_colour(reasoning: str, given: str) -> Contradiction | None:
    """Find that a colour is concluded, and the last sentence of the reasoning names one other."""
    if given not in COLOURS:
        return None
    said = set(COLOUR.findall(_last(reasoning)))
    if len(said) != 1 or said <= {given, *_GRAYS} - (set() if given in _GRAYS else _GRAYS):
        return None
    return Contradiction("result", "warning", f"the reasoning ends with {next(iter(said))}")


def _differs(rest: str, given: Answer, choices: Sequence[str]) -> str | None:
    """Return the stated answer where it can be compared, and is another."""
    rest = re.split(r"[.;] ", rest, maxsplit=1)[0]
    if _UNDECIDED.search(rest):
        return None
    said = _answer(rest, choices, whole=False)
    if said.option is not None and given.option is not None and said.option != given.option:
        return chr(ord("A") + said.option)
    if said.figure and given.figure and not same(said.figure, given.figure):
        return f"{said.figure.value:g}"
    return said.opinion if said.opinion and given.opinion not in ("", said.opinion) else None


def _answer(text: str, choices: Sequence[str], *, whole: bool) -> Answer:
    text = text.strip()
    option = _option(text, choices, whole=whole)
    if option is not None:
        return Answer(option=option)
    if opinion := _OPINION.match(text):
        word = opinion[1].lower()
        return Answer(opinion=_OPINIONS.get(word, word))
    found = [figure for figure in figures(text) if not figure.spelled or whole]
    first = found[0] if found else None
    if first is None or len(found) > 1 or first.start > len("approximately $") or (whole and choices):
        return Answer()
    return Answer(figure=first)


def _option(text: str, choices: Sequence[str], *, whole: bool) -> int | None:
    """Return the choice that a text names by letter or by its words; none where the words are another's."""
    if not choices:
        return None
    letter = (_ALONE.fullmatch if whole else _LETTER.match)(text[:_QUOTED])
    named = _named(text, choices)
    if letter is None:
        return named
    number = ord(letter[1].upper()) - ord("A")
    return number if number < len(choices) else None


def _named(text: str, choices: Sequence[str]) -> int | None:
    """Return the one choice that the text begins with, the longest of them."""
    plain = text.casefold().strip(" .*\"'“”()")
    starts = [choice.casefold().strip(" .") for choice in choices]
    fits = [start for start in starts if start and re.match(re.escape(start[:_QUOTED]) + r"(?!\w)", plain)]
    longest = max(fits, key=len, default=None)
    return starts.index(longest) if longest is not None and starts.count(longest) == 1 else None


def same(one: Figure, other: Figure) -> bool:
    """Tell whether two figures may be the same: rounded, as a percentage, in thousands or not."""
    pairs = [(one.value * a, other.value * b) for a in {1.0, one.scale} for b in {1.0, other.scale}]
    if one.percent or other.percent:
        pairs += [(one.value * 100, other.value), (one.value, other.value * 100)]
    unit = 10.0 ** -min(one.places, other.places)
    return any(abs(a - b) < unit * 0.999 if one.places != other.places else abs(a - b) < unit / 1000 for a, b in pairs)


def _last(reasoning: str) -> str:
    """Return the last sentence that says something."""
    return next((text for _, text in reversed(list(sentences(reasoning[-2000:]))) if text.strip()), "")


def _last_result(reasoning: str) -> Figure | None:
    """Return the only figure of the last sentence, where that draws a conclusion; behind an equals sign, if any."""
    last = _last(reasoning)
    if not _DRAWN.search(last) or _COMPARED.search(last) or _CHECKED.search(last):
        return None
    drawn = max((match.end() for match in _THEN.finditer(last)), default=0)
    found = [figure for figure in figures(last) if figure.start >= drawn and not is_label(last, figure)]
    return found[0] if len(found) == 1 and not found[0].is_year else None
