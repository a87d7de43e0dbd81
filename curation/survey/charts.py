"""The charts of the survey; the colours are those of severities, and one for all else."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

from curation.calibration import Curve
from curation.page.drawing import Scale, Style, level, marker, rule, svg, text, ticks, whisker
from curation.survey.lengths import EDGES

SEVERITIES = ("error", "warning", "info")
_LEFT = 200
"""Pixels for the words before bars."""
_WIDTH = 480
_STEP = 21


def funnel(name: str, steps: Sequence[tuple[str, int]]) -> str:
    """Draw how many came as far as each step, as bars one below the other."""
    width, left, top = 260, 76, 24
    x = Scale(0, max(1, *(count for _, count in steps)), left, width - 62)
    parts = [text(10, 14, _short(name, 34), "kind")]
    for row, (step, count) in enumerate(steps):
        y = top + row * _STEP
        parts.append(text(left - 6, y + 12, step, "end"))
        if count:
            parts.append(_bar("plain", (left, y), x(count) - left, f"{step}: {count:,}"))
        parts.append(text(x(count) + 5, y + 12, f"{count:,}", "start"))
    return svg(width, top + len(steps) * _STEP + 2, f"What came of the rows of {name}", parts)


def bars(title: str, rows: Sequence[tuple[str, Mapping[str, int]]]) -> str:
    """Draw a bar for each row, made of counts by class (a severity, or `plain`); the sum stands behind."""
    x = Scale(0, max(1, *(sum(counts.values()) for _, counts in rows)), _LEFT, _WIDTH - 52)
    parts: list[str] = []
    for place, (name, counts) in enumerate(rows):
        y, at = 4 + place * _STEP, float(_LEFT)
        parts.append(text(_LEFT - 6, y + 12, _short(name, 25), "end"))
        for kind, count in counts.items():
            parts.append(_bar(kind, (at, y), x(count) - _LEFT, f"{name}: {count:,} {kind if kind != 'plain' else ''}"))
            at += x(count) - _LEFT
        parts.append(text(at + 5, y + 12, f"{sum(counts.values()):,}", "start"))
    return svg(_WIDTH, 8 + len(rows) * _STEP, title, parts)


def histogram(title: str, counts: Sequence[int], traces: int) -> str:
    """Draw how many traces there are of each length, on a logarithmic axis of characters."""
    width, height, left = 260, 170, 14
    x = Scale(0, log10(EDGES[-1]), left, width - 18)
    y = Scale(0, max(1, *counts), height - 26, 26)
    parts = [text(10, 14, title, "kind")]
    for low, high, count in zip(EDGES, EDGES[1:], counts, strict=False):
        if count:
            at, end = x(log10(low)), x(log10(high))
            told = f"{low:,} to {high:,} characters: {count:,} of {traces:,}"
            parts.append(_column((at, y(count)), end - at - 1, y(0) - y(count), told))
    for power, words in enumerate(("1", "10", "100", "1k", "10k", "100k", "1M")):
        parts.append(text(x(power), height - 10, words))
    return svg(width, height, f"Characters of {title}", parts)


def reliability(curve: Curve) -> str:
    """Draw the share of traces that people found faulty, with its interval, against what was said of them."""
    width, height, left = 260, 230, 48
    step = (width - left - 14) / len(curve.points)
    y = Scale(0, 100, height - 62, 30)
    parts = [text(10, 16, _short(curve.name, 34), "kind")]
    parts += [level(tick, y(tick), left, width - 10) for tick in ticks(0, 100, 4)]
    style = Style(0, 0)
    for place, point in enumerate(curve.points):
        at = left + (place + 0.5) * step
        value, low, high = (100 * part for part in point.share)
        told = f"{point.score}: {value:.1f} % [{low:.1f}, {high:.1f}] of {point.traces:,} traces"
        parts.append(whisker(style, (at, y(low)), (at, y(high))))
        parts.append(marker(style, at, y(value), told))
        parts += [text(at, height - 42, point.score), text(at, height - 27, f"{point.traces:,}", "small")]
    parts.append(text(left - 6, height - 27, "traces", "end small"))
    parts.append(text((left + width) / 2, height - 8, _short(curve.scores, 42)))
    return svg(width, height, f"Faulty traces against {curve.scores}", parts)


def strata(rows: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Draw for each stratum the shares that came as far as each step, in percent, as marks on a line."""
    x = Scale(0, 100, _LEFT, _WIDTH - 20)
    bottom = 10 + len(rows) * _STEP
    parts = [rule(x(tick), 4, bottom) + text(x(tick), bottom + 14, f"{tick:g}%") for tick in ticks(0, 100, 5)]
    for place, (name, shares) in enumerate(rows):
        y = 14 + place * _STEP
        parts.append(text(_LEFT - 6, y + 4, _short(name, 25), "end"))
        parts.append(whisker(Style(7, 0), (x(min(shares)), y), (x(max(shares)), y)))
        for kind, share in enumerate(shares):
            parts.append(marker(Style(kind, kind), x(share), y, f"{name}: {share:.1f} %"))
    return svg(_WIDTH, bottom + 20, "What is left of each stratum", parts)


def mark(kind: int) -> str:
    """Draw the mark of a step, to stand in a legend."""
    return f'<svg viewBox="-7 -7 14 14" aria-hidden="true">{marker(Style(kind, kind))}</svg>'


def _bar(kind: str, place: tuple[float, float], width: float, told: str) -> str:
    x, y = place
    title = f"<title>{escape(told)}</title>"
    return f'<rect class="bar {kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="15">{title}</rect>'


def _column(place: tuple[float, float], width: float, height: float, told: str) -> str:
    x, y = place
    title = f"<title>{escape(told)}</title>"
    return (
        f'<rect class="bar plain" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 0.5):.1f}">'
        f"{title}</rect>"
    )


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
