"""The review desk: what comes next for whom, leases, decisions and their undoing, on either database."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from curation.errors import DataError, MissingError, UsageError
from curation.review import Deed, Desk, Reviewer, Slice, Terms, View, terms_of
from curation.review.desk import new_id
from curation.review.views import Draft
from curation.store import Store, tables
from curation.store.desk import material, place_of
from curation.store.queue import events_of
from curation.store.slices import Worst
from curation.store.steps import StoredTrace, put_checks, put_issues, put_samples, put_traces
from curation.votes.projection import is_second
from curation.votes.standing import stand
from schemas.review import Act, Decision, Duty, StageVerdict, State
from schemas.sample import Sample, Turn
from schemas.trace import Stage, Trace
from tests.records import BEGIN, check, issue, sample, trace

ALONE = Terms(second_share=0.0, gold_every=0)
TWICE = Terms(second_share=1.0, gold_every=0)


class At(Desk):
    """A desk whose clock the tests turn."""

    time = BEGIN

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Iterator[type[At]]:
    yield At
    At.time = BEGIN


def fill(store: Store, count: int = 6) -> list[Trace]:
    """Store so many samples of one turn, each with a trace."""
    names = [f"src/train/{number}" for number in range(count)]
    stored = [trace(name) for name in names]
    store.write(put_samples, [sample(name) for name in names])
    store.write(put_traces, stored)
    return [each.trace for each in stored]


def desk(store: Store, name: str = "ada", role: str = "admin", terms: Terms = ALONE) -> At:
    opened = At(store, Reviewer(name, role), terms)  # type: ignore[arg-type]
    opened.refresh()
    return opened


def decide(of: View, decision: str = "accept", **more: object) -> Deed:
    more = {"text": "wrong"} | more if decision == "reject" else more
    return Deed(
        id=new_id(), act="review", sample_id=of.sample.id, turn=of.trace.turn, trace_id=of.trace.id,
        decision=decision, **more,
    )  # fmt: skip


def undo(**more: object) -> Deed:
    return Deed(id=new_id(), act="undo", **more)


def state(store: Store, of: Trace) -> State:
    with store.snapshot() as connection:
        place = place_of(connection, (of.sample_id, of.turn))
    assert place is not None
    return State(place.state)


def withdrawn(store: Store) -> set[str]:
    with store.snapshot() as connection:
        return set(connection.execute(select(tables.withdrawn.c.trace_id)).scalars())


# What comes next


def test_errors_come_first_then_where_models_disagree_then_what_models_found(store: Store) -> None:
    plain, warned, found, disagreed, wrong = fill(store, 5)
    store.write(put_issues, [
        issue(wrong), issue(warned, "warning"), issue(found, "warning", code="model:loss"),
        issue(disagreed, "warning", code="model:disagrees"),
    ])  # fmt: skip
    order = [view.trace.id for view in desk(store).take(count=9)]
    assert order == [each.id for each in (wrong, disagreed, found, warned, plain)]


def test_what_is_stored_later_is_in_the_queue_at_once(store: Store) -> None:
    fill(store, 1)
    at = desk(store)
    (before,) = at.take(count=2)
    store.write(put_samples, [sample("src/train/new")])
    store.write(put_traces, [trace("src/train/new")])
    (after,) = at.take(count=2, held=[(before.sample.id, 0)])
    assert after.sample.id == "src/train/new"


def test_an_issue_that_a_newer_validator_does_not_find_is_gone(store: Store) -> None:
    (of,) = fill(store, 1)
    store.write(put_issues, [issue(of)])
    assert desk(store).count(Slice(code=("structure:missing",))) == 1
    store.write(put_checks, [check(of, version=2)])
    assert desk(store).count(Slice(code=("structure:missing",))) == 0


def test_a_simulated_trace_is_shown_only_where_there_is_no_other(store: Store) -> None:
    store.write(put_samples, [sample()])
    simulated, model = trace(kind="simulated", at=5), trace(at=1)
    store.write(put_traces, [simulated])
    assert desk(store).take()[0].trace == simulated.trace
    store.write(put_traces, [model])
    assert desk(store).look("src/train/1", 0).trace == model.trace


SLICES = {
    "source": Slice(source=("src",)),
    "code": Slice(code=("structure:missing",)),
    "stage": Slice(stage=(Stage.CAPTION,)),
    "recipe and model": Slice(recipe=("paper",), model=("m",)),
    "severity": Slice(severity=("error",)),
    "severity and stage": Slice(severity=("error", "warning"), stage=(Stage.CAPTION,)),
    "no issue": Slice(severity=("none",)),
    "state": Slice(state=(State.PENDING,)),
    "text": Slice(text="Zebra str*"),
    "everything": Slice(
        source=("src", "x"), split=("train",), recipe=("paper",), model=("m",), state=(State.PENDING,),
        code=("structure:missing", "x:y"), stage=(Stage.CAPTION,), needs=(Duty.FIRST,), text="stripes zebra",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SLICES)
def test_a_slice_holds_what_meets_all_its_filters(store: Store, name: str) -> None:
    others = fill(store, 3)
    one = Sample(id="src/train/one", turns=(Turn(question="Has the zebra stripes?"),))
    store.write(put_samples, [one, sample("other/test/1")])
    stored = [
        trace(one.id),
        trace("other/test/1", by={"recipe": "r", "prompt_version": "v", "model": "n", "endpoint": "e"}),
    ]
    store.write(put_traces, stored)
    found = issue(stored[0].trace).model_dump(exclude={"id"}) | {"stage": Stage.CAPTION}
    store.write(put_issues, [type(issue(others[0])).model_validate(found)])
    at = desk(store)
    held = {place.place.sample_id for place in at.browse(SLICES[name], size=50)}
    assert {view.sample.id for view in at.take(SLICES[name], 50)} == held
    assert len(held) == at.count(SLICES[name])
    assert (one.id in held) == (name != "no issue")
    assert len(held) == {"source": 4, "recipe and model": 4, "state": 5, "no issue": 4}.get(name, 1)


WORST: tuple[Worst, ...] = ("error", "warning", "info", "none")


@pytest.mark.parametrize("code", [(), ("structure:missing",)], ids=["any", "with a code"])
def test_a_severity_is_that_of_the_gravest_open_issue(store: Store, code: tuple[str, ...]) -> None:
    found: dict[str, Worst] = {}
    for of, worst in zip(fill(store, 4), WORST, strict=True):
        found[of.sample_id] = worst
        grave = [issue(of).model_dump(exclude={"id"}) | {"severity": each} for each in WORST[WORST.index(worst) : 3]]
        store.write(put_issues, [type(issue(of)).model_validate(each) for each in grave])
    at = desk(store)
    for wanted in (c for size in range(1, 5) for c in combinations(WORST, size)):
        slice_ = Slice(severity=wanted, code=code)
        expected = {name for name, worst in found.items() if worst in wanted and not (code and worst == "none")}
        assert {place.place.sample_id for place in at.browse(slice_)} == expected
        assert at.count(slice_) == len(expected)
        assert {view.sample.id for view in at.take(slice_, 10)} == expected
        at.give_back()
    assert at.bulk(Slice(severity=("error", "info"), code=code), Decision.ACCEPT, expected=2).done == 2


@given(
    st.builds(
        Slice,
        source=st.lists(st.text(min_size=1), max_size=2).map(tuple),
        code=st.lists(st.text(min_size=1), max_size=2).map(tuple),
        stage=st.lists(st.sampled_from(Stage), unique=True).map(tuple),
        severity=st.lists(st.sampled_from(["error", "warning", "info", "none"]), unique=True).map(tuple),
        state=st.lists(st.sampled_from(State), unique=True).map(tuple),
        flagged=st.booleans(),
        text=st.text(),
    )
)
def test_a_slice_is_the_same_after_it_went_through_a_url(slice_: Slice) -> None:
    assert Slice.from_query(slice_.to_query()) == slice_


def test_a_url_with_a_state_that_is_none_says_so() -> None:
    with pytest.raises(UsageError, match=r"^state\.0 has to be 'pending'"):
        Slice.from_query({"state": ["maybe"]})
    assert Slice.from_query({"page": ["2"], "source": [""]}) == Slice()


@pytest.mark.parametrize("words", ['"', "'", "a & b | !c", "NEAR(", "x*y", "\\", "col:x", "-", "\0", "(", "😀"])
def test_no_word_that_is_searched_for_breaks_the_search(store: Store, words: str) -> None:
    fill(store, 2)
    assert desk(store).count(Slice(text=words)) == 0


def test_a_word_that_is_everywhere_is_found_by_walking_the_queue(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, 6)
    monkeypatch.setattr("curation.store.words._FEW", 2)
    at = desk(store)
    assert at.count(Slice(text="quest*")) == 6
    assert len(at.take(Slice(text="question"), 4)) == 4


# Leases


def test_two_reviewers_never_have_the_same_record(store: Store, clock: type[At]) -> None:
    fill(store)
    ada, bob = desk(store), desk(store, "bob", "reviewer")
    hers = {view.sample.id for view in ada.take(count=4)}
    his = {view.sample.id for view in bob.take(count=4)}
    assert len(hers) == 4
    assert len(his) == 2
    assert not hers & his


def test_a_lease_that_nobody_renews_runs_out(store: Store, clock: type[At]) -> None:
    fill(store, 1)
    ada, bob = desk(store), desk(store, "bob", "reviewer")
    (view,) = ada.take()
    key = view.sample.id, 0
    clock.time += timedelta(seconds=100)
    assert ada.beat([key]) == []
    clock.time += timedelta(seconds=100)
    assert bob.take() == []
    clock.time += timedelta(seconds=100)
    assert len(bob.take()) == 1
    assert ada.beat([key]) == [key]
    (done,) = ada.carry_out([decide(view)])
    assert done.fault == "the time for it ran out, and bob has it now"


def test_a_decision_after_the_time_holds_while_nobody_else_has_the_record(store: Store, clock: type[At]) -> None:
    (of,) = fill(store, 1)
    ada = desk(store)
    (view,) = ada.take()
    clock.time += timedelta(hours=9)
    assert ada.carry_out([decide(view)])[0].fault == ""
    assert state(store, of) is State.ACCEPTED


def test_what_is_given_back_is_free_at_once(store: Store) -> None:
    fill(store, 2)
    ada, bob = desk(store), desk(store, "bob", "reviewer")
    ada.take(count=2)
    assert bob.take() == []
    ada.give_back()
    assert len(bob.take(count=2)) == 2


# Decisions


def test_a_deed_that_is_told_twice_is_done_once(store: Store) -> None:
    fill(store, 2)
    at = desk(store)
    deeds = [decide(view) for view in at.take(count=2)]
    first = at.carry_out(deeds)
    assert at.carry_out([*deeds, *deeds]) == [*first, *first]
    with store.snapshot() as connection:
        assert len(events_of(connection, ["src/train/0", "src/train/1"])) == 2


def test_an_edit_is_a_new_trace_with_a_parent_and_is_checked(store: Store) -> None:
    (of,) = fill(store, 1)
    at = desk(store)
    (view,) = at.take()
    at.carry_out([decide(view, "edit", texts={"caption": "  seen anew "}, calls=("key",))])
    assert state(store, of) is State.EDITED
    with store.snapshot() as connection:
        place = place_of(connection, (of.sample_id, 0))
        assert place is not None
        record = connection.execute(select(tables.traces.c.record).where(tables.traces.c.id == place.standing)).scalar()
        seen = connection.execute(
            select(tables.checks.c.subject).where(tables.checks.c.subject == place.standing)
        ).all()
    edit = Trace.model_validate_json(record)
    assert edit.stages == of.stages.model_copy(update={"caption": "seen anew"})
    assert edit.provenance.parent == of.id
    assert (edit.provenance.kind, edit.provenance.calls) == ("human", ("key",))
    assert seen


def test_an_edit_that_changes_nothing_is_an_acceptance(store: Store) -> None:
    fill(store, 1)
    at = desk(store)
    (view,) = at.take()
    assert at.carry_out([decide(view, "edit", texts={"caption": "c "})])[0].state is State.ACCEPTED


@pytest.mark.parametrize(
    ("texts", "fault"),
    [
        ({"caption": " "}, "caption: a stage may not be empty"),
        ({"summary": "a</CAPTION>"}, "summary: a stage may not contain the tag </CAPTION>"),
    ],
)
def test_an_edit_that_no_record_can_hold_is_told_and_nothing_is_lost(
    store: Store, texts: dict[str, str], fault: str
) -> None:
    fill(store, 2)
    at = desk(store)
    one, two = at.take(count=2)
    bad, good = at.carry_out([decide(one, "edit", texts=texts), decide(two)])
    assert (bad.fault, bad.state) == (fault, None)
    assert good.state is State.ACCEPTED
    assert at.carry_out([decide(one)])[0].fault == ""


def test_an_edit_whose_later_stages_nobody_looked_at_is_stale_and_comes_again(store: Store) -> None:
    (of,) = fill(store, 1)
    at = desk(store)
    (view,) = at.take()
    at.carry_out([decide(view, "edit", texts={"caption": "new"}, stale=("reasoning", "conclusion"))])
    assert state(store, of) is State.STALE
    assert len(at.take()) == 1


def test_a_decision_on_an_earlier_trace_is_refused_and_one_that_was_made_is_stale(store: Store) -> None:
    first, second = fill(store, 2)
    at = desk(store)
    views = {view.trace.id: view for view in at.take(count=2)}
    at.carry_out([decide(views[first.id])])
    newer = [trace(of.sample_id, at=5, conclusion="better") for of in (first, second)]
    store.write(put_traces, newer)
    (done,) = at.carry_out([decide(views[second.id])])
    assert done.fault == "a newer trace has taken its place; the record comes again"
    at.refresh()
    assert state(store, first) is State.STALE
    assert state(store, second) is State.PENDING


def test_who_skips_a_record_is_not_asked_again_but_others_are(store: Store) -> None:
    (of,) = fill(store, 1)
    ada, bob = desk(store), desk(store, "bob", "reviewer")
    ada.carry_out([decide(ada.take()[0], "skip")])
    assert state(store, of) is State.SKIPPED
    assert ada.take() == []
    assert len(ada.take(Slice(state=(State.SKIPPED,)))) == 1
    ada.give_back()
    assert len(bob.take()) == 1


def test_flags_and_comments_are_events_and_leave_the_state_alone(store: Store) -> None:
    (of,) = fill(store, 1)
    at = desk(store)
    about = {"sample_id": of.sample_id, "turn": 0}
    at.carry_out([Deed(id=new_id(), act="flag", **about), Deed(id=new_id(), act="comment", text="hm", **about)])
    assert at.count(Slice(flagged=True)) == 1
    view = at.look(of.sample_id, 0)
    assert [event.act for event in view.history] == [Act.FLAG, Act.COMMENT]
    assert view.state is State.PENDING
    at.carry_out([Deed(id=new_id(), act="unflag", **about)])
    assert at.count(Slice(flagged=True)) == 0


def test_a_deed_on_a_record_that_is_not_there_is_told(store: Store) -> None:
    at = desk(store)
    assert at.carry_out([Deed(id=new_id(), act="flag", sample_id="a/b/c")])[0].fault == (
        "a/b/c, turn 0, has no trace to review"
    )
    with pytest.raises(MissingError, match=r"^a/b/c, turn 0, has no trace to review$"):
        at.look("a/b/c", 0)


# Undo


def test_the_last_twenty_decisions_can_be_undone_the_newest_first(store: Store) -> None:
    fill(store, 20)
    at = desk(store)
    views = at.take(count=20)
    at.carry_out([decide(view, "reject" if i % 2 else "accept") for i, view in enumerate(views)])
    assert [event.sample_id for event in at.history()] == [view.sample.id for view in reversed(views)]
    undone = at.carry_out([undo() for _ in range(20)])
    assert [done.sample_id for done in undone] == [view.sample.id for view in reversed(views)]
    assert at.count(Slice(state=(State.PENDING,))) == 20
    assert at.carry_out([undo()])[0].fault == "there is nothing to undo"


def test_an_undone_edit_stands_for_nothing_and_its_words_are_a_draft(store: Store) -> None:
    (of,) = fill(store, 1)
    at = desk(store)
    (view,) = at.take()
    said = {"verdicts": {"reasoning": "negative"}, "wrong_steps": [1]}
    at.carry_out([decide(view, "edit", texts={"summary": "mine"}, **said)])
    (edit,) = {event.review.edited for event in at.history() if event.review}
    assert withdrawn(store) == set()
    at.carry_out([undo()])
    assert withdrawn(store) == {edit}
    again = at.look(of.sample_id, 0)
    assert again.trace == of
    assert again.state is State.DRAFT
    assert again.draft is not None
    assert again.draft.texts == {Stage.SUMMARY: "mine"}
    assert again.draft.verdicts == {Stage.REASONING: StageVerdict.NEGATIVE}
    assert again.draft.wrong_steps == (1,)


def test_what_others_did_only_an_admin_undoes(store: Store) -> None:
    (of,) = fill(store, 1)
    ada, bob = desk(store), desk(store, "bob", "reviewer")
    (done,) = ada.carry_out([decide(ada.take()[0])])
    assert bob.carry_out([undo(undoes=done.id)])[0].fault == "ada did that: an admin may undo it"
    assert state(store, of) is State.ACCEPTED


def test_a_bulk_action_asks_for_its_count_and_is_undone_as_one(store: Store) -> None:
    fill(store, 5)
    ada, bob = desk(store), desk(store, "bob", "reviewer")
    bob.take()
    pending = Slice(state=(State.PENDING,))
    with pytest.raises(UsageError, match="5 turns by now, not 7"):
        ada.bulk(pending, Decision.ACCEPT, expected=7)
    with pytest.raises(UsageError, match="takes an adjudicator"):
        bob.bulk(pending, Decision.ACCEPT, expected=5)
    done = ada.bulk(pending, Decision.REJECT, "bad batch", expected=5)
    assert (done.done, done.left) == (4, 1)
    assert ada.count(Slice(state=(State.REJECTED,))) == 4
    deed = undo()
    assert ada.carry_out([deed])[0].records == 4
    assert ada.carry_out([deed])[0].fault == ""
    assert ada.count(pending) == 5
    assert ada.history() == []


def test_only_an_annotator_says_when_it_was_done_and_never_that_it_will_be(store: Store, clock: type[At]) -> None:
    fill(store, 2)
    first, second = desk(store).take(count=2)
    desk(store).give_back()
    before, after = BEGIN - timedelta(days=2), BEGIN + timedelta(days=2)
    assert "time of its own" in desk(store).carry_out([decide(first, at=before)])[0].fault
    annotator = desk(store, "zoe", "annotator")
    edit = decide(first, "edit", texts={Stage.CAPTION: "hers"}, at=before)
    annotator.carry_out([edit, decide(second, at=after), Deed(id=new_id(), act="flag", sample_id=first.sample.id)])
    flag, late, early = annotator.history()
    assert [event.at for event in (early, late, flag)] == [before, BEGIN, BEGIN]
    assert early.review is not None
    with store.snapshot() as connection:
        written = material(connection, [place_of(connection, (first.sample.id, 0))])[first.sample.id, 0].traces
    assert written[early.review.edited].provenance.created_at == before


# Several reviewers


def test_a_second_reviewer_is_blind_and_agreement_settles_it(store: Store) -> None:
    (of,) = fill(store, 1)
    ada, bob = desk(store, terms=TWICE), desk(store, "bob", "reviewer", TWICE)
    ada.carry_out([decide(ada.take()[0])])
    assert ada.take() == []
    (view,) = bob.take()
    assert view.ticket is not None
    assert view.ticket.duty is Duty.SECOND
    assert (view.state, view.history, view.opinions) == (State.PENDING, (), ())
    assert bob.carry_out([decide(view)])[0].state is State.ACCEPTED
    assert desk(store, "eve", "adjudicator", TWICE).take() == []
    assert state(store, of) is State.ACCEPTED


def test_a_second_review_is_not_handed_out_by_what_the_first_one_said(store: Store) -> None:
    (of,) = fill(store, 1)
    ada, bob = desk(store, terms=TWICE), desk(store, "bob", "reviewer", TWICE)
    ada.carry_out([decide(ada.take()[0], "reject")])
    assert bob.take(Slice(state=(State.REJECTED,))) == bob.take(Slice(reviewer=("ada",))) == []
    assert [view.sample.id for view in bob.take(Slice(source=("src",)))] == [of.sample_id]


def test_disagreement_goes_to_an_adjudicator_whose_word_holds(store: Store) -> None:
    (of,) = fill(store, 1)
    ada, bob = desk(store, "ada", "reviewer", TWICE), desk(store, "bob", "reviewer", TWICE)
    ada.carry_out([decide(ada.take()[0], "edit", texts={"summary": "hers"})])
    bob.carry_out([decide(bob.take()[0], "edit", texts={"summary": "his"})])
    assert state(store, of) is State.PENDING
    assert len(withdrawn(store)) == 2
    assert desk(store, "dan", "reviewer", TWICE).take() == []
    eve = desk(store, "eve", "adjudicator", TWICE)
    (view,) = eve.take()
    said = {opinion.reviewer: opinion.edited.stages.summary for opinion in view.opinions if opinion.edited}
    assert said == {"ada": "hers", "bob": "his"}
    eve.carry_out([decide(view, "reject")])
    assert state(store, of) is State.REJECTED
    eve.carry_out([undo()])
    assert len(eve.take()) == 1


def test_two_who_write_the_same_agree(store: Store) -> None:
    (of,) = fill(store, 1)
    for name in ("ada", "bob"):
        at = desk(store, name, "reviewer", TWICE)
        at.carry_out([decide(at.take()[0], "edit", texts={"summary": "ours"})])
    assert state(store, of) is State.EDITED


def test_a_reviewer_may_change_their_mind_but_not_that_of_others(store: Store) -> None:
    (of,) = fill(store, 1)
    ada, bob = desk(store, "ada", "reviewer"), desk(store, "bob", "reviewer")
    (view,) = ada.take()
    ada.carry_out([decide(view), decide(view, "reject")])
    assert state(store, of) is State.REJECTED
    assert bob.look(of.sample_id, 0).ticket is None
    assert bob.carry_out([decide(view)])[0].fault == "others have decided on it; an adjudicator may still change that"


def test_a_known_answer_checks_the_reviewer_who_is_not_told(store: Store) -> None:
    of, other = fill(store, 2)
    terms = ALONE._replace(gold_every=1)
    ada, bob = desk(store, terms=terms), desk(store, "bob", "reviewer", terms)
    ada.carry_out(
        [decide(ada.look(of.sample_id, 0), verdicts={"caption": "positive"}).model_copy(update={"act": "gold"})]
    )
    ada.give_back()
    view, plain = bob.take(count=2)
    assert plain.trace.id == other.id
    assert view.trace.id == of.id
    assert view.ticket is not None
    assert view.ticket.duty is Duty.GOLD
    assert view.as_json()["duty"] == "first"
    assert view.history == ()
    bob.carry_out([decide(view, "reject")])
    assert state(store, of) is State.ACCEPTED
    assert [v.trace.id for v in bob.take(count=2, held=[(other.sample_id, 0)])] == []


# All of it together

OPS = st.lists(
    st.tuples(
        st.sampled_from(["ada", "bob", "eve"]),
        st.sampled_from(
            ["accept", "reject", "edit", "half", "skip", "undo", "flag", "draft", "gold", "newer", "again"]
        ),
        st.integers(0, 2),
    ),
    max_size=15,
)
HALF = Terms(second_share=0.5, gold_every=3)
ROLE = {"ada": "admin", "bob": "reviewer", "eve": "reviewer"}


def play(store: Store, who: str, what: str, number: int, told: list[Deed], step: int) -> None:
    """Do one thing on one of three turns, as the app would."""
    at = desk(store, who, ROLE[who], HALF)
    name = f"src/train/{number}"
    if what == "newer":
        store.write(put_traces, [trace(name, at=step + 1, conclusion=str(step))])
        return
    if what == "again":
        at.carry_out(told[-3:] if told and told[-1].text == who else [])
        return
    view = at.look(name, 0)
    if what == "draft":
        at.keep_draft(name, 0, Draft(trace_id=view.trace.id, texts={Stage.SUMMARY: "begun"}))
        return
    at.carry_out([told.append(deed) or deed for deed in [_deed(view, what, who, step)]])


def _deed(view: View, what: str, who: str, step: int) -> Deed:
    if what == "undo":
        return undo(text=who)
    if what == "flag":
        return Deed(id=new_id(), act="flag", sample_id=view.sample.id, turn=0, text=who)
    if what == "gold":
        return decide(view, text=who).model_copy(update={"act": "gold"})
    if what in {"edit", "half"}:
        stale = ("conclusion",) if what == "half" else ()
        return decide(view, "edit", texts={"caption": f"{who} {step % 3}"}, stale=stale, text=who)
    return decide(view, what, text=who)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPS)
def test_the_queue_is_what_follows_from_the_events(sqlite: None, tmp_path_factory: pytest.TempPathFactory, ops) -> None:
    with Store.open(tmp_path_factory.mktemp("w"), create=True) as store:
        fill(store, 3)
        told: list[Deed] = []
        for step, (who, what, number) in enumerate(ops):
            play(store, who, what, number, told, step)
        desk(store, terms=HALF)
        with store.snapshot() as connection:
            gone: set[str] = set()
            for number in range(3):
                place = place_of(connection, (f"src/train/{number}", 0))
                assert place is not None
                events = events_of(connection, [place.sample_id])
                standing = stand(place.trace_id, events, second=is_second(place.trace_id, 0.5))
                assert place.state in {standing.state.value, State.DRAFT.value}
                assert (place.needs, place.standing) == (standing.needs or "", standing.trace)
                assert (place.flagged, place.gold) == (standing.flagged, standing.gold)
                gone |= standing.withdrawn
                assert all(event.after is not None for event in events)
                assert len({event.id for event in events}) == len(events)
        assert withdrawn(store) == gone


def test_a_workspace_from_before_there_were_reviews_has_its_traces_in_the_queue(
    sqlite: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curation.store import migrations  # noqa: PLC0415

    newer = migrations.MIGRATIONS
    monkeypatch.setattr(migrations, "MIGRATIONS", {1: newer[1]})
    monkeypatch.setattr("curation.store.steps.mark_changed", lambda *_: None)
    with Store.open(tmp_path / "w", create=True) as store:
        store.write(put_samples, [sample()])
        store.write(put_traces, [StoredTrace(trace().trace, None)])
    monkeypatch.setattr(migrations, "MIGRATIONS", newer)
    with Store.open(tmp_path / "w") as store:
        assert desk(store).count(Slice()) == 1


# The terms of a workspace


def test_a_workspace_says_how_its_desk_is_run(tmp_path: Path) -> None:
    assert terms_of(tmp_path)._replace(guidelines="") == Terms()
    (tmp_path / "review.toml").write_text("second_share = 0.5\nbatch = 40\n")
    assert terms_of(tmp_path)[1:4:2] == (0.5, 40)
    version = terms_of(tmp_path).guidelines
    (tmp_path / "guidelines.md").write_text("Be kind.")
    assert terms_of(tmp_path).guidelines not in {"", version}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("second_share = 2", "second_share has to be less than or equal to 1"),
        ("secondshare = 1", "there is no setting 'secondshare'; there are batch, gold_every"),
        ("batch =", "can't be read: Invalid value"),
    ],
)
def test_a_term_that_is_none_is_named(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "review.toml").write_text(text)
    with pytest.raises(DataError, match=re.escape(fault)):
        terms_of(tmp_path)
