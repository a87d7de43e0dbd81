"""Traces and questions that repeat earlier ones are found, however many there are."""

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import registry, sweeps
from curation.similarity import texts as near_texts
from curation.similarity.texts import Sketches
from curation.sweeps import LOOKS
from curation.validators import FOUND, Subject, frame
from schemas.sample import ImageRef, Sample, Turn
from schemas.trace import Provenance, Stages, Trace

NAMES = registry.names("curation.sweeps")
WORDS = [f"word{number}" for number in range(5000)]


def text(rng: random.Random, length: int = 90) -> list[str]:
    return rng.choices(WORDS, k=length)


def edited(words: list[str], edits: int, rng: random.Random) -> list[str]:
    words = list(words)
    for place in rng.sample(range(len(words)), edits):
        words[place] = rng.choice(WORDS)
    return words


def pairs(texts: list[str | None], batch: int = 7) -> list[near_texts.Pair]:
    sketches = Sketches()
    for at in range(0, len(texts), batch):
        sketches.add(pl.Series(texts[at : at + batch], dtype=pl.String))
    return list(sketches.pairs())


def subject(native_id: str, question: str = "Which?", image: str = "a", turn: int = 0, **said: str) -> Subject:
    ref = ImageRef(digest=f"sha256:{image * 64}", mime="image/png", width=2, height=2)
    sample = Sample(id=f"src/train/{native_id}", images=(ref,), turns=(Turn(question=question),) * 2)
    words = " ".join(text(random.Random(native_id)))
    stages = Stages(**{"summary": "s", "caption": "c", "reasoning": words, "conclusion": "e"} | said)
    provenance = Provenance(kind="human", created_at="2025-01-01T00:00:00Z")
    return Subject.of(sample, Trace(sample_id=sample.id, turn=turn, stages=stages, provenance=provenance))


def found(*subjects: Subject) -> list[tuple[str, str]]:
    rows = sweeps.get("duplicate").sweep(iter([frame([one]) for one in subjects]), LOOKS.to_frame())
    by_id = {one.id: one.sample.id.rpartition("/")[2] for one in subjects}
    return [(by_id[row["subject"]], row["what"]) for row in rows.iter_rows(named=True)]


# Near texts


def test_texts_with_a_few_edits_are_found_and_others_are_not():
    rng = random.Random(1)
    originals = [text(rng) for _ in range(300)]
    copies = [edited(words, number % 4, rng) for number, words in enumerate(originals)]
    near = pairs([" ".join(words) for words in originals + copies], batch=100)
    assert {pair.later - 300 for pair in near} == {pair.earlier for pair in near}
    assert len(near) >= 295


def test_similarity_is_jaccard_s_of_three_word_sequences():
    rng = random.Random(2)
    for edits in (0, 1, 2, 3, 4):
        words = text(rng, 150)
        other = edited(words, edits, rng)
        shingles = [{tuple(some[i : i + 3]) for i in range(len(some) - 2)} for some in (words, other)]
        exact = len(shingles[0] & shingles[1]) / len(shingles[0] | shingles[1])
        [pair] = pairs([" ".join(words), " ".join(other)])
        assert pair.similarity == pytest.approx(exact, abs=0.14)  # three standard errors


def test_a_text_s_neighbours_in_its_batch_do_not_matter():
    rng = random.Random(3)
    originals = [text(rng, rng.randint(30, 200)) for _ in range(40)]
    texts = [" ".join(words) for words in originals + [edited(words, 2, rng) for words in originals]]
    assert pairs(texts, batch=1) == pairs(texts, batch=80)


def test_a_million_of_one_text_would_be_pairs_with_the_first_alone():
    near = pairs([" ".join(WORDS[:40])] * 2000, batch=500)
    assert [(pair.later, pair.earlier) for pair in near] == [(number, 0) for number in range(1, 2000)]


def test_short_texts_are_not_compared():
    assert pairs(["the same few words"] * 5 + ["", None, "\0"]) == []


@settings(max_examples=30)
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=300), max_size=5))
def test_any_texts_are_sketched(texts):
    long = [None if some is None else " ".join([some] * 40) for some in texts]
    assert all(pair.earlier < pair.later for pair in pairs(long * 2))


def test_a_megabyte_without_a_blank_is_one_word():
    assert pairs(["x" * 2**20] * 2) == []
    assert len(pairs([" ".join(["ab"] * 2**18)] * 2)) == 1


# Duplicates


def test_the_same_stages_are_exact_whatever_the_blanks_and_case():
    one, two = subject("1", reasoning="It is  RED."), subject("2", "Why?", reasoning="it is red.")
    assert found(one, two) == [("2", "exact")]


def test_a_few_edits_are_near():
    words = text(random.Random(1))
    one = subject("1", reasoning=" ".join(words))
    two = subject("2", "Why?", reasoning=" ".join(edited(words, 3, random.Random(2))))
    assert found(one, two) == [("2", "near")]


def test_the_same_question_about_the_same_image_is_found():
    assert found(subject("1", "Which?"), subject("2", "which? ")) == [("2", "question")]
    assert found(subject("1", "Which?"), subject("2", "Which?", image="b")) == []


def test_turns_of_one_sample_may_repeat_each_other():
    assert found(subject("1", reasoning="r"), subject("1", turn=1, reasoning="r")) == []


def test_the_later_one_is_found():
    assert found(subject("2"), subject("1")) == [("1", "question")]


# The contract


@pytest.mark.parametrize("name", NAMES)
def test_a_sweep_says_what_it_does_and_has_a_version(name):
    sweep = sweeps.get(name)
    assert sweep.__doc__
    assert sweep.sweep.__doc__
    assert sweeps.versions([name]) == {name: sweep.VERSION}


@pytest.mark.parametrize("name", NAMES)
def test_without_traces_there_are_no_findings(name):
    assert sweeps.get(name).sweep(iter([]), LOOKS.to_frame()).schema == FOUND


def test_no_sweep_has_the_name_of_a_validator():
    assert set(NAMES).isdisjoint(registry.names("curation.validators"))
