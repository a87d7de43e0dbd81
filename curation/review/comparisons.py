"""Who is compared with whom: agreement on decisions and on each stage, over all, by source and by reviewer.

Only answers that were given without knowing the other count: those of first and of second reviewers about the same
trace, of each the first. Rulings, and second thoughts, may come of knowing what the other said.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.statistics.agreement import MISSING, Codes, Figure, Scale, alpha, kappa, kappa_of_one
from curation.store import Store
from curation.store.votes import Vote, compared_votes
from curation.votes.folding import fold
from schemas.review import Decision, StageVerdict
from schemas.trace import STAGES

DECISION = "decision"
DECISIONS = (Decision.ACCEPT, Decision.EDIT, Decision.REJECT)
VERDICTS = (StageVerdict.NEGATIVE, StageVerdict.NEUTRAL, StageVerdict.POSITIVE)


class Comparison(NamedTuple):
    """How far some reviewers agree on something: α for any number of them, κ for one and another."""

    about: str
    """DECISION, or a stage."""
    by: Literal["all", "source", "reviewer", "pair"]
    """`reviewer` is one against all others."""
    of: tuple[str, ...]
    """The source, the reviewer, or the two; empty for all."""
    coefficient: Literal["α", "κ"]
    figure: Figure


class _Form(NamedTuple):
    """What an answer may be."""

    categories: int
    scale: Scale


class _Answers(NamedTuple):
    """What reviewers said: codes [records, reviewers], with the source of each record and the reviewers' names."""

    codes: Codes
    sources: NDArray[np.str_]
    reviewers: tuple[str, ...]


def agreement(store: Store) -> list[Comparison]:
    """Compare all reviewers of a workspace."""
    return compare(_votes(store))


def overall(store: Store) -> list[Comparison]:
    """Return α over all reviewers of a workspace, for decisions and for each stage."""
    asked = _asked(_votes(store))
    return [Comparison(about, "all", (), "α", alpha(said.codes, *form)) for about, said, form in asked]


def _votes(store: Store) -> list[Vote]:
    fold(store)
    with store.snapshot() as connection:
        return compared_votes(connection)


def compare(votes: Sequence[Vote]) -> list[Comparison]:
    """Compare reviewers on votes of first and second reviewers that hold, in order."""
    return [each for about, said, form in _asked(votes) for each in _compare(about, said, form)]


def _asked(votes: Sequence[Vote]) -> Iterator[tuple[str, _Answers, _Form]]:
    """Return what reviewers were asked, and what they said first."""
    votes = list({(_record(vote), vote.reviewer): vote for vote in reversed(votes)}.values())
    decisions = [DECISIONS.index(Decision(vote.decision)) for vote in votes]
    yield DECISION, _answers(votes, decisions), _Form(len(DECISIONS), "nominal")
    said = [json.loads(vote.verdicts) for vote in votes]
    for stage in STAGES:
        verdicts = [VERDICTS.index(each[stage]) if stage in each else MISSING for each in said]
        yield stage.value, _answers(votes, verdicts), _Form(len(VERDICTS), "ordinal")


def _answers(votes: Sequence[Vote], said: Sequence[int]) -> _Answers:
    records = {key: place for place, key in enumerate(dict.fromkeys(map(_record, votes)))}
    reviewers = {name: place for place, name in enumerate(sorted({vote.reviewer for vote in votes}))}
    codes = np.full((len(records), len(reviewers)), MISSING)
    for vote, code in zip(votes, said, strict=True):
        codes[records[_record(vote)], reviewers[vote.reviewer]] = code
    return _Answers(codes, np.array([key[0].split("/", 1)[0] for key in records], dtype=np.str_), tuple(reviewers))


def _record(vote: Vote) -> tuple[str, int, str]:
    return vote.sample_id, vote.turn, vote.trace_id


def _compare(about: str, answers: _Answers, form: _Form) -> Iterator[Comparison]:
    codes, sources, reviewers = answers
    yield Comparison(about, "all", (), "α", alpha(codes, *form))
    for source in np.unique(sources):
        yield Comparison(about, "source", (str(source),), "α", alpha(codes[sources == source], *form))
    for place, name in enumerate(reviewers):
        figure = kappa_of_one(codes[:, place], np.delete(codes, place, axis=1), *form)
        yield Comparison(about, "reviewer", (name,), "κ", figure)
    for one, other in combinations(range(len(reviewers)), 2):
        figure = kappa(codes[:, one], codes[:, other], *form)
        yield Comparison(about, "pair", (reviewers[one], reviewers[other]), "κ", figure)
