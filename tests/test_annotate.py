"""`annotate` against the simulator in a process of its own, over real HTTP, through the command line."""

import json
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.workbench import KEY, REAL, Endpoint, chartqa, cli, report, simulator, start, write_records


def annotate(endpoint: Endpoint, data: Path, workspace: Path, *flags: object) -> dict:
    where = ("--data", data, "--split", "test", "--workspace", workspace, "--base-url", endpoint.url)
    return report("annotate", "--source", "chartqa", *where, *flags)


def status(workspace: Path) -> dict:
    return report("status", "--workspace", workspace)


def adds_up(counted: dict) -> bool:
    """Rows are samples or unusable; turns are traced, failed or pending; failures have an outcome each."""
    sources = counted["sources"]
    rows = all(row["rows"] == row["samples"] + row["unusable"] for row in sources)
    turns = all(row["turns"] == row["traced"] + row["failed"] + row["pending"] for row in sources)
    return rows and turns and sum(row["failed"] for row in sources) == sum(counted["failed"].values())


def test_every_row_gets_a_trace(tmp_path):
    data, workspace = chartqa(tmp_path / "data"), tmp_path / "w"
    with simulator(tmp_path) as endpoint:
        done = annotate(endpoint, data, workspace)
    assert (done["rows"], done["traces"], done["requests"]) == (6, 6, 6)
    assert status(workspace)["sources"][0]["clean"] == 6


def test_traces_say_that_they_are_simulated(tmp_path):
    with simulator(tmp_path) as endpoint:
        annotate(endpoint, chartqa(tmp_path / "data", 1), tmp_path / "w")
    report("export", "--workspace", tmp_path / "w", "--format", "jsonl", "--out", tmp_path / "out")
    line = json.loads((tmp_path / "out/data/train.jsonl").read_text())
    provenance = line["traces"][0]["provenance"]
    assert provenance["kind"] == "simulated"
    assert provenance["model"] == "gpt-4o"
    assert provenance["model_answered"] == "gpt-4o-simulated"
    assert len(provenance["calls"]) == 1


def test_a_second_run_sends_nothing(tmp_path):
    data, workspace = chartqa(tmp_path / "data"), tmp_path / "w"
    with simulator(tmp_path) as endpoint:
        annotate(endpoint, data, workspace)
        again = annotate(endpoint, data, workspace)
        assert (again["already"], again["requests"]) == (6, 0)
        assert len(endpoint.requests()) == 6


def test_one_added_row_asks_for_one(tmp_path):
    data, workspace = chartqa(tmp_path / "data"), tmp_path / "w"
    with simulator(tmp_path) as endpoint:
        annotate(endpoint, data, workspace)
        file = data / "test/test_human.json"
        added = {"imgname": "0.png", "query": "Which bar is red?", "label": "the third"}
        write_records(data, [added, *json.loads(file.read_text())])
        assert annotate(endpoint, data, workspace)["requests"] == 1


def test_a_row_that_is_mended_is_a_sample_and_its_issue_is_gone(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 2), tmp_path / "w"
    image = data / "test/png/0.png"
    whole = image.read_bytes()
    image.write_bytes(whole[:50])
    with simulator(tmp_path) as endpoint:
        assert annotate(endpoint, data, workspace)["unusable_rows"] == {"source:image-truncated": 2}
        assert status(workspace)["sources"][0]["unusable"] == 2
        image.write_bytes(whole)
        assert annotate(endpoint, data, workspace)["traces"] == 2
    counted = status(workspace)
    assert (counted["sources"][0]["unusable"], counted["issues"]) == (0, [])


def test_a_changed_prompt_version_asks_again(tmp_path):
    data, workspace = chartqa(tmp_path / "data"), tmp_path / "w"
    with simulator(tmp_path) as endpoint:
        annotate(endpoint, data, workspace)
        # The form of the answer is part of the prompt; an earlier version is what these traces are made to be.
        with closing(sqlite3.connect(workspace / "curation.db", isolation_level=None)) as records:
            records.execute("UPDATE traces SET prompt_version = 'sha256:an earlier one'")
            records.execute("UPDATE calls SET key = 'of the earlier prompt ' || key")
        assert annotate(endpoint, data, workspace)["requests"] == 6


def test_another_model_asks_again(tmp_path):
    data, workspace = chartqa(tmp_path / "data"), tmp_path / "w"
    with simulator(tmp_path) as endpoint:
        annotate(endpoint, data, workspace)
        assert annotate(endpoint, data, workspace, "--model", "gpt-4o-mini")["requests"] == 6


def test_the_same_question_in_two_records_is_paid_once(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 1), tmp_path / "w"
    record = (data / "test/test_human.json").read_text()
    (data / "test/test_augmented.json").write_text(record)
    with simulator(tmp_path) as endpoint:
        done = annotate(endpoint, data, workspace)
    assert (done["traces"], done["requests"], done["from_store"]) == (2, 1, 1)
    assert status(workspace)["money"]["saved_requests"] == 1


def test_every_fault_ends_as_a_trace_or_as_a_call_with_its_reason(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 120), tmp_path / "w"
    with simulator(tmp_path, "all=0.6") as endpoint:
        done = annotate(endpoint, data, workspace)
        outcomes = Counter(request["outcome"] for request in endpoint.requests())
    assert {"rate_limit", "server_error", "drop", "torn", "refusal", "cut_off", "filtered"} <= set(outcomes)
    assert done["traces"] + sum(done["failures"].values()) == 120
    counted = status(workspace)
    assert adds_up(counted)
    assert counted["sources"][0]["pending"] == 0
    with closing(sqlite3.connect(workspace / "curation.db")) as records:
        query = "SELECT calls.reason FROM failures LEFT JOIN calls ON calls.key = failures.call_key"
        reasons = [row[0] for row in records.execute(query)]
    assert reasons
    assert all(reasons)


def test_what_may_have_been_billed_is_counted(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 40), tmp_path / "w"
    with simulator(tmp_path, "drop=0.3,torn=0.2") as endpoint:
        annotate(endpoint, data, workspace)
        lost = sum(request["outcome"] in {"drop", "torn"} for request in endpoint.requests())
    assert lost > 5
    assert status(workspace)["money"]["maybe_billed_requests"] == lost


def test_failed_turns_are_not_asked_again_unless_told(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 10), tmp_path / "w"
    with simulator(tmp_path, "refusal=1") as endpoint:
        assert annotate(endpoint, data, workspace)["failures"] == {"refused": 10}
        assert len(endpoint.requests()) == 20  # two attempts each
        assert annotate(endpoint, data, workspace)["requests"] == 0
        assert annotate(endpoint, data, workspace, "--attempts", 3)["requests"] == 10
        assert annotate(endpoint, data, workspace, "--retry-failed", "--attempts", 1)["requests"] == 10


def test_failed_turns_can_succeed_later(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 4), tmp_path / "w"
    with simulator(tmp_path, "bad_request=1") as endpoint:
        annotate(endpoint, data, workspace)
        port = endpoint.url.split(":")[2].split("/")[0]
    with simulator(tmp_path, port=int(port)) as healthy:
        again = annotate(healthy, data, workspace, "--retry-failed")
    assert again["traces"] == 4
    counted = status(workspace)
    assert adds_up(counted)
    assert counted["failed"] == {}


def test_a_wrong_conclusion_is_an_issue_and_not_paid_again(tmp_path):
    data, workspace = chartqa(tmp_path / "data"), tmp_path / "w"
    with simulator(tmp_path, "wrong_conclusion=1") as endpoint:
        done = annotate(endpoint, data, workspace)
    assert (done["requests"], done["traces"], done["issues"]) == (6, 6, {"answer:wrong": 6})


def test_a_wrong_conclusion_is_asked_again_when_told(tmp_path):
    data, workspace = chartqa(tmp_path / "data"), tmp_path / "w"
    with simulator(tmp_path, "wrong_conclusion=1") as endpoint:
        assert annotate(endpoint, data, workspace, "--retry-wrong", 2)["requests"] == 18


def test_a_wrong_trace_is_kept_when_asking_again_gives_none(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 30), tmp_path / "w"
    with simulator(tmp_path, "wrong_conclusion=0.5,refusal=0.5") as endpoint:
        done = annotate(endpoint, data, workspace, "--attempts", 1, "--retry-wrong", 1)
    with closing(sqlite3.connect(workspace / "curation.db")) as records:
        answered = records.execute("SELECT COUNT(DISTINCT sample_id) FROM calls WHERE outcome = 'answered'").fetchone()
        both = records.execute("SELECT COUNT(*) FROM (SELECT 1 FROM calls GROUP BY sample_id HAVING COUNT(*) = 2)")
        assert both.fetchone()[0] > 5
    assert 0 < done["traces"] == answered[0] < 30


def test_an_endpoint_without_schemas_is_asked_for_tags(tmp_path):
    data, workspace = chartqa(tmp_path / "data"), tmp_path / "w"
    with simulator(tmp_path, schemas=False) as endpoint:
        done = annotate(endpoint, data, workspace)
    assert done["traces"] == 6
    assert status(workspace)["calls"] == {"answered": 6}


def test_the_budget_stops_the_run_and_the_next_goes_on(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 30), tmp_path / "w"
    with simulator(tmp_path) as endpoint:
        first = annotate(endpoint, data, workspace, "--max-cost", 0.06)
        assert "max-cost" in first["stopped"]
        assert 0 < first["traces"] < 30
        assert first["cost"] <= 0.06
        assert status(workspace)["money"]["spent"] == pytest.approx(first["cost"])
        second = annotate(endpoint, data, workspace)
        assert first["traces"] + second["traces"] == 30
        assert len(endpoint.requests()) == 30


def test_an_estimate_sends_nothing_and_leaves_no_workspace(tmp_path):
    data = chartqa(tmp_path / "data")
    with simulator(tmp_path) as endpoint:
        told = annotate(endpoint, data, tmp_path / "w", "--estimate")
        assert told["turns"] == 6
        assert told["cost"] < told["most"]
        assert endpoint.requests() == []
    assert not (tmp_path / "w").exists()


def test_an_estimate_is_near_what_is_then_paid(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 20), tmp_path / "w"
    with simulator(tmp_path) as endpoint:
        told = annotate(endpoint, data, workspace, "--estimate")
        paid = annotate(endpoint, data, workspace)
    assert paid["prompt_tokens"] == pytest.approx(told["prompt_tokens"], rel=0.3)
    assert paid["cost"] <= told["most"]


def stored_keys(workspace: Path) -> set[str]:
    with closing(sqlite3.connect(workspace / "curation.db")) as records:
        return {row[0] for row in records.execute("SELECT key FROM calls")}


def test_kill_9_pays_nothing_twice_that_was_stored(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 150), tmp_path / "w"
    kills: list[tuple[int, set[str]]] = []
    draw = random.Random(0)
    with simulator(tmp_path, latency=0.05) as endpoint:
        where = ("--data", data, "--split", "test", "--workspace", workspace, "--base-url", endpoint.url)
        for _ in range(6):
            target = len(endpoint.requests()) + draw.randrange(5, 25)
            with start("annotate", "--source", "chartqa", *where, "--concurrency", 8) as process:
                endpoint.reached(target, process)
                process.kill()
            kills.append((len(endpoint.requests()), stored_keys(workspace)))
        annotate(endpoint, data, workspace)
        requests = endpoint.requests()
    for sent, stored in kills:
        assert not {request["client_request_id"] for request in requests[sent:]} & stored
    paid = Counter(request["client_request_id"] for request in requests if request["billed"])
    counted = status(workspace)
    assert counted["sources"][0]["traced"] == 150
    twice = sum(times - 1 for times in paid.values())
    workers = 8 + 8 // 4 + 1  # each may have reserved a request that it was about to send
    assert twice <= counted["money"]["maybe_billed_requests"] <= len(kills) * workers


def test_the_whole_chain_on_postgresql(tmp_path, postgres_url):
    data, where = chartqa(tmp_path / "data", 30), {"CURATION_STORE": postgres_url}
    with simulator(tmp_path, "all=0.3") as endpoint:
        flags = ("--data", data, "--split", "test", "--workspace", tmp_path / "w", "--base-url", endpoint.url)
        done = report("annotate", "--source", "chartqa", *flags, **where)
        again = report("annotate", "--source", "chartqa", *flags, **where)
    assert done["traces"] + sum(done["failures"].values()) == 30
    assert again["already"] >= done["traces"]
    assert report("validate", "--workspace", tmp_path / "w", **where)["sources"][0]["traced"] == again["already"]
    assert report("export", "--workspace", tmp_path / "w", **where)["counts"]["traces"]
    counted = report("status", "--workspace", tmp_path / "w", **where)
    assert adds_up(counted)
    assert not (tmp_path / "w/curation.db").exists()


def test_two_runs_at_once_share_the_work(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 60), tmp_path / "w"
    with simulator(tmp_path, latency=0.05) as endpoint:
        where = ("--data", data, "--split", "test", "--workspace", workspace, "--base-url", endpoint.url)
        both = [start("annotate", "--source", "chartqa", *where, "--concurrency", 4) for _ in range(2)]
        for process in both:
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
        asked = Counter(request["client_request_id"] for request in endpoint.requests())
    assert len(asked) == 60
    assert set(asked.values()) == {1}
    assert status(workspace)["sources"][0]["traced"] == 60


def test_ctrl_c_brings_home_what_is_on_its_way(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 100), tmp_path / "w"
    with simulator(tmp_path, latency=0.2) as endpoint:
        where = ("--data", data, "--split", "test", "--workspace", workspace, "--base-url", endpoint.url)
        with start("annotate", "--source", "chartqa", *where, "--concurrency", 8, "--json") as process:
            endpoint.reached(10, process)
            process.send_signal(2)
            out, errors = process.communicate(timeout=60)
        assert process.returncode == 3, errors
        done = json.loads(out)
        assert done["traces"] == len(endpoint.requests())
    money = status(workspace)["money"]
    assert (money["reserved_requests"], money["maybe_billed_requests"]) == (0, 0)


def test_a_second_ctrl_c_leaves_at_once_and_says_so(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 40), tmp_path / "w"
    with simulator(tmp_path, latency=60) as endpoint:
        where = ("--data", data, "--split", "test", "--workspace", workspace, "--base-url", endpoint.url)
        with start("annotate", "--source", "chartqa", *where, "--concurrency", 8) as process:
            endpoint.reached(8, process)
            process.send_signal(2)
            assert process.stderr is not None
            assert "Ctrl-C again" in process.stderr.readline()
            process.send_signal(2)
            _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (3, "")
    assert status(workspace)["money"]["maybe_billed_requests"] >= 8


def test_the_key_is_in_no_file_and_no_output(tmp_path):
    data, workspace = chartqa(tmp_path / "data"), tmp_path / "w"
    with simulator(tmp_path, api_key="another") as endpoint:
        where = ("--data", data, "--split", "test", "--workspace", workspace, "--base-url", endpoint.url)
        refused = cli("annotate", "--source", "chartqa", *where, "--debug")
    assert refused.returncode != 0
    assert KEY not in refused.stdout + refused.stderr
    with simulator(tmp_path) as endpoint:
        annotate(endpoint, data, workspace)
    report("export", "--workspace", workspace, "--format", "jsonl")
    assert not [path for path in workspace.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


@pytest.mark.skipif(not REAL.exists(), reason="the real ChartQA sample is not here")
def test_real_chartqa_goes_through_an_endpoint_that_fails_one_in_five(tmp_path):
    workspace = tmp_path / "w"
    with simulator(tmp_path, "all=0.2") as endpoint:
        where = ("--data", REAL, "--split", "test,train", "--workspace", workspace, "--base-url", endpoint.url)
        done = report("annotate", "--source", "chartqa", *where)
    counted = status(workspace)
    assert adds_up(counted)
    row = counted["sources"][0]
    assert (row["rows"], row["unusable"], row["pending"]) == (done["rows"], 10, 0)
    assert row["traced"] == done["traces"]
