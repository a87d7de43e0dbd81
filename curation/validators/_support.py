"""What a reasoning states that neither the caption nor the question does: figures, colours, counts, names, options.

A caption is seldom complete, so what it leaves out is no fault. Judged is what it speaks of otherwise: a name with
another value, a thing of another colour, more of what it counts, a long figure with one digit changed; and names beside
figures where it has names beside figures.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

from curation.validators._colours import COLOUR, COLOURED
from curation.validators._equations import LONGEST, equations
from curation.validators._figures import Figure, figures, is_label

_NO_NOUN_NAMES = (
    "and the with for are was has that which from than but while because since shiny matte metal rubber large small "
    "tiny big tall short long round wooden one ones color colour colors tone shade hue light dark plastic solid white"
)
_NO_NOUNS = frozenset(_NO_NOUN_NAMES.split())
"""Words behind a colour that are not the thing of that colour."""
_NEGATED = re.compile(
    r"\b(?:no|not|none|neither|nor|without|never|if|would|any|whether|or|instead)\b|n't\b|\?", re.IGNORECASE
)
_RECKONED = (
    (
        re.compile(
            r"\b(?:sums?|totals?|combined|together|altogether|add|adding|added|plus|in all|whole|overall)\b",
            re.IGNORECASE,
        ),
        "sum",
    ),
    (re.compile(r"\b(?:averages?|mean|median|midpoint|halfway)\b", re.IGNORECASE), "mean"),
    (
        re.compile(
            r"\b(?:differences?|differs?|gap|higher|lower|more|less|fewer|larger|smaller|greater|exceed\w*|increase\w*|"
            r"decrease\w*|rise|rose|fall|fell|drop\w*|grew|growth|chang\w+|gain\w*|lost|range|subtract\w*|remain\w*|"
            r"rest|(?:are|is) left|leaves|decline\w*|ahead|behind)\b",
            re.IGNORECASE,
        ),
        "difference",
    ),
    (
        re.compile(
            r"\b(?:ratio|times|half|double\w*|twice|triple|percentage of|share of the|proportion|divid\w*|multipl\w*|"
            r"product|increase\w*|decrease\w*|rise|rose|grew|growth|chang\w+|drop\w*|fell)\b",
            re.IGNORECASE,
        ),
        "ratio",
    ),
)
"""Words that tell how a figure was reckoned."""
_NEARLY = re.compile(
    r"(?:\b(?:about|around|approximately|roughly|nearly|almost|close to|over|under|above|below|than|least|most|circa|"
    r"approx\.?|up to)|[~≈<>≤≥])\s?[$€£]?$",
    re.IGNORECASE,
)
_NOT_SHOWN = re.compile(r"^\s?(?:px|pixels?|by [0-9]+ pixels|[x×] ?[0-9]+)\b", re.IGNORECASE)
_SIZES_BEGIN = frozenset("pPbBxX×")
_NAME = r"(?P<name>(?:[A-Z][\w'’-]*|[0-9]{4})(?: (?:and |of |the )?[A-Z][\w'’-]*){0,3})"
_VALUED = re.compile(
    rf"(?<![\w-]){_NAME}(?:,? (?:stands at|at|with|has|had|is|was|reached|reaches|recorded|scored|shows)"
    r"(?: a value of)? | ?[:=] ?| ?\()[$€£]?[0-9]"
)
_FOR = re.compile(rf" (?:for|in) {_NAME}")
_LONG = 1000
"""Figures from here on have so many digits that few are like another but for one."""
_PLAIN_WORD_NAMES = (
    "the this that these those there here it its he she they we each both total sum value number answer figure table "
    "step question option choice chart graph bar line january february march april may june july august september "
    "october november december monday tuesday wednesday thursday friday saturday sunday therefore thus difference "
    "average result count percentage share amount year"
)
_PLAIN_WORDS = frozenset(_PLAIN_WORD_NAMES.split())
"""Words in capitals that name nothing which a caption would have to name."""
_OPTION = re.compile(r"\b[Oo]ption \(?([A-H])\b")
_OPTION_TEXT = re.compile(r"\b(?:[Oo]ption|[Cc]hoice) \(?([A-H])\)?(?: is|[:,.]|)\s?[\"'“(]?\s?([^\n\"”]{2,120})")
_COUNTED = re.compile(r"\b(?P<noun>[a-z]{3,20}(?: [a-z]{3,20})?)")
_MOST = 40
"""Figures of a text that are combined with each other."""
_SUMMED = re.compile(
    r"\b(?:total|sum|altogether|combined|together|add(?:ing|ed)?|plus|more|another|in all)\b", re.IGNORECASE
)


class Unsupported(NamedTuple):
    """A claim that nothing supports."""

    what: str
    message: str
    start: int
    end: int


class Ground(NamedTuple):
    """What a reasoning may rest on."""

    caption: str
    asked: str
    """Question, context, choices and earlier questions."""
    question: str
    choices: Sequence[str]


def unsupported(reasoning: str, ground: Ground, may_be: Sequence[bool]) -> Iterator[Unsupported]:
    """Yield the first claim of each kind in the reasoning that the ground does not support.

    `may_be` says whether there can be any on values, on colours, on counts and on options.
    """
    reasoning = reasoning[:LONGEST]
    ground = ground._replace(caption=ground.caption[:LONGEST], asked=ground.asked[:LONGEST])
    values, colours, counts, options = may_be
    kinds = ((values, _figures), (values, _names), (colours, _colours), (counts, _counts), (options, _options))
    for find in (find for there, find in kinds if there):
        found = next(find(reasoning, ground), None)
        if found is not None:
            yield found


def quantities(text: str) -> list[Figure]:
    """Return the figures of a text that are no labels, and no sizes in pixels."""
    return shown(text, figures(text))


def shown(text: str, found: Iterable[Figure]) -> list[Figure]:
    """Leave of a text's figures those that are no labels, and no sizes in pixels."""
    told = (figure for figure in found if not is_label(text, figure))
    return [figure for figure in told if not _is_size(text[figure.end : figure.end + 20])]


def _is_size(behind: str) -> bool:
    """Tell whether a figure is one of a picture's size by what stands behind it: few begin as such do."""
    return behind.lstrip()[:1] in _SIZES_BEGIN and _NOT_SHOWN.match(behind) is not None


def is_nearly(text: str, figure: Figure) -> bool:
    """Tell whether a figure is told as about right, or as a bound."""
    return _NEARLY.search(text[max(0, figure.start - 20) : figure.start]) is not None


def results(text: str) -> set[float]:
    """Return the values of the sides of a text's equations that hold."""
    found = set[float]()
    for equation in equations(text):
        if equation.holds:
            found.update(equation.sizes)
    return found


def agrees(figure: Figure, value: float) -> bool:
    """Tell whether a figure is a value, as far as its digits tell; with or without thousand, as part or per cent."""
    unit = 10.0**-figure.places
    wanted = {value, value * 100, value / 100} if figure.percent else {value}
    return any(_close(given, each, unit) for given in {figure.value, figure.value * figure.scale} for each in wanted)


def _close(given: float, value: float, unit: float) -> bool:
    off = abs(given - value)
    return off <= 1e-9 * value or (off < unit * 0.51 and value % 1 != 0)


def ways(sentence: str) -> frozenset[str]:
    """Return how the figures of a sentence may have been reckoned, as its words tell."""
    return frozenset(way for pattern, way in _RECKONED if pattern.search(sentence))


def derived(values: Sequence[float], told: frozenset[str]) -> Iterator[float]:
    """Yield what people reckon in these ways from a few values: sums, means, differences, ratios and changes."""
    if values and "sum" in told:
        yield sum(values)
    if values and "mean" in told:
        yield sum(values) / len(values)
    for one, other in combinations(values[:_MOST], 2):
        yield from _of_two(max(one, other), min(one, other), told)


def _of_two(high: float, low: float, told: frozenset[str]) -> Iterator[float]:
    if "sum" in told:
        yield high + low
    if "mean" in told:
        yield (high + low) / 2
    if "difference" in told:
        yield high - low
    if "ratio" in told and low:
        yield from (high * low, high / low, low / high)
        yield from (100 * low / high, 100 * (high - low) / low, 100 * (high - low) / high, 100 * high / low)


def _figures(reasoning: str, ground: Ground) -> Iterator[Unsupported]:
    """Find a name with another value than in the caption, or a long figure that is one of its but for a digit."""
    there = [figure for figure in quantities(ground.caption) if not figure.spelled]
    shown = {figure.value: figure for figure in there}
    valued, long = dict(_valued(ground.caption, there)), [value for value in shown if value >= _LONG]
    if not valued and not long:
        return
    evidence = _Evidence(shown, reasoning, ground)
    given = [figure for figure in quantities(reasoning) if not figure.spelled]
    for name, figure in _valued(reasoning, given) if valued else ():
        known = valued.get(name)
        if known is not None and not agrees(figure, known.value) and not evidence.has(figure):
            message = f"the caption gives {known.value:g} for {name!r:.80}, not {figure.value:g}"
            yield Unsupported("figure", message, figure.start, figure.end)
    for figure in given:
        if figure.value >= _LONG and not figure.is_year:
            near = next((value for value in long if _is_slip(figure.value, value)), None)
            if near is not None and not evidence.has(figure):
                message = f"the caption has {near:g}, not {figure.value:g}"
                yield Unsupported("figure", message, figure.start, figure.end)


class _Evidence:
    """The values that a figure of a reasoning may be besides its name's: read when one is wanted, which is seldom."""

    def __init__(self, shown: Iterable[float], reasoning: str, ground: Ground) -> None:
        self._shown, self._reasoning, self._asked = shown, reasoning, ground.asked

    @cached_property
    def _values(self) -> list[float]:
        return [*self._shown, *(figure.value for figure in figures(self._asked)), *results(self._reasoning)]

    def has(self, figure: Figure) -> bool:
        """Tell whether a figure is one of them."""
        return any(agrees(figure, value) for value in self._values)


def _is_slip(one: float, other: float) -> bool:
    """Tell whether two figures differ in a single digit."""
    left, right = f"{one:.2f}", f"{other:.2f}"
    return len(left) == len(right) and sum(a != b for a, b in zip(left, right, strict=True)) == 1


def _valued(text: str, there: Iterable[Figure]) -> Iterator[tuple[str, Figure]]:
    """Yield names in lower case with the figure that a text gives them: `Peru: 12`, `12 for Peru`, `Peru has 12`."""
    found = {figure.start: figure for figure in there if not figure.is_year}
    if not found:
        return
    for match in _VALUED.finditer(text):
        figure = found.get(match.end() - 1)
        if figure is not None and not is_nearly(text, figure):
            yield match["name"].casefold(), figure
    for figure in found.values():
        after = _FOR.match(text, figure.end)
        if after and not is_nearly(text, figure):
            yield after["name"].casefold(), figure


def _colours(reasoning: str, ground: Ground) -> Iterator[Unsupported]:
    """Find a thing of another colour than the caption, which names it with one colour, or the question has it."""
    seen = dict[str, set[str]]()
    for text in (ground.caption, ground.asked):
        for match in _coloured(text):
            seen.setdefault(match["noun"], set()).add(_colour(match["colour"]))
    for match in _coloured(reasoning):
        known = seen.get(match["noun"], set())
        around = reasoning[max(0, match.start() - 60) : match.end() + 40]
        if len(known) == 1 and _colour(match["colour"]) not in known and not _NEGATED.search(around):
            message = f"the {match['noun']} was said to be {next(iter(known))}, not {match['colour']}"
            yield Unsupported("colour", message, match.start(), match.end())
    yield from _other_colour(reasoning, ground)


def _other_colour(reasoning: str, ground: Ground) -> Iterator[Unsupported]:
    """Find that the one colour that the question is about is not spoken of, and another is."""
    asked = {_colour(name) for name in COLOUR.findall(ground.question.lower())}
    said = [(match, _colour(match[0])) for match in COLOUR.finditer(reasoning)]
    if len(asked) != 1 or not said or asked & {colour for _, colour in said}:
        return
    wanted, (match, _) = next(iter(asked)), said[0]
    if not re.search(wanted.replace("gray", "gr[ae]y"), reasoning, re.IGNORECASE):
        message = f"the question is about {wanted}, which the reasoning does not speak of"
        yield Unsupported("colour", message, match.start(), match.end())


def _coloured(text: str) -> Iterator[re.Match[str]]:
    """Yield colours with the noun behind them."""
    for match in COLOURED.finditer(text):
        if match["noun"] not in _NO_NOUNS and not match["noun"].endswith(("ed", "ish", "ly", "ic")):
            yield match


def _colour(name: str) -> str:
    return "gray" if name == "grey" else name


def _counts(reasoning: str, ground: Ground) -> Iterator[Unsupported]:
    """Find more of what the caption counts than it counted."""
    counted = dict[str, set[float]]()
    for noun, figure in _nouns(ground.caption):
        counted.setdefault(noun, set()).add(figure.value)
    for noun, figure in _nouns(reasoning):
        known = counted.get(noun, set())
        before = reasoning[max(0, figure.start - 60) : figure.end + 40]
        if len(known) == 1 and figure.value > max(known) and not _SUMMED.search(before):
            message = f"the caption counts {max(known):g} {noun}, not {figure.value:g}"
            yield Unsupported("count", message, figure.start, figure.end + 1 + len(noun))


def _nouns(text: str) -> Iterator[tuple[str, Figure]]:
    """Yield small numbers with the two words behind them: `red cubes`."""
    for figure in figures(text):
        match = _COUNTED.match(text, figure.end + 1)
        if match and figure.is_plain and " " in match["noun"] and not is_label(text, figure):
            yield match["noun"], figure


def _names(reasoning: str, ground: Ground) -> Iterator[Unsupported]:
    if len(_VALUED.findall(ground.caption)) < 2:
        return
    known = set(re.findall(r"[^\W\d_]{2,}", f"{ground.caption} {ground.asked}".casefold())) | _PLAIN_WORDS
    for match in _VALUED.finditer(reasoning):
        words = re.findall(r"[^\W\d_]{2,}", match["name"].casefold())
        if words and not any(word in known or word.removesuffix("s") in known for word in words):
            yield Unsupported("name", f"nothing was said of {match['name']}", match.start("name"), match.end("name"))


def _options(reasoning: str, ground: Ground) -> Iterator[Unsupported]:
    """Find an option that there is not, or one with another's words."""
    choices = [choice.casefold().strip(" .") for choice in ground.choices]
    if not choices:
        return
    for match in _OPTION.finditer(reasoning):
        if ord(match[1]) - ord("A") >= len(choices):
            yield Unsupported("option", f"there is no option {match[1]}", match.start(), match.end())
    for match in _OPTION_TEXT.finditer(reasoning):
        number, text = ord(match[1]) - ord("A"), match[2].casefold()
        fits = [place for place, choice in enumerate(choices) if choice and _starts(text, choice)]
        longest = max(fits, key=lambda place: len(choices[place]), default=number)
        if number < len(choices) and choices[longest] != choices[number]:
            message = f"option {match[1]} is {ground.choices[number]:.80}, not {ground.choices[longest]:.80}"
            yield Unsupported("option", message, match.start(), match.end())


def _starts(text: str, choice: str) -> bool:
    return text.startswith(choice) and not text[len(choice) : len(choice) + 1].isalnum()
