"""The model's own verdict as a probability: it is made to say `I choose response`, and its next token is read.

Both orders are asked and averaged, so that the place of a text does not count. One forward pass a match, instead of a
written verdict; the checks of a reasoning are asked once for each candidate.
"""

from collections.abc import Sequence

from torch import Tensor

from curation.judges import Case, Manner
from curation.judges._prompts import VERDICT, check, comparison
from curation.judges._tournament import Fixture, play
from curation.lanes import Ask, Session
from schemas.trace import Stage

ABSOLUTE = False


def scores(session: Session, cases: Sequence[Case], manner: Manner) -> list[list[float]]:  # noqa: ARG001 - as Judge has it
    """Return for each option how late it was beaten."""
    faulty = _faulty(session, cases)

    def judge(fixtures: list[Fixture]) -> list[bool]:
        won: list[bool | None] = [_settled(fixture, faulty) for fixture in fixtures]
        rest = [fixture for fixture, known in zip(fixtures, won, strict=True) if known is None]
        compared = iter(_compare(session, cases, rest))
        return [next(compared) if known is None else known for known in won]

    return play(cases, judge)


def _settled(fixture: Fixture, faulty: set[tuple[int, int]]) -> bool | None:
    """Tell whether the first player wins because a reasoning has a fault, the first's before the second's."""
    one, other = fixture.players
    if (fixture.case, one) in faulty:
        return False
    return True if (fixture.case, other) in faulty else None


def _compare(session: Session, cases: Sequence[Case], fixtures: list[Fixture]) -> list[bool]:
    """Tell of each match whether the first player is the likelier choice; even chances go by likelihood."""
    if not fixtures:
        return []
    begun, one, two = _words(session, f"{VERDICT} 1", f"{VERDICT} 2")
    asks = []
    for fixture in fixtures:
        case = cases[fixture.case]
        first, second = (case.options[player] for player in fixture.players)
        asks.append(Ask(case.lane, comparison(case, first, second, written=False), begun=begun))
        asks.append(Ask(case.lane, comparison(case, second, first, written=False), begun=begun))
    lead = _lead(session.read(asks), one, two)
    return [_first(cases, fixture, lead[2 * k] - lead[2 * k + 1]) for k, fixture in enumerate(fixtures)]


def _first(cases: Sequence[Case], fixture: Fixture, lead: float) -> bool:
    one, other = (cases[fixture.case].options[player] for player in fixture.players)
    return lead > 0 or (lead == 0 and one.likelihood >= other.likelihood)


def _faulty(session: Session, cases: Sequence[Case]) -> set[tuple[int, int]]:
    """Return the options whose reasoning is more probably `incorrect` than `correct`."""
    places = [
        (number, place)
        for number, case in enumerate(cases)
        if case.kind is Stage.REASONING and len(case.options) > 1
        for place in range(len(case.options))
    ]
    if not places:
        return set()
    begun, wrong, right = _words(session, "incorrect", "correct")
    asks = [
        Ask(cases[number].lane, check(cases[number].options[place]), looks=False, begun=begun)
        for number, place in places
    ]
    lead = _lead(session.read(asks), wrong, right)
    return {place for place, more in zip(places, lead, strict=True) if more > 0}


def _words(session: Session, one: str, other: str) -> tuple[tuple[int, ...], int, int]:
    """Return the ids that two texts begin with in common, and the first id of each that is its own."""
    left, right = (session.engine.tokenizer.encode(text, add_special_tokens=False) for text in (one, other))
    shared = 0
    while shared < min(len(left), len(right)) - 1 and left[shared] == right[shared]:
        shared += 1
    return tuple(left[:shared]), left[shared], right[shared]


def _lead(logits: Tensor, one: int, other: int) -> list[float]:
    """Return by how much the probability of one id is above that of the other, as shares of both: from -1 to 1."""
    lead: list[float] = (2 * (logits[:, one] - logits[:, other]).sigmoid() - 1).tolist()
    return lead
