"""What a text quotes of a chart's table, or of what is written in an image: figures, words, values of names.

A figure is supported where it stands in the table, the text or the question, where it is one of these rounded, and
where it can be reckoned: by an equation in the text, or from what the sentence or the question speaks of. Numbers of an
axis, of bars and lines, and in titles that a table does not have, are no quotations.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from typing import NamedTuple

from curation.validators._equations import LONGEST, Equation, equations, sentences
from curation.validators._figures import Figure, figures, may_be_year
from curation.validators._sheets import Sheet, words
from curation.validators._support import agrees, derived, is_nearly, quantities, shown, ways

_AXIS = re.compile(
    r"\b(?:axis|axes|scale[ds]?|ticks?|grid ?lines?|intervals?|increments?|steps of|pixels?|resolution)\b",
    re.IGNORECASE,
)
_SOURCE = re.compile(
    r"\b(?:sources?|survey\w*|published|conducted|report\w*|titled?|title|respondents|sample|copyright|census)\b|©",
    re.IGNORECASE,
)
_PARTS = re.compile(
    r"\s(?:different |distinct |separate |main |vertical |horizontal |colou?red |stacked |grouped |[a-z]{3,12} )?"
    r"(?:bars?|lines?|slices?|segments?|sections?|categor(?:y|ies)|groups?|columns?|rows?|points?|data points|series|"
    r"countries|colou?rs?|labels?|entries|items|wedges|sectors|clusters|pairs?|panels?|paragraphs?|pages?|signatures?|"
    r"lines of text|words|digits|characters)\b",
    re.IGNORECASE,
)
_COUNTING = re.compile(
    r"\s(?!(?:and|or|in|for|to|at|while|whereas|is|are|was|but|which|by|from|on|as|with|than|per|million|billion|thousand)\b)"
    r"[a-z]{3}"
)
_QUOTED = re.compile(r"[\"“]([^\"“”\n]{3,80})[\"”]")
_LINK = re.compile(
    r"(?:\s(?:is|was|has|had|at|with|of|reached|reaches|recorded|shows|showed|scored|accounts for|accounted for|"
    r"stands at)|\s?[:=(])\s?(?:about |around |only )?(?:a |an |the )?(?:(?:value|score|share|rate|total) of )?[$€£]?$",
    re.IGNORECASE,
)
_LONGEST_LINK = 40
"""Characters of a link, at most."""
_IS_EXTREME = re.compile(
    r"%?\s(?:is|was)\s(?:clearly |thus |therefore )?the\s(?:(?P<high>maximum|highest|largest|greatest|biggest|peak)"
    r"|minimum|lowest|smallest)\b(?!\s(?:of|among)\sthe\s(?:rest|others|remaining))",
    re.IGNORECASE,
)
_FOR = re.compile(r"\s(?:for|in)\s", re.IGNORECASE)
_REFERS = re.compile(
    r"\s*(?:it|its|this|the (?:label|value|bar|figure|number|entry|point|slice|segment|reading))\b", re.IGNORECASE
)
_COMPARED = re.compile(
    r"\b(?:above|below|than|highest|lowest|largest|smallest|biggest|most|least|peak\w*|max\w*|min\w*|after|before|from|to|"
    r"until|since|between|while|others?|rest|respectively|next|follow\w*|top|bottom|all|each|every)\b",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"\b(?:over|under|above|below|than|least|most|up to|threshold|between|exceed\w*)\s?[$€£]?$", re.IGNORECASE
)
_LOOSE = 0.05
_ROUND = 5
"""Bounds that people name are multiples of this."""
_NEAR = 60
_MEANT = 12
"""Values of what a question names that are combined with each other."""
_FEWEST_WORDS = 2
_FEWEST_YEARS = 3
_FEWEST_FIGURES = 4
"""Where fewer are written, a small number is rather a count of something else."""
_MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?\s$", re.IGNORECASE)
_MOST = 300
"""Figures of a text, and equations, that are looked at."""
_LATEST = 12
"""Figures said before that another may be reckoned from."""
_TOLD = re.compile(
    r"\b(?:there are|shows|has|with|for|of|across|contains|consists of|features|displays|includes)\s*$", re.IGNORECASE
)


class Misquoted(NamedTuple):
    """A claim that is not in the table or the text."""

    what: str
    message: str
    start: int
    end: int


def misquoted(text: str, known: Sheet, asked: str, *, caption: bool) -> Iterator[Misquoted]:
    """Yield the claims of a caption or of a reasoning that the sheet and the question don't have."""
    text, asked = text[:LONGEST], asked[:LONGEST]
    if known.values and any(not figure.spelled or figure.scale > 1 for figure in figures(text)):
        yield from _figures(_Stage(text, known, asked, caption=caption))
    if not known.is_table:
        yield from _quotes(text, known, asked)


class _Asking(NamedTuple):
    """What a question gives, and asks to be reckoned."""

    given: Sequence[float]
    told: frozenset[str]
    values: Sequence[float]
    """Of the rows and columns that it names."""
    how_many: bool


@lru_cache(maxsize=64)
def _asking(asked: str, known: Sheet) -> _Asking:
    """Read a question, with its context and choices, once for all stages."""
    plain = asked.casefold()
    meant = [values for name, values in (known.rows | known.columns).items() if name in plain]
    flat = [value for values in meant for value in values]
    return _Asking([figure.value for figure in figures(asked)], ways(asked), flat[:_MEANT], "how many" in plain)


class _Stage:
    """A caption or a reasoning, and what its figures may rest on: read when wanted, as most stand in the table."""

    def __init__(self, text: str, known: Sheet, asked: str, *, caption: bool) -> None:
        self.text, self.known, self.asked, self.caption = text, known, asked, caption
        self._passed: list[float] = []

    @cached_property
    def asking(self) -> _Asking:
        """What the question gives."""
        return _asking(self.asked, self.known)

    @cached_property
    def _stated(self) -> list[Equation]:
        return list(islice(equations(self.text), _MOST))

    @cached_property
    def reckoned(self) -> list[float]:
        """The sides of the equations that hold."""
        return [size for each in self._stated if each.holds for size in each.sizes]

    @cached_property
    def _there(self) -> list[float]:
        return [figure.value for figure in quantities(self.text)[:_MOST] if self.known.has(figure)]

    @property
    def said(self) -> list[float]:
        """Figures of the text that are there, and those before it that are reckoned."""
        return list(dict.fromkeys([*self._there, *self._passed]))

    def note(self, figure: Figure) -> None:
        """Let later figures rest on one in which nothing was found."""
        self._passed.append(figure.value)

    def is_inside(self, place: int) -> bool:
        """Tell whether a figure is one of an equation: how it was reckoned is told there."""
        return any(each.start <= place < each.end for each in self._stated)


class _Sentence:
    """A sentence, and what of it tells how its figures are meant: read when it is wanted, which is seldom."""

    def __init__(self, start: int, text: str, known: Sheet, before: "_Sentence | None") -> None:
        self.start, self.text = start, text
        self.named = _named(text, known)
        """Rows of the table that it may be about; `The label reads 12` is about what the sentence before was about."""
        if not self.named and before is not None and _REFERS.match(text):
            self.named = before.names

    @cached_property
    def names(self) -> Sequence[str]:
        """Rows of the table that it is about, where it is about these alone."""
        return self.named if self.named and not (self.told or _COMPARED.search(self.text)) else ()

    @cached_property
    def told(self) -> frozenset[str]:
        """How its figures may have been reckoned."""
        return ways(self.text)

    @cached_property
    def is_of_axis(self) -> bool:
        """Whether it is about what is written beside an axis."""
        return _AXIS.search(self.text) is not None

    def before(self, figure: Figure) -> str:
        """Return what stands before a figure."""
        return self.text[max(0, figure.start - _NEAR) : figure.start]


def _figures(stage: _Stage) -> Iterator[Misquoted]:
    sentence: _Sentence | None = None
    left = _MOST
    for start, text, there in _sentences(stage.text):
        found = shown(text, there)[:left]
        if not found:
            sentence = _without_figures(start, text, stage.known, sentence)
            continue
        sentence = _Sentence(start, text, stage.known, sentence)
        for figure in found:
            left -= 1
            why = _why(figure, sentence, stage)
            if why and not sentence.is_of_axis:
                yield Misquoted("number", why, start + figure.start, start + figure.end)
            else:
                stage.note(figure)


def _without_figures(start: int, text: str, known: Sheet, before: _Sentence | None) -> _Sentence | None:
    """Return what the next sentence may refer to: the names of this one, or else what was spoken of before."""
    sentence = _Sentence(start, text, known, None)
    sentence.names = sentence.named
    return sentence if sentence.named else before


def _sentences(text: str) -> Iterator[tuple[int, str, Sequence[Figure]]]:
    """Yield the sentences with their figures: those of the whole text, which are looked for once."""
    there = deque(figures(text))
    for start, sentence in sentences(text):
        found, end = list[Figure](), start + len(sentence)
        while there and there[0].start < end:
            found.append(there.popleft())
        if found and found[-1].end > end:  # it has taken a word of the next sentence
            yield start, sentence, figures(sentence)
        else:
            yield start, sentence, [_moved(figure, start) for figure in found] if start else found


def _moved(figure: Figure, by: int) -> Figure:
    return Figure(figure[0], figure[1] - by, figure[2] - by, *figure[3:])


def _named(text: str, known: Sheet) -> Sequence[str]:
    plain = text.casefold()
    return [name for name in known.rows if name in plain]


def _why(figure: Figure, sentence: _Sentence, stage: _Stage) -> str | None:
    """Return why a figure is no right quotation; None where it is one, or is none at all."""
    known = stage.known
    if figure.spelled and figure.scale == 1:
        return None
    counted = figure.is_plain or (figure.value in known.sizes and not figure.percent)
    if counted and _PARTS.match(sentence.text, figure.end):
        return _parts(figure, sentence, stage)
    owner = _owner(figure, sentence, known)
    if not owner and _is_a_count(figure, sentence, known):
        return None
    if known.has(figure):
        return _misplaced(figure, owner, sentence, stage) or _not_extreme(figure, sentence, known)
    inside = stage.is_inside(sentence.start + figure.start)
    sure = owner and not (inside or figure.is_year or sentence.told or is_nearly(sentence.text, figure))
    may_be = not sure and _may_be(figure, sentence, stage, inside=inside)
    return None if may_be else _lacking(figure, known)


def _is_a_count(figure: Figure, sentence: _Sentence, known: Sheet) -> bool:
    """Tell whether a small number counts things, which are not written in the image: `the 3 largest`, `2 animals`."""
    few = not known.is_table and len(known.values) < _FEWEST_FIGURES and not _MONTH.search(sentence.before(figure))
    return figure.is_plain and (few or _COUNTING.match(sentence.text, figure.end) is not None)


def _lacking(figure: Figure, known: Sheet) -> str:
    place = "the chart's table" if known.is_table else "what is written in the image"
    return f"{figure.value:g} is neither in {place} nor reckoned from it"


def _parts(figure: Figure, sentence: _Sentence, stage: _Stage) -> str | None:
    """Check how many bars or lines a caption says that there are."""
    told = stage.caption and stage.known.is_table and _TOLD.search(sentence.before(figure))
    sizes = stage.known.sizes
    if not told or figure.value in sizes or figure.value in stage.asking.given:
        return None
    return f"the chart's table has {' or '.join(map(str, sorted(sizes)))} of what it shows, not {figure.value:g}"


def _may_be(figure: Figure, sentence: _Sentence, stage: _Stage, *, inside: bool) -> bool:
    """Tell whether a figure that is not there may stand for another, or be reckoned."""
    known = stage.known
    if any(agrees(figure, value) for value in (*stage.asking.given, *stage.reckoned, *stage.said)):
        return True
    if figure.is_year and known.is_table:
        return len(known.years) < _FEWEST_YEARS or _SOURCE.search(sentence.text) is not None
    if is_nearly(sentence.text, figure):
        round_bound = figure.value % _ROUND == 0 and _BOUND.search(sentence.before(figure)) is not None
        return round_bound or _is_near(figure, known)
    return not inside and _is_derived(figure, sentence.told, stage)


def _is_near(figure: Figure, known: Sheet) -> bool:
    given = {figure.value, figure.value * figure.scale}
    return any(abs(each - value) <= _LOOSE * value for value in known.values for each in given)


def _is_derived(figure: Figure, told: frozenset[str], stage: _Stage) -> bool:
    asking = stage.asking
    if asking.how_many and figure.is_plain:
        return True
    if asking.told and any(agrees(figure, value) for value in derived(asking.values, asking.told)):
        return True
    if (told or asking.told) and any(agrees(figure, value) for value in stage.known.sums):
        return True
    near = [*stage.said[-_LATEST:], *asking.given[:4]]
    return bool(told) and any(agrees(figure, value) for value in derived(near, told))


def _not_extreme(figure: Figure, sentence: _Sentence, known: Sheet) -> str | None:
    """Find that a figure which is called the highest or the lowest is neither of all nor of a row or column."""
    match = _IS_EXTREME.match(sentence.text, figure.end)
    if match is None or figure.is_year:
        return None
    choose, word = (max, "highest") if match["high"] else (min, "lowest")
    plain = sentence.text.casefold()
    rows = [values for name, values in known.rows.items() if name in plain]
    lines = [[value for value in each if not may_be_year(value)] for each in (known.values, *rows)]
    lines += [list(each) for each in known.columns.values()]
    if any(each and agrees(figure, choose(each)) for each in lines):
        return None
    return f"{figure.value:g} stands in the table, but is not the {word}"


def _misplaced(figure: Figure, owner: Sequence[str], sentence: _Sentence, stage: _Stage) -> str | None:
    """Find that a figure is another name's: `Peru (12)` where 12 is Chile's."""
    names = owner or sentence.named
    if not names or figure.is_year or _is_of(figure, names, stage):
        return None
    names = owner or sentence.names
    if not names or stage.is_inside(sentence.start + figure.start):
        return None
    return f"{figure.value:g} stands in the table, but not by {' or '.join(names)!r:.60}"


def _is_of(figure: Figure, names: Sequence[str], stage: _Stage) -> bool:
    """Tell whether a figure is one of these names', or one that the question gives."""
    near = [named[name] for name in names for named in (stage.known.rows, stage.known.columns) if name in named]
    if not near or any(agrees(figure, value) for values in near for value in values):
        return True
    return any(agrees(figure, value) for value in stage.asking.given)


def _owner(figure: Figure, sentence: _Sentence, known: Sheet) -> list[str]:
    """Return the name that a figure is said to be of: `Peru has 12`, `12 for Peru`."""
    before = sentence.before(figure).casefold()
    likely = [name for name in known.names if name in before]
    link = _LINK.search(before, max(0, len(before) - _LONGEST_LINK)) if likely else None
    found = [name for name in likely if before.endswith(name, 0, link.start())] if link else []
    after = _FOR.match(sentence.text, figure.end)
    if after and not found:
        behind = sentence.text[after.end() : after.end() + _NEAR].casefold()
        found = [name for name in known.names if behind.startswith(name) and not behind[len(name) :][:1].isalnum()]
    return [max(found, key=len)] if found else []


def _quotes(text: str, known: Sheet, asked: str) -> Iterator[Misquoted]:
    """Find quotations whose words are not written there."""
    there: frozenset[str] = frozenset()
    for match in _QUOTED.finditer(text):
        quoted = words(match[1].casefold())
        if len(quoted) < _FEWEST_WORDS:
            continue
        there = there or known.words.union(words(asked.casefold()))
        missing = [word for word in quoted if word not in there and not _nearly_there(word, there)]
        if 2 * len(missing) > len(quoted):
            yield Misquoted("quote", "this is not what is written in the image", match.start(), match.end())


def _nearly_there(word: str, there: frozenset[str]) -> bool:
    """Tell whether a word is there with a letter more or less, as readers of texts in images have it."""
    return any(word[:-1] in other or other in word for other in there if abs(len(other) - len(word)) <= 1)
