"""Runs `annotate` as the command line does, and prints what its work cost: `python client_ours.py annotate …`."""

import io
import json
import sys
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any

from metering import metered

from curation import recipes, scorers, sources, validators
from curation.__main__ import main


def preload() -> None:
    """Import what the command line imports on the way, before the clock starts."""
    import_module("curation.annotate")
    sources.get("chartqa")
    recipes.get("paper")
    scorers.get("relaxed-accuracy")
    validators.versions()


def annotate() -> dict[str, Any]:
    """Run the verb, and return what it reported."""
    with redirect_stdout(io.StringIO()) as out:
        code = main(sys.argv[1:])
    report = json.loads(out.getvalue())
    return {"done": report["traces"], "code": code, "report": report}


if __name__ == "__main__":
    preload()
    print(json.dumps(metered(annotate)))
