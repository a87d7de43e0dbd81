"""Tournaments: two random candidates at a time, until one is left, as LLaVA-CoT draws them.

Who meets whom does not depend on who wins, so the tree is drawn ahead, and all matches whose players are known, of all
questions, are judged together. The distribution of results is that of matches one after another.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from curation.judges import Case

Players = tuple[int, int]
"""The options that meet, in the order in which the judge reads them."""


class Match(NamedTuple):
    """A match of a tree; players are options, then winners of earlier matches, numbered on."""

    one: int
    other: int
    winner: int


class Fixture(NamedTuple):
    """A match whose players are known."""

    case: int
    number: int
    """Of the match in its tree."""
    players: Players


def draw(players: int, seed: int) -> list[Match]:
    """Return the matches in the order in which the reference would play them, for the same numpy seed."""
    numbers = np.random.RandomState(seed)
    waiting = list(range(players))
    tree: list[Match] = []
    while len(waiting) > 1:
        one = waiting.pop(numbers.randint(len(waiting)))
        other = waiting.pop(numbers.randint(len(waiting)))
        tree.append(Match(one, other, players + len(tree)))
        waiting.append(tree[-1].winner)
    return tree


def play(cases: Sequence[Case], judge: Callable[[list[Fixture]], list[bool]]) -> list[list[float]]:
    """Return for each option how late it was beaten; `judge` tells of matches whether the first player wins."""
    trees = [draw(len(case.options), case.seed) for case in cases]
    known = [dict(enumerate(range(len(case.options)))) for case in cases]
    scores = [[float(len(tree))] * len(case.options) for case, tree in zip(cases, trees, strict=True)]
    open_matches = {(number, place) for number, tree in enumerate(trees) for place in range(len(tree))}
    while open_matches:
        ready = [_fixture(trees, known, *match) for match in sorted(open_matches)]
        fixtures = [fixture for fixture in ready if fixture is not None]
        for fixture, first_wins in zip(fixtures, judge(fixtures), strict=True):
            winner, loser = fixture.players if first_wins else fixture.players[::-1]
            known[fixture.case][trees[fixture.case][fixture.number].winner] = winner
            scores[fixture.case][loser] = float(fixture.number)
            open_matches.remove((fixture.case, fixture.number))
    return scores


def _fixture(trees: list[list[Match]], known: list[dict[int, int]], case: int, number: int) -> Fixture | None:
    match = trees[case][number]
    players = known[case]
    if match.one not in players or match.other not in players:
        return None
    return Fixture(case, number, (players[match.one], players[match.other]))
