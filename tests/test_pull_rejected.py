"""`pull` of what a release rejects: the traces come with what speaks against them, and are rejected here, too."""

import pytest
from sqlalchemy import select

from curation import export, pull, push, release
from curation.errors import DataError
from curation.releases import proving
from curation.review import Deed, Desk, Reviewer, Terms
from curation.review.desk import new_id
from curation.store import Store
from curation.store.contenders import Wanted, contenders
from curation.store.queue import events_of
from curation.store.steps import StoredTrace, put_issues, put_samples, put_traces
from curation.store.tables import issues, withdrawn
from curation.store.text import from_json
from exports import Rejected
from schemas.issue import Issue
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stages, Trace
from tests.hub_server import WARNED, hub_of_this_process
from tests.records import trace
from tests.release_items import WHEN, contents, image_folder, item
from tests.release_items import trace as made_of

REPO = "lab/counts"
POLICY = 'severity.out = ["error"]\nreview.out = ["rejected"]\nkeep_rejected = true\n'
NAMES = ("edited", "good", "rejected", "replaced", "ruled", "wrong")
pytestmark = [pytest.mark.filterwarnings(WARNED), pytest.mark.usefixtures("sqlite")]


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hub_of_this_process(monkeypatch, tmp_path) as served:
        yield served


def decide(store, who, of, decision, **more):
    desk = Desk(store, Reviewer(who, "admin"), Terms(second_share=1.0, gold_every=0))
    desk.refresh()
    deed = Deed(id=new_id(), act="review", sample_id=of.sample_id, turn=0, trace_id=of.id, decision=decision, **more)
    (done,) = desk.carry_out([deed])
    assert not done.fault
    return desk


def filled(folder):
    """A workspace with a trace of each kind that a policy takes or rejects."""
    with Store.open(folder, create=True) as store:
        stored = {name: trace(f"src/train/{name}", conclusion=name) for name in NAMES}
        older = trace("src/train/replaced", at=-5, conclusion="older")
        made = {name: one.trace for name, one in stored.items()}
        store.write(put_samples, [Sample(id=one.sample_id, turns=(Turn(question="?"),)) for one in made.values()])
        store.write(put_traces, [*stored.values(), older])
        store.write(put_issues, [found(made["wrong"], evidence="„7‟", version=2), found(older.trace)])
        decide(store, "ada", made["rejected"], "reject", text="No.", verdicts={"caption": "negative"})
        for who, decision in (("bob", "accept"), ("ada", "reject"), ("eve", "reject")):
            decide(store, who, made["ruled"], decision, text="No.")
        desk = decide(store, "ada", made["edited"], "edit", texts={"caption": "another"})
        desk.carry_out([Deed(id=new_id(), act="undo")])
    return folder


def found(of, **more):
    about = {"sample_id": of.sample_id, "turn": of.turn, "trace_id": of.id}
    return Issue(**about, code="answer:wrong", severity="error", stage="conclusion", message="It is wrong.", **more)


def exported(workspace, out, name, policy=POLICY):
    path = out.parent / "mine.toml"
    path.write_text(policy)
    flags = {"workspace": workspace, "out": out, "format": name, "select": str(path), "splits": (0.5, 0.3, 0.2)}
    export.run(config=export.Config(**flags))
    return out


def published(folder):
    push.run(config=push.Config(release=folder, repo=REPO, accept_licence=True))


def pulled(workspace):
    return pull.run(config=pull.Config(repo=REPO, workspace=workspace))


def states(workspace):
    """How each turn stands, with its trace, its errors and what reviewers made of it; and the traces beside it."""
    with Store.open(workspace) as store, store.snapshot() as records:
        return {
            each.sample.id.rpartition("/")[2]: (
                [(one.made.id, one.errors, one.state) for one in each.standing],
                [made.id for made in each.others],
            )
            for each in contenders(records, Wanted())
        }


@pytest.mark.parametrize("name", ["parquet", "jsonl", "webdataset"])
def test_what_one_team_rejects_is_rejected_for_the_other_and_exported_as_the_same_bytes(hub, tmp_path, name):
    ours = filled(tmp_path / "ours")
    built = exported(ours, tmp_path / "built", name)
    published(built)
    report = pulled(tmp_path / "theirs")
    assert (report.samples, report.traces, report.rejected) == (6, 3, 5)
    assert "5 rejected traces came with the issues and the reviews that rejected them." in report.lines()
    assert contents(exported(tmp_path / "theirs", tmp_path / "again", name)) == contents(built)
    assert rejected_in(tmp_path / "theirs") == rejected_in(ours) == {"rejected", "ruled"}
    before = told(tmp_path / "theirs")
    assert pulled(tmp_path / "theirs").rejected == 0
    assert told(tmp_path / "theirs") == before


def rejected_in(workspace):
    """Names of the samples whose trace people rejected."""
    with Store.open(workspace) as store, store.snapshot() as records:
        standing = [one for each in contenders(records, Wanted()) for one in each.standing]
        return {one.sample.id.rpartition("/")[2] for one in standing if one.state == "rejected"}


def told(workspace):
    """The issues, events and withdrawn edits of a workspace."""
    with Store.open(workspace) as store, store.snapshot() as records:
        kept = [from_json(Issue, record) for record in records.execute(select(issues.c.record)).scalars()]
        events = events_of(records, [f"src/train/{name}" for name in NAMES])
        gone = records.execute(select(withdrawn.c.trace_id)).scalars().all()
    return {issue.id: issue for issue in kept}, [event.id for event in events], gone


def test_issues_come_whole_where_the_release_has_them_whole_and_else_by_their_codes(hub, tmp_path):
    ours = filled(tmp_path / "ours")
    for name in ("parquet", "jsonl"):
        published(exported(ours, tmp_path / name, name))
        pulled(tmp_path / f"from-{name}")
    assert told(tmp_path / "from-parquet")[0] == told(ours)[0]
    of_codes = {(one.code, one.message.partition(": ")[0]) for one in told(tmp_path / "from-jsonl")[0].values()}
    assert of_codes == {("answer:wrong", "The release lab/counts rejects it")}


def test_what_a_workspace_says_of_its_traces_stays_as_it_is(hub, tmp_path):
    ours = filled(tmp_path / "ours")
    published(exported(ours, tmp_path / "built", "jsonl"))
    before = told(ours)
    assert pulled(ours).rejected == 0
    assert told(ours) == before


def test_a_rejection_reaches_a_team_that_has_the_trace_unless_it_decided_on_it(hub, tmp_path):
    ours = filled(tmp_path / "ours")
    published(exported(ours, tmp_path / "first", "jsonl"))
    pulled(tmp_path / "theirs")
    with Store.open(ours) as store, Store.open(tmp_path / "theirs") as theirs:
        for name in ("good", "edited"):
            decide(store, "ada", trace(f"src/train/{name}", conclusion=name).trace, "reject", text="No.")
        decide(theirs, "zoe", trace("src/train/good", conclusion="good").trace, "accept")
    published(exported(ours, tmp_path / "second", "jsonl"))
    assert pulled(tmp_path / "theirs").rejected == 0
    assert rejected_in(tmp_path / "theirs") == {"rejected", "ruled", "edited"}


@pytest.mark.parametrize("code", ["no code", "\ud800:\0"])
def test_a_code_that_is_none_is_refused_and_nothing_is_stored(hub, tmp_path, code):
    why = {"rule": "severity.out", "line": 1, "reason": "", "codes": (code,)}
    hostile = item("a/train/1", (Turn(question="?"),))._replace(
        rejected=(Rejected(trace=made_of("a/train/1", conclusion="C"), **why),)
    )
    release.build([hostile], tmp_path / "built", "jsonl", image_folder(tmp_path), {}, {})
    published(tmp_path / "built")
    with pytest.raises(DataError, match="is no code of an issue"):
        pulled(tmp_path / "theirs")
    with Store.open(tmp_path / "theirs") as store, store.snapshot() as records:
        assert list(contenders(records, Wanted())) == []


def test_texts_that_are_no_whole_characters_come_back_and_are_counted(hub, tmp_path):
    odd, sample_id = "half \ud83d of a pair\0\u202e", "odd/train/1"
    texts = dict.fromkeys(("summary", "caption", "reasoning", "conclusion"), odd)
    made = [
        Trace(sample_id=sample_id, turn=0, stages=Stages(**texts), provenance=Provenance(kind=kind, created_at=WHEN))
        for kind in ("model", "human")
    ]
    with Store.open(tmp_path / "ours", create=True) as store:
        asked = (Turn(question=odd, targets=(odd,), context=odd),)
        store.write(put_samples, [Sample(id=sample_id, turns=asked, labels={"kind": odd}, licence=odd, citation=odd)])
        store.write(put_traces, [StoredTrace(one, None) for one in made])
        store.write(put_issues, [found(one, evidence=odd) for one in made])
    for name in ("parquet", "jsonl"):
        built = exported(tmp_path / "ours", tmp_path / name, name, "keep_rejected = true")
        assert list(proving.faults(built)) == []
        published(built)
        pulled(tmp_path / f"from-{name}")
        assert contents(
            exported(tmp_path / f"from-{name}", tmp_path / "again", name, "keep_rejected = true")
        ) == contents(built)
