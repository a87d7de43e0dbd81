"""The numbers that a text states, in digits or words, with what tells a quantity from a label.

Signs are left out: a figure is a size. Parts of names (`B2`, `H2O`), ordinals (`3rd`, `1990s`) and numbers of more than
25 digits are no figures.
"""

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

_TO_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_FROM_THIRTY = "thirty forty fifty sixty seventy eighty ninety"
SMALL = {word: number for number, word in enumerate(_TO_TWENTY.split())} | {
    word: 10 * number for number, word in enumerate(_FROM_THIRTY.split(), start=3)
}
"""The value of each number that is one word."""
_TENS = "|".join(word for word, value in SMALL.items() if value >= 20)
_UNITS = "|".join(word for word, value in SMALL.items() if 0 < value < 10)
IN_WORDS = rf"(?:(?:{_TENS})[- ](?:{_UNITS})|{'|'.join(sorted(SMALL, key=len, reverse=True))})"
"""Pattern of a number below a hundred in words."""
IN_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
"""Pattern of a number in digits."""
SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_LONGEST = 25
_USUAL = 2000
"""Characters of a text up to which its figures are kept."""
_ENDINGS = frozenset({"st", "nd", "rd", "th", "s", "d"})
_SMALLEST_TEN, _LARGEST_UNIT = 20, 10

_DIGITS = re.compile(
    # What stands before the first digit is looked at behind it: a search for a digit is fast, one for a place is not.
    r"[0-9](?<![\w.][0-9])(?:[0-9]{0,2}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]*(?:\.[0-9]+)?)"
    rf"(?P<glued>[^\W\d_]+)?(?P<percent>\s?(?:%|per\s?cent\b))?(?P<scale>\s(?:{'|'.join(SCALES)})s?\b)?"
)
_SMALL = frozenset(SMALL)
_FORMS = {word: (word, word.capitalize()) for word in SMALL}
_BETWEEN_WORDS = {code: " " for code in range(128) if not chr(code).isalnum()}
_SCALE = re.compile(rf"\s({'|'.join(SCALES)})s?\b")
_LABEL_NAMES = (
    "step option choice figure fig fig. question part point no no. number chapter section page type phase stage item "
    "row column grade level person table line example case rule law top"
)
_LABEL = re.compile(rf"(?:\b(?:{'|'.join(map(re.escape, _LABEL_NAMES.split()))})\s|#\s?)$", re.IGNORECASE)
_LABELS_END = frozenset(name[-2:] for name in _LABEL_NAMES.split())
"""Letters before a figure's blank without which it is no label: they are looked at first."""
_NUMBERING = re.compile(r"(?:^|\n)[\s*#(-]*$")
_YEARS = (1500, 2100)


class Figure(NamedTuple):
    """A number where it stands; 42 for 42 % and for 42 million."""

    value: float
    start: int
    end: int
    places: int
    """Digits behind the point."""
    percent: bool
    scale: float
    """What a word behind it multiplies it with; 1 without one."""
    spelled: bool
    """It is in words."""
    glued: str
    """Letters that follow without a blank, mostly a unit."""

    @property
    def is_year(self) -> bool:
        """Whether it may be a year."""
        whole = not (self.places or self.percent or self.spelled or self.glued) and self.scale == 1
        return whole and may_be_year(self.value) and self.end - self.start == len("2000")

    @property
    def is_plain(self) -> bool:
        """Whether it is a small whole number, such as one counts with."""
        return self.places == 0 and not self.percent and self.scale == 1 and self.value <= _COUNTED and not self.glued


_COUNTED = 20
_START = itemgetter(Figure._fields.index("start"))


def may_be_year(value: float | Fraction) -> bool:
    """Tell whether a value is a whole number from 1500 to 2100."""
    return _YEARS[0] <= value <= _YEARS[1] and value % 1 == 0


def figures(text: str) -> tuple[Figure, ...]:
    """Return the figures of a text in order.

    Those of texts of usual length are kept, as several checks ask for them.
    """
    return _kept(text) if len(text) <= _USUAL else _figures(text)


def _figures(text: str) -> tuple[Figure, ...]:
    found = [figure for match in _DIGITS.finditer(text) if (figure := _in_digits(match))]
    spelled = _spelled(text)
    return tuple(sorted([*found, *spelled], key=_START)) if spelled else tuple(found)


_kept = lru_cache(maxsize=4096)(_figures)


def _in_digits(match: re.Match[str]) -> Figure | None:
    if match.lastgroup is None:
        return _bare(match[0], *match.span())
    glued, percent, scale = match.group("glued", "percent", "scale")
    end = match.start("glued") if glued else match.start("percent") if percent else match.start("scale")
    digits = match.string[match.start() : end if end >= 0 else match.end()].replace(",", "")
    if len(digits) > _LONGEST or (glued and glued.lower() in _ENDINGS):
        return None
    places = len(digits) - 1 - digits.find(".") if "." in digits else 0
    factor = SCALES[scale.strip().rstrip("s")] if scale else 1.0
    return Figure(float(digits), match.start(), match.end(), places, bool(percent), factor, False, glued or "")


def _bare(written: str, start: int, end: int) -> Figure | None:
    """Return a number behind which nothing stands that belongs to it: most are."""
    whole, point, part = written.partition(".")
    digits = whole.replace(",", "") + point + part
    return None if len(digits) > _LONGEST else Figure(float(digits), start, end, len(part), False, 1.0, False, "")


def _spelled(text: str) -> list[Figure]:
    """Return the numbers below a hundred in words: words are compared, which is faster than any pattern."""
    forms = ((form, SMALL[word]) for word in _small(text.lower()) for form in _FORMS[word])
    places = [(at, at + len(form), value) for form, value in forms for at in _places(text, form)]
    if not places:
        return []
    found = list[Figure]()
    for start, end, value in sorted(places):
        joined = found and found[-1].end + 1 == start and text[start - 1] in "- "
        if joined and found[-1].value >= _SMALLEST_TEN and 0 < value < _LARGEST_UNIT:
            found[-1] = found[-1]._replace(value=found[-1].value + value, end=end)
        else:
            found.append(Figure(float(value), start, end, 0, False, 1.0, True, ""))
    return [_scaled(text, figure) for figure in found]


def _small(plain: str) -> Iterable[str]:
    """Return the words of small numbers that a text in lower case may have."""
    if plain.isascii():
        return _SMALL.intersection(plain.translate(_BETWEEN_WORDS).split())
    return [word for word in SMALL if word in plain]


def _places(text: str, word: str) -> Iterator[int]:
    """Yield where a text has a word, and not a part of one."""
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not (at and text[at - 1].isalnum()) and not text[end : end + 1].isalnum():
            yield at
        at = text.find(word, end)


def _scaled(text: str, figure: Figure) -> Figure:
    match = _SCALE.match(text, figure.end)
    return figure._replace(end=match.end(), scale=SCALES[match[1]]) if match else figure


def in_words(text: str) -> float:
    """Return the value of a number below a hundred in words."""
    return float(sum(SMALL[part] for part in re.split("[- ]", text.lower())))


def is_label(text: str, figure: Figure) -> bool:
    """Tell whether a figure names or numbers something: `step 2`, `Figure 3`, `1.` before a line."""
    if not figure.is_plain:
        return False
    before, after = text[max(0, figure.start - 16) : figure.start], text[figure.end : figure.end + 2]
    if before[-3:-1].lower() in _LABELS_END or "#" in before[-2:]:
        return _LABEL.search(before) is not None or _is_numbering(before, after)
    return _is_numbering(before, after)


def _is_numbering(before: str, after: str) -> bool:
    return after[:1] in {".", ")", ":"} and _NUMBERING.search(before) is not None
