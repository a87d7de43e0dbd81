"""Formats for other programs: what each holds, and that those programs' own readers, where they are here, take it."""

import base64
import csv
import io
import json
import tarfile
from collections import Counter

import datasets
import pytest

import exports
from curation.errors import DataError, UsageError
from curation.evaluation import benchmark
from curation.import_ import Config as ImportConfig
from curation.import_ import run as import_
from curation.release import build
from exports import Said, webdataset
from exports._pairs import pairs
from schemas.issue import Issue
from schemas.sample import Turn
from schemas.trace import parse_tagged
from tests.release_items import BYTES, REFS, contents, image_folder, item, records, rejected, reviewed, trace, written

QUESTION = Turn(question="Which?", targets=("B", "δύο"), choices=("one", "δύο"), context="A hint.")


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("store"))


# messages


def test_messages_load_as_chats_with_their_images(tmp_path, store):
    folder = written("messages", records(), tmp_path / "out", store)
    found = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in found.items()} == Counter(it.split for it in records())
    rows = {row["id"]: row for split in found.values() for row in split}
    assert found["train"].features["images"] == datasets.List(datasets.Image())
    several = rows["sharegpt4v/train/x"]
    assert [message["role"] for message in several["messages"]] == ["user", "assistant"] * 2
    assert parse_tagged(several["messages"][1]["content"]) == trace("sharegpt4v/train/x").stages
    assert several["images"][0].size == (REFS[6].width, REFS[6].height)
    assert (len(rows["pisc/val/b"]["images"]), rows["zeta/test/2"]["images"]) == (3, [])


# dpo


def test_a_pair_is_a_taken_trace_and_a_rejected_one_of_the_same_turn(tmp_path, store):
    folder = written("dpo", records(), tmp_path / "out", store)
    found = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    rows = {row["id"].split("/", 1)[0]: row for split in found.values() for row in split}
    assert rows.keys() == {"pisc", "sharegpt4v"}
    one, later = rows["pisc"], rows["sharegpt4v"]
    assert len(one["images"]) == 3
    assert [message["role"] for message in later["prompt"]] == ["user", "assistant", "user"]
    (chosen,), (refused,) = one["chosen"], one["rejected"]
    assert parse_tagged(chosen["content"]).conclusion == "B"
    assert parse_tagged(refused["content"]).conclusion == "C"
    assert (one["rule"], one["codes"]) == ("severity.out", ["answer:wrong"])


def test_what_says_the_same_is_no_pair(tmp_path, store):
    same = rejected("a/train/1", 0, "B")
    it = item("a/train/1", (QUESTION,))._replace(rejected=(same,))
    assert not list(pairs(it))
    with pytest.raises(UsageError, match=r"nothing to pair: .* give a turn a second one"):
        written("dpo", [it], tmp_path, store)


# sharegpt


def json_lines(path):
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_sharegpt_has_a_mark_for_each_image_and_none_else(tmp_path, store):
    marked = item("zz/train/1", (Turn(question="What is <image> here?"),) * 2, REFS[:2])
    folder = written("sharegpt", [*records(), marked._replace(split="train")], tmp_path, store)
    rows = {row["id"]: row for path in folder.glob("*.jsonl") for row in json_lines(path)}
    assert rows.keys() == {it.sample.id for it in records()} | {"zz/train/1"}
    for row in rows.values():
        said = "".join(message["value"] for message in row["conversations"])
        assert said.count("<image>") == len(row["images"])
        assert all((folder / name).read_bytes() in BYTES.values() for name in row["images"])
    assert rows["zz/train/1"]["conversations"][0]["value"] == "<image>\n<image>\nWhat is <image > here?"


def test_sharegpt_says_where_each_split_is(tmp_path, store):
    folder = written("sharegpt", records(), tmp_path, store)
    info = json.loads((folder / "dataset_info.json").read_text())
    assert info["traces_test"] == {
        "file_name": "test.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "images": "images"},
    }
    assert info.keys() == {"traces_train", "traces_validation", "traces_test"}


def test_what_sharegpt_wrote_is_imported_again(tmp_path, store):
    items = [it._replace(split="train") for it in records()]
    folder = written("sharegpt", items, tmp_path / "out", store)
    config = ImportConfig(format="llava", data=folder, name="again", workspace=tmp_path / "workspace")
    report = import_(config=config)
    assert report.traces == sum(len(it.traces) for it in items)


def test_half_of_a_surrogate_pair_spoils_no_record(tmp_path, store):
    turn = Turn(question="half \udc80, whole \U0001f600", targets=("\ud800",))
    items = [item("a/train/1", (turn,), REFS[:1])]
    for name in ("sharegpt", "llava"):
        written(name, items, tmp_path / name, store)
        rows = datasets.load_dataset(
            "json", data_files=str(tmp_path / name / "train.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
        )
        assert rows[0]["conversations"][0]["value"].endswith("half �, whole \U0001f600")
    assert tables(written("csv", items, tmp_path / "csv", store))["train"][0]["answers"] == "?"
    found = benchmark.read(
        written("vlmevalkit", items, tmp_path / "tsv", store) / "train_open.tsv", tmp_path / "images"
    )
    assert found.problems[0].turn.targets == ("?",)


# label-studio


def test_an_annotator_is_told_what_checks_found(tmp_path, store):
    it = item("a/train/1", (QUESTION,), REFS[:1])
    (one,) = it.traces
    about = {"sample_id": one.sample_id, "trace_id": one.id, "message": "It is wrong."}
    said = Said(issues=(Issue(**about, code="answer:wrong", severity="error"),))
    written("label_studio", [it._replace(said={one.id: said})], tmp_path, store)
    (task,) = json.loads((tmp_path / "train.json").read_text())
    assert task["data"]["issues"] == "error: It is wrong."


# csv


def tables(folder):
    texts = {path.stem: path.read_bytes().decode("utf-8-sig") for path in folder.glob("*.csv")}
    return {split: list(csv.DictReader(io.StringIO(text, newline=""))) for split, text in texts.items()}


def test_csv_has_a_row_for_each_trace_whose_images_lie_beside_it(tmp_path, store):
    folder = written("csv", records(), tmp_path, store)
    found = tables(folder)
    assert {split: len(rows) for split, rows in found.items()} == Counter(
        it.split for it in records() for _ in it.traces
    )
    rows = {row["id"]: row for split in found.values() for row in split}
    first = rows["chartqa/train/1#0"]
    assert (first["choices"], first["answers"], first["reasoning"]) == ("A. one\nB. δύο", "B\nb", "1 < 2\n\nso B")
    assert (folder / first["images"]).read_bytes() == BYTES[REFS[0].digest]
    assert rows["pisc/val/b#0"]["images"].count("\n") == 2


def test_csv_says_what_checks_found_and_people_decided(tmp_path, store):
    it = item("a/train/1", (QUESTION,), REFS[:1])
    (one,) = it.traces
    about = {"sample_id": one.sample_id, "trace_id": one.id, "message": "It is wrong."}
    review = reviewed(one, "reject", verdicts={"caption": "negative"}, reason="No chart.")
    said = Said(reviews=(review,), issues=(Issue(**about, code="answer:wrong", severity="error"),))
    (row,) = tables(written("csv", [it._replace(said={one.id: said})], tmp_path, store))["train"]
    assert row["issues"] == "error answer:wrong: It is wrong."
    assert row["reviews"] == "reject (caption negative): No chart."
    assert "ada" not in str(row)


def test_a_csv_has_no_cell_that_is_too_long_for_a_spreadsheet(tmp_path, store):
    written("csv", [item("a/train/1", (Turn(question="x" * 100_000),))], tmp_path, store)
    question = tables(tmp_path)["train"][0]["question"]
    assert (len(question), question[-2:]) == (32_767, "x…")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("-5", "-5"),
        ("-5 %", "'-5 %"),
        ("+1,000.5%", "+1,000.5%"),
        ("a\0b", "ab"),
        ("＝1", "'＝1"),
    ],
)
def test_a_spreadsheet_computes_nothing_of_a_csv(text, cell, tmp_path, store):
    written("csv", [item("a/train/1", (Turn(question=text),))], tmp_path, store)
    assert tables(tmp_path)["train"][0]["question"] == cell


# vlmevalkit


def test_a_benchmark_is_read_by_what_reads_the_official_ones(tmp_path, store):
    several = (QUESTION, Turn(question="How many?", targets=("3",), context="Look."))
    pictured = item("a/val/3", (QUESTION,), REFS[:2], (0,), "test")
    items = [
        item("a/val/1", several, REFS[:1], (), "test"),
        item("a/val/2", (QUESTION,), REFS[:1], (0,), "test"),
        pictured,
    ]
    folder = written("vlmevalkit", items, tmp_path / "out", store)
    found = benchmark.read(folder / "test_choice.tsv", tmp_path / "images")
    assert not found.faults
    assert [row["id"] for row in found.rows] == ["a/val/1#0", "a/val/2#0", "a/val/3#0"]
    choice, again, both = found.problems
    assert (choice.turn.choices, choice.turn.targets, choice.turn.context) == (("one", "δύο"), ("B", "δύο"), "A hint.")
    assert again.pictures == choice.pictures
    assert [picture.path.read_bytes() for picture in both.pictures] == [BYTES[ref.digest] for ref in REFS[:2]]
    (number,) = benchmark.read(folder / "test_open.tsv", tmp_path / "images").problems
    assert (number.turn.question, number.turn.choices, number.turn.targets) == ("Look.\nHow many?", (), ("3",))


def test_an_image_is_in_a_benchmark_once(tmp_path, store):
    items = [item(f"a/val/{number}", (QUESTION,), REFS[:1], (), "test") for number in range(3)]
    text = (written("vlmevalkit", items, tmp_path, store) / "test_choice.tsv").read_text()
    assert text.count(base64.b64encode(BYTES[REFS[0].digest]).decode()) == 1


@pytest.mark.parametrize(
    "turn",
    [
        Turn(question="?"),
        Turn(question="?", targets=("three",), choices=("one", "two")),
        Turn(question="?", targets=("1",), choices=tuple(map(str, range(9)))),
    ],
)
def test_a_question_that_cant_be_scored_is_not_in_a_benchmark(turn, tmp_path, store):
    items = [item("a/val/1", (turn, QUESTION), REFS[:1], (), "test"), item("a/val/2", (QUESTION,), (), (), "test")]
    written("vlmevalkit", items, tmp_path, store)
    (path,) = tmp_path.glob("*.tsv")
    assert [row.split("\t")[-1] for row in path.read_text().splitlines()] == ["id", "a/val/1#1"]


# webdataset


def test_webdataset_gives_everything_back(tmp_path, store):
    untraced = item("zz/train/1", (QUESTION,), REFS[:2], (), "train")
    items = [*records(), untraced]
    assert list(webdataset.read(written("webdataset", items, tmp_path, store))) == items


def test_the_files_of_a_sample_lie_together_with_the_bytes_of_its_images(tmp_path, store, monkeypatch):
    monkeypatch.setattr(webdataset, "SHARD_BYTES", 2500)
    items = [it._replace(split="train") for it in records()]
    folder = written("webdataset", items, tmp_path, store)
    names = []
    for path in sorted(folder.glob("train-*.tar")):
        with tarfile.open(path) as tar:
            for entry in tar:
                names.append(entry.name)
                if not entry.name.endswith("json"):
                    assert tar.extractfile(entry).read() in BYTES.values()
    assert len(list(folder.glob("train-*.tar"))) > 1
    assert names[:4] == ["000000000.jpg", "000000000.json", "000000001.jpg", "000000001.json"]
    assert [name for name in names if name.startswith("000000004")] == [
        f"000000004.{end}" for end in ("0.jpg", "1.png", "2.png", "json")
    ]


@pytest.mark.parametrize("damage", [lambda data: data[:700], lambda data: data.replace(b'"turn":0', b'"turn":7')])
def test_a_damaged_shard_is_named(damage, tmp_path, store):
    path = written("webdataset", records()[:2], tmp_path, store) / "train-000000.tar"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"train-000000\.tar"):
        list(webdataset.read(tmp_path))


def test_a_folder_without_shards_is_no_webdataset(tmp_path):
    with pytest.raises(DataError, match="has no tar files"):
        webdataset.read(tmp_path)


@pytest.mark.parametrize("name", ["messages", "dpo", "sharegpt", "csv", "vlmevalkit", "webdataset"])
def test_a_release_of_any_format_counts_what_it_was_given(name, tmp_path, store):
    manifest = build(records(), tmp_path / "out", name, store, {}, {})
    assert manifest.format == name
    assert {entry.path for entry in manifest.files} | {"manifest.json", "manifest.sha256"} == {
        str(path) for path in contents(tmp_path / "out")
    }
    assert (name in {"vlmevalkit", "webdataset"}) == exports.get(name).QUESTIONS
