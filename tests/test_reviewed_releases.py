"""What reviewers decided is what a release takes; an edit that was withdrawn stands nowhere."""

import pytest

from curation import policies
from curation.review import Deed, Desk, Reviewer, Terms
from curation.review.desk import new_id
from curation.store import Store, census
from curation.store.steps import StoredTrace, put_checks, put_issues, put_samples, put_traces
from schemas.trace import STAGES, Stage, Trace
from tests.records import check, issue, sample, trace
from tests.selected import releasable

ALONE = Terms(second_share=0.0, gold_every=0)
TWICE = Terms(second_share=1.0, gold_every=0)


def filled(store: Store, *names: str) -> dict[str, Trace]:
    """Samples with one checked trace each, by their names."""
    made = {name: trace(f"src/train/{name}", conclusion=name) for name in names}
    store.write(put_samples, [sample(stored.trace.sample_id) for stored in made.values()])
    store.write(put_traces, list(made.values()))
    store.write(put_checks, [check(stored.trace) for stored in made.values()])
    return {name: stored.trace for name, stored in made.items()}


def desk(store: Store, name: str = "ada", terms: Terms = ALONE) -> Desk:
    seat = Desk(store, Reviewer(name, "admin"), terms)
    seat.refresh()
    return seat


def do(seat: Desk, of: Trace, decision: str, **more: object) -> str:
    """Decide; return the event's id."""
    deed = {"id": new_id(), "act": "review", "sample_id": of.sample_id, "turn": of.turn, "trace_id": of.id}
    text = "it is wrong" if decision == "reject" else ""
    (done,) = seat.carry_out([Deed.model_validate(deed | {"decision": decision, "text": text} | more)])
    assert not done.fault, done.fault
    return done.id


def undo(seat: Desk, event: str) -> None:
    (done,) = seat.carry_out([Deed(id=new_id(), act="undo", undoes=event)])
    assert not done.fault, done.fault


def taken(store: Store, select: str) -> dict[str, str]:
    """The conclusions that a release takes, by sample."""
    with store.snapshot() as connection:
        chosen = releasable(connection, select)
    return {each.sample.id.rsplit("/", 1)[1]: t.stages.conclusion for each in chosen for t in each.traces}


def words(text: str) -> dict[str, dict[Stage, str]]:
    return {"texts": {Stage.CONCLUSION: text}}


def test_accepted_takes_what_a_person_accepted_or_edited_and_nothing_else(store: Store) -> None:
    made = filled(store, "accept", "edit", "reject", "skip", "untouched")
    seat = desk(store)
    for decision in ("accept", "reject", "skip"):
        do(seat, made[decision], decision)
    do(seat, made["edit"], "edit", **words("in her words"))
    assert taken(store, "accepted") == {"accept": "accept", "edit": "in her words"}


def test_an_edit_whose_later_stages_nobody_has_looked_at_is_not_accepted(store: Store) -> None:
    (made,) = filled(store, "a").values()
    do(desk(store), made, "edit", texts={Stage.CAPTION: "another"}, stale=STAGES[2:])
    assert taken(store, "accepted") == {}


def test_clean_leaves_out_what_a_person_rejected_and_all_takes_it(store: Store) -> None:
    made = filled(store, "good", "bad")
    seat = desk(store)
    event = do(seat, made["bad"], "reject")
    assert taken(store, "clean") == {"good": "good"}
    assert taken(store, "all") == {"good": "good", "bad": "bad"}
    undo(seat, event)
    assert taken(store, "clean") == {"good": "good", "bad": "bad"}


def test_an_edit_stands_until_it_is_undone_and_then_nowhere(store: Store) -> None:
    (made,) = filled(store, "a").values()
    seat = desk(store)
    event = do(seat, made, "edit", **words("edited"))
    selections = ("accepted", "clean", "all")
    assert [taken(store, select) for select in selections] == [{"a": "edited"}] * 3
    undo(seat, event)
    assert [taken(store, select) for select in selections] == [{}, {"a": "a"}, {"a": "a"}]
    do(seat, made, "edit", **words("edited again"))
    assert [taken(store, select) for select in selections] == [{"a": "edited again"}] * 3


def test_an_overruled_edit_stands_nowhere(store: Store) -> None:
    (made,) = filled(store, "a").values()
    ada, bob, eve = (desk(store, name, TWICE) for name in ("ada", "bob", "eve"))
    do(ada, made, "edit", **words("ada's"))
    do(bob, made, "edit", **words("bob's"))
    assert taken(store, "accepted") == {}
    assert taken(store, "all") == {"a": "a"}
    do(eve, made, "edit", **words("eve's"))
    assert taken(store, "accepted") == taken(store, "all") == {"a": "eve's"}


def test_what_one_of_two_reviewers_accepted_is_accepted_until_the_other_disagrees(store: Store) -> None:
    (made,) = filled(store, "a").values()
    do(desk(store, "ada", TWICE), made, "accept")
    assert taken(store, "accepted") == {"a": "a"}
    do(desk(store, "bob", TWICE), made, "reject")
    assert taken(store, "accepted") == {}


@pytest.mark.parametrize("refreshed", [False, True])
def test_a_newer_trace_is_not_accepted_by_what_was_said_of_the_older(store: Store, refreshed: bool) -> None:
    (made,) = filled(store, "a").values()
    do(desk(store), made, "edit", **words("edited"))
    newer = trace(made.sample_id, at=4e9, conclusion="newer")
    store.write(put_traces, [newer])
    if refreshed:
        desk(store)
    assert taken(store, "accepted") == {}
    assert taken(store, "all") == {"a": "newer"}


def test_a_simulated_trace_that_a_person_edited_is_the_persons(store: Store) -> None:
    made = trace("src/train/a", conclusion="a", kind="simulated")
    store.write(put_samples, [sample("src/train/a")])
    store.write(put_traces, [made, StoredTrace(trace("src/train/a", at=-1, conclusion="older").trace, "e")])
    (current,) = taken(store, "all").values()
    assert current == "older"
    seat = desk(store)
    view = seat.look("src/train/a", 0)
    do(seat, view.trace, "edit", **words("edited"))
    assert taken(store, "accepted") == taken(store, "all") == {"a": "edited"}


def test_what_a_person_accepted_has_no_error_any_more(store: Store) -> None:
    made = filled(store, "a")["a"]
    store.write(put_issues, [issue(made)])
    do(desk(store), made, "accept")
    with store.snapshot() as connection:
        ((accepted,),) = (each.taken for each in releasable(connection, "accepted"))
        ((any_,),) = (each.taken for each in releasable(connection, "all"))
    assert (accepted.state, accepted.errors) == ("accepted", any_.errors) == ("accepted", ("structure:missing",))
    assert policies.get("accepted").accepts
    assert not policies.get("all").accepts


def test_status_counts_what_reviewers_made_of_the_turns(store: Store) -> None:
    made = filled(store, "a", "b", "c")
    seat = desk(store)
    assert census.by_review(store.engine) == {}
    do(seat, made["a"], "accept")
    do(seat, made["b"], "edit", **words("edited"))
    assert census.by_review(store.engine) == {"accepted": 1, "edited": 1, "pending": 1}
