"""One HTML page that needs nothing beside it: styles, charts and pictures are inside; it prints, in light and dark.

What comes from outside (texts, labels, names of folders) is escaped where it enters.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from curation.page.drawing import COLOURS

_MANY = 8
"""Columns, above which a table is set closer."""


def render(title: str, lead: str, body: Iterable[str], legend: str = "") -> str:
    """Return the page: `title` and `lead` are text, the rest is HTML."""
    template = files("curation.page").joinpath("frame.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        title=escape(title),
        lead=escape(lead),
        legend=legend,
        colours="\n".join(_colour(number) for number in range(COLOURS)),
        body="\n".join(body),
    )


def _colour(number: int) -> str:
    """Colour marks, whiskers and lines of a class: marks are filled, the others stroked."""
    return (
        f".mark.m{number} {{ fill: var(--c{number}); }} "
        f".whisker.m{number}, .line.m{number} {{ stroke: var(--c{number}); }}"
    )


def put(path: Path, text: str) -> None:
    """Write a file whole or not at all; halves of characters become question marks."""
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    partial.write_text(text, encoding="utf-8", errors="replace")
    partial.replace(path)


def section(title: str, body: str) -> str:
    """Put a heading over a part; nothing where the part is empty."""
    return f"<h2>{escape(title)}</h2>\n{body}" if body else ""


def note(words: str) -> str:
    """Write a sentence or two below a chart or a table."""
    return f'<p class="soft">{escape(words)}</p>'


def table(columns: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Build a table from cells that are HTML; each row with its class. One of many columns is set closer."""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f'<tr class="{kind}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>' for kind, cells in rows)
    kind = ' class="dense"' if len(columns) > _MANY else ""
    return f'<div class="card scroll"><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def framed(chart: str, caption: str = "") -> str:
    """Frame a chart."""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{chart}{below}</figure>"


def sentences(said: Sequence[str], most: int = 50) -> str:
    """List sentences; how many more there are stands below."""
    if not said:
        return ""
    shown = "".join(f"<li>{escape(sentence)}</li>" for sentence in said[:most])
    more = f"<li>and {len(said) - most:,} more</li>" if len(said) > most else ""
    return f'<ul class="card soft">{shown}{more}</ul>'


def pairs(named: Mapping[str, str]) -> str:
    """Build a table of names and values."""
    rows = [("", [escape(name), escape(value)]) for name, value in named.items()]
    return table(("", ""), rows) if rows else ""
