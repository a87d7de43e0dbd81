"""Charts of the figures about reviewing; what one can click on leads to the slice that it counts.

The colours are of middle lightness, so that they stand out on white and on black.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import altair as alt
import polars as pl

from curation.review import Slice
from curation.review.comparisons import Comparison
from curation.review.overview import CodeCount, Cost, Overview, Pace, SourceYield, ValidatorYield
from curation.store.overview import DayCount
from schemas.review import State

STATES = {
    State.ACCEPTED: "#2f9e5f",
    State.EDITED: "#2b8fb3",
    State.REJECTED: "#d1495b",
    State.SKIPPED: "#d18f2c",
    State.STALE: "#9a6fc4",
    State.DRAFT: "#7d9bd1",
    State.PENDING: "#8f97a3",
}
SEVERITIES = {"error": "#d1495b", "warning": "#d18f2c", "info": "#7d9bd1"}
_SHARES = alt.Scale(domain=[0.5, 0.8, 1], range=["#b23a48", "#a8691f", "#2a8454"], clamp=True)
_ONE = "#3d83c9"
_BAR = 34
"""Pixels of a bar with the room around it."""
_AXIS = 40
_LEGEND = 60
_SAME_TAB = {"embedOptions": {"loader": {"target": "_self"}, "actions": False}}


def link(slice_: Slice) -> str:
    """Return the address of the queue's page with this slice, as it is seen from the other pages."""
    return "queue?" + urlencode(slice_.to_query(), doseq=True)


def states_by_source(sources: Sequence[SourceYield]) -> alt.Chart:
    """Return bars of each source's turns by state."""
    rows = [
        {
            "source": source.source,
            "state": state.value,
            "order": order,
            "turns": source.states[state.value],
            "link": link(Slice(source=(source.source,), state=(state,))),
        }
        for source in sources
        for order, state in enumerate(STATES)
        if state.value in source.states
    ]
    shown = [state.value for state in STATES if any(row["state"] == state.value for row in rows)]
    colours = alt.Scale(domain=shown, range=[STATES[State(name)] for name in shown])
    return _linked(rows, _BAR * len(sources) + _AXIS + _LEGEND).encode(
        x=alt.X("turns:Q", title=None, axis=_counts()),
        y=_names("source", "-x"),
        color=alt.Color("state:N", scale=colours, title=None, legend=alt.Legend(orient="top", columns=7)),
        order="order:Q",
        tooltip=["source:N", "state:N", alt.Tooltip("turns:Q", format=",")],
    )


def passed_by_validator(validators: Sequence[ValidatorYield], codes: Sequence[CodeCount]) -> alt.LayerChart:
    """Return a field for each source and validator: the share of turns without an open error of it."""
    rows = [
        {
            "source": each.source,
            "validator": each.validator,
            "passed": each.passed.value,
            "interval": f"{each.passed.low:.1%} to {each.passed.high:.1%}",
            "flawed": each.flawed,
            "link": link(Slice(source=(each.source,), code=_errors(codes, each.validator))),
        }
        for each in validators
        if each.passed is not None
    ]
    fields = (
        _chart(rows)
        .mark_rect(cornerRadius=3, stroke="transparent", strokeWidth=3, cursor="pointer")
        .encode(
            x=alt.X("validator:N", title=None, axis=alt.Axis(labelAngle=0, orient="top", labelLimit=110)),
            y=_names("source", None),
            color=alt.Color("passed:Q", scale=_SHARES, legend=None),
            href="link:N",
            tooltip=["source:N", "validator:N", alt.Tooltip("passed:Q", format=".1%"), "interval:N",
                     alt.Tooltip("flawed:Q", format=",")],
        )
    )  # fmt: skip
    words = fields.mark_text(color="white", fontWeight=600, cursor="pointer").encode(
        text=alt.Text("passed:Q", format=".1%"), color=alt.value("white")
    )
    layered: alt.LayerChart = (fields + words).properties(
        height=_BAR * len({row["source"] for row in rows}) + _AXIS, usermeta=_SAME_TAB
    )
    return layered


def _errors(codes: Sequence[CodeCount], validator: str) -> tuple[str, ...]:
    found = {each.code for each in codes if each.severity == "error" and each.code.startswith(f"{validator}:")}
    return tuple(sorted(found))


def issues_by_code(codes: Sequence[CodeCount], most: int = 15) -> alt.Chart:
    """Return bars of the most frequent open issues."""
    totals: dict[tuple[str, str], int] = {}
    for each in codes:
        totals[each.code, each.severity] = totals.get((each.code, each.severity), 0) + each.turns
    first = sorted(totals.items(), key=lambda item: -item[1])[:most]
    rows = [
        {"code": code, "severity": severity, "turns": turns, "link": link(Slice(code=(code,)))}
        for (code, severity), turns in first
    ]
    colours = alt.Scale(domain=list(SEVERITIES), range=list(SEVERITIES.values()))
    return _linked(rows, _BAR * len({row["code"] for row in rows}) + _AXIS + _LEGEND).encode(
        x=alt.X("turns:Q", title=None, axis=_counts()),
        y=_names("code", "-x"),
        color=alt.Color("severity:N", scale=colours, title=None, legend=alt.Legend(orient="top")),
        tooltip=["code:N", "severity:N", alt.Tooltip("turns:Q", format=",")],
    )


def costs_by_model(costs: Sequence[Cost]) -> alt.Chart:
    """Return bars of what each model's answers cost."""
    rows = [
        {
            "what": f"{each.model} · {each.recipe}",
            "dollars": each.dollars,
            "calls": each.calls,
            "unusable": each.unusable,
            "link": link(Slice(recipe=(each.recipe,), model=(each.model,))),
        }
        for each in costs
    ]
    return _linked(rows, _BAR * len(rows) + _AXIS).encode(
        x=alt.X("dollars:Q", title=None, axis=alt.Axis(format="$,.2f", tickCount=5)),
        y=_names("what", "-x"),
        color=alt.value(_ONE),
        tooltip=["what:N", alt.Tooltip("dollars:Q", format="$,.2f"), alt.Tooltip("calls:Q", format=","),
                 alt.Tooltip("unusable:Q", format=",")],
    )  # fmt: skip


def decisions_by_day(days: Sequence[DayCount]) -> alt.Chart:
    """Return columns of decisions a day."""
    rows = [
        {"day": each.day, "reviewer": each.reviewer, "decisions": each.votes,
         "link": link(Slice(reviewer=(each.reviewer,)))}
        for each in days
    ]  # fmt: skip
    chart: alt.Chart = (
        _chart(rows)
        .mark_bar(cursor="pointer")
        .encode(
            x=alt.X("day:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("decisions:Q", title=None, axis=_counts()),
            color=alt.Color("reviewer:N", title=None, legend=alt.Legend(orient="top", columns=8)),
            href="link:N",
            tooltip=["day:O", "reviewer:N", alt.Tooltip("decisions:Q", format=",")],
        )
        .properties(height=240, usermeta=_SAME_TAB)
    )
    return chart


def agreement_lines(compared: Sequence[Comparison], names: Sequence[str]) -> alt.LayerChart:
    """Return a named point with its interval for each figure that is defined: from chance, 0, to full agreement."""
    rows = [
        {
            "who": name,
            "value": each.figure.value,
            "low": each.figure.low,
            "high": each.figure.high,
            "records": each.figure.records,
            "agreed": each.figure.agreed,
        }
        for each, name in zip(compared, names, strict=True)
        if each.figure.value is not None
    ]
    lows = [each.figure.low for each in compared if each.figure.low is not None]
    scale = alt.Scale(domain=[min(0.0, *lows) if lows else 0.0, 1.0], nice=False)
    x = alt.X("value:Q", title=None, scale=scale, axis=alt.Axis(format=".1f", tickCount=5))
    points = (
        _chart(rows)
        .mark_point(filled=True, size=90, opacity=1)
        .encode(
            x=x,
            y=_names("who", None),
            color=alt.value(_ONE),
            tooltip=["who:N", alt.Tooltip("value:Q", format=".3f"), alt.Tooltip("low:Q", format=".3f"),
                     alt.Tooltip("high:Q", format=".3f"), alt.Tooltip("agreed:Q", format=".1%"),
                     alt.Tooltip("records:Q", format=",")],
        )
    )  # fmt: skip
    spans = points.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=None, scale=scale), x2="high:Q")
    layered: alt.LayerChart = (spans + points).properties(height=_BAR * len(rows) + _AXIS)
    return layered


def _linked(rows: Sequence[dict[str, Any]], height: int) -> alt.Chart:
    marked = _chart(rows).mark_bar(cursor="pointer", height={"band": 0.75}).encode(href="link:N")
    chart: alt.Chart = marked.properties(height=height, usermeta=_SAME_TAB)
    return chart


def _chart(rows: Sequence[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=list(rows)))


def _names(field: str, sort: str | None) -> alt.Y:
    return alt.Y(f"{field}:N", title=None, sort=sort, axis=alt.Axis(labelLimit=220, labelOverlap=False))


def _counts() -> alt.Axis:
    return alt.Axis(format=",d", tickCount=5)


def pace_table(paces: Sequence[Pace]) -> pl.DataFrame:
    """Return a row for each reviewer."""
    return pl.DataFrame(
        [
            {
                "reviewer": link(Slice(reviewer=(each.reviewer,))),
                "decisions": sum(each.decisions.values()),
                **{decision: each.decisions.get(decision, 0) for decision in ("accept", "edit", "reject", "skip")},
                "median s": each.median_seconds,
                "an hour": each.per_hour,
            }
            for each in paces
        ]
    )


def verb_table(found: Overview) -> pl.DataFrame:
    """Return a row for each part of the pipeline that has spent money."""
    return pl.DataFrame([{"step": each.verb, "requests": each.requests, "US$": each.dollars} for each in found.verbs])
