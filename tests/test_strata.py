"""Coverage by stratum: what a selection leaves of each kind of question, and when a kind is all but gone."""

import json

import pytest

from curation.strata import FEWEST_SAMPLES, OTHER, Coverage, Reached, answer_of, difficulty_of, question_type
from schemas.sample import Sample, Turn
from tests.workbench import chart, chartqa, here, report, write_records


def sample(number, **labels):
    return Sample(id=f"scenes/train/{number}", turns=(Turn(question="How many?"),), labels=labels)


def taken_if(taken):
    return Reached(taken={0} if taken else set())


def covered(hard_left, easy_left, each=30):
    coverage = Coverage()
    for number in range(each):
        coverage.add(sample(number, level="hard"), taken_if(number < hard_left))
        coverage.add(sample(each + number, level="easy"), taken_if(number < easy_left))
    return coverage


def test_strata_are_counted_before_and_after():
    strata = covered(3, 30).strata()
    assert [(s.name, s.samples, s.taken) for s in strata] == [
        ("scenes level=easy", 30, 30),
        ("scenes level=hard", 30, 3),
    ]


def test_a_stratum_of_which_little_is_left_is_emptied():
    assert [s.value for s in covered(3, 30).emptied()] == ["hard"]


def test_a_loss_that_strikes_every_stratum_alike_empties_none():
    assert not covered(6, 6).emptied()


def test_of_a_small_stratum_nothing_is_said():
    assert not covered(0, FEWEST_SAMPLES - 1, each=FEWEST_SAMPLES - 1).emptied()


def test_a_label_that_names_things_makes_no_strata():
    coverage = Coverage()
    for number in range(30):
        coverage.add(sample(number, image=f"{number}.png"), taken_if(True))
    assert not coverage.strata()


def asked(number, target, choices=()):
    turn = Turn(question="How many?", targets=(target,) if target else (), choices=choices)
    return Sample(id=f"scenes/train/{number}", turns=(turn,))


@pytest.mark.parametrize(
    ("target", "choices", "kind", "answer"),
    [
        ("Yes.", (), "yes-no", "yes"),
        ("1,024.5 %", (), "number", "1,024.5 %"),
        ("-$3", (), "number", "-$3"),
        ("A  Dog", (), "text", "a dog"),
        ("dog", ("cat", "dog"), "choice", "B"),
        ("B", ("cat", "dog"), "choice", "b"),
        (None, (), "open", None),
        ("a dog that is " * 9, (), "text", OTHER),
        ("\ud800\0", (), "text", "\ud800\0"),
    ],
)
def test_a_question_has_a_type_and_an_answer_that_is_counted(target, choices, kind, answer):
    [turn] = asked(1, target, choices).turns
    assert (question_type(turn), answer_of(turn)) == (kind, answer)


def test_frequent_answers_are_strata_and_all_others_are_one():
    coverage = Coverage()
    for number in range(90):
        target = "yes" if number < 30 else "no" if number < 60 else f"answer {number}"
        coverage.add(asked(number, target), taken_if(number < 30))
    found = {s.value: (s.samples, s.taken) for s in coverage.strata() if s.label == "answer"}
    assert found == {"yes": (30, 30), "no": (30, 0), OTHER: (30, 0)}
    assert [s.name for s in coverage.emptied() if s.label == "answer"] == ["scenes answer=no", "scenes answer=other"]


def test_as_many_answers_as_one_likes_are_few_strata():
    coverage = Coverage()
    for number in range(12_000):
        coverage.add(asked(number, f"answer {number % 6_000}" if number >= 30 else "yes"), taken_if(True))
    found = {s.value: s.samples for s in coverage.strata() if s.label == "answer"}
    assert found == {"yes": 30, OTHER: 11_970}
    assert len(coverage._strata["scenes", "answer"]) <= 5_001


def test_difficulty_is_a_stratum_of_the_turns_that_were_asked_blind():
    coverage = Coverage()
    for number in range(40):
        coverage.add(asked(number, "yes"), taken_if(number < 20), {0: number % 4 / 4} if number < 32 else {})
    found = {s.value: s.samples for s in coverage.strata() if s.label == "difficulty"}
    assert found == {"never right": 8, "seldom right": 8, "mostly right": 16}
    assert difficulty_of(1) == "always right"


def test_a_label_of_the_source_comes_before_one_of_ours():
    coverage = Coverage()
    for number, kind in enumerate(["count", "exist"] * 20):
        labelled = asked(number, "yes").model_copy(update={"labels": {"question-type": kind}})
        coverage.add(labelled, taken_if(True))
    assert {s.value for s in coverage.strata() if s.label == "question-type"} == {"count", "exist"}


def test_a_stratum_can_be_named_whatever_its_value_holds():
    coverage = Coverage()
    for number in range(40):
        coverage.add(sample(number, level="\ud800\0\u202e" if number % 2 else "x"), taken_if(True))
    names = [s.name for s in coverage.strata()]
    assert names == ["scenes level=x", "scenes level=���"]
    assert all(name.isprintable() for name in names)


def test_every_step_is_counted_and_the_one_that_empties_is_told():
    coverage = Coverage()
    for number in range(60):
        level, found = ("hard", {0} if number < 30 else set()) if number < 30 else ("easy", {0})
        clean = found if level == "easy" else set()
        coverage.add(sample(number, level=level), Reached(annotated=found, clean=clean))
    hard = next(s for s in coverage.strata() if s.value == "hard")
    assert (hard.samples, hard.annotated, hard.clean, hard.taken) == (30, 30, 0, 0)
    assert coverage.emptied("annotated") == []
    assert coverage.emptied("clean") == [hard]


def test_validate_names_the_strata_that_are_not_clean(tmp_path):
    folder, workspace = tmp_path / "data", tmp_path / "workspace"
    chart(folder / "test", "a.png")
    rows = [{"imgname": "a.png", "query": f"How high is {n}?", "label": str(n + 3)} for n in range(24)]
    rows += [{"imgname": "a.png", "query": f"Is {n} high?", "label": "Yes"} for n in range(24)]
    flags = ("--source", "chartqa", "--data", folder, "--split", "test", "--workspace", workspace, "--offline")
    for some, fault in ((rows[:24], "wrong_conclusion=0"), (rows, "wrong_conclusion=1")):
        write_records(folder, some)
        report("annotate", *flags, "--fault", fault)
    done = here("validate", "--workspace", workspace)
    said = " ".join(done.stdout.split())
    empty = "is all but emptied: of 24 samples 24 are annotated and 0 clean."
    assert f"chartqa question-type=yes-no {empty}" in said
    assert f"chartqa answer=yes {empty}" in said
    assert "question-type=number is all but" not in said
    assert "chartqa question-type=number 24 24 24 100.0%" in said


def annotated(tmp_path, rows, fault="wrong_conclusion=0.5"):
    folder, workspace = chartqa(tmp_path / "data", rows), tmp_path / "workspace"
    flags = ("--source", "chartqa", "--data", folder, "--split", "test", "--workspace", workspace, "--offline")
    report("annotate", *flags, "--fault", fault)
    return workspace


def lines(release, split):
    path = release / "data" / f"{split}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_test_questions_do_not_depend_on_which_traces_are_clean(tmp_path):
    workspace, asked = annotated(tmp_path, 40), {}
    for select in ("all", "clean"):
        out = tmp_path / select
        report(
            "export",
            "--format",
            "jsonl",
            "--select",
            select,
            "--splits",
            "0.5,0.5",
            "--out",
            out,
            "--workspace",
            workspace,
        )
        asked[select] = {line["sample"]["id"] for line in lines(out, "test")}
        assert all(line["traces"] for line in lines(out, "train"))
    assert asked["all"] == asked["clean"]
    assert any(not line["traces"] for line in lines(tmp_path / "clean", "test"))


def test_a_release_of_all_traces_says_which_have_errors(tmp_path):
    workspace, out = annotated(tmp_path, 20, "wrong_conclusion=1"), tmp_path / "all"
    report("export", "--format", "jsonl", "--select", "all", "--splits", "1", "--out", out, "--workspace", workspace)
    assert all(line["errors"] == {line["traces"][0]["id"]: ["answer:wrong"]} for line in lines(out, "train"))


def test_export_warns_where_a_stratum_is_emptied(tmp_path):
    folder, workspace = tmp_path / "data", tmp_path / "workspace"
    chart(folder / "test", "a.png")
    questions = [{"imgname": "a.png", "query": f"How high is {n}?", "label": str(n + 3)} for n in range(30)]
    flags = ("--source", "chartqa", "--data", folder, "--split", "test", "--workspace", workspace, "--offline")
    write_records(folder, questions)
    report("annotate", *flags)
    others = [row | {"query": row["query"].replace("high", "wide")} for row in questions]
    (folder / "test/test_augmented.json").write_text(json.dumps(others))
    report("annotate", *flags, "--fault", "wrong_conclusion=1")
    done = here("export", "--format", "jsonl", "--workspace", workspace)
    assert "chartqa origin=augmented is all but emptied: 0 of 30 samples are left" in " ".join(done.stdout.split())
    assert "origin=human is all but" not in done.stdout
