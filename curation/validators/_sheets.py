"""The figures and words of a chart's table, and of what is written in an image, as texts are compared with them."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

from curation.validators._figures import Figure, figures, may_be_year
from curation.validators._support import agrees
from schemas.sample import Facts

_WORD = re.compile(r"[^\W_]{2,}")
_SUMS = 400
"""Cells of a table that sums are made of."""


class Sheet:
    """The figures and words of a table and of what is written in an image."""

    def __init__(self, facts: Facts) -> None:
        cells = [cell for row in facts.table for cell in row]
        self.is_table = bool(cells)
        self.values = _values([*cells, *facts.text])
        self.words = frozenset(words(" ".join([*cells, *facts.text]).casefold()))
        self.years = sorted(filter(may_be_year, self.values))
        self.rows = _named(facts.table[1:])
        self.columns = _named(list(zip(*facts.table, strict=False))[1:])
        self.names = (*self.rows, *self.columns)
        self.sizes = _sizes(facts.table)
        self._table = facts.table

    @cached_property
    def sums(self) -> frozenset[float]:
        """What is reckoned of rows and columns: few texts speak of it."""
        return frozenset(round(value, 9) for value in _sums(self._table))

    def has(self, figure: Figure) -> bool:
        """Tell whether a figure stands there, as it is or rounded to its digits."""
        given = {figure.value, figure.value * figure.scale} | ({figure.value / 100} if figure.percent else set())
        return bool(given & self.values) or any(agrees(figure, value) for value in self.values)


def words(text: str) -> list[str]:
    """Return the words of a text that are compared."""
    return _WORD.findall(text)


def sheet(facts: Facts) -> Sheet | None:
    """Return the sheet of some facts; None where they have neither a table nor a text."""
    return Sheet(facts) if facts.table or facts.text else None


def _values(texts: Sequence[str]) -> frozenset[float]:
    return frozenset(figure.value * each for text in texts for figure in figures(text) for each in {1.0, figure.scale})


def _named(lines: Sequence[Sequence[str]]) -> dict[str, frozenset[float]]:
    """Return the values of each row, or of each column, by its name; a name that is there twice is left out."""
    names = Counter(line[0].strip().casefold() for line in lines if line)
    named = {line[0].strip().casefold(): _values(line) for line in lines if line}
    return {name: values for name, values in named.items() if names[name] == 1 and len(name) > 1}


def _numbers(cells: Sequence[str]) -> list[float]:
    found = (next(iter(figures(cell)), None) for cell in cells)
    return [figure.value for figure in found if figure is not None]


def _sums(table: Sequence[Sequence[str]]) -> Iterator[float]:
    """Yield what is reckoned of whole rows and columns: sums, means, ranges, and differences within a column."""
    rows = [row[1:] for row in table[1:]]
    for line in [*rows, *zip(*rows, strict=False)]:
        values = _numbers(line)[:_SUMS]
        if len(values) > 1:
            yield from (sum(values), sum(values) / len(values), max(values) - min(values), abs(values[0] - values[-1]))
            yield sorted(values)[len(values) // 2]
    yield sum(_numbers([cell for row in rows for cell in row][:_SUMS]))


def _sizes(table: Sequence[Sequence[str]]) -> frozenset[int]:
    """Return the numbers of bars, lines and categories that the chart of a table may have."""
    height, width = len(table), max(map(len, table), default=0)
    return frozenset({height - 1, width - 1, (height - 1) * (width - 1)})
