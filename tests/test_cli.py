"""The command line: help that teaches, one line for every error, and the right exit code."""

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from curation.__main__ import VERBS, main
from curation.store import Store
from curation.store.steps import put_samples
from tests.records import sample
from tests.workbench import chartqa, cli, environment, report, simulator

SAMPLE = ("annotate", "--source", "chartqa", "--sample")
NO_ONE = "http://127.0.0.1:9/v1"


def run(capsys, monkeypatch, *arguments: object, **env: str) -> tuple[int, str, str]:
    """Run a verb in this process; return exit code, output and errors."""
    for name in list(os.environ):
        if name.startswith(("CURATION_", "OPENAI_", "HF_")):
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    code = main([*map(str, arguments)])
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def test_help_names_every_verb_and_the_first_steps(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, "--help")
    assert code == 0
    assert all(verb in out for verb in VERBS)
    assert "annotate --source chartqa --sample --offline" in out


@pytest.mark.parametrize("verb", [*sorted(VERBS.keys() - {"release"}), "release verify", "release diff"])
def test_every_verb_explains_its_flags(capsys, monkeypatch, verb):
    code, out, _ = run(capsys, monkeypatch, *verb.split(), "--help")
    assert code == 0
    flags = [line for line in out.splitlines() if "--" in line]
    assert flags
    assert "--json" in out


def test_help_imports_nothing_heavy():
    script = "import sys; from curation.__main__ import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment())
    heavy = {"openai", "datasets", "polars", "torch", "sqlalchemy", "pyarrow", "PIL", "aiohttp", "pydantic"}
    assert not heavy & set(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("annotte",), "annotate"),
        (("annotate", "--sample", "--offline"), "--source"),
        (("annotate",), "--source is needed\n"),
        (("annotate", "--source"), "--source needs a value\n"),
        (("annotate", "--sorce", "chartqa"), "--source is needed; did you mean --source instead of --sorce?"),
        ((*SAMPLE, "--offline", "--limit", 0), "--limit has to be greater than 0"),
        ((*SAMPLE, "--offline", "--limit", -1), "--limit has to be greater than 0"),
        ((*SAMPLE, "--offline", "--price", 1), "--price needs more values"),
        ((*SAMPLE, "--offline", "--mix", "nowhere.toml"), "the mixture nowhere.toml can't be read: No such file"),
        ((*SAMPLE, "--offline", "--concurrency", "many"), "--concurrency has to be a whole number"),
        ((*SAMPLE, "--offline", "--limt", 3), "--limit"),
        ((*SAMPLE, "--offline", "--data", "x"), "--data, --hub and --sample"),
        ((*SAMPLE, "--offline", "--base-url", NO_ONE), "--offline"),
        ((*SAMPLE, "--fault", "drop=1"), "--fault"),
        ((*SAMPLE, "--offline", "--fault", "dropp=1"), "drop"),
        ((*SAMPLE, "--offline", "--recipe", "papr"), "paper"),
        ((*SAMPLE, "--offline", "--split", "tset"), "test"),
        (("annotate", "--source", "chartq", "--sample", "--offline"), "chartqa"),
        (("annotate", "--source", "chartqa", "--data", "nowhere", "--offline"), "nowhere"),
        ((*SAMPLE, "--base-url", "localhost:8000"), "https://host/v1"),
        ((*SAMPLE, "--base-url", NO_ONE), "nothing answers at"),
        ((*SAMPLE, "--base-url", NO_ONE, "--model", "my-model"), "--price IN,OUT"),
        (SAMPLE, "OPENAI_API_KEY"),
        (SAMPLE, "--offline"),
        (("status", "--workspace", "none"), "no workspace at none"),
        (("validate", "--workspace", "none"), "no workspace at none"),
        (("export", "--workspace", "none"), "no workspace at none"),
        (("export", "--format", "parket"), "parquet"),
        (("export", "--select", "acepted"), "accepted"),
        (("review", "--workspace", "none"), "no workspace at none"),
        (("review", "nxt"), "'nxt' is not understood here"),
        (("review", "next", "--state", "open"), "pending"),
        (("export", "--splits", "0.5,0.6"), "no workspace"),
    ],
)
def test_wrong_usage_is_one_line_that_says_what_to_do(capsys, monkeypatch, tmp_path, arguments, told):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, monkeypatch, *arguments)
    assert code == 2
    assert not out
    assert err.startswith("curation: ")
    assert err.count("\n") == 1
    assert told in err


def test_wrong_usage_leaves_no_workspace(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run(capsys, monkeypatch, "annotate", "--source", "chartq", "--sample", "--offline")
    run(capsys, monkeypatch, *SAMPLE)
    assert not list(tmp_path.iterdir())


def test_a_refused_key_stops_at_once(capsys, monkeypatch, tmp_path):
    with simulator(tmp_path, api_key="right") as endpoint:
        where = ("--base-url", endpoint.url, "--workspace", tmp_path / "w", "--concurrency", 4)
        code, _, err = run(capsys, monkeypatch, *SAMPLE, *where, OPENAI_API_KEY="wrong")
        assert len(endpoint.requests()) <= 4
    assert (code, err.count("\n")) == (2, 1)
    assert "refuses the key" in err
    assert "wrong" not in err


def test_a_key_with_a_line_end_is_that_key_and_a_broken_one_is_not_shown(capsys, monkeypatch, tmp_path):
    with simulator(tmp_path, api_key="right") as endpoint:
        where = ("--base-url", endpoint.url, "--workspace", tmp_path / "w", "--limit", 2)
        assert run(capsys, monkeypatch, *SAMPLE, *where, OPENAI_API_KEY="right\n")[0] == 0
        code, out, err = run(capsys, monkeypatch, *SAMPLE, *where, OPENAI_API_KEY="sk-\nsecret")
    assert (code, err.count("\n")) == (2, 1)
    assert "secret" not in out + err


def test_an_endpoint_that_answers_html_is_named(capsys, monkeypatch, tmp_path):
    with simulator(tmp_path, html=True) as endpoint:
        code, _, err = run(capsys, monkeypatch, *SAMPLE, "--base-url", endpoint.url, "--workspace", tmp_path / "w")
    assert code == 2
    assert "HTML" in err
    assert "/v1" in err


def test_a_base_url_without_v1_is_named(capsys, monkeypatch, tmp_path):
    with simulator(tmp_path) as endpoint:
        url = endpoint.url.removesuffix("/v1")
        code, _, err = run(capsys, monkeypatch, *SAMPLE, "--base-url", url, "--workspace", tmp_path / "w")
    assert code == 2
    assert "ends in /v1" in err


def test_failed_rows_give_exit_code_1(capsys, monkeypatch, tmp_path):
    flags = ("--offline", "--fault", "bad_request=1", "--limit", 3, "--workspace", tmp_path / "w")
    code, out, _ = run(capsys, monkeypatch, *SAMPLE, *flags)
    assert code == 1
    assert "rejected" in out
    assert "--retry-failed" in out


def test_a_repair_of_nothing_says_what_comes_first_and_makes_no_workspace(capsys, monkeypatch, tmp_path):
    repair = ("annotate", "--source", "chartqa", "--offline", "--repair", "judge", "--workspace", tmp_path / "w")
    code, _, err = run(capsys, monkeypatch, *repair)
    assert (code, (tmp_path / "w").exists()) == (2, False)
    assert "no workspace at" in err
    run(capsys, monkeypatch, *SAMPLE, "--offline", "--limit", 1, "--workspace", tmp_path / "w")
    code, out, _ = run(capsys, monkeypatch, *repair)
    assert code == 0
    assert "`validate` finds what is to be repaired" in out


def test_json_is_one_object(tmp_path):
    annotated = report(*SAMPLE, "--offline", "--limit", 3, "--workspace", tmp_path / "w")
    assert (annotated["rows"], annotated["traces"]) == (3, 3)
    assert report("validate", "--workspace", tmp_path / "w")["sources"][0]["share"] == 1
    assert report("status", "--workspace", tmp_path / "w")["traces"] == {"clean": 3}


def test_the_workspace_may_come_from_the_environment(capsys, monkeypatch, tmp_path):
    flags = (*SAMPLE, "--offline", "--limit", 1)
    assert run(capsys, monkeypatch, *flags, CURATION_WORKSPACE=str(tmp_path / "mine"))[0] == 0
    assert (tmp_path / "mine/curation.db").exists()


def test_a_password_in_the_base_url_is_refused_and_not_repeated(capsys, monkeypatch, tmp_path):
    where = ("--base-url", "http://me:hunter2@localhost/v1", "--workspace", tmp_path / "w")
    code, out, err = run(capsys, monkeypatch, *SAMPLE, *where)
    assert code == 2
    assert "password" in err
    assert "hunter2" not in out + err


def as_nobody(arguments: list[str], said: Path) -> int:
    """Run a verb in a fork of this process that may not write what root may; return its exit code."""
    if (child := os.fork()) == 0:
        with said.open("w") as file:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            with redirect_stderr(file):
                code = main(arguments)
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_read_only_workspace_is_one_line(tmp_path):
    workspace, said = tmp_path / "w", tmp_path / "said"
    report(*SAMPLE, "--offline", "--limit", 1, "--workspace", workspace)
    folders = [workspace, *(path for path in workspace.rglob("*") if path.is_dir())]
    mine = [path for path in [tmp_path, *tmp_path.parents] if path.stat().st_uid == os.getuid()]
    for folder in mine:
        folder.chmod(folder.stat().st_mode | 0o011)  # another user may pass
    for folder in folders:
        folder.chmod(0o555)
    try:
        code = as_nobody([*SAMPLE, "--offline", "--workspace", str(workspace)], said)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert code == 2
    assert said.read_text().startswith("curation: the ")
    assert said.read_text().count("\n") == 1


def test_the_whole_chain_on_the_command_line(tmp_path):
    data = chartqa(tmp_path / "data", 8)
    where = ("--workspace", tmp_path / "w")
    assert (
        cli("annotate", "--source", "chartqa", "--data", data, "--split", "test", "--offline", *where).returncode == 0
    )
    validated = cli("validate", *where)
    assert "100.0%" in validated.stdout
    exported = cli("export", "--format", "parquet", *where)
    assert exported.returncode == 0, exported.stderr
    assert "8" in cli("status", *where).stdout


def test_the_same_store_exports_the_same_bytes(tmp_path):
    data, workspace = chartqa(tmp_path / "data", 8), tmp_path / "w"
    report("annotate", "--source", "chartqa", "--data", data, "--split", "test", "--offline", "--workspace", workspace)
    for name in ("jsonl", "llava", "parquet"):
        folders = [tmp_path / f"{name}{number}" for number in range(2)]
        for folder in folders:
            report("export", "--format", name, "--workspace", workspace, "--out", folder)
        one, other = ({p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders)
        assert one == other
        assert json.loads(one[Path("manifest.json")])["counts"]["traces"]


def test_the_demo_needs_nothing_and_sends_nothing_the_second_time(tmp_path):
    first = report("demo", "--data-only", "--workspace", tmp_path / "demo")
    assert first["charts"]["status"]["sources"][0]["pending"] == 0
    assert first["charts"]["parquet"]["counts"]["traces"]
    assert report("demo", "--data-only", "--workspace", tmp_path / "demo")["charts"]["annotate"]["requests"] == 0


def test_names_in_the_data_are_shown_and_not_obeyed(capsys, monkeypatch, tmp_path):
    name = "\x1b[31mred\u202e[b]"
    with Store.open(tmp_path, create=True) as store:
        store.write(put_samples, [sample(f"{name}/train/1")])
    code, out, _ = run(capsys, monkeypatch, "status", "--workspace", tmp_path)
    assert (code, "\ufffd[31mred\ufffd[b]" in out, "\x1b" in out) == (0, True, False)
    code, out, _ = run(capsys, monkeypatch, "status", "--workspace", tmp_path, "--json")
    assert (code, json.dumps(name, ensure_ascii=False) in json.dumps(json.loads(out), ensure_ascii=False)) == (0, True)
    code, _, err = run(capsys, monkeypatch, "export", "--workspace", tmp_path, "--explain", f"{name}\ud83d")
    assert (code, "\ufffd[31mred\ufffd[b]\ufffd" in err) == (2, True)
