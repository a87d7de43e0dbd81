"""Steps with labels: who is believed of each step, how a reasoning is cut, and what reaches a release."""

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import UsageError
from curation.export import Config
from curation.export import run as export
from curation.review import Deed, Desk, Reviewer, Terms
from curation.review.desk import new_id
from curation.selection.said import with_said
from curation.store import Store
from curation.store.steps import put_checks, put_issues, put_samples, put_traces
from curation.store.verdicts import put_verdicts
from exports import Item, Said
from exports._steps import rows, steps_of
from schemas.issue import Issue, Severity
from schemas.review import Act
from schemas.trace import STAGES
from schemas.verdict import Verdict
from tests import records as stored
from tests.release_items import REFS, image_folder, item, reviewed, spoken, trace, verdict, written
from tests.release_items import records as release_records
from tests.selected import releasable

TRACE = trace("a/train/1")
REASONING = TRACE.stages.reasoning
WHOLE = ["positive"] * 4


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("store"))


def steps(said, of=TRACE, *others):
    return list(steps_of(of, said, {each.id: each for each in (of, *others)}))


def worth(said, of=TRACE, *others):
    """The verdict and who gave it, of each step."""
    return [(step.label.verdict, step.label.source) for step in steps(said, of, *others)]


def wrong(stage, code="answer:wrong", of=TRACE, severity=Severity.ERROR):
    about = {"sample_id": of.sample_id, "turn": of.turn, "trace_id": of.id, "stage": stage}
    return Issue(**about, code=code, severity=severity, message="It is wrong.", evidence="so B")


# Who is believed


def test_a_trace_of_which_nothing_is_said_has_no_labels():
    assert worth(Said()) == [(None, None)] * 4
    assert list(rows(item("a/train/1", release_records()[0].sample.turns))) == []


def test_who_accepts_a_trace_vouches_for_all_of_it_that_they_say_nothing_else_of():
    said = Said(reviews=(reviewed(TRACE, verdicts={"caption": "neutral"}),))
    assert worth(said) == [(verdict, "review") for verdict in ("positive", "neutral", "positive", "positive")]


def test_who_rejects_a_trace_says_of_its_stages_only_what_they_say():
    said = Said(reviews=(reviewed(TRACE, "reject", verdicts={"caption": "negative"}, reason="No chart."),))
    assert worth(said) == [(None, None), ("negative", "review"), (None, None), (None, None)]
    assert steps(said)[1].label.reason == "No chart."


def test_judges_label_every_stage_and_quote_what_is_wrong():
    said = Said(verdicts=(verdict(TRACE, caption="chart"),))
    assert worth(said) == [(verdict, "judge") for verdict in ("positive", "negative", "positive", "positive")]
    assert (steps(said)[1].label.quote, steps(said)[1].label.reason) == ("chart", "It is wrong.")


@pytest.mark.parametrize(("against", "found"), [(1, "positive"), (2, "negative")])
def test_more_than_half_of_the_judges_decide(against, found):
    judges = [verdict(TRACE, f"m{n}", **({"caption": "chart"} if n < against else {})) for n in range(3)]
    assert worth(Said(verdicts=tuple(judges)))[1] == (found, "judge")


def test_judges_who_are_divided_are_neutral():
    judges = (verdict(TRACE, "m0", caption="chart"), verdict(TRACE, "m1"))
    assert worth(Said(verdicts=judges))[1] == ("neutral", "judge")


def test_a_simulated_judge_is_called_one():
    assert worth(Said(verdicts=(verdict(TRACE, simulated=True),)))[0] == ("positive", "simulated-judge")


def test_validators_find_errors_and_nothing_right():
    said = Said(issues=(wrong("conclusion"), wrong("caption", severity=Severity.WARNING), wrong(None)))
    assert worth(said) == [(None, None)] * 3 + [("negative", "validator")]
    assert steps(said)[3].label[2:] == ("so B", "It is wrong.")


def test_what_judges_found_before_is_not_taken_for_a_validators_finding():
    assert worth(Said(issues=(wrong("caption", "judge:caption"), wrong("caption", "model:loss")))) == [(None, None)] * 4


def test_people_count_before_judges_and_judges_before_validators():
    people = (reviewed(TRACE, "reject", verdicts={"summary": "negative"}),)
    said = Said(people, (verdict(TRACE),), (wrong("caption"), wrong("summary")))
    assert worth(said)[:2] == [("negative", "review"), ("positive", "judge")]


def test_a_ruling_and_a_known_answer_count_before_other_reviews():
    first = reviewed(TRACE, reviewer="ada")
    second = reviewed(TRACE, "reject", "ben", verdicts=dict.fromkeys(STAGES, "negative"))
    ruling = reviewed(TRACE, "reject", "cy", verdicts=dict.fromkeys(STAGES, "neutral"), duty="adjudication")
    gold = reviewed(TRACE, "accept", "dee", act=Act.GOLD)
    assert worth(Said((first, second))) == [(None, None)] * 4
    assert worth(Said((first, second), (verdict(TRACE),)))[0] == (None, None)
    assert worth(Said((first, second, ruling)))[0] == ("neutral", "review")
    assert worth(Said((gold, first, second, ruling)))[0] == ("positive", "review")
    assert worth(Said((first, reviewed(TRACE, "accept", "ada", verdicts={"summary": "neutral"}))))[0][0] == "neutral"


def test_an_edit_is_worth_what_its_writer_says_of_it():
    before = trace("a/train/1", conclusion="C")
    review = reviewed(
        before, "edit", edited=TRACE.id, verdicts={"conclusion": "negative", "summary": "neutral"}, stale=("reasoning",)
    )
    said = Said(reviews=(review,))
    assert [each for each, _ in worth(said, before)] == ["neutral", None, None, "negative"]
    assert [each for each, _ in worth(said, TRACE, before)] == ["neutral", "positive", None, "positive"]
    assert [each for each, _ in worth(said, TRACE)] == [None, "positive", None, None]


def test_an_edit_that_was_overruled_has_no_labels():
    before = trace("a/train/1", conclusion="C")
    mine = reviewed(before, "edit", edited=TRACE.id)
    ruling = reviewed(before, "reject", "cy", duty="adjudication")
    assert worth(Said((mine, ruling))) == [(None, None)] * 4


# How a reasoning is cut


def test_a_reasoning_is_cut_where_its_steps_were_judged():
    said = Said(verdicts=(verdict(TRACE, steps="positive negative", reasoning="so B"),))
    found = [step for step in steps(said) if step.stage == "reasoning"]
    assert [step.text for step in found] == ["<REASONING> 1 < 2", "so B </REASONING>"]
    assert [step.label.verdict for step in found] == ["positive", "negative"]


@pytest.mark.parametrize(
    ("judged", "people", "found"),
    [
        ({"steps": "positive positive", "reasoning": "so B"}, (), "negative"),
        ({"steps": "positive negative", "reasoning": "so B"}, (reviewed(TRACE),), "positive"),
        ({"steps": "positive positive"}, (reviewed(TRACE, "reject", verdicts={"reasoning": "negative"}),), "negative"),
        ({"steps": "positive positive", "cuts": ((0, 5), (7, 99))}, (), "positive"),
        ({"steps": "positive positive", "cuts": ((4, 7), (0, 3))}, (), "positive"),
    ],
)
def test_a_reasoning_stays_whole_where_its_steps_contradict_its_label_or_do_not_fit(judged, people, found):
    said = Said(people, (verdict(TRACE, **judged),))
    assert [(s.text, s.label.verdict) for s in steps(said) if s.stage == "reasoning"] == [
        (f"<REASONING> {REASONING} </REASONING>", found)
    ]


def test_judges_vote_on_the_steps_that_the_last_of_them_was_shown():
    judges = (
        verdict(TRACE, "m0", steps="negative", cuts=((0, 11),), reasoning="so B"),
        verdict(TRACE, "m1", steps="positive negative", reasoning="so B"),
        verdict(TRACE, "m2", steps="negative negative", reasoning="so B"),
    )
    found = [step.label.verdict for step in steps(Said(verdicts=judges)) if step.stage == "reasoning"]
    assert found == ["neutral", "negative"]


@pytest.mark.parametrize(
    ("wrong_steps", "found"),
    [
        ([(2,)], [("positive", "review"), ("negative", "review")]),
        ([(2,), (1, 2)], [(None, None), ("negative", "review")]),
        ([(2,), ()], [("positive", "review"), ("negative", "review")]),
        ([()], [("negative", "review")]),
    ],
)
def test_people_who_name_wrong_steps_count_before_judges(wrong_steps, found):
    people = tuple(
        reviewed(TRACE, "reject", f"r{n}", verdicts={"reasoning": "negative"}, wrong_steps=those, reason="No.")
        for n, those in enumerate(wrong_steps)
    )
    judged = verdict(TRACE, steps="positive positive")
    parts = [step for step in steps(Said(people, (judged,))) if step.stage == "reasoning"]
    assert [(step.label.verdict, step.label.source) for step in parts] == found
    assert "".join(step.text for step in parts).startswith("<REASONING> 1 < 2")
    assert {step.label.reason for step in parts if step.label.verdict == "negative"} == {"No."}


VERDICTS = st.sampled_from(["positive", "neutral", "negative"])
CUTS = st.lists(st.tuples(st.integers(0, 15), st.integers(1, 15)), max_size=4)


@given(st.lists(st.tuples(CUTS, st.lists(VERDICTS, min_size=4, max_size=4), st.booleans()), max_size=3))
def test_the_steps_of_any_verdicts_hold_the_trace_in_order(judges):
    said = Said(
        verdicts=tuple(
            verdict(
                TRACE, f"m{n}", steps=" ".join(each[: len(cuts)]), cuts=cuts, **{"reasoning": "so B"} if bad else {}
            )
            for n, (cuts, each, bad) in enumerate(judges)
        )
    )
    found = steps(said)
    assert [stage for stage in STAGES if any(step.stage is stage for step in found)] == list(STAGES)
    at = 0
    for step in found:
        inner = step.text.split("> ")[-1].split(" </")[0]
        assert (at := TRACE.text.find(inner, at)) >= 0
    assert {step.label.source for step in found} <= {"judge", None}


# What reaches a release


def test_prm_loads_as_stepwise_supervision_with_its_images(tmp_path, folder):
    out = written("prm", spoken(release_records()), tmp_path / "out", folder)
    found = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    features = found["train"].features
    assert (features["prompt"], features["completions"]) == (
        datasets.Value("string"),
        datasets.List(datasets.Value("string")),
    )
    assert (features["labels"], features["images"]) == (
        datasets.List(datasets.Value("int64")),
        datasets.List(datasets.Image()),
    )
    by_id = {row["id"]: row for split in found.values() for row in split}
    assert len(by_id) == sum(len(it.traces) + len(it.rejected) for it in release_records())
    bad = next(row for row in by_id.values() if row["id"].startswith("pisc/val/b") and not row["taken"])
    assert bad["prompt"] == "A hint.\nWhich?\nA. one\nB. δύο"
    assert (bad["labels"], bad["stages"][2:4], bad["rule"]) == ([1, 0, 1, 0, 1], ["reasoning"] * 2, "severity.out")
    assert (bad["quotes"], bad["answer"], len(bad["images"])) == (["", "chart", "", "", ""], "B", 3)
    good = by_id["chartqa/train/1#0/" + release_records()[0].traces[0].id[-12:]]
    assert (good["labels"], good["verdicts"], good["taken"]) == ([1] * 4, WHOLE, True)
    later = [row for row in by_id.values() if row["id"].startswith("sharegpt4v/train/x#2")]
    assert all(row["prompt"].count("<CONCLUSION>") == 1 for row in later)


def test_a_step_without_a_label_is_left_out_by_losses(tmp_path, folder):
    one = item("a/train/1", release_records()[0].sample.turns, REFS[:1])
    said = {one.traces[0].id: Said(issues=(wrong("reasoning", of=one.traces[0]),))}
    (row,) = rows(one._replace(said=said))
    assert (row["labels"], row["verdicts"]) == ([-100, -100, 0, -100], [None, None, "negative", None])
    assert row["label_sources"] == [None, None, "validator", None]


def test_a_release_without_any_label_says_how_to_get_some(tmp_path, folder):
    with pytest.raises(UsageError, match=r"no step has a label: `judge` .* `review`"):
        written("prm", release_records(), tmp_path, folder)


# From the store


def fill(store, *names):
    made = {name: stored.trace(f"src/train/{name}") for name in names}
    store.write(put_samples, [stored.sample(each.trace.sample_id) for each in made.values()])
    store.write(put_traces, list(made.values()))
    store.write(put_checks, [stored.check(each.trace) for each in made.values()])
    return {name: each.trace for name, each in made.items()}


def decide(store, of, decision, reviewer="ada", **more):
    seat = Desk(store, Reviewer(reviewer, "admin"), Terms(second_share=0.0, gold_every=0))
    seat.refresh()
    deed = {"id": new_id(), "act": "review", "sample_id": of.sample_id, "turn": 0, "trace_id": of.id}
    (done,) = seat.carry_out([Deed.model_validate(deed | {"decision": decision, "text": "no"} | more)])
    assert not done.fault
    return seat, done


def said_of(store, *traces):
    items = [Item(stored.sample(each.sample_id), (each,), "train") for each in traces]
    with store.snapshot() as records:
        return [it.said for it in with_said(records, items)]


def test_what_was_said_is_found_in_the_store_and_what_was_undone_is_not(store):
    made = fill(store, "a", "b", "c", "d")
    decide(store, made["a"], "accept")
    seat, done = decide(store, made["b"], "reject")
    seat.carry_out([Deed(id=new_id(), act="undo", undoes=done.id)])
    decide(store, made["c"], "skip")
    store.write(put_verdicts, [verdict(made["b"], "m1"), verdict(made["b"], "m0")])
    store.write(put_issues, [stored.issue(made["d"]), stored.issue(made["d"], "warning", code="answer:odd")])
    one, two, three, four = said_of(store, *made.values())
    assert [event.review.decision for event in one[made["a"].id].reviews] == ["accept"]
    (both,) = two.values()
    assert (both.reviews, [type(each) for each in both.verdicts]) == ((), [Verdict, Verdict])
    assert three == {}
    assert [issue.code for issue in four[made["d"].id].issues] == ["answer:odd", "structure:missing"]


def test_an_edit_has_the_reviews_of_what_it_edits(store):
    (made,) = fill(store, "a").values()
    decide(store, made, "edit", texts={"conclusion": "no"})
    with store.snapshot() as records:
        ((edit,),) = [each.traces for each in releasable(records, "clean")]
    (said,) = said_of(store, edit)
    assert [event.review.edited for event in said[edit.id].reviews] == [edit.id]


@pytest.mark.usefixtures("sqlite")
def test_export_writes_the_labels_of_taken_and_of_kept_rejected_traces(tmp_path):
    with Store.open(tmp_path / "workspace", create=True) as store:
        made = fill(store, "good", "bad", "unsaid")
        decide(store, made["good"], "accept")
        decide(store, made["bad"], "reject", verdicts={"conclusion": "negative"})
    report = export(config=Config(workspace=tmp_path / "workspace", format="prm", splits=(1.0,)))
    found = datasets.load_dataset(str(report.out), cache_dir=str(tmp_path / "cache"), split="train")
    assert {row["id"].split("#")[0]: (row["labels"], row["taken"]) for row in found} == {
        "src/train/good": ([1, 1, 1, 1], True),
        "src/train/bad": ([-100, -100, -100, 0], False),
    }
