"""Checks beside reviewers whose errors are known: good and corrupted traces, reviewed at the real desk, calibrated.

    PYTHONPATH=. python tests/bench/bench_calibration.py [--traces 600] [--errors 0.05] [--workspace DIR] [--json FILE]

Half of the traces are good, the other half have a fault each, of every kind that the corruptor knows. Three reviewers
decide on all of them, a tenth twice, and are wrong in `--errors` of their decisions; who rules on disagreements never
is. `validate --calibrate` then compares the checks with them. `--errors 0` shows what the checks are worth, the
default what one learns of it from people. The workspace is kept where --workspace names a folder.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import harness

sys.path.insert(0, str(harness.ROOT))

from curation import validate
from tests.reviewed_workspace import Crowd, fill, review, truths


def main() -> None:
    """Build, check, review, calibrate; print the tables."""
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
    """Return what `validate --calibrate` says of a workspace that was just reviewed."""
    known = truths(options.traces, options.seed)
    fill(folder, known)
    planted = Counter(truth.fault for truth in known if truth.fault)
    print(f"{len(known):,} traces, {planted.total():,} with a fault of {len(planted)} kinds\n", flush=True)
    validate.run(config=validate.Config(workspace=folder))
    decisions = review(folder, known, Crowd(errors=options.errors), options.seed)
    begun = time.perf_counter()
    report = validate.run(config=validate.Config(workspace=folder, calibrate=True))
    print(f"{decisions:,} decisions; calibrated in {time.perf_counter() - begun:.1f} s\n", flush=True)
    return report


if __name__ == "__main__":
    main()
