"""How far long work is: one live line on standard error, and only on a terminal; and a log file for each run."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Advance = Callable[[int, str], None]
"""Says how much is done by now, and a few words about it."""


@contextmanager
def live(what: str, total: int | None = None) -> Iterator[Advance]:
    """Show the work while the context lasts; the last state stays on the screen."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn())
    words = (TimeElapsedColumn(), TextColumn("{task.fields[words]}"))
    console = Console(stderr=True)
    with Progress(*columns, *words, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total, words="")
        yield lambda done, words: progress.update(task, completed=done, words=words)


@contextmanager
def logged(file: Path) -> Iterator[None]:
    """Write what the program logs to the file while the context lasts."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("curation")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
