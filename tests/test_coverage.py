"""Coverage is counted in columns: the figures are those of counting record by record."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from curation.store import tables
from curation.store.contenders import Wanted, contenders
from curation.store.coverage import coverage
from curation.store.steps import Check, StoredTrace, put_checks, put_issues, put_samples, put_traces
from curation.strata import Coverage, Reached
from schemas.issue import Issue, Severity
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Sampling, Stages, Trace

VALUES = (
    "yes",
    "No.",
    "12 %",
    "a dog",
    "",
    "\ud800\0",
    "\x1a0041",
    '"labels":{"level":"x"},',
    "\\",
    "é\u2028",
    "ß" * 40,
)
NAMES = ("level", "answer", "question-type", 'a"b\\', "\u1234")
values = st.sampled_from(VALUES)
turns = st.builds(
    Turn,
    question=values,
    context=values,
    targets=st.lists(values, max_size=2).map(tuple),
    choices=st.sampled_from([(), VALUES, VALUES[:3], (*map(str, range(30)), *VALUES)]),
)
ids = st.builds("{}/train/{}".format, st.sampled_from(["clevr", "é"]), st.integers(0, 40))
samples = st.builds(
    Sample,
    id=ids,
    turns=st.lists(turns, min_size=1, max_size=3).map(tuple),
    labels=st.dictionaries(st.sampled_from(NAMES), values, max_size=2),
)
samplings = st.none() | st.builds(Sampling, samples=st.integers(0, 4), right=st.integers(0, 4))
KINDS = ("model", "simulated", "human", "imported")


@st.composite
def traces(draw):
    """Return a trace, and what is known about it: whether it was checked, withdrawn, and what was found."""
    second = draw(st.integers(0, 9))
    made = Provenance(
        kind=draw(st.sampled_from(KINDS)),
        created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second),
        sampling=draw(samplings),
    )
    said = draw(st.sampled_from(['say "sampling":{"right":1}', "x\ud800", "well"]))
    stages = Stages(summary=said, caption="x", reasoning="x", conclusion="x")
    trace = Trace(sample_id=draw(ids), turn=draw(st.integers(0, 3)), stages=stages, provenance=made)
    found = draw(st.lists(st.tuples(st.sampled_from(Severity), st.integers(1, 2)), max_size=2))
    return trace, draw(st.sampled_from([0, 1, 1, 2])), draw(st.integers(0, 3)) == 0, found


def put(store, some, made):
    """Store records; of a trace that is there already, nothing is withdrawn that was not."""
    gone = {trace.id for trace, _, withdrawn, _ in made if withdrawn and trace.provenance.kind == "human"}
    with store.writing() as connection:
        gone -= set(connection.execute(select(tables.withdrawn.c.trace_id)).scalars())
        put_samples(connection, some)
        put_traces(connection, [StoredTrace(trace, None) for trace, *_ in made])
        checks = [Check(trace.id, "answer", at + 1) for trace, checked, *_ in made for at in range(checked)]
        put_checks(connection, [*checks, *(Check(trace.id, "model", 1) for trace, *_ in made)])
        put_issues(connection, [issue(trace, *found) for trace, *_, founds in made for found in founds])
        if gone:
            connection.execute(insert(tables.withdrawn), [{"trace_id": trace_id} for trace_id in gone])


def issue(trace, severity, version):
    return Issue(
        sample_id=trace.sample_id,
        turn=trace.turn,
        trace_id=trace.id,
        code="answer:wrong",
        severity=severity,
        message="x",
        version=version,
    )


def one_by_one(connection):
    counted = Coverage()
    for each in contenders(connection, Wanted()):
        reached = Reached(
            annotated={one.made.turn for one in each.standing},
            clean={one.made.turn for one in each.standing if one.clean},
        )
        shares = {one.made.turn: one.agreement for one in each.standing if one.agreement is not None}
        counted.add(each.sample, reached, shares)
    return counted


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8, phases=[Phase.generate])
@given(st.lists(samples, max_size=8), st.lists(traces(), max_size=12))
def test_the_figures_are_those_of_counting_record_by_record(store, some, made):
    put(store, some, made)  # to what earlier examples left there
    with store.snapshot() as connection:
        counted, expected = coverage(connection), one_by_one(connection)
    assert counted._strata == expected._strata
    assert counted._sources == expected._sources


def test_pages_make_no_difference(store, monkeypatch):
    some = [Sample(id=f"s/train/{n}", turns=(Turn(question="?", targets=(str(n % 3),)),)) for n in range(50)]
    put(store, some, [])
    with store.snapshot() as connection:
        whole = coverage(connection)
        for limit, most in (("_FETCHED", 7), ("_ROWS", 10), ("_CHARACTERS", 1)):
            monkeypatch.setattr(f"curation.store.turns.{limit}", most)
            assert coverage(connection)._strata == whole._strata == one_by_one(connection)._strata
    assert whole._sources == {"s": [50, 0, 0, 0]}


def test_an_empty_workspace_has_no_strata(store):
    with store.snapshot() as connection:
        assert coverage(connection).strata() == []
