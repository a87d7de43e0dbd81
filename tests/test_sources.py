"""Every source keeps the contract, on its bundled sample."""

import itertools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from curation import registry, scorers, sources
from curation.errors import DataError, UsageError
from curation.sources import Ingested

NAMES = registry.names("curation.sources")
CONSTANTS = ("TITLE", "HOMEPAGE", "LICENCE", "CITATION", "BIBTEX")


@pytest.fixture(params=NAMES)
def source(request: pytest.FixtureRequest) -> ModuleType:
    return registry.load("curation.sources", request.param)


def folder_of(source: ModuleType) -> Path:
    return sources.BUNDLED / source.__name__.rpartition(".")[2].replace("_", "-")


def ingested(source: ModuleType, folder: Path, split: str) -> list[Ingested]:
    return [source.to_sample(row) for row in source.rows(folder, split)]


def test_there_are_sources():
    assert "chartqa" in NAMES


def test_a_source_says_what_it_is(source):
    assert all(isinstance(getattr(source, name), str) and getattr(source, name) for name in CONSTANTS)
    assert isinstance(source.HUBS, tuple)  # empty where nothing is on the Hub
    assert source.HOMEPAGE.startswith("https://")
    assert all(count >= 0 for count in source.COUNTS.values())
    assert source.COUNTS
    assert source.__doc__
    assert not source.SCORER or scorers.get(source.SCORER)


def test_the_bundled_sample_has_every_split(source):
    for split in source.COUNTS:
        assert ingested(source, folder_of(source), split)


def test_the_bundled_sample_has_nothing_wrong(source):
    for split in source.COUNTS:
        found = ingested(source, folder_of(source), split)
        assert not [issue for _, issues in found for issue in issues]
        samples = [sample for sample, _ in found if sample is not None]
        assert len(samples) == len(found)
        assert any(sample.images for sample in samples)
        assert all(turn.scorer is None or scorers.get(turn.scorer) for sample in samples for turn in sample.turns)


def test_the_first_split_has_answers(source):
    for sample, _ in ingested(source, folder_of(source), next(iter(source.COUNTS))):
        assert all(turn.targets for turn in sample.turns)


def test_the_bundled_sample_is_small_and_says_what_it_is(source):
    files = [path for path in folder_of(source).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 400_000
    assert "Apache-2.0" in (folder_of(source) / "README.md").read_text(encoding="utf-8")


def test_ids_name_the_source_and_the_split_and_are_unique(source):
    name = source.__name__.rpartition(".")[2].replace("_", "-")
    ids = []
    for split in source.COUNTS:
        for sample, _ in ingested(source, folder_of(source), split):
            assert (sample.source, sample.split) == (name, split)
            ids.append(sample.id)
    assert len(set(ids)) == len(ids)


def test_reading_again_gives_the_same(source):
    split = list(source.COUNTS)[-1]
    assert ingested(source, folder_of(source), split) == ingested(source, folder_of(source), split)


def test_to_sample_is_pure(source):
    for row in source.rows(folder_of(source), list(source.COUNTS)[-1]):
        before = repr(row)
        assert source.to_sample(row) == source.to_sample(row)
        assert repr(row) == before


def test_a_sample_says_whose_it_is(source):
    for sample, _ in ingested(source, folder_of(source), next(iter(source.COUNTS))):
        assert (sample.licence, sample.citation) == (source.LICENCE, source.CITATION)


def test_its_papers_are_told_in_bibtex_too(source):
    entries = source.BIBTEX.strip().split("\n\n")
    for entry in entries:
        assert re.fullmatch(r"@inproceedings\{[a-z0-9]+,\n(  [a-z]+ = \{.+?\},\n)+\}", entry, re.DOTALL)
        assert re.findall(r"^  ([a-z]+) = ", entry, re.MULTILINE) == ["title", "author", "booktitle", "year", "url"]
        assert (entry.count("{"), entry.isascii()) == (entry.count("}"), True)
    assert re.findall(r"url = \{(.+?)\}", source.BIBTEX) == re.findall(r"https://[\w/.-]*\w", source.CITATION)
    years = re.findall(r"year = \{(\d+)\}", source.BIBTEX)
    assert set(years) <= set(re.findall(r"\d{4}", source.CITATION))


def test_targets_meet_themselves(source):
    for sample, _ in ingested(source, folder_of(source), next(iter(source.COUNTS))):
        for turn in sample.turns:
            assert turn.scorer is None or scorers.mark(turn.target, turn).score.correct


def test_rows_come_one_at_a_time(source):
    rows = source.rows(folder_of(source), list(source.COUNTS)[-1])
    assert iter(rows) is rows
    assert len(list(itertools.islice(rows, 1))) == 1


def test_an_empty_folder_is_an_error_for_a_person(source, tmp_path):
    with pytest.raises(DataError, match="expected"):
        list(source.rows(tmp_path, list(source.COUNTS)[-1]))


def test_an_unknown_split_is_answered_with_the_known_ones(source):
    with pytest.raises(UsageError, match="no split named 'nonsense'"):
        list(source.rows(folder_of(source), "nonsense"))


def test_a_source_imports_nothing_heavy(source):
    heavy = {"torch", "streamlit", "openai", "sqlalchemy", "datasets", "huggingface_hub"}
    code = f"import json, sys, {source.__name__}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy.isdisjoint(json.loads(done.stdout))


def test_an_unknown_source_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'chartqa'"):
        sources.get("chart-qa")


def test_ids_stay_when_a_row_is_inserted_at_the_top(tmp_path):
    copy = tmp_path / "chartqa"
    shutil.copytree(sources.BUNDLED / "chartqa", copy)
    chartqa = sources.get("chartqa")
    before = [sample.id for sample, _ in map(chartqa.to_sample, chartqa.rows(copy, "test"))]
    path = copy / "ChartQA Dataset" / "test" / "test_human.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    new = {"imgname": records[0]["imgname"], "query": "Is this new?", "label": "Yes"}
    path.write_text(json.dumps([new, *records]), encoding="utf-8")
    after = [sample.id for sample, _ in map(chartqa.to_sample, chartqa.rows(copy, "test"))]
    assert after[1:] == before
