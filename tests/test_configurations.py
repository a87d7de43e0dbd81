"""`export --with`: what a release holds beside its records, what people said, and that all numbers can be derived."""

import json

import pyarrow.parquet as pq
import pytest

from curation import opinions, release
from curation.errors import UsageError
from curation.export import Config, run
from curation.releases import proving
from curation.releases.commands import diff
from curation.review import Deed, Desk, Reviewer, Terms
from curation.review.comparisons import DECISION, overall
from curation.review.desk import new_id
from curation.store.steps import put_calls, put_checks, put_failures, put_issues, put_samples, put_traces
from exports import parquet
from schemas.digest import digest_bytes
from schemas.issue import Issue
from schemas.sample import Sample, Turn
from tests.records import MADE_BY, call, check, failure, issue, trace

TWICE = Terms(second_share=1.0, gold_every=0)
IN_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
LINES = ('severity.out = ["error"]', 'review.out = ["rejected"]')


def asked(name):
    return Sample(id=name, turns=(Turn(question=f"What is {name}?", targets=("yes",)),))


def fill(store, *names, source="src", **made):
    """A checked trace of a sample with a known answer for each name."""
    stored = {name: trace(f"{source}/train/{name}", conclusion=name, **made) for name in names}
    store.write(put_samples, [asked(one.trace.sample_id) for one in stored.values()])
    store.write(put_traces, list(stored.values()))
    store.write(put_checks, [check(one.trace) for one in stored.values()])
    return {name: one.trace for name, one in stored.items()}


@pytest.fixture
def export_(store, tmp_path):
    """Export the workspace of the store by a policy with these lines."""

    def build(*lines, out="release", format_="parquet", **flags):
        path = tmp_path / "mine.toml"
        path.write_text("\n".join(lines))
        given = {"splits": (1.0,), "out": tmp_path / out} | flags
        return run(config=Config(workspace=store.folder, select=str(path), format=format_, **given))

    return build


def table(folder, name):
    paths = sorted((folder / parquet.FOLDERS[name]).glob("*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def decide(store, who, decisions, **more):
    """Have a reviewer decide on traces, each of which stands with its decision."""
    desk = Desk(store, Reviewer(who, "admin"), TWICE)
    desk.refresh()
    deeds = [
        Deed(
            id=new_id(), act="review", sample_id=of.sample_id, turn=0, trace_id=of.id, decision=decision,
            text="wrong" if decision == "reject" else "", **more,
        )
        for of, decision in decisions
    ]  # fmt: skip
    assert not [done.fault for done in desk.carry_out(deeds) if done.fault]


def decide_twice(store, made):
    """Have two reviewers accept all of these, but the second one that of the name 3."""
    decide(store, "ada", [(of, "accept") for of in made.values()], verdicts={"caption": "positive"})
    decisions = [(of, "reject" if name == "3" else "accept") for name, of in made.items()]
    decide(store, "bob", decisions, verdicts={"caption": "neutral"})


# Questions whose traces failed


def test_a_question_whose_trace_is_wrong_or_that_got_none_is_left_with_its_answer(store, export_):
    made = fill(store, "good", "wrong", "rejected")
    store.write(put_samples, [asked("src/train/refused"), asked("src/train/pending")])
    store.write(put_failures, [failure(sample_id="src/train/refused", outcome="refused", reason="I can't")])
    store.write(put_issues, [issue(made["wrong"], code="answer:wrong")])
    decide(store, "ada", [(made["rejected"], "reject")])
    done = export_(*LINES, with_=("direct",))
    rows = {row["sample_id"]: (row["answer"], row["reason"]) for row in table(done.out, "direct")}
    assert rows == {
        "src/train/wrong": ("yes", "answer:wrong (error)"),
        "src/train/refused": ("yes", "refused: I can't"),
        "src/train/rejected": ("yes", "review is rejected"),
    }
    assert done.counts["rows_direct"] == {"train": 3}
    assert list(proving.faults(done.out)) == []


@IN_SQLITE
def test_what_a_policy_leaves_out_for_another_reason_did_not_fail(store, export_):
    fill(store, "a", "b")
    fill(store, "c", source="other")
    store.write(put_samples, [asked("other/train/refused"), Sample(id="src/train/open", turns=(Turn(question="?"),))])
    ended = [failure(sample_id=name, outcome="refused") for name in ("other/train/refused", "src/train/open")]
    store.write(put_failures, ended)
    done = export_('source.out = ["other"]', "cap.source = 1", with_=("direct",))
    assert done.empty == ["direct"]
    assert "direct has no rows: no trace of a question with a known answer failed." in done.lines()
    assert not (done.out / "direct").exists()


# What is rejected, and what is made of it


@IN_SQLITE
def test_a_pair_says_what_was_wrong_with_the_trace_that_was_replaced(store, export_):
    older = fill(store, "a", at=-5)["a"]
    newer = trace("src/train/a", conclusion="better")
    store.write(put_traces, [newer])
    store.write(put_checks, [check(newer.trace)])
    store.write(put_issues, [issue(older, code="answer:wrong")])
    done = export_(*LINES, with_=("preferences", "rejected"))
    [pair], [rejected] = table(done.out, "preferences"), table(done.out, "rejected")
    assert (pair["chosen_trace_id"], pair["rejected_trace_id"]) == (newer.trace.id, older.id)
    assert pair["codes"] == rejected["errors"] == ["answer:wrong"]
    assert [found["code"] for found in rejected["issues"]] == ["answer:wrong"]
    assert "Rows beside the records: 1 in preferences, 1 in rejected." in done.lines()
    [item] = parquet.read(done.out)
    assert [one.trace for one in item.rejected] == [older]


@IN_SQLITE
def test_the_steps_of_a_sample_of_which_no_trace_was_taken_are_there_without_its_rejected_traces(store, export_):
    made = fill(store, "good", "wrong")
    about = {"sample_id": made["wrong"].sample_id, "turn": 0, "trace_id": made["wrong"].id}
    found = Issue(**about, code="answer:wrong", severity="error", stage="conclusion", message="It is wrong.")
    store.write(put_issues, [found])
    done = export_(*LINES, with_=("steps",))
    [row] = table(done.out, "steps")
    assert (row["trace_id"], row["taken"], row["labels"][-1]) == (made["wrong"].id, False, 0)
    assert {path.name for path in done.out.iterdir() if path.is_dir()} == {"card", "data", "steps"}
    assert (done.counts["samples"], done.counts["rows_steps"]) == ({"train": 1}, {"train": 1})
    assert [item.sample.id for item in parquet.read(done.out)] == ["src/train/good"]
    assert list(proving.faults(done.out)) == []


@IN_SQLITE
def test_a_policy_that_keeps_what_it_rejects_has_it_without_being_asked(store, export_):
    made = fill(store, "good", "wrong")
    store.write(put_issues, [issue(made["wrong"])])
    done = export_(LINES[0], "keep_rejected = true")
    assert done.counts["rows_rejected"] == {"train": 1}
    assert release.read_manifest(done.out).config["with"] == ["rejected"]
    without = export_(LINES[0], out="without")
    assert "with" not in release.read_manifest(without.out).config
    assert "rows_rejected" not in without.counts


@pytest.mark.parametrize(
    ("format_", "name", "said"),
    [
        ("parquet", "prefrences", r"no configuration 'prefrences' for --with; did you mean 'preferences'"),
        ("jsonl", "direct", r"no configuration 'direct' for --with; jsonl has nothing beside its records"),
    ],
)
@IN_SQLITE
def test_a_configuration_that_a_format_has_not_is_refused(format_, name, said, store, export_):
    fill(store, "a")
    with pytest.raises(UsageError, match=said):
        export_(format_=format_, with_=(name,))


# How it was asked for


def test_the_columns_say_how_the_model_was_asked(store, export_):
    stored = {
        name: trace(f"src/train/{name}", by=MADE_BY | {"recipe": recipe})
        for name, recipe in (("shown", "paper"), ("blind", "blind"), ("own", "mine"), ("gone", "paper"))
    }
    given = {
        name: one.trace.provenance.model_copy(update={"calls": (f"sha256:{name}",)}) for name, one in stored.items()
    }
    made = [
        one._replace(trace=type(one.trace)(**dict(one.trace) | {"id": "", "provenance": given[name]}))
        for name, one in stored.items()
    ]
    store.write(put_samples, [asked(one.trace.sample_id) for one in made])
    store.write(put_traces, made)
    store.write(put_calls, [call(f"sha256:{name}", request=request(name)) for name in ("shown", "blind", "own")])
    rows = {row["sample_id"][10:]: row for row in table(export_().out, "default")}
    assert {name: row["answer_shown"] for name, row in rows.items()} == {
        "shown": True,
        "blind": False,
        "own": None,
        "gone": None,
    }
    sent = {"key": "sha256:blind", "temperature": 1.0, "top_p": None, "seed": 2, "max_tokens": 99}
    assert rows["blind"]["calls"] == [sent]
    assert rows["gone"]["calls"] == [dict.fromkeys(sent) | {"key": "sha256:gone"}]


def request(name):
    shown = "\nStandard answer: yes" if name == "shown" else ""
    content = [{"type": "image_url", "image_url": {}}, {"type": "text", "text": f"Question: ?{shown}"}]
    messages = [{"role": "system", "content": "Standard answer: yes"}, {"role": "user", "content": content}]
    return json.dumps({"messages": messages, "temperature": 1, "seed": 2, "max_tokens": 99})


# What people said


def test_what_people_said_is_written_down_without_their_names_and_counted(store, export_):
    made = fill(store, *map(str, range(12)))
    decide_twice(store, made)
    done = export_(*LINES)
    said = [json.loads(line) for line in (done.out / "reviews.jsonl").read_text().splitlines()]
    assert len(said) == 12
    assert b"ada" not in (done.out / "reviews.jsonl").read_bytes()
    assert done.counts["reviews_by_decision"] == {"accept": 23, "reject": 1}
    assert done.counts["reviews_by_verdict"] == {"caption neutral": 12, "caption positive": 12}
    assert done.counts["traces_by_review"] == {"accepted": 11}
    expected = {each.about: each.figure for each in overall(store)}
    found = release.read_manifest(done.out).agreement
    assert found.keys() == expected.keys()
    for about, figure in found.items():
        assert (figure.value, figure.records) == (
            pytest.approx(expected[about].value, abs=1e-4),
            expected[about].records,
        )
    assert found[DECISION].agreed == pytest.approx(11 / 12, abs=1e-4)
    row = next(row for row in table(done.out, "default") if row["sample_id"] == "src/train/5")
    assert (row["reviews"]["count"], row["reviews"]["verdict"], row["reviews"]["agreement"]) == (2, "accept", 1.0)
    assert row["reviews"]["scores"]["caption"] == 0.5


@IN_SQLITE
def test_where_nobody_looked_there_is_no_file(store, export_):
    fill(store, "a")
    done = export_()
    assert not (done.out / "reviews.jsonl").exists()
    assert release.read_manifest(done.out).agreement == {}


@IN_SQLITE
def test_an_edit_counts_for_the_trace_that_was_looked_at(store, export_):
    made = fill(store, "a")["a"]
    decide(store, "ada", [(made, "edit")], texts={"caption": "another"})
    done = export_('review.in = ["edited"]')
    [after, before] = opinions.read(done.out)
    assert ([one.decision for one in before.reviews], before.taken, before.state) == (["edit"], False, None)
    assert (after.reviews, after.taken, after.state) == ((), True, "edited")
    assert done.counts["reviews_by_decision"] == {"edit": 1}
    [row] = table(done.out, "default")
    assert (row["edited"], row["parent"], row["reviews"]["verdict"]) == (True, made.id, "edit")


# Deriving all of it again


def signed(folder, **changes):
    """Bring the manifest to what is in the folder, and change it."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text()) | changes
    for entry in manifest["files"]:
        data = (folder / entry["path"]).read_bytes()
        entry |= {"bytes": len(data), "digest": digest_bytes(data)}
    path.write_text(json.dumps(manifest))
    (folder / "manifest.sha256").write_text(f"{digest_bytes(path.read_bytes())[7:]}  manifest.json\n")


@pytest.fixture
def full(store, export_):
    """A release with something of everything."""
    made = fill(store, *map(str, range(12)))
    store.write(put_issues, [issue(made["0"], code="answer:wrong")])
    decide_twice(store, made)
    return lambda **flags: export_(*LINES, with_=parquet.CONFIGURATIONS, **flags)


@IN_SQLITE
def test_every_number_that_is_forged_is_named(full):
    out = full().out
    manifest = json.loads((out / "manifest.json").read_text())
    assert list(proving.faults(out)) == []
    derived = [what for what in manifest["counts"] if not what.startswith("strata")]
    assert {"rows_direct", "rows_rejected", "rows_steps", "traces_by_recipe", "reviews_by_decision"} < {*derived}
    for what in filter(manifest["counts"].get, derived):
        name = next(iter(manifest["counts"][what]))
        forged = manifest["counts"][what] | {name: manifest["counts"][what][name] + 1}
        signed(out, counts=manifest["counts"] | {what: forged})
        assert [fault for fault in proving.faults(out) if fault.startswith(f"{what} of {name}: ")], what
    forged = manifest["agreement"] | {"decision": manifest["agreement"]["decision"] | {"value": 0.99}}
    signed(out, counts=manifest["counts"], agreement=forged)
    assert "agreement of reviewers on decision: reviews.jsonl gives another figure than the manifest" in list(
        proving.faults(out)
    )


@IN_SQLITE
@pytest.mark.parametrize(
    ("name", "said"), [("reviews.jsonl", "what reviewers said"), ("excluded.jsonl", "names no rule")]
)
def test_a_file_beside_the_records_that_was_broken_is_named(full, name, said):
    out = full().out
    (out / name).write_bytes((out / name).read_bytes().replace(b'"accept"', b'"skip"')[: -5 if "ex" in name else None])
    signed(out)
    faults = list(proving.faults(out))
    assert [fault for fault in faults if name in fault and said in fault]


@IN_SQLITE
def test_a_difference_of_two_releases_shows_its_numbers(full, store):
    before = full().out
    taken = next(item.traces[0] for item in parquet.read(before) if item.traces)
    decide(store, "eve", [(taken, "reject")])
    after = full(out="after").out
    names = {setting.name for setting in diff(before, after).settings}
    assert {"counts.reviews_by_decision.reject", "counts.rows_default.train", "counts.traces_by_recipe.paper"} <= names
