"""What a model shows about traces that it never saw, and that it comes back to the store as issues."""

import polars as pl
import pytest

from curation.errors import DataError, MissingError
from curation.evaluation.systems import Contender
from curation.probe.astray import Continued
from curation.probe.findings import STRANGE, Finding, findings, to_issue
from curation.probe.folds import NEW
from curation.probe.neighbours import FEWEST, LOSSES, deviations, worst_stages
from curation.probe.planning import Wish, planned
from curation.store.census import by_code
from curation.store.queries import MODEL, probes
from curation.store.steps import Check, put_checks, put_issues, put_samples, put_traces
from schemas.manifest import Manifest
from schemas.trace import Stage
from tests.records import sample, trace
from tests.selected import releasable


def row(trace, loss, stage="caption", fold=0, stratum="turn=0 level=easy"):
    known = {"trace": trace, "sample": f"scenes/train/{trace}", "turn": 0, "fold": fold, "source": "scenes"}
    return known | {"stratum": stratum, "stage": stage, "loss": float(loss), "tokens": 9}


def frame(rows):
    return pl.DataFrame(rows, LOSSES)


def test_a_loss_is_measured_against_its_neighbours():
    easy = [row(f"e{number}", 1 + number % 3) for number in range(30)]
    hard = [row(f"h{number}", 11 + number % 3, stratum="turn=0 level=hard") for number in range(30)]
    found = deviations(frame([*easy, *hard, row("strange", 12)]))
    z = dict(found.select("trace", "z").iter_rows())
    assert z["strange"] > 5
    assert max(abs(value) for trace, value in z.items() if trace != "strange") < 2


def test_models_of_different_folds_are_not_compared():
    sure = [row(f"a{number}", 1) for number in range(30)]
    unsure = [row(f"b{number}", 20, fold=1) for number in range(30)]
    assert deviations(frame([*sure, *unsure]))["z"].abs().max() == 0


def test_where_neighbours_are_few_those_of_the_source_stand_in():
    many = [row(f"a{number}", 1) for number in range(2 * FEWEST)]
    found = deviations(frame([*many, row("alone", 9, stratum="turn=0 level=odd")]))
    assert found.filter(trace="alone")["z"].item() > 5


def test_the_worst_stage_of_each_trace_comes_first():
    some = [row(f"t{n}", 1, stage) for n in range(30) for stage in ("caption", "reasoning")]
    found = worst_stages(deviations(frame([*some, row("x", 2, "caption"), row("x", 30, "reasoning")])))
    assert found.row(0, named=True)["stage"] == "reasoning"
    assert found["trace"].n_unique() == found.height == 31


def shown(trace="t", z=0.0, stage="caption", fold=0):
    return row(trace, 9, stage, fold) | {"median": 1.0, "spread": 1.0, "z": z}


def said(worst, continued=()):
    return findings(pl.DataFrame(worst), continued, {0: "sha256:aa", 1: "sha256:bb"})


def test_a_strange_stage_is_named_with_its_evidence_and_the_model_that_said_so():
    (found,) = said([shown(z=STRANGE, fold=1)])
    assert (found.code, found.stage, found.sample) == ("model:loss", "caption", "scenes/train/t")
    assert "sha256:bb, fold 1" in found.evidence
    assert not said([shown(z=STRANGE - 0.1)])


@pytest.mark.parametrize(
    ("right", "stage"),
    [
        ((1.0, 1.0, 0.25, 0.0), "caption"),
        ((1.0, 1.0, 1.0, 0.5), "reasoning"),
        ((0.75, 0.0, 0.0, 0.0), "summary"),
        ((1.0, 0.75, 0.5, 0.25), None),
        ((0.0, 0.0, 1.0, 1.0), None),
    ],
)
def test_the_stage_that_turns_right_into_wrong_leads_astray(right, stage):
    continued = Continued(trace="t", right=right, agreeing=1.0, answer="3")
    found = said([shown()], [continued])
    assert [(each.code, each.stage) for each in found] == ([("model:leads-astray", stage)] if stage else [])


def test_a_model_that_comes_to_another_conclusion_disagrees():
    (found,) = said([shown()], [Continued(trace="t", right=(0.0,) * 4, agreeing=0.25, answer="4")])
    assert (found.code, found.stage) == ("model:disagrees", "conclusion")
    assert "'4'" in found.message


def kept(store):
    """A trace in the store."""
    made = trace()
    store.write(put_samples, [sample()])
    store.write(put_traces, [made])
    return made.trace


def test_an_issue_of_a_newer_probe_replaces_that_of_an_older(store):
    made = kept(store)
    for version in (1, 2):
        finding = Finding(made.id, made.sample_id, 0, "model:loss", Stage.CAPTION, 9.0, f"probe {version}", "evidence")
        store.write(put_issues, [to_issue(finding, version)])
        store.write(put_checks, [Check(made.id, MODEL, version)])
    assert probes(store.engine) == 2
    assert [count for _, code, _, count in by_code(store.engine) if code == "model:loss"] == [1]


def test_what_a_model_found_is_no_check_and_keeps_nothing_out_of_a_release(store):
    made = kept(store)
    finding = Finding(made.id, made.sample_id, 0, "model:loss", Stage.CAPTION, 9.0, "strange", "evidence")
    store.write(put_issues, [to_issue(finding, 1)])
    store.write(put_checks, [Check(made.id, MODEL, 1)])
    with store.snapshot() as records:
        assert [chosen.traces for chosen in releasable(records, "clean")] == [()]
    store.write(put_checks, [Check(made.id, "structure", 1)])
    with store.snapshot() as records:
        assert [chosen.traces for chosen in releasable(records, "clean")] == [(made,)]


def manifest(release, arm="raw", model="new"):
    config = {"release": release, "family": "tiny", "model": model, "arm": arm, "steps": 8}
    known = {"kind": "run", "format": "train", "format_version": 1, "counts": {}, "versions": {}, "files": ()}
    return Manifest(**known, config=config, inputs={"release": release}).model_dump_json()


def plan(tmp_path, text, base=None, threads=None):
    (tmp_path / "manifest.json").write_text(text)
    wish = Wish(tmp_path, "sha256:r", tmp_path / "out", "auto", base, 3, 5, 4, 99, 0, "cpu", threads)
    return planned(Contender("run", str(tmp_path / "model"), tmp_path), wish)


def test_a_run_on_this_release_is_repeated_for_each_fold(tmp_path):
    made = plan(tmp_path, manifest("sha256:r"))
    assert (made.folds, made.model) == (3, NEW)
    assert made.training is not None
    assert made.training.steps == 8


def test_a_run_on_another_release_judges_as_it_is(tmp_path):
    made = plan(tmp_path, manifest("sha256:other"))
    assert (made.folds, made.training, made.model) == (1, None, str(tmp_path / "model"))


@pytest.mark.parametrize(("threads", "jobs", "each"), [(1, 1, 1), (2, 2, 1), (7, 3, 2)])
def test_folds_share_the_threads(tmp_path, threads, jobs, each):
    made = plan(tmp_path, manifest("sha256:r"), threads=threads)
    assert (made.jobs, made.threads) == (jobs, each)


def test_a_run_that_began_with_a_folder_needs_its_base(tmp_path):
    with pytest.raises(MissingError, match="--base"):
        plan(tmp_path, manifest("sha256:r", model="my-model"))
    assert plan(tmp_path, manifest("sha256:r", model="my-model"), "/models/my-model").model == "/models/my-model"
    assert plan(tmp_path, manifest("sha256:r", model="org/name")).model == "org/name"


def test_a_damaged_manifest_of_a_run_is_an_error_for_a_person(tmp_path):
    with pytest.raises(DataError, match="damaged"):
        plan(tmp_path, "{")
