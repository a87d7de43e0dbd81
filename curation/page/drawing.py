"""The parts that charts are drawn of, as SVG texts, coloured by the classes of the page: `m0`, `m1`, ….

Every text that comes from outside is escaped here.
"""

from collections.abc import Iterable
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

COLOURS = 8
"""How many classes of colour the page has; further ones begin again."""

_SHAPES = (
    "M-5,0A5,5 0 1,0 5,0A5,5 0 1,0 -5,0Z",  # circle
    "M-4.5,-4.5H4.5V4.5H-4.5Z",  # square
    "M0,-5.5L5.5,4.5H-5.5Z",  # triangle
    "M0,-6L6,0L0,6L-6,0Z",  # diamond
    "M-5.5,-4.5H5.5L0,5.5Z",  # triangle, upside down
    "M-5,-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",  # plus
)


class Style(NamedTuple):
    """How what a mark stands for looks."""

    colour: int
    shape: int


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
    """Draw a mark."""
    told = f"<title>{escape(title)}</title>" if title else ""
    shape = _SHAPES[style.shape % len(_SHAPES)]
    return (
        f'<path class="mark m{style.colour % COLOURS}" d="{shape}" transform="translate({x:.1f},{y:.1f})">{told}</path>'
    )


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round values from low to high: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(count * step, 10) for count in range(first, last + 1)]


def level(value: float, y: float, left: float, right: float, unit: str = "%") -> str:
    """Draw a rule across, with the value that it stands for before it."""
    across = f'<path class="rule" d="M{left:.1f},{y:.1f}H{right:.1f}"/>'
    return across + text(left - 6, y + 4, f"{value:g}{unit}", "end")


def rule(x: float, top: float, bottom: float) -> str:
    """Draw a rule down."""
    return f'<path class="rule" d="M{x:.1f},{top:.1f}V{bottom:.1f}"/>'


def whisker(style: Style, start: tuple[float, float], end: tuple[float, float]) -> str:
    """Draw the interval around a mark."""
    (x, y), (to_x, to_y) = start, end
    return f'<path class="whisker m{style.colour % COLOURS}" d="M{x:.1f},{y:.1f}L{to_x:.1f},{to_y:.1f}"/>'


def text(x: float, y: float, words: str, kind: str = "tick") -> str:
    """Write words at a place; `kind` is their class: `end` for those that end there, `kind` for a heading."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def svg(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """Put parts together; `title` says what one would see."""
    opening = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
    return opening + "".join(parts) + "</svg>"
