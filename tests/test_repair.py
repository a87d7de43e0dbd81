"""`annotate --repair` asks again for traces with an error, says what was found, and keeps the earlier one as parent."""

from contextlib import contextmanager

import pytest

from curation.store import Store
from curation.store.queries import releasable
from tests.workbench import chartqa, here, report, simulator


@contextmanager
def flawed_workspace(tmp_path, rows=12):
    """A workspace whose every conclusion is wrong, and an endpoint that errs no more."""
    folder, workspace = chartqa(tmp_path / "data", rows), tmp_path / "workspace"
    rows_flags = ("--source", "chartqa", "--data", folder, "--split", "test")
    with simulator(tmp_path, "wrong_conclusion=1") as endpoint:
        report("annotate", *rows_flags, "--workspace", workspace, "--base-url", endpoint.url, "--price", "0,0")
        port = int(endpoint.url.rsplit(":", 1)[1].removesuffix("/v1"))
    endpoint.log.unlink()
    with simulator(tmp_path, port=port) as again:
        yield workspace, again


def repair(workspace, endpoint, *more):
    flags = ("--source", "chartqa", "--workspace", workspace, "--base-url", endpoint.url, "--price", "0,0")
    return report("annotate", "--repair", *flags, *more)


def current(workspace, select="all"):
    with Store.open(workspace) as store, store.snapshot() as records:
        return [trace for chosen in releasable(records, select) for trace in chosen.traces]


def test_a_flawed_trace_is_asked_for_again_and_the_new_one_stands(tmp_path):
    with flawed_workspace(tmp_path) as (workspace, endpoint):
        before = {trace.sample_id: trace for trace in current(workspace)}
        assert not current(workspace, "clean")
        done = repair(workspace, endpoint)
        after = {trace.sample_id: trace for trace in current(workspace, "clean")}
        assert (done["traces"], done["requests"], len(after)) == (12, 12, 12)
        assert {id_: trace.provenance.parent for id_, trace in after.items()} == {i: t.id for i, t in before.items()}


def test_the_model_is_told_what_was_found(tmp_path):
    with flawed_workspace(tmp_path, rows=2) as (workspace, endpoint):
        repair(workspace, endpoint)
        with Store.open(workspace) as store, store.snapshot() as records:
            requests = records.exec_driver_sql("SELECT request FROM calls").scalars().all()
        told = [text for text in requests if "A check found: relaxed-accuracy gives 0" in text]
        assert (len(requests), len(told)) == (4, 2)


def test_a_second_repair_asks_nothing(tmp_path):
    with flawed_workspace(tmp_path) as (workspace, endpoint):
        repair(workspace, endpoint)
        sent = len(endpoint.requests())
        assert repair(workspace, endpoint)["requests"] == 0
        assert len(endpoint.requests()) == sent


def test_a_repair_that_is_flawed_itself_is_not_asked_for_again(tmp_path):
    with flawed_workspace(tmp_path) as (workspace, _), simulator(tmp_path, "wrong_conclusion=1") as still_wrong:
        assert repair(workspace, still_wrong)["traces"] == 12
        assert repair(workspace, still_wrong)["requests"] == 0


def test_a_repair_goes_on_where_it_was(tmp_path):
    with flawed_workspace(tmp_path) as (workspace, endpoint):
        assert repair(workspace, endpoint, "--limit", 5)["traces"] == 5
        assert repair(workspace, endpoint)["traces"] == 7
        assert len(endpoint.requests()) == 12


def test_the_cost_of_a_repair_can_be_estimated(tmp_path):
    with flawed_workspace(tmp_path) as (workspace, endpoint):
        assert repair(workspace, endpoint, "--estimate")["turns"] == 12
        assert not endpoint.requests()


@pytest.mark.parametrize("flag", [("--sample",), ("--hub",), ("--data", "x"), ("--split", "test")])
def test_a_repair_reads_no_rows(tmp_path, flag):
    done = here("annotate", "--repair", "--source", "chartqa", "--offline", "--workspace", tmp_path, *flag)
    assert done.returncode == 2
    assert "--repair reads from the workspace" in done.stderr
