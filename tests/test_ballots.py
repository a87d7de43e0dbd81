"""Votes of several judges: counted, stored with the issues that follow, on either database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import ballots
from curation.store import Store
from curation.store.census import by_code, by_state
from curation.store.steps import StoredTrace, put_checks, put_issues, put_samples, put_traces
from curation.store.text import from_json, to_json
from curation.store.verdicts import candidates, put_verdicts, verdicts_of
from schemas.issue import Severity
from schemas.review import StageVerdict
from schemas.trace import Stage
from schemas.verdict import StageFinding, Verdict
from tests.judged import charts, sample_of, trace_of, verdict, wrong
from tests.records import check
from tests.workbench import report, simulator

SAMPLE = sample_of(0)
TRACE = trace_of(SAMPLE)


def votes(against: int, judges: int, **more: bool) -> list[Verdict]:
    """So many verdicts, the first of which are against the conclusion."""
    said = [{"conclusion": "7"} if number < against else {} for number in range(judges)]
    return [verdict(TRACE, f"m{number}", at=number, **more, **each) for number, each in enumerate(said)]


@pytest.mark.parametrize(
    ("against", "judges", "found"),
    [
        (0, 1, None),
        (1, 1, ("judge:conclusion", Severity.WARNING)),
        (0, 2, None),
        (1, 2, ("judge:disagrees", Severity.WARNING)),
        (2, 2, ("judge:conclusion", Severity.ERROR)),
        (1, 3, ("judge:disagrees", Severity.WARNING)),
        (2, 3, ("judge:conclusion", Severity.ERROR)),
        (2, 4, ("judge:disagrees", Severity.WARNING)),
        (3, 4, ("judge:conclusion", Severity.ERROR)),
    ],
)
def test_more_than_half_vote_a_stage_down(against, judges, found):
    issues = ballots.issues(votes(against, judges), 1)
    assert [(issue.code, issue.severity) for issue in issues] == ([found] if found else [])
    assert all((issue.stage, issue.evidence, issue.trace_id) == (Stage.CONCLUSION, "7", TRACE.id) for issue in issues)


def test_an_issue_says_who_is_against_it_and_why():
    assert [issue.message for issue in ballots.issues(votes(1, 1), 1)] == ["the judge m0 says: It is wrong."]
    two = [issue.message for issue in ballots.issues(votes(2, 3), 1)]
    assert two == ["2 of 3 judges are against it: m0 says: It is wrong.; m1 says: It is wrong."]


def test_an_older_verdict_of_the_same_model_has_no_vote():
    old = verdict(TRACE, at=0, conclusion="7")
    new = verdict(TRACE, at=1).model_copy(update={"prompt_version": "sha256:" + "1" * 64})
    assert ballots.voters([new, old]) == [new]


def test_a_simulated_judge_has_a_vote_only_where_no_other_has_spoken():
    simulated = votes(2, 2, simulated=True)
    assert len(ballots.issues(simulated, 1)) == 1
    assert ballots.issues([*simulated, verdict(TRACE, "real")], 1) == []


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans(), st.booleans()),
        max_size=8,
        unique_by=lambda drawn: drawn[:3],
    )
)
def test_votes_do_not_depend_on_their_order(drawn):
    said = [
        verdict(
            TRACE, model, at=at // 2, simulated=simulated, **({"caption": "A chart"} if against else {})
        ).model_copy(update={"prompt_version": f"sha256:{at:064}"[::-1]})
        for model, at, simulated, against in drawn
    ]
    assert ballots.count(said) == ballots.count(said[::-1])


@pytest.mark.parametrize(
    ("worst", "overall"),
    [({}, "positive"), ({"caption": "A chart"}, "negative")],
)
def test_a_verdict_is_as_good_as_its_worst_stage(worst, overall):
    said = verdict(TRACE, **worst)
    assert said.overall.value == overall
    neutral = said.stages | {Stage.SUMMARY: StageFinding(verdict=StageVerdict.NEUTRAL)}
    assert said.model_copy(update={"stages": neutral}).overall.value == (
        "neutral" if overall == "positive" else overall
    )


def test_a_verdict_that_is_not_whole_is_refused():
    said = verdict(TRACE).model_dump()
    with pytest.raises(ValueError, match="all four stages"):
        Verdict.model_validate(said | {"stages": {}})
    with pytest.raises(ValueError, match="all steps"):
        Verdict.model_validate(said | {"steps": said["steps"] * 2})
    with pytest.raises(ValueError, match="quotes what it is about"):
        StageFinding(verdict=StageVerdict.NEGATIVE)


def test_a_verdict_is_read_as_it_was_written():
    said = verdict(TRACE, caption="A chart\0\ud800")
    assert from_json(Verdict, to_json(said)) == said


def put(store: Store, *traces) -> None:
    store.write(put_samples, [SAMPLE, sample_of(1)])
    store.write(put_traces, [StoredTrace(trace, "e") for trace in traces])


def test_verdicts_are_counted_anew_and_earlier_counts_are_outdated(store):
    put(store, TRACE)
    first, second, third = votes(2, 3)
    expected = [
        ("judge:conclusion", "warning"),
        ("judge:conclusion", "error"),
        ("judge:conclusion", "error"),
    ]
    for said, found in zip((first, second, third), expected, strict=True):
        store.write(put_verdicts, [said])
        assert [(code, severity, n) for _, code, severity, n in by_code(store.engine)] == [(*found, 1)]
    with store.snapshot() as records:
        assert verdicts_of(records, [TRACE.id]) == {TRACE.id: [first, second, third]}


def test_a_verdict_that_is_told_twice_is_one(store):
    put(store, TRACE)
    store.write(put_verdicts, votes(1, 1))
    store.write(put_verdicts, votes(1, 1))
    with store.snapshot() as records:
        assert len(verdicts_of(records, [TRACE.id])[TRACE.id]) == 1


def test_what_nobody_judged_has_no_verdict(store):
    put(store, TRACE, trace_of(sample_of(1)))
    store.write(put_verdicts, votes(0, 2))
    with store.snapshot() as records:
        assert verdicts_of(records, [TRACE.id, trace_of(sample_of(1)).id]).keys() == {TRACE.id}


def test_a_judge_s_word_is_no_check_of_the_record(store):
    put(store, TRACE)
    store.write(put_verdicts, votes(0, 1))
    assert by_state(store.engine) == {"unchecked": 1}
    store.write(put_checks, [check(TRACE)])
    assert by_state(store.engine) == {"clean": 1}
    store.write(put_verdicts, votes(3, 3)[1:])
    assert by_state(store.engine) == {"flagged": 1}


def test_candidates_are_the_traces_that_stand_and_have_no_error_but_of_judges(store):
    newer, other = trace_of(SAMPLE, at=5), trace_of(sample_of(1))
    put(store, TRACE, newer, other)
    said = [verdict(newer, "m0", conclusion="7"), verdict(newer, "m1", conclusion="7")]
    store.write(put_verdicts, said)
    store.write(put_issues, [wrong(other)])
    found = list(candidates(store.engine, said[0].judge))
    assert [(each.trace, each.judged) for each in found] == [(newer, True)]
    assert [each.judged for each in candidates(store.engine, "another")] == [False]
    flagged = list(candidates(store.engine, "another", flagged=True))
    assert {each.trace.id for each in flagged} == {newer.id, other.id}
    assert list(candidates(store.engine, "another", ("nothing",))) == []


def test_traces_in_postgresql_are_judged_over_http(tmp_path, postgres_url, monkeypatch):
    monkeypatch.setenv("CURATION_STORE", postgres_url)
    folder = charts(tmp_path / "w", 3, conclusion="9")
    with simulator(tmp_path, misjudges=0.0) as endpoint:
        flags = ("judge", "--workspace", folder, "--base-url", endpoint.url, "--model", "gpt-4o,gpt-4o-mini")
        first, second = (report(*flags, CURATION_STORE=postgres_url) for _ in range(2))
    assert [row["negative"] for row in first["judges"]] == [3, 3]
    assert [(row["already"], row["requests"]) for row in second["judges"]] == [(3, 0), (3, 0)]
    with Store.open(folder) as store:
        assert {code: n for _, code, _, n in by_code(store.engine)} == {"judge:conclusion": 3, "judge:reasoning": 3}
