"""`annotate --label`: how often a question is answered right without its image, as a label that policies can use."""

import json

import pytest

from curation.difficulty import label, share
from curation.store import Store
from curation.store.labels import labels_of, unlabelled
from curation.store.steps import StoredTrace, put_issues, put_samples, put_traces
from schemas.sample import Sample, Turn
from tests.records import sample, trace
from tests.selected import releasable
from tests.workbench import here, report, simulator


@pytest.fixture
def workspace(tmp_path):
    """Traces of twelve questions with choices, some of which are guessed right."""
    folder = tmp_path / "w"
    report("annotate", "--source", "scienceqa", "--sample", "--offline", "--workspace", folder)
    return folder


def labelled(workspace, *more):
    return report("annotate", "--source", "scienceqa", "--workspace", workspace, "--label", *more)


def held(workspace):
    with Store.open(workspace) as store, store.snapshot() as records:
        return labels_of(records, [each.sample.id for each in releasable(records, "all")])


def requests(workspace):
    """The user's texts of all requests for labels, and how many images they held."""
    with Store.open(workspace) as store, store.snapshot() as records:
        rows = records.exec_driver_sql("SELECT request FROM calls WHERE recipe = 'difficulty'").scalars().all()
    contents = [json.loads(row)["messages"][1]["content"] for row in rows]
    return [part["text"] for parts in contents for part in parts if part["type"] == "text"], sum(map(len, contents))


def test_questions_are_asked_without_their_image_and_marked_and_never_twice(workspace):
    done = labelled(workspace, "without-image,caption-only", "--offline", "--samples", "2")
    found = held(workspace)
    assert {name: sum(counts.values()) for name, counts in done["labels"].items()} == {
        "caption-only": len(found),
        "without-image": len(found),
    }
    assert {share for labels in found.values() for share in labels.values()} > {0}
    texts, parts = requests(workspace)
    assert parts == len(texts)
    assert sum("Caption of the image: " in text for text in texts) == len(texts) / 2
    assert not any("Standard answer" in text for text in texts)
    assert labelled(workspace, "without-image,caption-only", "--offline")["requests"] == 0


def test_the_cost_of_labels_is_estimated_from_the_prompts_that_are_asked(workspace):
    asked = ("without-image,caption-only", "--samples", "3", "--price", "1,2")
    told = labelled(workspace, *asked, "--estimate", "--offline")
    done = labelled(workspace, *asked, "--offline")
    assert (told["labels"], told["calls"]) == (2 * len(held(workspace)), 6 * len(held(workspace)))
    assert told["calls"] == done["requests"]
    assert told["completion_tokens"] == 400 * told["calls"]
    assert told["cost"] == pytest.approx((told["prompt_tokens"] + 2 * told["completion_tokens"]) / 1e6)
    assert told["most"] > told["cost"]
    assert labelled(workspace, *asked, "--estimate", "--offline")["calls"] == 0


def test_labelling_goes_on_where_it_was(workspace):
    first = labelled(workspace, "without-image", "--offline", "--samples", "1", "--limit", "5")
    rest = labelled(workspace, "without-image", "--offline", "--samples", "1")
    assert first["requests"] == 5
    assert first["requests"] + rest["requests"] == len(held(workspace))


def test_what_the_simulator_answers_says_nothing_about_real_traces(workspace, tmp_path):
    with simulator(tmp_path) as endpoint:
        there = ("--base-url", endpoint.url, "--price", "0,0")
        assert labelled(workspace, "without-image", *there)["requests"] == 0


def test_a_policy_takes_by_a_label_and_what_has_none_passes(store, tmp_path):
    made = {name: trace(f"src/train/{name}", conclusion=name).trace for name in ("easy", "hard", "unknown")}
    store.write(put_samples, [sample(one.sample_id) for one in made.values()])
    store.write(put_traces, [StoredTrace(one, "e") for one in made.values()])
    store.write(put_issues, [label(made["easy"], "without-image", "m", 3, 4)])
    store.write(put_issues, [label(made["hard"], "without-image", "m", 0, 4)])
    path = tmp_path / "mine.toml"
    path.write_text("difficulty.without-image.max = 0.5")
    with store.snapshot() as records:
        chosen = releasable(records, str(path))
    assert [t.stages.conclusion for each in chosen for t in each.traces] == ["hard", "unknown"]
    assert [one.reason for each in chosen for one in each.excluded] == ["difficulty.without-image is 0.75"]


def test_only_turns_that_can_be_marked_and_lack_the_label_are_asked(store):
    turn = Turn(question="?", targets=("yes",), scorer="exact-match")
    names = ("src/train/a", "src/train/b", "src/train/c")
    marked = [Sample(id=name, turns=(turn,)) for name in names[:2]]
    store.write(put_samples, [*marked, sample(names[2])])
    made = [trace(name, kind=kind).trace for name, kind in zip(names, ("model", "simulated", "model"), strict=True)]
    store.write(put_traces, [StoredTrace(one, "e") for one in made])
    wanted = ("without-image", "caption-only")

    def lacking(simulated=False):
        found = unlabelled(store.engine, ["src"], wanted, simulated=simulated)
        return [(each.trace.sample_id, each.missing) for each in found]

    assert lacking() == [(names[0], wanted)]
    assert lacking(simulated=True) == [(names[1], wanted)]
    store.write(put_issues, [label(made[0], "without-image", "m", 1, 4)])
    assert lacking() == [(names[0], ("caption-only",))]


def test_a_label_tells_its_share():
    assert share(label(trace().trace, "caption-only", "m", 3, 4).evidence) == 0.75


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("--label", "without-imag"), "no label 'without-imag'; did you mean 'without-image'?"),
        (("--label", "caption-only", "--repair"), "--label asks for labels alone"),
        (("--label", "caption-only", "--sample"), "--label reads from the workspace"),
    ],
)
def test_flags_that_contradict_themselves_are_refused(tmp_path, flags, why):
    done = here("annotate", "--source", "chartqa", "--offline", "--workspace", tmp_path, *flags)
    assert (done.returncode, why in done.stderr) == (2, True)
