"""How long the command line takes before any work, and what it imports.

    python tests/bench/bench_start.py [--repeat 20]

Prints the median time of `--help`, `--version` and of importing each verb, beside that of a bare interpreter and of
`import openai`, with the heavy modules that each imports. `--help` may import none of openai, datasets,
polars and torch; where it does, the exit code is 1.
"""

import statistics
import sys

import harness

from curation.__main__ import VERBS

HEAVY = ("openai", "datasets", "polars", "torch", "sqlalchemy", "pydantic", "pyarrow", "aiohttp", "numpy", "PIL")
NEVER = {"openai", "datasets", "polars", "torch"}


def starts() -> dict[str, tuple[str, ...]]:
    """Return what is started, as arguments of the interpreter."""
    verbs = {f"import of {verb}": ("-c", f"import curation.{verb}") for verb in VERBS}
    return {
        "bare interpreter": ("-c", ""),
        "import openai": ("-c", "import openai"),
        "--help": ("-m", "curation", "--help"),
        "--version": ("-m", "curation", "--version"),
        **verbs,
    }


def median(arguments: tuple[str, ...], repeat: int) -> float:
    """Return the median of the milliseconds that it takes."""
    costs = [harness.run([sys.executable, *arguments]) for _ in range(repeat)]
    assert not any(cost.exit_code for cost in costs), costs[0].stderr
    return statistics.median(cost.seconds for cost in costs) * 1000


def loaded(arguments: tuple[str, ...]) -> list[str]:
    """Return the heavy modules that it imports."""
    told = harness.run([sys.executable, "-X", "importtime", *arguments]).stderr
    names = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    return [name for name in HEAVY if name in names]


def main() -> int:
    """Measure every start."""
    arguments = harness.parser(__doc__)
    arguments.add_argument("--repeat", type=int, default=20)
    options = arguments.parse_args()
    harness.show_machine()
    heavy = {name: loaded(start) for name, start in starts().items()}
    rows = [
        (name, f"{median(start, options.repeat):.0f}", ", ".join(heavy[name]) or "none")
        for name, start in starts().items()
    ]
    harness.show(("what", "median ms", "heavy modules imported"), rows)
    wrong = NEVER.intersection(heavy["--help"])
    if wrong:
        print(f"--help imports {', '.join(sorted(wrong))}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
