"""What is known of the checks: beside people, and on planted faults."""

from collections.abc import Mapping, Sequence
from html import escape

from curation.calibration import Calibration
from curation.page import framed, note, table
from curation.statistics.agreement import Figure
from curation.statistics.share import Share
from curation.survey import charts
from curation.survey.measured import Counted, Measured

_LEAST_SHOWN = 0.05
"""Share of a fault's traces, from which a validator counts among those that find it."""


def beside_people(calibration: Calibration) -> str:
    """Show how far checks and judges agree with reviewers."""
    said = "".join(note(line) for line in calibration.lines())
    if calibration.missing:
        return said
    drawn = "".join(framed(charts.reliability(curve)) for curve in calibration.curves)
    below = note("Share of traces that people rejected or edited, with 95 % intervals, by what was said of them.")
    tables = _rates(calibration) + _stages(calibration) + _steps(calibration)
    return f'{said}<div class="figures small">{drawn}</div>{below}{tables}'


def _rates(calibration: Calibration) -> str:
    columns = ("faulty traces, by", "called faulty from", "reviews", "faulty", "told")
    rows = [
        (
            "",
            [
                f'{escape(rates.name)}<span class="interval">{rates.kind}</span>',
                escape(rates.cut or "any finding"),
                *(f"{count:,}" for count in (rates.reviews, rates.faulty, rates.told)),
                *(_percent(share) for share in (rates.precision, rates.recall, rates.false_alarms)),
                _ranged(rates.kappa),
            ],
        )
        for rates in calibration.rates
    ]
    return table((*columns, "precision %", "recall %", "false alarms %", "κ"), rows)


def _percent(share: Share | None) -> str:
    if share is None:
        return "–"
    return f'{100 * share.value:.1f}<span class="interval">{100 * share.low:.1f} … {100 * share.high:.1f}</span>'


def _ranged(figure: Figure) -> str:
    if figure.value is None:
        return "–"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.2f}"
    return f'{figure.value:.2f}<span class="interval">{figure.low:.2f} … {figure.high:.2f}</span>'


def _stages(calibration: Calibration) -> str:
    rows = [
        (
            "",
            [
                escape(f"{rates.stage}, by {rates.name}"),
                f"{rates.reviews:,}",
                f"{rates.negative:,}",
                _ranged(rates.macro_f1),
                _ranged(rates.kappa),
            ],
        )
        for rates in calibration.stages
    ]
    return table(("negative stages", "reviews", "negative", "macro-F1", "κ"), rows) if rows else ""


def _steps(calibration: Calibration) -> str:
    rows = [
        (
            "",
            [
                escape(rates.name),
                *(f"{count:,}" for count in (rates.reviews, rates.steps, rates.negative, rates.told, rates.both)),
                _ranged(rates.macro_f1),
                _ranged(rates.kappa),
            ],
        )
        for rates in calibration.steps
    ]
    return table(("wrong steps", "reviews", "steps", "wrong", "told", "both", "macro-F1", "κ"), rows) if rows else ""


def on_planted_faults(known: Measured) -> str:
    """Show what the validators find of the corruptor's faults, and in good traces."""
    faults = [("", _recall(what, row)) for what, row in known.shares.items() if what not in known.good]
    names = sorted({name for what in known.good for name in known.shares[what]})
    alarms = [("", [escape(what.strip("()")), *_alarms(known.shares[what], names)]) for what in known.good]
    said = (
        f"Faults planted in good traces by the project's own corruptor, measured on {known.day}: not of this "
        "workspace. Errors and warnings count; the share of errors alone stands behind the slash where it is less."
    )
    changed = known.outdated()
    stale = note(f"Changed since then: {', '.join(changed)}.") if changed else ""
    return (
        note(said)
        + stale
        + table(("planted fault", "traces", "found by, % of them"), faults)
        + table(("false alarms, %", *names), alarms)
    )


def _recall(what: str, row: Mapping[str, Counted]) -> list[str]:
    traces = next(iter(row.values())).traces
    found = sorted((-each.told, name) for name, each in row.items() if _LEAST_SHOWN * traces <= each.told)
    said = ", ".join(f"{name} {_share(row[name])}" for _, name in found)
    return [escape(what), f"{traces:,}", f'<span class="words">{escape(said or "none")}</span>']


def _alarms(row: Mapping[str, Counted], names: Sequence[str]) -> list[str]:
    return [_share(row[name]) if name in row else "" for name in names]


def _share(counted: Counted) -> str:
    if not counted.traces:
        return "–"
    every, alone = (f"{100 * count / counted.traces:.1f}" for count in (counted.told, counted.errors))
    return every if every == alone else f"{every}/{alone}"
