"""The command line: verb -> module. Prints what the verb reports, and maps errors to exit codes.

A verb's module is loaded when it is called, and what reads the flags when there are any: the first help comes at once.
"""

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation import __version__

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError

    from curation.config import Report

VERBS = {
    "sources": "The data sets that can be read: their size, licence and metric, and where to get them.",
    "annotate": "Ask a model for the four stages of every turn that has none yet.",
    "import": "Read traces that were made elsewhere, as samples and traces.",
    "validate": "Check traces, and say what was found.",
    "judge": "Have models judge the traces: each stage, and each step of the reasoning.",
    "review": "Review traces in the browser, or by script; several at once.",
    "export": "Build a release: a data set that trainers can read.",
    "release": "Prove that a release is what was built; say what differs between two.",
    "push": "Publish a release on the Hub; what is not fit to be published is refused.",
    "pull": "Bring a release from the Hub, into a folder or into a workspace.",
    "train": "Train a vision-language model on a release.",
    "verify": "Ask models held-out questions with every search; probe the traces they were trained on.",
    "status": "What the workspace holds, what it cost, and what is open.",
    "simulator": "Serve the simulated endpoint, to try any client on it.",
    "demo": "The whole loop, offline, on the bundled samples.",
}
_MODULES = {"sources": "catalogue", "import": "import_", "release": "releases"}
"""Modules of verbs that can't have the verb's own name."""
_WITH_COMMANDS = frozenset({"release", "review"})
"""Verbs that have commands of their own, `python -m curation review next`; their help is theirs."""
_HELP = """Usage: python -m curation VERB [--flags]

Four-stage visual reasoning data: annotate, validate, review, export; then train on it, and verify that it is good.

{verbs}

`VERB --help` explains the flags of a verb. First steps, with nothing but this program:

  python -m curation annotate --source chartqa --sample --offline
  python -m curation validate
  python -m curation review
  python -m curation export --format llava --out release
  python -m curation status

Exit codes: 0 done, 1 done with failures, 2 wrong usage or something missing, 3 stopped and resumable."""


def overview() -> str:
    """Return the help of the program as a whole."""
    return _HELP.format(verbs="\n".join(f"  {verb:10} {help_}" for verb, help_ in VERBS.items()))


def build() -> "App":
    """Make the command line."""
    from cyclopts import App, Parameter

    parameters = Parameter(negative=(), show_env_var=False, show_default=_shown)
    app = App(name="curation", help_format="plaintext", default_parameter=parameters, version=__version__)
    for verb, help_ in VERBS.items():
        module = f"curation.{_MODULES.get(verb, verb)}"
        if verb in _WITH_COMMANDS:
            app.command(f"{module}.commands:app", name=verb)
        else:
            app.command(f"{module}:run", name=verb, help=help_)
    return app


def _shown(default: Any) -> str | None:
    """Show a default that says something, and that the flag's own text does not name."""
    if default in (None, False, (), "") or isinstance(default, Path):
        return None
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def main(arguments: list[str] | None = None) -> int:
    """Run a verb, print its report, and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments in ([], ["--help"], ["-h"], ["--version"]):
        print(__version__ if arguments == ["--version"] else overview())
        return 0
    from cyclopts import CycloptsError

    try:
        command, bound, _ = build().parse_args(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return _complain(_usage(error))
    try:
        report = command(*bound.args, **bound.kwargs)
    except KeyboardInterrupt:
        return _complain("stopped by Ctrl-C", 3)
    except Exception as error:  # the one place that catches whatever else there is
        if "--debug" in arguments:
            raise
        return _failed(error)
    return _show(report, as_json="--json" in arguments)


def _usage(error: "CycloptsError") -> str:
    """Say in one line what is wrong with the flags."""
    cause: Any = error.__cause__
    if hasattr(cause, "errors"):  # Pydantic's ValidationError
        return "; ".join(dict.fromkeys(map(_fault, cause.errors())))
    kind, words = type(error).__name__, " ".join(str(error).split())
    if kind == "UnusedCliTokensError" and error.unused_tokens:
        return f"{error.unused_tokens[0]!r} is not understood here; --help says what is"
    if kind == "MissingArgumentError":
        flag, _, hint = words.partition(" parameter ")[2].partition(" requires an argument.")
        missing = "needs a value" if getattr(error, "keyword", None) else "is needed"
        return f"{flag} {missing}{hint.replace(' Did', '; did')}"
    return words


def _fault(detail: Any) -> str:
    from curation.errors import fault_of

    flag, *inside = map(str, detail["loc"])
    flag = "--" + flag.strip("_").replace("_", "-")
    if detail["type"] == "missing":
        return f"{flag} needs more values; --help says which" if inside else f"{flag} is needed"
    return fault_of(detail, flag)


def _failed(error: Exception) -> int:
    from curation.errors import CurationError

    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, CurationError):
        return _complain(str(error), error.exit_code)
    if isinstance(error, BrokenPipeError):
        return 1
    return _complain(f"{type(error).__name__}: {error} (a fault of this program; --debug shows where)")


def _complain(message: str, code: int = 2) -> int:
    print(f"curation: {_printable(message)}", file=sys.stderr)
    return code


def _show(report: "Report | None", *, as_json: bool) -> int:
    if report is None:
        return 0
    if as_json:
        print(_json(report))
    else:
        _print_tables(report)
    return int(report.exit_code)


def _json(report: "Report") -> str:
    """Write a report in UTF-8, or in ASCII where it names halves of characters, which Pydantic's writer refuses."""
    try:
        return report.model_dump_json(indent=2)
    except ValueError:
        return json.dumps(report.model_dump(mode="json"), indent=2)


def _print_tables(report: "Report") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=None if sys.stdout.isatty() else 120)
    for title, columns, rows in report.tables():
        if not rows:
            continue
        table = Table(title=Text(_printable(title)), title_justify="left", title_style="bold", box=None, pad_edge=False)
        for i, column in enumerate(columns):
            right = all(_is_figure(row[i]) for row in rows)
            table.add_column(Text(_printable(column)), justify="right" if right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else _printable(str(cell))) for cell in row))
        console.print(table)
        console.print()
    for line in report.lines():
        console.print(Text(_printable(line)))


_OBEYED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal would obey, what turns the direction of a line, and halves of characters: texts of data have them."""


def _printable(text: str) -> str:
    return _OBEYED.sub("\ufffd", text)


def _is_figure(cell: object) -> bool:
    return isinstance(cell, int | float) or str(cell).startswith(("$", *"0123456789"))


if __name__ == "__main__":
    sys.exit(main())
