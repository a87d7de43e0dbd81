"""`annotate --repair` asks again for traces with an error, says what was found, and keeps the earlier one as parent."""

from contextlib import contextmanager
from datetime import timedelta

import pytest

from curation.store import Store
from curation.store.flaws import Repair, flawed_traces
from curation.store.steps import StoredTrace, put_checks, put_issues, put_samples, put_traces
from schemas.trace import Trace
from tests.records import check, issue, sample, trace
from tests.selected import releasable
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
    return report("annotate", *([] if "--repair" in str(more) else ["--repair"]), *flags, *more)


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
        assert (told(workspace, ""), told(workspace, "A check found: relaxed-accuracy gives 0")) == (4, 2)


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


def leaky(tmp_path, rows=6):
    """A workspace in which some traces leak the answer and others have a wrong one, by sample id."""
    folder, workspace = chartqa(tmp_path / "data", rows), tmp_path / "workspace"
    with simulator(tmp_path, "leak=0.5,wrong_conclusion=0.5") as endpoint:
        flags = ("--source", "chartqa", "--data", folder, "--split", "test", "--workspace", workspace)
        report("annotate", *flags, "--base-url", endpoint.url, "--price", "0,0")
    endpoint.log.unlink()
    return workspace


def flagged(workspace, validator):
    with Store.open(workspace) as store, store.snapshot() as records:
        chosen = releasable(records, "all")
        return {
            each.sample.id: one.made.id
            for each in chosen
            for one in each.standing
            if any(code.startswith(f"{validator}:") for code in one.errors)
        }


def test_codes_say_which_traces_are_asked_for_again(tmp_path):
    workspace = leaky(tmp_path)
    leaks, wrong = flagged(workspace, "leakage"), flagged(workspace, "answer")
    assert leaks
    assert wrong.keys() - leaks.keys()
    with simulator(tmp_path) as endpoint:
        assert repair(workspace, endpoint, "--repair=leakage")["traces"] == len(leaks)
        assert len(endpoint.requests()) == len(leaks)
    assert told(workspace, "speaks of an answer that was given") == len(leaks)
    assert not flagged(workspace, "leakage")
    assert flagged(workspace, "answer") == {id_: made for id_, made in wrong.items() if id_ not in leaks}


def told(workspace, words):
    """How many requests hold these words."""
    with Store.open(workspace) as store, store.snapshot() as records:
        requests = records.exec_driver_sql("SELECT request FROM calls").scalars().all()
    return sum(words in text for text in requests)


def test_another_recipe_and_another_model_have_their_own_turn_and_each_one_only(tmp_path):
    with flawed_workspace(tmp_path, rows=4) as (workspace, _), simulator(tmp_path, "wrong_conclusion=1") as wrong:
        before = {trace.sample_id: trace.id for trace in current(workspace)}
        for more in ((), ("--recipe", "caption-first"), ("--model", "gpt-4o-mini")):
            assert [repair(workspace, wrong, *more)["traces"] for _ in range(2)] == [4, 0]
            after = {trace.sample_id: trace for trace in current(workspace)}
            assert {id_: trace.provenance.parent for id_, trace in after.items()} == before
            before = {id_: trace.id for id_, trace in after.items()}
        made_by = {(trace.provenance.recipe, trace.provenance.model) for trace in after.values()}
        assert made_by == {("paper", "gpt-4o-mini")}
        assert repair(workspace, wrong, "--repair", "answer:wrong")["requests"] == 0


def test_an_unknown_code_is_answered_with_the_nearest(tmp_path):
    workspace = leaky(tmp_path, rows=2)
    flags = ("--source", "chartqa", "--offline", "--workspace", workspace)
    assert "nothing is found by 'leakge'; did you mean 'leakage'?" in here("annotate", "--repair=leakge", *flags).stderr
    slip = here("annotate", "--repair", "answer:wrog,leakage", *flags)
    assert (slip.returncode, "did you mean 'answer:wrong'?" in slip.stderr) == (2, True)
    assert here("annotate", "--repair", "length:loop", *flags).returncode == 0


def stored(store, made, *found):
    """Keep a trace that was checked, and what was found in it."""
    store.write(put_samples, [sample(made.sample_id)])
    store.write(put_traces, [StoredTrace(made, "e")])
    store.write(put_issues, list(found))
    return made


def repaired(made, conclusion, **by):
    provenance = made.provenance.model_copy(update={"parent": made.id, **by})
    later = provenance.model_copy(update={"created_at": provenance.created_at + timedelta(hours=1)})
    stages = made.stages.model_copy(update={"conclusion": conclusion})
    return Trace(sample_id=made.sample_id, turn=made.turn, stages=stages, provenance=later)


def wanted(store, *codes, recipe="paper", model="m"):
    found = flawed_traces(store.engine, ["src"], Repair(recipe, model, codes))
    return {flawed.trace.stages.conclusion: flawed.findings for _, some in found for flawed in some}


def test_a_code_names_warnings_too_and_open_errors_are_told_with_them(store):
    one, two = (trace(f"src/train/{name}", conclusion=name).trace for name in "ab")
    stored(store, one, issue(one, "warning", code="leakage:told"), issue(one, code="answer:wrong"))
    stored(store, two, issue(two, "info", code="leakage:hinted"))
    assert wanted(store, "leakage:told") == {"a": ("wrong", "wrong")}
    assert wanted(store, "leakage") == {"a": ("wrong", "wrong"), "b": ("wrong",)}
    assert wanted(store) == {"a": ("wrong",)}
    assert wanted(store, "length") == {}


def test_what_is_outdated_is_not_repaired(store):
    made = stored(store, trace().trace, issue(trace().trace, code="leakage:told"))
    store.write(put_checks, [check(made, 2, "leakage")])
    assert wanted(store) == wanted(store, "leakage") == {}


def test_what_a_person_wrote_is_left_to_people(store):
    first = stored(store, trace(conclusion="first").trace)
    edit = repaired(first, "edited", kind="human", recipe=None, model=None)
    stored(store, edit, issue(edit))
    assert wanted(store) == wanted(store, "structure") == {}


def test_a_trace_that_was_asked_for_anew_is_another_trace(store):
    first = trace(conclusion="first").trace
    mended = repaired(first, "mended")
    stored(store, first, issue(first))
    stored(store, mended, issue(mended))
    assert (wanted(store), wanted(store, model="n").keys()) == ({}, {"mended"})
    anew = trace(conclusion="anew", at=9000).trace
    stored(store, anew, issue(anew))
    assert wanted(store).keys() == {"anew"}
