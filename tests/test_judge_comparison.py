"""Repaired traces beside those that they were made from: asked in both orders, over real HTTP."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from curation.calls.asker import Ask, Parsed
from curation.critics.comparing import Better, Comparer
from curation.critics.showing import Case
from tests.judged import judge, sample_of, trace_of, workspace
from tests.records import call, picture
from tests.workbench import simulator

pytestmark = pytest.mark.usefixtures("sqlite")

SAMPLE = sample_of(0)
GOOD, BAD = trace_of(SAMPLE), trace_of(SAMPLE, conclusion="9")


def answers(*said: str) -> Ask:
    """What asks nobody, and gives these answers in turn."""
    left = list(said)

    async def ask(prompt, parse, mend=None):
        return Parsed(parse(left.pop(0)), call(), "m", simulated=True)

    ask.form = "schema"
    return ask


def choice(better: str) -> str:
    return json.dumps({"analysis": "They differ.", "better": better})


@pytest.mark.parametrize(
    ("first", "turned", "better"),
    [
        ("first", "second", Better.ONE),
        ("second", "first", Better.OTHER),
        ("first", "first", Better.NEITHER),
        ("second", "second", Better.NEITHER),
        ("neither", "first", Better.NEITHER),
        ("second", "neither", Better.NEITHER),
        ("neither", "neither", Better.NEITHER),
    ],
)
def test_a_preference_is_what_both_orders_say(first, turned, better):
    comparing = Comparer("Compare.").compare(Case(SAMPLE, GOOD, ()), BAD, answers(choice(first), choice(turned)))
    assert asyncio.run(comparing).better is better


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


def repaired(folder: Path, before: str, after: str) -> Path:
    samples = [sample_of(number) for number in range(3)]
    first = [trace_of(sample, conclusion=before) for sample in samples]
    second = [trace_of(s, conclusion=after, parent=t.id, at=9) for s, t in zip(samples[:2], first[:2], strict=True)]
    return workspace(folder, first + second, samples)


@pytest.mark.parametrize(
    ("before", "after", "found"), [("9", "7", "better"), ("7", "9", "worse"), ("7", "7.", "neither")]
)
def test_repaired_traces_are_compared_with_what_they_repair(tmp_path, before, after, found):
    folder = repaired(tmp_path / "w", before, after)
    with simulator(tmp_path, misjudges=0.0) as endpoint:
        assert judge(endpoint, folder, "--compare", "--estimate")["judges"][0]["calls"] == 4
        done = judge(endpoint, folder, "--compare")["compared"][0]
        again = judge(endpoint, folder, "--compare")["compared"][0]
    assert (done[found], done["requests"], again[found], again["requests"]) == (2, 4, 2, 0)
    with closing(sqlite3.connect(folder / "curation.db")) as connection:
        issues = connection.execute("SELECT code, severity, count(*) FROM issues GROUP BY 1, 2").fetchall()
    assert issues == ([("comparison:worse", "warning", 2)] if found == "worse" else [])


def test_a_judge_that_prefers_what_comes_first_prefers_neither(tmp_path):
    folder = repaired(tmp_path / "w", "9", "7")
    with simulator(tmp_path, misjudges=1.0) as endpoint:
        assert judge(endpoint, folder, "--compare")["compared"][0]["neither"] == 2


def test_a_comparison_that_can_t_be_read_says_nothing(tmp_path):
    folder = repaired(tmp_path / "w", "7", "9")
    with simulator(tmp_path, "refusal=1") as endpoint:
        assert judge(endpoint, folder, "--compare")["compared"][0]["not_judged"] == {"refused": 2}
