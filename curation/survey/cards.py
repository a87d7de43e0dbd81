"""Cards of issues to look at. Long texts were cut before."""

from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from pathlib import Path

from curation.page.pictures import data_url
from curation.survey.examples import MOST_PICTURES, Counterpart, Example, Passage

_THUMBNAIL = 320
"""Pixels of the longer side of a picture."""


def in_a_row(examples: Iterable[Example]) -> str:
    """Show examples beside each other."""
    pictures = iter(range(MOST_PICTURES))
    cards = "".join(_example(each, pictures) for each in examples)
    return f'<div class="examples">{cards}</div>' if cards else ""


def by_code(examples: Iterable[Example]) -> str:
    """Show the examples of each code, below its name."""
    pictures = iter(range(MOST_PICTURES))
    cards = [
        f'<h3 id="{escape(code)}">{escape(code)}</h3><div class="examples">'
        + "".join(_example(each, pictures) for each in group)
        + "</div>"
        for code, group in groupby(examples, key=lambda example: example.code)
    ]
    return "".join(cards)


def _example(example: Example, pictures: Iterator[int]) -> str:
    first, *others = example.passages or (None,)
    target = f"<p>Target: <b>{escape(example.target)}</b></p>" if example.target else ""
    other = _counterpart(example.counterpart, pictures) if example.counterpart else ""
    evidence = f"<p>Evidence: <mark>{escape(example.evidence)}</mark></p>" if example.evidence else ""
    rest = "".join(_passage(each) for each in others if each)
    more = f"<details><summary>the other stages</summary>{rest}</details>" if rest else ""
    return (
        f'<article class="example">{_picture(example.picture, pictures)}<p class="finding {example.severity.value}">'
        f'<b>{example.severity.value}</b> {escape(example.message)}</p><div class="question" dir="auto">'
        f"{escape(example.question)}</div>{target}{evidence}{other}{_passage(first) if first else ''}{more}"
        f'<p class="soft id">{escape(example.sample_id[:200])}</p></article>'
    )


def _passage(passage: Passage) -> str:
    marked = f"<mark>{escape(passage.marked)}</mark>" if passage.marked else ""
    return (
        f'<div class="stage">{escape(passage.name)}</div>'
        f'<pre dir="auto">{escape(passage.before)}{marked}{escape(passage.behind)}</pre>'
    )


def _counterpart(other: Counterpart, pictures: Iterator[int]) -> str:
    return (
        f'<div class="stage">{escape(other.name)}</div>{_picture(other.picture, pictures)}'
        f'<div class="question" dir="auto">{escape(other.question)}</div>'
    )


def _picture(path: Path | None, pictures: Iterator[int]) -> str:
    """Show a picture, while there is room for one more."""
    if path is None or next(pictures, None) is None:
        return ""
    shown = data_url(path, _THUMBNAIL)
    if shown is None:
        return '<p class="soft">(a picture that can not be read)</p>'
    url, tiny = shown
    return f'<img class="{"tiny" if tiny else ""}" src="{url}" alt="The picture of the question">'
