"""Our files, read by the code of those who will read them: datasets, webdataset, LLaMA-Factory, VLMEvalKit.

LLaMA-Factory and VLMEvalKit pin what we need in other versions: each lives in an environment of its own, in the folder
that READERS names or, if that is unset, in .venv-readers; tests/readers/install.sh makes both.
"""

import gc
import json
import os
import shutil
import subprocess
import warnings
from collections import Counter
from pathlib import Path

import datasets
import pytest

from curation.prompts.wording import answer_text, question_text
from exports.csv import COLUMNS
from schemas.digest import digest_bytes
from schemas.sample import Turn
from tests.release_items import BYTES, REFS, image_folder, item, records, records_for, written

HERE = Path(__file__).parent
LOADED = ("parquet", "messages", "dpo", "prm", "jsonl", "llava", "sharegpt")
"""Formats that `datasets.load_dataset(FOLDER)` reads by itself."""
QUESTION = Turn(question="Which?", targets=("None",), choices=("None", "two"), context="A hint.")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("store"))


def by_split(items):
    return Counter(it.split for it in items)


# datasets


@pytest.fixture(scope="module", params=LOADED)
def loaded(request, tmp_path_factory, store):
    """The name of a format, the folder of a release in it, and how `datasets` reads it."""
    home = tmp_path_factory.mktemp(request.param)
    folder = written(request.param, records_for(request.param), home / "out", store)
    return request.param, str(folder), datasets.load_dataset(str(folder), cache_dir=str(home / "cache"))


def test_datasets_reads_every_split(loaded):
    name, _, found = loaded
    samples = {split: len({row_id(row) for row in rows}) for split, rows in found.items()}
    wanted = [
        it for it in records() if name != "dpo" or (it.rejected and it.traces[-1].turn == it.rejected[-1].trace.turn)
    ]
    assert samples == by_split(wanted)


def row_id(row):
    """The id of the sample that a row is of."""
    return (row["id"] if "id" in row else row["sample"]["id"]).split("#")[0]


@pytest.fixture
def open_files():
    """What these readers leave open is closed while warnings of it pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.mark.usefixtures("open_files")
def test_datasets_streams_the_same_rows(loaded):
    _, folder, found = loaded
    streamed = datasets.load_dataset(folder, streaming=True)
    assert {split: [row_id(row) for row in rows] for split, rows in streamed.items()} == {
        split: [row_id(row) for row in rows] for split, rows in found.items()
    }


def test_datasets_has_the_bytes_of_the_images_that_are_inside(loaded):
    name, _, found = loaded
    seen = {digest_bytes(cell["bytes"]) for rows in found.values() for cell in cells(rows) if isinstance(cell, dict)}
    shown = {
        "parquet": BYTES.keys(),
        "messages": BYTES.keys(),
        "prm": BYTES.keys(),
        "dpo": {ref.digest for ref in [*REFS[3:6], REFS[6]]},
    }
    assert seen == shown.get(name, set())


def cells(rows):
    """What stands in the columns of images, undecoded."""
    for column in {"image", "images"} & rows.features.keys():
        for value in rows.data.column(column).to_pylist():
            yield from value if isinstance(value, list) else [value]


def test_datasets_reads_a_csv_when_told_that_its_cells_are_texts(tmp_path, store):
    folder = written("csv", records_for("csv"), tmp_path / "csv", store)
    files = {path.stem: str(path) for path in folder.glob("*.csv")}
    texts = datasets.Features(dict.fromkeys(COLUMNS, datasets.Value("string")))
    found = datasets.load_dataset("csv", data_files=files, features=texts, cache_dir=str(tmp_path / "cache"))
    assert {split: len({row_id(row) for row in rows}) for split, rows in found.items()} == by_split(records())


def test_datasets_reads_a_benchmark_and_the_tasks_of_label_studio(tmp_path, store):
    table = written("vlmevalkit", records(), tmp_path / "tsv", store) / "train_choice.tsv"
    rows = datasets.load_dataset("csv", data_files=str(table), sep="\t", split="train", cache_dir=str(tmp_path / "a"))
    assert {row["answer"] for row in rows} == {"B"}
    tasks = written("label_studio", records(), tmp_path / "tasks", store) / "train.json"
    rows = datasets.load_dataset("json", data_files=str(tasks), split="train", cache_dir=str(tmp_path / "b"))
    assert len(rows) == sum(len(it.traces) for it in records() if it.split == "train")


# webdataset


@pytest.mark.usefixtures("open_files")
def test_webdataset_gives_every_sample_with_its_images(tmp_path, store):
    webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed: it is in the extra dev")
    written("webdataset", records(), tmp_path, store)
    found = {}
    for path in tmp_path.glob("*.tar"):
        for sample in webdataset.WebDataset(str(path), shardshuffle=False).decode("pil"):
            pictures = [sample[name].size for name in sorted(sample) if name.rsplit(".", 1)[-1] in {"png", "jpg"}]
            found[sample["json"]["sample"]["id"]] = (path.name.split("-")[0], pictures)
    assert found == {
        it.sample.id: (it.split, [(ref.width, ref.height) for ref in it.sample.images]) for it in records()
    }


def test_datasets_reads_shards_of_samples_that_have_the_same_files(tmp_path, store):
    items = [item(f"a/train/{number}", (QUESTION,), [ref]) for number, ref in enumerate(REFS[1:3])]
    written("webdataset", items, tmp_path / "out", store)
    shards = {"train": str(tmp_path / "out" / "train-*.tar")}
    rows = datasets.load_dataset("webdataset", data_files=shards, split="train", cache_dir=str(tmp_path / "cache"))
    assert [(row["json"]["sample"]["id"], row["png"].size) for row in rows] == [
        (it.sample.id, (ref.width, ref.height)) for it in items for ref in it.sample.images
    ]


# Programs in environments of their own


def run(name, script, *arguments, **environment):
    """Run a script with the Python of a reader's environment; return the JSON lines that it prints."""
    folder = Path(os.environ.get("READERS") or HERE.parent / ".venv-readers")
    python = folder / name / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{name} is not installed: READERS names the folder, tests/readers/install.sh makes it")
    command = [str(python), str(HERE / "readers" / script), *map(str, arguments)]
    quiet = {"HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=os.environ | quiet | environment, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_llama_factory_reads_sharegpt(tmp_path, store):
    items = [it._replace(split="train") for it in records()]
    marked = item("zz/train/1", (Turn(question="What is <image> here?"),), REFS[:2])
    written("sharegpt", [*items, marked], tmp_path / "out", store)
    rows = run("llamafactory", "read_sharegpt.py", tmp_path / "out", "traces_train")
    assert len(rows) == len(items) + 1
    for it, row in zip([*items, marked], rows, strict=True):
        said = [*row["prompt"], *row["response"]]
        assert [part["role"] for part in said] == ["user", "assistant"] * len(it.traces)
        assert sum(part["content"].count("<image>") for part in said) == len(it.sample.images)
        assert row["sizes"] == [[ref.width, ref.height] for ref in it.sample.images]
        assert said[-1]["content"] == answer_text(it.traces[-1].stages)


def test_vlmevalkit_asks_what_we_ask(tmp_path, store):
    several = (QUESTION, Turn(question='Say "hi"\tand\nthen null', targets=("NULL",), context="Look."))
    items = [
        item("a/val/1", several, REFS[:1], (), "test"),
        item("a/val/2", several, REFS[:1], (), "test"),
        item("a/val/3", several, REFS[1:3], (), "test"),
    ]
    home = written("vlmevalkit", items, tmp_path, store)
    choices = run("vlmevalkit", "read_tsv.py", "test_choice", LMUData=str(home))
    shutil.rmtree(home / "images")
    asked = run("vlmevalkit", "read_tsv.py", "test_open", LMUData=str(home))
    for number, rows in enumerate((choices, asked)):
        assert [row["id"] for row in rows] == [f"a/val/{sample}#{number}" for sample in (1, 2, 3)]
        assert [row["sizes"] for row in rows] == [[[ref.width, ref.height] for ref in it.sample.images] for it in items]
    assert {(row["kind"], row["answer"]) for row in choices} == {("CustomMCQDataset", "A")}
    assert {row["text"][0].replace("None ", "None") for row in choices} == {
        "Hint: A hint.\nQuestion: Which?\nOptions:\nA. None\nB. two\n"
        "Please select the correct answer from the options above. \n"
    }
    assert {(row["kind"], row["answer"].strip()) for row in asked} == {("CustomVQADataset", "NULL")}
    assert {row["text"][0] for row in asked} == {question_text(several[1])}
