"""What the verbs read: everything once, in the order of code points, whichever the database."""

from datetime import timedelta

import pytest

from curation.selection import Chosen
from curation.store import Store, queries
from curation.store.steps import (
    Check,
    StoredTrace,
    put_calls,
    put_checks,
    put_failures,
    put_issues,
    put_samples,
    put_traces,
)
from curation.store.text import from_json
from schemas.call import Outcome, Usage
from schemas.sample import Sample
from schemas.trace import Provenance, Trace
from tests.records import BEGIN, MADE_BY, call, check, failure, issue, sample, trace
from tests.selected import releasable

NAMES = [
    f"src/train/{name}"
    for name in ["a", "B", "b", "A", "1", "10", "2", "-", "_", "a-b", "a_b", "ab", "é", "z", "😀", "ｚ", ".", "a\x00"]
]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 3)


def taken(store: Store, select, only=()) -> list[Chosen]:
    with store.snapshot() as connection:
        return releasable(connection, select, only)


def conclusions(store: Store, select="clean") -> list[str]:
    return [trace.stages.conclusion for chosen in taken(store, select) for trace in chosen.traces]


def by(**changed: str) -> dict[str, str]:
    return MADE_BY | changed


def test_samples_come_once_each_in_the_order_of_code_points(store: Store) -> None:
    store.write(put_samples, [sample(name) for name in NAMES])
    assert [chosen.sample.id for chosen in taken(store, "all")] == sorted(NAMES)


def test_only_the_sources_that_are_asked_for_come(store: Store) -> None:
    names = sorted(f"{source}/train/{n}" for source in ("a", "a-b", "a0", "ab", "A") for n in range(4))
    store.write(put_samples, [sample(name) for name in names])
    wanted = [name for name in names if name.split("/")[0] in {"a", "a-b", "A"}]
    assert [chosen.sample.id for chosen in taken(store, "all", ["a", "A", "a-b", "a"])] == wanted
    assert taken(store, "all", ["b"]) == []


def test_unchecked_traces_come_once_each_with_their_sample(store: Store) -> None:
    traces = [trace(name) for name in NAMES]
    store.write(put_samples, [sample(name) for name in NAMES])
    store.write(put_traces, traces)
    pages = list(queries.unchecked_traces(store.engine, {"structure": 1}))
    found = [(from_json(Sample, one.sample), from_json(Trace, one.trace)) for page in pages for one in page]
    assert [trace.id for _, trace in found] == sorted(stored.trace.id for stored in traces)
    assert all(sample.id == trace.sample_id for sample, trace in found)
    assert max(map(len, pages)) == 3


def test_a_trace_is_unchecked_until_this_version_of_the_validator_has_seen_it(store: Store) -> None:
    stored = trace()
    store.write(put_samples, [sample()])
    store.write(put_traces, [stored])
    store.write(put_checks, [check(stored.trace, version=1), check(stored.trace, version=2, validator="answer")])
    assert list(queries.unchecked_traces(store.engine, {"structure": 1})) == []
    assert missing(store, {"structure": 2}) == [("structure",)]
    assert missing(store, {"answer": 1}) == [("answer",)]
    assert missing(store, {"structure": 1, "answer": 1, "other": 1}) == [("answer", "other")]


def missing(store: Store, versions: dict[str, int]) -> list[tuple[str, ...]]:
    return [one.missing for page in queries.unchecked_traces(store.engine, versions) for one in page]


def test_checking_page_by_page_ends_and_leaves_nothing_out(store: Store) -> None:
    traces = [trace(name) for name in NAMES]
    store.write(put_samples, [sample(name) for name in NAMES])
    store.write(put_traces, traces)
    seen = 0
    for page in queries.unchecked_traces(store.engine, {"structure": 1}):
        store.write(put_checks, [check(from_json(Trace, found.trace)) for found in page])
        seen += len(page)
    assert seen == len(traces)


def unreadable(store: Store, keys: list[str]) -> None:
    """Store a failed turn for each key, whose last call could not be read."""
    store.write(put_samples, [sample(f"src/train/{key}") for key in keys])
    store.write(put_calls, [call(key, sample_id=f"src/train/{key}", outcome=Outcome.UNPARSABLE) for key in keys])
    store.write(put_failures, [failure(key, sample_id=f"src/train/{key}") for key in keys])


def answers(store: Store, version: int = 1) -> list[str]:
    pages = queries.unchecked_answers(store.engine, {"structure": version})
    return [
        one.answer.key for page in pages for one in page if from_json(Sample, one.sample).id.endswith(one.answer.key)
    ]


def test_unreadable_answers_come_once_each_with_their_sample(store: Store) -> None:
    keys = [name.removeprefix("src/train/") for name in NAMES]
    unreadable(store, keys)
    assert answers(store) == sorted(keys)


def test_an_unreadable_answer_that_two_turns_got_comes_once(store: Store) -> None:
    unreadable(store, ["a", "b", "c", "d"])
    store.write(put_failures, [failure("b", sample_id=f"src/train/{other}", turn=1) for other in "acd"])
    assert answers(store) == ["a", "b", "c", "d"]


def test_an_unreadable_answer_that_the_validator_has_seen_does_not_come(store: Store) -> None:
    unreadable(store, ["a", "b"])
    store.write(put_checks, [Check("a", "structure", 1)])
    assert answers(store) == ["b"]
    assert answers(store, version=2) == ["a", "b"]


def test_the_unreadable_answer_of_a_turn_that_has_a_trace_by_now_does_not_come(store: Store) -> None:
    unreadable(store, ["a", "b"])
    store.write(put_traces, [trace("src/train/a")])
    assert answers(store) == ["b"]


def test_a_failure_of_another_kind_is_no_unreadable_answer(store: Store) -> None:
    unreadable(store, ["a"])
    store.write(put_calls, [call("r", outcome=Outcome.REFUSED)])
    store.write(put_failures, [failure("r", turn=7, outcome="refused")])
    assert answers(store) == ["a"]


@pytest.mark.parametrize("what", ["recipe", "prompt_version", "model", "endpoint"])
def test_a_trace_that_was_made_otherwise_is_not_the_one_that_is_wanted(store: Store, what: str) -> None:
    store.write(put_traces, [trace(turn=0, conclusion="wanted"), trace(turn=1, by=by(**{what: "other"}))])
    assert queries.traced(store.engine, ["src/train/1"], MADE_BY) == {"src/train/1": {0: "wanted"}}


def test_only_the_samples_that_are_asked_for_are_looked_up(store: Store) -> None:
    store.write(put_traces, [trace(name) for name in NAMES])
    assert queries.traced(store.engine, NAMES[:2], MADE_BY) == {name: {0: "yes"} for name in NAMES[:2]}
    assert queries.traced(store.engine, [], MADE_BY) == {}


def test_of_two_traces_of_a_turn_the_newest_conclusion_is_looked_up(store: Store) -> None:
    store.write(put_traces, [trace(at=2, conclusion="newest"), trace(at=1, conclusion="older")])
    assert queries.traced(store.engine, ["src/train/1"], MADE_BY) == {"src/train/1": {0: "newest"}}


def test_all_takes_the_newest_trace_of_each_turn_in_the_order_of_the_turns(store: Store) -> None:
    store.write(put_samples, [sample(turns=3)])
    store.write(put_traces, [trace(turn=2, conclusion="third"), trace(turn=0, at=5, conclusion="first")])
    store.write(put_traces, [trace(turn=1, conclusion="second"), trace(turn=0, at=4, conclusion="older")])
    assert conclusions(store, "all") == ["first", "second", "third"]


def test_the_newest_trace_is_told_by_its_time_not_by_its_text(store: Store) -> None:
    east = (BEGIN + timedelta(hours=1)).replace(tzinfo=None).isoformat() + "+09:00"  # eight hours before the beginning
    human = Provenance.model_validate({"kind": "human", "created_at": east})
    old = Trace(sample_id="src/train/1", turn=0, stages=trace().trace.stages, provenance=human)
    store.write(put_samples, [sample()])
    store.write(put_traces, [trace(conclusion="newest"), StoredTrace(old, None)])
    assert conclusions(store, "all") == ["newest"]


def test_a_sample_without_a_trace_comes_without_one(store: Store) -> None:
    store.write(put_samples, [sample()])
    assert taken(store, "all") == [Chosen(sample(), (), (), ())]


def test_clean_takes_what_was_checked_and_has_no_open_error(store: Store) -> None:
    named = ("clean", "unchecked", "wrong", "warned", "mended")
    traces = {name: trace(f"src/train/{name}", conclusion=name).trace for name in named}
    store.write(put_samples, [sample(f"src/train/{name}") for name in named])
    store.write(put_traces, [StoredTrace(made, "e") for made in traces.values()])
    store.write(put_checks, [check(traces[name]) for name in named if name != "unchecked"])
    store.write(put_issues, [issue(traces["wrong"]), issue(traces["warned"], "warning"), issue(traces["mended"])])
    store.write(put_checks, [check(traces["mended"], version=2)])
    assert conclusions(store) == ["clean", "mended", "warned"]
    assert conclusions(store, "all") == sorted(named)


def test_an_error_is_outdated_only_for_the_trace_that_was_checked_again(store: Store) -> None:
    again, not_again = trace("src/train/1").trace, trace("src/train/2").trace
    store.write(put_samples, [sample("src/train/1"), sample("src/train/2")])
    store.write(put_traces, [StoredTrace(again, "e"), StoredTrace(not_again, "e")])
    store.write(put_checks, [check(again), check(not_again), check(again, 2), check(not_again, 2, "answer")])
    store.write(put_issues, [issue(again), issue(not_again)])
    assert [bool(chosen.traces) for chosen in taken(store, "clean")] == [True, False]


def test_an_older_clean_trace_does_not_stand_in_for_the_newest(store: Store) -> None:
    older, newest = (trace(at=at, conclusion=str(at)).trace for at in range(2))
    store.write(put_samples, [sample()])
    store.write(put_traces, [StoredTrace(made, "e") for made in (newest, older)])
    store.write(put_checks, [check(older)])
    assert conclusions(store, "clean") == []
    assert conclusions(store, "all") == ["1"]


def test_a_simulated_trace_stands_only_where_there_is_no_other(store: Store) -> None:
    real, later = trace(at=0, conclusion="real").trace, trace(at=1, conclusion="trial", kind="simulated").trace
    store.write(put_samples, [sample()])
    store.write(put_traces, [StoredTrace(later, "e")])
    assert conclusions(store, "all") == ["trial"]
    store.write(put_traces, [StoredTrace(real, "e")])
    assert conclusions(store, "all") == ["real"]


def test_a_usual_answer_is_the_mean_of_the_models_answers(store: Store) -> None:
    assert queries.mean_completion(store.engine, "m") is None
    lengths = {"a": 100, "b": 301}
    store.write(put_calls, [call(key, usage=Usage(completion_tokens=n)) for key, n in lengths.items()])
    store.write(put_calls, [call("c", usage=Usage(completion_tokens=9), outcome=Outcome.REFUSED)])
    store.write(put_calls, [call("d", usage=Usage(completion_tokens=9), model="another")])
    assert queries.mean_completion(store.engine, "m") == 200
