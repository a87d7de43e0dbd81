"""Traces that mean the same: a small embedder of the real classes, its vectors kept, neighbours found among many."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from curation import validate
from curation.errors import MissingError
from curation.similarity import vectors as near_vectors
from curation.similarity.embedding import Embedder
from curation.store import Store
from curation.store.steps import put_samples, put_traces
from schemas.sample import Sample, Turn
from schemas.trace import Provenance, Stages, Trace
from tests.release_items import WHEN

SAID = "the a red blue cube ball stands left right of near three two objects are there so it is hence"


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("embedder")
    vocabulary = {word: number for number, word in enumerate(["[UNK]", "[PAD]", *SAID.split()])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        pad_token_id=1,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def record(number, caption, reasoning):
    sample = Sample(id=f"s/train/{number}", turns=(Turn(question="?"),))
    stages = Stages(summary="s", caption=caption, reasoning=reasoning, conclusion="c")
    return sample, Trace(
        sample_id=sample.id, turn=0, stages=stages, provenance=Provenance(kind="simulated", created_at=WHEN)
    )


def put(workspace, *records):
    with Store.open(workspace, create=True) as store:
        store.write(put_samples, [sample for sample, _ in records])
        store.write(put_traces, [(trace, None) for _, trace in records])


def issues(workspace):
    with Store.open(workspace) as store, store.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT record FROM issues WHERE code LIKE 'semantic%'").scalars().all()
    return {found["sample_id"]: found["message"] for found in map(json.loads, rows)}


def check(workspace, embedder):
    return validate.run(config=validate.Config(workspace=workspace, embedder=str(embedder))).checked["semantic"]


def test_a_trace_in_other_words_is_found_once_and_its_vector_is_made_once(tmp_path, embedder, monkeypatch):
    put(
        tmp_path / "w",
        record(1, "three red cube objects near the ball", "so there are three of it"),
        record(2, "the ball near three red cube objects", "hence there are three of it"),
        record(3, "two blue", "left right is a"),
    )
    assert check(tmp_path / "w", embedder) == 3
    [(found, said)] = issues(tmp_path / "w").items()
    assert found in {"s/train/1", "s/train/2"}
    assert re.fullmatch(r"\d+ % the same in meaning as s/train/[12]", said)
    assert check(tmp_path / "w", embedder) == 0
    asked = []
    embed = Embedder.embed
    monkeypatch.setattr(Embedder, "embed", lambda self, texts: asked.extend(texts) or embed(self, texts))
    put(tmp_path / "w", record(4, "two blue", "left right is a a"))
    assert check(tmp_path / "w", embedder) == 1
    assert asked == ["two blue\nleft right is a a"]
    assert issues(tmp_path / "w").keys() == {found, "s/train/4"}


def test_vectors_that_were_made_before_a_crash_are_not_made_again(tmp_path, embedder, monkeypatch):
    put(tmp_path / "w", record(1, "three red", "so"), record(2, "two blue", "hence"))
    with monkeypatch.context() as patch:
        patch.setattr(near_vectors, "pairs", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            check(tmp_path / "w", embedder)
    monkeypatch.setattr(Embedder, "embed", lambda *_: pytest.fail("made again"))
    assert check(tmp_path / "w", embedder) == 2


def test_a_text_has_one_vector_whatever_stands_beside_it(embedder):
    loaded = Embedder.load(str(embedder))
    texts = ["the red cube", "near " * 500, "blue ball left of three objects", "\0 \u202e unknown"]
    together = loaded.embed(texts)
    alone = np.concatenate([loaded.embed([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_the_first_token_is_taken_where_the_model_says_so(embedder, tmp_path):
    shutil.copytree(embedder, tmp_path / "cls")
    (tmp_path / "cls/1_Pooling").mkdir()
    (tmp_path / "cls/1_Pooling/config.json").write_text('{"pooling_mode_cls_token": true}')
    one, other = Embedder.load(str(embedder)), Embedder.load(str(tmp_path / "cls"))
    assert one.digest == other.digest
    assert not np.allclose(one.embed(["the red cube"]), other.embed(["the red cube"]))


def test_what_is_no_embedder_is_told(tmp_path):
    put(tmp_path / "w", record(1, "a", "b"))
    with pytest.raises(MissingError, match=r"no embedder can be loaded from .*nothing"):
        check(tmp_path / "w", tmp_path / "nothing")


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_neighbours_are_found_among_many_clusters():
    random = np.random.default_rng(1)
    vectors = unit(random.normal(size=(6000, 48)))
    vectors[5000:5500] = unit(vectors[:500] + 0.02 * random.normal(size=(500, 48)))
    found = near_vectors.pairs(vectors, np.arange(6000), 0.95)
    planted = {(5000 + number, number) for number in range(500)}
    assert {(pair.row, pair.earlier) for pair in found} <= planted
    assert len(found) >= 0.97 * len(planted)


def test_rows_that_are_all_alike_are_each_found_once_and_those_of_one_owner_are_no_pair():
    same = np.tile(unit(np.ones((1, 8))), (5000, 1))
    found = near_vectors.pairs(same, np.arange(5000), 0.95)
    assert [pair.row for pair in found] == list(range(1, 5000))
    assert not near_vectors.pairs(same, np.zeros(5000, np.int64), 0.95)
    assert not near_vectors.pairs(same[:1], np.arange(1), 0.95)
