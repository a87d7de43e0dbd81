"""What people decided on each trace, settled, and the half that the trace belongs to."""

import json
from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from curation.splits import assign_splits
from curation.statistics.agreement import MISSING
from curation.store import reviewed
from curation.store.reviewed import Decided
from curation.store.votes import KNOWN
from schemas.review import Decision, Duty, StageVerdict
from schemas.trace import STAGES

ALL_JUDGES = "all judges"
"""The name of the vote of several."""
Bools = NDArray[np.bool_]
VERDICTS = (StageVerdict.NEGATIVE.value, StageVerdict.NEUTRAL.value, StageVerdict.POSITIVE.value)
NEGATIVE = 0
"""The place of the negative verdict among them."""


class Truths(NamedTuple):
    """The reviewed traces, N of them."""

    rows: dict[str, int]
    """The row of each trace, by its id."""
    faulty: Bools
    """[N]: people rejected or edited it."""
    held: Bools
    """[N]: of the half that figures are reported on."""
    stages: NDArray[np.int64]
    """[N, 4]: people's verdict on each stage, by its place in VERDICTS, or MISSING."""
    numbers: list[int]
    """Of each trace's decision that holds, the number of its event."""
    unsettled: int
    """Traces that are left out, because reviewers disagree and nobody has ruled."""


def read_truths(connection: Connection) -> Truths:
    """Read and settle all decisions."""
    held = _halves(connection)
    rows: dict[str, int] = {}
    faulty, reported, verdicts, numbers, unsettled = [], [], [], [], 0
    for trace_id, said in groupby(reviewed.decisions(connection), attrgetter("trace_id")):
        holding = settle(said)
        if holding is None:
            unsettled += 1
        elif holding.sample_id in held:
            rows[trace_id] = len(rows)
            faulty.append(_is_faulty(holding))
            reported.append(held[holding.sample_id])
            verdicts.append(_stages(holding))
            numbers.append(holding.number)
    stages = np.array(verdicts, np.int64).reshape(-1, len(STAGES))
    return Truths(rows, np.array(faulty, bool), np.array(reported, bool), stages, numbers, unsettled)


def settle(said: Iterable[Decided]) -> Decided | None:
    """Return the decision on a trace that holds, of all on it, in order: a known answer, then a ruling, then any.

    None where reviewers disagree on whether it may stay as it is.
    """
    decided = list(said)
    for duty in (KNOWN, Duty.ADJUDICATION):
        ruling = [each for each in decided if each.duty == duty]
        if ruling:
            return ruling[-1]
    last = {each.reviewer: each for each in decided}
    return decided[-1] if len({_is_faulty(each) for each in last.values()}) == 1 else None


def _is_faulty(decided: Decided) -> bool:
    return decided.decision != Decision.ACCEPT


def _stages(decided: Decided) -> list[int]:
    verdicts = json.loads(decided.verdicts)
    return [VERDICTS.index(verdicts[stage]) if stage in verdicts else MISSING for stage in STAGES]


def _halves(connection: Connection) -> dict[str, bool]:
    """Tell of each sample whether it is of the half that figures are reported on."""
    halves = assign_splits(reviewed.shown(connection), (0.5, 0.5), seed=0)
    return {sample_id: half == "test" for sample_id, half in halves.items()}
