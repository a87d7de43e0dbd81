"""The figures of `verify` as one HTML page."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from curation.evaluation import charts
from curation.evaluation.charts import Point
from curation.evaluation.coverage import Coverage
from curation.evaluation.curves import Losses
from curation.evaluation.examples import Example
from curation.evaluation.marking import Mark
from curation.evaluation.summary import Figure, StratumRow, Summary, SystemRow
from curation.page import framed, note, pairs, section, sentences, table
from curation.page import render as page
from curation.page.drawing import Style, marker
from curation.page.pictures import data_url
from schemas.trace import STAGES


class Contents(NamedTuple):
    """What the page shows."""

    title: str
    asked: str
    """What the systems were asked, for the line below the title."""
    summary: Summary
    losses: Sequence[Losses] = ()
    coverage: Sequence[Coverage] = ()
    examples: Sequence[Example] = ()
    faults: Sequence[str] = ()
    """Rows that could not be used."""
    made_with: Mapping[str, str] = {}
    """Settings and digests, to make it again."""


def render(contents: Contents) -> str:
    """Return the page."""
    look = _Look(contents.summary)
    parts = (
        section("Results", _results(contents.summary, look)),
        section("Accuracy", _figures(contents.summary, look)),
        section("Held-out loss by stage", _curves(contents.losses, look)),
        section("What there was to train on", _coverage(contents.coverage)),
        section("Where the systems differ", _examples(contents.examples, look)),
        section("Rows that could not be used", sentences(contents.faults)),
        section("Made with", pairs(contents.made_with)),
    )
    lead = f"{contents.asked} {_how(contents.summary)}"
    return page(contents.title, lead, parts, _legend(look))


def _how(summary: Summary) -> str:
    return (
        f"Intervals hold 95 % of {summary.resamples:,} paired bootstrap resamples of the {summary.groups:,} images; "
        "an answer that could not be read counts as not right."
    )


class _Look:
    """Colours by model, shapes by search: the same in every chart."""

    def __init__(self, summary: Summary) -> None:
        models = list(dict.fromkeys(row.model for row in summary.systems))
        ways = list(dict.fromkeys(row.way for row in summary.systems))
        self.colours = {model: number for number, model in enumerate(models)}
        self.styles = [Style(self.colours[row.model], ways.index(row.way)) for row in summary.systems]
        self.names = [f"{row.model}, {row.way}" for row in summary.systems]

    def mark(self, system: int) -> str:
        """Draw the mark of a system, to stand in a line of text."""
        return f'<svg viewBox="-7 -7 14 14" aria-hidden="true">{marker(self.styles[system])}</svg>'


def _legend(look: _Look) -> str:
    items = (f"<li>{look.mark(system)}{escape(name)}</li>" for system, name in enumerate(look.names))
    return f'<ul class="legend">{"".join(items)}</ul>'


def _results(summary: Summary, look: _Look) -> str:
    columns = ("system", "accuracy %", "against the first", "any candidate", "unparsed", "format")
    costs = ("tokens", "by judges", "calls in a row", "seconds")
    rows = [("", _result(row, look, system)) for system, row in enumerate(summary.systems)]
    means = (
        "Tokens, calls and seconds are means for a question. “Any candidate” is the share of questions of which "
        "some candidate is right: what a perfect judge would reach."
    )
    return table((*columns, *costs), rows) + note(means)


def _result(row: SystemRow, look: _Look, system: int) -> list[str]:
    return [
        look.mark(system) + escape(look.names[system]),
        _percent(row.accuracy),
        _percent(row.difference, "+"),
        "–" if row.any_correct is None else f"{100 * row.any_correct:.1f}",
        f"{row.unparsed:,}",
        f"{100 * row.follows_form:.1f}",
        f"{row.tokens:,.0f}",
        f"{row.judge_tokens:,.0f}",
        f"{row.forward_calls:,.1f}",
        f"{row.seconds:.3g}",
    ]


def _percent(figure: Figure | None, sign: str = "") -> str:
    if figure is None:
        return "–"
    mean = f"{100 * figure.mean:{sign}.1f}"
    if figure.low is None or figure.high is None:
        return mean
    return f'{mean}<span class="interval">{100 * figure.low:{sign}.1f} … {100 * figure.high:{sign}.1f}</span>'


def _figures(summary: Summary, look: _Look) -> str:
    rows = summary.systems
    points = [_point(look, system, row.accuracy, row.tokens) for system, row in enumerate(rows)]
    figures = [framed(charts.against_cost(points), "All questions, against what an answer costs")]
    for label, group in groupby(summary.strata, key=lambda row: row.label):
        kinds = [(f"{row.value} ({row.questions:,})", _points(look, row)) for row in group]
        if len(kinds) > 1:
            figures.append(framed(charts.side_by_side(kinds), f"By {label}"))
    return f'<div class="figures">{"".join(figures)}</div>'


def _points(look: _Look, row: StratumRow) -> list[Point]:
    return [_point(look, system, figure, 0) for system, figure in enumerate(row.accuracy)]


def _point(look: _Look, system: int, figure: Figure, at: float) -> Point:
    low = figure.mean if figure.low is None else figure.low
    high = figure.mean if figure.high is None else figure.high
    return Point(look.names[system], look.styles[system], at, 100 * figure.mean, 100 * low, 100 * high)


def _curves(runs: Sequence[Losses], look: _Look) -> str:
    charts_ = []
    for stage in STAGES:
        curves = [(run.label, look.colours[run.label], run.by_stage[stage]) for run in runs if stage in run.by_stage]
        if curves:
            charts_.append(framed(charts.lines(stage.value, curves)))
    below = note("Nats a token, by training step; the colours are those of the models.")
    return f'<div class="figures small">{"".join(charts_)}</div>{below}' if charts_ else ""


def _coverage(rows: Sequence[Coverage]) -> str:
    if not rows:
        return ""
    cells = [("" if row.left else "warn", _covered(row)) for row in rows]
    below = note("Before curation, and after it; marked are kinds of question of which nothing is left.")
    return table(("kind of question", "before", "left", "left %"), cells) + below


def _covered(row: Coverage) -> list[str]:
    share = f"{100 * row.left / row.before:.1f}" if row.before else "–"
    return [escape(row.name), f"{row.before:,}", f"{row.left:,}", share]


def _examples(examples: Sequence[Example], look: _Look) -> str:
    cards = "".join(_example(example, look) for example in examples)
    return f'<div class="examples">{cards}</div>' if cards else ""


def _example(example: Example, look: _Look) -> str:
    answers = "".join(_answer(look, system, mark, text) for system, (mark, text) in enumerate(example.answers))
    return (
        f'<article class="example">{_pictures(example)}<div class="question">{escape(example.question)}</div>'
        f'<p>Target: <b>{escape(example.target)}</b> <span class="soft">{escape(example.id)}</span></p>'
        f"<dl>{answers}</dl></article>"
    )


def _pictures(example: Example) -> str:
    return "".join(_picture(path) for path in example.pictures)


def _picture(path: Path) -> str:
    shown = data_url(path)
    if shown is None:
        return '<p class="soft">(a picture that can not be read)</p>'
    url, tiny = shown
    return f'<img class="{"tiny" if tiny else ""}" src="{url}" alt="The picture that the question is about">'


def _answer(look: _Look, system: int, mark: Mark, text: str) -> str:
    kind = "right" if mark.correct else "wrong" if mark.extracted.parsed else "unread"
    said = mark.extracted.conclusion if mark.extracted.parsed else "no conclusion found"
    whole = f"<details><summary>whole answer</summary><pre>{escape(text)}</pre></details>"
    name = look.mark(system) + escape(look.names[system])
    return f'<dt>{name}</dt><dd><span class="{kind}">{escape(said)}</span>{whole}</dd>'
