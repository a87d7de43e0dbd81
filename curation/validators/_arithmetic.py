r"""Arithmetic as people write it, evaluated exactly by a small parser that can't be kept busy.

Read are numbers (`1,200`, `.5`, `12%`, `$3`), `+ - * /`, powers, brackets and signs, their Unicode and LaTeX forms
(`−`, `×`, `÷`, `\times`, `\frac{1}{2}`), and the words plus, minus, times, over. Units and names may stand behind a
number (`3 red cubes + 2`), a name before one in brackets (`Peru (12) + Chile (30)`). What has a variable, a function
or a power that is no small whole number is not read. Values are fractions of at most 4,096 bits.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

MOST_TOKENS = 400
"""Tokens of a text that is read at all."""
_DEEPEST = 24
_MOST_DIGITS = 40
_MOST_BITS = 4096
_LARGEST_POWER = 64
_LONGEST_NAME = 3
"""Words behind a number that may be its unit, or the name of what is counted."""

_TOKEN = re.compile(
    r"""
      (?P<plain> (?!per|plus|minus|times|multi|divi|[xX]|equal|is|are|gives|makes|yields|leaves|which)
        [A-Za-z]+ (?![^\W\d_²³]) )
    | (?P<number> [0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9]|[.,][0-9]) | [0-9]+(?:\.[0-9]+)? | \.[0-9]+ )
    | (?P<skip> \s+ | [$€£¥] | \*\*(?![0-9]) | (?<![0-9])\*\*
        | \\(?:[()\[\],;:!\ ]|left(?![a-z])|right(?![a-z])|quad) )
    | (?P<degree> ° | º | \^\{?\\circ\}? | \\degree )
    | (?P<percent> \\?% | per\s?cent\b )
    | (?P<plus> \+ | plus\b )
    | (?P<minus> [-−–‐‑‒] | minus\b )
    | (?P<power> \*\* | \^ )
    | (?P<times> [×⋅·∙*∗✕✖] | \\times | \\cdot | times\b | multiplied\ by\b | [xX](?=\s*[0-9(]) )
    | (?P<over> [/÷∕⁄] | \\div | divided\ by\b )
    | (?P<raised> [²³] )
    | (?P<approx> [≈≅≃] | ~= | \\approx | \\simeq )
    | (?P<equal> (?<![<>!:~=])={1,2}(?![=<>]) | equals\b | (?:is\ |are\ )?equal\ to\b )
    | (?P<says> (?:,\s?)?(?:which\ )?(?:is|are|gives|makes|yields|leaves)\b )
    | (?P<open> [(\[{] )
    | (?P<close> [)\]}] )
    | (?P<frac> \\[dt]?frac )
    | (?P<word> \\(?:text|mathrm)\s?\{[^{}]{0,40}\} | [^\W\d_²³]+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
EQUALS = frozenset({"equal", "approx", "says"})
SIGNS = frozenset({"plus", "minus", "times", "over", "power"})
_BEHIND_A_NAME = SIGNS | EQUALS | {"close"}
_SCALES = {
    "hundred": 100,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "k": 10**3,
    "bn": 10**9,
}
_ONE_LETTER = frozenset("mgshlLNJWVAKc")
"""Units of one letter; any other letter behind a number is a variable."""
Exact = int | Fraction
"""A whole number, or a fraction; whole ones stay int, with which Python reckons ten times as fast."""
_ROUNDED_CONSTANTS = frozenset({Fraction("3.14"), Fraction("3.142"), Fraction("3.1416"), Fraction("1.41")})


class NotReadError(ValueError):
    """The text is no expression, or none that may be evaluated."""


class Token(NamedTuple):
    """A piece of a text, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


class Side(NamedTuple):
    """The value of an expression, and what has to be known to compare it with another."""

    value: Exact
    first: Exact
    """The number that it begins with."""
    operators: int
    places: int
    """Digits behind the point of a plain number."""
    percent: bool
    """A percent sign stands in it: the value may be meant as a hundredth."""
    rounded: bool
    """Numbers with a point are multiplied, divided or raised, and may have been rounded before."""
    summed: bool
    """A plus or a minus stands in it, so that its numbers are of one kind."""
    dashed: bool
    """A minus without blanks about it, which may be a dash between two numbers."""
    scales: frozenset[int]
    """What thousand, million and the like have multiplied the numbers with, 1 for those without such a word."""
    units: frozenset[str]
    """Names behind the numbers, empty for those without one."""


def tokens(text: str) -> list[Token]:
    """Return the pieces of a text without blanks and signs of currency; those after the first 400 are left out."""
    found = []
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "skip":
            kind = "word" if match.lastgroup == "plain" else str(match.lastgroup)
            found.append(Token(kind, match[0], match.start(), match.end()))
            if len(found) == MOST_TOKENS:
                break
    return found


class _Term(NamedTuple):
    """A value, and whether it is a bare percentage: one may be added to its like only."""

    value: Exact
    percent: bool = False


class Reader:
    """Reads one side of an equation from a place on, as far as it goes; `at` is where it ends."""

    def __init__(self, pieces: Sequence[Token], at: int) -> None:
        self.pieces, self.at = pieces, at
        self.first: Exact | None = None
        self.operators = self.places = 0
        self.percent = self.fractional = self.scaled = self.summed = self.dashed = self.constant = False
        self.scales = set[int]()
        self.units = set[str]()

    def side(self) -> Side:
        """Read a side. Raises NotReadError where there is none."""
        value = self._sum(0).value
        if self.kind() in {"number", "open", "frac"} or (self.kind() == "word" and self._is_glued(self.at)):
            raise NotReadError
        rounded = self.constant or (self.fractional and self.scaled)
        facts = (self.operators, self.places, self.percent, rounded, self.summed, self.dashed)
        return Side(value, self.first or 0, *facts, frozenset(self.scales), frozenset(self.units))

    def kind(self, ahead: int = 0) -> str:
        """Return the kind of a piece that is to come; empty behind the last."""
        place = self.at + ahead
        return self.pieces[place].kind if place < len(self.pieces) else ""

    def _take(self) -> Token:
        self.at += 1
        return self.pieces[self.at - 1]

    def _is_glued(self, place: int) -> bool:
        """Tell whether a piece follows on the one before it without a blank."""
        return 0 < place < len(self.pieces) and self.pieces[place - 1].end == self.pieces[place].start

    def _sum(self, depth: int) -> _Term:
        if depth > _DEEPEST:
            raise NotReadError
        total = self._product(depth)
        while self.kind() in {"plus", "minus"}:
            glued = self._is_glued(self.at) and self._is_glued(self.at + 1)
            sign = self._take()
            self.dashed |= sign.kind == "minus" and glued
            self.summed = True
            self.operators += 1
            term = self._product(depth)
            if term.percent != total.percent:
                raise NotReadError
            value = total.value + term.value if sign.kind == "plus" else total.value - term.value
            total = _Term(_bounded(value), total.percent)
        return total

    def _product(self, depth: int) -> _Term:
        total = self._signed(depth)
        while self.kind() in {"times", "over"} or (total.percent and self._is_of()):
            sign = self._take().kind
            self.operators += 1
            self.scaled = True
            factor = self._signed(depth).value
            if sign == "over":
                total = _Term(_bounded(_divided(total.value, factor)))
            else:
                product = total.value * factor
                total = _Term(_bounded(product if sign == "times" else Fraction(product, 100)))
        return total

    def _is_of(self) -> bool:
        return self.kind() == "word" and self.pieces[self.at].text == "of"

    def _signed(self, depth: int) -> _Term:
        signs = 0
        while self.kind() in {"minus", "plus"} and self._is_glued(self.at + 1):
            signs += self._take().kind == "minus"
        value, percent = self._power(depth)
        return _Term(-value if signs % 2 else value, percent)

    def _power(self, depth: int) -> _Term:
        base = self._atom(depth)
        if self.kind() == "raised":
            exponent: Exact = 2 if self._take().text == "²" else 3
        elif self.kind() == "power":
            self._take()
            exponent = self._signed(depth + 1).value if depth < _DEEPEST else _LARGEST_POWER + 1
        else:
            return base
        self.operators += 1
        self.scaled = True
        return _Term(_raised(base.value, exponent))

    def _atom(self, depth: int) -> _Term:
        self._pass_label()
        if self.kind() == "number":
            return self._number()
        if self.kind() == "frac":
            self._take()
            self.operators += 1
            self.scaled = True
            return _Term(_bounded(_divided(self._group(depth).value, self._group(depth).value)))
        return self._percentage(self._group(depth).value, self.percent)

    def _group(self, depth: int) -> _Term:
        if self.kind() != "open":
            raise NotReadError
        self._take()
        inside = self._sum(depth + 1)
        if self.kind() != "close":
            raise NotReadError
        self._take()
        return inside

    def _pass_label(self) -> None:
        """Go past a name before a number in brackets: `Chile` of `Peru (12) + Chile (30)`."""
        words = self._words()
        if words and self.kind(words) == "open" and self.kind(words + 1) == "number":
            if self._is_glued(self.at + words):
                raise NotReadError
            self.at += words

    def _words(self) -> int:
        """Count the words that come next, up to one more than a name may have."""
        count = 0
        while count <= _LONGEST_NAME and self.kind(count) == "word":
            count += 1
        return count

    def _number(self) -> _Term:
        digits = self._take().text.replace(",", "")
        if len(digits) > _MOST_DIGITS:
            raise NotReadError
        _, _, part = digits.partition(".")
        value: Exact = Fraction(digits) if part else int(digits)
        self.places = max(self.places, len(part))
        self.fractional |= bool(part)
        self.constant |= bool(part) and value in _ROUNDED_CONSTANTS
        if self.kind() == "degree":
            self._take()
        _, percent = self._percentage(value, False)
        value *= self._pass_name()
        self.first = value if self.first is None else self.first
        return _Term(value, percent)

    def _percentage(self, value: Exact, percent: bool) -> _Term:
        if self.kind() != "percent":
            return _Term(value)
        self._take()
        self.percent = True
        return _Term(value, not percent)

    def _pass_name(self) -> int:
        """Go past a unit, or the name of what is counted, behind a number; return its scale."""
        words, scale, unit = self._words(), 1, ""
        if words and not self._is_of():
            glued, word = self._is_glued(self.at), self.pieces[self.at].text
            goes_on = self.kind(words) in _BEHIND_A_NAME or (self.kind(words) == "raised" and words == 1)
            scale = _SCALES.get(word.lower(), 1)
            if goes_on or glued or scale > 1:
                unit = _unit(word, glued=glued)
                self.at += words if goes_on else 1
                if self.kind() == "raised":
                    self._take()
        elif self.kind() == "open" and self.kind(1) == "word":
            self._pass_remark()
        self.scales.add(scale)
        self.units.add(unit)
        return scale

    def _pass_remark(self) -> None:
        """Go past words in brackets behind a number: `12 (Peru)`."""
        words = 1
        while self.kind(words) == "word" and words <= _LONGEST_NAME:
            words += 1
        if self.kind(words) == "close":
            self.at += words + 1


def _unit(word: str, *, glued: bool) -> str:
    """Return the name of a unit without its plural. Raises NotReadError for what is rather a variable or a formula."""
    if word.lower() in _SCALES:
        return ""
    if (len(word) == 1 and word not in _ONE_LETTER) or (glued and len(word) > 1 and word[0].isupper()):
        raise NotReadError
    return word if len(word) == 1 else word.lower().removesuffix("s")


def _divided(value: Exact, by: Exact) -> Exact:
    if not by:
        raise NotReadError
    return Fraction(value, by)


def _raised(base: Exact, exponent: Exact) -> Exact:
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    power = int(exponent)
    small = power == exponent and abs(power) <= _LARGEST_POWER
    if not small or size * abs(power) > _MOST_BITS or (not base and power < 0):
        raise NotReadError
    return Fraction(base) ** power


def _bounded(value: Exact) -> Exact:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MOST_BITS:
        raise NotReadError
    return value
