"""Calibration: what people decided, settled; cuts chosen on one half; figures that are of the other."""

import json
from datetime import timedelta
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.calibration import LEAST_OF_A_KIND, LEAST_REVIEWS, calibrate
from curation.calibration.measuring import choose, kappas
from curation.calibration.steps import wrong_steps
from curation.calibration.truths import read_truths, settle
from curation.statistics.agreement import kappa, kappa_of_counts, kappa_of_tables
from curation.statistics.f1 import macro_f1_of_counts, macro_f1_of_tables
from curation.store import Store
from curation.store.queue import put_events
from curation.store.reviewed import Decided, Reasoned
from curation.store.steps import Check, StoredTrace, put_checks, put_issues, put_samples, put_traces
from curation.store.verdicts import put_verdicts
from curation.store.votes import KNOWN
from schemas.issue import Issue, Severity
from schemas.review import Act, Decision, Duty, Event, Review, StageVerdict
from schemas.sample import ImageRef, Sample, Turn
from schemas.trace import STAGES, Provenance, Stage, Stages, Trace
from schemas.verdict import StepFinding, Verdict
from tests.judged import verdict
from tests.records import BEGIN
from tests.workbench import here, report

_numbers = count()


def traced(number: int, image: int | None = None) -> tuple[Sample, Trace]:
    """A sample about an image of its own, or one that it shares, and its trace."""
    digest = f"sha256:{number if image is None else image:064x}"
    image_ref = ImageRef(digest=digest, mime="image/png", width=8, height=8)
    sample = Sample(id=f"charts/train/{number}", images=(image_ref,), turns=(Turn(question="How many?"),))
    made = Provenance(kind="model", created_at=BEGIN, recipe="paper", prompt_version="v1", model="m")
    stages = Stages(summary="s", caption="c", reasoning=f"It is {number}.", conclusion="1")
    return sample, Trace(sample_id=sample.id, turn=0, stages=stages, provenance=made)


def reviewed(trace: Trace, decision: str, reviewer: str = "ada", duty: Duty = Duty.FIRST, **against: str) -> Event:
    """A decision; stages that `against` names have that verdict, the others are positive."""
    verdicts = {stage: StageVerdict(against.get(stage.value, "positive")) for stage in STAGES}
    number = next(_numbers)
    said = Review(trace_id=trace.id, decision=Decision(decision), verdicts=verdicts, duty=duty)
    at = BEGIN + timedelta(days=1, seconds=number)
    return Event(id=f"event-{number:08}", at=at, reviewer=reviewer, act=Act.REVIEW, sample_id=trace.sample_id, turn=0,
                 review=said)  # fmt: skip


def found(trace: Trace, code: str = "test:wrong", severity: str = "error", message: str = "wrong") -> Issue:
    about = {"sample_id": trace.sample_id, "turn": 0, "trace_id": trace.id, "stage": Stage.REASONING}
    return Issue(**about, code=code, severity=Severity(severity), message=message)


def fill(store: Store, made: list[tuple[Sample, Trace]], events: list[Event], issues: list[Issue]) -> None:
    """Store traces that `test` looked at, what it found, and what people said."""
    store.write(put_samples, [sample for sample, _ in made])
    store.write(put_traces, [StoredTrace(trace, None) for _, trace in made])
    store.write(put_checks, [Check(trace.id, "test", 1) for _, trace in made])
    store.write(put_issues, issues)
    store.write(put_events, events)


def workshop(store: Store, reviews: int = 120, faulty: int = 40) -> list[Trace]:
    """Reviews, so many of them rejections; a check that tells three faulty traces in four, and a sound one in 20."""
    made = [traced(number) for number in range(reviews)]
    traces = [trace for _, trace in made]
    events = [
        reviewed(trace, "reject", reasoning="negative") if number < faulty else reviewed(trace, "accept")
        for number, trace in enumerate(traces)
    ]
    told = [trace for number, trace in enumerate(traces) if (number % 4 if number < faulty else number % 20 == 0)]
    fill(store, made, events, [found(trace) for trace in told])
    return traces


def rates(calibration, name):
    return next(each for each in calibration.rates if each.name == name)


# What people decided


def said(decision: str, reviewer: str = "ada", duty: str = Duty.FIRST) -> Decided:
    return Decided("t", "s", next(_numbers), reviewer, duty, decision, "{}")


def test_a_ruling_is_stronger_than_reviews_and_a_known_answer_than_both():
    one, other = said("accept"), said("reject", "ben", Duty.SECOND)
    ruling, known = said("accept", "cleo", Duty.ADJUDICATION), said("reject", "dan", KNOWN)
    assert settle([one]) == one
    assert settle([one, other]) is None
    assert settle([one, other, ruling]) == ruling
    assert settle([known, one, other, ruling]) == known


def test_of_one_reviewer_the_last_word_counts_and_edits_agree_with_rejections():
    last = said("accept")
    assert settle([said("reject"), last]) == last
    assert settle([said("reject"), said("edit", "ben")]).decision == "edit"


def test_undone_and_skipped_decisions_are_no_reviews(store):
    made = [traced(number) for number in range(3)]
    kept, undone, skipped = (
        reviewed(trace, decision) for (_, trace), decision in zip(made, ("accept", "accept", "skip"), strict=True)
    )
    undo = Event(id="undo-0001", at=undone.at, reviewer="ada", act=Act.UNDO, sample_id=undone.sample_id, turn=0,
                 undoes=undone.id)  # fmt: skip
    fill(store, made, [kept, undone, skipped, undo], [])
    assert calibrate(store).reviews == 1


def test_samples_that_share_an_image_are_in_one_half(store):
    made = [traced(number, image=number // 4) for number in range(80)]
    fill(store, made, [reviewed(trace, "accept") for _, trace in made], [])
    calibrate(store)
    with store.snapshot() as connection:
        truths = read_truths(connection)
    halves = {truths.held[truths.rows[trace.id]] for _, trace in made}
    assert halves == {True, False}
    for first in range(0, 80, 4):
        assert len({truths.held[truths.rows[made[first + n][1].id]] for n in range(4)}) == 1


# Figures


def test_precision_and_recall_are_those_of_the_reviews(store):
    workshop(store)
    calibration = calibrate(store)
    code = rates(calibration, "test:wrong")
    assert (calibration.reviews, calibration.faulty, calibration.missing) == (120, 40, "")
    assert (code.reviews, code.faulty, code.told, code.both, code.cut) == (120, 40, 34, 30, "")
    assert (code.precision.value, code.recall.value, code.false_alarms.value) == (30 / 34, 0.75, 4 / 80)
    assert code.precision.low < code.precision.value < code.precision.high
    assert code.kappa.low < code.kappa.value < code.kappa.high
    stage = next(each for each in calibration.stages if each.stage == "reasoning")
    assert (stage.reviews, stage.negative) == (120, 40)
    assert stage.macro_f1.value == pytest.approx((2 * 30 / 74 + 2 * 76 / 166) / 2)
    assert stage.macro_f1.low < stage.macro_f1.value < stage.macro_f1.high
    assert [(point.score, point.traces) for point in calibration.curves[0].points] == [("0", 86), ("1", 34)]


def test_what_a_validator_has_not_seen_does_not_count_against_it(store):
    traces = workshop(store)
    store.write(put_checks, [Check(trace.id, "late", 1) for trace in traces[:60]])
    store.write(put_issues, [found(trace, "late:bad") for trace in traces[:10]])
    late = rates(calibrate(store), "late:bad")
    assert (late.reviews, late.faulty, late.told, late.recall.value) == (60, 40, 10, 0.25)


def test_findings_of_an_older_version_do_not_count(store):
    traces = workshop(store)
    store.write(put_checks, [Check(trace.id, "test", 2) for trace in traces])
    calibration = calibrate(store)
    assert rates(calibration, "test").told == 0
    assert not [each for each in calibration.rates if each.name == "test:wrong"]


def test_a_severity_is_chosen_on_one_half_and_reported_on_the_other(store):
    traces = workshop(store)
    store.write(put_issues, [found(trace, "test:vague", "info") for trace in traces])
    calibration = calibrate(store)
    assert rates(calibration, "test").cut == "error"
    assert rates(calibration, "test").reviews == calibration.reported_on == 120 - calibration.chosen_on
    assert rates(calibration, "checks").told == rates(calibration, "test").told


def test_a_percentage_in_a_message_is_cut_where_people_agree_best(store):
    made = [traced(number) for number in range(200)]
    events = [reviewed(trace, "reject" if number >= 120 else "accept") for number, (_, trace) in enumerate(made)]
    share = "{} % are those of x".format
    alike = [found(trace, "test:near", "warning", share(number // 2)) for number, (_, trace) in enumerate(made)]
    fill(store, made, events, alike)
    near = rates(calibrate(store), "test:near")
    cut = float(near.cut.split()[1])
    assert 60 <= cut <= 62, near.cut
    assert near.cut.endswith(" %")
    assert near.recall.value > 0.9
    assert near.false_alarms.value == 0


def test_judges_are_measured_by_the_stages_they_are_against(store):
    traces = workshop(store)
    against = [{"reasoning": "wrong"} if number < 30 else {} for number in range(len(traces))]
    said_ = [verdict(trace, **stages) for trace, stages in zip(traces, against, strict=True)]
    store.write(put_verdicts, said_)
    calibration = calibrate(store)
    judge = next(each for each in calibration.rates if each.kind == "judge")
    assert (judge.told, judge.both, judge.faulty) == (30, 30, 40)
    stages = {each.stage: each for each in calibration.stages if each.name == judge.name}
    assert stages["reasoning"].macro_f1.value > 0.8
    assert stages["summary"].macro_f1.value is None, "nobody calls a summary negative"
    assert [curve.name for curve in calibration.curves][:2] == ["checks", judge.name]


@pytest.mark.parametrize(
    ("reviews", "faulty", "more"),
    [
        (30, 5, f"{LEAST_REVIEWS - 30} more reviews, {LEAST_OF_A_KIND - 5} more rejected or edited are needed"),
        (110, 2, f"{LEAST_OF_A_KIND - 2} more rejected or edited are needed"),
        (110, 105, f"{LEAST_OF_A_KIND - 5} more accepted are needed"),
    ],
)
def test_with_too_few_reviews_it_says_how_many_more_and_no_figure(store, reviews, faulty, more):
    workshop(store, reviews, faulty)
    calibration = calibrate(store)
    assert more in calibration.missing
    assert (calibration.rates, calibration.stages, calibration.curves) == ([], [], [])


def test_reviews_of_one_image_can_not_be_halved(store):
    made = [traced(number, image=0) for number in range(120)]
    events = [reviewed(trace, "reject" if number < 40 else "accept") for number, (_, trace) in enumerate(made)]
    fill(store, made, events, [])
    assert "of so few images" in calibrate(store).missing


def test_the_same_workspace_gives_the_same_figures(store):
    workshop(store)
    assert calibrate(store).model_dump_json() == calibrate(store).model_dump_json()


# Steps

TWO = "The bar is at 7. So the answer is 7."
THREE = f"The bar is red. {TWO}"


def decided(decision: str, edited: str | None = None, wrong: tuple[int, ...] = (), **against: str) -> Reasoned:
    edit = {"edited": "t2"} if decision == "edit" else {}
    review = Review(trace_id="t", decision=decision, verdicts=against, wrong_steps=wrong, **edit)
    return Reasoned(1, review, THREE, edited)


@pytest.mark.parametrize(
    ("about", "wrong"),
    [
        (decided("accept"), [False, False, False]),
        (decided("accept", wrong=(2,)), [False, True, False]),
        (decided("reject", wrong=(1, 3), reasoning="negative"), [True, False, True]),
        (decided("reject", reasoning="positive"), [False, False, False]),
        (decided("reject", reasoning="negative"), None),
        (decided("reject"), None),
        (decided("edit", TWO), [True, False, False]),
        (decided("edit", f"The  bar is\tred. {TWO} Yes."), [False, False, False]),
        (decided("edit", "Nothing stays."), [True, True, True]),
        (decided("edit", THREE), [False, False, False]),
        (decided("edit", None, caption="negative"), [False, False, False]),
        (decided("edit", TWO, wrong=(3,)), [False, False, True]),
    ],
)
def test_which_steps_are_wrong_is_what_people_named_or_wrote_anew(about, wrong):
    assert wrong_steps(about) == wrong


def test_what_stands_twice_and_once_in_the_edit_is_wrong_once():
    about = decided("edit", TWO)._replace(reasoning=f"The bar is at 7. {TWO}")
    assert wrong_steps(about) == [False, True, False]


def test_steps_that_judges_call_negative_are_compared_with_those_that_people_named(store):
    made = [traced(number) for number in range(120)]
    traces = [trace.model_copy(update={"stages": trace.stages.model_copy(update={"reasoning": THREE})})
              for _, trace in made]  # fmt: skip
    traces = [Trace(**trace.model_dump(exclude={"id"})) for trace in traces]
    events = [reviewed(trace, "reject" if number < 40 else "accept") for number, trace in enumerate(traces)]
    named = {"wrong_steps": (2,), "verdicts": {Stage.REASONING: StageVerdict.NEGATIVE}}
    events[:30] = [event.model_copy(update={"review": event.review.model_copy(update=named)}) for event in events[:30]]
    events[30:40] = [
        event.model_copy(update={"review": event.review.model_copy(update={"verdicts": {}})}) for event in events[30:40]
    ]
    fill(store, [(sample, trace) for (sample, _), trace in zip(made, traces, strict=True)], events, [])
    for model in ("m", "n", "o"):
        told = 20 if model == "m" else 25
        store.write(put_verdicts, [by_step(trace, model, 2 if n < told else 0) for n, trace in enumerate(traces)])
    calibration = calibrate(store)
    steps = {each.name.split("@")[0]: each for each in calibration.steps}
    assert calibration.steps_unknown == 10
    assert set(steps) == {"m", "n", "o", "all judges"}
    assert (steps["m"].reviews, steps["m"].steps, steps["m"].negative, steps["m"].told) == (110, 330, 30, 20)
    assert steps["all judges"].both == 25
    assert steps["m"].macro_f1.value == pytest.approx((2 * 20 / 50 + 2 * 300 / 610) / 2)
    assert steps["m"].macro_f1.low < steps["m"].macro_f1.value < steps["m"].macro_f1.high
    assert steps["m"].kappa.low < steps["m"].kappa.value
    stages = {each.name.split("@")[0]: each for each in calibration.stages if each.stage == "reasoning"}
    assert stages["all judges"].kappa.value == stages["n"].kappa.value
    assert "10 judged reasonings are left out" in " ".join(calibration.lines())
    assert calibration.model_validate_json(calibration.model_dump_json()).steps == calibration.steps


def by_step(trace: Trace, model: str, wrong: int) -> Verdict:
    """A verdict that is negative on one step of three, and on the reasoning; on none, for 0."""
    said = verdict(trace, model, **({"reasoning": "7"} if wrong else {}))
    cuts = [(0, 15), (16, 32), (33, 52)]
    given = ["negative" if number == wrong else "positive" for number in (1, 2, 3)]
    steps = [
        StepFinding(number=number, start=start, end=end, verdict=each)
        for number, ((start, end), each) in enumerate(zip(cuts, given, strict=True), 1)
    ]
    return said.model_copy(update={"steps": tuple(steps)})


@given(st.lists(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=1), min_size=1, max_size=40))
def test_kappa_of_tables_of_one_answer_each_is_kappa_of_their_sum(rows):
    tables = np.array([np.eye(4, dtype=np.int64)[2 * a + b].reshape(2, 2) for ((a, b),) in rows])
    together, counted = kappa_of_tables(tables, least=1), kappa_of_counts(tables.sum(axis=0), least=1)
    assert (together.records, together.agreed) == (counted.records, pytest.approx(counted.agreed))
    assert together.value == (counted.value if counted.value is None else pytest.approx(counted.value))


# The choice of a cut

labelled = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=60)


def agreement(scores, faulty, cut):
    told = scores >= cut
    both = np.array([(told & faulty).sum()], float)
    return kappas(both, np.array([told.sum()]), int(faulty.sum()), len(faulty))[0]


@given(labelled)
def test_no_other_cut_agrees_better(rows):
    scores = np.array([score for score, _ in rows], float)
    faulty = np.array([label for _, label in rows])
    cut = choose(scores, faulty)
    others = [value for value in set(scores) if value > 0]
    assert (cut is None) == (not others)
    if cut is not None:
        best = max(agreement(scores, faulty, other) for other in others)
        assert agreement(scores, faulty, cut) == pytest.approx(best)
        assert all(agreement(scores, faulty, other) < best for other in others if other > cut)


@given(labelled)
def test_kappa_of_counts_is_kappa_of_the_records(rows):
    told = np.array([int(score > 3) for score, _ in rows])
    faulty = np.array([int(label) for _, label in rows])
    table = np.array([[np.sum((told == a) & (faulty == b)) for b in (0, 1)] for a in (0, 1)])
    counted, direct = kappa_of_counts(table, least=1), kappa(told, faulty, 2, least=1)
    assert counted.records == direct.records
    assert counted.value == (direct.value if direct.value is None else pytest.approx(direct.value))
    if direct.value is not None:
        one = kappas(np.array([table[1, 1]], float), np.array([told.sum()]), int(faulty.sum()), len(rows))
        assert one[0] == pytest.approx(direct.value)


def test_macro_f1_is_the_mean_over_both_kinds():
    def of(*table: int) -> float | None:
        """Of records that are one answer each: neither, missed, false alarms, both."""
        kinds = np.eye(4, dtype=np.int64).reshape(-1, 2, 2)
        apart = macro_f1_of_tables(np.repeat(kinds, table, axis=0)).value
        assert macro_f1_of_counts(np.array(table).reshape(2, 2)).value == (apart and pytest.approx(apart))
        return apart

    assert of(50, 10, 5, 35) == pytest.approx((2 * 50 / 115 + 2 * 35 / 85) / 2)
    assert of(10, 0, 5, 0) is None
    assert of(0, 10, 0, 5) is None
    assert of(10, 0, 0, 10) == 1.0


# The command


def test_the_command_says_what_is_missing_and_what_was_found(tmp_path, sqlite):
    folder = tmp_path / "workspace"
    with Store.open(folder, create=True) as store:
        workshop(store, 30, 5)
    done = here("validate", "--calibrate", "--workspace", folder)
    assert done.returncode == 0, done.stderr
    assert "30 reviewed traces, 5 of them rejected or edited" in done.stdout
    assert "70 more reviews" in done.stdout
    with Store.open(tmp_path / "other", create=True) as store:
        workshop(store)
    figures = report("validate", "--calibrate", "--workspace", tmp_path / "other")["calibration"]
    code = next(each for each in figures["rates"] if each["name"] == "test:wrong")
    assert code["recall"]["value"] == 0.75
    assert set(code["kappa"]) >= {"value", "low", "high"}
    assert json.loads(json.dumps(figures)) == figures
