"""The commands of `review`: what scripts do at the desk, and how the app is opened."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from curation.__main__ import build, main
from curation.review import Desk, Reviewer
from curation.review.commands import app, opening
from curation.store import Store
from tests.workbench import cli, report, start
from ui.__main__ import _parser

SAMPLE = ("annotate", "--source", "chartqa", "--sample", "--offline")


@pytest.fixture(scope="module")
def annotated(tmp_path_factory) -> Path:
    """A workspace with ten traces, some with an error."""
    folder = tmp_path_factory.mktemp("annotated") / "w"
    report(*SAMPLE, "--limit", 10, "--fault", "wrong_conclusion=0.3", "--workspace", folder)
    return folder


@pytest.fixture
def workspace(annotated, tmp_path, monkeypatch) -> Path:
    """A copy of that workspace, which is the one that commands work on."""
    copy = tmp_path / "w"
    subprocess.run(["cp", "-r", annotated, copy], check=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    return copy


def review(workspace: Path, *arguments: object, reviewer: str = "ada", role: str = "reviewer") -> dict:
    who = () if arguments[0] == "people" else ("--reviewer", reviewer, "--role", role)
    return report("review", *arguments, *who, "--workspace", workspace)


def said(capsys, monkeypatch, *arguments: object) -> tuple[int, str, str]:
    for name in list(os.environ):
        if name.startswith(("CURATION_", "OPENAI_")):
            monkeypatch.delenv(name)
    code = main(["review", *map(str, arguments)])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def states(workspace: Path) -> dict[str, int]:
    return report("status", "--workspace", workspace)["reviews"]


def first(workspace: Path, **who: str) -> dict:
    (record,) = review(workspace, "next", **who)["records"]
    return record


def decided(workspace: Path, record: dict, *flags: object, **who: str) -> dict:
    return review(workspace, "decide", "--sample-id", record["sample_id"], "--turn", record["turn"], *flags, **who)


# Working


def test_next_gives_whole_records_the_worst_first_and_the_same_until_they_are_decided(workspace):
    taken = review(workspace, "next", "--count", 10)["records"]
    errors = [bool([issue for issue in record["issues"] if issue["severity"] == "error"]) for record in taken]
    assert errors == sorted(errors, reverse=True)
    assert any(errors)
    assert taken[0].keys() >= {"question", "stages", "issues", "duty", "trace_id", "targets", "images"}
    assert first(workspace)["sample_id"] == taken[0]["sample_id"]
    assert review(workspace, "next", reviewer="bob")["records"] == []


@pytest.mark.parametrize("decision", ["accept", "skip", "reject"])
def test_a_decision_is_kept_and_undone(workspace, decision):
    record = first(workspace)
    reason = ("--reason", "it is wrong")
    done = decided(workspace, record, "--decision", decision, *reason, "--verdict", "summary=negative")
    after = {"accept": "accepted", "skip": "skipped", "reject": "rejected"}[decision]
    assert done["deeds"][0] | {"id": ""} == {
        "id": "",
        "fault": "",
        "sample_id": record["sample_id"],
        "turn": record["turn"],
        "state": after,
        "records": 1,
    }
    assert states(workspace)[after] == 1
    assert review(workspace, "undo")["deeds"][0]["state"] == "pending"
    assert states(workspace) == {}


def test_undo_goes_back_step_by_step_and_says_when_there_is_nothing_left(workspace):
    for _ in range(3):
        decided(workspace, first(workspace), "--decision", "accept")
    undone = review(workspace, "undo", "--count", 4)
    assert (undone["done"], undone["refused"]) == (3, 1)
    assert undone["deeds"][3]["fault"] == "there is nothing to undo"
    assert states(workspace) == {}


def test_an_edit_is_a_trace_of_its_own(workspace, tmp_path):
    record, file = first(workspace), tmp_path / "caption.txt"
    file.write_text("A chart with <b>bars</b>.")
    decided(workspace, record, "--text-file", f"caption={file}")
    assert states(workspace)["edited"] == 1
    flags = ("--select", "accepted", "--splits", "1", "--out", tmp_path / "out", "--workspace", workspace)
    built = report("export", "--format", "jsonl", *flags)
    assert built["counts"]["traces_by_review"] == {"edited": 1}
    (trace,) = json.loads((tmp_path / "out/data/train.jsonl").read_text())["traces"]
    assert trace["stages"]["caption"] == "A chart with <b>bars</b>."
    assert (trace["provenance"]["kind"], trace["provenance"]["parent"]) == ("human", record["trace_id"])


def test_wrong_steps_are_named_by_the_numbers_that_next_shows(workspace):
    record = first(workspace)
    assert len(record["steps"]) > 1
    assert all(step in record["stages"]["reasoning"] for step in record["steps"])
    told = decided(workspace, record, "--decision", "reject", "--reason", "x", "--wrong-step", 2, "--wrong-step", 1)
    assert told["done"] == 1
    (event,) = (event for event in shown(workspace, record)["history"] if event["act"] == "review")
    assert event["review"]["wrong_steps"] == [1, 2]


def test_a_step_that_is_not_there_is_refused_and_nothing_is_kept(workspace):
    record = first(workspace)
    told = decided(workspace, record, "--decision", "reject", "--reason", "x", "--wrong-step", 99)
    assert told["deeds"][0]["fault"] == f"the reasoning has {len(record['steps'])} steps, and no step 99"
    assert "rejected" not in states(workspace)


def shown(workspace: Path, record: dict) -> dict:
    """The record as it is looked at."""
    with Store.open(workspace) as store:
        return Desk(store, Reviewer("ada")).look(record["sample_id"], record["turn"]).as_json()


def test_a_file_of_deeds_is_carried_out_once_however_often_it_is_read(workspace, tmp_path):
    records = review(workspace, "next", "--count", 4)["records"]
    deeds = [{"sample_id": r["sample_id"], "turn": r["turn"], "decision": "accept"} for r in records[:3]]
    deeds.append({"sample_id": records[3]["sample_id"], "turn": records[3]["turn"], "act": "flag"})
    file = tmp_path / "deeds.jsonl"
    file.write_text("\n".join(map(json.dumps, deeds)) + "\n")
    for _ in range(2):
        done = review(workspace, "decide", "--from", file)
        assert (done["done"], done["refused"]) == (4, 0)
    assert states(workspace)["accepted"] == 3
    assert review(workspace, "undo", "--count", 4)["done"] == 4
    assert review(workspace, "undo")["refused"] == 1


def test_deeds_come_from_standard_input_too(workspace, monkeypatch):
    record = first(workspace)
    line = json.dumps({"sample_id": record["sample_id"], "turn": record["turn"], "decision": "accept"})
    monkeypatch.setattr(sys, "stdin", io.StringIO(line))
    assert review(workspace, "decide", "--from", "-")["done"] == 1


def test_what_is_refused_is_listed_with_its_reason_and_the_rest_is_done(capsys, monkeypatch, workspace, tmp_path):
    record = first(workspace, reviewer="bob")
    other = first(workspace)
    deeds = [{"sample_id": r["sample_id"], "turn": r["turn"], "decision": "accept"} for r in (record, other)]
    (tmp_path / "deeds").write_text("\n".join(map(json.dumps, deeds)))
    flags = ("--from", tmp_path / "deeds", "--reviewer", "ada", "--role", "reviewer", "--workspace", workspace)
    code, out, _ = said(capsys, monkeypatch, "decide", *flags)
    assert code == 1
    assert "bob has it now" in " ".join(out.split())
    assert states(workspace)["accepted"] == 1


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "give --sample-id and --decision for one record, or --from FILE for many"),
        (("--from", "x", "--decision", "accept"), "give --sample-id and --decision for one record, or --from"),
        (("--decision", "accept"), "one record needs --sample-id"),
        (("--sample-id", "a/b/c"), "one record needs --sample-id"),
        (("--sample-id", "a/b/c", "--decision", "accept"), "a/b/c, turn 0, has no trace to review"),
        (("--sample-id", "a/b/c", "--decision", "accpt"), "--decision has to be 'accept'"),
        (("--sample-id", "a/b/c", "--decision", "accept", "--verdict", "sumary=positive"), "STAGE=positive|neutral"),
        (("--sample-id", "a/b/c", "--text-file", "caption=none.txt"), "none.txt can't be read as text"),
        (("--sample-id", "a/b/c", "--trace-id", "x", "--decision", "reject"), "a rejection needs a reason"),
        (("--sample-id", "a/b/c", "--trace-id", "x", "--decision", "edit"), "an edit needs the text of a stage"),
        (("--from", "none.jsonl"), "none.jsonl can't be read"),
    ],
)
def test_wrong_flags_of_decide_are_one_line(capsys, monkeypatch, workspace, flags, told):
    code, out, err = said(capsys, monkeypatch, "decide", *flags, "--workspace", workspace)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2 is no JSON object of a deed"),
        ("[1]", "line 2 is no JSON object of a deed"),
        ('{"decision": "accept"}', "line 2: review needs a decision and the trace"),
        ('{"act": "sing"}', "line 2: act has to be"),
        ('{"act": "flag", "sample": "x"}', "line 2: sample is not known here"),
    ],
)
def test_a_line_that_is_no_deed_is_named_and_nothing_is_done(capsys, monkeypatch, workspace, tmp_path, line, told):
    record = first(workspace)
    good = json.dumps({"sample_id": record["sample_id"], "turn": record["turn"], "decision": "accept"})
    (tmp_path / "deeds").write_text(f"{good}\n{line}\n")
    code, _, err = said(capsys, monkeypatch, "decide", "--from", tmp_path / "deeds", "--workspace", workspace)
    assert (code, err.count("\n")) == (2, 1)
    assert told in err
    assert states(workspace) == {}


def test_a_slice_is_chosen_by_flags(workspace):
    every = review(workspace, "next", "--count", 10)["records"]
    wrong = [record for record in every if any(issue["code"] == "answer:wrong" for issue in record["issues"])]
    assert 0 < len(wrong) < 10

    def slice_(*flags: str) -> int:
        return len(review(workspace, "next", "--count", 10, *flags)["records"])

    assert slice_("--code", "answer:wrong") == slice_("--code", "answer:wrong,x:y") == len(wrong)
    assert slice_("--source", "chartqa", "--state", "pending,stale", "--needs", "first", "--recipe", "paper") == 10
    assert slice_("--source", "docvqa") == slice_("--flagged") == slice_("--text", "zebras") == 0
    assert slice_("--model", "gpt-4o", "--stage", "conclusion", "--split", ",".join(_splits(every))) == len(wrong)


def _splits(records: list[dict]) -> set[str]:
    return {record["sample_id"].split("/")[1] for record in records}


# Bulk


def test_bulk_does_what_was_counted_and_one_undo_takes_it_back(workspace):
    count = len(review(workspace, "next", "--count", 10, "--code", "answer:wrong", reviewer="ada")["records"])
    flags = ("--code", "answer:wrong", "--decision", "reject", "--reason", "wrong answers")
    done = review(workspace, "bulk", *flags, "--yes", count, role="adjudicator")
    assert (done["done"], done["left"]) == (count, 0)
    assert states(workspace)["rejected"] == count
    assert review(workspace, "undo", "--event", done["group"], role="adjudicator")["done"] == 1
    assert states(workspace) == {}


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--decision", "accept", "--yes", 3), "the slice holds 10 turns by now, not 3"),
        (("--decision", "accept"), "accept 10 turns? nobody is here to answer: say it with --yes N"),
        (("--decision", "reject", "--yes", 10), "a rejection needs a reason: --reason"),
        (("--decision", "edit", "--yes", 10), "not edited"),
        (("--decision", "accept", "--yes", 10, "--role", "reviewer"), "takes an adjudicator"),
    ],
)
def test_bulk_does_nothing_where_something_is_wrong(capsys, monkeypatch, workspace, flags, told):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, _, err = said(capsys, monkeypatch, "bulk", *flags, "--workspace", workspace)
    assert (code, err.count("\n")) == (2, 1)
    assert told in err
    assert states(workspace) == {}


class Keyboard(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "accepted"), [("y", 10), ("n", 0), ("", 0)])
def test_bulk_asks_with_the_count(capsys, monkeypatch, workspace, answer, accepted):
    monkeypatch.setattr(sys, "stdin", Keyboard(f"{answer}\n"))
    code, out, err = said(capsys, monkeypatch, "bulk", "--decision", "accept", "--workspace", workspace)
    assert (code, err) == (0, "accept 10 turns? [y/N] ")
    assert ("To undo it: review undo --event" in out) == bool(accepted)
    assert states(workspace).get("accepted", 0) == accepted


@pytest.mark.parametrize(("again", "code"), [("open sesame", 0), ("open simsim", 2)])
def test_a_password_is_asked_for_twice_and_not_shown(capsys, monkeypatch, workspace, again, code):
    typed = iter(["open sesame", again])
    monkeypatch.setattr(sys, "stdin", Keyboard())
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    done, out, err = said(capsys, monkeypatch, "people", "add", "ada", "--workspace", workspace)
    assert done == code
    assert "sesame" not in out + err
    assert (workspace / "people.toml").exists() == (code == 0)


# Figures


def test_agreement_says_why_there_is_none_yet(capsys, monkeypatch, workspace):
    code, out, _ = said(capsys, monkeypatch, "agreement", "--workspace", workspace)
    assert code == 0
    assert "No record has two reviews yet" in out


def test_batches_are_listed_and_one_that_has_not_failed_is_not_sent_back(capsys, monkeypatch, workspace):
    decided(workspace, first(workspace), "--decision", "accept")
    (batch,) = review(workspace, "batches")["batches"]
    assert (batch["reviewer"], batch["number"], batch["decisions"], batch["outcome"]) == ("ada", 1, 1, "too few checks")
    flags = ("--decided-by", "ada", "--batch", 1, "--workspace", workspace)
    code, _, err = said(capsys, monkeypatch, "send-back", *flags)
    assert (code, err.count("\n")) == (2, 1)
    assert "only a failed batch is sent back" in err


def test_refresh_counts_what_it_looked_at(workspace):
    assert review(workspace, "refresh") == {"samples": 10}
    assert review(workspace, "refresh") == {"samples": 0}


# People


def test_people_are_added_listed_and_removed_and_no_password_is_kept(workspace, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("open sesame\n"))
    review(workspace, "people", "add", "ada", "--role", "admin", "--password-stdin")
    review(workspace, "people", "add", "bob", "--email", "bob@example.org")
    assert review(workspace, "people", "list")["people"] == [
        {"name": "ada", "role": "admin", "email": "", "password": True},
        {"name": "bob", "role": "reviewer", "email": "bob@example.org", "password": False},
    ]
    file = workspace / "people.toml"
    assert "sesame" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert [each["name"] for each in review(workspace, "people", "remove", "ada")["people"]] == ["bob"]


def test_a_password_is_not_asked_for_where_nobody_types(capsys, monkeypatch, workspace):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, _, err = said(capsys, monkeypatch, "people", "add", "ada", "--workspace", workspace)
    assert (code, err.count("\n")) == (2, 1)
    assert "--password-stdin" in err


# Label Studio, by its files


def test_what_goes_out_says_how_it_comes_home(capsys, monkeypatch, workspace, tmp_path):
    code, out, _ = said(
        capsys, monkeypatch, "export", "label-studio", "--out", tmp_path / "out", "--workspace", workspace
    )
    assert (code, "review import label-studio --from FILE" in out) == (0, True)


def exported(folder: Path, workspace: Path) -> list[dict]:
    review(workspace, "export", "label-studio", "--out", folder, "--code", "answer:wrong")
    return json.loads(next(folder.glob("tasks*.json")).read_text())


def test_a_slice_goes_out_as_files_and_what_was_annotated_comes_home_once(workspace, tmp_path):
    tasks = exported(tmp_path / "out", workspace)
    assert 0 < len(tasks) < 10
    results = tasks[0]["predictions"][0]["result"]
    chosen = {"from_name": "decision", "to_name": "question", "type": "choices", "value": {"choices": ["accept"]}}
    made = dict.fromkeys(("created_at", "updated_at"), "2030-01-01T00:00:00Z")
    made |= {"id": 7, "completed_by": {"email": "a@b.c"}, "result": [*results, chosen]}
    home = tmp_path / "home.json"
    home.write_text(json.dumps([tasks[0] | {"id": 1, "annotations": [made]}]))
    for recorded, known in [(1, 0), (0, 1)]:
        got = review(workspace, "import", "label-studio", "--from", home, "--annotator", "a@b.c=bob")
        assert (got["recorded"], got["known"], got["failures"]) == (recorded, known, [])


@pytest.mark.parametrize("way", ["export", "import"])
def test_without_the_address_of_a_server_it_says_what_to_set(capsys, monkeypatch, workspace, way):
    for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = said(capsys, monkeypatch, way, "label-studio", "--workspace", workspace)
    assert (code, err.count("\n")) == (2, 1)
    assert "set LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY" in err


def test_an_annotator_without_a_name_is_wrong_usage(capsys, monkeypatch, workspace):
    code, _, err = said(
        capsys, monkeypatch, "import", "label-studio", "--annotator", "a@b.c", "--from", "x", "--workspace", workspace
    )
    assert (code, err) == (2, "curation: --annotator a@b.c: write ADDRESS=NAME\n")


# The command line


def every_command() -> list[tuple[str, ...]]:
    found, open_ = [], [((), app)]
    while open_:
        path, here = open_.pop()
        names = [name for name in here if not name.startswith("-")]
        open_ += [((*path, name), here[name]) for name in names]
        found += [path] if not names or not path else []
    return sorted(found)


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_explains_itself_and_has_json(capsys, monkeypatch, path):
    code, out, _ = said(capsys, monkeypatch, *path, "--help")
    assert code == 0
    taught = out.split("\n\n", 1)[1].split("╭")[0].strip()
    assert len(taught) >= 20
    assert taught.endswith(".")
    assert "--json" in out
    assert "--workspace" in out


@pytest.mark.parametrize("path", [path for path in every_command() if path[:1] != ("people",)], ids=" ".join)
def test_every_command_needs_a_workspace_that_is_there(capsys, monkeypatch, tmp_path, path):
    needs = {"bulk": ("--decision", "accept"), "send-back": ("--decided-by", "a", "--batch", 1)}
    needs |= {"decide": ("--sample-id", "a/b/c", "--decision", "accept")}
    flags = needs.get(path[0] if path else "", ())
    code, _, err = said(capsys, monkeypatch, *path, *flags, "--workspace", tmp_path / "none")
    assert (code, err.count("\n")) == (2, 1)
    assert "no workspace at" in err


def test_the_same_flags_choose_a_slice_in_every_command():
    def slices(name: str) -> set[str]:
        given = {flag for argument in app[name].assemble_argument_collection() for flag in argument.names}
        return given & {
            f"--{field}" for field in ("source", "split", "code", "stage", "state", "needs", "flagged", "text")
        }

    assert slices("next") == slices("bulk")
    assert len(slices("next")) == 8


def test_an_unknown_command_is_named(capsys, monkeypatch):
    code, _, err = said(capsys, monkeypatch, "nxt")
    assert (code, err) == (2, "curation: 'nxt' is not understood here; --help says what is\n")
    assert "review" in build()


# Opening


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def opened(process: subprocess.Popen[str]) -> str:
    """The address that the process says, once it serves."""
    for line in process.stderr:
        if found := re.search(r"review is open at (\S+) ", line):
            return found[1]
    raise AssertionError("it never opened")


def test_review_serves_the_app_until_ctrl_c_and_leaves_nothing_behind(workspace):
    port = free_port()
    with start("review", "--port", port, "--offline", "--workspace", workspace, "--json") as process:
        try:
            address = opened(process)
            assert address == f"http://127.0.0.1:{port}"
            with urllib.request.urlopen(address) as page:
                assert b"<html" in page.read().lower()
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert json.loads(out) == {"url": address, "code": 0}
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_that_is_taken_is_named_and_the_next_free_one_is_used_where_none_was_asked_for(
    workspace, capsys, monkeypatch
):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, err = said(capsys, monkeypatch, "--port", port, "--workspace", workspace)
        assert (code, err.count("\n")) == (2, 1)
        assert f"port {port} on 127.0.0.1 is taken" in err
        monkeypatch.setattr(opening, "USUAL_PORT", port)
        found = opening._port(opening.Config(workspace=workspace))
        assert found > port
        assert capsys.readouterr().err == f"port {port} is taken; serving on {found}\n"


def test_an_address_that_is_not_of_this_machine_is_named(capsys, monkeypatch, workspace):
    code, _, err = said(capsys, monkeypatch, "--host", "192.0.2.1", "--workspace", workspace)
    assert (code, err.count("\n")) == (2, 1)
    assert "can't serve on 192.0.2.1" in err


def test_people_of_the_workspace_have_to_log_in_unless_somebody_says_who_sits_here(workspace):
    def command(**flags: object) -> list[str]:
        return opening._command(opening.Config(workspace=workspace, **flags), 8501)

    assert "--people" not in command()
    (workspace / "people.toml").touch()
    assert command()[command().index("--people") + 1] == str(workspace / "people.toml")
    assert "--people" not in command(reviewer="ada")
    assert "--people" in command(reviewer="ada", people=workspace / "people.toml")


def test_every_flag_of_the_app_is_one_that_its_program_reads(workspace, monkeypatch):
    config = opening.Config(
        workspace=workspace,
        reviewer="ada",
        people=workspace,
        base_url="http://x/v1",
        offline=True,
        max_cost=1,
        price=(2, 3),
    )
    read = _parser().parse_args(opening._command(config, 8501)[3:])
    assert (read.max_cost, read.price, read.offline, read.reviewer) == (1, (2, 3), True, "ada")


def test_an_address_that_others_reach_needs_people(workspace):
    done = cli("review", "--host", "0.0.0.0", "--port", free_port(), "--workspace", workspace)
    assert done.returncode == 2
    assert "people" in done.stderr


def test_without_streamlit_it_says_how_to_get_it(capsys, monkeypatch, workspace):
    monkeypatch.setattr("curation.review.commands.opening.util.find_spec", lambda name: None)
    code, _, err = said(capsys, monkeypatch, "--workspace", workspace)
    assert (code, err) == (2, "curation: the app needs streamlit: pip install 'curation-workbench[ui]'\n")
