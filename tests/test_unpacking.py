"""Releases of any lossless format are trained on and asked: what models are given is the same as from jsonl."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import release, train, verify
from curation.errors import DataError
from curation.evaluation.questions import of_release
from curation.families import Exchange, tiny
from curation.releases.unpacking import unpacked
from curation.training import index
from curation.training.arms import ask
from curation.training.records import texts
from exports import jsonl
from schemas.sample import Turn
from tests import small_release
from tests.release_items import BYTES, REFS, drawn_items, image_folder, item, records


def _id(it):
    return it.sample.id


ARMS = ("curated", "raw", "direct", "no-tags")
OTHERS = ("parquet", "webdataset")


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    return image_folder(tmp_path_factory.mktemp("store"))


def nothing(done, words):
    """Say nothing of how far it is."""


def read_as(form, items, folder, store):
    """Build a release of a format, and return where a model reads it."""
    release.build(items, folder / form, form, store, {}, {})
    return unpacked(folder / form, release.prove(folder / form), folder / "unpacked", nothing)


def rows_of(folder, split):
    rows = index(folder, split)
    said = []
    for number in range(len(rows.lengths)):
        row = rows.read(number)
        given = row.line.sample, row.trace, row.line.traces, row.line.errors, *(ask(row, arm) for arm in ARMS)
        said.append((*given, rows.lengths[number], rows.flagged[number], rows.sources[rows.source_ids[number]]))
    return said


@settings(max_examples=8)
@given(drawn=st.lists(drawn_items().filter(lambda it: it.traces), min_size=1, max_size=3, unique_by=_id))
def test_models_are_trained_on_the_same_whatever_the_texts_are(drawn, store):
    items = sorted((it._replace(split="train") for it in drawn), key=_id)
    with tempfile.TemporaryDirectory() as folder:
        jsonl.write(items, Path(folder), store)
        assert rows_of(read_as("parquet", items, Path(folder), store), "train") == rows_of(Path(folder), "train")


@pytest.mark.parametrize("form", OTHERS)
def test_the_images_and_the_questions_are_those_of_the_release(form, tmp_path, store):
    there, here = (read_as(name, records(), tmp_path, store) for name in ("jsonl", form))
    for split in ("train", "validation", "test"):
        assert rows_of(here, split) == rows_of(there, split)
        asked, expected = ({one.key: one for one in of_release(folder, split)} for folder in (here, there))
        traced = {key: one for key, one in expected.items() if key in asked}
        assert asked.keys() == traced.keys()
        assert {key: one.id for key, one in asked.items()} == {key: one.id for key, one in traced.items()}
    shown = {ref for it in records() for ref in it.sample.images}
    assert {ref: jsonl.image_file(here, ref).read_bytes() for ref in shown} == {ref: BYTES[ref.digest] for ref in shown}


def test_train_and_verify_take_a_parquet_release_and_find_the_same(tmp_path):
    losses, reports = [], []
    for form in ("jsonl", "parquet"):
        built = small_release.build(tmp_path / form / "boxes", 6, flagged=2, validation=2, form=form)
        flags = {"steps": 1, "batch": 2, "workers": 0, "threads": 1, "family": "tiny", "workspace": tmp_path / "w"}
        trained = train.run(config=train.Config(release=built, out=tmp_path / form / "run", **flags))
        losses.append((trained.turns, trained.flagged, trained.train, trained.held_out))
        asked = {"split": "validation", "max_tokens": 4, "resamples": 10, "out": tmp_path / form / "asked"}
        config = verify.Config(model=(str(trained.out),), release=built, workspace=tmp_path / "w", **asked)
        reports.append(verify.run(config=config))
    assert losses[0] == losses[1]
    assert [report.questions for report in reports] == [2, 2]
    assert reports[0].systems[0].accuracy == reports[1].systems[0].accuracy
    [folder] = (tmp_path / "w" / "unpacked").iterdir()
    assert folder.name.startswith("boxes-")


def test_what_was_unpacked_is_not_unpacked_again(tmp_path, store):
    folder = read_as("parquet", records(), tmp_path, store)
    (folder / "mark").touch()
    assert read_as("parquet", records(), tmp_path, store) == folder
    assert (folder / "mark").exists()


def test_an_image_that_is_not_what_its_record_says_is_refused(tmp_path, store):
    one = item("a/train/1", (Turn(question="?"),), REFS[:1])
    release.build([one], tmp_path / "parquet", "parquet", store, {}, {})
    [path] = (tmp_path / "parquet" / "data").iterdir()
    data = path.read_bytes()
    assert data.count(BYTES[REFS[0].digest]) == 1
    path.write_bytes(data.replace(BYTES[REFS[0].digest], bytes(len(BYTES[REFS[0].digest]))))
    with pytest.raises(DataError, match="is not what its record says"):
        unpacked(tmp_path / "parquet", "sha256:" + "0" * 64, tmp_path / "unpacked", nothing)
    assert list((tmp_path / "unpacked").iterdir()) == []


def test_half_characters_reach_no_tokenizer(tmp_path, store):
    odd = item("a/train/1", (Turn(question="half \ud83d of a pair", targets=("\ud83d",)),))
    jsonl.write([odd], tmp_path, store)
    said = list(texts(tmp_path, "train"))
    assert "half \ufffd of a pair" in said
    renderer = tiny.create(said, 0).renderer
    before = [Exchange("\ud83d", "\ud83d")]
    assert renderer.prompt("\ud83d?", [], before) == renderer.prompt("\ufffd?", [], [Exchange("\ufffd", "\ufffd")])
    assert renderer.answer("\ud83d").ids == renderer.answer("\ufffd").ids
    assert ask(index(tmp_path, "train").read(0), "direct").answer == "\ufffd"
