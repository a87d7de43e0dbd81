"""From a release to a model, from the model to figures, and back to the records: every family, on charts and scenes."""

import json

import pytest

from curation.demo.crowd import Command, Crowd, warm_up
from curation.demo.loop import CURATED, DIRECT, RAW, REPAIRED, Scale, loop
from curation.errors import CurationError
from curation.store import Store
from tests import small_models
from tests.workbench import here, report

STEPS = ("--steps", 3, "--batch", 4, "--workers", 0, "--threads", 1)
FEW = ("--limit", 3, "--max-tokens", 24, "--candidates", 2, "--threads", 1, "--resamples", 50)


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    """A workspace with the bundled charts, and a lossless release of them."""
    workspace = tmp_path_factory.mktemp("charts")
    release = workspace / "release"
    report("annotate", "--source", "chartqa", "--sample", "--offline", "--workspace", workspace)
    report("export", "--format", "jsonl", "--splits", "0.7,0.1,0.2", "--out", release, "--workspace", workspace)
    return release


@pytest.mark.parametrize("family", ["tiny", *small_models.FAMILIES])
def test_every_family_trains_and_is_verified_on_charts(charts, tmp_path, family):
    if family == "tiny":
        model = ("--family", "tiny")
    else:
        small_models.folder(family, tmp_path / "small")
        model = ("--model", tmp_path / "small")
    out = tmp_path / "run"
    trained = report("train", "--release", charts, *model, "--out", out, *STEPS)
    assert trained["steps"] == 3
    searches = ("--search", "greedy,stage-beam")
    found = report("verify", "--release", charts, "--model", out, *searches, "--out", tmp_path / "verified", *FEW)
    assert [(row["search"], row["questions"]) for row in found["systems"]] == [("greedy", 3), ("stage-beam", 3)]
    assert (tmp_path / "verified" / "report.html").is_file()


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory):
    """The demo's loop with next to nothing of everything."""
    warm_up()
    workspace = tmp_path_factory.mktemp("loop")
    scale = Scale({"train": 60, "val": 8, "test": 12}, 4, (RAW, CURATED, REPAIRED, DIRECT), (RAW,), 6, 2, 4, 40)
    return workspace, scale, loop(workspace, scale)


def test_the_loop_compares_its_arms_on_the_same_questions(demonstrated):
    _, _, found = demonstrated
    assert [row.model for row in found.arms.systems] == ["raw", "curated", "repaired", "direct"]
    assert {row.questions for row in found.arms.systems} == {12}


def test_repair_brings_back_what_dropping_empties(demonstrated):
    _, _, found = demonstrated
    hard = {name: next(s for s in strata if s.value == "hard") for name, strata in
            (("clean", found.clean.strata), ("mended", found.mended.strata))}  # fmt: skip
    assert hard["mended"].taken > hard["clean"].taken


def test_what_the_model_finds_comes_back_to_the_store(demonstrated):
    workspace, _, found = demonstrated
    with Store.open(workspace) as store, store.snapshot() as records:
        rows = records.exec_driver_sql("SELECT record FROM issues WHERE validator = 'model'").scalars().all()
        checked = records.exec_driver_sql("SELECT count(*) FROM checks WHERE validator = 'model'").scalar_one()
    issues = [json.loads(row) for row in rows]
    assert found.probe.issues == {code: sum(i["code"] == code for i in issues) for code in found.probe.issues}
    assert checked == found.probe.traces == 60
    assert all(issue["stage"] and "checkpoint sha256:" in issue["evidence"] for issue in issues)


def test_the_loop_goes_on_where_it_was(demonstrated):
    workspace, scale, found = demonstrated
    assert loop(workspace, scale) == found


def test_the_demo_prints_the_commands_that_it_ran(demonstrated):
    _, _, found = demonstrated
    assert any(line.startswith("python -m curation verify --probe") for line in found.commands)


def test_a_probe_needs_a_release_and_one_model(tmp_path):
    done = here("verify", "--probe", "--model", tmp_path)
    assert done.returncode == 2
    assert "--probe judges the traces of one --release with one --model" in done.stderr


def test_a_model_without_stages_can_not_probe(demonstrated):
    workspace, _, _ = demonstrated
    flags = ("--release", workspace / "releases" / "scenes-all", "--model", workspace / "runs" / "direct")
    done = here("verify", "--probe", *flags, "--workspace", workspace)
    assert done.returncode == 2
    assert "trained without stages" in done.stderr


def test_a_model_that_never_saw_the_release_judges_it_as_it_is(demonstrated, tmp_path):
    workspace, _, _ = demonstrated
    flags = ("--release", workspace / "releases" / "scenes-all", "--model", workspace / "runs" / "repaired")
    found = report(
        "verify",
        "--probe",
        *flags,
        "--workspace",
        workspace,
        "--out",
        tmp_path / "probe",
        "--suspects",
        2,
        "--threads",
        1,
    )
    assert (found["folds"], found["traces"]) == (1, 60)


def test_a_command_begins_when_those_that_it_waits_for_have_reported(tmp_path):
    place = ("--workspace", str(tmp_path / "w"))
    annotate = ("annotate", "--source", "chartqa", "--sample", "--offline", "--limit", "2", *place)
    commands = [Command(("status", *place), "count", ("ask",)), Command(annotate, "ask", ahead=True)]
    crowd = Crowd(tmp_path)
    assert crowd.together("some", commands)["count"]["traces"] == {"clean": 2}
    assert crowd.lines == [commands[0].line]


def test_a_command_that_fails_ends_the_crowd_with_what_it_said(tmp_path):
    with pytest.raises(CurationError, match=r"status --workspace \S+none: curation: no workspace at \S+none"):
        Crowd(tmp_path).together("some", [Command(("status", "--workspace", str(tmp_path / "none")))])
