"""Checks and judges beside reviewers, all of whose errors are known: good and corrupted traces, reviewed at the desk.

    PYTHONPATH=. python tests/bench/bench_calibration.py [--traces 600] [--errors 0.05] [--workspace DIR] [--json FILE]

Half of the traces are good, the other half have a fault each, of every kind that the corruptor knows. Three judges,
which know the faults and err at the rates of JUDGES, give verdicts over HTTP through `judge`, where each is a model of
its own: the vote is that of all three. Three reviewers decide on all traces, a tenth twice, and are wrong in `--errors`
of their decisions; of a trace that they reject they name the steps that the fault changed. Who rules on disagreements
never is wrong. `validate --calibrate` then compares checks and judges with them: cuts are chosen on one half and
reported on the other. `--errors 0` shows what checks and judges are worth, the default what one learns of it from
people. The workspace is kept where --workspace names a folder.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import harness

sys.path.insert(0, str(harness.ROOT))

from curation import judge, validate
from tests.knowing_judge import Errors, Knowing, listening
from tests.reviewed_workspace import Crowd, Truth, fill, review, truths

JUDGES = {
    "sharp": Errors(misses=0.05, alarms=0.01),
    "fair": Errors(misses=0.2, alarms=0.03),
    "careless": Errors(misses=0.4, alarms=0.1),
}
"""By stage, and within a reasoning that a judge is against by step."""


def main() -> None:
    """Build, check, judge, review, calibrate; print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--traces", type=int, default=600)
    arguments.add_argument("--errors", type=float, default=0.05)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--workspace", type=Path)
    arguments.add_argument("--json", type=Path)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        report = measure(options, options.workspace or Path(scratch) / "workspace")
    for line in report.lines():
        print(line)
    print()
    for table in report.tables():
        if table.title.startswith("calibration"):
            print(f"{table.title}\n")
            harness.show(table.columns, table.rows)
    if options.json and report.calibration:
        options.json.write_text(report.calibration.model_dump_json(indent=1))


def measure(options: argparse.Namespace, folder: Path) -> validate.ValidateReport:
    """Return what `validate --calibrate` says of a workspace that was just judged and reviewed."""
    known = truths(options.traces, options.seed)
    fill(folder, known)
    planted = Counter(truth.fault for truth in known if truth.fault)
    print(f"{len(known):,} traces, {planted.total():,} with a fault of {len(planted)} kinds\n", flush=True)
    validate.run(config=validate.Config(workspace=folder))
    have_judged(folder, known)
    decisions = review(folder, known, Crowd(errors=options.errors), options.seed)
    begun = time.perf_counter()
    report = validate.run(config=validate.Config(workspace=folder, calibrate=True))
    print(f"{decisions:,} decisions; calibrated in {time.perf_counter() - begun:.1f} s\n", flush=True)
    return report


def have_judged(folder: Path, known: Sequence[Truth]) -> None:
    """Have every judge give its verdict on every trace, and say what it cost."""
    with listening(Knowing(known, JUDGES)) as url:
        done = judge.run(
            config=judge.Config(workspace=folder, base_url=url, model=tuple(JUDGES), price=(0, 0), flagged=True)
        )
    for line in done.lines():
        print(line)
    rows = [
        (row.judge, *(f"{100 * share:.0f}" for share in JUDGES[row.judge]), row.traces, row.negative, row.requests)
        for row in done.judges
    ]
    harness.show(("judge", "misses %", "alarms %", "traces", "negative", "requests"), rows)
    if any(row.not_judged for row in done.judges):
        raise SystemExit(f"not all is judged: {done.unread}")


if __name__ == "__main__":
    main()
