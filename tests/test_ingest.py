"""Rows of many places become samples: drawn at random, in the shares of a mixture, each once."""

import json
import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import ingest, mixtures, sources
from curation.errors import DataError, MissingError, UsageError
from curation.ingest import Place, Tally, ready_all
from curation.ingest.repeats import Repeats
from curation.mixtures import Mixture
from curation.sources import Pictures, Row
from schemas.sample import Sample, Turn
from tests.workbench import here

CHARTQA = sources.BUNDLED / "chartqa"


def sample(native_id: str, question: str = "?") -> Sample:
    return Sample(id=f"chartqa/train/{native_id}", turns=(Turn(question=question),))


# Repeats


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 2)), max_size=60))
def test_repeats_are_told_as_by_keeping_everything(drawn):
    repeats, first = Repeats(), {}
    for native_id, question in drawn:
        found = repeats.before(sample(str(native_id), str(question)))
        if native_id not in first:
            first[native_id] = question
            assert found == ""
        else:
            assert found == ("row" if first[native_id] == question else "id")


def test_many_samples_are_each_new_once():
    repeats = Repeats()
    assert not any(repeats.before(sample(str(number))) for number in range(5000))
    assert all(repeats.before(sample(str(number))) == "row" for number in range(5000))


@pytest.fixture
def doubled(tmp_path) -> Path:
    """A folder whose second record is its first one, and whose third has another answer."""
    shutil.copytree(CHARTQA, tmp_path / "chartqa")
    path = tmp_path / "chartqa/ChartQA Dataset/test/test_human.json"
    first = json.loads(path.read_text(encoding="utf-8"))[0]
    path.write_text(json.dumps([first, first, first | {"label": "another"}]), encoding="utf-8")
    (path.parent / "test_augmented.json").unlink()
    return tmp_path / "chartqa"


def test_a_record_that_came_before_is_left_out_and_named(doubled):
    tally = Tally()
    assert len(list(ready_all([Place("chartqa", doubled, ("test",))], tally))) == 1
    assert (tally.rows, tally.samples) == (3, 1)
    assert tally.remarks == {"source:duplicate-row": 1, "source:duplicate-id": 1}


def test_a_sample_says_whose_it_is():
    [found] = ready_all([Place("chartqa", "bundled", ("test",), 1)], Tally())
    assert found.sample.licence == sources.get("chartqa").LICENCE
    assert found.sample.citation == sources.get("chartqa").CITATION


# Draws


def rows(count: int) -> list[Row]:
    return [Row(str(number), "train", {"number": number}) for number in range(count)]


@given(st.integers(0, 40), st.integers(1, 10), st.integers(0, 99))
def test_a_draw_is_of_that_many_rows_in_their_order_and_the_same_again(count, limit, seed):
    first, again = (ingest._drawn(iter(rows(count)), limit, Random(seed)) for _ in range(2))
    numbers = [row.fields["number"] for row in first]
    assert first == again
    assert len(set(numbers)) == len(numbers) == min(count, limit)
    assert numbers == sorted(numbers)


def test_every_row_is_as_likely_as_any_other():
    drawn = Counter(row.where for seed in range(2000) for row in ingest._drawn(iter(rows(8)), 2, Random(seed)))
    assert all(abs(count - 500) < 100 for count in drawn.values())


def test_the_pictures_of_a_row_that_is_not_drawn_are_not_read(monkeypatch):
    read = []

    def some_rows(_place):
        for row in rows(50):
            yield row._replace(images=Pictures(lambda number=row.where: read.append(number)))

    monkeypatch.setattr(ingest, "_rows", some_rows)
    drawn = list(ingest.read(Place("chartqa", "hub", limit=3, seed=1)))
    assert read == []
    assert [list(row.images) for row in drawn] == [[None]] * 3
    assert read == [row.where for row in drawn]


def test_a_limit_reads_no_more_rows_than_it_needs(monkeypatch):
    some = iter(rows(50))
    monkeypatch.setattr(ingest, "_rows", lambda _place: some)
    assert len(list(ingest.read(Place("chartqa", "hub", limit=3)))) == 3
    assert next(some).fields["number"] == 3


# Several sources


def test_of_several_sources_one_that_is_not_there_is_passed_over(tmp_path):
    places = [Place("scenes", tmp_path / "scenes"), Place("chartqa", "bundled", ("test",), 2)]
    tally = Tally()
    assert len(list(ready_all(places, tally))) == 2
    assert tally.by_source == {"chartqa": 2}
    assert "scenes.json" in tally.missing["scenes"]


def test_of_several_sources_one_without_the_split_is_passed_over():
    tally = Tally()
    places = [Place(name, "bundled", ("val",), 1) for name in ("ai2d", "chartqa")]
    assert len(list(ready_all(places, tally))) == 1
    assert "no split named 'val'" in tally.missing["ai2d"]


def test_one_source_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        list(ready_all([Place("chartqa", tmp_path / "nothing")], Tally()))


def test_none_of_several_sources_is_an_error_that_names_one(tmp_path):
    places = [Place(name, tmp_path / name) for name in ("chartqa", "scenes")]
    with pytest.raises(MissingError, match="none of the sources can be read; chartqa: there is no folder"):
        list(ready_all(places, Tally()))


# Mixtures


@given(st.dictionaries(st.sampled_from(["chartqa", "scenes"]), st.integers(1, 10**6), min_size=1), st.integers(1, 5000))
def test_shares_add_up_and_are_less_than_one_off(counts, limit):
    shares = Mixture(rows=counts).shares(limit)
    assert sum(shares.values()) == limit
    for name, share in shares.items():
        assert abs(share - limit * counts[name] / sum(counts.values())) < 1


def test_without_a_limit_a_mixture_is_taken_whole():
    assert Mixture(rows={"chartqa": 5}).shares(None) == {"chartqa": 5}


def test_the_paper_s_mixture_is_of_every_published_source():
    mixture = mixtures.get("llava-cot-100k")
    assert set(mixture.rows) == set(sources.published())
    assert sum(mixture.rows.values()) == 99_000
    assert mixture.shares(1000)["sharegpt4v"] == 316


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[rows]\n", "it names no source"),
        ("", "rows is missing; write [rows], and under it a line for each source, such as chartqa = 500"),
        ("rows = 3\n", "rows has to hold names with values; write [rows]"),
        ("[row]\nchartqa = 1\n", "rows is missing; write [rows]"),
        ("[rows]\nchartqa = 1\n[more]\n", "more is not known here"),
        ("[rows]\nchartqa = 0\n", "rows.chartqa has to be greater than 0"),
        ("[rows\n", "Expected ']'"),
        ('[rows]\nchartqa = "many"\n', "rows.chartqa has to be a whole number"),
    ],
)
def test_a_file_that_is_no_mixture_says_why(tmp_path, text, why):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(DataError, match="is no mixture: ") as caught:
        mixtures.get(str(path))
    assert why in str(caught.value)


def test_an_unknown_source_in_a_mixture_is_answered_with_the_nearest(tmp_path):
    (tmp_path / "mine.toml").write_text("[rows]\nchartq = 1\n")
    with pytest.raises(UsageError, match=r"mine.toml: no source named 'chartq'; did you mean 'chartqa'\?"):
        mixtures.get(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere.toml", "nowhere.toml can't be read: No such file or directory"),
        ("folder.toml", "folder.toml can't be read: Is a directory"),
        ("folder", "no mixture '.*folder', and no .toml file; there are: llava-cot-100k"),
    ],
)
def test_a_mixture_that_is_not_there_is_told(tmp_path, name, why):
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=why):
        mixtures.get(str(tmp_path / name))


def test_a_mixture_that_is_misspelt_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'llava-cot-100k'"):
        mixtures.get("llava-cot-100")


def test_an_unknown_mixture_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'llava-cot-100k'"):
        mixtures.get("llava-cot")


# The command line


def test_a_mixture_of_the_bundled_samples(tmp_path):
    (tmp_path / "mine.toml").write_text("[rows]\nchartqa = 30\nscenes = 10\n")
    done = here(
        *("annotate", "--source", "chartqa,scenes", "--mix", tmp_path / "mine.toml", "--limit", 12, "--sample"),
        *("--ingest", "--json", "--workspace", tmp_path / "w"),
    )
    report = json.loads(done.stdout)
    assert report["by_source"] == {"chartqa": 9, "scenes": 3}
    assert report["short"] == {}


def test_a_source_with_fewer_rows_than_its_share_is_named(tmp_path):
    flags = ("--source", "all", "--mix", "llava-cot-100k", "--limit", 1000, "--sample", "--ingest")
    done = here("annotate", *flags, "--workspace", tmp_path / "w")
    assert "; sharegpt4v had 11 of 316 rows." in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--mix", "llava-cot-100k", "--source", "scenes"], "the mixture llava-cot-100k has none of scenes"),
        (["--seed", "1", "--source", "chartqa"], "--seed draws as many rows as --limit says"),
        (["--hub-id", "x/y", "--sample", "--source", "chartqa"], "--hub-id names a data set on the Hub"),
        (
            ["--hub-id", "x/y", "--source", "chartqa"],
            "the columns of x/y are not known; there are: HuggingFaceM4/ChartQA",
        ),
    ],
)
def test_flags_that_contradict_each_other(tmp_path, flags, why):
    done = here("annotate", *flags, "--offline", "--workspace", tmp_path / "w")
    assert done.returncode == 2
    assert why in done.stderr


def test_the_sources_are_listed():
    found = json.loads(here("sources", "--json").stdout)
    chartqa = next(each for each in found["sources"] if each["name"] == "chartqa")
    assert chartqa["questions"] == {"train": 28_299, "val": 1_920, "test": 2_500}
    assert chartqa["metric"] == "relaxed-accuracy"
    assert "GPL-3.0" in here("sources").stdout
