"""What `validate`, its report, and a release by a policy cost on a workspace of many traces that are checked already.

    python tests/bench/bench_survey.py [--sizes 10000 100000 1000000] [--folder DIR] [--formats jsonl parquet]

The workspaces are made once in the folder (see `survey_workspace`): a million traces take 6 GB, and some minutes.
Prints seconds, CPU, the most MiB that the process held, and the size of what it wrote. `validate` finds nothing new to
check: its figures are those of counting; what checking itself costs is `bench_million`'s. The policy has a line of each
kind: checks, severities, difficulty, a cap. Releases are removed again.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import harness
import survey_workspace

_FOLDER = Path("/tmp/curation-survey")
_HEAD = ("what", "traces", "seconds", "CPU s", "MiB", "written, MB")
_POLICY = 'checked = true\nseverity.out = ["error"]\ndifficulty.right.max = 0.9\ncap.source = {}\n'


class Cost(NamedTuple):
    """What a command cost."""

    seconds: float
    cpu: float
    peak: float
    """MiB of the process itself; workers, which look at pictures, are not in it."""


def measure(command: Sequence[str]) -> Cost:
    """Run a verb to its end. Stops the benchmark where it fails."""
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, env=harness.environment(), cwd=harness.ROOT, stdout=said, stderr=said)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if child.returncode:
            raise SystemExit(f"{' '.join(command)} failed: {said.read()[-2000:].decode(errors='replace')}")
    return Cost(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def run(workspace: Path, traces: int, formats: Sequence[str]) -> None:
    """Measure the verbs on a workspace, and print a row of each as it is done."""
    with tempfile.TemporaryDirectory(dir=workspace.parent) as scratch:
        page, policy, out = Path(scratch, "page.html"), Path(scratch, "policy.toml"), Path(scratch, "release")
        policy.write_text(_POLICY.format(traces * 15 // 100))
        here = ("--workspace", str(workspace))
        _row("validate", traces, measure(harness.curation("validate", *here)), 0)
        _row(
            "validate --report",
            traces,
            measure(harness.curation("validate", "--report", str(page), *here)),
            _size(page),
        )
        for form in formats:
            flags = ("--format", form, "--select", str(policy), "--out", str(out))
            cost = measure(harness.curation("export", *flags, *here))
            _row(f"export --select, {form}", traces, cost, _size(out))
            shutil.rmtree(out)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(file.stat().st_size for file in files)


def _row(what: str, traces: int, cost: Cost, written: int) -> None:
    figures = f"{cost.seconds:.1f}", f"{cost.cpu:.1f}", f"{cost.peak:.0f}", f"{written / 1e6:.2f}" if written else ""
    print("|", " | ".join((what, f"{traces:,}", *figures)), "|", flush=True)


def main() -> None:
    """Build what is not there, and measure."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    arguments.add_argument("--folder", type=Path, default=_FOLDER)
    arguments.add_argument("--formats", nargs="*", default=["jsonl", "parquet"])
    options = arguments.parse_args()
    harness.show(_HEAD, [])
    for size in sorted(options.sizes):
        workspace = options.folder / f"traces-{size}"
        if not (workspace / "curation.db").exists():
            survey_workspace.build(workspace, survey_workspace.Size(size, judged=True))
        run(workspace, size, options.formats)


if __name__ == "__main__":
    main()
