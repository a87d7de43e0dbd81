"""The equations in a text, and whether they hold.

A finding costs a trace its place, so what may be meant otherwise is let go: sides with variables, functions or several
units, dates and ranges, results that were rounded or cut, a percentage for its hundredth, and sums that are carried on
(`2 + 3 = 5 + 4 = 9`).
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from curation.validators._arithmetic import EQUALS, MOST_TOKENS, SIGNS, Exact, NotReadError, Reader, Side, Token, tokens
from curation.validators._figures import may_be_year

LONGEST = 20_000
"""Characters of a stage that are looked at."""
_BREAK = re.compile(r"[.!?;](?=\s)|\n")
_MARK = re.compile(
    r"[=≈≅≃]|\\approx|\\simeq|\b(?:plus|minus|times|multiplied by|divided by|equals|equal to)\b|[0-9)] [-+×*/÷−x] "
)
_PART_OF_A_MARK = (
    *("=", "plus", "minus", "times", "multiplied by", "divided by", "equal", "≈", "≅", "≃", "\\approx", "\\simeq"),
    *(f" {sign} " for sign in "-+×*/÷−x"),
)
"""What no mark is without: to look for these takes a fraction of the time that the pattern takes."""
_USUAL = 2000
"""Characters of a text up to which its equations are kept."""
_FUNCTION_NAMES = (
    "log ln lg exp sin cos tan cot arcsin arccos arctan sqrt root square squared cube cubed max min mod gcd lcm "
    "average mean median half third quarter fifth tenth twice double triple inverse base factorial choose"
)
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_OF_SUMS = frozenset({"sum", "total", "result", "value", "calculation", "equation", "answer", "count", "number"})
_OPENERS = frozenset(":;,\"'“”‘’>|•→⇒&")
_NEARLY = frozenset(
    {"about", "approximately", "roughly", "around", "nearly", "almost", "approx", "some", "circa", "close"}
)
_LARGEST = 10**40
_LOOSE = Fraction(1, 20)
"""Part of the value by which a result that is told as about right may be off."""
_ROUNDED = Fraction(1, 200)
"""The same where the numbers themselves may have been rounded."""


class Equation(NamedTuple):
    """Two sides with an equals sign between them, and where they stand in the text."""

    left: Side
    right: Side
    nearly: bool
    start: int
    end: int

    @property
    def holds(self) -> bool:
        """Whether both sides may be meant to be the same."""
        left, right = self.left, self.right
        return (
            left.value == right.value
            or _mixed(left, right)
            or any(
                _agree(side, other, factor, nearly=self.nearly)
                for factor in _factors(left, right)
                for side, other in ((left, right), (right, left))
            )
        )

    @property
    def sizes(self) -> list[float]:
        """The values of both sides without their signs; those that are larger than any figure are left out."""
        values = (max(side.value, -side.value) for side in (self.left, self.right))
        return [float(value) for value in values if value < _LARGEST]


def equations(text: str) -> Iterator[Equation]:
    """Yield the equations in the first part of a text that have an operator on a side, in its order.

    Those of texts of usual length are kept, as several checks ask for them.
    """
    text = text[:LONGEST]
    if _has_mark(text):
        yield from _kept(text) if len(text) <= _USUAL else _equations(text)


def _equations(text: str) -> Iterator[Equation]:
    for start, sentence in sentences(text):
        if _has_mark(sentence):
            yield from _in_sentence(sentence, start)


@lru_cache(maxsize=1024)
def _kept(text: str) -> tuple[Equation, ...]:
    return tuple(_equations(text))


def _has_mark(text: str) -> bool:
    return any(part in text for part in _PART_OF_A_MARK) and _MARK.search(text) is not None


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield the sentences and lines of a text, each with the place where it begins."""
    start = 0
    for match in _BREAK.finditer(text):
        yield start, text[start : match.start()]
        start = match.end()
    yield start, text[start:]


def _in_sentence(text: str, offset: int) -> Iterator[Equation]:
    pieces = tokens(text)
    at, ended = 0, -1
    while at < len(pieces):
        if pieces[at].kind not in {"number", "open", "minus", "frac"} or not _may_begin(pieces, at, ended):
            at += 1
            continue
        chain = _Chain(pieces, at)
        yield from chain.equations(offset)
        at = max(chain.at, at + 1)
        ended = at if len(chain.sides) > 1 else -1


def _may_begin(pieces: list[Token], at: int, ended: int) -> bool:
    """Tell whether an expression may begin here, and not in the middle of one that can't be read."""
    piece = pieces[at]
    if piece.kind == "minus" and not (at + 1 < len(pieces) and pieces[at + 1].start == piece.end):
        return False
    if at == 0:
        return True
    before = pieces[at - 1]
    glued = before.end == piece.start
    if before.kind in EQUALS:
        return True
    if before.kind == "word":
        function = before.text == "and" if at - 1 != ended else False
        function |= _is_function(pieces, at - 1)
        return not (glued or len(before.text) == 1 or piece.kind == "minus" or function)
    if before.kind == "other":
        return before.text in _OPENERS and not (glued and at > 1 and pieces[at - 2].kind == "number")
    return before.kind == "open" and piece.kind != "minus"


def _is_function(pieces: list[Token], at: int) -> bool:
    """Tell whether a word makes something else of the number behind it: `log 100`, `half of 12`."""
    word = pieces[at].text.lower()
    if word == "of":
        return at == 0 or pieces[at - 1].text.lower() not in _OF_SUMS
    return word in _FUNCTIONS


class _Chain:
    """Sides with equals signs between them, read from a place on; a side that can't be read ends it."""

    def __init__(self, pieces: list[Token], at: int) -> None:
        self.pieces, self.at = pieces, at
        self.sides: list[tuple[Side, int, int]] = []
        self.nearly: list[bool] = []
        while self._add():
            pass

    def _add(self) -> bool:
        start = self.at
        reader = Reader(self.pieces, start)
        try:
            side = reader.side()
        except NotReadError:
            self.at = max(reader.at, start + 1)
            return False
        self.at = reader.at
        if not self._may_end(reader.at):
            return False
        self.sides.append((side, self.pieces[start].start, self.pieces[reader.at - 1].end))
        return self._goes_on(side)

    def _may_end(self, at: int) -> bool:
        """Tell whether a side may end before a piece: not within an expression, a date or a time."""
        if at >= len(self.pieces):
            return at < MOST_TOKENS
        piece = self.pieces[at]
        if piece.kind in SIGNS or piece.kind in {"raised", "percent", "degree"}:
            return False
        follows = at + 1 < len(self.pieces) and self.pieces[at + 1].kind == "number"
        glued = follows and self.pieces[at].end == self.pieces[at + 1].start and self.pieces[at - 1].end == piece.start
        return not (piece.kind == "other" and glued)

    def _goes_on(self, side: Side) -> bool:
        """Go past an equals sign, if there is one; `is` stands for one behind an operator with blanks only."""
        if self.at >= len(self.pieces) or self.pieces[self.at].kind not in EQUALS:
            return False
        mark = self.pieces[self.at].kind
        if mark == "says" and (side.operators == 0 or side.dashed):
            return False
        self.at += 1
        nearly = mark == "approx"
        while self.at < len(self.pieces) and self.pieces[self.at].text.lower() in _NEARLY | {"to", "exactly"}:
            nearly |= self.pieces[self.at].text.lower() in _NEARLY
            self.at += 1
        self.nearly.append(nearly)
        return True

    def equations(self, offset: int) -> Iterator[Equation]:
        """Yield neighbours as equations; the sum of one that the next carries on is no side of it."""
        nearly = reckoned = False
        for number in range(len(self.sides) - 1):
            (left, start, _), (right, _, end) = self.sides[number : number + 2]
            nearly |= self.nearly[number]
            reckoned |= left.operators + right.operators > 0
            carried = right.operators > 0 and right.first == left.value
            if reckoned and not carried:
                yield Equation(left, right, nearly, offset + start, offset + end)


def _factors(left: Side, right: Side) -> set[Exact]:
    """Return what the left side may be multiplied with: percentages are hundredths, thousands may be left out."""
    factors: set[Exact] = {1}
    if left.percent or right.percent:
        factors |= {100, Fraction(1, 100)}
    if left.scales != right.scales:
        known = left.scales | right.scales
        factors |= {Fraction(one, other) for one in known for other in known}
    return factors


def _agree(side: Side, plain: Side, factor: Exact, *, nearly: bool) -> bool:
    """Tell whether a value may be meant by another that is written with so many digits."""
    wanted, written = side.value * factor, plain.value
    if wanted < 0 < written and (side.dashed or may_be_year(side.first)):  # years' difference has no sign
        wanted = -wanted
    wanted, written = (wanted, written) if wanted >= 0 else (-wanted, -written)
    off = max(wanted - written, written - wanted)
    unit = Fraction(max(plain.scales), 10**plain.places) if plain.places else max(plain.scales)
    rounded = plain.operators == 0 and off < unit and (nearly or wanted % unit != 0)
    if off == 0 or rounded:
        return True
    loose = _LOOSE if nearly else _ROUNDED if side.rounded or plain.rounded else None
    return loose is not None and off <= wanted * loose


_MULTIPLES = frozenset({"dozen", "pair", "score", "half", "quarter"})
_MEASURE_NAMES = (
    "second sec minute min hour hr h day week month year s decade mm cm dm m km inch inche in ft foot feet yd yard "
    "mile metre meter mg g kg gram kilogram ton tonne lb pound oz ounce t ml cl l liter litre gallon pint cup L cent "
    "dollar c euro degree radian rad deg"
)
_MEASURES = _MULTIPLES | frozenset(_MEASURE_NAMES.split())
"""Units that are multiples of others."""


def _mixed(left: Side, right: Side) -> bool:
    """Tell whether numbers are added that may be of different units: minutes and hours, thousands and others."""
    named = (left.units | right.units) - {""}
    if named & _MULTIPLES or (len(named) > 1 and named & _MEASURES):
        return True
    return any(side.summed and _uneven(side) for side in (left, right))


def _uneven(side: Side) -> bool:
    short = any(len(unit) == 1 for unit in side.units)
    return (short and len(side.units) > 1) or (1 in side.scales and len(side.scales) > 1)
