"""Repaired traces beside those that they were made from: asked in both orders, over real HTTP."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from curation.calls.asker import Ask, Parsed
from curation.critics.comparing import Comparer
from curation.critics.showing import Case
from curation.store.comparisons import comparisons_of, put_comparisons, repaired
from curation.store.steps import StoredTrace, put_samples, put_traces
from exports import Item, Rejected, Said
from exports._pairs import pairs
from schemas.verdict import Rank
from tests.judged import compared, judge, sample_of, trace_of, workspace
from tests.records import call, picture
from tests.workbench import here, report, simulator

SAMPLE = sample_of(0)
GOOD, BAD = trace_of(SAMPLE), trace_of(SAMPLE, conclusion="9")


def answers(*said: str) -> Ask:
    """What asks nobody, and gives these answers in turn."""
    left = list(said)

    async def ask(prompt, parse, mend=None):
        return Parsed(parse(left.pop(0)), call(), "m", simulated=True)

    ask.form = "schema"
    return ask


REPAIR = trace_of(SAMPLE, conclusion="8", parent=BAD.id, at=9)


def paired(taken, other, *said) -> bool:
    """Whether a taken and a rejected trace are a pair, given what was said of the repair."""
    rejected = Rejected(trace=other, rule="severity.out", line=1, reason="an error")
    item = Item(SAMPLE, (taken,), "train", rejected=(rejected,), said={REPAIR.id: Said(comparisons=said)})
    return bool(list(pairs(item)))


@pytest.mark.parametrize(
    ("ranks", "repair_first", "repair_last"),
    [
        ((), True, True),
        (("better",), True, False),
        (("worse",), False, True),
        (("neither",), False, False),
        (("better", "worse"), False, False),
        (("better", "better", "worse"), True, False),
        (("better", "neither"), True, False),
    ],
)
def test_a_pair_is_what_most_judges_prefer_and_a_tie_is_none(ranks, repair_first, repair_last):
    said = [compared(REPAIR, BAD, rank, f"m{number}") for number, rank in enumerate(ranks)]
    assert paired(REPAIR, BAD, *said) is repair_first
    assert paired(BAD, REPAIR, *said) is repair_last


def test_what_was_said_of_other_traces_and_what_the_simulator_says_beside_a_judge_is_no_vote():
    assert paired(REPAIR, BAD, compared(REPAIR, GOOD, "worse"))
    simulated = compared(REPAIR, BAD, "worse", "s").model_copy(update={"simulated": True})
    assert not paired(REPAIR, BAD, simulated)
    assert paired(REPAIR, BAD, simulated, compared(REPAIR, BAD, "better"))


def test_a_release_has_no_pair_that_a_judge_turns_round(tmp_path, sqlite):
    folder = workspace_of(tmp_path / "w", "7", "9")
    policy = tmp_path / "mine.toml"
    policy.write_text("keep_rejected = true")
    flags = ("--workspace", folder, "--format", "dpo", "--select", policy, "--splits", "1,0,0")
    report("export", *flags, "--out", tmp_path / "one")
    assert len(pl.read_parquet(tmp_path / "one" / "data")) == 2
    with simulator(tmp_path, misjudges=0.0) as endpoint:
        assert judge(endpoint, folder, "--compare")["compared"][0]["worse"] == 2
    done = here("export", *flags, "--out", tmp_path / "two")
    assert (done.returncode, "nothing to pair" in done.stderr) == (2, True)


def choice(better: str) -> str:
    return json.dumps({"analysis": "They differ.", "better": better})


@pytest.mark.parametrize(
    ("first", "turned", "rank"),
    [
        ("first", "second", Rank.WORSE),
        ("second", "first", Rank.BETTER),
        ("first", "first", Rank.NEITHER),
        ("second", "second", Rank.NEITHER),
        ("neither", "first", Rank.NEITHER),
        ("second", "neither", Rank.NEITHER),
        ("neither", "neither", Rank.NEITHER),
    ],
)
def test_a_preference_is_what_both_orders_say(first, turned, rank):
    comparing = Comparer("Compare.").compare(Case(SAMPLE, GOOD, ()), BAD, answers(choice(first), choice(turned)))
    assert asyncio.run(comparing).rank is rank


@pytest.mark.parametrize("said", ["", "the first", '{"better": "both"}', '{"analysis": "x"}', "[]"])
def test_what_is_no_choice_is_no_answer(said):
    comparing = Comparer("Compare.").compare(Case(SAMPLE, GOOD, ()), BAD, answers(said))
    with pytest.raises(ValueError, match=r"not as asked|not one JSON object"):
        asyncio.run(comparing)


def test_the_orders_show_the_same_and_differ():
    comparer = Comparer("Compare.")
    one = comparer.prompt(Case(SAMPLE, GOOD, (picture(),)), BAD, "schema")
    other = comparer.prompt(Case(SAMPLE, BAD, (picture(),)), GOOD, "schema")
    assert one != other
    assert one.temperature == 0
    assert one.user.index("\n7\nEND FIRST CONCLUSION") < one.user.index("\n9\nEND SECOND CONCLUSION")


def workspace_of(folder: Path, before: str, after: str) -> Path:
    samples = [sample_of(number) for number in range(3)]
    first = [trace_of(sample, conclusion=before) for sample in samples]
    second = [trace_of(s, conclusion=after, parent=t.id, at=9) for s, t in zip(samples[:2], first[:2], strict=True)]
    return workspace(folder, first + second, samples)


@pytest.mark.parametrize(
    ("before", "after", "found"), [("9", "7", "better"), ("7", "9", "worse"), ("7", "7.", "neither")]
)
def test_repaired_traces_are_compared_with_what_they_repair(tmp_path, sqlite, before, after, found):
    folder = workspace_of(tmp_path / "w", before, after)
    with simulator(tmp_path, misjudges=0.0) as endpoint:
        assert judge(endpoint, folder, "--compare", "--estimate")["judges"][0]["calls"] == 4
        done = judge(endpoint, folder, "--compare")["compared"][0]
        again = judge(endpoint, folder, "--compare")["compared"][0]
        assert judge(endpoint, folder, "--compare", "--estimate")["judges"][0]["calls"] == 0
    assert (done[found], done["requests"], again["already"], again[found], again["requests"]) == (2, 4, 2, 0, 0)
    with closing(sqlite3.connect(folder / "curation.db")) as connection:
        issues = connection.execute("SELECT code, severity, count(*) FROM issues GROUP BY 1, 2").fetchall()
        ranks = connection.execute("SELECT rank, count(*) FROM comparisons GROUP BY 1").fetchall()
    assert issues == ([("comparison:worse", "warning", 2)] if found == "worse" else [])
    assert ranks == [(found, 2)]


def test_a_judge_that_prefers_what_comes_first_prefers_neither(tmp_path, sqlite):
    folder = workspace_of(tmp_path / "w", "9", "7")
    with simulator(tmp_path, misjudges=1.0) as endpoint:
        assert judge(endpoint, folder, "--compare")["compared"][0]["neither"] == 2


def test_judges_have_a_say_each_and_what_was_said_first_stays(store):
    trace = trace_of(SAMPLE, conclusion="8", parent=BAD.id)
    said = ("better", "m"), ("worse", "n"), ("worse", "m")
    one, other, later = (compared(trace, BAD, *each) for each in said)
    store.write(put_comparisons, [one, other])
    store.write(put_comparisons, [later])
    with store.snapshot() as records:
        assert comparisons_of(records, [trace.id, BAD.id]) == {trace.id: [one, other]}


def test_who_has_compared_two_traces_is_known_of_each_judge(store):
    trace = trace_of(SAMPLE, conclusion="8", parent=BAD.id, at=9)
    store.write(put_samples, [SAMPLE])
    store.write(put_traces, [StoredTrace(BAD, "e"), StoredTrace(trace, "e")])
    store.write(put_comparisons, [said := compared(trace, BAD, "better")])
    assert list(repaired(store.engine, said.judge, ("nothing",))) == []
    found = {judge: list(repaired(store.engine, judge)) for judge in (said.judge, "n@e#0")}
    assert {judge: [(pair.trace, pair.before, pair.compared) for pair in pairs] for judge, pairs in found.items()} == {
        said.judge: [(trace, BAD, True)],
        "n@e#0": [(trace, BAD, False)],
    }


def test_a_comparison_that_can_t_be_read_says_nothing(tmp_path, sqlite):
    folder = workspace_of(tmp_path / "w", "7", "9")
    with simulator(tmp_path, "refusal=1") as endpoint:
        assert judge(endpoint, folder, "--compare")["compared"][0]["not_judged"] == {"refused": 2}
