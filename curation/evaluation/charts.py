"""Charts as SVG texts, coloured by the classes of the page they stand in: `m0`, `m1`, … for the models.

Every text that comes from outside is escaped here.
"""

from collections.abc import Iterable, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

COLOURS = 8
"""How many classes of colour the page has; further models begin again."""

_SHAPES = (
    "M-5,0A5,5 0 1,0 5,0A5,5 0 1,0 -5,0Z",  # circle
    "M-4.5,-4.5H4.5V4.5H-4.5Z",  # square
    "M0,-5.5L5.5,4.5H-5.5Z",  # triangle
    "M0,-6L6,0L0,6L-6,0Z",  # diamond
    "M-5.5,-4.5H5.5L0,5.5Z",  # triangle, upside down
    "M-5,-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",  # plus
)


class Style(NamedTuple):
    """How a system looks: a colour for its model, a shape for its search."""

    colour: int
    shape: int


class Point(NamedTuple):
    """A mean with its interval, in percent, at a place on the other axis."""

    name: str
    style: Style
    at: float
    mean: float
    low: float
    high: float


class Scale(NamedTuple):
    """A linear axis: values from low to high at pixels from start to end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.start + (value - self.low) / ((self.high - self.low) or 1) * (self.end - self.start)


def marker(style: Style, x: float = 0.0, y: float = 0.0, title: str = "") -> str:
    """Draw the mark of a system."""
    told = f"<title>{escape(title)}</title>" if title else ""
    shape = _SHAPES[style.shape % len(_SHAPES)]
    return (
        f'<path class="mark m{style.colour % COLOURS}" d="{shape}" transform="translate({x:.1f},{y:.1f})">{told}</path>'
    )


def against_cost(points: Sequence[Point]) -> str:
    """Draw accuracy, with intervals, against tokens a question on a logarithmic axis."""
    width, height = 480, 320
    costs = [log10(max(point.at, 1)) for point in points]
    x = Scale(min(costs) - 0.15, max(costs) + 0.15, 52, width - 14)
    bounds = _bounds(points)
    y = Scale(*bounds, height - 46, 12)
    parts = [_level(tick, y(tick), 52, width - 14) for tick in _ticks(*bounds)]
    parts += [_text(x(log10(tick)), height - 28, f"{tick:,}") for tick in _decades(10**x.low, 10**x.high)]
    parts.append(_text(width / 2, height - 8, "tokens a question (generated, judges included)", "axis"))
    for point, cost in zip(points, costs, strict=True):
        at = x(cost)
        parts.append(_whisker(point.style, (at, y(point.low)), (at, y(point.high))))
        parts.append(marker(point.style, at, y(point.mean), _told(point) + f", {point.at:,.0f} tokens"))
    return _svg(width, height, "Accuracy against tokens", parts)


def side_by_side(kinds: Sequence[tuple[str, Sequence[Point]]]) -> str:
    """Draw the systems below each other for every kind of question, accuracy to the right."""
    width, left, step = 480, 12, 13
    every = [point for _, points in kinds for point in points]
    bounds = _bounds(every)
    x = Scale(*bounds, left + 8, width - 20)
    parts: list[str] = []
    top = 22.0
    for name, points in kinds:
        parts.append(_text(left, top, name, "kind"))
        for row, point in enumerate(points, 1):
            y = top + 4 + row * step
            parts.append(_whisker(point.style, (x(point.low), y), (x(point.high), y)))
            parts.append(marker(point.style, x(point.mean), y, _told(point)))
        top += 4 + (len(points) + 2) * step + 4
    ruled = [_rule(x(tick), 8, top - 18) + _text(x(tick), top, f"{tick:g}%") for tick in _ticks(*bounds)]
    return _svg(width, int(top) + 10, "Accuracy by kind of question", [*ruled, *parts])


def lines(title: str, curves: Iterable[tuple[str, int, Sequence[tuple[int, float]]]]) -> str:
    """Draw curves of (step, loss), each with its name and colour, from zero upwards."""
    width, height = 300, 200
    listed = list(curves)
    steps = [step for _, _, curve in listed for step, _ in curve]
    x = Scale(min(0, *steps), max(1, *steps), 42, width - 10)
    top = max(loss for _, _, curve in listed for _, loss in curve)
    y = Scale(0, top or 1, height - 30, 26)
    parts = [_text(10, 14, title, "kind")]
    parts += [_level(tick, y(tick), 42, width - 10, "") for tick in _ticks(0, top or 1, 4)]
    parts.append(_text(width - 10, height - 10, f"step {max(steps):,}", "end"))
    for name, colour, curve in listed:
        points = " ".join(f"{x(step):.1f},{y(loss):.1f}" for step, loss in sorted(curve))
        told = escape(f"{name}: {max(curve)[1]:.3f}")
        last, loss = max(curve)
        parts.append(marker(Style(colour, 0), x(last), y(loss)))
        parts.append(f'<polyline class="line m{colour % COLOURS}" points="{points}"><title>{told}</title></polyline>')
    return _svg(width, height, f"Loss of {title}", parts)


def _told(point: Point) -> str:
    return f"{point.name}: {point.mean:.1f} % [{point.low:.1f}, {point.high:.1f}]"


def _bounds(points: Sequence[Point]) -> tuple[float, float]:
    """Return an axis in percent that holds every interval, on whole tens."""
    low = floor(min(point.low for point in points) / 10) * 10
    high = ceil(max(point.high for point in points) / 10) * 10
    return max(0, low), min(100, max(high, low + 10))


def _ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round values from low to high: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(count * step, 10) for count in range(first, last + 1)]


def _decades(low: float, high: float) -> list[int]:
    """Return the values 1, 2, 5, 10, … between low and high; one of them at least."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    values = [int(factor * 10**power) for power in powers for factor in (1, 2, 5) if power >= 0]
    return [value for value in values if low <= value <= high] or [max(1, round((low + high) / 2))]


def _level(value: float, y: float, left: float, right: float, unit: str = "%") -> str:
    rule = f'<path class="rule" d="M{left:.1f},{y:.1f}H{right:.1f}"/>'
    return rule + _text(left - 6, y + 4, f"{value:g}{unit}", "end")


def _rule(x: float, top: float, bottom: float) -> str:
    return f'<path class="rule" d="M{x:.1f},{top:.1f}V{bottom:.1f}"/>'


def _whisker(style: Style, start: tuple[float, float], end: tuple[float, float]) -> str:
    (x, y), (to_x, to_y) = start, end
    return f'<path class="whisker m{style.colour % COLOURS}" d="M{x:.1f},{y:.1f}L{to_x:.1f},{to_y:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _svg(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    opening = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
    return opening + "".join(parts) + "</svg>"
