"""Other processes that use the workspace at the same time, and some that are killed."""

import subprocess
import sys
from textwrap import dedent

PASSED = "ignore:`hidden_state` is deprecated:FutureWarning"
"""What transformers 5.17 warns itself of: its Mllama calls its own layers by an old name."""
STRICT = (sys.executable, "-W", "error", "-W", PASSED)
"""Python, with every other warning as an error."""
SECONDS = 60
"""After which a process that should have ended is taken to hang."""

_CHILDREN = """
import asyncio, os, sys, traceback
from pathlib import Path
from curation.store import Store, liveness, steps
from curation.store.journal import StoreJournal
from curation.store.writer import Writer
from tests.records import call, picture, sample, trace

script, count, *args = sys.argv[1:]
start, starter = os.pipe()
children = []
for number in range(int(count)):
    children.append(os.fork())
    if not children[-1]:
        os.close(starter)
        os.read(start, 1)
        try:
            exec(compile(script, "<child>", "exec"))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        sys.stdout.flush()
        os._exit(0)
os.close(starter)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


def at_once(count: int, script: str, *args: object) -> list[str]:
    """Run the script in so many processes that begin together; return the lines that they print.

    It finds its arguments in `args` and its number in `number`.
    """
    done = subprocess.run(
        [*STRICT, "-c", _CHILDREN, dedent(script), str(count), *map(str, args)],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def start(script: str, *args: object) -> subprocess.Popen[str]:
    """Start a process that runs the script; return when it has printed its first line."""
    process = subprocess.Popen(
        [*STRICT, "-c", dedent(script), *map(str, args)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline(), "the process ended before it was ready"
    return process
