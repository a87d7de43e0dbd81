"""`judge` against the simulator over real HTTP, through the command line."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from schemas.review import StageVerdict
from schemas.trace import Stage
from schemas.verdict import Verdict
from tests.judged import charts, judge, sample_of, trace_of, workspace
from tests.workbench import here, report, simulator, start

pytestmark = pytest.mark.usefixtures("sqlite")


def rows(folder: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "curation.db")) as connection:
        return connection.execute(query).fetchall()


def verdicts(folder: Path) -> list[Verdict]:
    return [
        Verdict.model_validate_json(record) for (record,) in rows(folder, "SELECT record FROM verdicts ORDER BY at")
    ]


def issues(folder: Path) -> list[tuple[str, str]]:
    return rows(folder, "SELECT code, severity FROM issues WHERE validator = 'judge' ORDER BY version, code")


def requests(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for (text,) in rows(folder, "SELECT request FROM calls ORDER BY created_at")]


def test_good_traces_are_judged_good_and_a_second_run_sends_nothing(tmp_path):
    folder = charts(tmp_path / "w")
    with simulator(tmp_path, misjudges=0.0) as endpoint:
        first, second = judge(endpoint, folder), judge(endpoint, folder)
        sent = len(endpoint.requests())
    assert (first["judges"][0]["positive"], first["judges"][0]["requests"], sent) == (4, 4, 4)
    assert (second["judges"][0]["already"], second["judges"][0]["requests"]) == (4, 0)
    assert issues(folder) == []
    assert {said.overall for said in verdicts(folder)} == {StageVerdict.POSITIVE}


def test_a_wrong_conclusion_is_a_warning_with_the_words_quoted(tmp_path):
    folder = charts(tmp_path / "w", 1, reasoning="The bar is at 7. So it is 9.", conclusion="9")
    with simulator(tmp_path, misjudges=0.0) as endpoint:
        assert judge(endpoint, folder)["judges"][0]["negative"] == 1
    assert issues(folder) == [("judge:conclusion", "warning"), ("judge:reasoning", "warning")]
    (said,) = verdicts(folder)
    assert said.stages[Stage.CONCLUSION].quote == "9"
    assert [(step.number, step.verdict.value) for step in said.steps] == [(1, "positive"), (2, "negative")]
    assert (said.steps[1].start, said.steps[1].end) == (17, 28)


def test_two_judges_that_agree_make_an_error_and_the_warning_of_one_is_outdated(tmp_path):
    folder = charts(tmp_path / "w", 2, conclusion="9")
    with simulator(tmp_path, misjudges=0.0) as endpoint:
        judge(endpoint, folder, "--model", "gpt-4o")
        judge(endpoint, folder, "--model", "gpt-4o,gpt-4o-mini")
    found = {tuple(issue[1:]) for issue in report("status", "--workspace", folder)["issues"]}
    assert found == {("judge:conclusion", "error", 2), ("judge:reasoning", "error", 2)}
    assert len(verdicts(folder)) == 4


def test_a_third_judge_still_sees_what_two_found_wrong(tmp_path):
    folder = charts(tmp_path / "w", 1, conclusion="9")
    with simulator(tmp_path, misjudges=0.0) as endpoint:
        judge(endpoint, folder, "--model", "gpt-4o,gpt-4o-mini")
        third = judge(endpoint, folder, "--model", "gpt-4.1")
    assert third["judges"][0]["negative"] == 1


def test_a_judge_errs_as_often_as_it_is_set_to(tmp_path):
    folder = charts(tmp_path / "w", 30)
    with simulator(tmp_path, misjudges=0.2) as endpoint:
        judge(endpoint, folder)
    against = sum(
        finding.verdict is StageVerdict.NEGATIVE for said in verdicts(folder) for finding in said.stages.values()
    )
    assert 10 <= against <= 40  # of 120, 24 are expected; the seed is fixed


def test_the_request_has_temperature_0_the_image_and_the_answer(tmp_path):
    folder = charts(tmp_path / "w", 1)
    with simulator(tmp_path) as endpoint:
        judge(endpoint, folder, "--model", "gpt-4o,o3")
    usual, reasoning = requests(folder)
    image, text = usual["messages"][1]["content"]
    assert usual["temperature"] == 0
    assert "temperature" not in reasoning
    assert image["type"] == "image_url"
    assert "BEGIN STANDARD ANSWER" in text["text"]
    assert usual["response_format"]["json_schema"]["name"] == "verdict"


def test_an_endpoint_without_schemas_is_asked_in_words(tmp_path):
    folder = charts(tmp_path / "w", 2)
    with simulator(tmp_path, misjudges=0.0, schemas=False) as endpoint:
        assert judge(endpoint, folder)["judges"][0]["positive"] == 2
    assert all("response_format" not in request for request in requests(folder))


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("refusal=1", "refused"),
        ("cut_off=1", "cut-off"),
        ("bad_request=1", "rejected"),
        ("missing_tag=1", "unparsable"),
    ],
)
def test_what_can_t_be_read_is_not_judged(tmp_path, fault, outcome):
    folder = charts(tmp_path / "w", 1)
    with simulator(tmp_path, fault) as endpoint:
        done = here("judge", "--workspace", folder, "--base-url", endpoint.url, "--json")
        again = judge(endpoint, folder)
    said = json.loads(done.stdout)
    assert (done.returncode, said["judges"][0]["not_judged"]) == (1, {outcome: 1})
    assert said["unread"][0][1:2] == ["charts/train/000 turn 0"]
    assert (again["judges"][0]["not_judged"], again["judges"][0]["requests"]) == ({outcome: 1}, 0)
    assert (verdicts(folder), issues(folder)) == ([], [])


def test_retry_failed_asks_again(tmp_path):
    folder = charts(tmp_path / "w", 1)
    with simulator(tmp_path, "refusal=1") as endpoint:
        judge(endpoint, folder)
        port = int(endpoint.url.rsplit(":", 1)[1].removesuffix("/v1"))
    with simulator(tmp_path, port=port, misjudges=0.0) as endpoint:
        assert judge(endpoint, folder)["judges"][0]["not_judged"] == {"refused": 1}
        assert judge(endpoint, folder, "--retry-failed")["judges"][0]["positive"] == 1


def test_an_image_that_is_gone_is_a_reason_and_no_crash(tmp_path):
    folder = charts(tmp_path / "w", 1)
    for file in (folder / "images").rglob("*"):
        if file.is_file():
            file.unlink()
    with simulator(tmp_path) as endpoint:
        assert judge(endpoint, folder)["judges"][0]["not_judged"] == {"image": 1}


def test_traces_with_an_error_are_left_out_unless_they_are_asked_for(tmp_path):
    samples = [sample_of(0), sample_of(1)]
    good, bad = map(trace_of, samples)
    folder = workspace(tmp_path / "w", [good, bad], samples, flawed=(bad,))
    with simulator(tmp_path) as endpoint:
        assert judge(endpoint, folder, "--estimate")["judges"][0]["calls"] == 1
        assert judge(endpoint, folder, "--estimate", "--flagged")["judges"][0]["calls"] == 2
        assert judge(endpoint, folder, "--estimate", "--source", "others")["judges"][0]["calls"] == 0


def test_a_limit_names_the_same_traces_again(tmp_path):
    folder = charts(tmp_path / "w", 6)
    with simulator(tmp_path) as endpoint:
        judge(endpoint, folder, "--limit", 4)
        again = judge(endpoint, folder, "--limit", 4)["judges"][0]
    assert (again["already"], again["requests"]) == (4, 0)


def test_the_estimate_sends_nothing_and_comes_close(tmp_path):
    folder = charts(tmp_path / "w", 8)
    with simulator(tmp_path) as endpoint:
        guessed = judge(endpoint, folder, "--estimate")
        assert (endpoint.requests(), guessed["judges"][0]["completion_tokens"]) == ([], 8 * 400)
        judge(endpoint, folder, "--limit", 4)
        estimated = judge(endpoint, folder, "--estimate")
        spent = judge(endpoint, folder)["cost"]
    assert estimated["judges"][0]["calls"] == 4
    assert estimated["cost"] == pytest.approx(spent, rel=0.3)
    assert estimated["most"] > estimated["cost"]


def test_a_budget_stops_the_run_and_a_larger_one_goes_on(tmp_path):
    folder = charts(tmp_path / "w", 6)
    with simulator(tmp_path) as endpoint:
        done = here("judge", "--workspace", folder, "--base-url", endpoint.url, "--max-cost", 0.055, "--json")
        rest = judge(endpoint, folder)["judges"][0]
    assert done.returncode == 3
    assert "--max-cost" in json.loads(done.stdout)["stopped"]
    assert 0 < rest["already"] < 6
    assert len(verdicts(folder)) == 6


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--offline", "--base-url", "http://x/v1"), "--offline starts its own"),
        (("--model", "gpt-4o,gpt-4o"), "each model once"),
        (("--model", "unknown-model"), "no price is known"),
        (("--fault", "all=1"), "--fault is for"),
    ],
)
def test_flags_that_contradict_themselves_are_refused(tmp_path, flags, said):
    done = here("judge", "--workspace", charts(tmp_path / "w", 1), *flags)
    assert (done.returncode, said in done.stderr) == (2, True)


def test_one_s_own_prompt_is_another_judge(tmp_path):
    folder, own = charts(tmp_path / "w", 1), tmp_path / "own"
    own.mkdir()
    (own / "judge.txt").write_text("Be strict.")
    with simulator(tmp_path) as endpoint:
        judge(endpoint, folder)
        assert judge(endpoint, folder, "--prompts", own)["judges"][0]["requests"] == 1
    assert len({said.judge for said in verdicts(folder)}) == 2
    assert requests(folder)[1]["messages"][0]["content"].startswith("Be strict.\n\nThe request begins with")


def test_after_kill_9_nothing_that_was_answered_is_paid_for_again(tmp_path):
    folder = charts(tmp_path / "w", 40)
    with simulator(tmp_path, latency=0.1) as endpoint:
        flags = ("--workspace", folder, "--base-url", endpoint.url, "--concurrency", 4)
        with start("judge", *flags) as process:
            endpoint.reached(15, process)
            process.kill()
            process.communicate()
        stored = {key for (key,) in rows(folder, "SELECT key FROM calls")}
        before = len(endpoint.requests())
        report("judge", *flags)
        sent = [request["client_request_id"] for request in endpoint.requests()[before:]]
    assert 0 < len(stored) < 40
    assert not stored & set(sent)
    assert len(verdicts(folder)) == 40


def test_ctrl_c_brings_home_what_is_on_its_way(tmp_path):
    folder = charts(tmp_path / "w", 40)
    with simulator(tmp_path, latency=0.2) as endpoint:
        flags = ("--workspace", folder, "--base-url", endpoint.url, "--concurrency", 4, "--json")
        with start("judge", *flags) as process:
            endpoint.reached(6, process)
            process.send_signal(2)
            out, errors = process.communicate(timeout=60)
        assert process.returncode == 3, errors
        assert len(verdicts(folder)) == len(endpoint.requests()) == json.loads(out)["judges"][0]["requests"]
