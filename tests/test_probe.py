"""What a model shows about traces that it never saw, and that it comes back to the store as issues."""

import polars as pl

from curation.probe.neighbours import FEWEST, LOSSES, deviations, worst_stages


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
