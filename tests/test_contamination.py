"""Traces whose question or picture is in an evaluation set are found, whatever form the set has."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pybase64
import pytest
from sqlalchemy import text

from curation.contamination import compare
from curation.errors import DataError, MissingError
from curation.images import inspect
from curation.similarity.overlap import Distinctive, Pair, same_question
from curation.store import Store
from curation.store.steps import put_samples, put_traces
from curation.validate import Config, run
from exports import Item, jsonl
from schemas.issue import Issue
from schemas.sample import Sample, Turn
from tests.bad_images import bomb
from tests.records import trace
from tests.test_pictures import altered, chart, encoded

ASKED = "Which colour does the highest bar of this chart have?"
LONG = "A farmer walks from his house to the market with three sheep and sells two of them before noon"


def sample(number: int, question: str, picture: int) -> Sample:
    ref = inspect(encoded(chart(picture))).ref
    return Sample(id=f"src/train/{number}", images=(ref,), turns=(Turn(question=question, targets=("x",)),))


@pytest.fixture
def filled(sqlite, tmp_path):
    with Store.open(tmp_path / "workspace", create=True) as store:
        yield fill(store)


def fill(store):
    samples = [sample(1, ASKED, 1), sample(2, "How many bars are there?", 2), sample(3, f"{LONG}. How many?", 3)]
    for seed in (1, 2, 3):
        store.images.put(inspect(encoded(chart(seed))))
    store.write(put_samples, samples)
    store.write(put_traces, [trace(one.id) for one in samples])
    return store


def cell(data: bytes) -> str:
    return pybase64.b64encode(data).decode()


def tsv(path, *rows: dict[str, str], tail: str = ""):
    with path.open("w", newline="") as file:
        lines = csv.DictWriter(file, ["index", "image", "question", "A"], delimiter="\t", restval="")
        lines.writeheader()
        lines.writerows(rows)
        file.write(tail)
    return path


def row(index: str, picture: int | None, question: str, how: str = "half") -> dict[str, str]:
    image = cell(altered(chart(picture))[how]) if picture is not None else ""
    return {"index": index, "image": image, "question": question}


def found(store) -> list[tuple[str, str, Pair]]:
    with store.engine.connect() as connection:
        records = connection.execute(text("SELECT record FROM issues WHERE validator = 'contamination'")).scalars()
        issues = [Issue.model_validate_json(record) for record in records]
    pairs = [(one.sample_id[-1], one.code.partition(":")[2], Pair.model_validate_json(one.evidence)) for one in issues]
    return sorted(pairs, key=str)


def quiet(*_: object) -> None:
    """Say nothing."""


# Questions


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Which bar is the highest?", "which bar  is the HIGHEST", True),
        ("Which bar is the highest?", "Hint: answer with a word.\nWhich bar is the highest?\nred\nblue", True),
        ("Which bar is the highest?", "Which bar is the lowest of all of them?", False),
        ("What is this?", "What does the sign say about parking?", False),
        ("图中最高的柱子是什么颜色?", "图中最高的柱子是什么颜色?请回答", True),
        ("", "", True),
        ("", "Why?", False),
        ("\0\ud800", "x" * 100_000, False),
    ],
)
def test_a_question_is_told_whatever_stands_around_it(one, other, same):
    assert same_question(one, other) is same
    assert same_question(other, one) is same


def test_long_sequences_of_words_are_shared_and_the_form_of_a_data_set_is_not():
    form = "Answer the following question about the picture with one word or with one number only: "
    distinctive = Distinctive([f"{form}{number}" for number in range(20)] + [f"{LONG}. Why?"])
    assert set(distinctive.shared(f"So: {LONG.lower()}. How many?").values()) == {20}
    assert distinctive.shared(form) == {}
    assert distinctive.shared("What color is this?") == {}


# Sets


def test_pairs_pictures_and_questions_are_found(store, tmp_path):
    filled = fill(store)
    path = tsv(tmp_path / "Bench.tsv", row("7", 1, ASKED), row("8", 2, "Who?", "jpeg"), row("9", 5, f"{LONG}. Why?"))
    report = compare(filled, path, quiet)
    assert (report.checked, report.rows, report.pictures, report.unusable) == (3, 3, 3, 0)
    assert report.found == {"contamination:image": 1, "contamination:pair": 1, "contamination:question": 1}
    (one, two, three) = found(filled)
    assert (one[:2], one[2].benchmark, one[2].index) == (("1", "pair"), "Bench", "7")
    assert (two[:2], two[2].index) == (("2", "image"), "8")
    assert (three[:2], three[2].index, three[2].image) == (("3", "question"), "9", None)
    for pair in (one[2], two[2]):
        assert pair.difference < 0.5
        assert filled.images.path(pair.image).exists()


def test_a_set_is_compared_once_and_another_one_anew(filled, tmp_path):
    path = tsv(tmp_path / "Bench.tsv", row("7", 1, ASKED))
    config = Config(workspace=filled.folder, only=("structure",), against=(str(path),))
    first = run(config=config)
    assert first.checked["contamination"] == 3
    again = run(config=config)
    assert (again.checked["contamination"], again.issues) == (0, first.issues)
    assert again.lines()[1] == "Every trace was compared with Bench before."
    other = tsv(tmp_path / "Other.tsv", row("1", 2, "How many bars are there?"))
    third = run(config=config.model_copy(update={"against": (str(path), str(other))}))
    assert [one.checked for one in third.against] == [0, 3]
    assert [pair[:2] for pair in found(filled)] == [("1", "pair"), ("2", "pair")]
    filled.write(put_traces, [trace("src/train/1", at=5, conclusion="no")])
    assert compare(filled, path, quiet).checked == 1


def test_a_picture_can_be_that_of_another_row(filled, tmp_path):
    rows = [{"index": "1", "image": "2", "question": ASKED}, row("2", 1, "Who?")]
    compare(filled, tsv(tmp_path / "b.tsv", *rows), quiet)
    [(_, what, pair)] = found(filled)
    assert (what, pair.index) == ("pair", "1")
    assert filled.images.path(pair.image).exists()


BAD = [
    ({"image": "!" * 99}, "not base64"),
    ({"image": cell(bomb())}, "bomb"),
    ({"image": ""}, "empty file"),
    ({"image": "[" + cell(b"x")}, "begins as a list, and is none"),
    ({"image": "99"}, "that of row '99', which has none"),
]


@pytest.mark.parametrize(("cells", "reason"), BAD)
def test_a_bad_image_is_named_and_the_others_are_compared(filled, tmp_path, cells, reason):
    report = compare(filled, tsv(tmp_path / "b.tsv", row("1", None, "q") | cells, row("2", 1, ASKED)), quiet)
    [fault] = report.faults
    assert fault.startswith("b.tsv, line 2: ")
    assert reason in fault
    assert report.found == {"contamination:pair": 1}


def test_a_torn_row_is_named(filled, tmp_path):
    report = compare(filled, tsv(tmp_path / "b.tsv", row("1", 1, ASKED), tail="2\tx\n"), quiet)
    assert report.faults == ("b.tsv, line 3: not as many cells as there are columns",)


def test_a_set_without_pictures_is_compared_by_its_questions(filled, tmp_path):
    report = compare(filled, tsv(tmp_path / "b.tsv", row("1", None, ASKED), row("2", None, LONG)), quiet)
    assert report.found == {"contamination:question": 1}
    assert report.unusable == 2


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("b.tsv", b"", "lacks the columns image, question"),
        ("b.tsv", b"index\tquestion\timage\n", "has no row to compare with: it has none"),
        ("b.tsv", b"index\tquestion\timage\n1\n", "no row to compare with: b.tsv, line 2: not as many cells"),
        ("b.tsv", bytes(range(256)) * 9, "lacks the columns"),
        ("b.parquet", b"", "no parquet file, or it is damaged"),
        ("b.parquet", b"PAR1 nonsense PAR1", "no parquet file, or it is damaged"),
        ("b.csv", b"a,b", "is no evaluation set"),
    ],
)
def test_a_file_of_another_form_is_one_clear_error(filled, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words) as raised:
        compare(filled, tmp_path / name, quiet)
    assert "\n" not in str(raised.value)
    assert found(filled) == []


def test_a_file_that_is_not_there_is_said(filled, tmp_path):
    with pytest.raises(MissingError, match=r"none\.tsv: there is no such file"):
        compare(filled, tmp_path / "none.tsv", quiet)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="is no evaluation set"):
        compare(filled, tmp_path / "empty", quiet)


def test_parquet_in_the_hub_s_form_is_read(filled, tmp_path):
    images = [{"bytes": altered(chart(1))["webp"], "path": "1.webp"}, {"bytes": None, "path": "2.png"}]
    table = pa.table({"id": ["x1", "x2"], "question": [ASKED, None], "image": images})
    (tmp_path / "set/data").mkdir(parents=True)
    pq.write_table(table, tmp_path / "set/data/test.parquet")
    report = compare(filled, tmp_path / "set", quiet)
    assert (report.name, report.rows, report.unusable) == ("set", 2, 1)
    assert [(pair[1], pair[2].index) for pair in found(filled)] == [("pair", "x1")]


def test_parquet_with_other_columns_is_refused(filled, tmp_path):
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match="needs the columns question or query"):
        compare(filled, tmp_path / "b.parquet", quiet)


def test_a_release_is_read_and_a_sample_not_compared_with_itself(filled, tmp_path):
    folder = tmp_path / "release"
    folder.mkdir()
    items = [Item(sample(1, ASKED, 1), (), "test"), Item(sample(4, "How many bars are there?", 2), (), "test")]
    jsonl.write(items, folder, filled.images.path)
    compare(filled, folder, quiet)
    assert [(pair[0], pair[1], pair[2].index) for pair in found(filled)] == [("2", "pair", "src/train/4#0")]


def test_the_report_is_json(filled, tmp_path):
    config = Config(workspace=filled.folder, against=(str(tsv(tmp_path / "b.tsv", row("1", 1, ASKED))),))
    [against] = json.loads(json.dumps(run(config=config).as_json()))["against"]
    assert against["digest"].startswith("sha256:")
