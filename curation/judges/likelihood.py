"""The model's own mean log-likelihood of what it wrote: about as good as greedy."""

from collections.abc import Sequence

from curation.judges import Case, Manner
from curation.lanes import Session

ABSOLUTE = True


def scores(session: Session, cases: Sequence[Case], manner: Manner) -> list[list[float]]:  # noqa: ARG001 - as Judge has it
    """Return the likelihoods."""
    return [[option.likelihood for option in case.options] for case in cases]
