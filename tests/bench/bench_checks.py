"""What each validator finds of the faults that the corruptor plants, and what it finds in good traces.

    python tests/bench/bench_checks.py [--clean 3000] [--planted 600] [--misses FAULT…] [--json FILE] [--real DIR]

Prints a row for each fault with the share of its traces in which a validator has something to say (errors and
warnings; where that is less, errors alone stand behind a slash), and a row of false alarms on good traces. `--real`
has the folder of real samples: rationales and solutions that people wrote are checked too, as stages of traces.
`--misses` shows a trace for each way in which a fault was missed by all. The page of `validate --report` shows the
figures that `--json curation/survey/measured.json` leaves.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import harness

sys.path.insert(0, str(harness.ROOT))

from curation import registry, validators
from curation.validators import Subject, frame
from schemas.issue import Severity
from tests.clean_traces import clean, human
from tests.corruptor import corrupted

_REAL = harness.ROOT.parent / "shared" / "data"
_SHOWN = 3


class Share(NamedTuple):
    """How many of some traces a validator has something to say of."""

    traces: int
    told: int
    errors: int

    def __str__(self) -> str:
        if not self.told:
            return ""
        told, errors = (f"{100 * count / self.traces:.4g}" for count in (self.told, self.errors))
        return told if told == errors else f"{told}/{errors}"


_COMPARE_STAGES = ("answer", "consistency", "grounding", "structure")
"""What people wrote was not written as stages, so that it tells nothing of these."""
_NOT_MEANT = Share(0, 0, 0)


def told_of(names: Iterable[str], subjects: Sequence[Subject]) -> dict[str, dict[str, Severity]]:
    """Return, by validator, the worst severity that it tells of each subject; labels don't count."""
    batch = frame(subjects)
    worst: dict[str, dict[str, Severity]] = {}
    for name in names:
        told = worst.setdefault(name, {})
        for issue in validators.run(name, list(subjects), batch):
            about = issue.trace_id or issue.call_key or ""
            if issue.severity is not Severity.INFO and told.get(about) is not Severity.ERROR:
                told[about] = issue.severity
    return worst


def shares(told: dict[str, dict[str, Severity]], subjects: Sequence[Subject]) -> dict[str, Share]:
    """Count, by validator, what it tells of these subjects."""
    ids = [subject.id for subject in subjects]
    return {
        name: Share(
            len(ids), sum(each in found for each in ids), sum(found.get(each) is Severity.ERROR for each in ids)
        )
        for name, found in told.items()
    }


def measure(names: Sequence[str], good: Sequence[Subject], planted: int) -> tuple[dict[str, dict[str, Share]], Any]:
    """Return the shares by what was planted, and the traces in which nobody saw it."""
    by_fault: dict[str, list[Subject]] = defaultdict(list)
    for fault, subject in corrupted(good[:planted]):
        by_fault[fault].append(subject)
    table, missed = {}, {}
    for fault, subjects in by_fault.items():
        unique = list({subject.id: subject for subject in subjects}.values())
        told = told_of(names, unique)
        table[fault] = shares(told, unique)
        missed[fault] = [each for each in unique if not any(each.id in found for found in told.values())]
    return table, missed


def show(table: dict[str, dict[str, Share]], names: Sequence[str]) -> None:
    """Print a row for each kind of trace."""
    rows = [(what, max(each.traces for each in row.values()), *map(str, row.values())) for what, row in table.items()]
    harness.show(("%", "traces", *names), rows)


def show_misses(missed: dict[str, list[Subject]], faults: Iterable[str]) -> None:
    """Print a few traces of each fault in which no validator saw it."""
    for fault in faults:
        print(f"\n{fault}: {len(missed[fault])} missed")
        for subject in missed[fault][:_SHOWN]:
            print(f"  {subject.sample.id}: {subject.text[:1000]}")


def as_json(table: dict[str, dict[str, Share]], names: Iterable[str]) -> str:
    """Write the table as the page of `validate --report` reads it: a line for each kind of traces."""
    head = {
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python tests/bench/bench_checks.py {' '.join(sys.argv[1:])}",
        "versions": validators.versions(names),
        "good": [what for what in table if what.startswith("(")],
    }
    lines = [f'"{name}": {json.dumps(value)}' for name, value in head.items()]
    rows = [f'  "{what}": {json.dumps(row)}' for what, row in table.items()]
    return "{\n" + ",\n".join([*lines, '"shares": {\n' + ",\n".join(rows) + "\n}"]) + "\n}\n"


def main() -> None:
    """Measure all validators, or those named."""
    arguments = harness.parser(__doc__)
    arguments.add_argument("--clean", type=int, default=3000)
    arguments.add_argument("--planted", type=int, default=600)
    arguments.add_argument("--only", nargs="*", default=[])
    arguments.add_argument("--misses", nargs="*", default=[])
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--real", type=Path, default=_REAL)
    options = arguments.parse_args()
    names = options.only or list(registry.names("curation.validators"))
    good = clean(options.clean)
    table, missed = measure(names, good, options.planted)
    table["(good)"] = shares(told_of(names, good), good)
    if real := human(options.real):
        told = shares(told_of(names, real), real)
        table["(people's words)"] = told | {name: _NOT_MEANT for name in _COMPARE_STAGES if name in told}
    show(table, names)
    show_misses(missed, options.misses)
    if options.json:
        options.json.write_text(as_json(table, names), encoding="utf-8")


if __name__ == "__main__":
    main()
