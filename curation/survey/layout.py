"""The page of the survey. What comes from outside is escaped where it enters; long texts were cut before."""

from collections.abc import Mapping, Sequence, Set
from html import escape

from curation.calibration.signals import CONTAMINATION
from curation.page import framed, note, section, table
from curation.page import render as page
from curation.store.census import SourceCount
from curation.strata import FEWEST_SAMPLES, Stratum
from curation.survey import cards, charts, trust
from curation.survey.examples import Example
from curation.survey.gathering import Contents
from curation.survey.lengths import Lengths
from curation.survey.spending import Spent
from schemas.call import NANO
from schemas.review import State

_MOST_CODES = 40
_ROWS_OF_A_CHART = 8
_MOST_STRATA = 60
_DRAWN_STRATA = 16
_ACCEPTED = (State.ACCEPTED.value, State.EDITED.value)


def render(contents: Contents) -> str:
    """Return the page."""
    pairs = [example for example in contents.examples if _is_pair(example)]
    others = [example for example in contents.examples if not _is_pair(example)]
    parts = (
        section("From rows to traces", _yield(contents)),
        section("What was found", _codes(contents)),
        section("Lengths of the stages", _lengths(contents.lengths)),
        section("What is left of each kind of question", _strata(contents.strata, contents.emptied)),
        section("Repeats", _clusters(contents.clusters)),
        section("In an evaluation set too", cards.in_a_row(pairs)),
        section("Beside the people who reviewed", trust.beside_people(contents.calibration)),
        section("What a trace that is kept has cost", _spent(contents.spent)),
        section("How far the checks can be trusted", trust.on_planted_faults(contents.measured)),
        section("Examples of each code", cards.by_code(others)),
    )
    return page("What the checks found", _lead(contents), parts)


def _lead(contents: Contents) -> str:
    turns, traced, clean = (
        sum(getattr(source, name) for source in contents.sources) for name in ("turns", "traced", "clean")
    )
    found = sum(contents.tally.counts.values())
    sources = "1 source" if len(contents.sources) == 1 else f"{len(contents.sources)} sources"
    return (
        f"{turns:,} questions of {sources}: {traced:,} have a trace, and {clean:,} of these were checked and have no "
        f"error. {found:,} findings of {len(contents.tally.examples)} codes are open."
    )


# Rows to traces


def _yield(contents: Contents) -> str:
    steps = {each.source: _steps(each, contents.states) for each in contents.sources}
    if not steps:
        return ""
    every = [(name, sum(each[place][1] for each in steps.values())) for place, (name, _) in enumerate(_first(steps))]
    shown = [("all sources", every), *steps.items()] if len(steps) > 1 else list(steps.items())
    drawn = "".join(framed(charts.funnel(name, found)) for name, found in shown)
    below = note("A row that has several questions counts once among rows, and with each of them in what follows.")
    return f'<div class="figures small">{drawn}</div>{below}'


def _first(steps: Mapping[str, list[tuple[str, int]]]) -> list[tuple[str, int]]:
    return next(iter(steps.values()))


def _steps(source: SourceCount, states: Mapping[tuple[str, str], int]) -> list[tuple[str, int]]:
    accepted = sum(states.get((source.source, state), 0) for state in _ACCEPTED)
    counts = source.rows, source.turns, source.traced, source.clean, accepted
    return list(zip(("rows", "questions", "traced", "no error", "accepted"), counts, strict=True))


# Codes


def _codes(contents: Contents) -> str:
    by_code = contents.tally.by_code()
    if not by_code:
        return note("Nothing was found.")
    shown = list(by_code.items())[:_MOST_CODES]
    rows = [(code, {kind: counts[kind] for kind in charts.SEVERITIES if kind in counts}) for code, counts in shown]
    sources = [each.source for each in contents.sources]
    cells = [("", [escape(code), *_counted(contents.tally.by_source(code), sources)]) for code, _ in shown]
    more = len(by_code) - len(shown)
    left = note(f"The {more} least frequent codes are left out here.") if more else ""
    legend = "".join(f'<li><span class="swatch {kind}"></span>{kind}</li>' for kind in charts.SEVERITIES)
    half = (len(rows) + 1) // 2
    parts = [rows[:half], rows[half:]] if half > _ROWS_OF_A_CHART else [rows]
    drawn = "".join(framed(charts.bars("Findings by code and severity", part)) for part in parts)
    chart = f'<div class="figures bars">{drawn}</div>'
    return f'<ul class="legend">{legend}</ul>{chart}{table(("findings", *sources), cells)}{left}'


def _counted(counts: Mapping[str, int], names: Sequence[str]) -> list[str]:
    return [f"{counts[name]:,}" if name in counts else "" for name in names]


def _is_pair(example: Example) -> bool:
    return example.code.startswith(f"{CONTAMINATION}:")


# Strata


def _strata(strata: Sequence[Stratum], emptied: Set[str]) -> str:
    shown = sorted(
        (stratum for stratum in strata if stratum.samples >= FEWEST_SAMPLES),
        key=lambda stratum: (stratum.name not in emptied, stratum.clean / stratum.samples, stratum.name),
    )
    if not shown:
        return ""
    drawn = framed(charts.strata([(each.name, _shares(each)) for each in shown[:_DRAWN_STRATA]]))
    columns = ("kind of question", "samples", "with a trace", "no error", "no error %")
    rows = [("warn" if each.name in emptied else "", _stratum(each)) for each in shown[:_MOST_STRATA]]
    legend = "".join(f"<li>{charts.mark(kind)}{name}</li>" for kind, name in enumerate(("with a trace", "no error")))
    below = _below_strata(len(shown))
    return f'<ul class="legend">{legend}</ul><div class="figures bars">{drawn}</div>{table(columns, rows)}{below}'


def _below_strata(count: int) -> str:
    more = f" The other {count - _MOST_STRATA:,} are left out." if count > _MOST_STRATA else ""
    return note(
        "Samples by label, type of question, answer and difficulty, those first of which least is left, where there "
        f"are {FEWEST_SAMPLES} or more. Marked are those that dropping errors all but empties, compared with their "
        f"source.{more}"
    )


def _shares(stratum: Stratum) -> tuple[float, float]:
    return 100 * stratum.annotated / stratum.samples, 100 * stratum.clean / stratum.samples


def _stratum(stratum: Stratum) -> list[str]:
    counts = (f"{count:,}" for count in (stratum.samples, stratum.annotated, stratum.clean))
    return [escape(stratum.name), *counts, f"{100 * stratum.clean / stratum.samples:.1f}"]


# Lengths, repeats, money


def _lengths(lengths: Lengths) -> str:
    if not lengths.traces:
        return ""
    drawn = (charts.histogram(stage, counts, lengths.traces) for stage, counts in lengths.binned.items())
    figures = "".join(framed(chart) for chart in drawn)
    columns = ("median characters", *lengths.binned)
    rows = [
        ("", [escape(source), *(f"{each:,}" for each in stages.values())]) for source, stages in lengths.medians.items()
    ]
    rows.append(("", ["the longest", *(f"{each:,}" for each in lengths.longest.values())]))
    below = note(f"Characters, of {lengths.traces:,} traces that stand for their turns, drawn by their digests.")
    return f'<div class="figures small">{figures}</div>{table(columns, rows)}{below}'


def _clusters(clusters: Mapping[str, Mapping[str, int]]) -> str:
    drawn = []
    for code, sizes in clusters.items():
        rows = [(f"{size} samples", {"plain": count}) for size, count in sizes.items()]
        drawn.append(framed(charts.bars(f"Clusters of {code}", rows), code))
    below = note("Clusters by how many samples are in them: those that repeat each other, or a third one.")
    return f'<div class="figures bars">{"".join(drawn)}</div>{below}' if drawn else ""


def _spent(spent: Sequence[Spent]) -> str:
    columns = ("source", "model", "calls", "dollars", "kept traces", "dollars each")
    rows = [("", [escape(row.source), escape(row.model), *_money(row)]) for row in spent]
    below = "All calls about a source, also those that came to nothing; kept is what was checked and has no error."
    return table(columns, rows) + note(below) if rows else ""


def _money(row: Spent) -> list[str]:
    each = "–" if row.each is None else f"{row.each / NANO:.4f}"
    return [f"{row.calls:,}", f"{row.cost / NANO:,.2f}", f"{row.kept:,}", each]
