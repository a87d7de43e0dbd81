"""Who finds what: the names that codes of issues begin with."""

import difflib
from collections.abc import Collection, Iterable

from curation import registry
from curation.ballots import COMPARISON, JUDGE
from curation.difficulty import DIFFICULTY
from curation.errors import UsageError
from curation.store.queries import MODEL

CONTAMINATION = "contamination"
"""The name of what comparing with evaluation sets finds."""
SEMANTIC = "semantic"
"""The name of what comparing by embeddings finds."""
_MISSPELT = 0.85
"""Likeness from which a code that nothing has is taken for a slip of the one that is like it."""


def names() -> list[str]:
    """Return the names of all that finds something about a trace: validators, sweeps, judges, and more."""
    checks = {*registry.names("curation.validators"), *registry.names("curation.sweeps")}
    return sorted(checks | {COMPARISON, CONTAMINATION, DIFFICULTY, JUDGE, MODEL, SEMANTIC})


def check(codes: Iterable[str], seen: Collection[str] = ()) -> None:
    """Refuse what is neither a code nor a name that codes begin with.

    What a validator may find is listed nowhere: a code that begins with its name is taken, unless it is much like one
    of those that were `seen`. Raises UsageError with the nearest.
    """
    for code in codes:
        name, _, what = code.partition(":")
        if name not in (known := names()):
            raise UsageError(f"nothing is found by {name!r}; {registry.hint(name, known)}")
        others = [other.split(":", 1)[1] for other in seen if other.startswith(f"{name}:")]
        if code not in seen and (near := difflib.get_close_matches(what, others, 1, _MISSPELT)):
            raise UsageError(f"no trace has the code {code!r}; did you mean '{name}:{near[0]}'?")


def is_among(code: str, codes: Collection[str]) -> bool:
    """Tell whether a code is one of these; a name that codes begin with stands for all of them."""
    return code in codes or code.split(":", 1)[0] in codes
