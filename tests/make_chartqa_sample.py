"""Draw the bundled ChartQA sample: charts of invented figures, and questions with computed answers.

    python tests/make_chartqa_sample.py FOLDER

writes `ChartQA Dataset/` below the folder, in the official layout. The same code gives the same files; glyphs
depend on the version of FreeType in Pillow, so `DRAWN_WITH` says with which the pictures were drawn.
"""

import csv
import itertools
import json
import math
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

DRAWN_WITH = ("13.0.0", "2.14.3")
"""Versions of Pillow and FreeType."""
SCALE = 3
"""Shapes are drawn this much larger and reduced, which smooths their edges; texts are set at their size."""
SHADES = 40
INK, SOFT, GRID, PAPER = "#24292f", "#6b737c", "#e3e6ea", "#ffffff"
PALETTE = {"blue": "#3b6fb6", "orange": "#e58a2b", "green": "#4a9a5b", "red": "#c94a4a", "purple": "#7d5ba6"}
COLOURS = tuple(PALETTE)


@dataclass(frozen=True)
class Chart:
    """A chart before it is drawn: one label stands for one `of`, whose `measure` is given in `unit`."""

    split: str
    name: str
    kind: str
    title: str
    of: str
    measure: str
    unit: str
    labels: tuple[str, ...]
    series: tuple[str, ...]
    low: float
    high: float
    digits: int
    ask: str

    @cached_property
    def values(self) -> dict[str, dict[str, Decimal]]:
        """Figures by series and label, all different, drawn from the title as the seed."""
        rng = random.Random(self.title)
        if self.kind == "pie":
            return {self.series[0]: dict(zip(self.labels, shares(rng, len(self.labels)), strict=True))}
        while True:
            flat = iter(self.figures(rng))
            values = {name: {label: next(flat) for label in self.labels} for name in self.series}
            if self.kind != "line" or all(self.apart(values, label) for label in self.labels):
                return values

    def figures(self, rng: random.Random) -> list[Decimal]:
        """Draw enough figures, all different."""
        drawn: list[Decimal] = []
        while len(drawn) < len(self.labels) * len(self.series):
            value = Decimal(str(round(self.low + (self.high - self.low) * rng.random(), self.digits)))
            if all(abs(value - other) > (self.high - self.low) / 60 for other in drawn):
                drawn.append(value)
        return drawn

    def apart(self, values: dict[str, dict[str, Decimal]], label: str) -> bool:
        """Tell whether the dots above one label leave room for their figures."""
        dots = sorted(figures[label] for figures in values.values())
        return all(high - low > (self.high - self.low) / 6 for low, high in itertools.pairwise(dots))

    @property
    def only(self) -> dict[str, Decimal]:
        """The figures of the first series."""
        return self.values[self.series[0]]

    def colour(self, item: str) -> str:
        """Name of the colour of a series, or of a slice; the first one differs between charts of a kind."""
        items = self.labels if self.kind == "pie" else self.series
        return COLOURS[(items.index(item) + int(self.name[-1]) - 1) % len(COLOURS)]


def shares(rng: random.Random, count: int) -> list[Decimal]:
    """Return whole percentages, all different and none small, that sum to 100."""
    while True:
        cuts = sorted(int(rng.random() * 99) + 1 for _ in range(count - 1))
        parts = [b - a for a, b in zip([0, *cuts], [*cuts, 100], strict=True)]
        if len(set(parts)) == count and min(parts) >= 6:
            return [Decimal(part) for part in parts]


def written(value: Decimal) -> str:
    """Write a figure as a label has it: at most two decimals, no zeros at the end."""
    text = f"{value:.2f}"
    return text.rstrip("0").rstrip(".")


CHARTS_TABLE = """
test | bar_01 | bar | Apples picked by orchard, 2023 | orchard | apple harvest | tonnes
  Hillside, Brookfield, Old Mill, Westgate, Larkmoor | Harvest | 20 95 0 | highest above lookup total
test | bar_02 | bar | Visitors to the town museum | year | number of visitors | thousands
  2017-2023 | Visitors | 8 42 1 | peak difference lookup least
test | bar_03 | bar | Average commute in five districts | district | average commute | minutes
  Harbour, Station, Old Town, Northside, Airport | Minutes | 12 58 0 | lowest compare lookup average
test | bar_04 | bar | Books borrowed by weekday | day | number of loans | loans
  Mon, Tue, Wed, Thu, Fri, Sat, Sun | Loans | 90 460 0 | highest above lookup
test | horizontal_bar_01 | horizontal | Favourite school lunch | lunch | share of pupils | %
  Pasta, Vegetable curry, Pizza, Soup and bread, Salad bar | Share | 6 38 0 | second lookup compare
test | horizontal_bar_02 | horizontal | Length of the marked trails | trail | length | kilometres
  Ridge Walk, Lake Loop, Pine Valley, Castle Path | Length | 2 24 1 | lowest difference average lookup
test | horizontal_bar_03 | horizontal | Recycling rate, 2022 | borough | recycling rate | %
  Ashcombe, Derrow, Elmstead, Kings Reach, Tolby | Rate | 18 67 1 | highest ratio lookup
test | grouped_bar_01 | grouped | Bicycles and scooters rented | month | number of rentals | rentals
  Apr, May, Jun, Jul, Aug | Bicycles, Scooters | 120 780 0 | colour wider seriespeak cell
test | grouped_bar_02 | grouped | Members of two clubs | age group | number of members | members
  Under 18, 18-34, 35-54, 55 and over | Rowing, Tennis | 10 90 0 | colour cell wider seriestotal
test | grouped_bar_03 | grouped | Energy use of three buildings | quarter | energy use | MWh
  Q1, Q2, Q3, Q4 | Library, Gym, Town hall | 15 75 0 | seriespeak cell bars
test | line_01 | line | Price of a cinema ticket | year | ticket price | dollars
  2013-2023 | Price | 7 14 2 | peak lookup difference
test | line_02 | line | Storks counted on the marsh | year | number of storks | storks
  2015-2023 | Storks | 14 66 0 | least above lookup
test | line_03 | line | Snow depth at the pass | month | snow depth | centimetres
  Nov, Dec, Jan, Feb, Mar, Apr | Depth | 10 140 0 | peak compare lookup
test | multi_line_01 | line | Newspaper readers by edition | year | number of readers | thousands
  2018-2023 | Print, Online | 20 130 0 | colour wider cell
test | multi_line_02 | line | Wheat yield on three farms | year | wheat yield | tonnes per hectare
  2019-2023 | Oakfield, Seaview, Stonegate | 3 9.5 1 | colour seriespeak cell
test | pie_01 | pie | How pupils get to school | way | share of pupils | %
  Walking, Bus, Bicycle, Car, Train | Share | 0 0 0 | highest colour lookup sum2
test | pie_02 | pie | Spending of the village council | item | share of spending | %
  Roads, Schools, Parks, Library | Share | 0 0 0 | lowest colour lookup ratio
test | stacked_bar_01 | stacked | Waste collected by kind | year | amount of waste | tonnes
  2019-2023 | Paper, Glass, Organic | 20 90 0 | colour stack cell
test | stacked_bar_02 | stacked | Concert tickets sold | concert | number of tickets | tickets
  Spring, Summer, Autumn, Winter | Adults, Children | 60 320 0 | stack wider cell
train | bar_05 | bar | Trees planted by class | class | number of trees | trees
  1A, 1B, 2A, 2B, 3A | Trees | 5 40 0 | highest total lookup
train | line_04 | line | Water level of the reservoir | month | water level | metres
  Jan, Mar, May, Jul, Sep, Nov | Level | 11 29 1 | least lookup
train | pie_03 | pie | Languages learnt at the evening school | language | share of learners | %
  Spanish, German, Turkish, Japanese | Share | 0 0 0 | highest lookup
val | horizontal_bar_04 | horizontal | Goals scored by team | team | number of goals | goals
  Falcons, Otters, Badgers, Herons | Goals | 12 71 0 | second compare lookup
val | grouped_bar_04 | grouped | Rooms booked in two hotels | season | number of bookings | bookings
  Spring, Summer, Autumn, Winter | Seaside, Mountain | 80 420 0 | colour cell wider
"""


def charts() -> Iterator[Chart]:
    """Read the table: two lines for each chart, with `|` between the fields; years as `first-last`."""
    lines = CHARTS_TABLE.strip().splitlines()
    for first, second in zip(lines[::2], lines[1::2], strict=True):
        split, name, kind, title, of, measure, unit = first.split(" | ")
        labels, series, scale, ask = second.strip().split(" | ")
        low, high, digits = scale.split()
        span = re.fullmatch(r"(20\d\d)-(20\d\d)", labels)
        names = [str(year) for year in range(int(span[1]), int(span[2]) + 1)] if span else labels.split(", ")
        yield Chart(split, name, kind, title, of, measure, unit, tuple(names), tuple(series.split(", ")),
                    float(low), float(high), int(digits), ask)  # fmt: skip


CHARTS = tuple(charts())

QA = tuple[str, str, str]
"""Origin, question, label."""


class Questions:
    """The kinds of question about a chart; its name is the seed of what is picked to ask about."""

    def __init__(self, chart: Chart) -> None:
        self.chart, self.values, self.only = chart, chart.values, chart.only
        self.rng = random.Random(f"questions about {chart.name}")
        self.first, self.second = self.pick(chart.labels), self.pick(chart.labels)
        while self.second == self.first:
            self.second = self.pick(chart.labels)

    def pick(self, items: tuple[str, ...]) -> str:
        return items[int(self.rng.random() * len(items))]

    def ranked(self) -> list[str]:
        return sorted(self.only, key=lambda label: self.only[label], reverse=True)

    def highest(self) -> QA:
        return "human", f"Which {self.chart.of} has the highest {self.chart.measure}?", self.ranked()[0]

    def second_(self) -> QA:
        return "human", f"Which {self.chart.of} comes second?", self.ranked()[1]

    def lowest(self) -> QA:
        return (
            "human",
            f"What is the {self.chart.of} with the smallest {self.chart.measure}?",
            self.ranked()[-1],
        )

    def peak(self) -> QA:
        return "augmented", f"In what {self.chart.of} did the {self.chart.measure} peak?", self.ranked()[0]

    def least(self) -> QA:
        return "human", f"When was the {self.chart.measure} at its lowest point?", self.ranked()[-1]

    def lookup(self) -> QA:
        question = f"What was the {self.chart.measure} for {self.first}?"
        if self.first.isdigit():
            question = f"What was the {self.chart.measure} in {self.first}?"
        return "augmented", question, written(self.only[self.first])

    def above(self) -> QA:
        ordered = sorted(self.only.values())
        bound = int(ordered[len(ordered) // 2]) // 5 * 5
        count = sum(value > bound for value in ordered)
        return (
            "human",
            f"For how many {plural(self.chart.of)} is the {self.chart.measure} above {bound}?",
            str(count),
        )

    def bars(self) -> QA:
        return "human", "How many bars are there in the chart?", str(sum(map(len, self.values.values())))

    def total(self) -> QA:
        question = f"What is the total {self.chart.measure} of all {plural(self.chart.of)}?"
        return "human", question, written(sum(self.only.values()))

    def sum2(self) -> QA:
        answer = written(self.only[self.first] + self.only[self.second])
        return "human", f"How much do {self.first} and {self.second} make up together?", answer

    def average(self) -> QA:
        answer = written((self.only[self.first] + self.only[self.second]) / 2)
        return "human", f"What is the average of {self.first} and {self.second}?", answer

    def difference(self) -> QA:
        answer = written(max(self.only.values()) - min(self.only.values()))
        return "human", "What's the difference between the highest and the lowest value?", answer

    def ratio(self) -> QA:
        top, bottom = self.ranked()[0], self.ranked()[-1]
        answer = written(self.only[top] / self.only[bottom])
        return "human", f"What is the ratio of {top} to {bottom}?", answer

    def compare(self) -> QA:
        more = self.only[self.first] > self.only[self.second]
        return "human", f"Is the value of {self.first} more than {self.second}?", "Yes" if more else "No"

    def colour(self) -> QA:
        item = self.pick(self.chart.labels if self.chart.kind == "pie" else self.chart.series)
        return "human", f"What is the colour of {item}?", self.chart.colour(item).capitalize()

    def cell(self) -> QA:
        series = self.pick(self.chart.series)
        answer = written(self.values[series][self.first])
        return "augmented", f"What was the {self.chart.measure} of {series} in {self.first}?", answer

    def seriespeak(self) -> QA:
        series = self.pick(self.chart.series)
        figures = self.values[series]
        of = self.chart.of
        return (
            "augmented",
            f"In which {of} did {series} reach its highest value?",
            max(figures, key=figures.__getitem__),
        )

    def seriestotal(self) -> QA:
        series = self.pick(self.chart.series)
        return "human", f"Add up all the values of {series}.", written(sum(self.values[series].values()))

    def wider(self) -> QA:
        a, b = (self.values[name] for name in self.chart.series[:2])
        gaps = {label: abs(a[label] - b[label]) for label in a}
        label, runner_up = sorted(gaps, key=gaps.__getitem__, reverse=True)[:2]
        assert gaps[label] > gaps[runner_up], f"{self.chart.name}: two gaps are the largest"
        names = " and ".join(self.chart.series[:2])
        return "human", f"For which {self.chart.of} is the gap between {names} the largest?", label

    def stack(self) -> QA:
        total = written(sum(figures[self.first] for figures in self.values.values()))
        return "human", f"What is the whole height of the bar of {self.first}?", total


def plural(noun: str) -> str:
    return noun + ("es" if noun.endswith("ss") else "s")


def asked(chart: Chart) -> list[QA]:
    questions = Questions(chart)
    return [getattr(questions, "second_" if name == "second" else name)() for name in chart.ask.split()]


class Canvas:
    """A picture in two layers: shapes, drawn large and reduced, and texts above them."""

    def __init__(self, width: int, height: int) -> None:
        self.size = (width, height)
        self.large = Image.new("RGB", (width * SCALE, height * SCALE), PAPER)
        self.shapes = ImageDraw.Draw(self.large)
        self.texts: list[tuple[float, float, str, int, str, str, str | None]] = []

    def text(self, x, y, text, size=13, fill=INK, anchor="mm", halo=None) -> None:
        self.texts.append((x, y, text, size, fill, anchor, halo))

    def box(self, x0, y0, x1, y1, fill) -> None:
        self.shapes.rectangle([round(v * SCALE) for v in (x0, y0, x1, y1)], fill=fill)

    def line(self, points, fill=GRID, width=1.0) -> None:
        large = [(x * SCALE, y * SCALE) for x, y in points]
        self.shapes.line(large, fill=fill, width=round(width * SCALE), joint="curve")

    def dot(self, x, y, fill, radius=4) -> None:
        self.shapes.circle((x * SCALE, y * SCALE), radius * SCALE, fill=fill, outline=PAPER, width=SCALE)

    def slice(self, x, y, radius, start, end, fill) -> None:
        box = [v * SCALE for v in (x - radius, y - radius, x + radius, y + radius)]
        self.shapes.pieslice(box, start, end, fill=fill, outline=PAPER, width=2 * SCALE)

    def picture(self) -> Image.Image:
        small = self.large.resize(self.size, Image.Resampling.BOX)
        draw = ImageDraw.Draw(small)
        for x, y, text, size, fill, anchor, halo in self.texts:
            font = ImageFont.load_default(size=size)
            draw.text((x, y), text, fill, font, anchor, stroke_width=3 if halo else 0, stroke_fill=halo)
        return small.quantize(SHADES, dither=Image.Dither.NONE)


def width_of(text: str, size: int = 13) -> float:
    return ImageFont.load_default(size=size).getlength(text)


def steps(top: float) -> list[float]:
    """Return round axis marks from 0 to at least `top`."""
    size = 10 ** math.floor(math.log10(top / 4))
    size *= next(factor for factor in (1, 2, 2.5, 5, 10) if factor * size * 5 >= top)
    return [mark * size for mark in range(math.ceil(top / size) + 1)]


def head(canvas: Canvas, chart: Chart) -> float:
    """Write the title and the unit, and the legend where there are several series; return where they end."""
    canvas.text(24, 28, chart.title, 20, anchor="lm")
    counted = chart.measure == f"number of {chart.unit}"
    measured = chart.measure.capitalize() + ("" if counted else f", in {chart.unit}")
    canvas.text(24, 52, measured, 13, SOFT, "lm")
    canvas.text(canvas.size[0] - 16, canvas.size[1] - 12, "Invented figures", 11, SOFT, "rm")
    if len(chart.series) == 1:
        return 74
    x = 24.0
    for name in chart.series:
        canvas.box(x, 70, x + 13, 83, PALETTE[chart.colour(name)])
        canvas.text(x + 20, 77, name, 13, anchor="lm")
        x += 20 + width_of(name) + 26
    return 98


class Plot(NamedTuple):
    """The area between the axes, and the scale of the values."""

    left: float
    top: float
    right: float
    bottom: float
    most: float

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * float(value) / self.most

    def x(self, value: float) -> float:
        return self.left + (self.right - self.left) * float(value) / self.most

    def slot(self, number: int, count: int) -> float:
        return (self.right - self.left) / count * number + self.left


def upright(canvas: Canvas, chart: Chart, highest: Decimal) -> Plot:
    """Draw the axes of a chart whose values go up."""
    marks = steps(float(highest) * 1.08)
    plot = Plot(66, head(canvas, chart) + 14, canvas.size[0] - 24, canvas.size[1] - 56, marks[-1])
    for mark in marks:
        canvas.line([(plot.left, plot.y(mark)), (plot.right, plot.y(mark))], INK if not mark else GRID)
        canvas.text(plot.left - 8, plot.y(mark), f"{mark:g}", 12, SOFT, "rm")
    for number, label in enumerate(chart.labels):
        middle = plot.slot(number, len(chart.labels)) + (plot.slot(1, len(chart.labels)) - plot.left) / 2
        canvas.text(middle, plot.bottom + 16, label, 13)
    canvas.text((plot.left + plot.right) / 2, plot.bottom + 38, chart.of.capitalize(), 12, SOFT)
    return plot


def draw_bars(canvas: Canvas, chart: Chart) -> None:
    """Draw one bar for each series, side by side within a label's slot."""
    plot = upright(canvas, chart, max(max(figures.values()) for figures in chart.values.values()))
    slot = plot.slot(1, len(chart.labels)) - plot.left
    width = slot * (0.56 if len(chart.series) == 1 else 0.8) / len(chart.series)
    for place, (name, figures) in enumerate(chart.values.items()):
        for number, value in enumerate(figures.values()):
            middle = plot.slot(number, len(chart.labels)) + slot / 2 + (place - (len(chart.series) - 1) / 2) * width
            canvas.box(
                middle - width * 0.46,
                plot.y(value),
                middle + width * 0.46,
                plot.bottom,
                PALETTE[chart.colour(name)],
            )
            canvas.text(middle, plot.y(value) - 10, written(value), 12)


def draw_horizontal(canvas: Canvas, chart: Chart) -> None:
    """Draw one bar for each label, from the left."""
    marks = steps(float(max(chart.only.values())) * 1.08)
    left = 40 + max(width_of(label) for label in chart.labels)
    plot = Plot(left, head(canvas, chart) + 4, canvas.size[0] - 34, canvas.size[1] - 56, marks[-1])
    for mark in marks:
        canvas.line([(plot.x(mark), plot.top), (plot.x(mark), plot.bottom)], INK if not mark else GRID)
        canvas.text(plot.x(mark), plot.bottom + 14, f"{mark:g}", 12, SOFT)
    high = (plot.bottom - plot.top) / len(chart.labels)
    for number, (label, value) in enumerate(chart.only.items()):
        middle = plot.top + high * (number + 0.5)
        canvas.box(
            plot.left,
            middle - high * 0.3,
            plot.x(value),
            middle + high * 0.3,
            PALETTE[chart.colour("".join(chart.series))],
        )
        canvas.text(plot.left - 10, middle, label, 13, anchor="rm")
        canvas.text(plot.x(value) + 7, middle, written(value), 12, anchor="lm", halo=PAPER)
    canvas.text((plot.left + plot.right) / 2, plot.bottom + 36, chart.unit, 12, SOFT)


def draw_lines(canvas: Canvas, chart: Chart) -> None:
    """Draw a line with a dot and a figure at each label; where lines meet, figures go up and down."""
    plot = upright(canvas, chart, max(max(figures.values()) for figures in chart.values.values()))
    slot = plot.slot(1, len(chart.labels)) - plot.left
    across = [plot.slot(number, len(chart.labels)) + slot / 2 for number in range(len(chart.labels))]
    for name, figures in chart.values.items():
        points = list(zip(across, map(plot.y, figures.values()), strict=True))
        canvas.line(points, PALETTE[chart.colour(name)], 2.6)
    for name, figures in chart.values.items():
        colour = PALETTE[chart.colour(name)]
        for x, (label, value) in zip(across, figures.items(), strict=True):
            canvas.dot(x, plot.y(value), colour)
            below = value == min(some[label] for some in chart.values.values())
            if len(chart.series) == 1:
                below = valley(list(figures.values()), chart.labels.index(label))
            ink = INK if len(chart.series) == 1 else colour
            canvas.text(x, plot.y(value) + (14 if below else -14), written(value), 12, ink, halo=PAPER)


def valley(figures: list[Decimal], place: int) -> bool:
    """Tell whether both neighbours are higher, or the only one at an end."""
    near = figures[max(0, place - 1) : place] + figures[place + 1 : place + 2]
    return all(other > figures[place] for other in near)


def draw_stacks(canvas: Canvas, chart: Chart) -> None:
    """Draw the series on top of one another, each figure within its part."""
    sums = {label: sum(figures[label] for figures in chart.values.values()) for label in chart.labels}
    plot = upright(canvas, chart, max(sums.values()))
    slot = plot.slot(1, len(chart.labels)) - plot.left
    for number, label in enumerate(chart.labels):
        x, below = plot.slot(number, len(chart.labels)) + slot / 2, Decimal(0)
        for name, figures in chart.values.items():
            high, low = plot.y(below + figures[label]), plot.y(below)
            canvas.box(x - slot * 0.3, high, x + slot * 0.3, low, PALETTE[chart.colour(name)])
            canvas.text(x, (high + low) / 2, written(figures[label]), 12, PAPER)
            below += figures[label]


def draw_pie(canvas: Canvas, chart: Chart) -> None:
    """Draw the slices clockwise from the top, each share within its slice, and a legend at the right."""
    top = head(canvas, chart)
    radius = (canvas.size[1] - top - 40) / 2
    x, y, start = 40 + radius, top + radius, -90.0
    for number, (label, share) in enumerate(chart.only.items()):
        end, colour = start + float(share) * 3.6, PALETTE[chart.colour(label)]
        canvas.slice(x, y, radius, start, end, colour)
        turn = math.radians((start + end) / 2)
        reach = radius * 0.7
        canvas.text(x + reach * math.cos(turn), y + reach * math.sin(turn), f"{share}%", 14, PAPER)
        row = y + (number - (len(chart.labels) - 1) / 2) * 30
        canvas.box(x + radius + 50, row - 7, x + radius + 64, row + 7, colour)
        canvas.text(x + radius + 74, row, label, 14, anchor="lm")
        start = end


DRAW = {
    "bar": draw_bars,
    "grouped": draw_bars,
    "horizontal": draw_horizontal,
    "line": draw_lines,
    "stacked": draw_stacks,
    "pie": draw_pie,
}


def drawn(chart: Chart) -> Image.Image:
    """Draw the chart, wider where it has more to show."""
    many = len(chart.labels) * (len(chart.series) if chart.kind == "grouped" else 1)
    width = {"pie": 540}.get(chart.kind, min(850, 500 + 30 * max(0, many - 4)))
    canvas = Canvas(width, 360 if chart.kind in ("pie", "horizontal") else 420)
    DRAW[chart.kind](canvas, chart)
    return canvas.picture()


def write_table(path: Path, chart: Chart) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["Characteristic", *chart.series])
        table.writerows([label, *(figures[label] for figures in chart.values.values())] for label in chart.labels)


def records(split: str, origin: str) -> Iterator[dict[str, str]]:
    for chart in CHARTS:
        for kind, query, label in asked(chart) if chart.split == split else ():
            if kind == origin:
                yield {"imgname": f"{chart.name}.png", "query": query, "label": label}


def write(folder: Path) -> None:
    """Write the sample below the folder."""
    for chart in CHARTS:
        split = folder / "ChartQA Dataset" / chart.split
        for name in ("png", "tables"):
            (split / name).mkdir(parents=True, exist_ok=True)
        drawn(chart).save(split / "png" / f"{chart.name}.png", optimize=True)
        write_table(split / "tables" / f"{chart.name}.csv", chart)
    for split in ("train", "val", "test"):
        for origin, indent in (("human", None), ("augmented", "\t")):
            text = json.dumps(list(records(split, origin)), indent=indent)
            (folder / "ChartQA Dataset" / split / f"{split}_{origin}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
