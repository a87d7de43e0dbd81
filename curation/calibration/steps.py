"""Which steps of a reasoning people call wrong, and how far judges call the same ones so.

People say it in one of these ways, of which the first that was used counts:

    the reviewer named wrong steps      these are wrong, and the others are not
    the reviewer wrote it anew          steps that do not stand in the new reasoning are wrong
    the trace or the stage was accepted no step is wrong
    it has one step, called negative    that one is

Of any other reasoning nobody has said where it is wrong, if it is: it is left out, and counted.
An edit also changes steps for their style, so what is derived from edits calls more steps wrong than are.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from curation.calibration.figures import StepRates
from curation.calibration.truths import ALL_JUDGES, NEGATIVE, VERDICTS, Truths
from curation.statistics.agreement import kappa_of_tables
from curation.statistics.f1 import macro_f1_of_tables
from curation.store import reviewed
from curation.store.reviewed import Reasoned
from schemas.review import Decision, StageVerdict
from schemas.steps import Step, split
from schemas.trace import Stage

_WRONG = VERDICTS[NEGATIVE]

Table = NDArray[np.int64]
"""[2, 2]: steps of one reasoning by [called wrong, wrong]."""


class Known(NamedTuple):
    """A reasoning of which people have said which steps are wrong."""

    places: tuple[tuple[int, int], ...]
    """Where each step begins and ends, in characters."""
    wrong: NDArray[np.bool_]


class StepFigures(NamedTuple):
    """The figures of steps."""

    rates: list[StepRates]
    unknown: int
    """Judged reasonings of which people have not said which steps are wrong."""


def step_figures(truths: Truths, connection: Connection) -> StepFigures:
    """Compare the steps that judges call negative with those that people call wrong."""
    said = _said(truths, connection)
    judged = sorted({row for by_row in said.values() for row in by_row})
    known = dict(_known(truths, connection, judged))
    if len(said) > 1:
        said[ALL_JUDGES] = dict(_voted(said, judged))
    rates = [_rates(name, by_row, known) for name, by_row in said.items()]
    return StepFigures([each for each in rates if each], len(judged) - len(known))


def wrong_steps(about: Reasoned) -> list[bool] | None:
    """Tell of each step whether people call it wrong; None where they have not said."""
    steps = split(about.reasoning)
    review = about.review
    if review.wrong_steps:
        return [number in review.wrong_steps for number in range(1, len(steps) + 1)]
    if about.edited is not None and about.edited != about.reasoning:
        return _gone(steps, about.edited)
    said = review.verdicts.get(Stage.REASONING)
    if said is StageVerdict.NEGATIVE:
        return [True] if len(steps) == 1 else None
    if said is None and review.decision is Decision.REJECT:
        return None
    return [False] * len(steps)


def _gone(steps: list[Step], edited: str) -> list[bool]:
    """Tell which steps do not stand in the new reasoning, blanks apart; what stood twice has to stand there twice."""
    left = Counter(_folded(step.text) for step in split(edited))
    gone = []
    for step in steps:
        words = _folded(step.text)
        gone.append(left[words] == 0)
        left[words] -= 1
    return gone


def _folded(text: str) -> str:
    return " ".join(text.split())


def _known(truths: Truths, connection: Connection, rows: list[int]) -> Iterator[tuple[int, Known]]:
    by_number = {truths.numbers[row]: row for row in rows}
    for about in reviewed.reasoned(connection, list(by_number)):
        wrong = wrong_steps(about)
        if wrong is not None:
            places = tuple((step.start, step.end) for step in split(about.reasoning))
            yield by_number[about.number], Known(places, np.array(wrong, bool))


_Said = dict[str, dict[int, Known]]
"""By judge and row: which steps it calls wrong."""


def _said(truths: Truths, connection: Connection) -> _Said:
    found: _Said = {}
    for said in reviewed.spoken(connection):
        if (row := truths.rows.get(said.trace_id)) is not None:
            name = said.judge.encode("utf-8", "replace").decode()
            called = np.array([verdict == _WRONG for verdict in said.steps], bool)
            found.setdefault(name, {})[row] = Known(said.places, called)
    return found


def _voted(said: Mapping[str, Mapping[int, Known]], rows: list[int]) -> Iterator[tuple[int, Known]]:
    """Give the steps that more than half of the judges call wrong, of those that were shown the same steps."""
    for row in rows:
        given = [by_row[row] for by_row in said.values() if row in by_row]
        same = [each.wrong for each in given if each.places == given[-1].places]
        yield row, Known(given[-1].places, 2 * np.sum(same, axis=0) > len(same))


def _rates(name: str, said: Mapping[int, Known], known: Mapping[int, Known]) -> StepRates | None:
    """Return how well steps are told; None where there is no reasoning that both have spoken of."""
    both = [(said[row], truth) for row, truth in sorted(known.items()) if row in said]
    tables = np.array([_table(one.wrong, truth.wrong) for one, truth in both if one.places == truth.places])
    if not len(tables):
        return None
    whole = tables.sum(axis=0)
    return StepRates(
        name=name,
        reviews=len(tables),
        steps=int(whole.sum()),
        negative=int(whole[:, 1].sum()),
        told=int(whole[1].sum()),
        both=int(whole[1, 1]),
        macro_f1=macro_f1_of_tables(tables),
        kappa=kappa_of_tables(tables),
    )


def _table(called: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> Table:
    return np.bincount(2 * called + wrong, minlength=4).reshape(2, 2).astype(np.int64)
