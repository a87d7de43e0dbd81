"""Batches: what checks find of a reviewer's decisions, and the sending back of those that fail, on either database."""

from collections.abc import Iterator, Mapping, Sequence

import pytest

from curation.errors import UsageError
from curation.review import Deed, Desk, Reviewer, Slice, Terms
from curation.review.batches import LEAST_CHECKS, Batch, Outcome, batches, judge, send_back
from curation.review.comparisons import DECISION, agreement, compare
from curation.review.desk import new_id
from curation.store import Store
from curation.store.desk import place_of
from curation.store.steps import put_samples, put_traces
from curation.store.votes import KNOWN, BatchCount, Vote
from schemas.review import State
from tests.records import sample, trace

TERMS = Terms(second_share=1.0, gold_every=0, batch=10, max_wrong=0.1)
SMALL = TERMS._replace(second_share=0.0)
ROLES = {"root": "admin", "judge": "adjudicator"}


def fill(store: Store, count: int, source: str = "src") -> None:
    names = [f"{source}/train/{number:03}" for number in range(count)]
    store.write(put_samples, [sample(name) for name in names])
    store.write(put_traces, [trace(name) for name in names])


def desk(store: Store, name: str, terms: Terms = TERMS) -> Desk:
    opened = Desk(store, Reviewer(name, ROLES.get(name, "reviewer")), terms)
    opened.refresh()
    return opened


def say(at: Desk, decisions: Mapping[str, str], act: str = "review", **more: object) -> list[Deed]:
    """Decide on records of the source `src`, by their names; return what was done."""
    deeds = [
        Deed(
            id=new_id(), act=act, sample_id=f"src/train/{name}", turn=0, trace_id=trace(f"src/train/{name}").trace.id,
            decision=decision, text="wrong" if decision == "reject" else "", **more,
        )
        for name, decision in decisions.items()
    ]  # fmt: skip
    assert not [done.fault for done in at.carry_out(deeds) if done.fault]
    return deeds


def numbers(count: int) -> list[str]:
    return [f"{number:03}" for number in range(count)]


def state(store: Store, name: str) -> State:
    with store.snapshot() as connection:
        place = place_of(connection, (f"src/train/{name}", 0))
    assert place is not None
    return State(place.state)


def vote(number: int, reviewer: str, decision: str, duty: str = "first", record: int | None = None) -> Vote:
    of = f"src/train/{number if record is None else record}"
    return Vote(number, f"e{number}", reviewer, "2026-01-01", of, 0, "t", duty, decision, "", "{}", 0, 1, 0)


def judged(votes: Sequence[Vote], *, last: int = 300) -> Batch:
    count = BatchCount("ada", 1, 1, last, last, last, 0, "2026-01-01", "2026-01-02")
    return judge([count], votes, Terms())[0]


def checked(right: int, wrong: int) -> Iterator[Vote]:
    """Votes of ada that a ruling confirms, and that it overrules."""
    for number in range(1, right + wrong + 1):
        said, ruled = ("accept", "accept") if number <= right else ("accept", "reject")
        yield vote(number, "ada", said)
        yield vote(1000 + number, "ben", "reject" if said == "accept" else "accept", "second", number)
        yield vote(2000 + number, "judge", ruled, "adjudication", number)


def test_a_batch_fails_above_the_share_that_may_be_wrong() -> None:
    assert judged(list(checked(90, 10))).outcome is Outcome.GOOD
    failed = judged(list(checked(89, 11)))
    assert failed.outcome is Outcome.FAILED
    assert (failed.checks, failed.wrong, failed.gold) == (100, 11, 0)
    assert failed.share == pytest.approx((0.11, 0.0625, 0.1863), abs=0.0001)  # Wilson


def test_few_checks_say_nothing() -> None:
    few = judged(list(checked(0, LEAST_CHECKS - 1)))
    assert (few.outcome, few.wrong) == (Outcome.FEW, LEAST_CHECKS - 1)
    assert judged(list(checked(0, LEAST_CHECKS))).outcome is Outcome.FAILED
    assert judged([]).share is None


def test_those_who_agree_are_right_and_those_who_differ_wait() -> None:
    agreed = [vote(1, "ada", "accept"), vote(2, "ben", "accept", "second", 1)]
    differ = [vote(3, "ada", "accept"), vote(4, "ben", "reject", "second", 3)]
    batch = judged([*agreed, *differ])
    assert (batch.checks, batch.wrong, batch.waiting) == (1, 0, 1)


def test_edits_in_other_words_are_not_the_same() -> None:
    mine = vote(1, "ada", "edit")._replace(content="sha256:1")
    other = vote(2, "ben", "edit", "second", 1)._replace(content="sha256:2")
    assert judged([mine, other]).waiting == 1
    ruled = vote(3, "judge", "edit", "adjudication", 1)._replace(content="sha256:2")
    assert (judged([mine, other, ruled]).wrong, judged([mine, other, ruled]).checks) == (1, 1)


@pytest.mark.parametrize(
    ("known", "said", "wrong"),
    [
        ("accept", "accept", 0),
        ("accept", "reject", 1),
        ("accept", "edit", 1),
        ("reject", "reject", 0),
        ("reject", "edit", 0),
        ("reject", "accept", 1),
    ],
)
def test_a_gold_item_asks_whether_a_trace_is_good_as_it_is(known: str, said: str, wrong: int) -> None:
    batch = judged([vote(1, "judge", known, KNOWN, 7), vote(2, "ada", said, "gold", 7)])
    assert (batch.checks, batch.gold, batch.wrong) == (1, 1, wrong)


def test_a_check_belongs_to_the_batch_of_its_decision() -> None:
    counts = [BatchCount("ada", 1, 1, 4, 4, 4, 0, "", ""), BatchCount("ada", 2, 5, 9, 4, 4, 0, "", "")]
    found = judge(counts, list(checked(2, 3)), Terms())
    assert [(batch.checks, batch.wrong) for batch in found] == [(4, 2), (1, 1)]


def test_every_so_many_decisions_begin_a_batch_and_skips_dont_count(store: Store) -> None:
    fill(store, 14)
    ada = desk(store, "ada", SMALL)
    say(ada, {name: "skip" if name in {"003", "004"} else "accept" for name in numbers(14)})
    first, second = batches(store, SMALL)
    assert [(b.reviewer, b.number, b.decisions, b.full) for b in (first, second)] == [
        ("ada", 1, 10, True), ("ada", 2, 2, False),
    ]  # fmt: skip
    assert first.outcome is Outcome.FEW


def test_what_is_undone_leaves_its_place_in_the_batch(store: Store) -> None:
    fill(store, 12)
    ada = desk(store, "ada", SMALL)
    deeds = say(ada, dict.fromkeys(numbers(11), "accept"))
    before = batches(store, SMALL)
    ada.carry_out([Deed(id=new_id(), act="undo", undoes=deeds[2].id)])
    after = batches(store, SMALL)
    assert [b.decisions for b in before] == [10, 1]
    assert [b.decisions for b in after] == [9, 1]
    assert [b.full for b in after] == [True, False]


def overruled(store: Store, monkeypatch: pytest.MonkeyPatch, count: int = 4) -> Desk:
    """A failed batch of ada: ten decisions, of which so many were checked and found wrong."""
    monkeypatch.setattr("curation.review.batches.LEAST_CHECKS", count)
    fill(store, 12)
    ada, ben, ruler = (desk(store, name) for name in ("ada", "ben", "judge"))
    say(ada, dict.fromkeys(numbers(10), "accept"))
    say(ben, dict.fromkeys(numbers(count), "reject") | {"009": "accept"})
    say(ruler, dict.fromkeys(numbers(count), "reject"))
    return desk(store, "root")


def test_a_failed_batch_is_pending_again_but_for_what_was_checked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = overruled(store, monkeypatch)
    failed = batches(store, TERMS)[0]
    assert (failed.outcome, failed.checks, failed.wrong) == (Outcome.FAILED, 5, 4)
    assert send_back(root, "ada", 1).done == 5
    assert [state(store, name) for name in numbers(10)] == [
        *[State.REJECTED] * 4, *[State.PENDING] * 5, State.ACCEPTED,
    ]  # fmt: skip
    sent = batches(store, TERMS)[0]
    assert (sent.outcome, sent.decisions) == (Outcome.SENT_BACK, 5)
    ada = desk(store, "ada")
    assert {view.sample.id[-3:] for view in ada.take(count=20)} >= set(numbers(9)[4:])


def test_sending_back_can_be_undone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    root = overruled(store, monkeypatch)
    before = batches(store, TERMS)
    group = send_back(root, "ada", 1).group
    root.carry_out([Deed(id=new_id(), act="undo", undoes=group)])
    assert batches(store, TERMS) == before
    assert [state(store, name) for name in numbers(10)] == [*[State.REJECTED] * 4, *[State.ACCEPTED] * 6]


def test_decisions_that_are_made_again_are_of_a_later_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    root = overruled(store, monkeypatch)
    send_back(root, "ada", 1)
    ada = desk(store, "ada")
    say(ada, {"005": "reject"})
    assert state(store, "005") is State.REJECTED
    assert [(b.number, b.decisions) for b in batches(store, TERMS) if b.reviewer == "ada"] == [(1, 5), (2, 1)]


def test_only_a_failed_batch_is_sent_back_and_only_by_an_admin(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    root = overruled(store, monkeypatch)
    with pytest.raises(UsageError, match="takes an admin"):
        send_back(desk(store, "judge"), "ada", 1)
    with pytest.raises(UsageError, match="ada has no batch 7"):
        send_back(root, "ada", 7)
    with pytest.raises(UsageError, match="only a failed batch"):
        send_back(root, "ben", 1)
    send_back(root, "ada", 1)
    with pytest.raises(UsageError, match="batch 1 of ada: sent back"):
        send_back(root, "ada", 1)


def test_gold_items_check_their_reviewer(store: Store) -> None:
    fill(store, 6)
    terms = SMALL._replace(gold_every=2)
    ruler = desk(store, "judge", terms)
    say(ruler, {"000": "accept", "001": "reject"}, act="gold")
    ada = desk(store, "ada", terms)
    for _ in range(6):
        for view in ada.take(Slice()):
            ada.carry_out([
                Deed(id=new_id(), act="review", sample_id=view.sample.id, turn=0, trace_id=view.trace.id,
                     decision="accept"),
            ])  # fmt: skip
    (batch,) = batches(store, terms)
    assert (batch.decisions, batch.gold, batch.checks, batch.wrong) == (4, 2, 2, 1)


def test_reviewers_are_compared_on_what_they_said_without_knowing(store: Store) -> None:
    fill(store, 20)
    ada, ben, ruler = (desk(store, name) for name in ("ada", "ben", "judge"))
    mine = {name: "reject" if int(name) < 8 else "accept" for name in numbers(20)}
    theirs = {name: "reject" if 4 <= int(name) < 12 else "accept" for name in numbers(20)}
    say(ada, mine, verdicts={"caption": "negative"})
    say(ben, theirs, verdicts={"caption": "positive"})
    say(ruler, {"000": "accept"})
    found = {(each.about, each.by, each.of): each.figure for each in agreement(store)}
    both = found[DECISION, "pair", ("ada", "ben")]
    assert both.records == 20
    assert both.agreed == pytest.approx(12 / 20)
    assert both.value == pytest.approx((0.6 - 0.52) / (1 - 0.52))  # 8 of 20 reject, for both
    assert found["caption", "pair", ("ada", "ben")].value == pytest.approx(0)
    assert found["caption", "source", ("src",)].value < 0
    assert found["summary", "all", ()].reason == "no record was answered by two"
    assert {reviewer for _, by, of in found for reviewer in of if by == "reviewer"} == {"ada", "ben"}


def test_second_thoughts_dont_count_as_agreement() -> None:
    votes = [vote(number, "ada", "accept") for number in range(10)]
    votes += [vote(100 + number, "ben", "reject", "second", number) for number in range(10)]
    votes += [vote(200 + number, "ben", "accept", "first", number) for number in range(9)]
    (overall,) = [each for each in compare(votes) if (each.about, each.by) == (DECISION, "all")]
    assert overall.figure.agreed == 0


def test_answers_about_another_trace_are_not_compared() -> None:
    votes = [vote(number, "ada", "accept") for number in range(10)]
    votes += [vote(100 + number, "ben", "reject", "second", number)._replace(trace_id="new") for number in range(10)]
    assert {each.figure.records for each in compare(votes)} == {0}
