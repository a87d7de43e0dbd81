"""Exporters: what each format holds, that jsonl loses nothing, that the same items give the same bytes."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import exports
from curation import registry
from curation.errors import DataError, MissingError
from curation.release import build
from exports import Item, _shards, jsonl, llava, parquet
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stages, Trace, parse_tagged
from tests.release_items import BYTES, REFS, WHEN, contents, image_folder, item, records, records_for, trace, written

NAMES = registry.names("exports")


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("store"))


# Every format


def test_the_records_reach_every_split():
    assert {it.split for it in records()} == {"train", "validation", "test"}


@pytest.mark.parametrize("name", NAMES)
def test_every_format_gives_the_same_bytes_at_another_time_and_place(name, tmp_path, store, monkeypatch):
    build(records_for(name), tmp_path / "a", name, store, {}, {})
    monkeypatch.setattr("time.time", lambda: 4e9)
    build(records_for(name), tmp_path / "elsewhere" / "b", name, store, {}, {})
    first = contents(tmp_path / "a")
    assert first == contents(tmp_path / "elsewhere" / "b")
    assert len(first) > 2
    assert exports.get(name).FORMAT_VERSION >= 1


@pytest.mark.parametrize("name", NAMES)
def test_no_format_writes_a_path_of_this_machine(name, tmp_path, store):
    build(records_for(name), tmp_path / "out", name, store, {}, {})
    marks = [
        str(tmp_path).encode(),
        str(Path.home()).encode() + b"/",
        store(REFS[0]).parent.name.encode() + b"/",
    ]
    for path, data in contents(tmp_path / "out").items():
        assert not [mark for mark in marks if mark in data], path


@pytest.mark.parametrize("name", NAMES)
def test_no_format_puts_an_image_into_the_file_of_another_split(name, tmp_path, store):
    splits_of = {ref.digest: it.split for it in records() for ref in it.sample.images}
    for path, data in contents(written(name, records_for(name), tmp_path / "out", store)).items():
        in_split = next((split for split in set(splits_of.values()) if path.name.startswith(split)), None)
        for digest, split in splits_of.items():
            shown = digest.removeprefix("sha256:").encode() in data or BYTES[digest] in data
            assert not (in_split and shown and split != in_split), (path, digest)


@pytest.mark.parametrize("name", ["jsonl", "llava", "parquet"])
def test_an_image_that_is_gone_or_has_changed_stops_the_export(name, tmp_path, store):
    with pytest.raises(MissingError, match=f"{REFS[0].digest} can't be read"):
        written(name, records(), tmp_path / "a", lambda ref: tmp_path / "nowhere")
    with pytest.raises(DataError, match=f"no longer holds the image {REFS[0].digest}"):
        written(name, records(), tmp_path / "b", lambda ref: store(REFS[1]))


@pytest.mark.parametrize("name", ["jsonl", "llava", "parquet"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name, tmp_path, store):
    with pytest.raises(ValueError, match="can't name a file"):
        written(name, [records()[0]._replace(split="../x")], tmp_path / "out", store)


def test_exporters_do_not_import_what_only_other_parts_need():
    code = (
        "import sys, exports.jsonl, exports.llava; print('pyarrow' in sys.modules); import exports.parquet; "
        "print({'torch', 'streamlit', 'openai', 'sqlalchemy', 'datasets'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["False", "set()"]


# jsonl


TEXT = st.text(st.characters(), max_size=12)
"""Half characters too."""
LABEL = st.from_regex(r"\S{1,8}", fullmatch=True)
STAGE = st.text(st.characters(), min_size=1, max_size=12).filter(lambda text: text.strip() and "<" not in text)
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30))])
TURN = st.builds(
    Turn,
    question=TEXT,
    targets=st.lists(TEXT, max_size=2).map(tuple),
    choices=st.lists(TEXT, max_size=3).map(tuple),
    context=TEXT,
    scorer=st.none() | TEXT,
)
PROVENANCE = st.builds(
    Provenance,
    kind=st.sampled_from(["model", "simulated", "human", "imported"]),
    created_at=st.datetimes(datetime(1990, 1, 2), datetime(2090, 1, 1), timezones=ZONES),  # noqa: DTZ001
    model=st.none() | TEXT,
    recipe=st.none() | TEXT,
    calls=st.lists(TEXT, max_size=2).map(tuple),
    parent=st.none() | TEXT,
)


@st.composite
def item_lists(draw):
    ids = draw(st.sets(st.from_regex(r"[a-zß]{1,3}/[a-z]{1,3}/[^\s]{1,4}", fullmatch=True), max_size=3))
    return [draw(items(sample_id)) for sample_id in sorted(ids)]


@st.composite
def items(draw, sample_id):
    turns = draw(st.lists(TURN, min_size=1, max_size=3))
    refs = draw(st.lists(st.sampled_from(REFS), max_size=3))
    labels = draw(st.dictionaries(LABEL, TEXT, max_size=2))
    traced = draw(st.sets(st.sampled_from(range(len(turns)))))
    stages = st.builds(Stages, summary=STAGE, caption=STAGE, reasoning=STAGE, conclusion=STAGE)
    traces = [
        Trace(sample_id=sample_id, turn=turn, stages=draw(stages), provenance=draw(PROVENANCE))
        for turn in sorted(traced)
    ]
    split = draw(st.sampled_from(["train", "validation", "test"]))
    sample = Sample(id=sample_id, images=tuple(refs), turns=tuple(turns), labels=labels)
    return Item(sample, tuple(traces), split)


@settings(max_examples=80, deadline=None)
@given(drawn=item_lists())
def test_jsonl_reads_back_what_it_wrote(drawn, store):
    with tempfile.TemporaryDirectory() as folder:
        jsonl.write(drawn, Path(folder), store)
        assert list(jsonl.read(Path(folder))) == drawn
        for ref in {ref for it in drawn for ref in it.sample.images}:
            assert jsonl.image_file(Path(folder), ref).read_bytes() == BYTES[ref.digest]


def test_a_format_has_read_only_where_it_gives_the_records_back():
    assert [name for name in NAMES if hasattr(exports.get(name), "read")] == ["jsonl", "parquet", "webdataset"]


def test_jsonl_gives_the_records_of_all_splits_in_the_order_of_their_ids(tmp_path, store):
    assert list(jsonl.read(written("jsonl", records(), tmp_path, store))) == records()


def test_jsonl_names_the_file_and_line_of_a_damaged_record(tmp_path, store):
    path = written("jsonl", records(), tmp_path, store) / "data" / "train.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    count = Counter(it.split for it in records())["train"]
    with pytest.raises(DataError, match=rf"train\.jsonl, line {count} is not a record of the format jsonl"):
        list(jsonl.read(tmp_path))


def test_jsonl_refuses_a_trace_that_was_changed(tmp_path, store):
    path = written("jsonl", records(), tmp_path, store) / "data" / "train.jsonl"
    path.write_bytes(path.read_bytes().replace(b"I will look.", b"I won't look", 1))
    with pytest.raises(DataError, match=r"line 1 .* does not belong to this content"):
        list(jsonl.read(tmp_path))


def test_jsonl_refuses_a_folder_that_is_something_else(tmp_path):
    with pytest.raises(DataError, match="has no folder data/"):
        jsonl.read(tmp_path)


# llava


def llava_records(folder):
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("ascii").splitlines()]
    return {record["id"]: record for record in map(json.loads, lines)}


def test_llava_has_the_originals_fields_and_white_space(tmp_path, store):
    record = llava_records(written("llava", records(), tmp_path, store))["chartqa/train/1"]
    assert list(record) == ["id", "image", "conversations"]
    assert (tmp_path / record["image"]).read_bytes() == BYTES[REFS[0].digest]
    assert record["image"].startswith("image/chartqa/")
    assert record["conversations"] == [
        {"from": "human", "value": "A hint.\nWhich?\nA. one\nB. δύο"},
        {
            "from": "gpt",
            "value": "<SUMMARY> I will look. </SUMMARY>\n\n<CAPTION> A chart — 图表. </CAPTION>\n\n"
            "<REASONING> 1 < 2\n\nso B </REASONING>\n\n<CONCLUSION> B </CONCLUSION>",
        },
    ]


def test_llava_text_is_read_back_by_the_parser(tmp_path, store):
    stages = trace("a/b/c").stages
    assert parse_tagged(llava.answer_text(stages)) == stages


def test_llava_leaves_out_turns_and_samples_without_a_trace(tmp_path, store):
    untraced = item("zz/train/1", (Turn(question="?"),), traced=())
    found = llava_records(written("llava", [*records(), untraced], tmp_path, store))
    assert found.keys() == {it.sample.id for it in records()}
    assert [turn["from"] for turn in found["sharegpt4v/train/x"]["conversations"]] == ["human", "gpt"] * 2


def test_llava_names_one_image_a_list_of_several_and_none_at_all(tmp_path, store):
    found = llava_records(written("llava", records(), tmp_path, store))
    assert isinstance(found["geoqa/train/二"]["image"], str)
    assert [(tmp_path / name).is_file() for name in found["pisc/val/b"]["image"]] == [True] * 3
    assert "image" not in found["zeta/test/2"]


def test_llava_writes_no_file_for_a_split_without_records(tmp_path, store):
    written("llava", [it._replace(split="train") for it in records()], tmp_path, store)
    assert [path.name for path in tmp_path.glob("*.jsonl")] == ["train.jsonl"]


# parquet


def one_image_records():
    return [it for it in records() if len(it.sample.images) < 2]


def loaded(folder, cache, **options):
    return datasets.load_dataset(str(folder), cache_dir=str(cache), **options)


def test_parquet_folder_loads_with_its_splits_and_images(tmp_path, store):
    build(one_image_records(), tmp_path / "out", "parquet", store, {}, {})
    found = loaded(tmp_path / "out", tmp_path / "cache")
    expected = Counter(it.split for it in one_image_records() for _ in it.traces)
    assert {split: len(rows) for split, rows in found.items()} == expected
    for rows in found.values():
        assert rows.features["image"] == datasets.Image()
        assert rows.features["images"] == datasets.List(datasets.Image())
    by_id = {row["id"]: row for rows in found.values() for row in rows}
    assert by_id["geoqa/train/二#0"]["image"].size == (REFS[1].width, REFS[1].height)
    assert by_id["zeta/test/2#0"]["image"] is None


def test_parquet_rows_hold_the_record(tmp_path, store):
    folder = written("parquet", one_image_records(), tmp_path / "out", store)
    files = sorted(str(path) for path in folder.rglob("*.parquet"))
    found = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"), split="train")
    rows = {row["id"]: row for row in found.cast_column("image", datasets.Image(decode=False))}
    row = rows["chartqa/train/1#0"]
    made = trace("chartqa/train/1")
    assert row["image"] == {"bytes": BYTES[REFS[0].digest], "path": f"{REFS[0].digest[7:]}.jpg"}
    assert (row["question"], row["context"], row["choices"]) == ("Which?", "A hint.", ["one", "δύο"])
    assert (row["answer"], row["answers"], row["history"]) == ("B", ["B", "b"], [])
    assert (row["summary"], row["reasoning"], row["text"]) == ("I will look.", "1 < 2\n\nso B", made.text)
    assert json.loads(row["labels"]) == {"origin": "human", "note": '„Zitat" ✓'}
    assert (row["trace_id"], row["kind"], row["model"], row["created_at"]) == (
        made.id,
        "simulated",
        None,
        WHEN,
    )
    assert (row["sample_id"], row["source"], row["source_split"]) == ("chartqa/train/1", "chartqa", "train")


def test_parquet_gives_a_turn_the_earlier_turns_that_have_a_trace(tmp_path, store):
    folder = written("parquet", one_image_records(), tmp_path / "out", store)
    found = [row for path in folder.rglob("*.parquet") for row in pq.read_table(path).to_pylist()]
    rows = {row["id"]: row for row in found}
    assert "sharegpt4v/train/x#1" not in rows
    assert (rows["sharegpt4v/train/x#2"]["turn"], rows["sharegpt4v/train/y#1"]["history"]) == (2, [])
    text = trace("sharegpt4v/train/x").text
    assert rows["sharegpt4v/train/x#2"]["history"] == [{"question": "¿Cuántos? 几个?\u2028", "text": text}]


def test_parquet_brings_times_to_utc(tmp_path, store):
    there = WHEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    it = item("a/b/c", (Turn(question="?"),), traced=())
    written("parquet", [it._replace(traces=(trace("a/b/c", created_at=there),))], tmp_path, store)
    assert pq.read_table(next(tmp_path.rglob("*.parquet")))["created_at"].to_pylist() == [WHEN]


def test_parquet_streams(tmp_path, store):
    written("parquet", one_image_records(), tmp_path / "out", store)
    rows = loaded(tmp_path / "out", tmp_path / "cache", split="train", streaming=True)
    assert {row["image"].size for row in rows if row["image"]} >= {(REFS[0].width, REFS[0].height)}


def test_parquet_shows_several_images_where_a_sample_has_them(tmp_path, store):
    late = item("zz/train/1", (Turn(question="?"),), REFS[2:5], split="train")
    early = [it._replace(split="train") for it in one_image_records()[:3]]
    other = item("zeta/test/9", (Turn(question="?"),), REFS[7:8], split="test")
    written("parquet", [*early, other, late], tmp_path / "out", store)
    found = loaded(tmp_path / "out", tmp_path / "cache")
    assert found["train"].features["images"] == datasets.List(datasets.Image())
    assert found["test"].features == found["train"].features
    rows = {row["id"]: row for split in found.values() for row in split}
    assert [shown.size for shown in rows["zz/train/1#0"]["images"]] == [(r.width, r.height) for r in REFS[2:5]]
    assert rows["zz/train/1#0"]["image"].size == (REFS[2].width, REFS[2].height)
    assert rows["zeta/test/9#0"]["images"] is None
    assert rows["chartqa/train/1#0"]["image"].size == (REFS[0].width, REFS[0].height)


def test_parquet_starts_a_shard_and_a_row_group_at_their_limits(tmp_path, store, monkeypatch):
    size = len(BYTES[REFS[1].digest])
    monkeypatch.setattr(_shards, "GROUP_BYTES", 3 * size)
    monkeypatch.setattr(_shards, "SHARD_BYTES", 6 * size)
    many = [item(f"s/train/{n:02d}", (Turn(question="?"),), (REFS[1],)) for n in range(20)]
    folder = written("parquet", many, tmp_path / "out", store) / "data"
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"train-{n:05d}-of-00004.parquet" for n in range(4)]
    shards = [pq.read_metadata(folder / name) for name in names]
    groups = [[shard.row_group(n).num_rows for n in range(shard.num_row_groups)] for shard in shards]
    assert groups == [[3, 3], [3, 3], [3, 3], [2]]
    rows = [row for name in names for row in pq.read_table(folder / name)["id"].to_pylist()]
    assert rows == [f"{it.sample.id}#0" for it in many]


def test_parquet_reads_an_image_once_for_each_row_group(tmp_path, store):
    many = [item(f"s/train/{n:03d}", (Turn(question="?"),) * 3, (REFS[0],)) for n in range(60)]
    reads = []
    written("parquet", many, tmp_path, lambda ref: reads.append(ref) or store(ref))
    file = pq.ParquetFile(tmp_path / "data" / "train-00000-of-00001.parquet")
    groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    assert groups == [100, 80]
    assert len(reads) <= len(groups)


def test_parquet_leaves_image_bytes_uncompressed_and_text_compressed(tmp_path, store):
    written("parquet", records(), tmp_path, store)
    group = pq.ParquetFile(next(tmp_path.rglob("train*"))).metadata.row_group(0)
    columns = {c.path_in_schema: c for c in map(group.column, range(group.num_columns))}
    images_bytes = [columns["image.bytes"], columns["images.list.element.bytes"]]
    assert {(c.compression, "RLE_DICTIONARY" in c.encodings) for c in images_bytes} == {("UNCOMPRESSED", False)}
    texts = {path: c.compression for path, c in columns.items() if not path.endswith(".bytes")}
    assert set(texts.values()) == {"ZSTD"}
    assert "history.list.element.text" in texts


def test_parquet_metadata_is_what_datasets_would_write(tmp_path):
    for schema in (table.columns for table in parquet._TABLES.values()):
        assert datasets.Features.from_arrow_schema(schema).arrow_schema.equals(schema)
