"""Where the app runs: the workspace, its rules, who may come in, and who is there."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from curation.errors import MissingError
from curation.review import Desk, Reviewer, Slice, terms_of
from curation.review.guidelines import Guidelines, guidelines
from curation.review.people import People, read
from curation.review.rewriting import Means, Rewriter
from curation.store import Store
from ui.seat import Seat, Tools
from ui.signatures import Signer


class Options(NamedTuple):
    """How the app is served."""

    workspace: Path
    host: str = "127.0.0.1"
    port: int = 8501
    """0 for any that is free."""
    reviewer: str = ""
    """Who sits at this machine, where no file says who may come in."""
    people: Path | None = None
    """The file that says who may come in."""
    means: Means = Means()
    """What writes stages anew."""


class Office:
    """An open workspace with everything that the pages need of it; one for each server."""

    def __init__(self, options: Options, *, single_sign_on: str = "") -> None:
        self.options = options
        self.single_sign_on = single_sign_on
        """Where one logs in through an OpenID provider: the app's own address, as the provider knows it."""
        self.store = Store.open(options.workspace)
        self._opened = self._found()
        self.guidelines: Guidelines = guidelines(options.workspace)
        self.terms = terms_of(options.workspace)
        self.rewriter = Rewriter(self.store, options.means)
        self.signer = Signer()
        self.seats: set[Seat] = set()
        self._people: tuple[int, People] | None = None

    def seat(self, reviewer: Reviewer, slice_: Slice, connected: Callable[[], bool]) -> Seat:
        """Return a new place at a reviewer's desk, for a page of which `connected` tells whether it is still there."""
        tools = Tools(self.guidelines, self.rewriter, self.signer.image_url)
        return Seat(self.desk(reviewer), slice_, tools, self.seats, connected)

    def desk(self, reviewer: Reviewer) -> Desk:
        """Return a desk for a reviewer."""
        return Desk(self.store, reviewer, self.terms)

    def someone(self) -> Reviewer:
        """Return who sits here where no file says who may come in: they may do everything."""
        return Reviewer(self.options.reviewer, "admin")

    def people(self) -> People | None:
        """Return who may come in, as the file says it now; None where there is no file."""
        path = self.options.people
        if path is None:
            return None
        written = path.stat().st_mtime_ns if path.exists() else 0
        if self._people is None or self._people[0] != written:
            self._people = written, read(path)
        return self._people[1]

    def check(self) -> None:
        """Raise MissingError where the workspace is not where it was: what goes into a removed file is lost."""
        if self._found() != self._opened:
            raise MissingError(f"the workspace {self.options.workspace} was moved or removed while the app was open")

    def _found(self) -> tuple[int, ...]:
        """Return what tells the files of the workspace from others of their names."""
        paths = (self.options.workspace / name for name in ("curation.db", "images"))
        return tuple(path.stat().st_ino if path.exists() else 0 for path in paths)

    def close(self) -> None:
        """Close the workspace."""
        self.rewriter.close()
        self.store.close()


_OPEN: list[Office] = []


def move_in(office: Office) -> None:
    """Make it the office of this process: pages find it here, since Streamlit runs them without arguments."""
    _OPEN[:] = [office]


def office() -> Office:
    """Return the office of this process."""
    return _OPEN[0]
