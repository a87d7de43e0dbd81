"""Texts from data as Markdown that says what they say, and nothing more: no markup of theirs has an effect.

Markdown as the Hub reads it: CommonMark with GitHub's tables (https://spec.commonmark.org/0.31.2,
https://github.github.com/gfm), and HTML inside.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape

LINE = 300
"""Characters of a text in a line, at most."""
_WORD = 80
"""Characters of a word, at most: a longer one would push the page wide."""
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Controls: those that turn the direction of what follows, too."""
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&])")
_AT_FIRST = re.compile(r"^(\d{0,9})([-+=#:.)])")
"""What makes a list, a heading or a table's rule of a line that begins with it."""
_LONG = re.compile(rf"(\S{{{_WORD}}})\S+")
_TICKS = re.compile("`+")


def words(text: str, most: int = LINE) -> str:
    """Return a text in one line, without controls, cut where it is long."""
    return " ".join(_clean(text, most).split())


def _clean(text: str, most: int) -> str:
    """Cut before anything else is done: the text may be of any length."""
    whole = text[: 2 * most].encode("utf-8", "replace").decode("utf-8")
    seen = _LONG.sub(r"\1…", _UNSEEN.sub(" ", whole.replace("\u2028", "\n").replace("\u2029", "\n"))).strip()
    return seen if len(seen) <= most and len(text) <= 2 * most else f"{seen[: most - 1].rstrip()}…"


def inline(text: str, most: int = LINE) -> str:
    """Return a text for a paragraph, or for a cell of a table."""
    return _AT_FIRST.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", words(text, most)))


def code(text: str) -> str:
    """Return a short text as code, fit for a cell of a table, too: without the characters that would end it there."""
    shown = words(text).replace("`", "'").replace("|", "/")
    return f"`{shown}`" if shown else "–"


def html(text: str, most: int) -> str:
    """Return a text for a block of HTML, with its line breaks; no line of it is empty, which would end the block."""
    lines = (" ".join(line.split()) for line in _clean(text, most).splitlines())
    return "<br>".join(_plain(line) for line in lines if line)


def _plain(line: str) -> str:
    """Escape for HTML, and what Markdown and formulas would still see there."""
    return re.sub(r"[$\\`*_~\[\]]", lambda found: f"&#{ord(found[0])};", escape(line))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Build a table from cells that are Markdown; numbers are set to the right, with commas. Nothing without rows."""
    listed = [[_cell(cell) for cell in row] for row in rows]
    if not listed:
        return ""
    numbers = [all(re.fullmatch(r"[\d,.]+ ?%?|–", row[place]) for row in listed) for place in range(len(columns))]
    rule = ["---:" if number else "---" for number in numbers]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(columns), rule, *listed])


def _cell(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) else str(cell) or "–"


def fence(text: str, language: str = "") -> str:
    """Return a text as it is, in a block of code that nothing inside of it can end."""
    longest = max(map(len, _TICKS.findall(text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def section(title: str, *parts: str) -> str:
    """Put a heading over the parts that are there; nothing where none is."""
    there = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *there]) if there else ""
