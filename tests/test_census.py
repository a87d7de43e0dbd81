"""The census: every figure of a small workspace that was made by hand."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from curation.store import Store, census, tables
from curation.store.comparisons import put_comparisons
from curation.store.steps import put_calls, put_checks, put_failures, put_issues, put_samples, put_traces
from curation.store.verdicts import put_verdicts
from schemas.call import Outcome
from tests.judged import compared, sample_of, trace_of, verdict
from tests.records import BEGIN, call, check, failure, issue, sample, trace


@pytest.fixture
def counted(store: Store) -> Store:
    """Two sources.

    chart: three samples with 1, 3 and 2 turns, and two rows that are no samples; doc: one sample with 1 turn;
    lost: one row, that is no sample.

        turn        traces                                   state of the newest
        chart/1 0   one, checked, no error                   clean
        chart/2 0   one, with an error                       flagged
        chart/2 1   one, whose error is outdated             clean
        chart/2 2   none; failed with two recipes            -
        chart/3 0   two: the older is clean, the newer not   flagged
        chart/3 1   none                                     -
        doc/1 0     one, never checked; failed before        unchecked
    """
    clean, wrong, mended = trace("chart/t/1"), trace("chart/t/2", 0), trace("chart/t/2", 1)
    older, newer = trace("chart/t/3", at=1), trace("chart/t/3", at=2)
    unchecked = trace("doc/t/1")
    store.write(put_samples, [sample("chart/t/1"), sample("chart/t/2", 3), sample("chart/t/3", 2), sample("doc/t/1")])
    store.write(put_traces, [clean, wrong, mended, newer, older, unchecked])
    store.write(put_checks, [check(made.trace) for made in (clean, wrong, mended, older, newer)])
    store.write(put_checks, [check(mended.trace, version=2)])
    store.write(put_issues, [issue(made.trace) for made in (wrong, mended, newer)])
    store.write(put_issues, [issue(clean.trace, "warning"), issue(wrong.trace, code="structure:empty")])
    store.write(put_issues, [issue(row, code="source:image-missing") for row in ("chart/t/8", "chart/t/9", "lost/t/1")])
    store.write(put_issues, [issue("chart/t/9", code="source:no-target")])
    store.write(
        put_issues, [issue("chart/t/1", "error", code="source:odd"), issue("doc/t/2", "info", code="source:odd")]
    )
    store.write(
        put_failures,
        [
            failure(sample_id="chart/t/2", turn=2, outcome="refused"),
            failure(sample_id="chart/t/2", turn=2, recipe="blind", outcome="refused"),
            failure(sample_id="doc/t/1", outcome="cut-off"),
        ],
    )
    return store


def by_name(store: Store) -> dict[str, census.SourceCount]:
    return {count.source: count for count in census.by_source(store.engine)}


def test_rows_and_turns_are_counted_by_source(counted: Store) -> None:
    assert census.by_source(counted.engine) == [
        census.SourceCount(
            source="chart", rows=5, samples=3, unusable=2, turns=6, traced=4, failed=1, pending=1, clean=2
        ),
        census.SourceCount(
            source="doc", rows=1, samples=1, unusable=0, turns=1, traced=1, failed=0, pending=0, clean=0
        ),
        census.SourceCount(
            source="lost", rows=1, samples=0, unusable=1, turns=0, traced=0, failed=0, pending=0, clean=0
        ),
    ]


def test_turns_are_traced_or_failed_or_pending(counted: Store) -> None:
    for count in census.by_source(counted.engine):
        assert count.turns == count.traced + count.failed + count.pending
        assert count.clean <= count.traced


def test_the_figures_are_those_of_one_moment(counted: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = census.by_source(counted.engine)
    traced_turns = census._traced_turns

    def meanwhile():
        counted.write(put_samples, [sample("chart/t/7")])
        counted.write(put_traces, [trace("chart/t/7"), trace("chart/t/3", 1)])
        return traced_turns()

    monkeypatch.setattr(census, "_traced_turns", meanwhile)
    assert census.by_source(counted.engine) == before


def test_a_row_that_became_a_sample_later_is_not_unusable(counted: Store) -> None:
    counted.write(put_samples, [sample("chart/t/9"), sample("lost/t/1")])
    unusable = {count.source: count.unusable for count in census.by_source(counted.engine)}
    assert unusable == {"chart": 1, "doc": 0, "lost": 0}


def test_a_failed_turn_that_has_a_trace_by_now_has_not_failed(counted: Store) -> None:
    counted.write(put_traces, [trace("chart/t/2", 2)])
    chart = by_name(counted)["chart"]
    assert (chart.traced, chart.failed, chart.pending) == (5, 0, 1)
    assert census.failed_by_outcome(counted.engine) == {}


def test_traces_are_unchecked_or_clean_or_flagged(counted: Store) -> None:
    assert census.by_state(counted.engine) == {"clean": 3, "flagged": 2, "unchecked": 1}


def test_an_error_counts_until_a_newer_version_has_checked_its_trace(counted: Store) -> None:
    counted.write(put_checks, [check(trace("chart/t/2", 0).trace, version=2)])
    assert census.by_state(counted.engine) == {"clean": 4, "flagged": 1, "unchecked": 1}
    assert by_name(counted)["chart"].clean == 3


def test_a_newer_trace_that_is_not_clean_takes_the_place_of_a_clean_one(counted: Store) -> None:
    counted.write(put_traces, [trace("chart/t/1", at=9, conclusion="edited")])
    assert by_name(counted)["chart"].clean == 1


def test_of_two_traces_of_the_same_time_one_is_the_newest(counted: Store) -> None:
    counted.write(put_traces, [trace("chart/t/1", conclusion="other")])
    counted.write(put_checks, [check(trace("chart/t/1", conclusion="other").trace)])
    assert by_name(counted)["chart"].clean == 2


def test_issues_are_counted_by_code_without_those_that_are_outdated(counted: Store) -> None:
    assert census.by_code(counted.engine) == [
        ("chart", "source:image-missing", "error", 2),
        ("chart", "source:no-target", "error", 1),
        ("chart", "structure:empty", "error", 1),
        ("chart", "structure:missing", "error", 2),
        ("chart", "structure:missing", "warning", 1),
        ("doc", "source:odd", "info", 1),
        ("lost", "source:image-missing", "error", 1),
    ]


def test_failed_turns_are_counted_once_each_by_outcome(counted: Store) -> None:
    assert census.failed_by_outcome(counted.engine) == {"refused": 1}


def test_a_turn_that_failed_in_several_ways_is_counted_by_its_last_call(store: Store) -> None:
    store.write(put_samples, [sample()])
    for at, outcome in enumerate(["refused", "cut-off"]):
        key = f"key {at}"
        store.write(put_calls, [call(key, outcome=outcome, created_at=BEGIN + timedelta(seconds=at))])
        store.write(put_failures, [failure(key, outcome=outcome, recipe=outcome)])
    assert census.failed_by_outcome(store.engine) == {"cut-off": 1}


def test_calls_are_counted_by_outcome(store: Store) -> None:
    outcomes = [Outcome.ANSWERED, Outcome.ANSWERED, Outcome.GAVE_UP]
    store.write(put_calls, [call(f"key {n}", outcome=outcome) for n, outcome in enumerate(outcomes)])
    assert census.by_outcome(store.engine) == {"answered": 2, "gave-up": 1}


def test_the_ledger_is_added_up_by_state_and_by_whether_the_run_lives(store: Store) -> None:
    entries = [
        ("settled", "here", 10), ("settled", "gone", 20), ("reserved", "here", 100), ("reserved", "gone", 200),
        ("reserved", "gone", 300), ("lost", "here", 1000), ("lost", "gone", 2**60), ("saved", "here", 7),
    ]  # fmt: skip
    rows = [
        {"id": str(n), "key": str(n), "run_id": run, "state": state, "amount": amount, "created_at": ""}
        for n, (state, run, amount) in enumerate(entries)
    ]
    store.write(lambda connection, rows: connection.execute(insert(tables.ledger), rows) and None, rows)
    money = census.money(store.engine, lambda run: run == "here")
    assert money.spent == 30
    assert (money.reserved, money.reserved_requests) == (100, 1)
    assert (money.unclear, money.unclear_requests) == (500 + 1000 + 2**60, 4)
    assert (money.saved, money.saved_requests) == (7, 1)


def test_what_judges_said_is_counted_by_judge(store: Store) -> None:
    sample, before = sample_of(0), trace_of(sample_of(0), conclusion="9")
    repairs = [trace_of(sample, conclusion=text, parent=before.id) for text in "123"]
    store.write(put_verdicts, [verdict(before), verdict(repairs[0]), verdict(before, "n")])
    for repair, rank in zip(repairs, ("better", "worse", "better"), strict=True):
        store.write(put_comparisons, [compared(repair, before, rank)])
    name = f"m@https://host/v1#{'0' * 12}"
    assert census.by_judge(store.engine) == [
        (name, "repairs compared, better", 2),
        (name, "repairs compared, worse", 1),
        (name, "traces judged", 2),
        (name.replace("m@", "n@"), "traces judged", 1),
    ]


def test_an_empty_workspace_has_nothing_to_count(store: Store) -> None:
    assert census.by_source(store.engine) == []
    assert census.by_state(store.engine) == census.by_outcome(store.engine) == {}
    assert census.failed_by_outcome(store.engine) == {}
    assert census.by_code(store.engine) == census.by_judge(store.engine) == []
    assert census.money(store.engine, lambda run: True) == census.Money(0, 0, 0, 0, 0, 0, 0)
