"""Policies: which traces a release takes. A policy is a small TOML file, of this folder or of the user.

    checked = true
    severity.out = ["error"]
    review.out = ["rejected"]
    difficulty.right.max = 0.9
    cap.source = 10_000

Each line excludes traces. They are asked in their order, and the first that excludes a trace is the one that is named;
then come the caps in their order, and last the mixture, over what is left.
"""

from pathlib import Path
from typing import NamedTuple

from curation import registry
from curation.errors import DataError, UsageError
from curation.policies import _statements
from curation.policies._caps import Cap, Mixture, Pool
from curation.policies._reading import Lines
from curation.policies._rules import Rule
from curation.store.contenders import Contender, Wanted
from schemas.digest import digest_bytes

_FOLDER = Path(__file__).parent


class Policy(NamedTuple):
    """What a release takes."""

    name: str
    """Of the file, without its folder and ending."""
    text: str
    rules: tuple[Rule, ...] = ()
    caps: tuple[Cap, ...] = ()
    mixture: Mixture | None = None
    keep_rejected: bool = False
    """A release in a format that loses nothing holds what is excluded, too, with the reasons."""
    wanted: Wanted = Wanted()
    accepts: bool = False
    """All that it takes was accepted by a person: what a check found in it is no error any more."""

    @property
    def digest(self) -> str:
        """The digest of the file."""
        return digest_bytes(self.text.encode())

    @property
    def lines(self) -> tuple[Rule | Cap | Mixture, ...]:
        """What it says, in the order in which traces are excluded."""
        return (*self.rules, *self.caps, *([self.mixture] if self.mixture else []))

    def why(self, one: Contender) -> tuple[Rule, str] | None:
        """Return the first line that excludes a trace for what it is, and why; None where none does."""
        return next(((rule, reason) for rule in self.rules if (reason := rule.why(one)) is not None), None)

    def pool(self, seed: int) -> Pool | None:
        """Return what finds out which traces the caps and the mixture exclude; None where it has neither."""
        return Pool(self.caps, self.mixture, seed) if self.caps or self.mixture else None


def names() -> list[str]:
    """Return the names of the policies that come with this program."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def get(name: str) -> Policy:
    """Return the policy of that name, or in that file.

    Raises UsageError for an unknown name, DataError with file and line for what is no policy.
    """
    path = Path(name) if name.endswith(".toml") else _FOLDER / f"{name}.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if name.endswith(".toml"):
            raise UsageError(f"there is no policy at {path}") from error
        raise UsageError(f"no policy {name!r}, and no .toml file; {registry.hint(name, names())}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"the policy {path} can't be read: {error}") from error
    try:
        return _read(path.stem, text)
    except DataError as error:
        raise DataError(f"{path}, {error}" if str(error).startswith("line ") else f"{path}: {error}") from error


def _read(name: str, text: str) -> Policy:
    lines = Lines(_statements.read(text))
    return Policy(
        name,
        text,
        tuple(lines.rules),
        tuple(lines.caps),
        Mixture(lines.mixed, lines.shares) if lines.mixed else None,
        lines.keep_rejected,
        lines.wanted(),
        lines.accepts(),
    )
