"""What a card says of how good a release is: its yield, what checks found, and what people said."""

from collections import Counter
from collections.abc import Iterator, Sequence

from curation.releases.card.front import by_size
from curation.releases.card.leavings import LeftOut
from curation.releases.card.markdown import code, inline, section, table
from curation.releases.card.names import title
from curation.releases.card.rows import Facts
from schemas.manifest import Manifest
from schemas.trace import STAGES

_MOST = 50
"""Rows of a table."""
_NAMED = 3
"""Reasons of a source that are named."""
_STAGES = tuple(stage.value for stage in STAGES)


def yields(manifest: Manifest, left: LeftOut) -> str:
    """Return the section on what each source gave."""
    samples, traces = (manifest.counts.get(what, {}) for what in ("samples_by_source", "traces_by_source"))
    total = sum(traces.values())
    excluded = sum(manifest.counts.get("traces_excluded", {}).values())
    share = f" of {total + excluded:,} ({_share(total, total + excluded)})" if excluded else ""
    rows = [
        (
            inline(title(source)),
            samples[source],
            (taken := traces.get(source, 0)),
            (out := left.by_source.get(source, 0)),
            _share(taken, taken + out),
            ", ".join(_reasons(left, source)),
        )
        for source in by_size(samples)[:_MOST]
    ]
    return section(
        "Yield by source",
        f"{total:,} traces{share} were taken. `excluded.jsonl` has those that were not, each with the reason.",
        table(("source", "samples", "traces", "left out", "share taken", "left out for"), rows),
    )


def _reasons(left: LeftOut, source: str) -> list[str]:
    found = [f"{code(reason)} {count:,}" for name, reason, count in left.reasons if name == source]
    return [*found[:_NAMED], *(["…"] if found[_NAMED:] else [])]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def quality(manifest: Manifest, facts: Facts, left: LeftOut) -> str:
    """Return the section on what checks and people said; nothing where nobody said anything."""
    return section("Quality", _found(facts, left), *_reviews(manifest))


def _found(facts: Facts, left: LeftOut) -> str:
    """Return a table of what checks found, in traces that were left out and in those that were taken."""
    out = {(finding, severity): count for finding, severity, count in left.by_code}
    taken = {(each.code, each.severity): each.traces for each in facts.findings}
    total: Counter[tuple[str, str]] = Counter(out) + Counter(taken)
    rows = [(code(key[0]), inline(key[1]), out.get(key, 0), taken.get(key, 0)) for key, _ in total.most_common(_MOST)]
    if not rows:
        return ""
    lead = "What the checks found. An error keeps a trace out, unless the policy says otherwise; a warning is a remark."
    return f"{lead}\n\n{table(('finding', 'severity', 'traces left out', 'traces taken'), rows)}"


def _reviews(manifest: Manifest) -> Iterator[str]:
    counts = manifest.counts
    if states := counts.get("traces_by_review", {}):
        said = ", ".join(f"{count:,} {inline(state)}" for state, count in states.items())
        yield f"People have reviewed {sum(states.values()):,} of the traces that were taken: {said}."
    if decisions := counts.get("reviews_by_decision", {}):
        said = ", ".join(f"{count:,} to {inline(decision)}" for decision, count in decisions.items())
        yield f"Their decisions, on traces that were left out, too: {said}."
    yield table(
        ("what they said of", "positive", "neutral", "negative"), _verdicts(counts.get("reviews_by_verdict", {}))
    )
    agreement = table(("on", "α [95 % interval]", "traces that two looked at", "share agreed"), _agreement(manifest))
    if agreement:
        yield f"How far reviewers agree beyond chance (Krippendorff's α; 1 is always, 0 is by chance):\n\n{agreement}"


def _agreement(manifest: Manifest) -> Iterator[Sequence[object]]:
    for about in ("decision", *_STAGES):
        if about not in manifest.agreement:
            continue
        figure = manifest.agreement[about]
        value = f"not defined: {inline(figure.reason)}" if figure.value is None else f"{figure.value:.2f}"
        interval = "" if figure.low is None or figure.high is None else f" [{figure.low:.2f}, {figure.high:.2f}]"
        agreed = "–" if figure.agreed is None else f"{100 * figure.agreed:.1f} %"
        yield about, f"{value}{interval}", figure.records, agreed


def _verdicts(counts: dict[str, int]) -> Iterator[Sequence[object]]:
    for stage in _STAGES:
        row = [counts.get(f"{stage} {verdict}", 0) for verdict in ("positive", "neutral", "negative")]
        if any(row):
            yield stage, *row
