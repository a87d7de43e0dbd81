"""Turns whose traces failed: those of which the question and its known answer are what is left."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from curation.policies import Policy
from curation.selection import Chosen, Excluded
from curation.store.contenders import Contender, Made
from curation.store.tables import failures
from schemas.review import State
from schemas.sample import Sample

_OF_QUALITY = frozenset({"severity", "code", "judge"})
"""What a line is about that excludes a trace for being wrong."""
_OF_SAMPLES = frozenset({"source", "split", "label"})
"""What a line is about that needs no trace to exclude one."""

Ends = Mapping[str, Mapping[int, str]]
"""How turns ended for which no answer was a trace, by sample and turn."""


def ends(connection: Connection, sample_ids: Sequence[str]) -> Ends:
    """Return how the turns of these samples ended that were asked for in vain, of each the last that is known."""
    query = (
        select(failures.c.sample_id, failures.c.turn, failures.c.outcome, failures.c.reason)
        .where(failures.c.sample_id.in_(sample_ids))
        .order_by(*failures.primary_key.columns)
    )
    found: dict[str, dict[int, str]] = {}
    for row in connection.execute(query):
        why = f"{row.outcome}: {row.reason}" if row.reason else row.outcome
        found.setdefault(row.sample_id, {})[row.turn] = why
    return found


def direct(chosen: Chosen, ended: Mapping[int, str], policy: Policy) -> dict[int, str]:
    """Return why turns with a known answer have no trace, by turn, where that is because their traces are wrong.

    What a policy leaves out for another reason, such as a cap, or what nobody asked for, is not among them.
    """
    taken = {one.made.turn for one in chosen.taken}
    states = {one.made.id: one.state for one in chosen.standing}
    first: dict[int, Excluded] = {}
    for one in chosen.excluded:
        first.setdefault(one.made.turn, one)
    found = {turn: one.reason for turn, one in first.items() if _failed(one, states.get(one.made.id))}
    if not _left_out(chosen.sample, policy):
        found |= {turn: why for turn, why in ended.items() if turn not in first}
    turns = chosen.sample.turns
    return {turn: why for turn, why in found.items() if turn not in taken and turns[turn].target is not None}


def _failed(one: Excluded, state: str | None) -> bool:
    """Tell whether a trace was excluded for being wrong."""
    about = one.rule.partition(".")[0]
    return about in _OF_QUALITY or (about == "review" and state == State.REJECTED)


def _left_out(sample: Sample, policy: Policy) -> bool:
    """Tell whether a line excludes all traces of a sample, whatever they are."""
    any_trace = Contender(sample, Made("", sample.id, 0, "model", None, None, "{}"))
    rules = [rule for rule in policy.rules if rule.name.partition(".")[0] in _OF_SAMPLES]
    return any(rule.why(any_trace) is not None for rule in rules)
