"""The parquet format: its configurations, what its columns say, and that its records come back as they were."""

import json
import tempfile
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import DataError
from exports import Asked, Item, Parameters, Said, parquet
from exports._trace_rows import reviewed
from schemas.issue import Issue
from schemas.review import Act, Event, Review, StageVerdict
from schemas.sample import Sample, Turn
from schemas.trace import Sampling
from tests.release_items import BYTES, REFS, WHEN, contents, drawn_items, image_folder, item, records, trace, verdict

ALL = parquet.CONFIGURATIONS
QUESTION = Turn(question="Which?", targets=("B", "b"), choices=("one", "δύο"))


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("store"))


def written(items, folder, store, also=ALL):
    folder.mkdir(exist_ok=True)
    parquet.write(iter(items), folder, store, also)
    return folder


def table(folder, name):
    paths = sorted((folder / parquet.FOLDERS[name]).glob("*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def review(who, decision, duty="first", of="sha256:0", **verdicts):
    edited = {"edited": "sha256:1"} if decision == "edit" else {}
    said = Review(trace_id=of, decision=decision, duty=duty, verdicts=verdicts, **edited)
    return Event(id=f"{who}-{duty}", at=WHEN, reviewer=who, act=Act.REVIEW, sample_id="a/b/c", turn=0, review=said)


# Configurations


def failed():
    """A sample with a turn that has a trace, and one that failed."""
    it = item("zz/train/1", (QUESTION, QUESTION), REFS[:1], traced=(0,))
    return it._replace(direct={1: "refused: it would not"})


def test_each_configuration_loads_by_its_files(tmp_path, store):
    items = [*records(), failed()]
    folder = written(items, tmp_path / "out", store)
    assert {path.name for path in folder.iterdir()} == {"data", "direct", "preferences", "rejected"}
    for name in ("direct", "preferences", "rejected"):
        files = sorted(str(path) for path in (folder / name).iterdir())
        rows = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
        assert len(rows) == sum(parquet.rows(folder)[name].values())
        shown = rows[0]["images"][0] if rows[0].get("images") else rows[0]["image"]
        assert shown.size[1] == 30


def test_what_is_not_asked_for_is_not_written(tmp_path, store):
    folder = written([*records(), failed()], tmp_path / "out", store, also=())
    assert [path.name for path in folder.iterdir()] == ["data"]


def test_a_turn_whose_trace_failed_has_its_question_and_answer_and_the_earlier_turns(tmp_path, store):
    [row] = table(written([failed()], tmp_path / "out", store), "direct")
    assert (row["id"], row["answer"], row["answers"], row["reason"]) == (
        "zz/train/1#1",
        "B",
        ["B", "b"],
        "refused: it would not",
    )
    assert row["image"]["bytes"] == BYTES[REFS[0].digest]
    assert row["history"] == [{"question": "Which?\nA. one\nB. δύο", "text": trace("zz/train/1").text}]
    assert not {"summary", "text"} & row.keys()


def test_a_rejected_trace_says_why(tmp_path, store):
    rows = {row["sample_id"]: row for row in table(written(records(), tmp_path / "out", store), "rejected")}
    row = rows["pisc/val/b"]
    assert (row["rule"], row["line"], row["reason"], row["errors"]) == (
        "severity.out",
        2,
        "has an error",
        ["answer:wrong"],
    )
    assert [cell["bytes"] for cell in row["images"]] == [BYTES[ref.digest] for ref in REFS[3:6]]


def test_rows_are_counted_by_configuration_and_split(tmp_path, store):
    folder = written([it._replace(split="train") for it in records()], tmp_path / "out", store)
    assert parquet.rows(folder) == {"default": {"train": 11}, "preferences": {"train": 2}, "rejected": {"train": 3}}
    assert parquet.rows(tmp_path) == {}


def test_an_image_is_read_once_for_all_configurations(tmp_path, store):
    reads = []
    items = [it for it in records() if it.sample.id == "pisc/val/b"]
    written(items, tmp_path / "out", lambda ref: reads.append(ref) or store(ref))
    assert len(reads) == 3


# Columns


def test_reviews_come_to_a_count_a_verdict_and_scores():
    good, bad = StageVerdict.POSITIVE, StageVerdict.NEGATIVE
    assert reviewed([]) is None
    agreed = reviewed([review("a", "accept", caption=good), review("b", "accept", "second", caption=bad)])
    assert (agreed["count"], agreed["verdict"], agreed["agreement"]) == (2, "accept", 1.0)
    assert agreed["scores"] == {"summary": None, "caption": 0.0, "reasoning": None, "conclusion": None}
    apart = [review("a", "accept"), review("b", "reject", "second")]
    assert (reviewed(apart)["verdict"], reviewed(apart)["agreement"]) == (None, 0.0)
    ruled = reviewed([*apart, review("c", "reject", "adjudication")])
    assert (ruled["count"], ruled["verdict"]) == (3, "reject")
    assert ruled["agreement"] == pytest.approx(1 / 3)
    changed = reviewed([review("a", "reject"), review("a", "accept", "second")])
    assert (changed["count"], changed["verdict"], changed["agreement"]) == (1, "accept", None)


def test_the_columns_say_what_was_found_said_and_asked(tmp_path, store):
    made = trace("a/b/c", recipe="blind", calls=("sha256:1", "sha256:2"), sampling=SAMPLING)
    found = Issue(
        sample_id="a/b/c",
        turn=0,
        trace_id=made.id,
        code="answer:near",
        severity="warning",
        stage="caption",
        message="m",
    )
    said = Said((review("ada", "accept", of=made.id),), (verdict(made, caption="A chart"),), (found,))
    asked = Asked((Parameters("sha256:1", temperature=1, seed=3, max_tokens=9),), answer_shown=True)
    it = Item(Sample(id="a/b/c", turns=(QUESTION,)), (made,), "train", said={made.id: said}, asked={made.id: asked})
    [row] = table(written([it], tmp_path / "out", store), "default")
    assert row["issues"] == [{"code": "answer:near", "severity": "warning", "stage": "caption", "message": "m"}]
    assert (row["reviews"]["count"], row["reviews"]["verdict"]) == (1, "accept")
    [judgement] = row["judgements"]
    assert (judgement["model"], judgement["caption"], judgement["simulated"]) == ("m", "negative", False)
    assert row["calls"] == [
        {"key": "sha256:1", "temperature": 1.0, "top_p": None, "seed": 3, "max_tokens": 9},
        {"key": "sha256:2", "temperature": None, "top_p": None, "seed": None, "max_tokens": None},
    ]
    assert (row["answer_shown"], row["samples_asked"], row["samples_right"], row["agreement"]) == (False, 4, 3, 0.75)
    assert "ada" not in json.dumps(row, default=str)


SAMPLING = Sampling(samples=4, right=3, rationalised=False)


@pytest.mark.parametrize(("kind", "edited", "repaired"), [("human", True, False), ("model", False, True)])
def test_an_edit_and_a_repair_are_told_apart(kind, edited, repaired, tmp_path, store):
    it = item("a/b/c", (QUESTION,))._replace(traces=(trace("a/b/c", kind=kind, parent="sha256:0"),))
    [row] = table(written([it], tmp_path / "out", store), "default")
    assert (row["edited"], row["repaired"], row["parent"]) == (edited, repaired, "sha256:0")


# Reading back


def test_the_records_of_all_splits_come_back_in_the_order_of_their_ids(tmp_path, store):
    items = [*records(), failed()]
    assert list(parquet.read(written(items, tmp_path / "out", store))) == items


def test_the_images_come_back_with_what_is_known_of_them(tmp_path, store):
    folder = written(records(), tmp_path / "out", store)
    expected = {(ref, BYTES[ref.digest]) for it in records() for ref in it.sample.images}
    assert set(parquet.pictures(folder)) == expected


@settings(max_examples=25)
@given(drawn=st.lists(drawn_items(), max_size=3, unique_by=lambda it: it.sample.id))
def test_what_was_written_is_read_back_whatever_the_texts_are(drawn, store):
    items = sorted((it for it in drawn if it.traces or it.rejected or it.direct), key=lambda it: it.sample.id)
    with tempfile.TemporaryDirectory() as folder:
        written(items, Path(folder), store)
        assert list(parquet.read(Path(folder)) if items else []) == items


def test_half_characters_are_replaced_in_the_columns_and_come_back_from_the_record(tmp_path, store):
    it = item("a/b/c", (Turn(question="\ud800?"),))
    folder = written([it], tmp_path / "out", store)
    [row] = table(folder, "default")
    assert row["question"] == "\ufffd?"
    assert list(parquet.read(folder)) == [it]


def test_a_record_that_was_changed_is_named(tmp_path, store):
    folder = written(records(), tmp_path / "out", store)
    path = next((folder / "data").glob("train-00000*"))
    rows = pq.read_table(path)
    changed = rows.set_column(rows.schema.get_field_index("summary"), "summary", [["Another."] * len(rows)])
    pq.write_table(changed, path)
    with pytest.raises(DataError, match=r"train.*, chartqa/train/1#0 is not a record of the format parquet.*the id"):
        list(parquet.read(folder))


@pytest.mark.parametrize("column", ["sample_id", "turn", "errors", "record", "trace_id"])
def test_what_is_missing_in_a_row_is_named(column, tmp_path, store):
    folder = written(records()[:1], tmp_path / "out", store)
    [path] = (folder / "data").iterdir()
    rows = pq.read_table(path)
    place, kind = rows.schema.get_field_index(column), rows.schema.field(column).type
    pq.write_table(rows.set_column(place, column, pa.nulls(len(rows), kind)), path)
    with pytest.raises(DataError, match=r"train-00000-of-00001\.parquet"):
        list(parquet.read(folder))


def test_a_folder_that_is_something_else_is_refused(tmp_path):
    with pytest.raises(DataError, match="has no Parquet files of a release"):
        parquet.read(tmp_path)


def test_the_same_items_give_the_same_bytes_of_all_configurations(tmp_path, store):
    one, two = (contents(written([*records(), failed()], tmp_path / name, store)) for name in "ab")
    assert one == two
