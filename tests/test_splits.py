"""The splits that sources have, kept: what a source tests with is never trained on, nor is anything that shows it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from curation.splits import source_splits
from tests.workbench import chart, chartqa, report, write_records

ids = st.tuples(st.sampled_from(["train", "val", "dev", "test", "testA"]), st.integers(0, 99))
samples = st.dictionaries(ids, st.lists(st.sampled_from("abcdefgh"), max_size=3), max_size=30)


def listed(some):
    return [(f"vqa/{split}/{number}", tuple(images)) for (split, number), images in some.items()]


def test_the_names_of_sources_are_train_validation_and_test():
    names = ("train", "val", "validation", "dev", "test", "testA", "all")
    splits = source_splits((f"vqa/{name}/1", (name,)) for name in names)
    assert list(splits.values()) == ["train", "validation", "validation", "validation", "test", "test", "train"]


@given(samples)
def test_no_image_is_in_two_splits(some):
    splits = source_splits(listed(some))
    by_image = {}
    for sample_id, images in listed(some):
        for image in images:
            by_image.setdefault(image, set()).add(splits.get(sample_id, ""))
    assert all(len(found - {""}) <= 1 for found in by_image.values())


@given(samples)
def test_every_test_sample_stays(some):
    splits = source_splits(listed(some))
    assert all(splits[i] == "test" for i, _ in listed(some) if i.split("/")[1].startswith("test"))


def test_a_release_keeps_the_splits_of_the_source_and_asks_nothing_of_the_test(tmp_path):
    folder, workspace, out = tmp_path / "data", tmp_path / "workspace", tmp_path / "release"
    chartqa(folder, rows=4, split="train")
    for number in range(3):
        chart(folder / "test", f"t{number}.png", (80, 60), color=number)
    rows = [{"imgname": f"t{number}.png", "query": "How many?", "label": "7"} for number in range(3)]
    write_records(folder, rows)
    flags = ("--source", "chartqa", "--data", folder, "--workspace", workspace)
    read = report("annotate", *flags, "--split", "test", "--ingest", OPENAI_API_KEY="")
    assert (read["rows"], read["samples"]) == (3, 3)
    report("annotate", *flags, "--offline")
    built = report("export", "--format", "jsonl", "--splits", "source", "--workspace", workspace, "--out", out)
    assert built["counts"]["traces"] == {"train": 4}
    tested = [json.loads(line) for line in (out / "data/test.jsonl").read_text().splitlines()]
    assert [line["traces"] for line in tested] == [[], [], []]


def test_a_train_sample_whose_image_is_tested_on_is_left_out(tmp_path):
    folder, workspace = tmp_path / "data", tmp_path / "workspace"
    for split in ("train", "test"):
        chart(folder / split, "same.png")
        write_records(folder, [{"imgname": "same.png", "query": f"{split}?", "label": "7"}], split)
    for split in ("train", "test"):
        report(
            "annotate", "--source", "chartqa", "--data", folder, "--split", split, "--offline", "--workspace", workspace
        )
    built = report("export", "--format", "jsonl", "--splits", "source", "--workspace", workspace)
    assert built["leaks"] == 1
    assert built["counts"]["traces"] == {"test": 1}
