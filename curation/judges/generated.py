"""The model's own verdict as it writes it: LLaVA-CoT's judge, with its draws, its tournament and its checks.

A reasoning is first checked against its caption, without the image: `incorrect` for the first of two makes the second
win, then `incorrect` for the second the first. Otherwise both are compared. Where a verdict names no response,
the likelier text wins; with `compat`, the second, which is what the reference's code does.
"""

import re
from collections.abc import Sequence

from curation.judges import Case, Manner
from curation.judges._prompts import VERDICT, check, comparison
from curation.judges._tournament import Fixture, play
from curation.lanes import Ask, Draws, Session, seed_of
from schemas.trace import Stage

ABSOLUTE = False

_CHOICE = re.compile(r"response \[?([12])\b")


def scores(session: Session, cases: Sequence[Case], manner: Manner) -> list[list[float]]:
    """Return for each option how late it was beaten."""

    def judge(fixtures: list[Fixture]) -> list[bool]:
        won = _checked(session, cases, fixtures, manner)
        rest = [fixture for fixture, known in zip(fixtures, won, strict=True) if known is None]
        compared = iter(_compare(session, cases, rest, manner))
        return [next(compared) if known is None else known for known in won]

    return play(cases, judge)


def _compare(session: Session, cases: Sequence[Case], fixtures: list[Fixture], manner: Manner) -> list[bool]:
    asks = []
    for fixture in fixtures:
        case = cases[fixture.case]
        one, other = (case.options[player] for player in fixture.players)
        asks.append(Ask(case.lane, comparison(case, one, other)))
    draws = [_draws(cases, fixture, "verdict") for fixture in fixtures]
    verdicts = session.reply(asks, draws, manner.sampling, manner.tokens)
    return [
        first_wins(verdict, cases[fixture.case], fixture.players, compat=manner.compat)
        for verdict, fixture in zip(verdicts, fixtures, strict=True)
    ]


def first_wins(verdict: str, case: Case, players: tuple[int, int], *, compat: bool) -> bool:
    """Tell whether a verdict is for the first of two players."""
    if compat:
        return f"{VERDICT} 1" in verdict
    chosen = _CHOICE.findall(verdict)
    if chosen:
        return bool(chosen[-1] == "1")
    one, other = (case.options[player].likelihood for player in players)
    return one >= other


def _checked(session: Session, cases: Sequence[Case], fixtures: list[Fixture], manner: Manner) -> list[bool | None]:
    """Tell of each match of reasonings whether the first wins by the checks; None where both pass."""
    matches = [fixture for fixture in fixtures if cases[fixture.case].kind is Stage.REASONING]
    asks, draws = [], []
    for fixture in matches:
        case = cases[fixture.case]
        for player in fixture.players:
            asks.append(Ask(case.lane, check(case.options[player]), looks=False))
            draws.append(_draws(cases, fixture, f"check {player}"))
    wrong = ["incorrect" in reply for reply in session.reply(asks, draws, manner.sampling, manner.tokens)]
    settled = {fixture: (wrong[2 * k], wrong[2 * k + 1]) for k, fixture in enumerate(matches)}
    return [_by_checks(*settled.get(fixture, (False, False))) for fixture in fixtures]


def _by_checks(first_wrong: bool, second_wrong: bool) -> bool | None:
    if first_wrong:
        return False
    return True if second_wrong else None


def _draws(cases: Sequence[Case], fixture: Fixture, what: str) -> Draws:
    return Draws(seed_of(cases[fixture.case].seed, fixture.number, what))
