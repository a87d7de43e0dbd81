"""Every validator sees every trace once, whether one process checks or several."""

import json
import os

import pytest

from curation import checking, cores, validators
from curation.checking import check_all
from curation.store import Store
from curation.store.queries import unchecked_answers, unchecked_traces
from curation.store.steps import put_calls, put_checks, put_failures, put_issues, put_samples, put_traces
from schemas.call import Outcome
from tests.records import call, failure, sample, trace

VERSIONS = {"answer": 1, "structure": 1}


@pytest.fixture
def filled(sqlite, tmp_path, monkeypatch):
    monkeypatch.setattr("curation.store.queries.PAGE", 3)
    monkeypatch.setattr(checking, "_ROWS", 3)
    names = [f"src/train/{number:02}" for number in range(20)]
    with Store.open(tmp_path / "workspace", create=True) as store:
        store.write(put_samples, [sample(name) for name in names])
        store.write(put_traces, [trace(name) for name in names])
        yield store


def run(store, versions=VERSIONS):
    found = list(check_all(unchecked_traces(store.engine, versions), versions))
    for page in found:
        store.write(put_issues, page.issues)
        store.write(put_checks, page.checks)
    return found


def test_several_processes_find_what_one_finds(filled, monkeypatch):
    several = list(check_all(unchecked_traces(filled.engine, VERSIONS), VERSIONS))
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert several == list(check_all(unchecked_traces(filled.engine, VERSIONS), VERSIONS))
    assert sum(len(page.checks) for page in several) == 2 * 20


def test_what_was_checked_is_not_checked_again(filled):
    run(filled)
    assert run(filled) == []


def test_only_the_validators_that_have_not_seen_a_trace_see_it(filled):
    run(filled, {"answer": 1})
    assert {check.validator for page in run(filled) for check in page.checks} == {"structure"}


def test_few_pages_start_no_process(filled, monkeypatch):
    monkeypatch.setattr(checking, "_ROWS", 50)
    monkeypatch.setattr(cores, "ProcessPoolExecutor", None)
    assert sum(len(page.checks) for page in run(filled)) == 2 * 20


def test_an_answer_that_could_not_be_read_is_a_subject_by_its_call(filled):
    filled.write(put_samples, [sample("src/train/x")])
    choice = {"index": 0, "message": {"role": "assistant", "content": "I can't."}, "finish_reason": "stop"}
    raw = json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]})
    unreadable = call("x", sample_id="src/train/x", outcome=Outcome.UNPARSABLE).model_copy(update={"raw": raw})
    filled.write(put_calls, [unreadable])
    filled.write(put_failures, [failure("x", sample_id="src/train/x")])
    versions = {"structure": validators.get("structure").VERSION}
    [page] = check_all(unchecked_answers(filled.engine, versions), versions)
    assert [check.subject for check in page.checks] == ["x"]
    assert {issue.call_key for issue in page.issues} == {"x"}


def test_pages_are_checked_together_but_not_many_long_ones(filled, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    pages = list(unchecked_traces(filled.engine, VERSIONS))
    monkeypatch.setattr(checking, "_ROWS", 5)
    assert [len(each.checks) // 2 for each in check_all(iter(pages), VERSIONS)] == [6, 6, 6, 2]
    monkeypatch.setattr(checking, "_CHARACTERS", 10)
    assert [len(each.checks) // 2 for each in check_all(iter(pages), VERSIONS)] == [3, 3, 3, 3, 3, 3, 2]
