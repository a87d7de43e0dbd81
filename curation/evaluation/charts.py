"""The charts of `verify`: accuracy against cost, by kind of question, and losses; colours are those of the models."""

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

from curation.page.drawing import COLOURS, Scale, Style, level, marker, rule, svg, text, ticks, whisker


class Point(NamedTuple):
    """A mean with its interval, in percent, at a place on the other axis."""

    name: str
    style: Style
    at: float
    mean: float
    low: float
    high: float


def against_cost(points: Sequence[Point]) -> str:
    """Draw accuracy, with intervals, against tokens a question on a logarithmic axis."""
    width, height = 480, 320
    costs = [log10(max(point.at, 1)) for point in points]
    x = Scale(min(costs) - 0.15, max(costs) + 0.15, 52, width - 14)
    bounds = _bounds(points)
    y = Scale(*bounds, height - 46, 12)
    parts = [level(tick, y(tick), 52, width - 14) for tick in ticks(*bounds)]
    parts += [text(x(log10(tick)), height - 28, f"{tick:,}") for tick in _decades(10**x.low, 10**x.high)]
    parts.append(text(width / 2, height - 8, "tokens a question (generated, judges included)", "axis"))
    for point, cost in zip(points, costs, strict=True):
        at = x(cost)
        parts.append(whisker(point.style, (at, y(point.low)), (at, y(point.high))))
        parts.append(marker(point.style, at, y(point.mean), _told(point) + f", {point.at:,.0f} tokens"))
    return svg(width, height, "Accuracy against tokens", parts)


def side_by_side(kinds: Sequence[tuple[str, Sequence[Point]]]) -> str:
    """Draw the systems below each other for every kind of question, accuracy to the right."""
    width, left, step = 480, 12, 13
    every = [point for _, points in kinds for point in points]
    bounds = _bounds(every)
    x = Scale(*bounds, left + 8, width - 20)
    parts: list[str] = []
    top = 22.0
    for name, points in kinds:
        parts.append(text(left, top, name, "kind"))
        for row, point in enumerate(points, 1):
            y = top + 4 + row * step
            parts.append(whisker(point.style, (x(point.low), y), (x(point.high), y)))
            parts.append(marker(point.style, x(point.mean), y, _told(point)))
        top += 4 + (len(points) + 2) * step + 4
    ruled = [rule(x(tick), 8, top - 18) + text(x(tick), top, f"{tick:g}%") for tick in ticks(*bounds)]
    return svg(width, int(top) + 10, "Accuracy by kind of question", [*ruled, *parts])


def lines(title: str, curves: Iterable[tuple[str, int, Sequence[tuple[int, float]]]]) -> str:
    """Draw curves of (step, loss), each with its name and colour, from zero upwards."""
    width, height = 300, 200
    listed = list(curves)
    steps = [step for _, _, curve in listed for step, _ in curve]
    x = Scale(min(0, *steps), max(1, *steps), 42, width - 10)
    top = max(loss for _, _, curve in listed for _, loss in curve)
    y = Scale(0, top or 1, height - 30, 26)
    parts = [text(10, 14, title, "kind")]
    parts += [level(tick, y(tick), 42, width - 10, "") for tick in ticks(0, top or 1, 4)]
    parts.append(text(width - 10, height - 10, f"step {max(steps):,}", "end"))
    for name, colour, curve in listed:
        points = " ".join(f"{x(step):.1f},{y(loss):.1f}" for step, loss in sorted(curve))
        told = escape(f"{name}: {max(curve)[1]:.3f}")
        last, loss = max(curve)
        parts.append(marker(Style(colour, 0), x(last), y(loss)))
        parts.append(f'<polyline class="line m{colour % COLOURS}" points="{points}"><title>{told}</title></polyline>')
    return svg(width, height, f"Loss of {title}", parts)


def _told(point: Point) -> str:
    return f"{point.name}: {point.mean:.1f} % [{point.low:.1f}, {point.high:.1f}]"


def _bounds(points: Sequence[Point]) -> tuple[float, float]:
    """Return an axis in percent that holds every interval, on whole tens."""
    low = floor(min(point.low for point in points) / 10) * 10
    high = ceil(max(point.high for point in points) / 10) * 10
    return max(0, low), min(100, max(high, low + 10))


def _decades(low: float, high: float) -> list[int]:
    """Return the values 1, 2, 5, 10, … between low and high; one of them at least."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    values = [int(factor * 10**power) for power in powers for factor in (1, 2, 5) if power >= 0]
    return [value for value in values if low <= value <= high] or [max(1, round((low + high) / 2))]
