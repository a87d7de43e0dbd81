"""Coverage by stratum: what a selection leaves of each kind of question, and when a kind is all but gone."""

import json

from curation.strata import FEWEST_SAMPLES, Coverage
from schemas.sample import Sample, Turn
from tests.workbench import chart, chartqa, here, report, write_records


def sample(number, **labels):
    return Sample(id=f"scenes/train/{number}", turns=(Turn(question="How many?"),), labels=labels)


def covered(hard_left, easy_left, each=30):
    coverage = Coverage()
    for number in range(each):
        coverage.add(sample(number, level="hard"), taken=number < hard_left)
        coverage.add(sample(each + number, level="easy"), taken=number < easy_left)
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
        coverage.add(sample(number, image=f"{number}.png"), taken=True)
    assert not coverage.strata()


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
