"""The survey of a workspace as one HTML page: what came of the rows, what was found, what it cost.

gathering     reads all of it, in one snapshot of the records
tally, clusters, lengths, spending, examples, measured     the parts
charts, layout  how they look
"""

from pathlib import Path

from curation import page
from curation.errors import UsageError
from curation.store import Store
from curation.survey.gathering import Counted, gather
from curation.survey.layout import render


def put(store: Store, path: Path, counted: Counted) -> None:
    """Write the page of a workspace. Raises UsageError where the file can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        page.put(path, render(gather(store, counted)))
    except OSError as error:
        raise UsageError(f"--report {path} can't be written: {error.strerror or error}") from error


__all__ = ["Counted", "put"]
