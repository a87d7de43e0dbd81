"""`export --select`: what a policy takes, and of every other trace the line that excluded it."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import policies, release
from curation.errors import MissingError
from curation.export import Config, run
from curation.review import Deed, Desk, Reviewer, Terms
from curation.review.desk import new_id
from curation.selection import Selection
from curation.store import Store
from curation.store.steps import StoredTrace, put_checks, put_issues, put_samples, put_traces
from curation.store.verdicts import put_verdicts
from exports import jsonl
from schemas.sample import Sample, Turn
from schemas.trace import STAGES, Stage
from schemas.verdict import StageFinding, Verdict
from tests.records import check, issue, picture, sample, trace
from tests.selected import releasable
from tests.workbench import here


def fill(store, *names, source="src", **made):
    """A checked trace of a sample for each name."""
    stored = {name: trace(f"{source}/train/{name}", conclusion=name, **made) for name in names}
    store.write(put_samples, [sample(one.trace.sample_id) for one in stored.values()])
    store.write(put_traces, list(stored.values()))
    store.write(put_checks, [check(one.trace) for one in stored.values()])
    return {name: one.trace for name, one in stored.items()}


@pytest.fixture
def export_(store, tmp_path):
    """Export the workspace of the store by a policy with these lines."""

    def build(*lines, name="mine", format_="jsonl", **flags):
        path = tmp_path / f"{name}.toml"
        path.write_text("\n".join(lines))
        given = {"splits": (1.0,), "out": tmp_path / f"release-{name}-{format_}"} | flags
        return run(config=Config(workspace=store.folder, select=str(path), format=format_, **given))

    return build


def excluded(report):
    path = report.out / "excluded.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def taken(report):
    return {trace.id for item in jsonl.read(report.out) for trace in item.traces}


def test_every_trace_is_taken_or_its_line_is_named(store, export_):
    made = fill(store, "good", "wrong", "warned", "unchecked")
    store.write(put_issues, [issue(made["wrong"], code="answer:wrong"), issue(made["warned"], "warning")])
    done = export_("# Mine.", 'severity.out = ["error"]', 'code.out = ["structure"]', "cap.source = 1")
    kept = made["good"].id in taken(done)
    capped = made["unchecked" if kept else "good"]
    assert {one["trace"]: (one["rule"], one["line"], one["reason"]) for one in excluded(done)} == {
        made["wrong"].id: ("severity.out", 2, "answer:wrong (error)"),
        made["warned"].id: ("code.out", 3, "structure:missing (warning)"),
        capped.id: ("cap.source", 4, "there are more than 1 of src"),
    }
    assert done.excluded == [(2, "severity.out", 1), (3, "code.out", 1), (4, "cap.source", 1)]
    assert done.counts["traces_excluded"] == {"severity.out": 1, "code.out": 1, "cap.source": 1}
    assert (done.out / "policy.toml").read_text().startswith("# Mine.")
    assert release.check(done.out) == []


def test_a_trace_that_stands_no_more_is_named_with_what_stands(store, export_):
    older = fill(store, "a")["a"]
    newer = fill(store, "a", at=5)["a"]
    done = export_()
    assert taken(done) == {newer.id}
    [line] = excluded(done)
    assert (line["trace"], line["rule"], line["line"]) == (older.id, "standing", None)
    assert line["reason"] == f"{newer.id} stands for its turn"


def test_where_all_is_taken_nothing_is_excluded(store, export_):
    made = fill(store, "a", "b")
    done = export_("checked = true")
    assert taken(done) == {one.id for one in made.values()}
    assert not (done.out / "excluded.jsonl").exists()
    assert "excluded.jsonl" not in " ".join(done.lines())


def test_a_sample_that_may_be_in_no_split_is_named_too(store, export_):
    loaded = picture()
    store.images.put(loaded)
    asked = [
        Sample(id=f"src/{split}/1", images=(loaded.ref,), turns=(Turn(question="?"),)) for split in ("train", "test")
    ]
    store.write(put_samples, asked)
    made = [trace(one.id).trace for one in asked]
    store.write(put_traces, [StoredTrace(one, "e") for one in made])
    done = export_(splits="source")
    [line] = excluded(done)
    assert (line["trace"], line["rule"], line["line"], line["split"]) == (made[0].id, "splits", None, None)
    assert done.excluded == [(0, "splits", 1)]


def test_the_same_policy_gives_the_same_bytes_and_another_one_another_digest(store, export_):
    made = fill(store, *map(str, range(20)))
    store.write(put_issues, [issue(made[str(number)]) for number in range(0, 20, 3)])
    lines = ('severity.out = ["error"]', "cap.source = 5")
    one, two = export_(*lines), export_(*lines, out=export_(*lines).out.parent / "again")
    bytes_ = [{p.name: p.read_bytes() for p in each.out.rglob("*") if p.is_file()} for each in (one, two)]
    assert bytes_[0] == bytes_[1]
    other = export_(*lines, "# Another.")
    manifests = [release.read_manifest(each.out) for each in (two, other)]
    assert manifests[0].inputs["policy"] != manifests[1].inputs["policy"]
    assert manifests[0].inputs["traces"] == manifests[1].inputs["traces"]
    assert manifests[0].config["select"] == "mine"


def test_what_is_rejected_is_kept_where_the_policy_says_so(store, export_):
    made = fill(store, "good", "wrong")
    older = fill(store, "good", at=-5)["good"]
    store.write(put_issues, [issue(made["wrong"], code="answer:wrong")])
    lines = ('severity.out = ["error"]', "keep_rejected = true")
    done = export_(*lines)
    items = {item.sample.id[-4:]: item for item in jsonl.read(done.out)}
    assert [(one.trace, one.rule) for one in items["good"].rejected] == [(older, "standing")]
    [kept] = items["rong"].rejected
    assert (kept.trace, kept.rule, kept.line, kept.codes) == (made["wrong"], "severity.out", 1, ("answer:wrong",))
    assert items["rong"].traces == ()
    without = export_(lines[0], name="without")
    assert all(item.rejected == () for item in jsonl.read(without.out))
    assert b"rejected" not in (without.out / "data/train.jsonl").read_bytes()
    parquet = export_(*lines, format_="parquet")
    assert parquet.counts["rows_rejected"] == {"train": 2}
    llava = export_(*lines, format_="llava")
    assert llava.dropped
    assert "The policy keeps rejected traces, which llava can't hold: --format jsonl can." in llava.lines()


def test_where_nothing_is_left_the_lines_are_named(store, export_):
    made = fill(store, "a", "b")
    store.write(put_issues, [issue(made["a"])])
    with pytest.raises(MissingError, match=r"the policy mine excludes 1 by severity\.out \(line 1\), 1 by source\.in"):
        export_('severity.out = ["error"]', 'source.in = ["other"]')


def judged(of, model, verdict):
    stages = {stage: StageFinding(verdict="positive") for stage in STAGES}
    stages[Stage.CAPTION] = StageFinding(verdict=verdict, quote="c")
    return Verdict(
        sample_id=of.sample_id,
        turn=of.turn,
        trace_id=of.id,
        model=model,
        endpoint="e",
        prompt_version="sha256:0",
        simulated=False,
        at=datetime(2025, 1, 1, tzinfo=UTC),
        call="sha256:0",
        stages=stages,
        steps=(),
    )


def test_a_policy_may_ask_for_two_judges_none_against_it(store, export_):
    made = fill(store, "none", "one", "both", "against")
    said = [("one", "m", "positive"), ("both", "m", "neutral"), ("both", "n", "positive")]
    said += [("against", "m", "positive"), ("against", "n", "negative")]
    store.write(put_verdicts, [judged(made[name], model, verdict) for name, model, verdict in said])
    done = export_("judge.votes.min = 2", "judge.negative.max = 0")
    assert taken(done) == {made["both"].id}
    assert done.excluded == [(1, "judge.votes.min", 2), (2, "judge.negative.max", 1)]


def test_what_a_person_accepted_has_no_error_in_a_release_of_what_people_accepted(store, export_):
    made = fill(store, "a")["a"]
    store.write(put_issues, [issue(made)])
    seat = Desk(store, Reviewer("ada", "admin"), Terms(second_share=0.0, gold_every=0))
    seat.refresh()
    deed = Deed(
        id=new_id(), act="review", sample_id=made.sample_id, turn=0, trace_id=made.id, decision="accept", text=""
    )
    seat.carry_out([deed])
    for name, errors in (("accepted", {}), ("all", {made.id: ("structure:missing",)})):
        done = run(config=Config(workspace=store.folder, select=name, format="jsonl", out=store.folder / name))
        assert [item.errors for item in jsonl.read(done.out)] == [errors]
        assert done.counts["traces_by_review"] == {"accepted": 1}


def test_coverage_follows_the_samples_from_annotation_to_selection(store, export_):
    made = fill(store, *map(str, range(40)))
    store.write(put_samples, [sample("src/train/new"), *(labelled(each) for each in made.values())])
    store.write(put_issues, [issue(made[str(number)]) for number in range(20)])
    done = export_('severity.out = ["error"]', "cap.source = 10")
    hard = next(stratum for stratum in done.strata if stratum.name == "src level=hard")
    assert (hard.samples, hard.annotated, hard.clean, hard.taken) == (20, 20, 0, 0)
    assert [stratum.name for stratum in done.emptied] == ["src level=hard"]
    sentence = "src level=hard is all but emptied: 0 of 20 samples are left (20 annotated, 0 of them clean)."
    assert any(line.startswith(sentence) for line in done.lines())
    assert done.counts["strata_clean"]["src level=easy"] == 20


def labelled(made):
    number = int(made.stages.conclusion)
    return sample(made.sample_id).model_copy(update={"labels": {"level": "hard" if number < 20 else "easy"}})


def test_explain_says_what_becomes_of_a_trace_and_builds_nothing(store, tmp_path):
    made = fill(store, "good", "wrong")
    store.write(put_issues, [issue(made["wrong"], code="answer:wrong")])
    place = ("--workspace", store.folder, "--out", tmp_path / "out")
    for name, said in (
        (made["wrong"].id, "excluded by line 3 of the policy clean, severity.out: answer:wrong (error)."),
        (made["good"].sample_id, "taken by the policy clean."),
    ):
        done = here("export", "--explain", name, *place, CURATION_STORE=url(store))
        assert done.returncode == 0
        assert said in " ".join(done.stdout.split())
    missing = here("export", "--explain", "sha256:0", *place, CURATION_STORE=url(store))
    assert (missing.returncode, "has no trace sha256:0" in missing.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def url(store):
    """The URL of the store's PostgreSQL; empty for SQLite."""
    engine = store.engine.url
    return engine.render_as_string(hide_password=False) if engine.drivername.startswith("postgresql") else ""


LINES = (
    "checked = true",
    'severity.out = ["error", "warning"]',
    'code.out = ["answer"]',
    'source.out = ["b"]',
    "cap.source = 2",
    "cap.question-type = 3",
    "mixture.a = 1",
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.sampled_from("cewu"), st.integers(1, 2))),
    st.lists(st.sampled_from(LINES), unique=True),
)
@pytest.mark.usefixtures("sqlite")
def test_what_is_taken_and_what_is_excluded_are_all_traces(tmp_path_factory, drawn, lines):
    folder = tmp_path_factory.mktemp("any")
    (folder / "any.toml").write_text("\n".join(lines))
    with Store.open(folder / "w", create=True) as store:
        made = {store_one(store, number, *each) for number, each in enumerate(drawn)}
        with store.snapshot() as records:
            try:
                selection = Selection(records, policies.get(str(folder / "any.toml")))
            except MissingError:  # nothing is left that the mixture has a share for
                return
            chosen = list(selection.chosen())
            kept = [one.made.id for each in chosen for one in each.taken]
            left = [one.made.id for each in chosen for one in each.excluded]
            assert sorted(kept + left) == sorted(made)
            assert set(selection.sampled()) == {each.sample.id for each in chosen if each.taken}
            counts = {name: count for (name, _), count in selection.counts().items() if count}
            rules = [one.rule for each in chosen for one in each.excluded if one.line]
            assert counts == {name: rules.count(name) for name in set(rules)}
            assert releasable(records, str(folder / "any.toml")) == chosen


def store_one(store, number, source, sample_number, kind, turns):
    name = f"{source}/train/{sample_number}"
    made = trace(name, turn=turns - 1, at=number, conclusion=str(number)).trace
    store.write(put_samples, [sample(name, 2)])
    store.write(put_traces, [StoredTrace(made, "e")])
    store.write(put_checks, [check(made)] * (kind != "u"))
    store.write(
        put_issues, [issue(made, code="answer:wrong")] * (kind == "e") + [issue(made, "warning")] * (kind == "w")
    )
    return made.id
