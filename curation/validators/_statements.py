"""Arithmetic that is told in words, and whether it is right: `half of 50 is 20`, `the sum of 3, 4 and 5 is 11`.

Labels can be numbers (`the difference between 2010 and 2015 is 4.2`), so this is less sure than an equation.
"""

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import NamedTuple

from curation.validators._equations import LONGEST
from curation.validators._figures import IN_DIGITS, IN_WORDS, in_words

_LOOSE = Fraction(1, 20)
_NUMBER = rf"(?![0-9,.]{{26}})(?:[$€£]?\s?(?:{IN_DIGITS})(?![\w.,]?\d)|\b(?:{IN_WORDS})\b)"
_UNIT = (
    r"(?:\s?(?:%|°)|\sper\s?cent\b|\s(?!(?:and|to|is|are|by|from|of|or|in|plus|minus|times|out)\b)[a-z]{1,12}\b){0,2}"
)
_IS = (
    r",?\s(?:is|are|was|equals?|gives|yields|makes|leaves|would be|comes to|amounts to|results in|is equal to|=)\s"
    r"(?P<nearly>(?:about|approximately|roughly|around|nearly|almost|close to|over|just over|just under|under)\s)?"
    r"(?:exactly\s|equal to\s|only\s|a\s|just\s)?"
)
_NO_MORE = (
    r"(?!\s?(?:[-+*/×x^:]|to\s[0-9]|out\sof|of\s|times\b|and\s|or\s)"
    r"|\s(?:[^\W\d_]{1,20}\s)?(?:more|less|fewer|greater)\b)"
)
_RESULT = rf"{_IS}(?P<result>{_NUMBER})(?P<percent>\s?(?:%|percent\b))?{_NO_MORE}"
_X, _Y = rf"(?P<x>{_NUMBER}){_UNIT}", rf"(?P<y>{_NUMBER}){_UNIT}"
_LIST = rf"(?P<list>{_NUMBER}{_UNIT}(?:,\s{_NUMBER}{_UNIT}){{0,20}}(?:,?\s(?:and|plus)\s|\s\+\s){_NUMBER}{_UNIT})"
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fifth": 5, "tenth": 10}
_FOLD = {"twice": 2, "double": 2, "triple": 3}
_FIND = re.compile(_NUMBER, re.IGNORECASE)


class Statement(NamedTuple):
    """What a text says to be the result, what it is, and where it says so."""

    said: Fraction
    values: tuple[Fraction, ...]
    """What may be meant; one of these must be what is said."""
    nearly: bool
    places: int
    start: int
    end: int

    @property
    def holds(self) -> bool:
        """Whether one of the values is what is said, as far as its digits tell."""
        return any(self._is(abs(value)) for value in self.values)

    def _is(self, value: Fraction) -> bool:
        off, unit = abs(value - self.said), Fraction(1, 10**self.places)
        return off == 0 or (off < unit and value % unit != 0) or (self.nearly and off <= value * _LOOSE)


_Compute = Callable[[re.Match[str]], tuple[Fraction, ...] | None]


def statements(text: str) -> Iterator[Statement]:
    """Yield what the first part of a text says in words to be the result of some arithmetic."""
    text = text[:LONGEST]
    for form in _FORMS:
        if form.cue.search(text):
            for match in form.pattern.finditer(text):
                yield from _statement(match, form.compute)


def _statement(match: re.Match[str], compute: _Compute) -> Iterator[Statement]:
    values = compute(match)
    if values is not None:
        digits = match["result"].strip("$€£ ")
        places = len(digits.partition(".")[2]) if digits[0].isdigit() else 0
        percent = tuple(value * 100 for value in values) if match["percent"] else ()
        yield Statement(_value(digits), values + percent, bool(match["nearly"]), places, match.start(), match.end())


def _value(text: str) -> Fraction:
    digits = text.strip("$€£ ").replace(",", "")
    return Fraction(digits) if digits[0].isdigit() else Fraction(in_words(digits))


def _xy(compute: Callable[[Fraction, Fraction], Fraction]) -> _Compute:
    def of(match: re.Match[str]) -> tuple[Fraction, ...] | None:
        x, y = _value(match["x"]), _value(match["y"])
        return None if _are_years(x, y) else (compute(x, y),)

    return of


def _quotient(match: re.Match[str]) -> tuple[Fraction, ...] | None:
    x, y = _value(match["x"]), _value(match["y"])
    return (x / y,) if y and not _are_years(x, y) else None


def _are_years(*values: Fraction) -> bool:
    """Tell whether the numbers are rather labels of what is compared."""
    return all(1500 <= value <= 2100 and value.denominator == 1 for value in values)


def _part(match: re.Match[str]) -> tuple[Fraction, ...]:
    return (_value(match["x"]) / _PARTS[match["part"].lower()],)


def _fold(match: re.Match[str]) -> tuple[Fraction, ...]:
    return (_value(match["x"]) * _FOLD[match["fold"].lower()],)


def _percentage(match: re.Match[str]) -> tuple[Fraction, ...]:
    return (_value(match["x"]) * _value(match["y"]) / 100,)


def _list(match: re.Match[str]) -> tuple[Fraction, ...] | None:
    values = [_value(found) for found in _FIND.findall(match["list"])]
    if _are_years(*values):
        return None
    match match["kind"].lower():
        case "sum" | "total":
            return (sum(values, Fraction(0)),)
        case "product":
            return (Fraction(prod(values)),)
        case _:
            return (sum(values, Fraction(0)) / len(values),)


class _Form:
    """A way to tell arithmetic: what tells that it may be there, its pattern, and what the result is."""

    def __init__(self, cue: str, pattern: str, compute: _Compute) -> None:
        self.cue, self._pattern, self.compute = re.compile(cue, re.IGNORECASE), pattern, compute

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern: made when it is needed, as all of them take a fifth of a second."""
        return re.compile(self._pattern + _RESULT, re.IGNORECASE)


_FORMS = (
    _Form(r"\b(?:half|third|quarter|fifth|tenth) of\b", rf"\b(?P<part>{'|'.join(_PARTS)}) of {_X}", _part),
    _Form(r"\b(?:twice|double|triple)\b", rf"\b(?P<fold>{'|'.join(_FOLD)}) {_X}", _fold),
    _Form("(?:%|percent) of", rf"(?P<x>{_NUMBER})\s?(?:%|percent) of {_Y}", _percentage),
    _Form("difference", rf"\bdifference (?:between|of) {_X} and {_Y}", _xy(lambda x, y: x - y)),
    _Form(r"\b(?:sum|total|product|average|mean) of", rf"\b(?P<kind>sum|total|product|average|mean) of {_LIST}", _list),
    _Form("ratio of", rf"\bratio of {_X} to {_Y}", _quotient),
    _Form("subtract", rf"\bsubtract(?:ing)? {_X} from {_Y}", _xy(lambda x, y: y - x)),
    _Form("add", rf"\badd(?:ing)? {_X} (?:to|and) {_Y}", _xy(lambda x, y: x + y)),
    _Form("multiply", rf"\bmultiply(?:ing)? {_X} (?:by|and|with) {_Y}", _xy(lambda x, y: x * y)),
    _Form("dividing", rf"\bdividing {_X} by {_Y}", _quotient),
)
